"""One database, SQLite or PostgreSQL: connections, transactions off the event loop, migrations.

A unit of work is a plain function over a connection; `run` gives it a thread and a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import alembic.command
import alembic.config
import alembic.script
import psycopg
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from bot.domain.request import LedgerUnavailableError
from bot.store import sqlite

T = TypeVar("T")

_WANTED = (
    "DATABASE_URL must name a SQLite file, such as sqlite:///var/rescind.db, or a PostgreSQL "
    "database, such as postgresql://user@host/rescind"
)
_MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says what to do."""


class Database:
    """`url` is a SQLAlchemy URL of SQLite (a file) or PostgreSQL (psycopg 3)."""

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
        except (sa.exc.ArgumentError, ValueError) as error:  # the latter for an odd port
            raise DatabaseError(_WANTED) from error
        if self.url.get_backend_name() == "sqlite":
            if not self.url.database or self.url.database == ":memory:":
                raise DatabaseError(_WANTED)
            self.engine = sqlite.engine(self.url)
            # SQLite has one writer: a queue in front of it beats waiting for its lock.
            self._writer: sqlite.Writer | None = sqlite.Writer(self.engine)
            readers = 2
        elif self.url.get_backend_name() not in {"postgresql", "postgres"}:
            raise DatabaseError(_WANTED)
        else:
            self.url = self.url.set(drivername="postgresql+psycopg")
            readers = 8
            self.engine = _postgres_engine(self.url, readers)
            self._writer = None
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="store")

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction; it is on disk when this returns, or undone if it raises.

        Raises LedgerUnavailableError if the database is away or full: then it is undone, unless
        the connection broke in the very moment of the commit.
        """
        with _translated():
            if self._writer is not None:
                return await self._writer.run(work)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self.run_here, work)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work`, which changes nothing; no writer waits for it."""
        with _translated():
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._read, work)

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        with self.engine.connect().execution_options(**sqlite.READS) as connection:
            return work(connection)

    def run_here(self, work: Callable[[sa.Connection], T]) -> T:
        """Like `run`, in the caller's own thread, for the command line."""
        with self.engine.begin() as connection:
            return work(connection)

    async def ping(self) -> None:
        await self.read(lambda connection: connection.execute(sa.select(1)).scalar_one())

    def engine_database(self) -> sa.Engine:
        """Make the durable engine's own database: on SQLite a file beside this one.

        There nothing is flushed step by step, for whatever it loses is found from the requests.
        """
        if not self.is_sqlite:
            return _postgres_engine(self.url, connections=10)
        beside = Path(str(self.url.database))
        name = f"{beside.stem}-engine{beside.suffix}"
        return sqlite.engine_for_dbos(self.url.set(database=str(beside.with_name(name))))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._threads.shutdown(wait=True)
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the schema to this version's; DatabaseError if it is a newer version's."""
        self._current_revision()
        with usable():
            alembic.command.upgrade(self._alembic(), "head")

    def check_schema(self) -> None:
        """Raise DatabaseError unless the schema is exactly the one this version knows."""
        current = self._current_revision()
        head = self._scripts().get_current_head()
        if current != head:
            raise DatabaseError(
                f"the database schema is {current or 'empty'}, this version needs {head}: run "
                "`rescind migrate` first"
            )

    def _current_revision(self) -> str | None:
        with usable(), self.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        revisions = {step.revision for step in self._scripts().walk_revisions()}
        if current is not None and current not in revisions:
            raise DatabaseError(
                f"the database schema is {current}, which this version does not know: it was made "
                "by a newer version of Rescind; start that version"
            )
        return current

    def _scripts(self) -> alembic.script.ScriptDirectory:
        return alembic.script.ScriptDirectory.from_config(self._alembic())

    def _alembic(self) -> alembic.config.Config:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.engine
        return config


@contextmanager
def usable() -> Iterator[None]:
    """Say in one sentence, as a DatabaseError, that the database is away, full or none at all."""
    try:
        yield
    except (sa.exc.DBAPIError, psycopg.OperationalError) as error:
        told = str(getattr(error, "orig", error)).strip() or type(error).__name__
        cause = told.splitlines()[0]
        raise DatabaseError(f"the database of DATABASE_URL cannot be used: {cause}") from error


@contextmanager
def _translated() -> Iterator[None]:
    """Tell a database that is away or full from a mistake of ours."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise LedgerUnavailableError(type(error).__name__) from error


def _postgres_engine(url: sa.URL, connections: int) -> sa.Engine:
    """No more connections than said: a server has about a hundred for all processes together.

    A process that freezes within a transaction must not keep the others waiting for its locks.
    """
    return sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "options": "-c idle_in_transaction_session_timeout=10s",
            # Of a server that takes the connection and says nothing: a click waits three seconds.
            "connect_timeout": 2,
        },
    )
