"""The durable engine itself: what a workflow is told about the step it is in, across a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS

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


NAME = "Zoe Quillfeather"


async def _fail(database: Database) -> set[str]:
    """Let workflows fail in a step or between two, with a rescue or without; return the rescued."""
    engine = Engine(database.engine_database(), place_for(database.url))
    rescued = set()

    async def raises() -> None:
        raise ValueError(f"cannot be read: {NAME}")

    async def in_a_step(durable: Durable, _: str) -> None:
        await durable.step("raises", raises)

    async def between_steps(_: Durable, __: str) -> None:
        await raises()

    async def rescue(request_id: str) -> None:
        rescued.add(request_id)

    engine.register("step", in_a_step)
    engine.register("between", between_steps)
    engine.register("rescued_step", in_a_step, rescue)
    await engine.launch()
    for name in ("step", "between", "rescued_step"):
        await engine.start(name, f"{name}:1", name)
        with suppress(Exception):
            await (await DBOS.retrieve_workflow_async(f"{name}:1")).get_result()
    await engine.close()
    return rescued


def _kept(database: Database) -> Iterator[str]:
    """Every value in the engine's tables, as text."""
    engine = database.engine_database()
    with engine.connect() as connection:
        schema = None if database.is_sqlite else "dbos"
        for name in sa.inspect(connection).get_table_names(schema):
            table = sa.table(name, schema=schema)
            for row in connection.execute(sa.select(sa.text("*")).select_from(table)):
                yield from map(str, row)
    engine.dispose()


def test_the_engine_keeps_no_words_of_an_error(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'rescind.db'}")
    try:
        rescued = asyncio.run(asyncio.wait_for(_fail(database), _PATIENCE_SECONDS))
        kept = list(_kept(database))
    finally:
        database.close()
    assert rescued == {"rescued_step"}
    assert len([text for text in kept if "ValueError" in text]) == 4
    assert not [text for text in kept if NAME in text]
