"""With many rows, and on both databases: what a click or a round of housekeeping looks up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.policy import Ceiling, Policy
from bot.domain.request import Evidence, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore, limits
from bot.store.audit import GENESIS
from bot.store.rows import columns_of
from bot.store.tables import approvals, audit_events, requests
from tests.examples import APPROVER, NOW, REQUESTER, member, request, usd
from tests.unit.databases import Clock, store_on

pytestmark = pytest.mark.anyio

MANY = 3000
LIMITED = Policy(
    approver_daily=Ceiling((usd("500.00"),)), requester_daily=Ceiling((usd("500.00"),))
)


@pytest.fixture(scope="module")
def full(database: Database) -> Database:
    """Months of requests: nearly all of them over and scrubbed, a few hundred approvals a day."""
    with database.engine.begin() as connection:
        connection.execute(sa.insert(requests), [_request(number) for number in range(MANY)])
        connection.execute(sa.insert(approvals), [_approval(number) for number in range(MANY)])
        connection.execute(sa.insert(audit_events), [_event(number) for number in range(MANY)])
    if not database.is_sqlite:  # which it does by itself, a little later
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return database


def _request(number: int) -> dict[str, Any]:
    ended = NOW - timedelta(hours=number)
    some = replace(
        request(State.DONE if number else State.PENDING),
        id=f"r{number}",
        order_id=str(number),
        created_at=ended,
        updated_at=ended,
    )
    names = ("id", "venue", "order_id", "state", "version", "revision", "run", "channel")
    more = ("order", "selection", "quote", "decision", "created_at", "updated_at")
    return columns_of(some, names + more) | {
        "requester_user": f"U0ASKS{number % 50}",
        "requester_team": "T0MUSEUM",
        "source": "command",
        "notify": "none",
        "scrubbed_at": NOW if number > 200 else None,
    }


def _approval(number: int) -> dict[str, Any]:
    return {
        "request_id": f"r{number}",
        "revision": 1,
        "approver_user": f"U0DECIDES{number % 20}" if number % 20 else APPROVER.user,
        "requester_user": f"U0ASKS{number % 50}" if number % 50 else REQUESTER.user,
        "venue": "riverside",
        "at": NOW - timedelta(hours=number),
        "currency": "USD",
        "amount": "100.00",
    }


def _event(number: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "at": NOW - timedelta(hours=MANY - number),
        "event": "order:cancel:approved",
        "request_id": f"r{number}",
        "request_version": 3,
        "venue": "riverside",
        "order_id": str(number),
        "state": "done",
        "revision": 1,
        "software": "0.1.0",
        "payload_digest": f"{number:064}",
        "data": "{}",
        "previous_hash": GENESIS,
        "hash": f"{number:064}",
    }


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """How each SELECT is carried out while the context lasts, one line per part of it."""
    found: list[str] = []
    how = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"

    def explain(
        _: sa.Connection,
        cursor: sa.engine.interfaces.DBAPICursor,
        statement: str,
        given: Mapping[str, Any],
        *__: object,
    ) -> None:
        if statement.startswith("SELECT") and "FROM" in statement:
            cursor.execute(f"{how} {statement}", given)
            found.extend(str(row[-1]) for row in cursor.fetchall())

    sa.event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", explain)


def uses(plan: list[str], *indexes: str) -> None:
    """Assert that each of `indexes` is used, and no table is read from end to end."""
    for index in indexes:
        assert any(index in line for line in plan), plan
    assert not [line for line in plan if "Seq Scan" in line], plan
    assert not [line for line in plan if line.startswith("SCAN") and "INDEX" not in line], plan


async def test_what_is_over_and_old_is_found_by_its_own_index(full: Database) -> None:
    with plans(full) as plan:
        assert await store_on(full, Clock()).scrub(NOW - timedelta(days=100), 200) == 0
    uses(plan, "ix_requests_unscrubbed")


async def test_a_days_approvals_are_found_by_who_gave_them_and_for_whom(full: Database) -> None:
    """However many requests were ever carried out."""
    pending = request()
    with plans(full) as plan:
        used = full.run_here(
            lambda connection: limits.usage(connection, LIMITED, pending, APPROVER.user, NOW)
        )
    assert used is not None
    uses(plan, "ix_approvals_approver", "ix_approvals_requester")
    assert not [line for line in plan if "ix_requests_state" in line], plan


async def test_a_click_looks_for_its_own_delivery_among_its_requests_events(
    full: Database,
) -> None:
    store: RequestStore = store_on(full, Clock(), LIMITED)
    replay = Evidence(payload_digest=f"{0:064}")
    with plans(full) as plan:
        found = await store.decide("r0", Action.APPROVE, member(APPROVER), 1, evidence=replay)
    assert found is not None
    assert found[0].ruling == "repeated"
    uses(plan, "ix_audit_events_request_id")
