"""Junk at the door and behind it: nothing breaks, nothing is done, and nobody is kept waiting."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from tests.faults.board import Board
from tests.faults.conftest import Tell
from tests.faults.junk import Tally
from tests.faults.junk_bait import body_of
from tests.faults.junk_books import open_books, read_log
from tests.faults.junk_campaign import FULL, SMOKE, Campaign, Measured, Size
from tests.faults.junk_orders import hostile_orders
from tests.faults.junk_regulars import Act, Regulars
from tests.faults.junk_stage import lay_baits, open_junk_stage
from tests.faults.junk_texts import Ear
from tests.integration.stage import SECOND, SEED, Stage, run_bot

_HOME = "https://riverside-arts.slack.com/archives/"
_CASES_AFTERWARDS = 3
_MEGABYTE = 1024 * 1024
_MOST_GROWTH = 64 * _MEGABYTE


@pytest.fixture
def junk(pytestconfig: pytest.Config) -> Size:
    return SMOKE if pytestconfig.getoption("--smoke") else FULL


def test_junk_breaks_nothing_does_nothing_and_keeps_nobody_waiting(
    tmp_path: Path,
    chance: random.Random,
    junk: Size,
    tell: Tell,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open_junk_stage(tmp_path) as stage:
        campaign = _campaign(stage, chance)
        books, regulars, ear = open_books(stage), campaign.regulars, campaign.ear
        while not regulars.spent:
            regulars.case()
        campaign.run({kind: round(n * junk.warm_up) for kind, n in junk.counts.items()}, 0)
        before, earlier = campaign.measure(), len(regulars.acts)
        campaign.run(junk.counts, junk.slow)
        meanwhile = regulars.acts[earlier:]
        after = campaign.measure(before.files)
        for _ in range(_CASES_AFTERWARDS):
            regulars.case()
        wrong = [*books.mistakes(regulars.asked, regulars.approved)]
        log = read_log(stage)

        with capsys.disabled():
            Console(width=140).print("", campaign.tally.table("Junk, and what came of it"))
        _tell_people(tell, "meanwhile", meanwhile)
        _tell_people(tell, "afterwards", regulars.acts[earlier + len(meanwhile) :])
        tell("people's orders", dict(Counter(regulars.ends).most_common()))
        tell("money", {"approved": len(regulars.approved), "moved": books.moves()})
        tell("said to Slack", dict(ear.heard.most_common()))
        tell("logged", dict(log.events.most_common()))
        tell("the process", _growth(before, after))

        assert not regulars.stumbled, "\n".join(regulars.stumbled)
        assert not campaign.tally.mistakes, campaign.tally.told()
        assert not wrong, "\n".join(wrong)
        assert not log.mistakes, "\n".join(log.mistakes[:20])
        assert not ear.wrong, "\n".join(ear.wrong)
        assert after.memory - before.memory < _MOST_GROWTH
        assert {act.what for act in meanwhile} >= {"command", "approve"}
        assert all(act.in_time for act in regulars.acts), _late(regulars.acts)
        code, said = _verify_audit_log(stage)
        assert code == 0, said
        _see_that_the_junk_was_good_for_something(campaign)


def _campaign(stage: Stage, chance: random.Random) -> Campaign:
    slack = stage.sandbox.sandbox.slack
    ear = Ear([*slack.users, *slack.user_groups, *slack.channels], _HOME)
    slack.calls = ear.listen(slack.calls)
    board = Board(stage.sandbox)
    baits = lay_baits(stage, board)
    spare, _ = stage.people.copy(SEED)
    regulars = Regulars(stage, board, ear, chance, hostile_orders(chance))
    return Campaign(stage, chance, baits, spare, regulars, ear, Tally())


def _see_that_the_junk_was_good_for_something(campaign: Campaign) -> None:
    """What strangers sent in disorder refunds a bait when it comes in order."""
    stage = campaign.stage
    bait = next(bait for bait in campaign.baits if len(bait.approvers) == 3)
    body = body_of(bait.click("approve", SECOND))
    assert stage.wire.send(body).status_code == 200
    stage.people.wait_for(
        "the refund", lambda: stage.people.order(bait.order)["refunded"] != "0.00"
    )


def _tell_people(tell: Tell, when: str, acts: Iterable[Act]) -> None:
    taken = [act for act in acts if act.in_time]
    counts: dict[str, object] = dict(Counter(act.what for act in taken))
    times = sorted(act.ms for act in taken)
    if times:
        counts |= {"median ms": round(statistics.median(times)), "slowest ms": round(times[-1])}
    tell(f"people answered {when}", counts)


def _growth(before: Measured, after: Measured) -> dict[str, object]:
    return {
        "MB before": before.memory // _MEGABYTE,
        "MB after": after.memory // _MEGABYTE,
        "open files before": before.files,
        "after": after.files,
    }


def _late(acts: Iterable[Act]) -> str:
    return "\n".join(str(act) for act in acts if not act.in_time)


def _verify_audit_log(stage: Stage) -> tuple[int, str]:
    bot = stage.bot
    done = run_bot("audit", "verify", cwd=bot.folder, environment=bot.environment)
    return done.returncode, done.stdout + done.stderr
