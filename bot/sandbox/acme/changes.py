"""What an update or a refund request asks of an order, or why it is refused. Decides, never acts.

An update states the quantity that REMAINS, a refund the quantity that GOES. Fields outside the
documented tables are refused, so that a misspelt one cannot pass unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.sandbox.acme.orders import Line, Order
from bot.sandbox.acme.reading import Reading

Json = Mapping[str, object]

CONTACT_FIELDS = frozenset(
    {
        *("email", "contactFirstName", "contactLastName", "zipCode", "phoneNumber"),
        *("billingFirstName", "billingLastName", "billingEmail", "billingAddress1"),
        *("billingAddress2", "billingCountry", "billingCity", "billingZipCode", "billingState"),
        "billingPhoneNumber",
    }
)
_UPDATE_FIELDS = CONTACT_FIELDS | {
    *("orderId", "orderPosTransactionUUID", "accountContactId", "notes", "orderItems", "noEmail"),
    *("sendEmailToAll", "payment", "incidentReasonCode", "terminalId", "accountId", "accountName"),
}
_UPDATE_ITEM_FIELDS = frozenset({"orderItemId", "eventId", "itemType", "itemTypeId", "quantity"})
_REFUND_FIELDS = frozenset({"orderId", "incidentReasonCode", "notes", "noEmail", "refundItems"})
_REFUND_ITEM_FIELDS = frozenset({"orderItemId", "quantity", "ticketUUIDs", "incidentReasonCode"})
REFUND_REASONS = ("Cancelled Event", "Miscellaneous")


class RefusedError(Exception):
    """A definite no: nothing was changed. Becomes the answer's status and body."""

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        self.message = message


@dataclass(frozen=True, slots=True)
class Change:
    """Remaining quantities and tickets named by uuid, per line id; new contact fields."""

    remaining: dict[str, int]
    ticket_uuids: dict[str, Collection[str]] = field(default_factory=dict)
    contact: dict[str, str] = field(default_factory=dict)


def change_of_update(order: Order, body: Json, reading: Reading) -> Change:
    """Read an OrderUpdate (facts/acme.md §2). Raise RefusedError."""
    _known_fields(body, _UPDATE_FIELDS, "the update")
    _flags(body, "noEmail", "sendEmailToAll")
    if "payment" in body:
        raise _bad("PAYMENT_NOT_ACCEPTED", "This stand-in takes no payment data; send none")
    contact = _contact(body)
    if "orderItems" not in body:
        return Change({}, contact=contact)
    listed = _listed_lines(order, body["orderItems"], _UPDATE_ITEM_FIELDS, reading)
    remaining = {line.id: _remaining(line, item, reading) for line, item in listed}
    if reading.omitted_lines == "removed":
        remaining = {line.id: remaining.get(line.id, 0) for line in order.lines}
    _refuse_lone_components(order, remaining)
    return Change(remaining, contact=contact)


def change_of_refund(order: Order, body: Json, reading: Reading) -> Change:
    """Read a refund input (facts/acme.md §4). Raise RefusedError.

    Without `refundItems` everything goes: the one public caller uses it so, the page is silent.
    """
    _known_fields(body, _REFUND_FIELDS, "the refund")
    _flags(body, "noEmail")
    _reason(body)
    if "refundItems" not in body:
        if not any(line.quantity for line in order.lines):
            raise _bad("NOTHING_TO_REFUND", "Nothing is left to refund on this order")
        return Change({line.id: 0 for line in order.lines})
    listed = _listed_lines(order, body["refundItems"], _REFUND_ITEM_FIELDS, reading)
    if not listed:
        raise _bad("NOTHING_TO_REFUND", "refundItems is empty")
    remaining: dict[str, int] = {}
    uuids: dict[str, Collection[str]] = {}
    for line, item in listed:
        _reason(item)
        remaining[line.id] = line.quantity - _refunded_count(line, item)
        if "ticketUUIDs" in item:
            uuids[line.id] = _texts(item["ticketUUIDs"], "ticketUUIDs")
    _refuse_lone_components(order, remaining)
    return Change(remaining, uuids)


def as_id(value: object, reading: Reading, name: str) -> str:
    """Ids are digit strings; numbers pass only where the reading prints ids as numbers."""
    if isinstance(value, str) and value:
        return value
    if reading.ids == "number" and _is_int(value):
        return str(value)
    raise _bad("INVALID_FIELD", f"{name} must be a string of digits")


def _contact(body: Json) -> dict[str, str]:
    contact: dict[str, str] = {}
    for name in sorted((CONTACT_FIELDS | {"notes"}) & set(body)):
        value = body[name]
        if not isinstance(value, str):
            raise _bad("INVALID_FIELD", f"{name} must be a string")
        contact[name] = value
    return contact


def _listed_lines(
    order: Order, items: object, fields: Collection[str], reading: Reading
) -> list[tuple[Line, Json]]:
    if not isinstance(items, list):
        raise _bad("INVALID_FIELD", "The list of order items must be a list")
    listed: dict[str, tuple[Line, Json]] = {}
    for item in items:
        if not isinstance(item, dict):
            raise _bad("INVALID_FIELD", "An order item must be an object")
        _known_fields(item, fields, "an order item")
        line_id = as_id(item.get("orderItemId"), reading, "orderItemId")
        line = order.line(line_id)
        if line is None:
            raise _bad("ORDER_ITEM_NOT_FOUND", f"Order {order.id} has no order item {line_id}")
        if line_id in listed:
            raise _bad("INVALID_FIELD", f"Order item {line_id} is listed twice")
        listed[line_id] = (line, item)
    return list(listed.values())


def _remaining(line: Line, item: Json, reading: Reading) -> int:
    facts = {
        "eventId": line.event.id if line.event else None,
        "itemType": line.item_type,
        "itemTypeId": line.type_id,
    }
    for name, fact in facts.items():
        if name in item and item[name] != fact:
            raise _bad("INVALID_FIELD", f"{name} does not belong to order item {line.id}")
    quantity = _count(item)
    if quantity > line.quantity:
        raise _bad("PAYMENT_REQUIRED", f"Raising order item {line.id} is a sale and needs payment")
    if quantity == line.quantity == 0 and reading.void_again == "reject":
        raise _bad("ORDER_ITEM_VOIDED", f"Order item {line.id} is void already")
    return quantity


def _refunded_count(line: Line, item: Json) -> int:
    count = _count(item)
    if not 1 <= count <= line.quantity:
        raise _bad(
            "INVALID_REFUND_QUANTITY",
            f"{count} of order item {line.id} can not be refunded; {line.quantity} remain",
        )
    return count


def _refuse_lone_components(order: Order, remaining: Mapping[str, int]) -> None:
    """A combo's component may stay or follow its combo, not move alone (an inference)."""
    following = order.components_after(remaining)
    for line in order.lines:
        allowed = {line.quantity, following.get(line.id, line.quantity)}
        if line.parent_id is not None and remaining.get(line.id, line.quantity) not in allowed:
            raise _bad("COMBO_COMPONENT", f"Order item {line.id} can only go with its combo")


def _count(item: Json) -> int:
    quantity = item.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise _bad("INVALID_QUANTITY", "quantity must be a whole number")
    if quantity < 0:
        raise _bad("INVALID_QUANTITY", "quantity must not be negative")
    return quantity


def _reason(body: Json) -> None:
    if body.get("incidentReasonCode", REFUND_REASONS[0]) not in REFUND_REASONS:
        raise _bad("INVALID_FIELD", f"incidentReasonCode must be {' or '.join(REFUND_REASONS)}")


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _bad("INVALID_FIELD", f"{name} must be a list of strings")
    return [str(text) for text in value]


def _flags(body: Json, *names: str) -> None:
    for name in names:
        if not isinstance(body.get(name, False), bool):
            raise _bad("INVALID_FIELD", f"{name} must be true or false")


def _known_fields(body: Json, known: Collection[str], where: str) -> None:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise _bad("UNKNOWN_FIELD", f"Unknown in {where}: {', '.join(unknown)}")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad(type_: str, message: str) -> RefusedError:
    return RefusedError(400, type_, message)
