"""SQLite as we use it: its settings, and the one thread that writes."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

# A connection with these options reads a snapshot and takes no lock.
READS = {"rescind_reads": True}
_MOST_AT_ONCE = 64


def engine(url: sa.URL) -> sa.Engine:
    """Make an engine over the file of `url`. What was committed survives a power cut."""
    # The driver's own transactions begin too late to serialise writers (SQLAlchemy's documented
    # recipe), hence none, and BEGIN IMMEDIATE below.
    made = _engine(url, isolation_level=None, synchronous="FULL")

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        reads = "rescind_reads" in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return made


def engine_for_dbos(url: sa.URL) -> sa.Engine:
    """Make an engine as DBOS expects it, over a file that need not survive a power cut."""
    return _engine(url, isolation_level="IMMEDIATE", synchronous="NORMAL")


def _engine(
    url: sa.URL, *, isolation_level: Literal["IMMEDIATE"] | None, synchronous: str
) -> sa.Engine:
    file = Path(str(url.database))
    file.parent.mkdir(parents=True, exist_ok=True)
    # It names guests, so it is nobody else's to read; SQLite gives its other files the same mode.
    with suppress(OSError):
        file.touch(mode=0o600)
    # Parameters hold names and addresses, which do not belong into an error's text.
    made = sa.create_engine(url, hide_parameters=True)

    @sa.event.listens_for(made, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = isolation_level
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA foreign_keys=ON")
        # Most builds do so anyway: what was scrubbed shall not linger in free pages.
        connection.execute("PRAGMA secure_delete=ON")

    return made


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[sa.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Result:
    job: _Job
    value: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        if self.job.future.done():  # nobody waits any more
            return
        if self.error is not None:
            self.job.future.set_exception(self.error)
        else:
            self.job.future.set_result(self.value)


class Writer:
    """One thread that writes, because SQLite lets only one write at a time.

    What waits while a commit is on its way to the disk shares the next one, and nobody is answered
    before all of it is on disk. If one of them raises, all are undone and done again one by one:
    so a piece of work is done in full or not at all, but may be tried twice.
    """

    def __init__(self, over: sa.Engine) -> None:
        self._engine = over
        # Kept from one commit to the next: each time the pool would ask and reset it.
        self._connection: sa.Connection | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        if not self._thread.is_alive():
            raise RuntimeError("the database was closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        value: T = await job.future
        return value

    def close(self) -> None:
        """Write what waits, and stop."""
        self._jobs.put(None)
        self._thread.join()

    def _write(self) -> None:
        open_for_jobs = True
        while open_for_jobs:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) == _MOST_AT_ONCE or self._jobs.empty():
                    break
                job = self._jobs.get()
            open_for_jobs = job is not None
            if batch:
                _tell(self._commit(batch))
        self._let_go()

    def _commit(self, batch: Sequence[_Job]) -> list[_Result]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                return [_Result(job, job.work(self._connection)) for job in batch]
        except BaseException as error:  # noqa: BLE001 - it is whoever waits that must know
            self._let_go()  # the pool cleans up what a failed commit leaves behind
            if len(batch) == 1:
                return [_Result(batch[0], error=error)]
            return [result for job in batch for result in self._commit([job])]

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                connection.close()


def _tell(results: Sequence[_Result]) -> None:
    """Answer on the loops that asked: a process has one, tests may have several."""
    for loop in {result.job.loop for result in results}:
        answers = [result for result in results if result.job.loop is loop]
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_deliver, answers)


def _deliver(results: Sequence[_Result]) -> None:
    for result in results:
        result.deliver()
