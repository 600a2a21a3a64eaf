"""What a venue's policy holds against an approval, of what a quote only warns of. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.domain.policy import Policy
from bot.domain.quote import PROCESSOR_AGE_LIMIT, Quote, QuoteWarning, WarningCode
from bot.domain.request import Request


def bars(policy: Policy, request: Request, now: datetime) -> tuple[QuoteWarning, ...]:
    """Return what forbids the approval at `now`: an event may begin after its quote was made."""
    quote = request.quote
    if quote is None:
        return ()
    found = [item for item in quote.warnings if item.code in policy.block_on]
    known = {(item.code, item.line_id) for item in found}
    found += [
        item
        for item in _come_true_since(request, quote, now)
        if item.code in policy.block_on and (item.code, item.line_id) not in known
    ]
    if policy.max_order_age is not None:
        age = _age(request, now)
        if age is None or age > policy.max_order_age:
            found.append(QuoteWarning(WarningCode.TOO_OLD, count=None if age is None else age.days))
    return tuple(found)


def _come_true_since(request: Request, quote: Quote, now: datetime) -> Iterator[QuoteWarning]:
    """What time alone has made true, or had at the quote already."""
    for line in quote.lines:
        if line.event_at and line.event_at < now:
            yield QuoteWarning(WarningCode.PAST_EVENT, line.line_id)
    age = _age(request, now)
    if age is not None and age > PROCESSOR_AGE_LIMIT:
        yield QuoteWarning(WarningCode.OLD_ORDER, count=age.days)


def _age(request: Request, now: datetime) -> timedelta | None:
    """None where the ticketing system does not tell when the order was made."""
    created_at = request.order.created_at if request.order else None
    return None if created_at is None else now - created_at
