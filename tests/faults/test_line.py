"""A bad line to Slack in both directions: deliveries that come twice, answers that never come."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from tests.faults.campaign import ledger, plans, start, travel
from tests.faults.line import CUT_AFTER, CUT_BEFORE, PASS, TWICE, Line
from tests.integration.stage import Stage

Tell = Callable[[str, Mapping[str, object]], None]

ORDERS = 12
STRIKES = 40


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("every delivery twice at once", (TWICE,)),
        ("deliveries cut", (PASS, CUT_BEFORE, CUT_AFTER)),
    ],
)
def test_a_bad_line_from_slack(
    stage: Stage, chance: random.Random, tell: Tell, fault: str, kinds: tuple[str, ...]
) -> None:
    journeys = start(stage, plans(chance, ORDERS))
    line = Line(stage.bot.url, lambda: chance.choice(kinds))
    with line.running():
        stage.sandbox.bot_url = line.url
        travel(journeys)
    books = ledger(journeys)
    tell(fault, {**line.done, **books.counts})
    assert books.wrong == []
    assert books.counts["extra cards"] == 0


def test_a_bad_line_to_slack(stage: Stage, chance: random.Random, tell: Tell) -> None:
    """Calls that get lost, errors, rate limits and slowness, one after the other."""
    journeys = start(stage, plans(chance, ORDERS))
    done: Counter[str] = Counter()

    def strike() -> int:
        if done.total() < STRIKES:
            kind = chance.choice(("ratelimited", "http_500", "drop_before", "slow"))
            method = chance.choice(("chat.postMessage", "chat.update", "views.open"))
            stage.people.slack_fault(method, kind, times=1, retry_after=1, seconds=0.2)
            done[kind] += 1
        return ORDERS

    travel(journeys, under_way=strike)
    books = ledger(journeys)
    tell("Slack's Web API struck", {**done, **books.counts})
    assert books.wrong == []
    assert books.counts["extra cards"] == 0
