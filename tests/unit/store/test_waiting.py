"""Waiting as rows: reminded and expired once each, when due, unless somebody decided."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.events import Event
from bot.domain.judgement import Judgement, Ruling
from bot.domain.policy import Policy
from bot.domain.request import Request, StaleRequestError, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from bot.store.audit import Entry
from tests.examples import APPROVER, CARD, REQUESTER, member
from tests.unit.databases import Clock, sqlite_database, store_on
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import events, executing, in_state, pending, unknown

pytestmark = pytest.mark.anyio

HALF_AN_HOUR, THREE_DAYS = 1800, 72 * 3600
WORKING = (State.REQUESTED, State.APPROVED, State.EXECUTING)
ENDS = (State.DONE, State.REJECTED, State.WITHDRAWN)


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> Iterator[RequestStore]:
    """A store that holds only what this test puts there."""
    with sqlite_database(tmp_path / "alone.db") as database:
        yield store_on(database, clock)


def later(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)


async def test_a_quote_waits_and_an_approval_waits_no_more(
    store: RequestStore, order_id: str
) -> None:
    waits = await pending(store, order_id)
    assert waits.due_at == later(waits.updated_at, HALF_AN_HOUR)
    assert waits.expires_at == later(waits.updated_at, THREE_DAYS)
    found = await store.decide(waits.id, Action.APPROVE, member(APPROVER), 1)
    assert found is not None
    assert (found[1].reminders, found[1].due_at, found[1].expires_at) == (0, None, None)


async def test_another_selection_begins_the_wait_anew(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    before = await pending(store, order_id)
    clock.advance(HALF_AN_HOUR)
    await store.overdue(before.id)
    found = await store.reselect(before.id, member(REQUESTER), 1, {"1": 1})
    assert found is not None
    assert found[1].reminders == 0
    assert found[1].due_at == later(found[1].updated_at, HALF_AN_HOUR)


async def test_a_reminder_is_a_new_version_of_the_same_quote(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    before = await pending(store, order_id)
    clock.advance(HALF_AN_HOUR)
    after = await store.overdue(before.id)
    assert after is not None
    assert (after.state, after.version, after.revision) == (State.PENDING, 3, 1)
    assert (after.reminders, after.quote) == (1, before.quote)
    assert after.due_at is not None
    assert round((after.due_at - after.updated_at).total_seconds()) == 2 * 3600
    assert after.expires_at == before.expires_at
    assert events(database, before.id) == ["requested", "quoted", "reminded"]
    # The card that was seen before the reminder is still a card of this quote.
    found = await store.decide(before.id, Action.APPROVE, member(APPROVER), before.revision)
    assert found is not None
    assert found[0].ruling is Ruling.ALLOWED


async def test_who_comes_too_early_or_second_changes_nothing(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    assert await store.overdue(request.id) is None
    clock.advance(HALF_AN_HOUR)
    assert await store.overdue(request.id) is not None
    assert await store.overdue(request.id) is None
    assert events(database, request.id).count("reminded") == 1


async def test_many_reminding_at_once_remind_once(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    clock.advance(HALF_AN_HOUR)
    found = await asyncio.gather(*(store.overdue(request.id) for _ in range(8)))
    assert [one is not None for one in found].count(True) == 1
    assert events(database, request.id).count("reminded") == 1


async def test_a_request_expires_after_its_last_reminder(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    told: list[Request] = []
    for hours in (0.5, 2, 8, 62):
        clock.advance(hours * 3600)
        found = await store.overdue(request.id)
        assert found is not None
        told.append(found)
    assert [one.state for one in told] == [State.PENDING] * 3 + [State.EXPIRED]
    assert (told[-1].due_at, told[-1].expires_at) == (None, None)
    assert events(database, request.id)[2:] == ["reminded"] * 3 + ["expired"]
    assert await store.overdue(request.id) is None


async def test_what_expired_while_nothing_ran_is_not_reminded_of_first(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    clock.advance(THREE_DAYS)
    over = await store.overdue(request.id)
    assert over is not None
    assert over.state is State.EXPIRED
    assert (await store.decide(request.id, Action.APPROVE, member(APPROVER), 1)) == (
        Judgement(Ruling.STATE_MOVED_ON, "state"),
        over,
    )


async def test_an_expired_order_may_be_asked_for_again(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    clock.advance(THREE_DAYS)
    await store.overdue(request.id)
    assert (await pending(store, order_id)).id != request.id


async def test_what_is_unsettled_is_reminded_of_and_stays(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    request = await unknown(store, order_id)
    assert request.expires_at is None
    for _ in range(5):
        clock.advance(THREE_DAYS)
        await store.overdue(request.id)
    after = await store.get(request.id)
    assert after is not None
    assert (after.state, after.reminders, after.due_at) == (State.UNKNOWN, 3, None)
    assert after.failure == request.failure
    assert events(database, request.id).count("reminded") == 3


@pytest.mark.parametrize("state", [*WORKING, *ENDS])
async def test_what_waits_for_nobody_is_never_overdue(
    store: RequestStore, clock: Clock, order_id: str, state: State
) -> None:
    request = await in_state(store, state, order_id)
    clock.advance(10 * THREE_DAYS)
    assert await store.overdue(request.id) is None
    assert request.id not in await store.due(100_000)
    assert await store.get(request.id) == request


async def test_deciding_and_reminding_at_once_leave_a_decision(
    store: RequestStore, database: Database, clock: Clock, another_order_id: NewOrderId
) -> None:
    for _ in range(5):
        request = await pending(store, another_order_id())
        clock.advance(HALF_AN_HOUR)
        (_, found) = await asyncio.gather(
            store.overdue(request.id),
            store.decide(request.id, Action.APPROVE, member(APPROVER), 1),
        )
        assert found is not None
        assert found[0].ruling is Ruling.ALLOWED
        assert (found[1].state, found[1].due_at) == (State.APPROVED, None)
        told = events(database, request.id)
        assert told in (
            ["requested", "quoted", "reminded", "approved"],
            ["requested", "quoted", "approved"],
        )


async def test_a_reminder_that_was_overtaken_is_stale(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    """The compare-and-set itself, should a database not lock what was read."""
    request = await pending(store, order_id)
    await store.decide(request.id, Action.WITHDRAW, member(REQUESTER))
    clock.advance(HALF_AN_HOUR)

    def too_late(connection: sa.Connection) -> Request:
        return store.move(connection, request, State.EXPIRED, Entry(Event.EXPIRED), {})

    with pytest.raises(StaleRequestError):
        await store.database.run(too_late)


async def test_without_an_expiry_a_request_waits_for_ever(
    database: Database, clock: Clock, order_id: str
) -> None:
    policy = Policy(remind_after=(), expire_after=None)
    patient = RequestStore(database, lambda _: policy, clock)
    request = await pending(patient, order_id)
    assert (request.due_at, request.expires_at) == (None, None)
    clock.advance(100 * THREE_DAYS)
    assert await patient.overdue(request.id) is None


async def test_what_is_due_is_found_longest_overdue_first(
    alone: RequestStore, clock: Clock
) -> None:
    ids = [(await pending(alone, str(number))).id for number in range(3)]
    await executing(alone, "working")
    assert await alone.due(10) == []
    clock.advance(HALF_AN_HOUR)
    assert await alone.due(10) == ids
    assert await alone.due(2) == ids[:2]
    await alone.overdue(ids[0])
    assert await alone.due(10) == ids[1:]


async def test_what_is_not_shown_yet_is_found_as_left_lying(
    alone: RequestStore, clock: Clock
) -> None:
    """A reminder whose delivery never started is a card behind its request."""
    request = await pending(alone, "1")
    await alone.delivered(request.id, request.version, CARD)
    clock.advance(HALF_AN_HOUR)
    reminder = await alone.overdue(request.id)
    assert reminder is not None
    clock.advance(10)
    assert await alone.left_lying(clock(), 10) == [request.id]
