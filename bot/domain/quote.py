"""The quote: what exactly would be cancelled and refunded, what to watch out for, what forbids it.

Pure: `quote(order, selection, now)` decides; the fingerprint binds an approval to these facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.money import Money, total
from bot.domain.order import Destination, LineKind, Order, OrderLine
from bot.domain.selection import Selection

# One card processor behind ACME refuses refunds of older orders (facts/acme.md section 9).
PROCESSOR_AGE_LIMIT = timedelta(days=45)


class Notify(StrEnum):
    """What the guest is sent by the ticketing system."""

    NONE = "none"
    CONFIRMATION = "confirmation"
    REFUND = "refund"


class WarningCode(StrEnum):
    CHECKED_IN = "checked_in"
    PAST_EVENT = "past_event"
    UNPAID_BALANCE = "unpaid_balance"
    ORGANISATION = "organisation"
    NOT_CARD = "not_card"
    OLD_ORDER = "old_order"
    FREE = "free"
    CONTRADICTION = "contradiction"
    CONVERTED = "converted"
    HOLDS_MEMBERSHIP = "holds_membership"  # on a line that is not selected
    TOO_OLD = "too_old"  # older than the policy allows; see `bars`


class BlockCode(StrEnum):
    NOTHING_LEFT = "nothing_left"
    NOTHING_CANCELLABLE = "nothing_cancellable"
    MEMBERSHIP = "membership"
    DONATION = "donation"
    COMBO = "combo"
    FEE = "fee"
    OTHER_KIND = "other_kind"

    @property
    def is_final(self) -> bool:
        """Whether choosing other tickets cannot help."""
        return self in {BlockCode.NOTHING_LEFT, BlockCode.NOTHING_CANCELLABLE}


@dataclass(frozen=True, slots=True)
class QuoteWarning:
    """Something an approver should know. `line_id`, `count`, `amount` where they apply."""

    code: WarningCode
    line_id: str | None = None
    count: int | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    """A reason why this quote must not be executed."""

    code: BlockCode
    line_id: str | None = None


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """`cancelled` of the `quantity` tickets now on the line, worth `amount` together."""

    line_id: str
    name: str
    event: str | None
    event_at: datetime | None
    quantity: int
    cancelled: int
    unit_price: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """What would happen. `value`: the cancelled tickets; `refund`: the money that goes back.

    They differ only where an unpaid balance is lowered first (an inference, facts/acme.md
    section 9). `total_after` is the worth of what stays on the order.
    """

    lines: tuple[QuoteLine, ...]
    value: Money
    refund: Money
    total_after: Money
    destination: Destination
    cancels_order: bool
    fees_kept: Money
    warnings: tuple[QuoteWarning, ...]
    blocks: tuple[QuoteBlock, ...]
    fingerprint: str

    @property
    def tickets(self) -> int:
        return sum(line.cancelled for line in self.lines)


def quote(order: Order, selection: Selection, now: datetime) -> Quote:
    """Quote the cancellation of `selection` of `order`; `now` carries a zone."""
    lines = tuple(_quote_lines(order, selection))
    value = total((line.amount for line in lines), order.currency)
    return Quote(
        lines=lines,
        value=value,
        refund=refund_of(value, order.balance),
        total_after=order.value - value,
        destination=order.destination,
        cancels_order=selection.covers(order),
        fees_kept=total(
            (line.value for line in order.lines if line.kind is LineKind.FEE), order.currency
        ),
        warnings=tuple(_warnings(order, selection, value, now)),
        blocks=tuple(_blocks(order, selection)),
        fingerprint=fingerprint(order, selection),
    )


def refund_of(value: Money, balance: Money | None) -> Money:
    """The money that goes back when tickets worth `value` go: what was never paid stays out."""
    zero = Money.zero(value.currency)
    return max(zero, value - max(zero, balance or zero))


def fingerprint(order: Order, selection: Selection) -> str:
    """Digest of the facts a quote depends on; any change of them asks for a new approval.

    Also of those that warnings and bars rest on: not every upstream tells when an order changed.
    No names, which a digest of few unknowns would give away after they were forgotten.
    """
    facts = {
        "order": [order.venue, order.id, order.currency, order.updated_on, str(order.balance)],
        "kind": [
            bool(order.organisation),
            order.destination.kind,
            order.destination.payment_method,
            _spelled(order.created_at),
        ],
        "lines": sorted(
            [
                line.id,
                line.kind,
                line.quantity,
                line.checked_in,
                str(line.unit_price),
                str(line.subtotal),
                line.part_of_combo,
                line.converted,
                _spelled(line.event_at),
            ]
            for line in order.lines
        ),
        "selection": sorted(selection.counts.items()),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _spelled(moment: datetime | None) -> str | None:
    """The same for the same moment, whichever zone it was stated in."""
    return None if moment is None else str(moment.timestamp())


def _selected(order: Order, selection: Selection) -> Iterator[tuple[OrderLine, int]]:
    for line in order.lines:
        count = min(selection.count(line.id), line.quantity)
        if count:
            yield line, count


def _quote_lines(order: Order, selection: Selection) -> Iterator[QuoteLine]:
    for line, count in _selected(order, selection):
        yield QuoteLine(
            line_id=line.id,
            name=line.name,
            event=line.event,
            event_at=line.event_at,
            quantity=line.quantity,
            cancelled=count,
            unit_price=line.unit_price,
            amount=line.value_of(count),
        )


def _warnings(
    order: Order, selection: Selection, value: Money, now: datetime
) -> Iterator[QuoteWarning]:
    for line, count in _selected(order, selection):
        yield from _line_warnings(line, count, now)
    if order.balance and order.balance > Money.zero(order.currency):
        yield QuoteWarning(WarningCode.UNPAID_BALANCE, amount=order.balance)
    if order.organisation:
        yield QuoteWarning(WarningCode.ORGANISATION)
    for line in order.lines:
        if line.kind is LineKind.MEMBERSHIP and line.quantity and not selection.count(line.id):
            yield QuoteWarning(WarningCode.HOLDS_MEMBERSHIP, line.id)
    if selection.counts and not value:
        yield QuoteWarning(WarningCode.FREE)
    if not _paid_by_card(order):
        yield QuoteWarning(WarningCode.NOT_CARD)
    if order.created_at and now - order.created_at > PROCESSOR_AGE_LIMIT:
        yield QuoteWarning(WarningCode.OLD_ORDER, count=(now - order.created_at).days)


def _line_warnings(line: OrderLine, count: int, now: datetime) -> Iterator[QuoteWarning]:
    if line.checked_in:
        yield QuoteWarning(WarningCode.CHECKED_IN, line.id, line.checked_in)
    if line.event_at and line.event_at < now:
        yield QuoteWarning(WarningCode.PAST_EVENT, line.id)
    if line.converted:
        yield QuoteWarning(WarningCode.CONVERTED, line.id)
    if not line.subtotal_is_plausible:
        yield QuoteWarning(WarningCode.CONTRADICTION, line.id, count, line.subtotal)


def _paid_by_card(order: Order) -> bool:
    """Unknown counts as card: the warning is for what is known to be something else."""
    method = order.destination.payment_method
    return method is None or "card" in method.lower()


_KIND_BLOCKS = {
    LineKind.MEMBERSHIP: BlockCode.MEMBERSHIP,
    LineKind.DONATION: BlockCode.DONATION,
    LineKind.COMBO: BlockCode.COMBO,
    LineKind.FEE: BlockCode.FEE,
    LineKind.OTHER: BlockCode.OTHER_KIND,
}


def _blocks(order: Order, selection: Selection) -> Iterator[QuoteBlock]:
    if not order.quantity:
        yield QuoteBlock(BlockCode.NOTHING_LEFT)
        return
    if not any(line.quantity and line.is_cancellable for line in order.lines):
        yield QuoteBlock(BlockCode.NOTHING_CANCELLABLE)
    for line, _ in _selected(order, selection):
        if not line.is_cancellable:
            yield QuoteBlock(_KIND_BLOCKS.get(line.kind, BlockCode.COMBO), line.id)
    if not selection.within(order).counts:
        yield QuoteBlock(BlockCode.NOTHING_LEFT)
