"""Taking out what names people, once it is old enough; ids, amounts and the chain stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from bot.domain.events import Event
from bot.domain.order import Destination, Order
from bot.domain.quote import Quote
from bot.domain.request import (
    LIVE_STATES,
    Decision,
    Failure,
    FailureCode,
    LedgerUnavailableError,
    Request,
)
from bot.domain.settlement import Outcome, Receipt
from bot.store import audit
from bot.store.audit import Entry
from bot.store.database import DatabaseError
from bot.store.moves import Moves, get
from bot.store.rows import columns_of, dump, idlike, load
from bot.store.tables import UNSCRUBBED, Instant, audit_events, requests, sends

log = structlog.get_logger(__name__)

# Their details are words of ours or of Slack's, not an upstream's or a person's.
_HARMLESS = frozenset({FailureCode.BLOCKED, FailureCode.CARD_NOT_POSTED})
_STILL_TO_SCRUB = sa.select(requests.c.id).where(
    requests.c.id == sa.bindparam("request_id"), UNSCRUBBED
)
_SCRUBBED = sa.select(requests.c.id).where(
    requests.c.id == sa.bindparam("request_id"), requests.c.scrubbed_at.is_not(None)
)
_BEFORE_ALL = (datetime(1970, 1, 1, tzinfo=UTC), "")
_PERSONAL = (
    "order",
    "quote",
    "previous_quote",
    "reason",
    "response_url",
    "votes",
    "decision",
    "failure",
    "outcome",
)


@dataclass(frozen=True, slots=True)
class Retaining(Moves):
    """Forgetting. Each request is one transaction."""

    async def scrub(self, before: datetime, limit: int) -> int:
        """Scrub what ended before a moment, oldest first; return how many requests that was.

        What cannot be scrubbed is logged and passed over: it keeps no other waiting.
        """
        scrubbed, passed = 0, _BEFORE_ALL
        while scrubbed < limit and (found := await self._over(before, passed, limit - scrubbed)):
            for _, request_id in found:
                scrubbed += await self._attempt(request_id)
            passed = found[-1]
        return scrubbed

    async def _over(
        self, before: datetime, passed: tuple[datetime, str], limit: int
    ) -> Sequence[tuple[datetime, str]]:
        """Find what is still to scrub, from where the search has come to."""
        place = sa.tuple_(requests.c.updated_at, requests.c.id)
        query = (
            sa.select(requests.c.updated_at, requests.c.id)
            .where(UNSCRUBBED, requests.c.updated_at < before)
            .where(place > sa.tuple_(sa.literal(passed[0], Instant), sa.literal(passed[1])))
            .order_by(requests.c.updated_at, requests.c.id)
            .limit(limit)
        )

        def work(connection: sa.Connection) -> Sequence[tuple[datetime, str]]:
            return [(row.updated_at, row.id) for row in connection.execute(query)]

        return await self.database.read(work)

    async def _attempt(self, request_id: str) -> bool:
        """Scrub a request; False, and a line in the log, if it cannot be."""
        try:
            await self._scrub(request_id)
        except LedgerUnavailableError:
            raise  # no other can be scrubbed either
        except Exception as error:  # noqa: BLE001 - its text may name people
            log.warning("scrub_failed", request=request_id, error=type(error).__name__)
            return False
        return True

    async def forget(self, venue: str, order_id: str) -> tuple[int, int]:
        """Scrub everything that is over about one order; return how many, and how many are not.

        What is still open needs its words, and may be scrubbed once it is over. Raises
        DatabaseError if something cannot be scrubbed; everything else has been by then.
        """

        def work(connection: sa.Connection) -> Sequence[tuple[str, str]]:
            query = sa.select(requests.c.id, requests.c.state).where(
                requests.c.venue == venue, requests.c.order_id == order_id
            )
            return [(row.id, row.state) for row in connection.execute(query)]

        known = await self.database.read(work)
        over = [request_id for request_id, state in known if state not in LIVE_STATES]
        failed = [each for each in over if not await self._attempt(each)]
        if failed:
            raise DatabaseError(
                f"these requests cannot be scrubbed, and may still name people: {', '.join(failed)}"
                ". Their rows were changed by hand, or by another version of Rescind: restore "
                "them, or run this with that version"
            )
        return len(over), len(known) - len(over)

    async def _scrub(self, request_id: str) -> None:
        def work(connection: sa.Connection) -> None:
            request = get(connection, request_id)
            if connection.execute(_STILL_TO_SCRUB, {"request_id": request_id}).first() is None:
                return  # another process did it meanwhile
            now = self.now()
            scrubbed = _without_people(request)
            columns = columns_of(scrubbed, _PERSONAL) | {"scrubbed_at": now}
            connection.execute(
                sa.update(requests).where(requests.c.id == request_id).values(columns)
            )
            _scrub_sends(connection, request_id)
            connection.execute(
                sa.update(audit_events)
                .where(audit_events.c.request_id == request_id)
                .values(personal=None)
            )
            audit.append(connection, Entry(Event.SCRUBBED), scrubbed, now)

        await self.database.run(work)


def is_scrubbed(connection: sa.Connection, request_id: str) -> bool:
    """Whether a request, which the transaction has locked, names nobody any more."""
    return connection.execute(_SCRUBBED, {"request_id": request_id}).first() is not None


def impersonal(receipt: Receipt | None) -> Receipt | None:
    """Take out a card's digits, and what should be ids and is something else."""
    if receipt is None:
        return None
    return replace(
        receipt,
        last_four=None,
        reference=idlike(receipt.reference),
        updated_on=idlike(receipt.updated_on),
    )


def _without_people(request: Request) -> Request:
    return replace(
        request,
        order=_order(request.order),
        quote=_quote(request.quote),
        previous_quote=_quote(request.previous_quote),
        reason=None,
        response_url=None,
        votes=tuple(replace(vote, note=None) for vote in request.votes),
        decision=_decision(request.decision),
        failure=_failure(request.failure),
        outcome=_outcome(request.outcome),
    )


def _order(order: Order | None) -> Order | None:
    if order is None:
        return None
    return replace(
        order,
        guest_name=None,
        guest_email=None,
        organisation=None,
        updated_on=idlike(order.updated_on),
        destination=_destination(order.destination),
    )


def _quote(quote: Quote | None) -> Quote | None:
    return replace(quote, destination=_destination(quote.destination)) if quote else None


def _destination(destination: Destination) -> Destination:
    return replace(destination, last_four=None)


def _decision(decision: Decision | None) -> Decision | None:
    return replace(decision, note=None) if decision else None


def _failure(failure: Failure | None) -> Failure | None:
    if failure is None or failure.code in _HARMLESS:
        return failure
    return replace(failure, detail=None)


def _outcome(outcome: Outcome | None) -> Outcome | None:
    return replace(outcome, receipt=impersonal(outcome.receipt)) if outcome else None


def _scrub_sends(connection: sa.Connection, request_id: str) -> None:
    rows = connection.execute(sa.select(sends).where(sends.c.request_id == request_id)).all()
    for row in rows:
        receipt = impersonal(load(Receipt, row.receipt))
        connection.execute(
            sa.update(sends)
            .where(
                sends.c.request_id == row.request_id,
                sends.c.revision == row.revision,
                sends.c.attempt == row.attempt,
            )
            .values(detail=None, receipt=dump(receipt))
        )
