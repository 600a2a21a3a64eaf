"""What a venue's policy holds against an approval, of what a quote only warns of. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.policy import Policy
from bot.domain.quote import QuoteWarning, WarningCode
from bot.domain.request import Request


def bars(policy: Policy, request: Request, now: datetime) -> tuple[QuoteWarning, ...]:
    """Return what forbids the approval at `now`: an event may begin after its quote was made."""
    quote = request.quote
    if quote is None:
        return ()
    found = [item for item in quote.warnings if item.code in policy.block_on]
    if WarningCode.PAST_EVENT in policy.block_on:
        known = {item.line_id for item in found if item.code is WarningCode.PAST_EVENT}
        found += [
            QuoteWarning(WarningCode.PAST_EVENT, line.line_id)
            for line in quote.lines
            if line.event_at and line.event_at < now and line.line_id not in known
        ]
    age = _age_in_days(request, now)
    if policy.max_order_age is not None and (age is None or age > policy.max_order_age.days):
        found.append(QuoteWarning(WarningCode.TOO_OLD, count=age))
    return tuple(found)


def _age_in_days(request: Request, now: datetime) -> int | None:
    """None where the ticketing system does not tell when the order was made."""
    created_at = request.order.created_at if request.order else None
    return None if created_at is None else (now - created_at).days
