"""Requests in every state a card can be clicked in, put into a bot's database before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.money import Money
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.quote import quote
from bot.domain.request import (
    Actor,
    CreationResult,
    Failure,
    FailureCode,
    MessageRef,
    Request,
    State,
)
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.settlement import Outcome, outcome
from bot.store import Database, RequestStore
from tests.examples import cancelled, member, new_request, order
from tests.integration.slack_wire import TEAM
from tests.unit.databases import Clock, store_on

REQUESTER, FIRST, SECOND = (Actor(f"U0{name}", TEAM) for name in ("REQUEST", "APPROVE", "SECOND"))
# Two approvals for what the example order is worth.
_POLICY = Policy(tiers=(Tier(Ceiling((Money(Decimal(500), "USD"),)), approvals=2),))
_LONG_AGO = timedelta(hours=100)
# What nobody touched for so long is taken up by a bot that starts; what is of later, is not.
_A_WHILE_AGO = timedelta(minutes=1)
_LATER = timedelta(hours=1)


class Situations:
    """Makes requests as people would have, through the bot's own store."""

    def __init__(self, database: Database, channels: list[str]) -> None:
        self._clock = Clock(datetime.now(UTC))
        self._store: RequestStore = store_on(database, self._clock, _POLICY)
        self._channels = channels
        self._count = 0

    async def make(self, situation: str, order_id: str | None = None) -> Request:
        """A request in `situation`, whose card is said to stand somewhere."""
        self._count += 1
        named = order_id or str(90_000_000 + self._count)
        request = await self._in(situation, named)
        ref = MessageRef(request.channel, f"{1_600_000_000 + self._count}.000100")
        await self._store.delivered(request.id, request.version, ref)
        shown = await self._store.get(request.id)
        assert shown is not None
        return shown

    async def _in(self, situation: str, order_id: str) -> Request:
        match situation:
            case "pending, no vote":
                return await self._pending(order_id)
            case "pending, one vote of two":
                return await self._decided(order_id, Action.APPROVE, FIRST)
            case "approved":
                with self._earlier(-_LATER):
                    return await self._approved(order_id)
            case "rejected":
                return await self._decided(order_id, Action.REJECT, FIRST)
            case "withdrawn":
                return await self._decided(order_id, Action.WITHDRAW, REQUESTER)
            case "expired":
                return await self._expired(order_id)
            case "executing":
                with self._earlier(_A_WHILE_AGO):
                    return await self._carried_out(order_id, State.EXECUTING)
            case _:
                return await self._carried_out(order_id, State(situation))

    async def _pending(self, order_id: str) -> Request:
        new = new_request(order_id, requester=REQUESTER)
        channel = self._channels[self._count % len(self._channels)]
        result, request = await self._store.create(replace(new, channel=channel, response_url=None))
        assert result is CreationResult.CREATED
        some = order(order_id=order_id)
        wish = Selection.everything(some)
        fresh = quote(some, wish, self._clock())
        return await self._store.record_quote(request.id, some, wish, fresh)

    async def _decided(self, order_id: str, action: Action, *actors: Actor) -> Request:
        request = await self._pending(order_id)
        for actor in actors:
            found = await self._store.decide(request.id, action, member(actor), request.revision)
            assert found is not None
            judgement, request = found
            assert judgement.is_allowed, judgement
        return request

    async def _approved(self, order_id: str) -> Request:
        return await self._decided(order_id, Action.APPROVE, FIRST, SECOND)

    async def _expired(self, order_id: str) -> Request:
        with self._earlier(_LONG_AGO):
            request = await self._pending(order_id)
        expired = await self._store.overdue(request.id)
        assert expired is not None
        return expired

    @contextmanager
    def _earlier(self, span: timedelta) -> Iterator[None]:
        self._clock.moment -= span
        yield
        self._clock.moment += span

    async def _carried_out(self, order_id: str, state: State) -> Request:
        running = await self._store.claim((await self._approved(order_id)).id)
        refused = Failure(FailureCode.REFUSED, "order is locked")
        match state:
            case State.FAILED:
                return await self._store.fail(running.id, State.EXECUTING, refused)
            case State.UNKNOWN:
                unsettled = Failure(FailureCode.UNSETTLED, "Adult: 4 left, 0 intended")
                return await self._store.mark_unknown(running.id, unsettled)
            case State.DONE:
                return await self._store.finish(running.id, _outcome(running, self._clock()))
            case _:
                return running


def _outcome(request: Request, now: datetime) -> Outcome:
    assert request.order
    assert request.selection
    assert request.quote
    after, nothing = cancelled(request.order, request.selection), Money.zero(request.order.currency)
    return outcome(request.order, request.quote, after, None, nothing, request.notify, now)
