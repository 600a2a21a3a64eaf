"""Delivery: what people see catches up with the request, however long Slack takes."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.delivery import Delivery, DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import Failure, FailureCode, LedgerUnavailableError, Request, State
from bot.domain.ruling import Action
from bot.store import RequestStore
from bot.workflows.delivery import deliver, deliver_soon
from bot.workflows.services import Pauses, Services
from tests.examples import APPROVER, CARD, REPLY, REQUESTER, member
from tests.unit.databases import Clock
from tests.unit.store.steps import in_state, pending
from tests.unit.workflows.fakes import FakeDesk, FakeDurable, Power, PowerCutError
from tests.unit.workflows.post import LATER, Post, Posting

pytestmark = pytest.mark.anyio


async def test_a_request_is_shown_once_and_its_card_remembered(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post()
    shown = await on.deliver(request)
    assert (shown.card, shown.delivered_version, shown.version) == (CARD, 2, 2)
    await on.deliver(request)
    assert on.desk.tries == 1
    assert on.durable.sleeps == []


async def test_where_the_reply_stands_is_remembered(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    class Threaded(FakeDesk):
        async def show(self, request: Request) -> Delivery:
            await super().show(request)
            return Delivery(CARD, REPLY)

    request = await in_state(store, State.UNKNOWN, order_id)
    shown = await Post(store, clock, Threaded()).deliver(request)
    assert (shown.card, shown.result) == (CARD, REPLY)


async def test_trouble_is_waited_out(post: Posting, store: RequestStore, order_id: str) -> None:
    request = await pending(store, order_id)
    on = post(LATER, LATER, LATER)
    shown = await on.deliver(request)
    assert shown.delivered_version == shown.version
    assert on.durable.sleeps == list(Pauses().deliver[:3])


@pytest.mark.parametrize(("asked", "waited"), [(30.0, 30.0), (0.5, 0.5), (None, 1.0), (0.0, 1.0)])
async def test_slack_is_given_as_long_as_it_asks_for(
    post: Posting, store: RequestStore, order_id: str, asked: float | None, waited: float
) -> None:
    request = await pending(store, order_id)
    on = post(DeliveryPostponedError(asked, "ratelimited"))
    await on.deliver(request)
    assert on.durable.sleeps == [waited]


async def test_after_many_tries_the_sweep_is_left_to_find_it(
    post: Posting, store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(*[LATER] * 100)
    behind = await on.deliver(request)
    assert on.desk.tries == len(Pauses().deliver) + 1
    assert behind.delivered_version < behind.version
    clock.advance(10)
    assert request.id in await store.left_lying(clock(), 1000)


async def test_a_first_card_that_cannot_be_posted_ends_the_request(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(DeliveryImpossibleError("not_in_channel"))
    over = await on.deliver(request)
    assert over.state is State.FAILED
    assert over.failure == Failure(FailureCode.CARD_NOT_POSTED, "not_in_channel")
    assert [shown.state for shown in on.desk.shown] == [State.FAILED]
    assert over.delivered_version == over.version


async def test_a_first_card_that_was_decided_on_meanwhile_does_not_end_the_request(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)

    class Withdrawing(FakeDesk):
        async def show(self, request: Request) -> Delivery:
            if not self.tries:
                await store.decide(request.id, Action.WITHDRAW, member(REQUESTER))
            return await super().show(request)

    on = Post(store, clock, Withdrawing(DeliveryImpossibleError("not_in_channel")))
    over = await on.deliver(request)
    assert (over.state, over.failure) == (State.WITHDRAWN, None)
    assert [shown.state for shown in on.desk.shown] == [State.WITHDRAWN]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DONE, State.REJECTED])
async def test_an_update_that_cannot_be_shown_leaves_the_truth_as_it_is(
    post: Posting, store: RequestStore, order_id: str, state: State
) -> None:
    request = await in_state(store, state, order_id)
    await store.delivered(request.id, request.version - 1, CARD)
    on = post(DeliveryImpossibleError("is_archived"))
    after = await on.deliver(request)
    assert (after.state, after.version) == (state, request.version)
    assert after.delivered_version == after.version
    assert on.desk.tries == 1


@pytest.mark.parametrize("state", [State.APPROVED, State.EXECUTING, State.UNKNOWN])
async def test_a_card_that_was_never_posted_does_not_end_what_was_approved(
    post: Posting, store: RequestStore, order_id: str, state: State
) -> None:
    request = await in_state(store, state, order_id)
    on = post(DeliveryImpossibleError("is_archived"))
    after = await on.deliver(request)
    assert (after.state, after.delivered_version) == (state, after.version)
    assert on.desk.tries == 1


async def test_a_pending_card_that_cannot_be_updated_stays_open_for_decision(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    await store.delivered(request.id, request.version, CARD)
    found = await store.reselect(request.id, member(REQUESTER), 1, {"1": 1})
    assert found is not None
    after = await post(DeliveryImpossibleError("is_archived")).deliver(found[1])
    assert after.state is State.PENDING


async def test_the_newest_state_is_shown_last(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await pending(store, order_id)

    class Overtaken(FakeDesk):
        async def show(self, request: Request) -> Delivery:
            if not self.tries:
                await store.decide(request.id, Action.APPROVE, member(APPROVER), 1)
            return await super().show(request)

    on = Post(store, clock, Overtaken())
    after = await on.deliver(request)
    assert [shown.state for shown in on.desk.shown] == [State.PENDING, State.APPROVED]
    assert after.delivered_version == after.version


async def test_a_late_delivery_shows_nothing_outdated(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    old = await pending(store, order_id)
    await store.decide(old.id, Action.APPROVE, member(APPROVER), 1)
    on = post()
    await on.deliver(old)
    assert [shown.state for shown in on.desk.shown] == [State.APPROVED]


async def test_one_request_is_shown_by_one_delivery_at_a_time(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    class Busy(FakeDesk):
        now = most = 0

        async def show(self, request: Request) -> Delivery:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return await super().show(request)

    request = await pending(store, order_id)
    desk = Busy()
    services = Services(store, {}, desk, clock)
    await asyncio.gather(*(deliver(services, FakeDurable(clock), request.id) for _ in range(5)))
    assert (desk.most, desk.tries) == (1, 1)


async def test_a_request_nobody_knows_is_shown_nowhere(post: Posting) -> None:
    on = post()
    await deliver(on.services, on.durable, "rnosuch")
    assert on.desk.tries == 0


@pytest.mark.parametrize("cut", range(1, 4))
async def test_dying_at_any_moment_shows_it_in_the_end(
    store: RequestStore, clock: Clock, order_id: str, cut: int
) -> None:
    request = await pending(store, order_id)
    power = Power({cut})

    class Failing(FakeDesk):
        async def show(self, request: Request) -> Delivery:
            shown = await super().show(request)
            power.may_fail()
            return shown

    durable = FakeDurable(clock, power)
    services = Services(store, {}, Failing(), clock)
    with pytest.raises(PowerCutError):
        await deliver(services, durable, request.id)
    durable.resume()
    await deliver(services, durable, request.id)
    shown = await store.get(request.id)
    assert shown is not None
    assert (shown.card, shown.delivered_version) == (CARD, shown.version)


async def test_a_card_that_our_own_mistake_breaks_is_tried_with_growing_pauses(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(*[RuntimeError("a mistake of ours")] * 100)
    behind = await on.deliver(request)
    assert on.durable.sleeps == list(Pauses().deliver)
    assert on.desk.tries == len(Pauses().deliver) + 1
    assert (behind.state, behind.delivered_version) == (State.PENDING, request.delivered_version)


async def test_a_ledger_that_is_away_is_left_to_the_engine(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    with pytest.raises(LedgerUnavailableError):
        await post(LedgerUnavailableError("OperationalError")).deliver(request)


async def test_what_can_be_shown_at_once_is_handed_over_to_nobody(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post()
    await deliver_soon(on.services, on.durable, request.id)
    assert (on.desk.tries, on.durable.handed_over, on.durable.sleeps) == (1, [], [])


@pytest.mark.parametrize("trouble", [LATER, RuntimeError("a mistake of ours")])
async def test_what_cannot_be_shown_at_once_is_handed_over_to_a_delivery(
    post: Posting, store: RequestStore, order_id: str, trouble: Exception
) -> None:
    request = await pending(store, order_id)
    on = post(trouble)
    await deliver_soon(on.services, on.durable, request.id)
    assert (on.desk.tries, on.durable.sleeps) == (1, [])
    handed_over = [("deliver", f"deliver:{request.id}:{request.version}", request.id)]
    assert on.durable.handed_over == handed_over
    on.durable.resume()
    await deliver_soon(on.services, on.durable, request.id)
    assert on.durable.handed_over == handed_over
