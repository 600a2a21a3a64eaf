"""Workflow `deliver`: bring what people see in line with the request, however long it takes.

It always renders the newest state, so a late or repeated delivery can show nothing outdated.
"""

from __future__ import annotations

import structlog

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import (
    Failure,
    FailureCode,
    LedgerUnavailableError,
    Request,
    StaleRequestError,
    State,
)
from bot.workflows.engine import Durable
from bot.workflows.services import Services

log = structlog.get_logger(__name__)

_SHOWN = -1.0
_MOST_TRIES = 100


async def deliver_soon(services: Services, durable: Durable, request_id: str) -> None:
    """Show the request's state now, or leave it to a delivery that may take long."""
    wait, version, in_doubt = await durable.step("show", lambda: _show(services, request_id))
    if wait != _SHOWN:
        name = "deliver_in_doubt" if in_doubt else "deliver"
        await durable.hand_over(name, delivery_id(request_id, version), request_id)


def delivery_id(request_id: str, version: int) -> str:
    """Name the delivery of one version of a request, so that there is only one."""
    return f"deliver:{request_id}:{version}"


async def deliver(
    services: Services, durable: Durable, request_id: str, *, in_doubt: bool = False
) -> None:
    """Show the request's state; on trouble wait and try again. The sweep takes over at the end.

    `in_doubt`: Slack left something unanswered before. What it was told so may still happen, on top
    of what is shown meanwhile; hence another look, once that must be over.
    """
    pauses = iter(services.pauses.deliver)
    for _ in range(_MOST_TRIES):
        wait, _, is_unanswered = await durable.step("show", lambda: _show(services, request_id))
        in_doubt = in_doubt or is_unanswered
        if wait == _SHOWN:
            if not in_doubt:
                return
            in_doubt = False
            await durable.sleep(services.pauses.afterthought)
            await durable.step("show_again", lambda: services.ledger.show_again(request_id))
            continue
        # Where Slack, or the pace kept for it, names a moment, that is the moment.
        pause = wait or next(pauses, None)
        if pause is None:
            return
        await durable.sleep(pause)


async def deliver_in_doubt(services: Services, durable: Durable, request_id: str) -> None:
    await deliver(services, durable, request_id, in_doubt=True)


async def _show(services: Services, request_id: str) -> tuple[float, int, bool]:
    """Show the newest state; return the seconds to wait before another try, and of which version.

    _SHOWN: all is shown. 0: nobody knows how long. At last: whether Slack did not answer.
    """
    # One at a time per request, or an older rendering could overtake a newer one.
    async with services.lock(request_id):
        overtook = False
        while True:
            request = await services.ledger.get(request_id)
            if request is None:
                return _SHOWN, 0, False
            if request.delivered_version >= request.version and not overtook:
                return _SHOWN, request.version, False
            try:
                shown = await services.desk.show(request)
            except DeliveryPostponedError as error:
                log.warning("delivery_postponed", request=request_id, cause=error.cause)
                # Where a card had to be posted anew is remembered, or it would be again.
                await services.ledger.delivered(
                    request_id, request.delivered_version, error.shown.card, error.shown.result
                )
                return error.seconds or 0, request.version, error.in_doubt
            except DeliveryImpossibleError as error:
                await _give_up(services, request, error)
                overtook = False
            except LedgerUnavailableError:
                raise
            except Exception:
                # A defect of ours in this one card: growing pauses, not one try after the other.
                log.exception("delivery_failed", request=request_id)
                return 0, request.version, False
            else:
                newest = await services.ledger.delivered(
                    request_id, request.version, shown.card, shown.result
                )
                # Another process showed a newer state meanwhile, and we have just painted it over.
                overtook = newest > request.version


async def _give_up(services: Services, request: Request, error: DeliveryImpossibleError) -> None:
    """A card that cannot be posted ends its request, for nobody could ever decide on it.

    Anything else that cannot be shown is noted as shown: the truth about the order stands.
    """
    log.error("delivery_impossible", request=request.id, state=request.state, cause=error.cause)
    if request.state is State.PENDING and request.card is None:
        failure = Failure(FailureCode.CARD_NOT_POSTED, error.cause)
        try:
            await services.ledger.fail(request.id, State.PENDING, failure)
        except StaleRequestError:
            return
    else:
        shown = error.shown
        await services.ledger.delivered(request.id, request.version, shown.card, shown.result)
