"""Workflow `execute`, the money path: claim, re-read, compare, send, read back, record.

Exactly one effect, whatever crashes: a row in `sends` is written before every attempt, so a step
that runs again finds it and reads instead of sending. A lost answer is settled by reading; it is
sent again once, only if that is harmless upstream and the order shows that nothing happened.
"""

from __future__ import annotations

from enum import StrEnum

import structlog

from bot.domain.order import Order
from bot.domain.quote import fingerprint, quote
from bot.domain.request import Failure, FailureCode, Request, StaleRequestError, State
from bot.domain.selection import Selection
from bot.domain.sending import Answer, Send
from bot.domain.settlement import Effect, effect, outcome
from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
)
from bot.workflows.delivery import deliver_soon
from bot.workflows.engine import Durable
from bot.workflows.failures import failure_of
from bot.workflows.services import Services

log = structlog.get_logger(__name__)

_MOST_ATTEMPTS = 2
# Answers that mean that nothing was done, and what a request fails for if the order agrees.
_CODES: dict[Answer | None, FailureCode] = {
    Answer.REFUSED: FailureCode.REFUSED,
    Answer.NOT_SENT: FailureCode.UNAVAILABLE,
}


class Next(StrEnum):
    """What a step found.

    OVER: the request left EXECUTING. OPEN: something was sent, and its effect must be settled.
    STUCK: nothing more can be sent or read that would tell.
    """

    OVER = "over"
    OPEN = "open"
    STUCK = "stuck"


def execution_id(request_id: str, run: int) -> str:
    """Name the workflow of one approval or check, so that there is only one."""
    return f"execute:{request_id}:{run}"


async def execute(services: Services, durable: Durable, request_id: str) -> None:
    """Carry out an approved request, or settle one whose outcome is unknown."""
    path = _MoneyPath(services, request_id)
    found = await durable.step("send", path.send)
    if found == Next.OPEN:
        found = await _settle(services, durable, path)
    if found == Next.STUCK:
        # An attempt whose process died, or was only thought to, may still be under way.
        left = await durable.step("patience", path.patience)
        if left:
            await durable.sleep(left)
            found = await _settle(services, durable, path)
    if found == Next.STUCK:
        found = await durable.step("send_again", path.send_again)
    if found == Next.OPEN:
        found = await _settle(services, durable, path)
    if found == Next.STUCK:
        await durable.step("give_up", path.give_up)
    await deliver_soon(services, durable, request_id)


async def _settle(services: Services, durable: Durable, path: _MoneyPath) -> Next:
    """Read the order until it tells what happened; STUCK if the quiet period passes without."""
    for pause in (0.0, *services.pauses.settle):
        if pause:
            await durable.sleep(pause)
        if await durable.step("read_back", path.read_back) == Next.OVER:
            return Next.OVER
    return Next.STUCK


class _MoneyPath:
    """The steps. Each reads the rows first, so that running twice is running once."""

    def __init__(self, services: Services, request_id: str) -> None:
        self._services = services
        self._ledger = services.ledger
        self._request_id = request_id

    async def send(self) -> Next:
        """Claim the request and make its first attempt, unless one was made before."""
        try:
            request = await self._ledger.claim(self._request_id)
            if await self._ledger.last_send(request) is not None:
                return Next.OPEN
            return await self._check_and_send(request, attempt=1)
        except StaleRequestError:
            return await self._whether_over()

    async def _whether_over(self) -> Next:
        """Somebody else went on with the request: to its end, or to an attempt of their own."""
        request = await self._ledger.get(self._request_id)
        if request is None or request.state is not State.EXECUTING:
            return Next.OVER
        return Next.OPEN if await self._ledger.last_send(request) else Next.OVER

    async def _check_and_send(self, request: Request, attempt: int) -> Next:
        """Send only what was approved: the order must still be the one that was quoted."""
        try:
            order = await self._read(request)
        except TicketingError as error:
            if attempt > 1:
                return Next.STUCK
            await self._ledger.fail(request.id, State.EXECUTING, failure_of(error), 0)
            return Next.OVER
        selection, approved = _decided(request)
        if fingerprint(order, selection) != approved:
            if attempt > 1:
                return Next.STUCK
            await self._hand_back(request, order, selection)
            return Next.OVER
        return await self._send(request, order, selection, attempt)

    async def _hand_back(self, request: Request, order: Order, selection: Selection) -> None:
        left = selection.within(order)
        fresh = quote(order, left, self._services.now())
        if left.counts:
            await self._ledger.drift(request.id, order, left, fresh)
        else:
            failure = Failure(FailureCode.CHANGED)
            await self._ledger.fail(request.id, State.EXECUTING, failure, 0)

    async def _send(
        self, request: Request, order: Order, selection: Selection, attempt: int
    ) -> Next:
        system = self._services.ticketing(request.venue)
        body = system.outgoing(order, selection, request.notify)
        begun = self._services.now()
        if not await self._ledger.claim_send(request, attempt, body):
            return Next.OPEN
        if self._services.now() - begun >= system.gives_up_after:
            # This process stood still for so long that the others count the attempt as over.
            return Next.OPEN
        try:
            receipt = await system.cancel(order, selection, request.notify)
        except (NotPermittedError, OrderNotFoundError, UnavailableError) as error:
            answer = Answer.NOT_SENT if isinstance(error, UnavailableError) else Answer.REFUSED
            await self._ledger.record_answer(request, attempt, answer, error.detail)
            if attempt > 1:
                return Next.OPEN  # the first attempt may still have done something
            await self._ledger.fail(request.id, State.EXECUTING, failure_of(error), attempt)
            return Next.OVER
        except RefusedError as error:
            await self._ledger.record_answer(request, attempt, Answer.REFUSED, error.detail)
        except OutcomeLostError as error:
            log.warning("answer_lost", request=request.id, attempt=attempt, cause=error.detail)
            await self._ledger.record_answer(request, attempt, Answer.LOST, error.detail)
        else:
            await self._ledger.record_answer(request, attempt, Answer.ACCEPTED, None, receipt)
        return Next.OPEN

    async def read_back(self) -> Next:
        """Compare the order with what was intended, and record what that proves."""
        try:
            request = await self._ledger.claim(self._request_id)
            send = await self._ledger.last_send(request)
            if send is None:
                raise LookupError("nothing was sent, so nothing can be read back")
            try:
                order = await self._read(request)
            except TicketingError as error:
                # Not its detail, which may be the upstream's own words.
                kind = type(error).__name__
                log.warning("read_back_failed", request=request.id, cause=kind)
                return Next.OPEN
            return await self._record(request, send, order)
        except StaleRequestError:
            return Next.OVER

    async def _record(self, request: Request, send: Send, after: Order) -> Next:
        selection, _ = _decided(request)
        before, quoted = request.order, request.quote
        if before is None or quoted is None:
            raise LookupError("an executing request has an order and a quote")
        match effect(before, selection, after):
            case Effect.APPLIED:
                earlier = await self._ledger.refunded_before(request)
                now = self._services.now()
                result = outcome(before, quoted, after, send.receipt, earlier, request.notify, now)
                await self._ledger.finish(request.id, result)
                return Next.OVER
            case Effect.NOT_APPLIED if self._will_not_apply(request, send):
                code = _CODES.get(send.answer, FailureCode.NOT_APPLIED)
                failure = Failure(code, send.detail)
                await self._ledger.fail(request.id, State.EXECUTING, failure, send.attempt)
                return Next.OVER
            case _:
                return Next.OPEN

    def _will_not_apply(self, request: Request, send: Send) -> bool:
        """Whether an order that shows no change proves that there will be none.

        Never where the upstream said that it did it: that contradiction is for a person.
        """
        if send.answer in _CODES and send.attempt == 1:
            return True
        is_check = send.run != request.run and send.answer is not Answer.ACCEPTED
        return is_check and self._services.now() - send.sent_at > self._services.pauses.late

    async def patience(self) -> float:
        """Seconds for which the last attempt, of which nobody noted the end, may still go on."""
        try:
            request = await self._ledger.claim(self._request_id)
        except StaleRequestError:
            return 0
        send = await self._ledger.last_send(request)
        if send is None or send.answer is not None or send.run != request.run:
            return 0
        over = send.sent_at + self._services.ticketing(request.venue).gives_up_after
        return max(0.0, (over - self._services.now()).total_seconds())

    async def send_again(self) -> Next:
        """Make the second attempt where that is harmless and the first one shows no effect."""
        try:
            request = await self._ledger.claim(self._request_id)
            send = await self._ledger.last_send(request)
            if send is None or send.run != request.run:
                return Next.STUCK  # *Check again* sends nothing
            if send.attempt == _MOST_ATTEMPTS:
                return Next.OPEN  # this step ran before, up to the attempt at least
            system = self._services.ticketing(request.venue)
            if not (send.is_open and system.may_resend(request.notify)):
                return Next.STUCK
            return await self._check_and_send(request, send.attempt + 1)
        except StaleRequestError:
            return Next.OVER

    async def give_up(self) -> None:
        """Say that the outcome is unknown, and what the order shows; a person takes it on."""
        try:
            request = await self._ledger.claim(self._request_id)
            failure = Failure(FailureCode.UNSETTLED, await self._what_the_order_shows(request))
            await self._ledger.mark_unknown(self._request_id, failure)
        except StaleRequestError:
            return

    async def _what_the_order_shows(self, request: Request) -> str | None:
        """Name the lines at stake with what is left of them; None if the order cannot be read."""
        try:
            after = await self._read(request)
        except TicketingError:
            return None
        selection, _ = _decided(request)
        before = request.order.lines if request.order else ()
        return ", ".join(
            f"{line.name}: {after.quantity_of(line.id)} left, "
            f"{line.quantity - selection.count(line.id)} intended"
            for line in before
            if selection.count(line.id) or after.quantity_of(line.id) != line.quantity
        )

    async def _read(self, request: Request) -> Order:
        return await self._services.ticketing(request.venue).read_order(request.order_id)


async def rescue_execution(services: Services, request_id: str) -> None:
    """After an error nobody foresaw: end the request visibly, claiming only what is known."""
    try:
        request = await services.ledger.claim(request_id)
        if await services.ledger.last_send(request) is None:
            failure = Failure(FailureCode.INTERNAL)
            await services.ledger.fail(request_id, State.EXECUTING, failure, 0)
        else:
            await services.ledger.mark_unknown(request_id, Failure(FailureCode.UNSETTLED))
    except StaleRequestError:
        return


def _decided(request: Request) -> tuple[Selection, str]:
    """What the approver approved: the selection, and the fingerprint of the facts behind it."""
    if request.selection is None or request.quote is None:
        raise LookupError(f"request {request.id} was approved without a quote")
    return request.selection, request.quote.fingerprint
