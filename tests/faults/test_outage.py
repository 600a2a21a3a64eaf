"""A database that is away or full for a while, without any process dying: all goes on by itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Tell
from tests.faults.fleet import SERVE, WORK
from tests.faults.ledger import ledger
from tests.faults.people import plans, start, travel
from tests.faults.scene import Scene, open_scene
from tests.faults.servers import Postgres
from tests.faults.weather import Weather, fill_disk

# The campaign does the same, but there a process that got stuck is soon killed and starts anew.
pytestmark = pytest.mark.full_size

ORDERS = 24
_FULL_SECONDS = 1.5


def test_the_disk_fills_up(tmp_path: Path, chance: random.Random, tell: Tell) -> None:
    with open_scene(tmp_path, chance=chance) as scene:
        refused: list[int] = []

        def fill() -> None:
            refused.append(fill_disk(scene, scene.fleet[0], _FULL_SECONDS))

        _outlive(scene, chance, tell, "disk full", [fill, fill])
        tell("questions refused meanwhile", {"times": refused})


@pytest.mark.postgres
def test_postgresql_restarts(
    tmp_path: Path, chance: random.Random, tell: Tell, postgres: Postgres
) -> None:
    roles = (("front-1", SERVE), ("front-2", SERVE), ("worker", WORK))
    with open_scene(tmp_path, roles, postgres.create_database(), chance=chance) as scene:
        _outlive(scene, chance, tell, "PostgreSQL restarted", [postgres.restart] * 2)


def _outlive(
    scene: Scene,
    chance: random.Random,
    tell: Tell,
    what: str,
    strokes: list[Callable[[], None]],
) -> None:
    before = [process.process.pid for process in scene.fleet]
    journeys = start(scene, plans(chance, ORDERS))
    weather = Weather(
        scene,
        chance,
        [(what, stroke) for stroke in strokes],
        lambda: sum(bool(journey.tries) for journey in journeys) / ORDERS,
    )
    weather.start()
    travel(
        journeys,
        # The rest sets out when the weather has met the first of them.
        under_way=lambda: ORDERS * (1 + weather.done[what]) // len(strokes),
        until=lambda: weather.is_over,
    )
    weather.stop()
    books = ledger(scene, journeys)
    tell(what, {"times": weather.done[what], **books.counts})
    tell("logged as errors", scene.fleet.troubles())
    assert not weather.stumbled, weather.stumbled
    assert not books.wrong, "\n".join(books.wrong)
    assert books.counts["extra cards"] == books.counts["extra replies"] == 0
    assert [process.process.pid for process in scene.fleet if process.is_alive] == before
    code, said = scene.run("audit", "verify")
    assert code == 0, said
