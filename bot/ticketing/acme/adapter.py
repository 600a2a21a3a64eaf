"""The ticketing port over ACME: wire shapes to domain values and back, no decisions about people.

The trap this module exists for: the update's `quantity` is what REMAINS on a line, the Refund
API's `quantity` is what is TAKEN (facts/acme.md section 4). Both are derived here and only here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from bot.domain.money import Money
from bot.domain.order import Destination, LineKind, Order, OrderLine
from bot.domain.quote import Notify
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt
from bot.ticketing.acme.client import AcmeClient
from bot.ticketing.acme.models import EventGroup, Item, OrderDetail, OrderResult, RefundResult
from bot.ticketing.errors import OutcomeLostError, UnreadableError

Model = TypeVar("Model", OrderResult, RefundResult)

UPDATE_PATH = "v2/b2b/orders/update"
DEFAULT_REFUND_PATH = "/v2/b2b/b2b/refunds"
_NO_CONVERSION = frozenset({"none", "notconverted", "false"})


@dataclass(frozen=True, slots=True)
class AcmeTicketing:
    """One ACME venue. `refund_path`: v1 and v2 both have a source, so it is a setting."""

    client: AcmeClient
    venue: str
    currency: str
    refund_path: str = DEFAULT_REFUND_PATH

    async def close(self) -> None:
        await self.client.close()

    async def read_order(self, order_id: str) -> Order:
        wire = await self.client.read(f"v2/b2b/orders/detail/{quote(order_id, safe='')}")
        return order_from_wire(wire, order_id, self.venue, self.currency)

    async def cancel(self, order: Order, selection: Selection, notify: Notify) -> Receipt:
        path, body = self._outgoing(order, selection, notify)
        wire = await self.client.write(path, body)
        if notify is Notify.REFUND:
            return _refund_receipt(wire, self.currency)
        return _update_receipt(wire, self.currency)

    def outgoing(self, order: Order, selection: Selection, notify: Notify) -> dict[str, Any]:
        path, body = self._outgoing(order, selection, notify)
        return {"method": "POST", "path": f"/{path}", "body": body}

    def _outgoing(
        self, order: Order, selection: Selection, notify: Notify
    ) -> tuple[str, dict[str, Any]]:
        if notify is Notify.REFUND:
            return self.refund_path.lstrip("/"), refund_body(order, selection)
        return UPDATE_PATH, update_body(order, selection, notify)

    @property
    def gives_up_after(self) -> timedelta:
        return timedelta(seconds=self.client.timeouts.total)

    def may_resend(self, notify: Notify) -> bool:
        return notify is not Notify.REFUND


def update_body(order: Order, selection: Selection, notify: Notify) -> dict[str, Any]:
    """The update that leaves what `selection` does not take.

    Every line that has something left is listed, as ACME does not say what becomes of lines that
    are not; lines at 0 are left out, as it does not say either whether 0 may be repeated. The
    guest's confirmation e-mail is ACME's default, so only its absence is asked for.
    """
    items = []
    for line in order.lines:
        remaining = line.quantity - selection.count(line.id)
        if not 0 <= remaining <= line.quantity:
            raise ValueError(f"line {line.id} has {line.quantity} left, fewer than selected")
        if line.quantity:
            items.append({"orderItemId": line.id, "quantity": remaining})
    body: dict[str, Any] = {"orderId": order.id, "orderItems": items}
    return body | {"noEmail": True} if notify is Notify.NONE else body


def refund_body(order: Order, selection: Selection) -> dict[str, Any]:
    """The Refund API's request: the lines to take from, and how many of each."""
    return {
        "orderId": order.id,
        "incidentReasonCode": "Miscellaneous",
        "refundItems": [
            {"orderItemId": line.id, "quantity": selection.count(line.id)}
            for line in order.lines
            if selection.count(line.id)
        ],
    }


def order_from_wire(wire: object, order_id: str, venue: str, currency: str) -> Order:
    """Build the order from a detail answer; UnreadableError if it is not clearly that order."""
    if not isinstance(wire, dict) or not wire:
        raise UnreadableError("the answer is empty, or not an order")
    body = _without_nulls(wire)
    try:
        detail = OrderDetail.model_validate({"orderId": order_id} | body)
        if detail.id != order_id:
            raise UnreadableError("the answer is about another order")
        return Order(
            venue=venue,
            id=detail.id,
            number=detail.number,
            currency=currency,
            lines=tuple(_lines(body, currency)),
            guest_name=_full_name(detail),
            guest_email=detail.email or detail.billing_email,
            organisation=detail.organization,
            destination=Destination(
                payment_method=detail.payment_method, last_four=_last_four(detail.last_four)
            ),
            balance=None if detail.balance is None else Money(detail.balance, currency),
            created_at=detail.created_on,
            updated_on=detail.updated_on,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableError(f"{where}: {first['msg']}") from error
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """ACME leaves null fields out; where one is sent all the same, read it as left out."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _lines(body: dict[str, Any], currency: str) -> Iterator[OrderLine]:
    """Collect the lines wherever the answer has them.

    The documented place is `eventItems[].items[]`, but the documentation we could read ends
    before other kinds of lines, and a line overlooked is a line missing from the update.
    """
    seen: set[str] = set()
    for value in body.values():
        if isinstance(value, list):
            lines = [line for entry in value for line in _lines_of(entry, currency)]
            yield from (line for line in lines if line.id not in seen)
            seen.update(line.id for line in lines)


def _lines_of(entry: object, currency: str) -> Iterator[OrderLine]:
    """Read an entry that is a group of lines, or a line itself, or neither."""
    if not isinstance(entry, dict):
        return
    if isinstance(entry.get("items"), list):
        group = EventGroup.model_validate(entry)
        for item in entry["items"]:
            yield _line(Item.model_validate(item), group, currency)
    elif "orderItemId" in entry or "itemId" in entry:
        yield _line(Item.model_validate(entry), None, currency)


def _line(item: Item, group: EventGroup | None, currency: str) -> OrderLine:
    unit_price, subtotal = _prices(item, currency)
    status = (item.conversion_status or "none").lower()
    return OrderLine(
        id=item.id,
        name=item.type_name or item.ticket_name or item.item_type or "Ticket",
        kind=_kind(item.item_type, in_event=group is not None),
        quantity=item.quantity,
        unit_price=unit_price,
        subtotal=subtotal,
        event=(group.event_name if group else None) or item.event_name,
        event_at=(group.event_date if group else None) or item.event_start,
        checked_in=item.checked_in or 0,
        part_of_combo=item.parent_id is not None,
        converted=status.replace("_", "").replace(" ", "") not in _NO_CONVERSION,
    )


def _prices(item: Item, currency: str) -> tuple[Money, Money]:
    """What one ticket and the whole line refund: discounted figures where there are any."""
    unit = _first(item.discounted_unit_price, item.unit_price)
    subtotal = item.discounted_subtotal
    if subtotal is None and item.discounted_unit_price is None:
        subtotal = item.subtotal
    if unit is not None:
        price = Money(unit, currency)
        return price, price * item.quantity if subtotal is None else Money(subtotal, currency)
    if subtotal is not None:
        whole = Money(subtotal, currency)
        return whole.share(item.quantity or 1), whole
    if item.quantity:
        raise UnreadableError(f"line {item.id} has no price")
    return Money.zero(currency), Money.zero(currency)


def _first(*amounts: Decimal | None) -> Decimal | None:
    return next((amount for amount in amounts if amount is not None), None)


def _kind(item_type: str | None, *, in_event: bool) -> LineKind:
    """Map ACME's itemType, whose spelling differs between endpoints (section 2)."""
    name = (item_type or ("event" if in_event else "")).lower()
    if name.startswith("combo"):
        return LineKind.COMBO
    if name.startswith("membership"):
        return LineKind.MEMBERSHIP
    kinds = {
        "event": LineKind.TICKET,
        "inventory": LineKind.ADD_ON,
        "donation": LineKind.DONATION,
        "rebookingfee": LineKind.FEE,
    }
    return kinds.get(name, LineKind.OTHER)


def _full_name(detail: OrderDetail) -> str | None:
    contact = [detail.first_name, detail.last_name]
    billing = [detail.billing_first_name, detail.billing_last_name]
    names = contact if any(contact) else billing
    return " ".join(name for name in names if name) or None


def _last_four(text: str | None) -> str | None:
    """Only ever four digits: should more come, more is not kept."""
    return text[-4:] if text and text[-4:].isdigit() else None


def _update_receipt(wire: object, currency: str) -> Receipt:
    return _receipt(_answer(wire, OrderResult), currency)


def _refund_receipt(wire: object, currency: str) -> Receipt:
    result = _answer(wire, RefundResult)
    order = _receipt(result.order or OrderResult(), currency)
    return Receipt(
        refund=_money(result.refund, currency),
        total=order.total,
        paid=order.paid,
        balance=order.balance,
        last_four=order.last_four,
        reference=result.incident_number,
        updated_on=order.updated_on,
    )


def _answer(wire: object, model: type[Model]) -> Model:
    if not isinstance(wire, dict):
        raise OutcomeLostError("the answer is not an order")
    try:
        return model.model_validate(_without_nulls(wire))
    except ValidationError as error:
        raise OutcomeLostError("the answer cannot be read") from error


def _receipt(result: OrderResult, currency: str) -> Receipt:
    return Receipt(
        refund=_money(result.refund, currency),
        total=_money(result.total, currency),
        paid=_money(result.paid, currency),
        balance=_money(result.balance, currency),
        last_four=_last_four(result.last_four),
        updated_on=result.updated_on,
    )


def _money(amount: Decimal | None, currency: str) -> Money | None:
    """A claimed figure; one that is no exact amount is treated as not told."""
    try:
        return None if amount is None else Money(amount, currency)
    except ValueError:
        return None
