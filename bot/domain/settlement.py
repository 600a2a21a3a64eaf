"""What really happened upstream: the order read back, compared with what was meant to happen.

The read-back is the truth; the upstream's own figures are claims to reconcile with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Notify, Quote, refund_of
from bot.domain.selection import Selection


class Effect(StrEnum):
    """What the read-back shows. OTHER: neither the old state nor the intended one."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    OTHER = "other"


class Agreement(StrEnum):
    """How the upstream's claimed refund compares with the expected one."""

    STEP = "step"
    CUMULATIVE = "cumulative"
    DIFFERS = "differs"
    NOT_STATED = "not_stated"

    @property
    def needs_a_person(self) -> bool:
        return self is Agreement.DIFFERS


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the upstream answered to the change. Every figure is a claim, absent where not told.

    `total` is the order's value now.
    """

    refund: Money | None = None
    total: Money | None = None
    paid: Money | None = None
    balance: Money | None = None
    last_four: str | None = None
    reference: str | None = None
    updated_on: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The proven result. `refund` is computed from the order before and after, never guessed."""

    refund: Money
    expected: Money
    claimed: Money | None
    agreement: Agreement
    total_after: Money
    receipt: Receipt | None
    notified: Notify | None
    completed_at: datetime

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody should compare figures before telling the guest an amount."""
        return self.agreement.needs_a_person or self.refund != self.expected


def effect(before: Order, selection: Selection, after: Order) -> Effect:
    """Compare quantities line by line; amounts may be recomputed upstream and do not decide."""
    line_ids = {line.id for line in (*before.lines, *after.lines)}
    now = {line_id: after.quantity_of(line_id) for line_id in line_ids}
    if now == {line_id: before.quantity_of(line_id) for line_id in line_ids}:
        return Effect.NOT_APPLIED
    intended = {
        line_id: before.quantity_of(line_id) - selection.count(line_id) for line_id in line_ids
    }
    return Effect.APPLIED if now == intended else Effect.OTHER


def outcome(
    before: Order,
    quote: Quote,
    after: Order,
    receipt: Receipt | None,
    refunded_before: Money,
    notify: Notify,
    now: datetime,
) -> Outcome:
    """Reconcile an applied change.

    `receipt` is None where the upstream's answer was lost; `refunded_before` is what we know to
    have been refunded of this order earlier.
    """
    claimed = receipt.refund if receipt else None
    return Outcome(
        refund=refund_of(before.value - after.value, before.balance),
        expected=quote.refund,
        claimed=claimed,
        agreement=_agreement(quote.refund, refunded_before, receipt),
        total_after=after.value,
        receipt=receipt,
        notified=notify,
        completed_at=now,
    )


def _agreement(expected: Money, refunded_before: Money, receipt: Receipt | None) -> Agreement:
    """Compare the claimed refund with the expected one.

    Whether it is this step's or the order's so far the documentation does not say
    (facts/acme.md section 2): either is accepted, the second only as far as we know of earlier
    refunds ourselves, for any other surplus is a difference that somebody should look at.
    """
    if receipt is None or receipt.refund is None:
        return Agreement.NOT_STATED
    if receipt.refund == expected:
        return Agreement.STEP
    if receipt.refund == expected + refunded_before:
        return Agreement.CUMULATIVE
    return Agreement.DIFFERS
