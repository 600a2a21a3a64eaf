"""Cancelling through ACME: one call to the right endpoint, its answer read as a claim."""

from __future__ import annotations

import json

import httpx
import pytest

from bot.domain.quote import Notify
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt
from bot.ticketing import OutcomeLostError, UnreadableError
from bot.ticketing.acme import AcmeClient, AcmeTicketing
from tests.examples import ORDER_ID, order, usd
from tests.unit.ticketing.wire import UPDATED, Json, detail

pytestmark = pytest.mark.anyio

ALL = Selection({"38042229": 4})
REFUNDED = {"incidentNumber": 881204, "refundAmount": "400.00", "order": UPDATED}


class Acme:
    """A venue's ACME that gives one answer to everything."""

    def __init__(self, answer: object, refund_path: str = "/v2/b2b/b2b/refunds") -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer
        client = AcmeClient("https://acme.example", "key", transport=httpx.MockTransport(self))
        self.ticketing = AcmeTicketing(client, "riverside", "USD", refund_path)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, json=self._answer)

    async def cancel(self, notify: Notify = Notify.CONFIRMATION) -> Receipt:
        return await self.ticketing.cancel(order(), ALL, notify)


async def test_the_seeds_answer_is_read_as_a_receipt() -> None:
    assert await Acme(UPDATED).cancel() == Receipt(
        refund=usd("400.00"),
        total=usd("0.00"),
        paid=usd("400.00"),
        balance=usd("0.00"),
        updated_on="2020-06-01T19:19:09-07:00",
    )


@pytest.mark.parametrize(
    ("notify", "path", "body"),
    [
        (
            Notify.CONFIRMATION,
            "/v2/b2b/orders/update",
            {"orderId": ORDER_ID, "orderItems": [{"orderItemId": "38042229", "quantity": 0}]},
        ),
        (
            Notify.NONE,
            "/v2/b2b/orders/update",
            {
                "orderId": ORDER_ID,
                "orderItems": [{"orderItemId": "38042229", "quantity": 0}],
                "noEmail": True,
            },
        ),
        (
            Notify.REFUND,
            "/v2/b2b/b2b/refunds",
            {
                "orderId": ORDER_ID,
                "incidentReasonCode": "Miscellaneous",
                "refundItems": [{"orderItemId": "38042229", "quantity": 4}],
            },
        ),
    ],
)
async def test_what_the_guest_is_sent_decides_the_endpoint(
    notify: Notify, path: str, body: Json
) -> None:
    acme = Acme(UPDATED)
    await acme.cancel(notify)
    (request,) = acme.asked
    assert (request.url.path, json.loads(request.content)) == (path, body)


async def test_where_refunds_live_is_a_setting() -> None:
    acme = Acme(REFUNDED, refund_path="/v1/b2b/b2b/refunds")
    await acme.cancel(Notify.REFUND)
    assert acme.asked[0].url.path == "/v1/b2b/b2b/refunds"


async def test_a_refund_brings_its_reference_and_the_orders_figures() -> None:
    receipt = await Acme(REFUNDED).cancel(Notify.REFUND)
    assert (receipt.reference, receipt.refund) == ("881204", usd("400.00"))
    assert (receipt.total, receipt.paid) == (usd("0.00"), usd("400.00"))


async def test_a_refund_without_the_order_is_a_receipt_all_the_same() -> None:
    answer = {"incidentNumber": "881204", "refundAmount": 400}
    receipt = await Acme(answer).cancel(Notify.REFUND)
    assert receipt == Receipt(reference="881204", refund=usd("400.00"))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"refundAmount": 400}, {"refund": usd("400.00")}),
        ({"refundAmount": "all of it"}, {"refund": None}),
        ({"refundAmount": "1.005"}, {"refund": None}),
        ({"refundAmount": None}, {"refund": None}),
        ({"totalAmount": {}, "discountedTotalAmount": "7.00"}, {"total": usd("7.00")}),
        ({"ccLastFourDigits": "4242"}, {"last_four": "4242"}),
        ({"ccLastFourDigits": "card"}, {"last_four": None}),
    ],
)
async def test_figures_are_claims_and_unreadable_ones_are_not_told(
    told: Json, expected: Json
) -> None:
    receipt = await Acme(told).cancel()
    assert receipt == Receipt(**expected)


async def test_discounted_totals_count_before_undiscounted_ones() -> None:
    receipt = await Acme(
        {
            "totalAmount": "250.00",
            "discountedTotalAmount": "200.00",
        }
    ).cancel()
    assert receipt.total == usd("200.00")


@pytest.mark.parametrize("answer", [None, [], "done", 200, True])
@pytest.mark.parametrize("notify", Notify)
async def test_an_answer_that_is_no_object_leaves_the_outcome_open(
    answer: object, notify: Notify
) -> None:
    with pytest.raises(OutcomeLostError):
        await Acme(answer).cancel(notify)


async def test_an_unreadable_order_within_a_refund_leaves_the_outcome_open() -> None:
    with pytest.raises(OutcomeLostError):
        await Acme({"refundAmount": "400.00", "order": "changed"}).cancel(Notify.REFUND)


@pytest.mark.parametrize(
    ("notify", "harmless"),
    [(Notify.NONE, True), (Notify.CONFIRMATION, True), (Notify.REFUND, False)],
)
async def test_only_absolute_quantities_may_be_sent_twice(notify: Notify, harmless: bool) -> None:
    assert Acme({}).ticketing.may_resend(notify) == harmless


async def test_an_order_is_read_by_its_id_alone() -> None:
    acme = Acme(detail())
    some = await acme.ticketing.read_order(ORDER_ID)
    assert (some.venue, some.id) == ("riverside", ORDER_ID)
    assert acme.asked[0].url.path == f"/v2/b2b/orders/detail/{ORDER_ID}"
    assert acme.asked[0].method == "GET"


async def test_an_order_id_can_never_lead_elsewhere() -> None:
    acme = Acme({})
    with pytest.raises(UnreadableError):
        await acme.ticketing.read_order("../update?x=1#")
    assert acme.asked[0].url.raw_path == b"/v2/b2b/orders/detail/..%2Fupdate%3Fx%3D1%23"


async def test_a_venue_closes_its_connections() -> None:
    acme = Acme(UPDATED)
    await acme.ticketing.close()
    with pytest.raises(RuntimeError, match="closed"):
        await acme.cancel()
