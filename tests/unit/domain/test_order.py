"""Orders and their lines: what a ticket is worth, and what may be cancelled here at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.order import LineKind, Order, OrderLine
from tests.examples import line, order, usd
from tests.strategies import amounts, currencies, lines, orders

any_line = currencies.flatmap(lines)


@given(any_line)
def test_a_line_is_worth_its_total_or_if_figures_contradict_the_lower_one(
    item: OrderLine,
) -> None:
    product = item.unit_price * item.quantity
    if item.quantity and item.subtotal_is_plausible:
        assert item.value == item.subtotal
    else:
        assert item.value == min(item.subtotal, product)


@pytest.mark.parametrize(
    ("quantity", "price", "subtotal", "plausible"),
    [
        (4, "100.00", "400.00", True),
        (3, "33.33", "100.00", True),
        (3, "33.34", "100.00", True),
        (2, "10.00", "29.99", True),
        (2, "10.00", "30.00", False),
        (2, "10.00", "10.00", False),
        (0, "10.00", "0.00", True),
        (2, "0.00", "0.00", True),
        (2, "0.00", "0.01", False),
    ],
)
def test_a_total_is_plausible_within_less_than_one_ticket(
    quantity: int, price: str, subtotal: str, plausible: bool
) -> None:
    item = line(quantity=quantity, price=price, subtotal=subtotal)
    assert item.subtotal_is_plausible == plausible


@given(any_line, st.integers(0, 8))
def test_some_tickets_are_worth_no_more_than_their_price_or_the_line(
    item: OrderLine, count: int
) -> None:
    value = item.value_of(count)
    assert Money.zero(item.unit_price.currency) <= value <= item.value
    if count < item.quantity:
        assert value <= item.unit_price * count


@given(any_line, st.integers(0, 8))
def test_one_more_ticket_never_refunds_less(item: OrderLine, count: int) -> None:
    assert item.value_of(count) <= item.value_of(count + 1)


@given(any_line)
def test_all_tickets_of_a_line_are_worth_the_line(item: OrderLine) -> None:
    assert item.value_of(item.quantity) == item.value


def test_the_last_ticket_carries_the_rounding() -> None:
    thirds = line(quantity=3, price="33.33", subtotal="100.00")
    assert thirds.value_of(2) == usd("66.66")
    assert thirds.value_of(3) == usd("100.00")


@pytest.mark.parametrize("kind", LineKind)
def test_only_tickets_and_add_ons_are_cancelled_here(kind: LineKind) -> None:
    assert line(kind=kind).is_cancellable == (kind in {LineKind.TICKET, LineKind.ADD_ON})


def test_a_part_of_a_combo_is_not_cancelled_here() -> None:
    assert not replace(line(), part_of_combo=True).is_cancellable


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative count"):
        replace(line(), quantity=-1)
    with pytest.raises(ValueError, match="negative count"):
        replace(line(), checked_in=-1)


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(ValueError, match="negative price"):
        replace(line(), unit_price=usd("-0.01"))
    with pytest.raises(ValueError, match="negative price"):
        replace(line(), subtotal=usd("-0.01"))


def test_a_line_listed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="lists a line twice"):
        order(line("1"), line("1"))


@given(orders())
def test_an_order_is_worth_its_lines(some: Order) -> None:
    assert some.value.amount == sum(item.value.amount for item in some.lines)
    assert some.quantity == sum(item.quantity for item in some.lines)


def test_a_line_that_is_gone_has_nothing_left() -> None:
    some = order(line("1", quantity=2))
    assert some.quantity_of("1") == 2
    assert some.quantity_of("gone") == 0
    assert some.line("gone") is None


def test_people_call_an_order_by_its_number_where_it_has_one() -> None:
    assert order().label == "100130807"
    assert replace(order(), number=None).label == order().id


@given(currencies.flatmap(lambda code: st.tuples(amounts(code), st.integers(1, 9))))
def test_without_rounding_a_line_is_worth_price_times_quantity(
    priced: tuple[Money, int],
) -> None:
    price, quantity = priced
    item = replace(line(), quantity=quantity, unit_price=price, subtotal=price * quantity)
    assert item.value == price * quantity
