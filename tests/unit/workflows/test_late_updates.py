"""What Slack does later, on top of something newer, is painted over again."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from bot.domain.delivery import Delivery, DeliveryPostponedError
from bot.domain.request import Failure, FailureCode, LedgerUnavailableError, Request, State
from bot.domain.ruling import Action
from bot.store import RequestStore
from bot.workflows.delivery import deliver_in_doubt, deliver_soon
from bot.workflows.services import Pauses
from tests.examples import APPROVER, CARD, member, new_request
from tests.unit.databases import Clock
from tests.unit.store.steps import asked, pending
from tests.unit.workflows.fakes import FakeDesk, FakeDurable
from tests.unit.workflows.post import LATER, Post, Posting

pytestmark = pytest.mark.anyio

T = TypeVar("T")

UNANSWERED = DeliveryPostponedError(None, "TimeoutError", in_doubt=True)


class Patient(FakeDurable):
    """Does a step again while the ledger is away, as the engine does."""

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        async def patiently() -> T:
            while True:
                with contextlib.suppress(LedgerUnavailableError):
                    return await work()

        return await super().step(name, patiently)


async def test_what_was_left_unanswered_may_still_happen_so_the_card_is_shown_again(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(UNANSWERED, LATER)
    shown = await on.deliver(request)
    assert shown.delivered_version == shown.version
    assert on.durable.sleeps == [*Pauses().deliver[:2], Pauses().afterthought]
    assert on.desk.tries == 4


async def test_every_doubt_has_its_own_afterthought(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(UNANSWERED, None, UNANSWERED)
    await on.deliver(request)
    pauses, afterthought = Pauses().deliver, Pauses().afterthought
    assert on.durable.sleeps == [pauses[0], afterthought, pauses[1], afterthought]


async def test_a_doubt_is_handed_over_with_the_delivery(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post(UNANSWERED)
    await deliver_soon(on.services, on.durable, request.id)
    ((name, _, _),) = on.durable.handed_over
    assert name == "deliver_in_doubt"
    following = FakeDurable(on.clock)
    await deliver_in_doubt(on.services, following, request.id)
    assert following.sleeps == [Pauses().afterthought]
    assert on.desk.tries == 3


class PaintingOver(FakeDesk):
    """At its first update another process decides, and shows that, before this update lands.

    `notes`: whether that process has noted it by then; `trouble` comes with the second update.
    """

    def __init__(
        self, store: RequestStore, *, notes: bool, trouble: Exception | None = None
    ) -> None:
        super().__init__(None, trouble)
        self._store = store
        self._notes = notes

    async def show(self, request: Request) -> Delivery:
        if not self.tries:
            found = await self._store.decide(request.id, Action.APPROVE, member(APPROVER), 1)
            assert found is not None
            if self._notes:
                await self._store.delivered(request.id, found[1].version, CARD)
        return await super().show(request)


def refuse_to_note(monkeypatch: pytest.MonkeyPatch, refusals: list[bool]) -> None:
    """Let the ledger be away at these attempts to note what was shown."""
    noting, refused = RequestStore.delivered, iter(refusals)

    async def away(ledger: RequestStore, *arguments: Any) -> int:  # noqa: ANN401 - passed on
        if next(refused, False):
            raise LedgerUnavailableError("OperationalError")
        return await noting(ledger, *arguments)

    monkeypatch.setattr(RequestStore, "delivered", away)


@pytest.mark.parametrize("trouble", [None, LATER])
@pytest.mark.parametrize("notes", [True, False])
async def test_who_painted_over_a_newer_state_shows_that_again(
    store: RequestStore, clock: Clock, order_id: str, notes: bool, trouble: Exception | None
) -> None:
    """Whether or not the other one has noted yet what it showed, and even if it takes long."""
    request = await pending(store, order_id)
    desk = PaintingOver(store, notes=notes, trouble=trouble)
    after = await Post(store, clock, desk).deliver(request)
    assert [shown.state for shown in desk.shown] == [State.PENDING, State.APPROVED]
    assert after.delivered_version == after.version


async def test_a_ledger_that_goes_away_right_after_an_update_does_not_make_it_the_last(
    store: RequestStore, clock: Clock, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await pending(store, order_id)
    desk = PaintingOver(store, notes=True)
    refuse_to_note(monkeypatch, [False, True])
    await Post(store, clock, desk, Patient(clock)).deliver(request)
    assert [shown.state for shown in desk.shown] == [State.PENDING, State.APPROVED]


async def test_a_ledger_that_goes_away_after_an_unanswered_update_forgets_no_doubt(
    store: RequestStore, clock: Clock, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await pending(store, order_id)
    refuse_to_note(monkeypatch, [True])
    on = Post(store, clock, FakeDesk(UNANSWERED), Patient(clock))
    await on.deliver(request)
    assert on.durable.sleeps == [Pauses().afterthought]


async def test_what_a_process_was_showing_when_it_died_is_shown_again_now_and_later(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    """What it last asked of Slack may happen after what others have shown since."""
    request = await pending(store, order_id)
    await store.delivered(request.id, request.version, CARD)
    on = post()
    on.durable.resume()
    after = await on.deliver(request)
    assert (on.desk.tries, on.durable.sleeps) == (2, [Pauses().afterthought])
    assert after.delivered_version == after.version


async def test_a_card_that_was_never_posted_cannot_have_been_painted_over(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    """So the requester is not told twice that there will be none."""
    request = await asked(store, new_request(order_id))
    failed = await store.fail(request.id, State.REQUESTED, Failure(FailureCode.ORDER_NOT_FOUND))
    await store.delivered(failed.id, failed.version)
    on = Post(store, clock, FakeDesk())
    on.durable.resume()
    await on.deliver(failed)
    assert on.desk.tries == 0


async def test_a_workflow_that_died_while_showing_hands_over_its_doubt(
    post: Posting, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    on = post()
    on.durable.resume()
    await deliver_soon(on.services, on.durable, request.id)
    handed_over = [("deliver_in_doubt", f"doubt:{on.durable.workflow_id}", request.id)]
    assert on.durable.handed_over == handed_over
