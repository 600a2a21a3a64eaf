"""The ACME stand-in's example orders, its panel, its copies and its reset."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.sandbox.acme import FAULTS, AcmeSandbox

KEY = "acme-test-key"
SEED = "26644388"
NOW = datetime(2031, 3, 4, 20, 0, tzinfo=UTC)


@pytest.fixture
def acme() -> AcmeSandbox:
    return AcmeSandbox(api_key=KEY, on_change=lambda: None, clock=lambda: NOW)


def ask(acme: AcmeSandbox, path: str, body: object = None) -> dict[str, Any]:
    async def send() -> dict[str, Any]:
        transport = httpx.ASGITransport(Starlette(routes=[Mount("/acme", acme.app)]))
        headers = {"x-acme-api-key": KEY}
        async with httpx.AsyncClient(transport=transport, base_url="http://host/acme") as client:
            method = "GET" if body is None else "POST"
            response = await client.request(method, path, json=body, headers=headers)
            answer: dict[str, Any] = response.json()
            return answer

    return asyncio.run(send())


def panel(acme: AcmeSandbox, order_id: str) -> dict[str, Any]:
    return acme.panel(order_id) or {}


def ids(acme: AcmeSandbox) -> list[str]:
    return [str(row["id"]) for row in acme.orders()]


def test_the_seeds_order_comes_first_and_says_what_it_shows(acme: AcmeSandbox) -> None:
    assert acme.orders()[0] == {
        "id": SEED,
        "number": "100130807",
        "title": "Seed order: 4 × $100.00",
        "fault": None,
    }


def test_every_example_reads_and_adds_up(acme: AcmeSandbox) -> None:
    line_ids: list[str] = []
    for order_id in ids(acme):
        order, read = panel(acme, order_id), ask(acme, f"/v2/b2b/orders/detail/{order_id}")
        cents = sum(round(float(line["amount"]) * 100) for line in order["lines"])
        assert cents == round(float(order["total"]) * 100)
        owed = float(order["total"]) - float(order["paid"]) + float(order["refunded"])
        assert owed == pytest.approx(float(order["balance"]))
        assert owed >= 0
        assert read["orderNumber"] == order["number"]
        items = [item for event in read["eventItems"] for item in event["items"]]
        assert {item["orderItemId"] for item in items} == {line["id"] for line in order["lines"]}
        line_ids += [line["id"] for line in order["lines"]]
    assert len(line_ids) == len(set(line_ids))
    assert all(line_id.isdigit() for line_id in line_ids)


def test_events_to_come_are_to_come_and_only_the_past_one_is_past(acme: AcmeSandbox) -> None:
    past = {
        order_id
        for order_id in ids(acme)
        for line in panel(acme, order_id)["lines"]
        if line["event_date"] and datetime.fromisoformat(line["event_date"]) < NOW
    }

    assert past == {"26644512"}


def test_money_and_people_are_spread_as_the_titles_say(acme: AcmeSandbox) -> None:
    assert panel(acme, "26644446")["lines"][0]["quantity"] == 2
    assert panel(acme, "26644446")["refunded"] == "110.00"
    assert panel(acme, "26644459")["total"] == "0.00"
    assert panel(acme, "26644463")["lines"][0]["checked_in"] == 2
    assert panel(acme, "26644478")["balance"] == "200.00"
    assert panel(acme, "26644485")["lines"][0]["event"] is None
    assert panel(acme, "26644533")["currency"] == "EUR"
    assert panel(acme, "26644548")["paid"] == "0.00"
    assert len(panel(acme, "26644551")["lines"]) == 60
    assert panel(acme, "26644566")["payment"] == "Voucher V-55120"
    assert panel(acme, "26644570")["payment"] == "Cash"
    assert panel(acme, SEED)["payment"] == "Credit card ending 4242"
    assert panel(acme, SEED)["guest"] == "Brad Clarke"


def test_the_currency_is_not_in_the_wire_data(acme: AcmeSandbox) -> None:
    assert "EUR" not in str(ask(acme, "/v2/b2b/orders/detail/26644533"))


def test_lines_outside_any_event_have_no_event_and_no_tickets(acme: AcmeSandbox) -> None:
    groups = ask(acme, "/v2/b2b/orders/detail/26644485")["eventItems"]

    (membership,) = [group for group in groups if "eventId" not in group]
    assert set(membership) == {"items"}
    assert membership["items"][0]["itemType"] == "MembershipPurchase"
    assert "tickets" not in membership["items"][0]


def test_an_unknown_order_has_no_panel(acme: AcmeSandbox) -> None:
    assert acme.panel("1") is None


def test_the_panel_shows_requests_without_the_key_and_without_the_mount_point(
    acme: AcmeSandbox,
) -> None:
    ask(acme, f"/v2/b2b/orders/detail/{SEED}")
    body = {"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 3}]}
    ask(acme, "/v2/b2b/orders/update", body)

    shown = panel(acme, SEED)["requests"]
    assert [(row["method"], row["path"], row["status"], row["body"]) for row in shown] == [
        ("GET", f"/v2/b2b/orders/detail/{SEED}", 200, None),
        ("POST", "/v2/b2b/orders/update", 200, body),
    ]
    assert KEY not in str(acme.requests())
    assert acme.requests("26644402") == []


def test_a_copy_is_new_in_every_id_and_as_the_template_was(acme: AcmeSandbox) -> None:
    template = "26644490"
    combo = panel(acme, template)["lines"][0]["id"]
    body = {"orderId": template, "orderItems": [{"orderItemId": combo, "quantity": 0}]}
    ask(acme, "/v2/b2b/orders/update", body)

    order_id, number = acme.copy_order(template)
    copy, original = panel(acme, order_id), panel(acme, template)

    assert original["total"] == "0.00"
    assert (copy["number"], copy["total"]) == (number, "128.00")
    assert not {order_id, number} & {template, original["number"]}
    assert order_id.isdigit()
    assert not {line["id"] for line in copy["lines"]} & {line["id"] for line in original["lines"]}
    read = ask(acme, f"/v2/b2b/orders/detail/{order_id}")
    items = [item for event in read["eventItems"] for item in event["items"]]
    assert {item.get("parentItemId") for item in items} == {None, copy["lines"][0]["id"]}


def test_a_copy_can_be_copied_and_an_unknown_order_can_not(acme: AcmeSandbox) -> None:
    first, _ = acme.copy_order(SEED)
    second, _ = acme.copy_order(first)

    assert len({SEED, first, second}) == 3
    assert acme.orders()[-1]["title"] == "Seed order: 4 × $100.00 (copy)"
    with pytest.raises(KeyError):
        acme.copy_order("1")


def test_cancelling_a_copy_of_the_seeds_order_happens_now(acme: AcmeSandbox) -> None:
    order_id, _ = acme.copy_order(SEED)
    line = panel(acme, order_id)["lines"][0]["id"]
    body = {"orderId": order_id, "orderItems": [{"orderItemId": line, "quantity": 0}]}

    result = ask(acme, "/v2/b2b/orders/update", body)

    assert datetime.fromisoformat(result["updatedOn"]) == NOW
    assert result["updatedOn"].endswith("-07:00")


def test_reset_goes_back_to_the_start_but_gives_no_id_out_twice(acme: AcmeSandbox) -> None:
    first, _ = acme.copy_order(SEED)
    acme.set_fault(SEED, "forbidden")
    acme.set_reading(ids="number")
    before = ids(acme)

    acme.reset()

    assert ids(acme) == before[:-1]
    assert acme.panel(first) is None
    assert panel(acme, SEED)["fault"] is None
    assert acme.reading()["ids"] == "string"
    assert acme.requests() == []
    assert acme.copy_order(SEED)[0] != first


def test_every_change_is_announced() -> None:
    seen: list[int] = []
    acme = AcmeSandbox(api_key=KEY, on_change=lambda: seen.append(1))
    for change in (
        lambda: acme.set_fault(SEED, "slow"),
        lambda: acme.set_reading(ids="number"),
        lambda: acme.copy_order(SEED),
        lambda: ask(acme, f"/v2/b2b/orders/detail/{SEED}x"),
        acme.reset,
    ):
        before = len(seen)
        change()
        assert len(seen) > before


def test_every_fault_has_a_label_in_plain_words(acme: AcmeSandbox) -> None:
    for name, label in FAULTS.items():
        acme.set_fault(SEED, name)
        assert acme.orders()[0]["fault"] == name
        assert " " in label
