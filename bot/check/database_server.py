"""A PostgreSQL server: reached, writable, its version, and whether anybody on the way can read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
import sqlalchemy as sa

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.reach import is_loopback
from bot.check.schema import about_schema

_WHAT = "database"
_CONNECT_SECONDS = 5
# Older ones get no more security fixes.
_OLDEST = 140000
_READ_AND_ADD = ("SELECT", "INSERT")
# What the bot does to its tables; locking a row takes the right to change it.
_RIGHTS = {
    "alembic_version": ("SELECT",),
    "approvals": (*_READ_AND_ADD, "DELETE"),
    "audit_events": (*_READ_AND_ADD, "UPDATE"),
    "channel_turns": (*_READ_AND_ADD, "UPDATE"),
    "posts": (*_READ_AND_ADD, "UPDATE"),
    "requests": (*_READ_AND_ADD, "UPDATE"),
    "sends": (*_READ_AND_ADD, "UPDATE"),
}


@dataclass(frozen=True, slots=True)
class Server:
    """`host`: None for a socket of this machine. `missing`: rights, such as UPDATE on requests."""

    version: int
    host: str | None
    is_encrypted: bool
    is_read_only: bool
    may_make_schema: bool
    missing: tuple[str, ...]
    revision: str | None


async def about_server(url: sa.URL) -> list[Finding]:
    try:
        async with _connected(url) as connection:
            server = await _look(connection)
    except psycopg.Error as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        return [
            wrong(
                _WHAT,
                f"The database of DATABASE_URL cannot be used: {cause}.",
                "Correct DATABASE_URL, or see to the server and what is between it and here.",
            )
        ]
    return list(judged(server))


def judged(server: Server) -> Iterator[Finding]:
    yield _writable(server)
    yield about_schema(server.revision, migrates_itself=False)
    yield _age(server.version)
    yield _privacy(server)


def _writable(server: Server) -> Finding:
    if server.is_read_only:
        return wrong(
            _WHAT,
            "PostgreSQL is reached, but takes no changes: a replica, or set to read only.",
            "Name the primary server in DATABASE_URL.",
        )
    if server.missing:
        return wrong(
            _WHAT,
            f"PostgreSQL is reached, but the role lacks rights: {'; '.join(server.missing)}.",
            "Use the role that ran `rescind migrate`, or make it the owner of the tables and of "
            "the schema dbos, where the durable engine keeps its notes.",
        )
    if not server.may_make_schema:
        return wrong(
            _WHAT,
            "PostgreSQL is reached, but the role may not make the schema dbos, where the durable "
            "engine keeps its notes.",
            "Grant it CREATE on the database, or have the schema made for it.",
        )
    return ok(_WHAT, "PostgreSQL, may be read and written.")


def _age(version: int) -> Finding:
    text = f"PostgreSQL {version // 10000}.{version % 10000}."
    if version >= _OLDEST:
        return ok("database version", text)
    return warning(
        "database version",
        f"{text} It gets no more security fixes.",
        f"Upgrade the server to PostgreSQL {_OLDEST // 10000} or newer.",
    )


def _privacy(server: Server) -> Finding:
    what = "database connection"
    if server.host is None or is_loopback(server.host):
        return ok(what, "On this machine.")
    if server.is_encrypted:
        return ok(what, "Encrypted.")
    return warning(
        what,
        "Not encrypted, and the server is on another machine: whoever is on the way can read "
        "customers' names and change amounts.",
        "Switch TLS on at the server, and add ?sslmode=verify-full to DATABASE_URL.",
    )


@asynccontextmanager
async def _connected(url: sa.URL) -> AsyncIterator[psycopg.AsyncConnection]:
    connection = await psycopg.AsyncConnection.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False),
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        application_name="rescind check",
    )
    async with connection:
        yield connection


async def _look(connection: psycopg.AsyncConnection) -> Server:
    info = connection.info
    return Server(
        version=info.server_version,
        host=None if info.host.startswith(("/", "@")) else info.hostaddr or info.host,
        is_encrypted=connection.pgconn.ssl_in_use,
        is_read_only=bool(await _value(connection, _READ_ONLY)),
        may_make_schema=bool(await _value(connection, _MAY_MAKE_SCHEMA)),
        missing=await _missing(connection),
        revision=await _revision(connection),
    )


_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
_MAY_MAKE_SCHEMA = """
SELECT to_regnamespace('dbos') IS NOT NULL
    OR has_database_privilege(current_database(), 'CREATE')
"""
# Of audit_events only one column is ever changed, to which alone the right may have been given.
# The engine's own tables are looked up by number, which takes no right to their schema.
_MISSING = """
WITH wanted (kind, what, may) AS (
    SELECT kind, name, CASE
        WHEN name = 'audit_events' THEN has_any_column_privilege(to_regclass(name), kind)
        ELSE has_table_privilege(to_regclass(name), kind)
    END
    FROM unnest(%s::text[], %s::text[]) AS used (name, kind)
    UNION ALL
    SELECT 'USAGE', 'the schema dbos', has_schema_privilege(to_regnamespace('dbos'), 'USAGE')
    UNION ALL
    SELECT kind, 'dbos.' || relname, has_table_privilege(pg_class.oid, kind)
    FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS kind
    WHERE relnamespace = to_regnamespace('dbos') AND relkind IN ('r', 'p')
)
SELECT string_agg(kind, ', ' ORDER BY kind) || ' on ' || what
FROM wanted WHERE NOT may GROUP BY what ORDER BY what
"""


async def _missing(connection: psycopg.AsyncConnection) -> tuple[str, ...]:
    """Name the rights that are missing; of what is not there, none are."""
    used = [(name, kind) for name, kinds in _RIGHTS.items() for kind in kinds]
    rows = await connection.execute(_MISSING, [list(column) for column in zip(*used, strict=True)])
    return tuple([str(row[0]) async for row in rows])


async def _value(connection: psycopg.AsyncConnection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def _revision(connection: psycopg.AsyncConnection) -> str | None:
    if await _value(connection, "SELECT to_regclass('alembic_version')") is None:
        return None
    found = await _value(connection, "SELECT version_num FROM alembic_version")
    return None if found is None else str(found)
