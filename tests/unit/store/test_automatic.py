"""Automatic approval: within the quote's own transaction, where nothing needs anybody's look."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.money import Money
from bot.domain.order import LineKind, Order
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Request, StaleRequestError, State, Verdict
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from bot.store.limits import NOBODY
from tests.examples import NOW, REQUESTER, line, member, new_request, order, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import rows, verified
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import (
    allowed,
    approvers_noted,
    asked,
    events,
    order_of,
    pending,
    quoted,
)

pytestmark = pytest.mark.anyio

UP_TO = Ceiling((usd("300.00"),))
AUTOMATIC = Policy(auto_approve_up_to=UP_TO)


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, AUTOMATIC)


async def quoted_as(store: RequestStore, order_id: str, some: Order) -> Request:
    request = await asked(store, new_request(order_id))
    return await store.record_quote(request.id, *quoted(replace(some, id=order_id)))


async def test_what_is_below_the_amount_is_approved_by_nobody(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await pending(store, order_id, quantities=(3,))
    assert (over.state, over.version, over.revision, over.run) == (State.APPROVED, 3, 1, 1)
    assert over.decision is not None
    assert (over.decision.verdict, over.decision.by) == (Verdict.AUTOMATIC, None)
    assert (over.decision.revision, over.votes) == (1, ())
    assert (over.due_at, over.escalates_at, over.expires_at) == (None, None, None)
    assert await store.get(over.id) == over
    assert approvers_noted(database, over) == {NOBODY}
    assert events(database, over.id) == ["requested", "quoted", "approved_automatically"]


async def test_the_log_tells_the_rule_and_that_it_was_nobody(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await pending(store, order_id, quantities=(3,))
    row = [row for row in rows(database) if row["request_id"] == over.id][-1]
    assert (row["state"], row["request_version"], row["actor_user"]) == ("approved", 3, None)
    assert json.loads(row["data"])["rule"] == "auto_approve_up_to"
    assert verified(database)[1] is None


async def test_it_is_carried_out_like_any_other(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await pending(store, order_id, quantities=(3,))
    assert (await store.claim(over.id)).state is State.EXECUTING
    with pytest.raises(StaleRequestError):
        await store.record_quote(over.id, *quoted(order_of(over)))
    assert events(database, over.id).count("approved_automatically") == 1


async def test_what_is_above_the_amount_waits(store: RequestStore, order_id: str) -> None:
    waits = await pending(store, order_id, quantities=(4,))
    assert (waits.state, waits.version, waits.run, waits.decision) == (State.PENDING, 2, 0, None)
    assert waits.due_at is not None


def _in_euros() -> Order:
    amount = Money(Decimal(100), "EUR")
    one = replace(line("1", quantity=1), unit_price=amount, subtotal=amount)
    return replace(order(one), currency="EUR", balance=None)


FOR_A_PERSON: dict[str, Order] = {
    "another currency": _in_euros(),
    "a ticket was used": order(replace(line("1", quantity=3), checked_in=1)),
    "not all can be cancelled": order(
        line("1", quantity=1), line("2", quantity=1, kind=LineKind.DONATION)
    ),
    "an unpaid balance": replace(order(line("1", quantity=3)), balance=usd("50.00")),
    "an organisation": replace(order(line("1", quantity=3)), organisation="Academy"),
    "an event that is over": order(
        replace(line("1", quantity=3), event_at=NOW - timedelta(days=1))
    ),
}


@pytest.mark.parametrize("why", FOR_A_PERSON)
async def test_what_somebody_should_look_at_waits(
    store: RequestStore, database: Database, order_id: str, why: str
) -> None:
    waits = await quoted_as(store, order_id, FOR_A_PERSON[why])
    assert waits.state is State.PENDING
    assert approvers_noted(database, waits) == set()
    assert events(database, waits.id) == ["requested", "quoted"]


BARRED = {
    "too old": replace(AUTOMATIC, max_order_age=timedelta(days=7)),
    "no tier covers it": replace(AUTOMATIC, tiers=(Tier(Ceiling((usd("200.00"),))),)),
    "no tier in its currency": replace(AUTOMATIC, tiers=(Tier(Ceiling(())),)),
    "not switched on": Policy(),
}


@pytest.mark.parametrize("why", BARRED)
async def test_what_the_policy_holds_against_it_waits(
    database: Database, clock: Clock, order_id: str, why: str
) -> None:
    waits = await pending(store_on(database, clock, BARRED[why]), order_id, quantities=(3,))
    assert waits.state is State.PENDING


async def test_an_event_that_begins_before_the_quote_is_stored_is_for_a_person(
    database: Database, order_id: str
) -> None:
    """The quote itself does not warn of it: it was made while the event was still to come."""
    soon = NOW + timedelta(seconds=1)
    policy = replace(AUTOMATIC, block_on=frozenset({WarningCode.PAST_EVENT}))
    store = store_on(database, Clock(NOW + timedelta(seconds=2)), policy)
    waits = await quoted_as(store, order_id, order(replace(line("1", quantity=3), event_at=soon)))
    assert waits.quote is not None
    assert (waits.state, waits.quote.warnings) == (State.PENDING, ())


async def test_a_requesters_daily_limit_holds(
    database: Database, clock: Clock, order_id: str, another_order_id: NewOrderId
) -> None:
    policy = replace(AUTOMATIC, requester_daily=Ceiling((usd("500.00"),)))
    store = store_on(database, clock, policy)
    who = Actor(f"U{order_id}", "T0MUSEUM")
    states = [
        (await pending(store, another_order_id(), who, (count,))).state for count in (3, 3, 2, 1)
    ]
    assert states == [State.APPROVED, State.PENDING, State.APPROVED, State.PENDING]
    clock.moment = datetime.combine(NOW.date() + timedelta(days=1), NOW.timetz())
    assert (await pending(store, another_order_id(), who, (3,))).state is State.APPROVED


async def test_nobody_has_no_limit_of_their_own(
    database: Database, clock: Clock, another_order_id: NewOrderId
) -> None:
    policy = replace(AUTOMATIC, approver_daily=Ceiling((usd("300.00"),)))
    store = store_on(database, clock, policy)
    for _ in range(3):
        assert (await pending(store, another_order_id(), quantities=(3,))).state is State.APPROVED


async def test_an_order_that_changed_is_for_a_person(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await pending(store, order_id, quantities=(3,))
    await store.claim(over.id)
    drifted = await store.drift(over.id, *quoted(order_of(over, 1)))
    assert (drifted.state, drifted.decision, drifted.revision) == (State.PENDING, None, 2)
    assert approvers_noted(database, drifted) == set()
    assert events(database, over.id)[-2:] == ["started", "drifted"]


async def test_another_selection_is_for_a_person(
    store: RequestStore, database: Database, order_id: str
) -> None:
    """Or whoever asks could make the bot approve by asking for less, twice."""
    waits = await pending(store, order_id, quantities=(4,))
    found = await store.reselect(waits.id, member(REQUESTER), 1, {"1": 1})
    assert found is not None
    assert (found[1].state, found[1].decision) == (State.PENDING, None)
    assert approvers_noted(database, found[1]) == set()


async def test_nobody_withdraws_what_was_approved_already(
    store: RequestStore, order_id: str
) -> None:
    over = await pending(store, order_id, quantities=(3,))
    found = await store.decide(over.id, Action.WITHDRAW, member(REQUESTER), 1)
    assert found is not None
    assert (found[0].is_allowed, found[1]) == (False, over)


async def test_what_is_above_the_amount_is_approved_by_people_as_ever(
    store: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(store, order_id, quantities=(4,))
    approver = Actor("U0APPROVE", "T0MUSEUM")
    over = await allowed(store, waits, Action.APPROVE, approver)
    assert approvers_noted(database, over) == {approver.user}
