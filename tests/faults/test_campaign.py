"""The campaign: many orders while processes are killed, lines cut and databases taken away."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.campaign import Size, choosing, report
from tests.faults.conftest import Tell
from tests.faults.crashing import method
from tests.faults.fleet import SERVE, WORK
from tests.faults.killer import Habits, Killer
from tests.faults.points import AT_THE_FRONT, EVERYWHERE, is_own
from tests.faults.scene import Scene, open_scene
from tests.faults.servers import Postgres
from tests.faults.weather import fill_disk

Strokes = Callable[[Killer], Sequence[tuple[str, Callable[[], None]]]]

_FULL_SECONDS = 1.5


def test_every_point_still_names_a_method() -> None:
    for point in (*EVERYWHERE, *AT_THE_FRONT):
        if is_own(point):
            method(point)


def test_a_campaign_on_sqlite(
    tmp_path: Path, chance: random.Random, size: Size, tell: Tell
) -> None:
    with open_scene(
        tmp_path, channels=size.channels, choose=choosing(chance), chance=chance
    ) as scene:
        _campaign(scene, chance, size, Habits(life=size.life), _full_disk(scene), tell)


@pytest.mark.postgres
def test_a_campaign_of_three_processes_on_postgresql(
    tmp_path: Path, chance: random.Random, size: Size, tell: Tell, postgres: Postgres
) -> None:
    with open_scene(
        tmp_path,
        (("front-1", SERVE), ("front-2", SERVE), ("worker", WORK)),
        postgres.create_database(),
        size.channels,
        choosing(chance),
        chance,
    ) as scene:
        habits = Habits(life=size.life, absences=size.absences)
        _campaign(scene, chance, size, habits, _restarts(postgres, size.restarts), tell)


def _campaign(
    scene: Scene, chance: random.Random, size: Size, habits: Habits, strokes: Strokes, tell: Tell
) -> None:
    result = campaign.run(scene, chance, size, habits, strokes)
    report(result, tell)
    assert not result.stumbled, "\n".join(result.stumbled)
    assert not result.books.wrong, "\n".join(result.books.wrong)
    assert result.books.counts["orders"] == size.orders
    assert result.kills.total() >= size.kills
    assert result.books.counts["extra cards"] == 0
    assert result.books.counts["extra replies"] == 0
    code, said = scene.run("audit", "verify")
    tell("the audit log", {"verified": code == 0})
    assert code == 0, said


def _full_disk(scene: Scene) -> Strokes:
    def strokes(killer: Killer) -> Sequence[tuple[str, Callable[[], None]]]:
        def fill() -> None:
            with killer.holding():
                fill_disk(scene, scene.fleet[0], _FULL_SECONDS)

        return [("disk full", fill)]

    return strokes


def _restarts(server: Postgres, count: int) -> Strokes:
    def strokes(killer: Killer) -> Sequence[tuple[str, Callable[[], None]]]:
        def restart() -> None:
            killer.excuse(30)
            server.restart()

        return [("PostgreSQL restarted", restart)] * count

    return strokes
