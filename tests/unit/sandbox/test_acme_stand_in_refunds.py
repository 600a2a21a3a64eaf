"""The ACME stand-in's Refund API: counts that go, incidents, and what becomes of the tickets."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bot.sandbox.acme import AcmeSandbox

KEY = "acme-test-key"
REFUND = "/v2/b2b/b2b/refunds"
SEED = "26644388"


@pytest.fixture
def acme() -> AcmeSandbox:
    return AcmeSandbox(api_key=KEY, on_change=lambda: None)


def send(acme: AcmeSandbox, method: str, path: str, body: object = None) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(acme.app)
        headers = {"x-acme-api-key": KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://acme") as client:
            return await client.request(method, path, json=body, headers=headers)

    return asyncio.run(go())


def refund(acme: AcmeSandbox, body: object, path: str = REFUND) -> httpx.Response:
    return send(acme, "POST", path, body)


def tickets(acme: AcmeSandbox, order_id: str) -> list[dict[str, Any]]:
    order = send(acme, "GET", f"/v2/b2b/willcall/orders/{order_id}").json()
    found: list[dict[str, Any]] = order["eventItems"][0]["items"][0]["tickets"]
    return found


def panel(acme: AcmeSandbox, order_id: str) -> dict[str, Any]:
    return acme.panel(order_id) or {}


@pytest.mark.parametrize("path", ["/v1/b2b/b2b/refunds", "/v2/b2b/b2b/refunds"])
def test_a_refund_takes_the_count_that_goes(acme: AcmeSandbox, path: str) -> None:
    line = {"orderItemId": "38042229", "quantity": 1}
    body = {"orderId": SEED, "incidentReasonCode": "Miscellaneous", "refundItems": [line]}

    result = refund(acme, body, path).json()

    assert result["refundAmount"] == "100.00"
    assert result["incidentNumber"].isdigit()
    assert result["order"]["discountedTotalAmount"] == "300.00"
    (event,) = result["refundedEvents"]
    assert (event["eventName"], event["startTime"]) == ("Riverside Gala Night", "19:30:00")
    assert event["refundedItems"] == [
        {
            "ticketType": "General Admission",
            "pricePerTicket": "100.00",
            "refundedCount": 1,
            "totalRefunded": "100.00",
        }
    ]


def test_repeating_a_refund_refunds_again_while_quantity_remains(acme: AcmeSandbox) -> None:
    line = {"orderItemId": "38042229", "quantity": 2}
    body = {"orderId": SEED, "refundItems": [line]}

    answers = [refund(acme, body) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 400]
    incidents = {answer.json().get("incidentNumber") for answer in answers[:2]}
    assert len(incidents) == 2
    assert panel(acme, SEED)["refunded"] == "400.00"


def test_a_refund_without_items_refunds_everything_once(acme: AcmeSandbox) -> None:
    answers = [refund(acme, {"orderId": "26644402"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[0].json()["refundAmount"] == "148.75"


@pytest.mark.parametrize(
    "change",
    [
        {"incidentReasonCode": "Because"},
        {"refundItems": []},
        {"refundItems": [{"orderItemId": "38042229", "quantity": 0}]},
        {"refundItems": [{"orderItemId": "38042229", "quantity": 5}]},
        {"refundItems": [{"orderItemId": "38042229", "quantity": 1, "ticketUUIDs": "x"}]},
        {"refundItems": [{"orderItemId": "38042229", "quantity": 1, "eventId": "x"}]},
        {"orderItems": []},
    ],
)
def test_a_wrong_refund_is_refused(acme: AcmeSandbox, change: dict[str, object]) -> None:
    assert refund(acme, {"orderId": SEED} | change).status_code == 400
    assert panel(acme, SEED)["total"] == "400.00"


@pytest.mark.parametrize("known", [True, False])
def test_a_refunded_ticket_is_marked_only_if_its_uuid_is_right(
    acme: AcmeSandbox, known: bool
) -> None:
    chosen = tickets(acme, SEED)[1]["uuid"] if known else "not-a-ticket"
    line = {"orderItemId": "38042229", "quantity": 1, "ticketUUIDs": [chosen]}
    response = refund(acme, {"orderId": SEED, "refundItems": [line]})

    assert response.json()["refundAmount"] == "100.00"
    marked = [
        ticket["uuid"] for ticket in tickets(acme, SEED) if ticket.get("ticketStatus") == "Refunded"
    ]
    assert marked == ([chosen] if known else [])
