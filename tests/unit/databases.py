"""Databases to test on: SQLite files always, PostgreSQL where TEST_POSTGRES_URL names a server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql

from bot.domain.policy import Policy
from bot.store import Database, RequestStore
from tests.conftest import require
from tests.examples import NOW

DEFAULT = Policy()
POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "")


class Clock:
    """A clock that tests set; every look at it takes a millisecond, so no two are the same."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def store_on(
    database: Database, now: Callable[[], datetime], policy: Policy = DEFAULT
) -> RequestStore:
    """A store with one policy for every venue."""
    return RequestStore(database, lambda _: policy, now)


@contextmanager
def another_process(
    database: Database, now: Callable[[], datetime], policy: Policy = DEFAULT
) -> Iterator[RequestStore]:
    """A store on the same database with connections of its own, as another process has."""
    own = Database(database.url.render_as_string(hide_password=False))
    try:
        yield store_on(own, now, policy)
    finally:
        own.close()


@contextmanager
def sqlite_database(path: Path, *, migrated: bool = True) -> Iterator[Database]:
    """A database in a file of its own, without waiting for the disk on every commit."""
    database = Database(f"sqlite:///{path}")

    @sa.event.listens_for(database.engine, "connect")
    def hurry(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        connection.cursor().execute("PRAGMA synchronous=OFF")

    try:
        if migrated:
            database.migrate()
        yield database
    finally:
        database.close()


@contextmanager
def postgres_database(*, migrated: bool = True) -> Iterator[Database]:
    """A database of its own on the server that TEST_POSTGRES_URL names; dropped afterwards."""
    require(POSTGRES_URL, "TEST_POSTGRES_URL, the address of a PostgreSQL server,")
    name = f"rescind_test_{secrets.token_hex(8)}"
    plain = sa.make_url(POSTGRES_URL).set(drivername="postgresql")
    with psycopg.connect(
        plain.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        own = plain.set(database=name).render_as_string(hide_password=False)
        database = Database(own)
        try:
            if migrated:
                database.migrate()
            yield database
        finally:
            database.close()
            drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            connection.execute(drop)
