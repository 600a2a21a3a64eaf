"""Workflow `quote`: read the order of a new request and put a price on it."""

from __future__ import annotations

from bot.domain.quote import quote
from bot.domain.request import Failure, FailureCode, Request, StaleRequestError, State
from bot.domain.selection import Selection
from bot.ticketing import TicketingError
from bot.workflows.delivery import deliver_soon
from bot.workflows.engine import Durable
from bot.workflows.failures import failure_of
from bot.workflows.services import Services


async def quote_request(services: Services, durable: Durable, request_id: str) -> None:
    """REQUESTED to PENDING with a quote, or to FAILED with the reason."""
    await durable.step("quote", lambda: _quote(services, request_id))
    await deliver_soon(services, durable, request_id)


async def _quote(services: Services, request_id: str) -> None:
    request = await services.ledger.get(request_id)
    if request is None or request.state is not State.REQUESTED:
        return
    try:
        await _read_and_quote(services, request)
    except TicketingError as error:
        await services.ledger.fail(request.id, State.REQUESTED, failure_of(error))
    except StaleRequestError:
        return


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
