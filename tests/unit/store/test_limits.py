"""Daily limits: what is added up for whom, in which currency and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from bot.domain.judgement import Ruling, Usage
from bot.domain.money import Money
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Actor, Failure, FailureCode, NewRequest, Request, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore, limits
from tests.examples import NOW, member, new_request, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import (
    UNSETTLED,
    allowed,
    asked,
    clicked,
    order_of,
    pending,
    quoted,
    result_of,
)

pytestmark = pytest.mark.anyio

LIMIT = Ceiling((usd("500.00"),))
# Limits that nobody reaches: so the sums are asked for.
HIGH = Ceiling((usd("100000.00"), Money(Decimal(100_000), "EUR")))
TWO_APPROVE = Policy(
    tiers=(Tier(approvals=2),),
    rejections=2,
    approver_daily=HIGH,
    requester_daily=HIGH,
    expire_after=timedelta(hours=1),
)


class Desk:
    """A requester and two approvers whom no other test knows."""

    def __init__(self, database: Database, clock: Clock, order_id: str, new_id: NewOrderId) -> None:
        self.database, self.clock, self.new_id = database, clock, new_id
        self.requester, self.one, self.other = (
            Actor(f"U{order_id}{name}", "T0MUSEUM") for name in ("ASKS", "ONE", "OTHER")
        )

    def store(self, policy: Policy = TWO_APPROVE) -> RequestStore:
        return store_on(self.database, self.clock, policy)

    async def waiting(self, hundreds: int = 3, policy: Policy = TWO_APPROVE) -> Request:
        return await pending(self.store(policy), self.new_id(), self.requester, (hundreds,))

    async def approved(self, hundreds: int = 3) -> Request:
        waits = await self.waiting(hundreds)
        return await allowed(self.store(), waits, Action.APPROVE, self.one, self.other)

    async def executing(self) -> Request:
        return await self.store().claim((await self.approved()).id)

    async def used(self, approver: Actor | None = None) -> tuple[str, str]:
        """What `approver` (the first one) approved today, and what the requester was approved."""
        next_one = await self.waiting(1)

        def work(connection: sa.Connection) -> Usage | None:
            user = (approver or self.one).user
            now = self.clock()
            return limits.usage(connection, TWO_APPROVE, next_one, user, now)

        usage = await self.database.run(work)
        assert usage is not None
        return str(usage.by_approver.amount), str(usage.for_requester.amount)


@pytest.fixture
def desk(database: Database, clock: Clock, order_id: str, another_order_id: NewOrderId) -> Desk:
    return Desk(database, clock, order_id, another_order_id)


async def _vote(desk: Desk) -> Request:
    return await allowed(desk.store(), await desk.waiting(), Action.APPROVE, desk.one)


async def _taken_back(desk: Desk) -> None:
    await allowed(desk.store(), await _vote(desk), Action.TAKE_BACK, desk.one)


async def _replaced_by_a_rejection(desk: Desk) -> None:
    await allowed(desk.store(), await _vote(desk), Action.REJECT, desk.one)


async def _rejected(desk: Desk) -> None:
    over = await allowed(
        desk.store(replace(TWO_APPROVE, rejections=1)), await _vote(desk), Action.REJECT, desk.other
    )
    assert over.state is State.REJECTED


async def _withdrawn(desk: Desk) -> None:
    await allowed(desk.store(), await _vote(desk), Action.WITHDRAW, desk.requester)


async def _expired(desk: Desk) -> None:
    waits = await _vote(desk)
    desk.clock.advance(3600)
    over = await desk.store().overdue(waits.id)
    assert over is not None
    assert over.state is State.EXPIRED


async def _without_a_card(desk: Desk) -> None:
    failure = Failure(FailureCode.CARD_NOT_POSTED, "channel_not_found")
    await desk.store().fail((await _vote(desk)).id, State.PENDING, failure)


async def _reselected(desk: Desk) -> None:
    waits = await _vote(desk)
    found = await desk.store().reselect(waits.id, member(desk.requester), 1, {"1": 2})
    assert found is not None
    assert found[0].is_allowed


async def _drifted(desk: Desk) -> None:
    running = await desk.executing()
    await desk.store().drift(running.id, *quoted(order_of(running, 2)))


async def _approved(desk: Desk) -> None:
    await desk.approved()


async def _executing(desk: Desk) -> None:
    await desk.executing()


async def _done(desk: Desk) -> None:
    running = await desk.executing()
    await desk.store().finish(running.id, result_of(running))


async def _failed(desk: Desk) -> None:
    failure = Failure(FailureCode.REFUSED, "order is locked")
    await desk.store().fail((await desk.executing()).id, State.EXECUTING, failure)


async def _unknown(desk: Desk) -> Request:
    return await desk.store().mark_unknown((await desk.executing()).id, UNSETTLED)


async def _checked_again(desk: Desk) -> None:
    await allowed(desk.store(), await _unknown(desk), Action.RECHECK, desk.requester)


async def _settled(desk: Desk, truth: State) -> None:
    unsettled = await _unknown(desk)
    found = await desk.store().decide(
        unsettled.id, Action.RESOLVE, member(desk.other), resolved_as=truth
    )
    assert found is not None
    assert found[1].state is truth


NOTHING, VOTE, DECIDED = ("0.00", "0.00"), ("300.00", "0.00"), ("300.00", "300.00")
COUNTED: dict[str, tuple[Callable[[Desk], Awaitable[object]], tuple[str, str]]] = {
    "asked for": (Desk.waiting, NOTHING),
    "one of two votes": (_vote, VOTE),
    "a vote taken back": (_taken_back, NOTHING),
    "a vote replaced by a rejection": (_replaced_by_a_rejection, NOTHING),
    "rejected": (_rejected, NOTHING),
    "withdrawn": (_withdrawn, NOTHING),
    "expired": (_expired, NOTHING),
    "without a card": (_without_a_card, NOTHING),
    "another selection": (_reselected, NOTHING),
    "drifted": (_drifted, NOTHING),
    "approved": (_approved, DECIDED),
    "executing": (_executing, DECIDED),
    "done": (_done, DECIDED),
    "failed": (_failed, NOTHING),
    "unknown": (_unknown, DECIDED),
    "checked again": (_checked_again, DECIDED),
    "settled as done": (lambda desk: _settled(desk, State.DONE), DECIDED),
    # Nobody confirmed it: whoever settled it shall not have made room for themselves.
    "settled as failed": (lambda desk: _settled(desk, State.FAILED), DECIDED),
}


@pytest.mark.parametrize("history", COUNTED)
async def test_what_was_moved_or_still_may_be_counts(desk: Desk, history: str) -> None:
    bring_about, used = COUNTED[history]
    await bring_about(desk)
    assert await desk.used() == used


async def test_everybody_who_approved_used_up_their_own_limit_and_the_requesters_once(
    desk: Desk,
) -> None:
    await desk.approved(3)
    await desk.approved(2)
    assert await desk.used(desk.one) == ("500.00", "500.00")
    assert await desk.used(desk.other) == ("500.00", "500.00")
    assert await desk.used(desk.requester) == ("0.00", "500.00")


async def test_a_limit_may_be_reached_but_not_passed(desk: Desk) -> None:
    store = desk.store(Policy(approver_daily=LIMIT))
    await allowed(store, await desk.waiting(3), Action.APPROVE, desk.one)
    too_much, just_right = await desk.waiting(3), await desk.waiting(2)
    judgement, after = await clicked(store, too_much, Action.APPROVE, desk.one)
    assert (judgement.ruling, after) == (Ruling.APPROVER_LIMIT, too_much)
    assert (judgement.bound, judgement.used) == (usd("500.00"), usd("300.00"))
    await allowed(store, just_right, Action.APPROVE, desk.one)
    await allowed(store, too_much, Action.APPROVE, desk.other)


async def test_a_requesters_limit_holds_for_whoever_approves(desk: Desk) -> None:
    store = desk.store(Policy(requester_daily=LIMIT))
    await allowed(store, await desk.waiting(4), Action.APPROVE, desk.one)
    waits = await desk.waiting(2)
    judgement, after = await clicked(store, waits, Action.APPROVE, desk.other)
    assert (judgement.ruling, after) == (Ruling.REQUESTER_LIMIT, waits)
    assert (judgement.bound, judgement.used) == (usd("500.00"), usd("400.00"))


async def test_a_limit_never_keeps_anybody_from_rejecting_or_withdrawing(desk: Desk) -> None:
    store = desk.store(Policy(approver_daily=LIMIT, requester_daily=LIMIT))
    await allowed(store, await desk.waiting(5), Action.APPROVE, desk.one)
    await allowed(store, await desk.waiting(5), Action.REJECT, desk.one)
    await allowed(store, await desk.waiting(5), Action.WITHDRAW, desk.requester)


async def test_an_own_earlier_vote_for_the_same_request_is_not_counted_twice(desk: Desk) -> None:
    glass = BreakGlass(frozenset({desk.one.user}))
    store = desk.store(Policy(tiers=TWO_APPROVE.tiers, approver_daily=LIMIT, break_glass=glass))
    once = await allowed(store, await desk.waiting(4), Action.APPROVE, desk.one)
    over = await allowed(store, once, Action.BREAK_GLASS, desk.one)
    assert over.state is State.APPROVED
    assert await desk.used() == ("400.00", "400.00")


async def test_who_breaks_the_glass_has_limits_as_well(desk: Desk) -> None:
    glass = BreakGlass(frozenset({desk.one.user}))
    store = desk.store(Policy(approver_daily=LIMIT, break_glass=glass))
    await allowed(store, await desk.waiting(4), Action.APPROVE, desk.one)
    judgement, _ = await clicked(store, await desk.waiting(4), Action.BREAK_GLASS, desk.one)
    assert judgement.ruling is Ruling.APPROVER_LIMIT


async def test_each_venue_has_limits_of_its_own(desk: Desk) -> None:
    store = desk.store()
    elsewhere: NewRequest = replace(
        new_request(desk.new_id(), requester=desk.requester), venue="harbour"
    )
    request = await asked(store, elsewhere)
    await store.record_quote(request.id, *quoted(order_of(request)))
    await allowed(store, request, Action.APPROVE, desk.one, desk.other)
    assert await desk.used() == NOTHING


async def test_each_currency_has_limits_of_its_own(desk: Desk) -> None:
    store = desk.store()
    request = await asked(store, new_request(desk.new_id(), requester=desk.requester))
    some = order_of(request, 3)
    (line,) = some.lines
    price, subtotal = (Money(amount, "EUR") for amount in (Decimal(100), Decimal(300)))
    euro_line = replace(line, unit_price=price, subtotal=subtotal)
    in_euros = replace(some, currency="EUR", lines=(euro_line,), balance=None)
    await store.record_quote(request.id, *quoted(in_euros))
    await allowed(store, request, Action.APPROVE, desk.one, desk.other)
    assert await desk.used() == NOTHING
    judgement, _ = await clicked(
        desk.store(Policy(approver_daily=Ceiling((Money(Decimal(9), "EUR"),)))),
        await desk.waiting(),
        Action.APPROVE,
        desk.one,
    )
    assert (judgement.ruling, judgement.bound) == (Ruling.APPROVER_LIMIT, None)


async def test_without_limits_nothing_is_added_up(desk: Desk, database: Database) -> None:
    waits = await desk.waiting()

    def work(connection: sa.Connection) -> Usage | None:
        return limits.usage(connection, Policy(), waits, desk.one.user, NOW)

    assert await database.run(work) is None


async def test_tomorrow_is_another_day(desk: Desk) -> None:
    store = desk.store(Policy(approver_daily=LIMIT, expire_after=None))
    await allowed(store, await desk.waiting(5), Action.APPROVE, desk.one)
    waits = await desk.waiting(5, Policy(expire_after=None))
    desk.clock.advance(8.9 * 3600)  # it was three in the afternoon
    assert not (await clicked(store, waits, Action.APPROVE, desk.one))[0].is_allowed
    desk.clock.advance(0.2 * 3600)
    await allowed(store, waits, Action.APPROVE, desk.one)
