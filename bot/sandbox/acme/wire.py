"""ACME's JSON shapes, from the published tables and samples (facts/acme.md §2, §4, §5, §7).

Money is a string with two decimals and no currency, absent facts are absent fields. Inferences:
`ccLastFourDigits` in reads, groups without event fields for lines that belong to no event, and the
error body, which is the one ACME's Payments API documents.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from bot.sandbox.acme.orders import Event, Line, Lowered, Order, Ticket
from bot.sandbox.acme.reading import Reading

TENANT = 107
_ERROR_CODES = {400: 10400, 401: 10401, 403: 10403, 404: 10404, 415: 10415, 500: 10500}


def order_detail(order: Order, reading: Reading) -> dict[str, object]:
    """WillCallOrderDetail of `GET /v2/b2b/orders/detail/{id}`. It carries no totals."""
    return _read_head(order, reading) | {
        "eventItems": [
            _present(
                {
                    "eventId": event.id if event else None,
                    "eventName": event.name if event else None,
                    "eventDate": moment(event.starts) if event else None,
                    "items": [_detail_item(line, reading) for line in lines],
                }
            )
            for event, lines in _by_event(order, reading)
        ]
    }


def will_call(order: Order, reading: Reading) -> dict[str, object]:
    """The order of `GET /v2/b2b/willcall/orders/{id}`, with every ticket's uuid and status."""
    return (
        _read_head(order, reading)
        | {
            "createdOn": moment(order.created_on),
            "saleChannel": order.sale_channel,
            "checkInStatus": order.check_in_status,
            "legacy": False,
            "invoiceAfter": order.organization is not None,
            "customerId": order.customer_id,
        }
        | {
            "eventItems": [
                _present(
                    {
                        "eventId": event.id if event else None,
                        "eventName": event.name if event else None,
                        "eventDate": moment(event.starts) if event else None,
                        "items": [_will_call_item(line, reading) for line in lines],
                    }
                )
                for event, lines in _by_event(order, reading)
            ]
        }
    )


def order_result(order: Order, reading: Reading, step: Decimal) -> dict[str, object]:
    """Order Result as the seed's sample prints it; `step` is the money this call gave back."""
    refund_amount = step if reading.refund_amount == "step" else order.refunded
    organization_id, organization_name = order.organization or (None, None)
    contact = order.contact
    return _present(
        {
            "id": _id(order.id, reading),
            "tenantId": TENANT,
            "organizationId": organization_id,
            "organizationName": organization_name,
            "visitorId": order.visitor_id,
            "email": contact.get("email"),
            "billingEmail": contact.get("billingEmail"),
            "contactFirstName": contact.get("contactFirstName"),
            "contactLastName": contact.get("contactLastName"),
            "zipCode": contact.get("zipCode"),
            "billingFirstName": contact.get("billingFirstName"),
            "billingLastName": contact.get("billingLastName"),
            "phoneNumber": contact.get("phoneNumber"),
            "orderNumber": _id(order.number, reading),
            "discountedTotalAmount": money(order.total),
            "totalAmount": money(order.full_price_total),
            "discountedOriginalTotalAmount": money(order.original_total),
            "originalTotalAmount": money(order.original_full_price_total),
            "paidAmount": money(order.paid),
            "balanceAmount": money(order.balance),
            "refundAmount": money(refund_amount),
            "saleChannel": order.sale_channel,
            "checkInStatus": order.check_in_status,
            "notes": order.notes,
            "creationDate": moment(order.created_on),
            "paymentDueDate": moment(order.created_on),
            "createdOn": moment(order.created_on),
            "createdBy": order.created_by,
            "updatedOn": moment(order.updated_on),
            "updatedBy": order.updated_by,
            "ticketDelivery": order.ticket_delivery,
            "legacy": False,
            "hideEventDate": False,
            "ccLastFourDigits": order.card_last_four if order.shows_card else None,
            "paymentId": order.payment_id,
            "invoiceAfter": order.organization is not None,
            "customerId": order.customer_id,
            "obfuscated": False,
        }
    )


def refund_result(incident: str, lowered: Lowered, order: dict[str, object]) -> dict[str, object]:
    """Refund result around an Order Result: the incident, its money, and what went per event."""
    parts = {part.line.id: part for part in lowered.taken}
    return {
        "incidentNumber": incident,
        "refundAmount": money(lowered.refund),
        "order": order,
        "refundedEvents": [
            _present(
                {
                    "startDate": event.starts.date().isoformat() if event else None,
                    "startTime": event.starts.time().isoformat("seconds") if event else None,
                    "eventName": event.name if event else None,
                    "refundedItems": [
                        {
                            "ticketType": line.type_name,
                            "pricePerTicket": money(line.discounted_unit_price),
                            "refundedCount": parts[line.id].count,
                            "totalRefunded": money(parts[line.id].value),
                        }
                        for line in lines
                    ],
                }
            )
            for event, lines in _grouped(part.line for part in lowered.taken)
        ],
    }


def error_body(status: int, type_: str, message: str) -> dict[str, object]:
    """Ticketing's own error body is not public; code numbers here are made up."""
    return {
        "message": message,
        "errorCode": _ERROR_CODES[status],
        "type": type_,
        "requestId": str(uuid.uuid4()),
    }


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def moment(at: datetime) -> str:
    """ISO 8601 with a numeric offset and no fractions of a second, as in the seed."""
    return at.isoformat(timespec="seconds")


def _read_head(order: Order, reading: Reading) -> dict[str, object]:
    organization_id, organization_name = order.organization or (None, None)
    return _present(
        {
            "orderId": _id(order.id, reading),
            "organizationId": organization_id,
            "organizationName": organization_name,
            "email": order.contact.get("email"),
            "billingEmail": order.contact.get("billingEmail"),
            "contactFirstName": order.contact.get("contactFirstName"),
            "contactLastName": order.contact.get("contactLastName"),
            "billingFirstName": order.contact.get("billingFirstName"),
            "billingLastName": order.contact.get("billingLastName"),
            "phoneNumber": order.contact.get("phoneNumber"),
            "orderNumber": _id(order.number, reading),
            "notes": order.notes,
            "paymentMethod": order.payment_method,
            "paymentId": order.payment_id,
            "ccLastFourDigits": order.card_last_four,
        }
    )


def _detail_item(line: Line, reading: Reading) -> dict[str, object]:
    item: dict[str, object] = {reading.line_id: _id(line.id, reading)} | _item_facts(line, reading)
    item[reading.spelling] = money(line.sub_total)
    item[f"discountedS{reading.spelling[1:]}"] = money(line.discounted_sub_total)
    tickets = [{"id": _id(t.id, reading), "tenantId": TENANT} for t in line.live_tickets]
    return item | ({"tickets": tickets} if line.is_ticket else {})


def _will_call_item(line: Line, reading: Reading) -> dict[str, object]:
    item: dict[str, object] = {"orderItemId": _id(line.id, reading)} | _item_facts(line, reading)
    item["subtotal"] = money(line.sub_total)
    item["discountedSubtotal"] = money(line.discounted_sub_total)
    tickets = [_will_call_ticket(line, ticket, reading) for ticket in line.tickets]
    return item | ({"tickets": tickets} if line.is_ticket else {})


def _will_call_ticket(line: Line, ticket: Ticket, reading: Reading) -> dict[str, object]:
    return _present(
        {
            "id": _id(ticket.id, reading),
            "tenantId": TENANT,
            "uuid": ticket.uuid,
            "ticketTypeId": line.type_id,
            "eventId": line.event.id if line.event else None,
            "checkInDate": moment(ticket.checked_in_at) if ticket.checked_in_at else None,
            # The only value of ticketStatus that ACME names; what a live ticket has is not public.
            "ticketStatus": "Refunded" if ticket.refunded else None,
        }
    )


def _item_facts(line: Line, reading: Reading) -> dict[str, object]:
    return _present(
        {
            "parentItemId": None if line.parent_id is None else _id(line.parent_id, reading),
            "itemType": line.item_type,
            "itemTypeId": line.type_id,
            "itemTypeName": line.type_name,
            "ticketTypeId": line.type_id if line.is_ticket else None,
            "ticketTypeName": line.type_name if line.is_ticket else None,
            "quantity": line.quantity,
            "checkedInQuantity": line.checked_in if line.is_ticket else None,
            "unitPrice": money(line.unit_price),
            "discountedUnitPrice": money(line.discounted_unit_price),
            "discountName": line.discount_name,
        }
    )


def _by_event(order: Order, reading: Reading) -> list[tuple[Event | None, list[Line]]]:
    return _grouped(line for line in order.lines if line.quantity or reading.void_lines == "kept")


def _grouped(lines: Iterable[Line]) -> list[tuple[Event | None, list[Line]]]:
    groups: dict[str | None, tuple[Event | None, list[Line]]] = {}
    for line in lines:
        key = line.event.id if line.event else None
        groups.setdefault(key, (line.event, []))[1].append(line)
    return list(groups.values())


def _id(value: str, reading: Reading) -> str | int:
    return int(value) if reading.ids == "number" else value


def _present(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
