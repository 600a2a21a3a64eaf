"""SQLite's one writer: works share commits, fail alone, and are answered once on disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.request import LedgerUnavailableError
from bot.store import Database
from tests.unit.databases import sqlite_database

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with sqlite_database(tmp_path / "rescind.db", migrated=False) as opened:
        opened.run_here(lambda connection: _do(connection, "CREATE TABLE notes (n INTEGER)"))
        yield opened


def _do(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


class Note:
    """A work that writes a number, and may then fail."""

    def __init__(self, number: int, error: Exception | None = None) -> None:
        self._number = number
        self._error = error

    def __call__(self, connection: sa.Connection) -> int:
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (self._number,))
        if self._error is not None:
            raise self._error
        return self._number


class Door:
    """A work that holds the writer until it is opened, so that others gather behind it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._opened = threading.Event()

    def __call__(self, connection: sa.Connection) -> None:  # noqa: ARG002
        self._loop.call_soon_threadsafe(self.reached.set)
        self._opened.wait()

    def open(self) -> None:
        self._opened.set()


def commits(database: Database) -> list[int]:
    """Count the commits of this database from now on."""
    made: list[int] = []
    sa.event.listen(database.engine, "commit", lambda _: made.append(1))
    return made


def noted(database: Database) -> list[int]:
    """What is on disk, as a connection of its own sees it."""
    with database.engine.connect().execution_options(rescind_reads=True) as connection:
        return list(connection.scalars(sa.text("SELECT n FROM notes ORDER BY rowid")))


async def gathered(database: Database, *works: Note) -> list[int | BaseException]:
    """Let all of these wait at once, then let the writer come to them."""
    door = Door()
    first = asyncio.create_task(database.run(door))
    await door.reached.wait()
    waiting = [asyncio.create_task(database.run(work)) for work in works]
    await asyncio.sleep(0)
    door.open()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_waits_at_once_shares_a_commit(database: Database) -> None:
    made = commits(database)
    answers = await gathered(database, *map(Note, range(30)))
    assert answers == list(range(30))
    assert noted(database) == list(range(30))
    assert len(made) == 2  # that of the door, and that of all the others


async def test_no_commit_is_shared_by_more_than_a_few(database: Database) -> None:
    made = commits(database)
    await gathered(database, *map(Note, range(150)))
    assert len(made) == 1 + 3


async def test_a_work_that_fails_is_undone_alone_and_only_its_caller_learns(
    database: Database,
) -> None:
    error = RuntimeError("a mistake of ours")
    works = [Note(n, error if n == 3 else None) for n in range(6)]
    answers = await gathered(database, *works)
    assert answers == [0, 1, 2, error, 4, 5]
    assert noted(database) == [0, 1, 2, 4, 5]


async def test_a_work_alone_that_fails_is_undone(database: Database) -> None:
    with pytest.raises(RuntimeError):
        await database.run(Note(1, RuntimeError("a mistake of ours")))
    await database.run(Note(2))
    assert noted(database) == [2]


async def test_nobody_is_answered_before_it_is_on_disk(database: Database) -> None:
    """At the very moment of the commit nobody has an answer; with the answer it is there."""
    seen: list[tuple[int, list[int]]] = []
    answered: list[int] = []

    def at_commit(_: sa.Connection) -> None:
        seen.append((len(answered), noted(database)))

    async def ask(number: int) -> None:
        await database.run(Note(number))
        answered.append(number)
        assert number in noted(database)

    sa.event.listen(database.engine, "commit", at_commit)
    await asyncio.gather(*map(ask, range(20)))
    assert sorted(answered) == list(range(20))
    for told, on_disk in seen:
        assert told <= len(on_disk)


async def test_a_commit_that_fails_fails_for_all_who_share_it(database: Database) -> None:
    def refuse(_: sa.Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, OSError("disk I/O error"))

    door = Door()
    first = asyncio.create_task(database.run(door))
    await door.reached.wait()
    waiting = [asyncio.create_task(database.run(Note(n))) for n in range(5)]
    await asyncio.sleep(0)
    sa.event.listen(database.engine, "commit", refuse)
    door.open()
    answers = await asyncio.gather(first, *waiting, return_exceptions=True)
    sa.event.remove(database.engine, "commit", refuse)
    assert [type(answer) for answer in answers] == [LedgerUnavailableError] * 6
    assert noted(database) == []
    await database.run(Note(7))
    assert noted(database) == [7]


async def test_who_no_longer_waits_disturbs_nobody(database: Database) -> None:
    door = Door()
    first = asyncio.create_task(database.run(door))
    await door.reached.wait()
    impatient = asyncio.create_task(database.run(Note(1)))
    patient = asyncio.create_task(database.run(Note(2)))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    door.open()
    await first
    assert await patient == 2
    assert impatient.cancelled()


async def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    with sqlite_database(tmp_path / "closing.db", migrated=False) as database:
        database.run_here(lambda connection: _do(connection, "CREATE TABLE notes (n INTEGER)"))
        door = Door()
        first = asyncio.create_task(database.run(door))
        await door.reached.wait()
        waiting = [asyncio.create_task(database.run(Note(n))) for n in range(8)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(database.close))
        await asyncio.sleep(0)
        door.open()
        await asyncio.gather(first, closing)
        assert await asyncio.gather(*waiting) == list(range(8))
        with sa.create_engine(database.url).connect() as connection:
            assert list(connection.scalars(sa.text("SELECT n FROM notes"))) == list(range(8))


async def test_many_event_loops_are_each_answered_on_their_own(database: Database) -> None:
    def another_loop(number: int) -> int:
        return asyncio.run(database.run(Note(number)))

    answers = await asyncio.gather(*(asyncio.to_thread(another_loop, n) for n in range(4)))
    assert answers == [0, 1, 2, 3]
