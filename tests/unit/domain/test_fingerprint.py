"""The fingerprint: an approval counts only while the facts behind the quote are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.order import LineKind, Order, OrderLine
from bot.domain.quote import fingerprint, quote
from bot.domain.selection import Selection
from tests.examples import NOW, line, order, usd
from tests.strategies import any_kind, orders, orders_with_selections, selections

SOME = replace(order(line("1", quantity=4), line("2", quantity=2)), balance=usd("1.00"))
WISH = Selection({"1": 1, "2": 2})


def with_line(change: Callable[[OrderLine], OrderLine]) -> Order:
    return replace(SOME, lines=(change(SOME.lines[0]), *SOME.lines[1:]))


def paid(method: str = "CreditCard", last_four: str = "4242") -> Order:
    how = replace(SOME.destination, payment_method=method, last_four=last_four)
    return replace(SOME, destination=how)


DECISIVE = {
    "venue": replace(SOME, venue="harbour"),
    "order id": replace(SOME, id="1"),
    "balance": replace(SOME, balance=usd("2.00")),
    "balance no longer told": replace(SOME, balance=None),
    "updated on": replace(SOME, updated_on="2026-07-14T11:00:00-04:00"),
    "updated on no longer told": replace(SOME, updated_on=None),
    "quantity": with_line(lambda old: replace(old, quantity=3)),
    "checked in": with_line(lambda old: replace(old, checked_in=1)),
    "amount": with_line(lambda old: replace(old, subtotal=usd("399.99"))),
    "line id": with_line(lambda old: replace(old, id="3")),
    "kind": with_line(lambda old: replace(old, kind=LineKind.ADD_ON)),
    "when the event is": with_line(lambda old: replace(old, event_at=NOW)),
    "an organisation's by now": replace(SOME, organisation="Riverside School"),
    "paid otherwise": paid("Voucher"),
    "when it was made": replace(SOME, created_at=NOW),
    "a line gone": replace(SOME, lines=SOME.lines[:1]),
    "a line more": replace(SOME, lines=(*SOME.lines, line("3"))),
}

IRRELEVANT = {
    "number": replace(SOME, number="100130808"),
    "guest's name": replace(SOME, guest_name="B. Clarke"),
    "guest's e-mail": replace(SOME, guest_email="clarke@example.com"),
    "a line's name": with_line(lambda old: replace(old, name="Grown-up")),
    "the event's name": with_line(lambda old: replace(old, event="Day at the Museum")),
    "the order of the lines": replace(SOME, lines=SOME.lines[::-1]),
    "last four digits": paid(last_four="1111"),
}


@pytest.mark.parametrize("changed", DECISIVE.values(), ids=DECISIVE.keys())
def test_a_fact_that_matters_changes_the_fingerprint(changed: Order) -> None:
    assert fingerprint(changed, WISH) != fingerprint(SOME, WISH)


@pytest.mark.parametrize("changed", IRRELEVANT.values(), ids=IRRELEVANT.keys())
def test_a_fact_that_does_not_matter_leaves_the_fingerprint(changed: Order) -> None:
    assert fingerprint(changed, WISH) == fingerprint(SOME, WISH)


@pytest.mark.parametrize("other", [{"1": 2, "2": 2}, {"1": 1}, {"1": 1, "2": 1}, {}])
def test_another_selection_changes_the_fingerprint(other: dict[str, int]) -> None:
    assert fingerprint(SOME, Selection(other)) != fingerprint(SOME, WISH)


def test_the_order_in_which_lines_were_chosen_leaves_the_fingerprint() -> None:
    assert fingerprint(SOME, Selection({"2": 2, "1": 1})) == fingerprint(SOME, WISH)


@given(orders_with_selections(any_kind))
def test_a_quote_carries_the_fingerprint_of_what_it_quotes(case: tuple[Order, Selection]) -> None:
    some, wish = case
    assert quote(some, wish, NOW).fingerprint == fingerprint(some, wish)


@given(
    orders(currency="USD").flatmap(lambda some: st.tuples(st.just(some), selections(some))),
    st.data(),
)
def test_equal_fingerprints_mean_equal_amounts(
    case: tuple[Order, Selection], data: st.DataObject
) -> None:
    some, wish = case
    index = data.draw(st.integers(0, len(some.lines) - 1))
    old = some.lines[index]
    quantity = data.draw(st.sampled_from((old.quantity, 0, 1, 5)))
    subtotal = data.draw(st.sampled_from((old.subtotal, usd("0.00"), usd("12.34"))))
    new = replace(old, quantity=quantity, subtotal=subtotal)
    changed = replace(some, lines=(*some.lines[:index], new, *some.lines[index + 1 :]))
    if fingerprint(some, wish) == fingerprint(changed, wish):
        one, other = quote(some, wish, NOW), quote(changed, wish, NOW)
        assert (one.value, one.refund) == (other.value, other.refund)
        assert one.total_after == other.total_after
