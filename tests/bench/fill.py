"""Years of requests in a minute: one real request of a stopped bot, cloned inside SQLite.

Columns are read from the database, so this survives changes of the schema. What has to differ
between two requests differs; the audit log's hashes are random, so its chain does not verify.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tests.bench.servers import BenchError

_CACHE_KIB = 256_000

_HISTORY_DAYS = 3 * 365
_WAITING_DAYS = 2
_DUE_IN_DAYS = 3


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    is_instant: bool


def history(path: Path, count: int) -> None:
    """Add `count` finished requests, spread over the last years; the database holds one."""
    _clone(path, "done", count, _spread(count, _HISTORY_DAYS), {})


def waiting(path: Path, count: int) -> None:
    """Add `count` requests that wait for a decision; the database holds one. None is due soon."""
    later = f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '+{_DUE_IN_DAYS} days')"
    due = {"due_at": later, "expires_at": later}
    _clone(path, "pending", count, _spread(count, _WAITING_DAYS), due)


def _spread(count: int, days: int) -> str:
    """SQLite's modifier that moves a moment of clone `i` into the past."""
    return f"'-' || (({count} - clone.i + 1) * {days * 86_400 / max(count, 1)}) || ' seconds'"


def _clone(path: Path, state: str, count: int, past: str, due: Mapping[str, str]) -> None:
    if not count:
        return
    tables = _tables(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Nothing of this has to survive a crash.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        originals = connection.execute("SELECT id FROM requests WHERE state = ?", (state,))
        found = [row[0] for row in originals]
        if len(found) != 1:
            raise BenchError(f"{len(found)} requests are {state}; exactly one was to be cloned")
        indexes = _dropped_indexes(connection, tables)
        _name_clones(connection, count)
        for table, columns in tables.items():
            _clone_rows(connection, table, columns, found[0], past, due)
        for statement in indexes:
            connection.execute(statement)


def _tables(path: Path) -> dict[str, list[Column]]:
    """Reflect `requests` and every table whose rows belong to one."""
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        inspector = sa.inspect(engine)
        columns = {
            table: [
                Column(column["name"], isinstance(column["type"], sa.DateTime))
                for column in inspector.get_columns(table)
            ]
            for table in inspector.get_table_names()
        }
    finally:
        engine.dispose()
    belonging = [table for table, found in columns.items() if _has(found, "request_id")]
    return {table: columns[table] for table in ("requests", *belonging)}


def _has(columns: list[Column], name: str) -> bool:
    return any(column.name == name for column in columns)


def _dropped_indexes(
    connection: sqlite3.Connection, tables: Mapping[str, list[Column]]
) -> list[str]:
    """Drop the indexes, which are far cheaper to build at the end; return how to do so."""
    marks = ", ".join("?" * len(tables))
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "  # noqa: S608
        f"AND tbl_name IN ({marks})",
        list(tables),
    ).fetchall()
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    return [statement for _, statement in found]


def _name_clones(connection: sqlite3.Connection, count: int) -> None:
    """Give every clone an id that looks as random as a real one, and an order of its own."""
    connection.execute(
        "CREATE TEMP TABLE clone (i INTEGER PRIMARY KEY, request_id TEXT, order_id TEXT)"
    )
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO clone SELECT i, 'r' || lower(hex(randomblob(8))), 500000000 + i FROM n",
        (count,),
    )


def _clone_rows(
    connection: sqlite3.Connection,
    table: str,
    columns: list[Column],
    original: str,
    past: str,
    due: Mapping[str, str],
) -> None:
    key = "id" if table == "requests" else "request_id"
    # Rows that are counted go on being counted without gaps.
    last, each = connection.execute(
        f"SELECT coalesce(max(rowid), 0), sum({key} = ?) FROM {table}",  # noqa: S608
        (original,),
    ).fetchone()
    if not each:
        return
    special = {**due, key: "clone.request_id", "order_id": "clone.order_id"}
    special |= {"delivery_key": "'v0=' || lower(hex(randomblob(32)))"}
    special |= dict.fromkeys(("card_ts", "result_ts"), "(1600000000 + clone.i) || '.000100'")
    if key != "id":
        special["id"] = f"{last} + (clone.i - 1) * {each} + t.place"
    chosen = ", ".join(special.get(column.name) or _copied(column, past) for column in columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    # A CROSS JOIN keeps its order in SQLite: the rows are written one request after the other.
    connection.execute(
        f"WITH t AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY rowid) AS place "  # noqa: S608
        f"FROM {table} WHERE {key} = ?) "
        f"INSERT INTO {table} ({names}) SELECT {chosen} FROM temp.clone CROSS JOIN t",
        (original,),
    )


def _copied(column: Column, past: str) -> str:
    name = f't."{column.name}"'
    if column.is_instant:
        return f"strftime('%Y-%m-%d %H:%M:%f000', {name}, {past})"
    if "hash" in column.name:
        return f"CASE WHEN {name} IS NOT NULL THEN lower(hex(randomblob(length({name}) / 2))) END"
    return name
