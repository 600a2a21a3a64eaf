"""The durable engine itself: what a workflow is told about the step it is in, across a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.store import Database
from bot.workflows.engine import Durable, Engine
from bot.workflows.place import place_for

_PATIENCE_SECONDS = 60


class House:
    """One process's life with one workflow: three steps, the second of which may never end."""

    def __init__(self, database: Database, *, hangs: bool) -> None:
        self.engine = Engine(database.engine_database(), place_for(database.url))
        self.engine.register("probe", self._probe)
        self.told: dict[str, bool] = {}
        self.is_there = asyncio.Event()
        self._hangs = hangs

    async def _probe(self, durable: Durable, request_id: str) -> None:
        del request_id
        for name in ("first", "second", "third"):
            await durable.step(name, lambda name=name: self._step(durable, name))  # type: ignore[misc]
        self.is_there.set()

    async def _step(self, durable: Durable, name: str) -> None:
        self.told[name] = durable.may_repeat
        if self._hangs and name == "second":
            self.is_there.set()
            await asyncio.Event().wait()

    async def reach(self) -> None:
        await asyncio.wait_for(self.is_there.wait(), _PATIENCE_SECONDS)
        self.is_there.clear()


async def _die_in_the_second(database: Database) -> dict[str, bool]:
    house = House(database, hangs=True)
    await house.engine.launch()
    await house.engine.start("probe", "probe:1", "r1")
    await house.reach()
    await house.engine.close(seconds=0)
    return house.told


async def _go_on(database: Database) -> list[dict[str, bool]]:
    house = House(database, hangs=False)
    await house.engine.launch()
    await house.reach()
    resumed, house.told = house.told, {}
    await house.engine.start("probe", "probe:1", "r1")  # it is over, so this does nothing
    await house.engine.start("probe", "probe:2", "r2")
    await house.reach()
    await house.engine.close()
    return [resumed, house.told]


def test_only_the_step_that_a_process_died_in_may_repeat(tmp_path: Path) -> None:
    # Every life has an event loop of its own, as a process has.
    database = Database(f"sqlite:///{tmp_path / 'rescind.db'}")
    try:
        begun = asyncio.run(_die_in_the_second(database))
        resumed, fresh = asyncio.run(_go_on(database))
    finally:
        database.close()
    assert begun == {"first": False, "second": False}
    assert resumed == {"second": True, "third": False}
    assert fresh == {"first": False, "second": False, "third": False}
