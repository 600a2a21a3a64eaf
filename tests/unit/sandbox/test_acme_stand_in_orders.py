"""The ACME stand-in's endpoints: reads and updates, under every reading."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bot.sandbox.acme import AcmeSandbox

KEY = "acme-test-key"
UPDATE = "/v2/b2b/orders/update"
SEED = "26644388"
SEED_REQUEST = {"orderId": "26644388", "orderItems": [{"orderItemId": "38042229", "quantity": 0}]}
SEED_RESPONSE = """{
    "id": "26644388",
    "tenantId": 107,
    "visitorId": "1076467",
    "email": "michele+bradClarke@acmeticketing.com",
    "billingEmail": "michele+bradClarke@acmeticketing.com",
    "contactFirstName": "Brad",
    "contactLastName": "Clarke",
    "billingFirstName": "Brad",
    "billingLastName": "Clarke",
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
    "creationDate": "2020-05-29T16:15:15-07:00",
    "paymentDueDate": "2020-05-29T16:15:15-07:00",
    "createdOn": "2020-05-29T16:15:15-07:00",
    "createdBy": "2258",
    "updatedOn": "2020-06-01T19:19:09-07:00",
    "updatedBy": "340",
    "ticketDelivery": "willCall",
    "legacy": false,
    "hideEventDate": false,
    "invoiceAfter": false,
    "customerId": 4762835,
    "obfuscated": false
}"""


@pytest.fixture
def acme() -> AcmeSandbox:
    return AcmeSandbox(api_key=KEY, on_change=lambda: None)


def ask(
    acme: AcmeSandbox, path: str, body: object = None, *, key: str | None = KEY
) -> httpx.Response:
    """POST a body, or GET where there is none; give the response."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(acme.app)
        headers = httpx.Headers({} if key is None else {b"x-acme-api-key": key.encode("latin-1")})
        async with httpx.AsyncClient(transport=transport, base_url="http://acme") as client:
            if body is None:
                return await client.get(path, headers=headers)
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(send())


def detail(acme: AcmeSandbox, order_id: str) -> dict[str, Any]:
    response = ask(acme, f"/v2/b2b/orders/detail/{order_id}")
    assert response.status_code == 200
    order: dict[str, Any] = response.json()
    return order


def items(acme: AcmeSandbox, order_id: str) -> list[Any]:
    return [item for event in detail(acme, order_id)["eventItems"] for item in event["items"]]


def update(
    acme: AcmeSandbox, order_id: str, remaining: dict[str, int], **fields: object
) -> httpx.Response:
    lines = [{"orderItemId": line, "quantity": quantity} for line, quantity in remaining.items()]
    return ask(acme, UPDATE, {"orderId": order_id, "orderItems": lines} | fields)


def panel(acme: AcmeSandbox, order_id: str) -> dict[str, Any]:
    return acme.panel(order_id) or {}


def test_the_seed_request_is_answered_exactly_as_in_the_seed(acme: AcmeSandbox) -> None:
    response = ask(acme, UPDATE, SEED_REQUEST)

    assert response.status_code == 200
    expected = json.loads(SEED_RESPONSE)
    assert response.json() == expected
    assert list(response.json()) == list(expected)


def test_the_detail_read_names_facts_as_documented_and_carries_no_totals(
    acme: AcmeSandbox,
) -> None:
    order = detail(acme, SEED)

    assert order["orderId"] == SEED
    assert order["orderNumber"] == "100130807"
    assert order["paymentMethod"] == "CreditCard"
    assert "organizationId" not in order
    assert not [name for name in order if name.lower().endswith("amount")]
    (event,) = order["eventItems"]
    assert len(event["eventId"]) == 24
    (item,) = event["items"]
    tickets = item.pop("tickets")
    assert len(tickets) == 4
    assert set(tickets[0]) == {"id", "tenantId"}
    assert item["itemTypeId"] == item["ticketTypeId"]
    assert len(item.pop("itemTypeId")) == len(item.pop("ticketTypeId")) == 24
    assert item == {
        "orderItemId": "38042229",
        "itemType": "Event",
        "itemTypeName": "General Admission",
        "ticketTypeName": "General Admission",
        "quantity": 4,
        "checkedInQuantity": 0,
        "unitPrice": "100.00",
        "discountedUnitPrice": "100.00",
        "subTotal": "400.00",
        "discountedSubTotal": "400.00",
    }


def test_the_will_call_read_tells_the_same_in_its_own_spelling(acme: AcmeSandbox) -> None:
    response = ask(acme, f"/v2/b2b/willcall/orders/{SEED}")

    (item,) = response.json()["eventItems"][0]["items"]
    assert (item["orderItemId"], item["subtotal"]) == ("38042229", "400.00")
    assert item["discountedSubtotal"] == "400.00"
    assert "subTotal" not in item
    assert len({ticket["uuid"] for ticket in item["tickets"]}) == 4


@pytest.mark.parametrize("key", [None, "", "wrong", "schlüssel"])
def test_without_the_right_key_nothing_is_told_or_done(acme: AcmeSandbox, key: str | None) -> None:
    response = ask(acme, UPDATE, SEED_REQUEST, key=key)

    assert response.status_code == 401
    assert set(response.json()) == {"message", "errorCode", "type", "requestId"}
    assert items(acme, SEED)[0]["quantity"] == 4


def test_quantity_is_what_remains_and_the_difference_is_refunded(acme: AcmeSandbox) -> None:
    first = update(acme, SEED, {"38042229": 3}).json()
    second = update(acme, SEED, {"38042229": 1}).json()

    assert (first["refundAmount"], first["discountedTotalAmount"]) == ("100.00", "300.00")
    assert (second["refundAmount"], second["discountedTotalAmount"]) == ("200.00", "100.00")
    assert second["paidAmount"] == "400.00"
    assert not second["updatedOn"].startswith("2020")
    (item,) = items(acme, SEED)
    assert (item["quantity"], item["subTotal"], len(item["tickets"])) == (1, "100.00", 1)


def test_repeating_an_update_changes_nothing_more(acme: AcmeSandbox) -> None:
    ask(acme, UPDATE, SEED_REQUEST)
    again = ask(acme, UPDATE, SEED_REQUEST)

    assert again.status_code == 200
    assert again.json()["refundAmount"] == "0.00"
    assert panel(acme, SEED)["refunded"] == "400.00"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"orderId": "1", "orderItems": []}, 404),
        ({"orderId": 26644388, "orderItems": []}, 400),
        ({"orderItems": []}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 5}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": -1}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 1.0}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": "1"}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": True}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229"}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "9", "quantity": 0}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": 38042229, "quantity": 0}]}, 400),
        ({"orderId": SEED, "orderItems": [{"itemId": "38042229", "quantity": 0}]}, 400),
        ({"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 1}] * 2}, 400),
        ({"orderId": SEED, "orderItems": {}}, 400),
        ({"orderId": SEED, "orderItems": ["38042229"]}, 400),
        (SEED_REQUEST | {"noMail": True}, 400),
        (SEED_REQUEST | {"noEmail": "true"}, 400),
        (SEED_REQUEST | {"email": 7}, 400),
        ([SEED_REQUEST], 400),
        ("cancel", 400),
    ],
)
def test_a_wrong_update_is_refused_and_changes_nothing(
    acme: AcmeSandbox, body: object, status: int
) -> None:
    response = ask(acme, UPDATE, body)

    assert response.status_code == status
    assert set(response.json()) == {"message", "errorCode", "type", "requestId"}
    assert items(acme, SEED)[0]["quantity"] == 4


def test_an_event_that_is_not_the_lines_own_is_refused(acme: AcmeSandbox) -> None:
    line = {"orderItemId": "38042229", "quantity": 0, "eventId": "0" * 24}

    assert ask(acme, UPDATE, {"orderId": SEED, "orderItems": [line]}).status_code == 400


def test_payment_data_is_refused_and_only_its_field_names_are_recorded(acme: AcmeSandbox) -> None:
    payment = {"manualEntryCardNumber": "4242424242424242", "cvc": "123"}
    response = ask(acme, UPDATE, SEED_REQUEST | {"payment": payment})

    assert response.status_code == 400
    assert response.json()["type"] == "PAYMENT_NOT_ACCEPTED"
    (request,) = acme.requests(SEED)
    assert "4242424242424242" not in str(request)
    assert "manualEntryCardNumber" in str(request)


def test_a_body_that_is_not_json_is_refused(acme: AcmeSandbox) -> None:
    async def send(kind: str) -> int:
        headers = {"x-acme-api-key": KEY, "content-type": kind}
        transport = httpx.ASGITransport(acme.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://acme") as client:
            return (await client.post(UPDATE, content=b"\xff{", headers=headers)).status_code

    assert asyncio.run(send("application/json; charset=utf-8")) == 400
    assert asyncio.run(send("text/plain")) == 415


def test_unknown_paths_and_orders_are_not_found(acme: AcmeSandbox) -> None:
    for path in ("/v2/b2b/orders/26644388", "/v2/b2b/orders/detail/1", UPDATE):
        response = ask(acme, path)
        assert response.status_code == 404
        assert response.json()["errorCode"] == 10404


def test_contact_details_can_be_revised_without_touching_lines(acme: AcmeSandbox) -> None:
    acme.set_reading(omitted_lines="removed")
    response = ask(acme, UPDATE, {"orderId": SEED, "email": "b@example.org", "notes": "moved"})

    assert response.json()["refundAmount"] == "0.00"
    order = detail(acme, SEED)
    assert (order["email"], order["notes"]) == ("b@example.org", "moved")
    assert items(acme, SEED)[0]["quantity"] == 4


@pytest.mark.parametrize(
    ("reading", "child_quantity", "refund"), [("unchanged", 3, "42.50"), ("removed", 0, "106.25")]
)
def test_lines_that_are_not_listed(
    acme: AcmeSandbox, reading: str, child_quantity: int, refund: str
) -> None:
    acme.set_reading(omitted_lines=reading)
    adult, child = items(acme, "26644402")

    response = update(acme, "26644402", {adult["orderItemId"]: 1})

    assert response.json()["refundAmount"] == refund
    assert items(acme, "26644402")[1]["quantity"] == child_quantity
    assert child["quantity"] == 3


def test_the_refund_amount_may_be_of_the_orders_whole_life(acme: AcmeSandbox) -> None:
    acme.set_reading(refund_amount="cumulative")
    update(acme, SEED, {"38042229": 3})

    assert update(acme, SEED, {"38042229": 1}).json()["refundAmount"] == "300.00"


def test_voiding_a_void_line_may_be_refused(acme: AcmeSandbox) -> None:
    acme.set_reading(void_again="reject")
    assert update(acme, SEED, {"38042229": 0}).status_code == 200
    assert update(acme, SEED, {"38042229": 0}).status_code == 400


def test_void_lines_may_disappear_from_reads(acme: AcmeSandbox) -> None:
    update(acme, SEED, {"38042229": 0})
    (line,) = items(acme, SEED)
    assert (line["quantity"], line["subTotal"], line["tickets"]) == (0, "0.00", [])

    acme.set_reading(void_lines="dropped")
    assert detail(acme, SEED)["eventItems"] == []


def test_names_and_kinds_of_ids_may_drift(acme: AcmeSandbox) -> None:
    acme.set_reading(ids="number", spelling="subtotal", line_id="itemId")
    (item,) = items(acme, SEED)

    assert detail(acme, SEED)["orderId"] == 26644388
    assert (item["itemId"], item["subtotal"]) == (38042229, "400.00")
    assert item["discountedSubtotal"] == "400.00"
    assert not {"orderItemId", "subTotal", "discountedSubTotal"} & set(item)
    numbers = {"orderId": 26644388, "orderItems": [{"orderItemId": 38042229, "quantity": 1}]}
    assert ask(acme, UPDATE, numbers).json()["id"] == 26644388


def test_a_reading_may_concern_one_order_only(acme: AcmeSandbox) -> None:
    acme.set_reading(SEED, ids="number")

    assert detail(acme, SEED)["orderId"] == 26644388
    assert detail(acme, "26644402")["orderId"] == "26644402"
    assert acme.reading(SEED)["ids"] == "number"
    assert acme.reading()["ids"] == "string"


@pytest.mark.parametrize("switches", [{"weather": "rain"}, {"ids": "uuid"}, {"ids": 3}])
def test_an_unknown_reading_is_refused(acme: AcmeSandbox, switches: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown switch|ids may be"):
        acme.set_reading(**switches)
    assert acme.reading()["ids"] == "string"


def test_the_last_ticket_of_a_rounded_line_gives_back_what_is_left(acme: AcmeSandbox) -> None:
    (line,) = items(acme, "26644431")
    assert Decimal(line["discountedUnitPrice"]) * 3 != Decimal(line["discountedSubTotal"])

    steps = [update(acme, "26644431", {line["orderItemId"]: left}).json() for left in (2, 1, 0)]

    assert [step["refundAmount"] for step in steps] == ["33.33", "33.33", "33.34"]
    assert steps[-1]["totalAmount"] == steps[-1]["discountedTotalAmount"] == "0.00"


def test_an_unpaid_balance_is_lowered_before_money_goes_back(acme: AcmeSandbox) -> None:
    pupils, _teachers = items(acme, "26644478")

    first = update(acme, "26644478", {pupils["orderItemId"]: 20}).json()
    second = update(acme, "26644478", {pupils["orderItemId"]: 10}).json()

    assert (first["refundAmount"], first["balanceAmount"]) == ("0.00", "90.00")
    assert (second["refundAmount"], second["balanceAmount"]) == ("20.00", "0.00")


def test_a_combos_parts_go_with_it_and_not_alone(acme: AcmeSandbox) -> None:
    combo, tour, show = items(acme, "26644490")
    assert tour["parentItemId"] == show["parentItemId"] == combo["orderItemId"]

    assert update(acme, "26644490", {tour["orderItemId"]: 1}).status_code == 400
    everything = {line["orderItemId"]: line["quantity"] for line in (combo, tour, show)}
    response = update(acme, "26644490", everything | {combo["orderItemId"]: 1})

    assert response.json()["refundAmount"] == "64.00"
    assert [line["quantity"] for line in items(acme, "26644490")] == [1, 1, 1]


def test_the_history_says_which_mail_went_out(acme: AcmeSandbox) -> None:
    update(acme, SEED, {"38042229": 3})
    update(acme, SEED, {"38042229": 2}, noEmail=True)
    ask(acme, "/v2/b2b/b2b/refunds", {"orderId": SEED})

    told = [entry["what"] for entry in panel(acme, SEED)["history"]]
    assert told == [
        "Order taken, 400.00 USD paid",
        "1 × General Admission cancelled by user 340, 100.00 USD refunded",
        "Order Confirmation e-mail sent",
        "1 × General Admission cancelled by user 340, 100.00 USD refunded",
        "No e-mail sent (Order Confirmation)",
        "2 × General Admission cancelled by user 340, 200.00 USD refunded",
        "Refund e-mail sent",
    ]
