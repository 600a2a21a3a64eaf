"""What is sent to ACME: what remains in the update, what is taken in the Refund API."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.domain.order import LineKind, Order
from bot.domain.quote import Notify
from bot.domain.selection import Selection
from bot.ticketing.acme.adapter import refund_body, update_body
from tests.examples import line, order
from tests.strategies import any_kind, orders_with_selections

SEED = {"orderId": "26644388", "orderItems": [{"orderItemId": "38042229", "quantity": 0}]}


def test_cancelling_the_seeds_order_sends_the_seeds_body() -> None:
    assert update_body(order(), Selection({"38042229": 4}), Notify.CONFIRMATION) == SEED


def test_the_update_names_what_remains_and_the_refund_what_is_taken() -> None:
    one_of_four = Selection({"38042229": 1})
    update = update_body(order(), one_of_four, Notify.CONFIRMATION)
    refund = refund_body(order(), one_of_four)
    assert update["orderItems"] == [{"orderItemId": "38042229", "quantity": 3}]
    assert refund["refundItems"] == [{"orderItemId": "38042229", "quantity": 1}]


MIXED = order(
    line("1", quantity=4),
    line("2", quantity=2),
    line("gone", quantity=0),
    line("fee", quantity=1, kind=LineKind.FEE),
)


def test_the_update_lists_every_line_with_something_left_whether_it_changes_or_not() -> None:
    assert update_body(MIXED, Selection({"1": 3}), Notify.CONFIRMATION)["orderItems"] == [
        {"orderItemId": "1", "quantity": 1},
        {"orderItemId": "2", "quantity": 2},
        {"orderItemId": "fee", "quantity": 1},
    ]


def test_the_refund_lists_only_the_lines_it_takes_from() -> None:
    assert refund_body(MIXED, Selection({"1": 3})) == {
        "orderId": "26644388",
        "incidentReasonCode": "Miscellaneous",
        "refundItems": [{"orderItemId": "1", "quantity": 3}],
    }


@pytest.mark.parametrize("notify", Notify)
def test_an_email_is_only_ever_suppressed_never_asked_for(notify: Notify) -> None:
    body = update_body(order(), Selection({"38042229": 4}), notify)
    assert body == (SEED | {"noEmail": True} if notify is Notify.NONE else SEED)


@pytest.mark.parametrize("counts", [{"38042229": 5}, {"38042229": 1000}])
def test_more_than_is_left_is_never_sent(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="fewer than selected"):
        update_body(order(), Selection(counts), Notify.CONFIRMATION)


@given(orders_with_selections(any_kind))
def test_the_update_never_raises_a_quantity_and_takes_exactly_what_is_selected(
    case: tuple[Order, Selection],
) -> None:
    some, wish = case
    items = update_body(some, wish, Notify.CONFIRMATION)["orderItems"]
    sent = {item["orderItemId"]: item["quantity"] for item in items}
    assert set(sent) == {each.id for each in some.lines if each.quantity}
    for line_id, remaining in sent.items():
        assert 0 <= remaining <= some.quantity_of(line_id)
        assert some.quantity_of(line_id) - remaining == wish.count(line_id)


@given(orders_with_selections(any_kind))
def test_the_refund_takes_exactly_what_is_selected(case: tuple[Order, Selection]) -> None:
    some, wish = case
    items = refund_body(some, wish)["refundItems"]
    assert {item["orderItemId"]: item["quantity"] for item in items} == wish.counts


@given(orders_with_selections(any_kind))
def test_no_payment_data_is_ever_sent(case: tuple[Order, Selection]) -> None:
    some, wish = case
    for notify in Notify:
        assert set(update_body(some, wish, notify)) <= {"orderId", "orderItems", "noEmail"}
    assert set(refund_body(some, wish)) == {"orderId", "incidentReasonCode", "refundItems"}
