"""Workflow `quote`: read the order of a new request and put a price on it."""

from __future__ import annotations

from bot.domain.quote import quote
from bot.domain.request import Failure, FailureCode, Request, StaleRequestError, State
from bot.domain.selection import Selection
from bot.ticketing import TicketingError
from bot.workflows.delivery import deliver_soon
from bot.workflows.engine import Durable
from bot.workflows.execution import execution_id
from bot.workflows.failures import failure_of
from bot.workflows.services import Services


async def quote_request(services: Services, durable: Durable, request_id: str) -> None:
    """REQUESTED to PENDING with a quote, or to FAILED with the reason.

    Or to APPROVED, where the policy leaves nothing to decide: then it is carried out as well.
    """
    run = await durable.step("quote", lambda: _quote(services, request_id))
    await deliver_soon(services, durable, request_id)
    if run:
        await durable.hand_over("execute", execution_id(request_id, run), request_id)


async def _quote(services: Services, request_id: str) -> int:
    """Quote; return the run that the policy approved by itself, 0 where somebody has to decide."""
    request = await services.ledger.get(request_id)
    if request is None:
        return 0
    if request.state is State.REQUESTED:
        try:
            await _read_and_quote(services, request)
        except TicketingError as error:
            await services.ledger.fail(request.id, State.REQUESTED, failure_of(error))
        except StaleRequestError:
            return 0
        request = await services.ledger.get(request_id)
    return request.run if request is not None and request.state is State.APPROVED else 0


async def _read_and_quote(services: Services, request: Request) -> None:
    order = await services.ticketing(request.venue).read_order(request.order_id)
    selection = Selection.everything(order)
    fresh = quote(order, selection, services.now())
    final = next((block for block in fresh.blocks if block.code.is_final), None)
    if final is not None:
        failure = Failure(FailureCode.BLOCKED, final.code.value)
        await services.ledger.fail(request.id, State.REQUESTED, failure)
    else:
        await services.ledger.record_quote(request.id, order, selection, fresh)


async def rescue_quote(services: Services, request_id: str) -> None:
    """After an error nobody foresaw: end a request that has no quote yet, visibly."""
    try:
        failure = Failure(FailureCode.INTERNAL)
        await services.ledger.fail(request_id, State.REQUESTED, failure)
    except StaleRequestError:
        return
