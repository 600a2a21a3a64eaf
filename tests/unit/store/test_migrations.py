"""Migrations: what an older version wrote is kept, and its audit log gets the chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa

from bot.domain.policy import Action, Ruling
from bot.domain.request import State
from bot.store import Database
from bot.store.rows import dump
from tests.examples import APPROVER, NOW, order
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import rows, verified
from tests.unit.store.steps import quoted

pytestmark = pytest.mark.anyio

# The events of the first version's whole life of one request, but for those of a shorter one.
LIFE = ("requested", "quoted", "approved", "started", "sent", "answered", "done")
NO_CHANGE = {"sent", "answered"}


def first_version(database: Database) -> None:
    """Bring an empty database to where the first version left it, with two requests."""
    config = database._alembic()
    alembic.command.upgrade(config, "0001")
    with database.engine.begin() as connection:
        _request(connection, "rdone", "1", "done", LIFE)
        _request(connection, "rwaits", "2", "pending", LIFE[:2])


def _request(
    connection: sa.Connection, request_id: str, order_id: str, state: str, told: tuple[str, ...]
) -> None:
    version = len([name for name in told if name not in NO_CHANGE])
    values: dict[str, Any] = {
        "id": request_id,
        "venue": "riverside",
        "order_id": order_id,
        "state": state,
        "version": version,
        "revision": 1,
        "run": 0,
        "requester_user": "U0REQUEST",
        "requester_team": "T0MUSEUM",
        "channel": "C0REFUNDS",
        "source": "command",
        "notify": "none",
        "delivered_version": version,
        "created_at": NOW,
        "updated_at": NOW,
    }
    some, selection, fresh = quoted(order(order_id=order_id))
    values |= {
        "order_snapshot": dump(some),
        "selection": dump(selection),
        "quote": dump(fresh),
    }
    _insert(connection, "requests", values)
    for name in told:
        event = {
            "at": NOW,
            "event": f"order:cancel:{name}",
            "request_id": request_id,
            "venue": "riverside",
            "order_id": order_id,
            "state": state,
            "revision": 1,
            "actor_user": "U0REQUEST" if name == "requested" else None,
            "data": '{"reason": "guest is ill"}',
        }
        _insert(connection, "audit_events", event)


def _insert(connection: sa.Connection, table: str, values: dict[str, Any]) -> None:
    reflected = sa.Table(table, sa.MetaData(), autoload_with=connection)
    connection.execute(sa.insert(reflected).values(values))


async def test_what_the_first_version_wrote_is_kept_and_chained(empty_database: Database) -> None:
    first_version(empty_database)
    empty_database.migrate()
    empty_database.check_schema()
    assert verified(empty_database)[1] is None
    told = rows(empty_database)
    assert [row["event"].removeprefix("order:cancel:") for row in told] == [*LIFE, *LIFE[:2]]
    assert [row["id"] for row in told] == list(range(1, 10))
    assert [row["request_version"] for row in told] == [1, 2, 3, 4, 4, 4, 5, 1, 2]
    # What people wrote can be taken out one day; ids and amounts stay.
    assert {row["data"] for row in told} == {"{}"}
    assert {json.loads(row["personal"])["reason"] for row in told} == {"guest is ill"}
    assert {row["at"] for row in told} == {NOW}


async def test_after_the_migration_old_requests_go_on(empty_database: Database) -> None:
    first_version(empty_database)
    empty_database.migrate()
    store = store_on(empty_database, Clock())
    done = await store.get("rdone")
    assert done is not None
    assert (done.state, done.reminders, done.due_at) == (State.DONE, 0, None)
    found = await store.decide("rwaits", Action.APPROVE, APPROVER, 1)
    assert found is not None
    assert (found[0], found[1].state) == (Ruling.ALLOWED, State.APPROVED)
    head, flaw = verified(empty_database)
    assert flaw is None
    assert head.id == 10


async def test_after_the_migration_old_requests_do_not_wait_in_silence(
    empty_database: Database,
) -> None:
    """What waited when the new version came is reminded of, and expires, like anything else."""
    first_version(empty_database)
    empty_database.migrate()
    store = store_on(empty_database, Clock(datetime.now(UTC) + timedelta(hours=73)))
    assert await store.due(10) == ["rwaits"]
    assert await store.overdue("rwaits") is not None


def test_an_empty_log_is_migrated_as_well(empty_database: Database) -> None:
    config = empty_database._alembic()
    alembic.command.upgrade(config, "0001")
    empty_database.migrate()
    assert verified(empty_database)[1] is None


def test_a_migrated_log_refuses_changes_of_old_rows(empty_database: Database) -> None:
    first_version(empty_database)
    empty_database.migrate()
    with (
        empty_database.engine.connect() as connection,
        pytest.raises(sa.exc.DBAPIError, match="the audit log is append-only"),
    ):
        connection.exec_driver_sql("UPDATE audit_events SET data = '{}' WHERE id = 1")
