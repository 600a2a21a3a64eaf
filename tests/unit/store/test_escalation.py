"""Escalation: more people are called, once, if nobody decided for long; then they may approve."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.judgement import Ruling
from bot.domain.policy import Policy, Tier
from bot.domain.request import Actor, Request, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, REQUESTER, member
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import rows
from tests.unit.store.steps import (
    SECOND,
    UNSETTLED,
    allowed,
    events,
    executing,
    order_of,
    pending,
    quoted,
)

pytestmark = pytest.mark.anyio

BOSS = Actor("U0BOSS", "T0MUSEUM")
HOUR = timedelta(hours=1)
# Reminders come after half an hour, two hours more and eight hours more; the end after 72 hours.
ESCALATES = Policy(
    approvers=frozenset({APPROVER.user, SECOND.user}),
    escalate_after=HOUR,
    escalate_to=("S0BOSSES",),
)
TWO_APPROVE = (Tier(approvals=2),)


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, ESCALATES)


def told(database: Database, request: Request) -> list[str]:
    return events(database, request.id)[2:]


async def current(store: RequestStore, request: Request) -> Request:
    found = await store.get(request.id)
    assert found is not None
    return found


async def story(store: RequestStore, clock: Clock, request: Request) -> list[tuple[float, str]]:
    """What happens by itself while nobody decides: after how many hours, and what."""
    begun, found = request.updated_at, []
    while request.due_at is not None:
        hours = (request.due_at - begun) / HOUR
        clock.moment = request.due_at
        await store.overdue(request.id)
        found.append((round(hours, 2), events(store.database, request.id)[-1]))
        request = await current(store, request)
    return found


def escalating(hours: float) -> Policy:
    return replace(ESCALATES, escalate_after=hours * HOUR)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ESCALATES, [(0.5, "reminded"), (1, "escalated"), (9, "reminded"), (72, "expired")]),
        (
            escalating(0.25),
            [(0.25, "escalated"), (2.25, "reminded"), (10.25, "reminded"), (72, "expired")],
        ),
        (
            escalating(0.5),  # just when the first reminder is due: one is enough
            [(0.5, "escalated"), (2.5, "reminded"), (10.5, "reminded"), (72, "expired")],
        ),
        (
            escalating(80),  # never: it expires first
            [(0.5, "reminded"), (2.5, "reminded"), (10.5, "reminded"), (72, "expired")],
        ),
        (
            escalating(20),
            [
                (0.5, "reminded"),
                (2.5, "reminded"),
                (10.5, "reminded"),
                (20, "escalated"),
                (72, "expired"),
            ],
        ),
        (replace(ESCALATES, remind_after=()), [(1, "escalated"), (72, "expired")]),
        (replace(ESCALATES, remind_after=(), expire_after=None), [(1, "escalated")]),
    ],
)
async def test_it_comes_once_among_the_reminders_and_before_the_end(
    database: Database,
    clock: Clock,
    order_id: str,
    policy: Policy,
    expected: list[tuple[float, str]],
) -> None:
    store = store_on(database, clock, policy)
    found = await story(store, clock, await pending(store, order_id))
    assert [event for _, event in found] == [event for _, event in expected]
    assert [hours for hours, _ in found] == pytest.approx(
        [hours for hours, _ in expected], abs=0.01
    )


async def test_a_request_knows_when_it_escalates(store: RequestStore, order_id: str) -> None:
    waits = await pending(store, order_id)
    assert waits.escalates_at == waits.updated_at + HOUR
    assert await current(store, waits) == waits


async def test_it_is_found_as_due_and_counted_as_a_reminder(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    waits = await pending(store, order_id)
    clock.advance(1800)
    await store.overdue(waits.id)
    assert waits.id not in await store.due(100_000)
    clock.advance(1800)
    assert waits.id in await store.due(100_000)
    after = await store.overdue(waits.id)
    assert after is not None
    assert (after.reminders, after.state, after.revision) == (2, State.PENDING, 1)
    row = [row for row in rows(database) if row["request_id"] == waits.id][-1]
    assert (row["event"], row["actor_user"]) == ("order:cancel:escalated", None)
    assert json.loads(row["data"]) == {"reminder": 2}


async def test_what_was_slept_through_escalates_once_and_at_once(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    """A reminder and the escalation passed while nothing ran: one message says it all."""
    waits = await pending(store, order_id)
    clock.advance(5 * 3600)
    assert await store.overdue(waits.id) is not None
    assert await store.overdue(waits.id) is None
    assert told(database, waits) == ["escalated"]
    clock.advance(12 * 3600)
    await store.overdue(waits.id)
    assert told(database, waits) == ["escalated", "reminded"]


async def test_what_expired_meanwhile_calls_nobody_any_more(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    waits = await pending(store, order_id)
    clock.advance(72 * 3600)
    over = await store.overdue(waits.id)
    assert over is not None
    assert (over.state, over.escalates_at) == (State.EXPIRED, None)
    assert told(database, waits) == ["expired"]


async def test_many_at_once_escalate_once(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    waits = await pending(store, order_id)
    clock.advance(3600)
    found = await asyncio.gather(*(store.overdue(waits.id) for _ in range(8)))
    assert [one is not None for one in found].count(True) == 1
    assert told(database, waits) == ["escalated"]


async def decided_by_boss(
    store: RequestStore, request: Request, action: Action = Action.APPROVE
) -> tuple[Ruling, State]:
    person = member(BOSS, "S0BOSSES")
    found = await store.decide(request.id, action, person, request.revision)
    assert found is not None
    return found[0].ruling, found[1].state


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_who_is_called_may_decide_from_that_moment_on(
    store: RequestStore, clock: Clock, order_id: str, action: Action
) -> None:
    """Whether or not the housekeeping has come round to saying so."""
    waits = await pending(store, order_id)
    clock.advance(3590)
    assert await decided_by_boss(store, waits, action) == (Ruling.NOT_AN_APPROVER, State.PENDING)
    clock.advance(10)
    ruling, state = await decided_by_boss(store, waits, action)
    assert (ruling, state) == (
        Ruling.ALLOWED,
        State.APPROVED if action is Action.APPROVE else State.REJECTED,
    )


async def test_a_tier_that_names_its_own_approvers_stays_theirs(
    database: Database, clock: Clock, order_id: str
) -> None:
    tier = Tier(approvers=frozenset({APPROVER.user}))
    store = store_on(database, clock, replace(ESCALATES, tiers=(tier,)))
    waits = await pending(store, order_id)
    clock.advance(7200)
    assert await decided_by_boss(store, waits) == (Ruling.NOT_AN_APPROVER, State.PENDING)


async def test_a_vote_does_not_put_it_off(database: Database, clock: Clock, order_id: str) -> None:
    store = store_on(database, clock, replace(ESCALATES, tiers=TWO_APPROVE))
    waits = await pending(store, order_id)
    clock.advance(1700)
    once = await allowed(store, waits, Action.APPROVE, APPROVER)
    assert (once.due_at, once.escalates_at) == (waits.due_at, waits.escalates_at)
    assert [event for _, event in await story(store, clock, once)] == [
        "reminded",
        "escalated",
        "reminded",
        "expired",
    ]


async def test_a_new_quote_waits_anew(store: RequestStore, clock: Clock, order_id: str) -> None:
    waits = await pending(store, order_id)
    clock.advance(3600)
    await store.overdue(waits.id)
    found = await store.reselect(waits.id, member(REQUESTER), 1, {"1": 1})
    assert found is not None
    anew = found[1]
    assert anew.escalates_at == anew.updated_at + HOUR
    assert await decided_by_boss(store, anew) == (Ruling.NOT_AN_APPROVER, State.PENDING)
    running = await store.claim((await allowed(store, anew, Action.APPROVE, APPROVER)).id)
    assert (running.due_at, running.escalates_at) == (None, None)
    drifted = await store.drift(running.id, *quoted(order_of(running, 3)))
    assert drifted.escalates_at == drifted.updated_at + HOUR


async def test_what_is_unsettled_is_reminded_of_but_calls_nobody_else(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    open_one = await store.mark_unknown((await executing(store, order_id)).id, UNSETTLED)
    assert open_one.escalates_at is None
    assert {event for _, event in await story(store, clock, open_one)} == {"reminded"}


async def test_without_the_setting_nothing_escalates(
    database: Database, clock: Clock, order_id: str
) -> None:
    store = store_on(database, clock)
    waits = await pending(store, order_id)
    assert waits.escalates_at is None
    found = [event for _, event in await story(store, clock, waits)]
    assert found == ["reminded"] * 3 + ["expired"]
