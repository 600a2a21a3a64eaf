"""Selections: always "cancel n of m", never more than is left, never what must stay."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.order import LineKind, Order
from bot.domain.selection import Selection, SelectionError, SelectionProblem
from tests.examples import line, order
from tests.strategies import any_kind, orders, orders_with_selections, selections

with_selection = orders_with_selections(any_kind)


@given(orders())
def test_everything_takes_all_that_is_left_but_fees(some: Order) -> None:
    wish = Selection.everything(some)
    for item in some.lines:
        expected = 0 if item.kind is LineKind.FEE else item.quantity
        assert wish.count(item.id) == expected
    assert wish.covers(some)


@given(with_selection)
def test_a_selection_covers_an_order_if_only_fees_stay(case: tuple[Order, Selection]) -> None:
    some, wish = case
    stays = [
        item
        for item in some.lines
        if item.kind is not LineKind.FEE and wish.count(item.id) < item.quantity
    ]
    assert wish.covers(some) == (not stays)


@given(with_selection)
def test_a_wish_cut_to_the_order_fits_it_and_asks_no_more(case: tuple[Order, Selection]) -> None:
    some, wish = case
    fewer = replace(
        some, lines=tuple(replace(item, quantity=item.quantity // 2) for item in some.lines)
    )
    cut = wish.within(fewer)
    for line_id in {*wish.counts, *cut.counts}:
        assert cut.count(line_id) == min(wish.count(line_id), fewer.quantity_of(line_id))
    assert cut.within(fewer) == cut


@given(with_selection)
def test_a_wish_that_fits_stays_as_it_is(case: tuple[Order, Selection]) -> None:
    some, wish = case
    assert wish.within(some) == wish


def test_a_wish_for_lines_that_are_gone_comes_to_nothing() -> None:
    assert Selection({"gone": 2}).within(order()).counts == {}


@given(orders().flatmap(lambda some: st.tuples(st.just(some), selections(some, cancellable=True))))
def test_what_may_be_cancelled_can_be_chosen(case: tuple[Order, Selection]) -> None:
    some, wish = case
    if wish.counts:
        assert Selection.of(some, wish.counts) == wish
        assert wish.tickets == sum(wish.counts.values())


def test_lines_chosen_with_nought_are_left_out() -> None:
    some = order(line("1"), line("2"))
    assert Selection.of(some, {"1": 1, "2": 0}).counts == {"1": 1}


@pytest.mark.parametrize(
    ("counts", "problem", "line_id"),
    [
        ({"gone": 1}, SelectionProblem.UNKNOWN_LINE, "gone"),
        ({"1": -1}, SelectionProblem.NOT_A_COUNT, "1"),
        ({"1": 5}, SelectionProblem.TOO_MANY, "1"),
        ({"1": 1, "donation": 1}, SelectionProblem.NOT_CANCELLABLE, "donation"),
        ({"1": 1, "combo": 1}, SelectionProblem.NOT_CANCELLABLE, "combo"),
        ({"1": 0, "donation": 0}, SelectionProblem.EMPTY, None),
        ({}, SelectionProblem.EMPTY, None),
    ],
)
def test_a_choice_that_does_not_fit_says_how_and_where(
    counts: dict[str, int], problem: SelectionProblem, line_id: str | None
) -> None:
    some = order(
        line("1", quantity=4),
        line("donation", kind=LineKind.DONATION),
        replace(line("combo"), part_of_combo=True),
    )
    with pytest.raises(SelectionError) as refused:
        Selection.of(some, counts)
    assert (refused.value.problem, refused.value.line_id) == (problem, line_id)


@pytest.mark.parametrize("count", [0, -1])
def test_a_selection_never_holds_less_than_one(count: int) -> None:
    with pytest.raises(SelectionError) as refused:
        Selection({"1": count})
    assert refused.value.problem is SelectionProblem.NOT_A_COUNT
