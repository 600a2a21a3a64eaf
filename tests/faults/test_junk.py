"""Junk at the door and behind it: nothing breaks, nothing is done, and nobody is kept waiting."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.board import Board
from tests.faults.conftest import Show, Tell
from tests.faults.junk import Tally, fork
from tests.faults.junk_bait import body_of
from tests.faults.junk_books import Books, Log, open_books, read_log
from tests.faults.junk_campaign import FULL, SMOKE, Campaign, Measured, Size
from tests.faults.junk_orders import hostile_orders
from tests.faults.junk_regulars import Act, Regulars
from tests.faults.junk_stage import channels, fallen, lay_baits, open_junk_stage
from tests.faults.junk_texts import Ear
from tests.integration.stage import SECOND, SEED, Stage, run_bot

_HOME = "https://riverside-arts.slack.com/archives/"
_CASES_AFTERWARDS = 3
_MEGABYTE = 1024 * 1024
# The bot may keep 32 MB of half-sent bodies and 8 MB of answers, and Python gives little back.
_MOST_GROWTH = 96 * _MEGABYTE


@pytest.fixture
def junk(pytestconfig: pytest.Config) -> Size:
    return SMOKE if pytestconfig.getoption("--smoke") else FULL


def test_junk_breaks_nothing_does_nothing_and_keeps_nobody_waiting(
    tmp_path: Path,
    chance: random.Random,
    junk: Size,
    tell: Tell,
    show: Show,
) -> None:
    with open_junk_stage(tmp_path) as stage:
        campaign = _campaign(stage, chance)
        books, regulars, tally = open_books(stage), campaign.regulars, campaign.tally
        while not regulars.spent:
            regulars.case()
        campaign.run({kind: round(n * junk.warm_up) for kind, n in junk.counts.items()}, 0)
        before, earlier = campaign.measure(), len(regulars.acts)
        campaign.run(junk.counts, junk.slow)
        later = len(regulars.acts)
        after = campaign.measure(before.files)
        for _ in range(_CASES_AFTERWARDS):
            regulars.case()
        log = read_log(stage)

        show(tally.table("Junk, and what came of it"))
        _tell_people(tell, "meanwhile", regulars.acts[earlier:later])
        _tell_people(tell, "afterwards", regulars.acts[later:])
        tell("people's orders", dict(Counter(regulars.ends).most_common()))
        tell("money", {"approved": len(regulars.approved), "moved": books.moves()})
        tell("said to Slack", dict(campaign.ear.heard.most_common()))
        tell("logged", dict(log.events.most_common()))
        tell("the process", _growth(before, after))
        tell("sent", {"MB": tally.bytes_sent // _MEGABYTE})

        problems = [*_problems(campaign, books, log)]
        assert not problems, "\n".join(problems)
        assert after.memory - before.memory < _MOST_GROWTH
        assert tally.bytes_sent > 1.5 * _MOST_GROWTH, "too little was sent to see a leak"
        assert {act.what for act in regulars.acts[earlier:later]} >= {"command", "approve"}
        _see_that_the_junk_was_good_for_something(campaign)


def _campaign(stage: Stage, chance: random.Random) -> Campaign:
    slack = stage.sandbox.sandbox.slack
    ear = Ear([*slack.users, *slack.user_groups, *slack.channels], _HOME)
    slack.calls = ear.listen(slack.calls)
    board = Board(stage.sandbox)
    baits = lay_baits(stage, board)
    spare, _ = stage.people.copy(SEED)
    theirs, _ = channels(stage)
    orders = hostile_orders(fork(chance))
    regulars = Regulars(stage, board, ear, fork(chance), orders, cycle(theirs))
    return Campaign(stage, chance, baits, spare, regulars, ear, Tally())


def _problems(campaign: Campaign, books: Books, log: Log) -> Iterator[str]:
    """Everything that should not be: in the answers, the books, the channels, the log."""
    stage, regulars = campaign.stage, campaign.regulars
    yield from campaign.tally.wrong()
    yield from books.mistakes(regulars.asked, regulars.approved)
    yield from fallen(stage, campaign.baits)
    yield from campaign.ear.wrong
    yield from log.mistakes[:20]
    yield from regulars.stumbled
    yield from (f"kept waiting: {act}" for act in regulars.acts if not act.in_time)
    done = run_bot("audit", "verify", cwd=stage.bot.folder, environment=stage.bot.environment)
    if done.returncode:
        yield f"the audit log: {done.stdout}{done.stderr}"


def _see_that_the_junk_was_good_for_something(campaign: Campaign) -> None:
    """What strangers sent in disorder refunds a bait when it comes in order."""
    people = campaign.stage.people
    bait = next(bait for bait in campaign.baits if len(bait.approvers) == 3)
    body = body_of(bait.click("approve", SECOND))
    assert campaign.stage.wire.send(body).status_code == 200
    people.wait_for("the refund", lambda: people.order(bait.order)["refunded"] != "0.00")


def _tell_people(tell: Tell, when: str, acts: Iterable[Act]) -> None:
    taken = [act for act in acts if act.in_time]
    counts: dict[str, object] = dict(Counter(act.what for act in taken))
    times = [act.ms for act in taken]
    if times:
        counts |= {"median ms": round(statistics.median(times)), "slowest ms": round(max(times))}
    tell(f"people answered {when}", counts)


def _growth(before: Measured, after: Measured) -> dict[str, object]:
    return {
        "MB before": before.memory // _MEGABYTE,
        "MB after": after.memory // _MEGABYTE,
        "open files before": before.files,
        "after": after.files,
    }
