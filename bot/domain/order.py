"""An order as the ticketing system holds it now. Adapters build it; the rest only reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.money import Money, total


class LineKind(StrEnum):
    """What a line sells, as far as it decides whether the line may be cancelled here."""

    TICKET = "ticket"
    ADD_ON = "add_on"
    COMBO = "combo"
    MEMBERSHIP = "membership"
    DONATION = "donation"
    FEE = "fee"
    OTHER = "other"

    @property
    def is_cancellable(self) -> bool:
        """Only kinds whose cancellation the upstream documents (facts/acme.md section 6)."""
        return self in {LineKind.TICKET, LineKind.ADD_ON}


class DestinationKind(StrEnum):
    ORIGINAL_PAYMENT = "original_payment"
    ON_ACCOUNT = "on_account"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a refund of this order goes, and what the order was paid with."""

    kind: DestinationKind = DestinationKind.ORIGINAL_PAYMENT
    payment_method: str | None = None
    last_four: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order.

    `quantity` is what is left on it now; `unit_price` what one ticket of it refunds; `subtotal`
    what remains paid for all of them (it may differ from quantity × unit price by rounding).
    `event_at` carries its UTC offset.
    """

    id: str
    name: str
    kind: LineKind
    quantity: int
    unit_price: Money
    subtotal: Money
    event: str | None = None
    event_at: datetime | None = None
    checked_in: int = 0
    part_of_combo: bool = False
    converted: bool = False

    def __post_init__(self) -> None:
        if self.quantity < 0 or self.checked_in < 0:
            raise ValueError(f"line {self.id} has a negative count")
        zero = Money.zero(self.unit_price.currency)
        if self.unit_price < zero or self.subtotal < zero:
            raise ValueError(f"line {self.id} has a negative price")

    @property
    def is_cancellable(self) -> bool:
        return self.kind.is_cancellable and not self.part_of_combo

    @property
    def subtotal_is_plausible(self) -> bool:
        """Whether the subtotal is quantity × unit price but for rounding (less than a ticket)."""
        product = self.unit_price * self.quantity
        difference = max(self.subtotal, product) - min(self.subtotal, product)
        return not difference or difference < self.unit_price

    @property
    def value(self) -> Money:
        """What cancelling the whole line refunds; of contradicting figures, the lower."""
        if self.quantity and self.subtotal_is_plausible:
            return self.subtotal
        return min(self.subtotal, self.unit_price * self.quantity)

    def value_of(self, count: int) -> Money:
        """What cancelling `count` of its tickets refunds.

        The last tickets carry the rounding, so parts add up to the whole.
        """
        if count >= self.quantity:
            return self.value
        return min(self.unit_price * count, self.value)


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one venue. `balance` is what is still unpaid, where the upstream tells it."""

    venue: str
    id: str
    currency: str
    lines: tuple[OrderLine, ...]
    number: str | None = None
    guest_name: str | None = None
    guest_email: str | None = None
    organisation: str | None = None
    destination: Destination = Destination()
    balance: Money | None = None
    created_at: datetime | None = None
    updated_on: str | None = None

    def __post_init__(self) -> None:
        ids = [line.id for line in self.lines]
        if len(set(ids)) != len(ids):
            raise ValueError(f"order {self.id} lists a line twice")

    @property
    def label(self) -> str:
        """What people call it: the guest-facing number where there is one."""
        return self.number or self.id

    @property
    def value(self) -> Money:
        return total((line.value for line in self.lines), self.currency)

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    def line(self, line_id: str) -> OrderLine | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def quantity_of(self, line_id: str) -> int:
        """What is left on a line; upstreams may drop a line that is wholly cancelled."""
        line = self.line(line_id)
        return line.quantity if line else 0
