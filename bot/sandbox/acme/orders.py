"""Orders of the stand-in: what they hold, and what lowering quantities does to money and tickets.

No HTTP here. Money is Decimal in the order's currency; times carry a zone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ZERO = Decimal("0.00")
TICKET_TYPES = frozenset({"Event", "Inventory", "ComboInventory"})


@dataclass(frozen=True, slots=True)
class Event:
    """A dated performance; `id` is 24 hexadecimal digits."""

    id: str
    name: str
    starts: datetime


@dataclass(slots=True)
class Ticket:
    """One admission. `uuid` is what the barcode holds."""

    id: str
    checked_in_at: datetime | None = None
    refunded: bool = False

    @property
    def uuid(self) -> str:
        """Follow from the id, so that a renumbered ticket has a barcode of its own."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"acme-ticket:{self.id}"))


@dataclass(slots=True)
class Line:
    """One order item. `sub_total` need not be unit price × quantity: discounts are rounded."""

    id: str
    item_type: str
    type_id: str
    type_name: str
    quantity: int
    unit_price: Decimal
    discounted_unit_price: Decimal
    sub_total: Decimal
    discounted_sub_total: Decimal
    event: Event | None = None
    discount_name: str | None = None
    parent_id: str | None = None
    tickets: list[Ticket] = field(default_factory=list)
    original_quantity: int = field(init=False)
    original_sub_total: Decimal = field(init=False)
    original_discounted_sub_total: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.original_quantity = self.quantity
        self.original_sub_total = self.sub_total
        self.original_discounted_sub_total = self.discounted_sub_total

    @property
    def is_ticket(self) -> bool:
        return self.item_type in TICKET_TYPES

    @property
    def live_tickets(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets if not ticket.refunded]

    @property
    def checked_in(self) -> int:
        used = sum(ticket.checked_in_at is not None for ticket in self.live_tickets)
        return min(used, self.quantity)

    def lower(self, quantity: int, ticket_uuids: Collection[str] | None = None) -> Decimal:
        """Leave `quantity`, and give the value taken out (after discount).

        A part gives back unit price × count; whatever rounding left over stays in the line until
        its last ticket goes, so a full cancellation gives back exactly what the line still holds.
        """
        gone = self.quantity - quantity
        taken = _share(
            self.discounted_sub_total, self.discounted_unit_price, gone, last=not quantity
        )
        self.discounted_sub_total -= taken
        self.sub_total -= _share(self.sub_total, self.unit_price, gone, last=not quantity)
        self.quantity = quantity
        self._retire_tickets(gone, ticket_uuids)
        return taken

    def _retire_tickets(self, count: int, uuids: Collection[str] | None) -> None:
        if uuids is None:
            # Unused ones go first: nobody who is already inside loses a ticket.
            unused_first = sorted(self.live_tickets, key=lambda t: t.checked_in_at is not None)
            going = unused_first[:count]
        elif set(uuids) <= {ticket.uuid for ticket in self.live_tickets}:
            going = [ticket for ticket in self.live_tickets if ticket.uuid in uuids]
        else:
            # The documented trap: with a wrong uuid the money moves and the barcode stays valid.
            going = []
        for ticket in going:
            ticket.refunded = True


def _share(held: Decimal, unit: Decimal, count: int, *, last: bool) -> Decimal:
    return held if last else min(held, unit * count)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a line lost: how many, and their value after discount."""

    line: Line
    count: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Lowered:
    """What lowering quantities did: the money paid back, and what each line lost."""

    refund: Decimal
    taken: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to an order, in plain words."""

    at: datetime
    what: str


@dataclass(slots=True)
class Order:
    """An order with its money. `contact` holds contact fields by their wire names.

    `first_cancel_at` is the moment to report for the first change if that one cancels everything;
    `shows_card` is false where the published sample carries no card digits.
    """

    id: str
    number: str
    title: str
    contact: dict[str, str]
    lines: list[Line]
    created_on: datetime
    paid: Decimal
    currency: str
    payment_method: str
    sale_channel: str
    customer_id: int
    visitor_id: str
    created_by: str
    payment_id: str | None = None
    card_last_four: str | None = None
    shows_card: bool = True
    organization: tuple[str, str] | None = None
    notes: str | None = None
    ticket_delivery: str = "willCall"
    first_cancel_at: datetime | None = None
    refunded: Decimal = ZERO
    updated_on: datetime = field(init=False)
    updated_by: str = field(init=False)
    history: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updated_on = self.created_on
        self.updated_by = self.created_by
        self.note(self.created_on, f"Order taken, {self.paid} {self.currency} paid")

    @property
    def guest(self) -> str:
        names = (self.contact.get("contactFirstName", ""), self.contact.get("contactLastName", ""))
        return " ".join(filter(None, names))

    @property
    def total(self) -> Decimal:
        return sum((line.discounted_sub_total for line in self.lines), ZERO)

    @property
    def full_price_total(self) -> Decimal:
        return sum((line.sub_total for line in self.lines), ZERO)

    @property
    def original_total(self) -> Decimal:
        return sum((line.original_discounted_sub_total for line in self.lines), ZERO)

    @property
    def original_full_price_total(self) -> Decimal:
        return sum((line.original_sub_total for line in self.lines), ZERO)

    @property
    def balance(self) -> Decimal:
        """What is still to be paid."""
        return self.total - (self.paid - self.refunded)

    @property
    def check_in_status(self) -> str:
        inside = sum(line.checked_in for line in self.lines)
        if not inside:
            return "NotCheckedIn"
        admitted = sum(line.quantity for line in self.lines if line.is_ticket)
        return "CheckedIn" if inside == admitted else "PartiallyCheckedIn"

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def note(self, at: datetime, what: str) -> None:
        self.history.append(Note(self._local(at), what))

    def lower(
        self,
        quantities: Mapping[str, int],
        *,
        at: datetime,
        by: str,
        ticket_uuids: Mapping[str, Collection[str]] | None = None,
    ) -> Lowered:
        """Lower the named lines to what shall remain.

        An unpaid balance is lowered first and only the rest is paid back (an inference from Back
        Office's deferred payment; ACME documents no rule). A combo's components follow their combo.
        """
        changed = {
            line.id: quantities[line.id]
            for line in self.lines
            if quantities.get(line.id, line.quantity) != line.quantity
        }
        changed |= self.components_after(changed)
        at = self._local(at)
        untouched, owed = self.updated_on == self.created_on, self.balance
        taken = tuple(
            self._take(self._known(line_id), quantity, (ticket_uuids or {}).get(line_id))
            for line_id, quantity in changed.items()
        )
        refund = max(ZERO, sum((part.value for part in taken), ZERO) - owed)
        if taken:
            self.refunded += refund
            wholly = untouched and not any(line.quantity for line in self.lines)
            self.updated_on = self.first_cancel_at if wholly and self.first_cancel_at else at
            self.updated_by = by
            what = ", ".join(f"{part.count} × {part.line.type_name}" for part in taken)
            self.note(at, f"{what} cancelled by user {by}, {refund} {self.currency} refunded")
        return Lowered(refund, taken)

    def revise(self, contact: Mapping[str, str], *, at: datetime, by: str) -> None:
        """Set contact fields and notes by their wire names."""
        if not contact:
            return
        at = self._local(at)
        self.notes = contact.get("notes", self.notes)
        self.contact |= {name: text for name, text in contact.items() if name != "notes"}
        self.updated_on, self.updated_by = at, by
        self.note(at, f"Contact details changed: {', '.join(contact)}")

    def components_after(self, quantities: Mapping[str, int]) -> dict[str, int]:
        """Give the quantities of combo components whose combo is lowered to `quantities`."""
        after = {}
        for line in self.lines:
            if line.parent_id in quantities and line.parent_id is not None:
                combo = self._known(line.parent_id)
                each = line.original_quantity // combo.original_quantity
                after[line.id] = min(line.quantity, each * quantities[line.parent_id])
        return after

    def renumbered(self, order_id: str, number: str, new_line_id: Callable[[], str]) -> Order:
        """Give a copy with other ids for the order, its lines and their tickets."""
        twin = deepcopy(self)
        twin.id, twin.number = order_id, number
        renamed = {line.id: new_line_id() for line in twin.lines}
        for line in twin.lines:
            line.id = renamed[line.id]
            line.parent_id = None if line.parent_id is None else renamed[line.parent_id]
            for position, ticket in enumerate(line.tickets, start=1):
                ticket.id = f"{line.id}{position:02d}"
        return twin

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.created_on.tzinfo)

    @staticmethod
    def _take(line: Line, quantity: int, ticket_uuids: Collection[str] | None) -> Taken:
        count = line.quantity - quantity
        return Taken(line, count, line.lower(quantity, ticket_uuids))

    def _known(self, line_id: str) -> Line:
        line = self.line(line_id)
        if line is None:
            raise KeyError(line_id)
        return line
