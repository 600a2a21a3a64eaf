"""Steps that bring a stored request to where a test begins, and what the audit log says then."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.policy import Action, Ruling
from bot.domain.quote import Quote, quote
from bot.domain.request import (
    Actor,
    CreationResult,
    Failure,
    FailureCode,
    NewRequest,
    Request,
    State,
)
from bot.domain.selection import Selection
from bot.domain.settlement import Outcome, outcome
from bot.store import Database, RequestStore, audit
from tests.examples import APPROVER, NOW, REQUESTER, cancelled, line, new_request, order

BODY = {"method": "POST", "path": "/v2/b2b/orders/update", "body": {"orderId": "1"}}
UNSETTLED = Failure(FailureCode.UNSETTLED, "Adult: 4 left, 0 intended")


async def asked(store: RequestStore, new: NewRequest) -> Request:
    result, request = await store.create(new)
    assert result is CreationResult.CREATED
    return request


def order_of(request: Request, *quantities: int) -> Order:
    lines = [line(str(n), quantity=count) for n, count in enumerate(quantities or (4, 2), 1)]
    return order(*lines, order_id=request.order_id)


def quoted(some: Order, selection: Selection | None = None) -> tuple[Order, Selection, Quote]:
    wish = selection or Selection.everything(some)
    return some, wish, quote(some, wish, NOW)


async def pending(store: RequestStore, order_id: str, requester: Actor = REQUESTER) -> Request:
    request = await asked(store, new_request(order_id, requester=requester))
    return await store.record_quote(request.id, *quoted(order_of(request)))


async def approved(store: RequestStore, order_id: str) -> Request:
    request = await pending(store, order_id)
    found = await store.decide(request.id, Action.APPROVE, APPROVER, request.revision)
    assert found is not None
    assert found[0] is Ruling.ALLOWED
    return found[1]


async def executing(store: RequestStore, order_id: str) -> Request:
    return await store.claim((await approved(store, order_id)).id)


async def unknown(store: RequestStore, order_id: str) -> Request:
    return await store.mark_unknown((await executing(store, order_id)).id, UNSETTLED)


def result_of(request: Request) -> Outcome:
    assert request.order is not None
    assert request.selection is not None
    assert request.quote is not None
    after = cancelled(request.order, request.selection)
    nothing = Money.zero(request.order.currency)
    return outcome(request.order, request.quote, after, None, nothing, request.notify, NOW)


async def in_state(store: RequestStore, state: State, order_id: str) -> Request:
    """Bring a new request for `order_id` to `state`."""
    if state is State.REQUESTED:
        return await asked(store, new_request(order_id))
    if state is State.APPROVED:
        return await approved(store, order_id)
    if state is State.EXECUTING:
        return await executing(store, order_id)
    if state is State.UNKNOWN:
        return await unknown(store, order_id)
    if state is State.DONE:
        running = await executing(store, order_id)
        return await store.finish(running.id, result_of(running))
    request = await pending(store, order_id)
    if state in {State.REJECTED, State.WITHDRAWN}:
        action, actor = (
            (Action.REJECT, APPROVER) if state is State.REJECTED else (Action.WITHDRAW, REQUESTER)
        )
        found = await store.decide(request.id, action, actor)
        assert found is not None
        return found[1]
    return request


def events(database: Database, request_id: str) -> list[str]:
    """The request's audit events, oldest first, without their common beginning."""
    with database.engine.connect() as connection:
        return [
            event["event"].removeprefix("order:cancel:")
            for event in audit.events(connection, None)
            if event["request_id"] == request_id
        ]


def shown(request: Request) -> Request:
    """The request but for what tells how far its card is behind."""
    return replace(request, delivered_version=0, card=None, result=None)
