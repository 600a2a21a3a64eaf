"""One database, SQLite or PostgreSQL: connections, transactions off the event loop, migrations.

A unit of work is a plain function over a connection; `run` gives it a thread and a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import alembic.command
import alembic.config
import alembic.script
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

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
        except sa.exc.ArgumentError as error:
            raise DatabaseError(_WANTED) from error
        if self.url.get_backend_name() == "sqlite":
            self.engine = _sqlite_engine(self.url)
            # SQLite has one writer: a queue in front of it beats waiting for its lock.
            workers = 1
        elif self.url.get_backend_name() not in {"postgresql", "postgres"}:
            raise DatabaseError(_WANTED)
        else:
            self.url = self.url.set(drivername="postgresql+psycopg")
            self.engine = sa.create_engine(
                self.url, pool_size=8, pool_pre_ping=True, hide_parameters=True
            )
            workers = 8
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="store")

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction; it is on disk when this returns."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run_here, work)

    def run_here(self, work: Callable[[sa.Connection], T]) -> T:
        """The same in the caller's own thread, for the command line."""
        with self.engine.begin() as connection:
            return work(connection)

    async def ping(self) -> None:
        await self.run(lambda connection: connection.execute(sa.select(1)).scalar_one())

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the schema to this version's; DatabaseError if it is a newer version's."""
        self._current_revision()
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
        try:
            with self.engine.connect() as connection:
                current = MigrationContext.configure(connection).get_current_revision()
        except sa.exc.DBAPIError as error:
            cause = str(error.orig).strip().splitlines()[0]
            raise DatabaseError(f"the database of DATABASE_URL cannot be used: {cause}") from error
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


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise DatabaseError(_WANTED)
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # Parameters hold names and addresses, which do not belong into an error's text.
    engine = sa.create_engine(url, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own transactions begin too late to serialise writers (SQLAlchemy's
        # documented recipe), hence none here and BEGIN IMMEDIATE below.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: what Slack got a 200 for survives a power cut, not only a crash.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
