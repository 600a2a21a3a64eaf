"""ACME's answers as its documentation shows them (facts/acme.md sections 2, 4 and 5)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ORDER_ID = "26644388"
LINE_ID = "38042229"


def item(**more: object) -> Json:
    """A line of `eventItems[].items[]`: four adults at $100."""
    return {
        "orderItemId": LINE_ID,
        "itemType": "Event",
        "itemTypeId": "5a8f00c1d2e3f4a5b6c7d8e9",
        "itemTypeName": "Adult",
        "ticketTypeName": "Adult",
        "quantity": 4,
        "unitPrice": "100.00",
        "subTotal": "400.00",
        **more,
    }


def event(*items: Json, **more: object) -> Json:
    return {
        "eventId": "5a8f00c1d2e3f4a5b6c7d8ea",
        "eventName": "Night at the Museum",
        "eventDate": "2026-08-01T19:00:00-04:00",
        "items": list(items) or [item()],
        **more,
    }


def detail(*events: Json, **more: object) -> Json:
    """The answer of `GET /v2/b2b/orders/detail/{id}`."""
    return {
        "orderId": ORDER_ID,
        "orderNumber": "100130807",
        "email": "michele+bradClarke@acmeticketing.com",
        "contactFirstName": "Brad",
        "contactLastName": "Clarke",
        "paymentMethod": "CreditCard",
        "eventItems": list(events) or [event()],
        **more,
    }


# The seed's response to the update, word for word where it matters here.
UPDATED: Json = {
    "id": ORDER_ID,
    "tenantId": 107,
    "orderNumber": "100130807",
    "discountedTotalAmount": "0.00",
    "totalAmount": "0.00",
    "discountedOriginalTotalAmount": "400.00",
    "originalTotalAmount": "400.00",
    "paidAmount": "400.00",
    "balanceAmount": "0.00",
    "refundAmount": "400.00",
    "saleChannel": "Customer Rep",
    "checkInStatus": "NotCheckedIn",
    "createdOn": "2020-05-29T16:15:15-07:00",
    "updatedOn": "2020-06-01T19:19:09-07:00",
    "updatedBy": "340",
    "legacy": False,
    "customerId": 4762835,
}
