"""Steps that bring a stored request to where a test begins, and what the audit log says then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from bot.domain.judgement import Judgement, Ruling
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.person import Person
from bot.domain.quote import Quote, quote
from bot.domain.request import (
    Actor,
    CreationResult,
    Evidence,
    Failure,
    FailureCode,
    NewRequest,
    Request,
    State,
)
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.settlement import Outcome, outcome
from bot.store import Database, RequestStore, audit
from bot.store.tables import approvals
from tests.examples import APPROVER, NOW, REQUESTER, cancelled, line, member, new_request, order

BODY = {"method": "POST", "path": "/v2/b2b/orders/update", "body": {"orderId": "1"}}
UNSETTLED = Failure(FailureCode.UNSETTLED, "Adult: 4 left, 0 intended")
SECOND = Actor("U0SECOND", "T0MUSEUM")
THIRD = Actor("U0THIRD", "T0MUSEUM")


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


async def pending(
    store: RequestStore, order_id: str, requester: Actor = REQUESTER, quantities: Sequence[int] = ()
) -> Request:
    """A request that was quoted: for the tickets of two lines, or for as many as said, each 100."""
    request = await asked(store, new_request(order_id, requester=requester))
    return await store.record_quote(request.id, *quoted(order_of(request, *quantities)))


async def clicked(
    store: RequestStore,
    request: Request,
    action: Action,
    actor: Actor = APPROVER,
    note: str | None = None,
    evidence: Evidence | None = None,
    voters: Sequence[Person] = (),
) -> tuple[Judgement, Request]:
    """Press a button of the request's newest card."""
    newest = await store.get(request.id)
    assert newest is not None
    found = await store.decide(
        request.id, action, member(actor), newest.revision, note, evidence=evidence, voters=voters
    )
    assert found is not None
    return found


async def allowed(
    store: RequestStore,
    request: Request,
    action: Action,
    *actors: Actor,
    voters: Sequence[Person] = (),
) -> Request:
    """Let each of `actors` press a button that they may press; return the request after that."""
    for actor in actors:
        judgement, request = await clicked(store, request, action, actor, voters=voters)
        assert judgement.is_allowed, judgement
    return request


def approvers_noted(database: Database, request: Request) -> set[str]:
    """Who is noted to have approved the request's present quote: what daily limits add up."""
    query = sa.select(approvals.c.approver_user).where(
        approvals.c.request_id == request.id, approvals.c.revision == request.revision
    )
    with database.engine.connect() as connection:
        return set(connection.scalars(query))


async def approved(store: RequestStore, order_id: str) -> Request:
    request = await pending(store, order_id)
    found = await store.decide(request.id, Action.APPROVE, member(APPROVER), request.revision)
    assert found is not None
    assert found[0].ruling is Ruling.ALLOWED
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
        found = await store.decide(request.id, action, member(actor))
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
