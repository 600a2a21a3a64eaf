"""Reading ACME's orders: every documented spelling, and nothing that is not clearly the order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.order import LineKind, Order, OrderLine
from bot.ticketing import TicketingError, UnreadableError
from bot.ticketing.acme.adapter import order_from_wire
from tests.examples import usd
from tests.unit.ticketing.wire import LINE_ID, ORDER_ID, Json, detail, event, item


def read(wire: object, order_id: str = ORDER_ID, currency: str = "USD") -> Order:
    return order_from_wire(wire, order_id, "riverside", currency)


def only_line(wire: Json, currency: str = "USD") -> OrderLine:
    (line,) = read(wire, currency=currency).lines
    return line


def test_an_order_is_read_as_documented() -> None:
    some = read(detail(ccLastFourDigits="4242", balanceAmount="0.00", updatedOn="then"))
    assert (some.venue, some.id, some.number, some.currency) == (
        "riverside",
        ORDER_ID,
        "100130807",
        "USD",
    )
    assert (some.guest_name, some.guest_email) == (
        "Brad Clarke",
        "michele+bradClarke@acmeticketing.com",
    )
    assert (some.destination.payment_method, some.destination.last_four) == ("CreditCard", "4242")
    assert (some.balance, some.updated_on, some.organisation) == (usd("0.00"), "then", None)
    (line,) = some.lines
    assert (line.id, line.name, line.kind) == (LINE_ID, "Adult", LineKind.TICKET)
    assert (line.quantity, line.unit_price, line.subtotal) == (4, usd("100.00"), usd("400.00"))
    assert (line.event, line.checked_in) == ("Night at the Museum", 0)
    assert line.event_at == datetime(2026, 8, 1, 23, 0, tzinfo=UTC)
    assert not line.part_of_combo
    assert not line.converted


@pytest.mark.parametrize(
    ("spelled", "same_as"),
    [
        ({"orderId": int(ORDER_ID)}, {}),
        ({"orderNumber": 100130807}, {}),
        ({"balanceAmount": "12.00"}, {"orderBalance": 12}),
        ({"balanceAmount": "12.00"}, {"orderBalanace": 12.0}),
        ({"createdOn": "2020-05-29T16:15:15-07:00"}, {"creationDate": "2020-05-29T16:15:15-07:00"}),
        ({"createdOn": 1590794115000}, {"createdOn": "2020-05-29T16:15:15-07:00"}),
        ({"organizationName": "  "}, {}),
        ({"ccLastFourDigits": 4242}, {"ccLastFourDigits": "4242"}),
        ({"ccLastFourDigits": "411111******4242"}, {"ccLastFourDigits": "4242"}),
        ({"unheardOf": {"deep": [1, 2]}}, {}),
    ],
)
def test_spellings_of_an_order_mean_the_same(spelled: Json, same_as: Json) -> None:
    assert read(detail(**spelled)) == read(detail(**same_as))


def test_an_order_may_be_called_id() -> None:
    wire = detail()
    wire["id"] = wire.pop("orderId")
    assert read(wire) == read(detail())


def without(wire: Json, *names: str) -> Json:
    return {name: value for name, value in wire.items() if name not in names}


BARE = without(item(), "orderItemId", "subTotal", "unitPrice", "itemTypeName", "ticketTypeName")


@pytest.mark.parametrize(
    "spelled",
    [
        {"orderItemId": LINE_ID, "subTotal": "400.00", "unitPrice": "100.00"},
        {"orderItemId": int(LINE_ID), "subTotal": "400.00", "unitPrice": "100.00"},
        {"itemId": LINE_ID, "subtotal": "400.00", "unitPrice": "100.00"},
        {"itemId": int(LINE_ID), "amount": "400.00", "unitPrice": 100},
        {"orderItemId": LINE_ID, "discountedSubTotal": "400.00", "unitPrice": "100.00"},
        {"orderItemId": LINE_ID, "discountedSubtotal": 400.0, "discountedUnitPrice": 100.0},
        {"orderItemId": LINE_ID, "discountedAmount": "400", "discountedUnitPrice": "100"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00"},
        {"orderItemId": LINE_ID, "subTotal": "400.00"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "quantity": "4"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "quantity": 4.0},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "checkedInQuantity": 0},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "checkInQuantity": 0},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "conversionStatus": "NotConverted"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "conversionStatus": "not_converted"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "conversionStatus": ""},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "itemType": "event"},
        {"orderItemId": LINE_ID, "unitPrice": "100.00", "itemType": None},
    ],
)
@pytest.mark.parametrize("named", ["itemTypeName", "ticketTypeName", "ticketingTypeName"])
def test_spellings_of_a_line_mean_the_same(spelled: Json, named: str) -> None:
    assert only_line(detail(event(BARE | spelled | {named: "Adult"}))) == only_line(detail())


def test_the_line_of_a_shop_order_is_understood_without_a_group() -> None:
    line = item(
        itemId=LINE_ID,
        displayName="Adult",
        eventName="Night at the Museum",
        eventStartTime=1785625200000,
    )
    wire = detail()
    del wire["eventItems"]
    wire["orderItems"] = [without(line, "orderItemId", "itemTypeName", "ticketTypeName")]
    assert only_line(wire) == only_line(detail())


NULLS = dict.fromkeys(
    [
        "balanceAmount",
        "organizationName",
        "ccLastFourDigits",
        "createdOn",
        "updatedOn",
        "billingEmail",
        "memberships",
        "paymentId",
    ]
)


def test_nulls_are_read_as_fields_left_out() -> None:
    line = item(checkedInQuantity=None, discountedUnitPrice=None, parentItemId=None, tickets=None)
    wire = detail(event(line, externalReferenceId=None), **NULLS)
    wire["eventItems"].append(None)
    assert read(wire) == read(detail())


def test_discounted_prices_are_what_is_refunded() -> None:
    line = only_line(
        detail(
            event(item(discountedUnitPrice="80.00", discountedSubTotal="320.00", quantity=4)),
        )
    )
    assert (line.unit_price, line.subtotal) == (usd("80.00"), usd("320.00"))


def test_an_undiscounted_total_does_not_count_beside_a_discounted_price() -> None:
    line = only_line(detail(event(item(discountedUnitPrice="80.00"))))
    assert (line.unit_price, line.subtotal) == (usd("80.00"), usd("320.00"))


def test_a_discounted_total_counts_beside_an_undiscounted_price() -> None:
    line = only_line(detail(event(item(discountedSubTotal="320.00"))))
    assert (line.unit_price, line.subtotal) == (usd("100.00"), usd("320.00"))


def test_without_a_price_one_ticket_is_a_share_of_the_total_rounded_down() -> None:
    line = only_line(detail(event(without(item(quantity=3, subTotal="100.00"), "unitPrice"))))
    assert (line.unit_price, line.subtotal) == (usd("33.33"), usd("100.00"))
    assert line.value_of(3) == usd("100.00")


def test_an_empty_line_needs_no_price() -> None:
    line = only_line(detail(event(without(item(quantity=0), "unitPrice", "subTotal"))))
    assert (line.quantity, line.value) == (0, usd("0.00"))


@pytest.mark.parametrize(
    ("currency", "price", "expected"),
    [("JPY", "1200.00", "1200"), ("KWD", "1.250", "1.250"), ("EUR", "9.5", "9.50")],
)
def test_prices_are_in_the_venues_currency(currency: str, price: str, expected: str) -> None:
    line = only_line(detail(event(item(unitPrice=price, quantity=1, subTotal=price))), currency)
    assert line.unit_price == line.subtotal == Money(Decimal(expected), currency)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Event", LineKind.TICKET),
        ("event", LineKind.TICKET),
        ("Inventory", LineKind.ADD_ON),
        ("Combo", LineKind.COMBO),
        ("comboEvent", LineKind.COMBO),
        ("ComboInventory", LineKind.COMBO),
        ("MembershipPurchase", LineKind.MEMBERSHIP),
        ("MembershipRejoinUpgrade", LineKind.MEMBERSHIP),
        ("Donation", LineKind.DONATION),
        ("RebookingFee", LineKind.FEE),
        ("GiftCard", LineKind.OTHER),
        (None, LineKind.TICKET),
    ],
)
def test_item_types_are_told_apart_in_any_spelling(kind: str | None, expected: LineKind) -> None:
    assert only_line(detail(event(item(itemType=kind)))).kind is expected


def test_a_line_outside_events_that_does_not_say_what_it_is_is_not_a_ticket() -> None:
    wire = detail(memberships=[without(item(orderItemId="7"), "itemType")])
    assert [line.kind for line in read(wire).lines] == [LineKind.TICKET, LineKind.OTHER]


@pytest.mark.parametrize(
    ("told", "combo", "converted"),
    [
        ({"parentItemId": "12"}, True, False),
        ({"parentItemId": 12}, True, False),
        ({"conversionStatus": "Converted"}, False, True),
        ({"conversionStatus": "Pending"}, False, True),
    ],
)
def test_what_makes_a_line_special_is_kept(told: Json, combo: bool, converted: bool) -> None:
    line = only_line(detail(event(item(**told))))
    assert (line.part_of_combo, line.converted) == (combo, converted)


def test_check_ins_are_counted() -> None:
    assert only_line(detail(event(item(checkedInQuantity=2)))).checked_in == 2


def test_no_line_is_overlooked_wherever_it_stands() -> None:
    wire = detail(
        event(item(), item(orderItemId="2")),
        event(item(orderItemId="3"), eventName="Another"),
        inventoryItems=[item(orderItemId="4", itemType="Inventory")],
        donations=[{"items": [item(orderItemId="5", itemType="Donation")]}],
        notes=["call her", 7, {"unrelated": True}],
    )
    assert [line.id for line in read(wire).lines] == [LINE_ID, "2", "3", "4", "5"]


def test_a_line_named_in_two_lists_is_one_line() -> None:
    wire = detail(orderItems=[item(), item(orderItemId="2")])
    assert [line.id for line in read(wire).lines] == [LINE_ID, "2"]


def test_a_line_named_twice_in_one_list_is_no_order_to_act_on() -> None:
    with pytest.raises(UnreadableError, match="lists a line twice"):
        read(detail(event(item(), item())))


def test_an_order_without_an_id_of_its_own_is_the_one_asked_for() -> None:
    assert read(without(detail(), "orderId")).id == ORDER_ID


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        pytest.param(None, "empty", id="null"),
        pytest.param({}, "empty", id="empty"),
        pytest.param("an order", "not an order", id="text"),
        pytest.param([1], "not an order", id="list"),
        pytest.param(detail(orderId="1"), "another order", id="another order"),
        pytest.param(detail(event(without(item(), "quantity"))), "quantity", id="no quantity"),
        pytest.param(detail(event(item(quantity=-1))), "quantity", id="negative quantity"),
        pytest.param(detail(event(item(quantity=1.5))), "quantity", id="half a ticket"),
        pytest.param(detail(event(item(quantity="many"))), "quantity", id="many"),
        pytest.param(detail(event(item(unitPrice="free"))), "unitPrice", id="no number"),
        pytest.param(detail(event(item(unitPrice="NaN"))), "unitPrice", id="not finite"),
        pytest.param(detail(event(item(unitPrice="33.333"))), "finer", id="too fine"),
        pytest.param(detail(event(item(unitPrice="-1.00"))), "negative price", id="negative"),
        pytest.param(
            detail(event(without(item(), "unitPrice", "subTotal"))), "no price", id="no price"
        ),
        pytest.param(detail(event(without(item(), "orderItemId"))), "orderItemId", id="no id"),
        pytest.param(detail(event(item(orderItemId=""))), "orderItemId", id="empty id"),
        pytest.param(detail({"items": ["a ticket"]}), "valid dictionary", id="line as text"),
    ],
)
def test_what_is_not_clearly_the_order_is_refused(wire: object, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read(wire)


def test_a_price_finer_than_the_venues_currency_is_refused() -> None:
    with pytest.raises(UnreadableError, match="finer"):
        read(detail(event(item(unitPrice="100.50"))), currency="JPY")


@pytest.mark.parametrize("balance", ["soon", {}, [1], "", "NaN"])
def test_an_unreadable_balance_is_one_that_is_not_told(balance: object) -> None:
    assert read(detail(balanceAmount=balance)).balance is None


@pytest.mark.parametrize("moment", ["soon", "2026-08-01T19:00:00", "", {}, False])
def test_a_time_without_a_zone_or_sense_is_not_told(moment: object) -> None:
    assert only_line(detail(event(eventDate=moment))).event_at is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({*detail(), *item(), *event(), "items", "itemId"})),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(anything)
def test_whatever_acme_answers_is_an_order_or_an_error_of_ours(wire: object) -> None:
    try:
        some = read(wire)
    except TicketingError:
        return
    assert some.id == ORDER_ID


@given(st.sampled_from(sorted({*detail(), *item(), *event()})), anything)
def test_one_field_of_any_shape_never_breaks_the_reading(name: str, value: object) -> None:
    line = item()
    if name in line:
        line[name] = value
    wire = detail(event(line))
    if name in wire:
        wire[name] = value
    try:
        read(wire)
    except TicketingError:
        return
