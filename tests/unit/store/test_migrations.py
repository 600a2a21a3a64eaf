"""Migrations: what an older version wrote is kept and goes on, and its audit log has a chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa

from bot.domain.judgement import Ruling
from bot.domain.policy import Policy, Tier
from bot.domain.request import Decision, State, Verdict
from bot.domain.ruling import Action
from bot.slack.cards import card, reply
from bot.store import Database
from bot.store.rows import dump
from tests.examples import APPROVER, NOW, VENUE, member, order, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import rows, verified
from tests.unit.store.steps import SECOND, allowed, events, quoted, result_of

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


# Values as the second version wrote them.
ORDER = """{"venue":"riverside","id":"3","currency":"USD","lines":[{"id":"38042229","name":"Adult",
"kind":"ticket","quantity":4,"unit_price":{"amount":"100.00","currency":"USD"},
"subtotal":{"amount":"400.00","currency":"USD"},"event":"Night at the Museum",
"event_at":"2026-08-01T23:00:00Z","checked_in":0,"part_of_combo":false,"converted":false}],
"number":"100130807","guest_name":"Brad Clarke","guest_email":"brad.clarke@example.com",
"organisation":null,"destination":{"kind":"original_payment","payment_method":"CreditCard",
"last_four":"4242"},"balance":{"amount":"0.00","currency":"USD"},
"created_at":"2026-07-01T09:00:00Z","updated_on":"2026-07-01T05:00:00-04:00"}"""
QUOTE = """{"lines":[{"line_id":"38042229","name":"Adult","event":"Night at the Museum",
"event_at":"2026-08-01T23:00:00Z","quantity":4,"cancelled":4,
"unit_price":{"amount":"100.00","currency":"USD"},"amount":{"amount":"400.00","currency":"USD"}}],
"value":{"amount":"400.00","currency":"USD"},"refund":{"amount":"400.00","currency":"USD"},
"total_after":{"amount":"0.00","currency":"USD"},"destination":{"kind":"original_payment",
"payment_method":"CreditCard","last_four":"4242"},"cancels_order":true,
"fees_kept":{"amount":"0.00","currency":"USD"},"warnings":[],"blocks":[],"fingerprint":"48216b"}"""
DECISION = """{"verdict":"approved","by":{"user":"U0APPROVE","team":"T0MUSEUM","enterprise":null},
"at":"2026-07-14T15:00:00Z","revision":1,"note":"as agreed"}"""
OUTCOME = """{"refund":{"amount":"400.00","currency":"USD"},"expected":{"amount":"400.00",
"currency":"USD"},"claimed":null,"agreement":"not_stated","total_after":{"amount":"0.00",
"currency":"USD"},"receipt":null,"notified":"confirmation","completed_at":"2026-07-14T15:00:00Z"}"""


def second_version(database: Database) -> None:
    """Bring an empty database to where the second version left it, with three requests."""
    config = database._alembic()
    alembic.command.upgrade(config, "0001")
    with database.engine.begin() as connection:
        _request(connection, "rdone", "1", "done", LIFE)
        _request(connection, "rwaits", "2", "pending", LIFE[:2])
        _request(connection, "rapproved", "3", "approved", LIFE[:3])
    alembic.command.upgrade(config, "0002")
    with database.engine.begin() as connection:
        table = sa.Table("requests", sa.MetaData(), autoload_with=connection)
        read = {"order_snapshot": ORDER, "selection": '{"counts":{"38042229":4}}', "quote": QUOTE}
        connection.execute(sa.update(table).values(read))
        decided = sa.update(table).where(table.c.id != "rwaits")
        connection.execute(decided.values(decision=DECISION, reason="guest is ill"))
        done = sa.update(table).where(table.c.id == "rdone")
        connection.execute(done.values(outcome=OUTCOME))


async def test_what_the_second_version_wrote_is_kept(empty_database: Database) -> None:
    second_version(empty_database)
    told = rows(empty_database)
    empty_database.migrate()
    empty_database.check_schema()
    assert rows(empty_database) == told
    assert verified(empty_database)[1] is None
    store = store_on(empty_database, Clock())
    found = {request.id: request for request in await store.recent(10)}
    assert {request.votes for request in found.values()} == {()}
    assert {request.escalates_at for request in found.values()} == {None}
    done = found["rdone"]
    assert done.decision == Decision(Verdict.APPROVED, APPROVER, NOW, 1, "as agreed")
    assert done.outcome is not None
    assert done.outcome.refund == usd("400.00")
    assert card(done, VENUE) is not None
    assert reply(done, VENUE) is not None


async def test_after_the_second_version_what_was_approved_is_carried_out(
    empty_database: Database,
) -> None:
    second_version(empty_database)
    empty_database.migrate()
    store = store_on(empty_database, Clock())
    running = await store.claim("rapproved")
    assert running.state is State.EXECUTING
    over = await store.finish("rapproved", result_of(running))
    assert over.decision == Decision(Verdict.APPROVED, APPROVER, NOW, 1, "as agreed")
    assert verified(empty_database)[1] is None


async def test_after_the_second_version_what_waits_is_voted_on_by_the_new_rules(
    empty_database: Database,
) -> None:
    second_version(empty_database)
    empty_database.migrate()
    policy = Policy(tiers=(Tier(approvals=2),), escalate_after=timedelta(hours=1))
    store = store_on(empty_database, Clock(), policy)
    waits = await store.get("rwaits")
    assert waits is not None
    over = await allowed(store, waits, Action.APPROVE, APPROVER, SECOND)
    assert (over.state, len(over.votes)) == (State.APPROVED, 2)
    assert verified(empty_database)[1] is None


async def test_after_the_second_version_what_waits_is_reminded_of_but_calls_nobody(
    empty_database: Database,
) -> None:
    """It never said when it would; its next quote does."""
    second_version(empty_database)
    empty_database.migrate()
    policy = Policy(escalate_after=timedelta(hours=1))
    store = store_on(empty_database, Clock(datetime.now(UTC) + timedelta(hours=2)), policy)
    assert await store.overdue("rwaits") is not None
    assert events(empty_database, "rwaits")[-1] == "reminded"


async def test_what_an_older_version_finished_is_scrubbed_in_time(empty_database: Database) -> None:
    second_version(empty_database)
    empty_database.migrate()
    store = store_on(empty_database, Clock())
    assert await store.scrub(NOW + timedelta(days=1), 10) == 1
    done = await store.get("rdone")
    assert done is not None
    assert done.order is not None
    assert (done.order.guest_name, done.reason) == (None, None)
    assert verified(empty_database)[1] is None


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
    found = await store.decide("rwaits", Action.APPROVE, member(APPROVER), 1)
    assert found is not None
    assert (found[0].ruling, found[1].state) == (Ruling.ALLOWED, State.APPROVED)
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
