"""A bad line to Slack in both directions: deliveries that come twice, answers that never come."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.conftest import Tell
from tests.faults.ledger import ledger
from tests.faults.line import CUT_AFTER, CUT_BEFORE, PASS, TWICE
from tests.faults.people import plans, start, travel
from tests.faults.scene import Scene, open_scene
from tests.faults.weather import Weather

ORDERS = 10
STRIKES = 50


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("every delivery twice at once", (TWICE,)),
        ("deliveries cut", (PASS, CUT_BEFORE, CUT_AFTER)),
    ],
)
def test_a_bad_line_from_slack(
    tmp_path: Path, chance: random.Random, tell: Tell, fault: str, kinds: tuple[str, ...]
) -> None:
    given = plans(chance, ORDERS)
    with open_scene(tmp_path, choose=lambda: chance.choice(kinds), chance=chance) as scene:
        journeys = start(scene, given)
        travel(journeys)
        books = ledger(scene, journeys)
        tell(fault, {**scene.line.done, **books.counts})
        assert not books.wrong, "\n".join(books.wrong)
        _assert_no_trouble(scene, books.counts["extra cards"] + books.counts["extra replies"])


@pytest.mark.full_size
def test_a_bad_line_to_slack(tmp_path: Path, chance: random.Random, tell: Tell) -> None:
    """Calls that get lost, errors, rate limits and slowness, one after the other."""
    with open_scene(tmp_path, chance=chance) as scene:
        journeys = start(scene, plans(chance, ORDERS))
        weather = Weather(
            scene,
            chance,
            progress=lambda: weather.done.total() / STRIKES,
            pauses=(0.05, 0.3),
        )
        weather.start()
        # One after the other, so that the weather meets them all.
        travel(journeys, under_way=lambda: 3 + weather.done.total() // 5)
        weather.stop()
        books = ledger(scene, journeys)
        tell("Slack's Web API struck", {**weather.done, **books.counts})
        assert weather.stumbled == []
        assert not books.wrong, "\n".join(books.wrong)
        _assert_no_trouble(scene, books.counts["extra cards"] + books.counts["extra replies"])


def _assert_no_trouble(scene: Scene, copies: int) -> None:
    assert copies == 0
    assert not scene.fleet.troubles(), scene.fleet[0].log()
