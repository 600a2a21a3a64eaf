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
    show = _Show(services, durable, request_id)
    wait, version, in_doubt = await durable.step("show", show)
    if in_doubt:
        doubt_id = f"doubt:{durable.workflow_id}"
        await durable.hand_over("deliver_in_doubt", doubt_id, request_id)
    elif wait != _SHOWN:
        await durable.hand_over("deliver", delivery_id(request_id, version), request_id)


def delivery_id(request_id: str, version: int) -> str:
    """Name the delivery of one version of a request, so that there is only one."""
    return f"deliver:{request_id}:{version}"


async def deliver(
    services: Services, durable: Durable, request_id: str, *, in_doubt: bool = False
) -> None:
    """Show the request's state; on trouble wait and try again. The sweep takes over at the end.

    `in_doubt`: Slack was told something whose answer nobody heard, because it was lost or because
    the process died. That may still happen, on top of what is shown meanwhile; hence another look,
    once it must be over.
    """
    pauses = iter(services.pauses.deliver)
    for _ in range(_MOST_TRIES):
        show = _Show(services, durable, request_id)
        wait, _, is_unanswered = await durable.step("show", show)
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


class _Show:
    """Show the newest state: a step, called again for as long as the ledger is away.

    Returns the seconds to wait before another try, of which version, and whether Slack may still do
    something that it was told before. _SHOWN: all is shown. 0: nobody knows how long.
    """

    def __init__(self, services: Services, durable: Durable, request_id: str) -> None:
        self._services = services
        self._durable = durable
        self._id = request_id
        # What stands may be older than what the ledger knows to have been shown.
        self._again = False
        self._in_doubt = False

    async def __call__(self) -> tuple[float, int, bool]:
        if self._durable.may_repeat:
            self._again = self._in_doubt = True
        # One at a time per request, or an older rendering could overtake a newer one.
        async with self._services.lock(self._id):
            while True:
                request = await self._services.ledger.get(self._id)
                if request is None:
                    return _SHOWN, 0, False
                must_repaint = self._again and request.card
                if request.delivered_version >= request.version and not must_repaint:
                    return _SHOWN, request.version, self._in_doubt
                try:
                    await self._show(request)
                except DeliveryPostponedError as error:
                    return error.seconds or 0, request.version, self._in_doubt
                except LedgerUnavailableError:
                    raise
                except Exception:
                    # A defect of ours in this card: growing pauses, not one try after the other.
                    log.exception("delivery_failed", request=self._id)
                    return 0, request.version, self._in_doubt

    async def _show(self, request: Request) -> None:
        ledger = self._services.ledger
        try:
            self._again = True  # until it is noted
            shown = await self._services.desk.show(request)
        except DeliveryPostponedError as error:
            log.warning("delivery_postponed", request=self._id, cause=error.cause)
            self._in_doubt = self._in_doubt or error.in_doubt
            # Where a card had to be posted anew is remembered, or it would be again.
            await ledger.delivered(
                self._id, request.delivered_version, error.shown.card, error.shown.result
            )
            raise
        except DeliveryImpossibleError as error:
            await _give_up(self._services, request, error)
            self._again = False
            return
        newest = await ledger.delivered(self._id, request.version, shown.card, shown.result)
        # A newer state, if there is one, was perhaps shown by another process, and has just been
        # painted over: which of two updates Slack took first is not told by who noted it first.
        self._again = newest > request.version
        if self._again:
            await ledger.show_again(self._id)


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
