"""A polite stop: the door says so first, work under way is kept, and it does not take long."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import httpx

from tests.integration.stage import open_stage


def test_readyz_fails_first_and_what_was_under_way_is_finished_by_the_next_process(
    tmp_path: Path,
) -> None:
    with open_stage(tmp_path) as stage:
        case = stage.case()
        case.asked()
        case.people.fault(case.order, "slow", times=2, seconds=2)
        case.approve()
        bot = stage.bot
        started = time.monotonic()
        bot.process.send_signal(signal.SIGTERM)
        seen = []
        while bot.process.poll() is None:
            try:
                seen.append(httpx.get(f"{bot.url}/readyz").status_code)
            except httpx.TransportError:
                seen.append(0)
            time.sleep(0.05)
        assert time.monotonic() - started < 10
        assert bot.process.returncode == 0
        assert 503 in seen, seen
        # While /readyz fails the door is still open: a balancer needs a moment to take notice.
        assert seen.index(503) < seen.index(0) if 0 in seen else True

        bot.start()
        case.card("· cancelled")
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with open_stage(tmp_path) as stage:
        process = stage.bot.process
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        stage.bot.start()
