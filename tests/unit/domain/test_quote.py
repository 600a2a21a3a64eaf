"""Quotes: the amount, what stays, what to watch out for and what forbids it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money, total
from bot.domain.order import Destination, LineKind, Order
from bot.domain.quote import (
    BlockCode,
    QuoteBlock,
    QuoteWarning,
    WarningCode,
    quote,
    refund_of,
)
from bot.domain.selection import Selection
from tests.examples import NOW, cancelled, line, order, usd
from tests.strategies import amounts, any_kind, currencies, orders_with_selections

any_case = orders_with_selections(any_kind)
money_and_balance = currencies.flatmap(
    lambda code: st.tuples(amounts(code), st.none() | amounts(code, 100_000, -100_000))
)


@given(any_case)
def test_a_quote_never_exceeds_what_was_paid_for_the_selected_tickets(
    case: tuple[Order, Selection],
) -> None:
    some, wish = case
    result = quote(some, wish, NOW)
    for item in result.lines:
        source = some.line(item.line_id)
        assert source is not None
        assert item.amount <= source.subtotal
        if item.cancelled < item.quantity or not source.subtotal_is_plausible:
            assert item.amount <= source.unit_price * item.cancelled
        assert item.cancelled == wish.count(item.line_id) <= source.quantity
    assert result.value == total((item.amount for item in result.lines), some.currency)
    assert Money.zero(some.currency) <= result.refund <= result.value <= some.value
    assert result.tickets == wish.tickets


@given(any_case)
def test_what_is_cancelled_and_what_stays_are_the_order(case: tuple[Order, Selection]) -> None:
    some, wish = case
    result = quote(some, wish, NOW)
    assert result.total_after + result.value == some.value
    assert result.total_after == cancelled(some, wish).value
    assert result.cancels_order == wish.covers(some)


@given(orders_with_selections(), st.data())
def test_cancelling_in_parts_adds_up_to_cancelling_at_once(
    case: tuple[Order, Selection], data: st.DataObject
) -> None:
    some, wish = case
    at_once = quote(some, wish, NOW)
    first = data.draw(selections_within(wish))
    rest = Selection(
        {key: n - first.count(key) for key, n in wish.counts.items() if n > first.count(key)}
    )
    one = quote(some, first, NOW)
    other = quote(cancelled(some, first), rest, NOW)
    assert one.value + other.value == at_once.value
    assert one.refund + other.refund == at_once.refund
    assert other.total_after == at_once.total_after


def selections_within(wish: Selection) -> st.SearchStrategy[Selection]:
    counts = st.fixed_dictionaries({key: st.integers(0, n) for key, n in wish.counts.items()})
    return counts.map(lambda chosen: Selection({key: n for key, n in chosen.items() if n}))


@given(money_and_balance)
def test_a_refund_is_never_negative_and_never_more_than_the_tickets(
    case: tuple[Money, Money | None],
) -> None:
    value, balance = case
    refund = refund_of(value, balance)
    assert Money.zero(value.currency) <= refund <= value


@given(money_and_balance)
def test_what_was_never_paid_is_never_refunded(case: tuple[Money, Money | None]) -> None:
    value, balance = case
    if balance is None or balance <= Money.zero(value.currency):
        assert refund_of(value, balance) == value
    elif value <= balance:
        assert not refund_of(value, balance)
    else:
        assert refund_of(value, balance) == value - balance


def test_an_unpaid_balance_is_lowered_before_anything_is_refunded() -> None:
    owing = replace(order(line(quantity=4)), balance=usd("150.00"))
    result = quote(owing, Selection({"38042229": 2}), NOW)
    assert result.value == usd("200.00")
    assert result.refund == usd("50.00")


def test_fees_are_kept_and_named() -> None:
    with_fee = order(line("1"), line("fee", quantity=1, price="3.50", kind=LineKind.FEE))
    result = quote(with_fee, Selection.everything(with_fee), NOW)
    assert result.fees_kept == usd("3.50")
    assert result.refund == usd("400.00")
    assert result.total_after == usd("3.50")
    assert result.cancels_order


def test_the_quote_tells_where_the_money_goes() -> None:
    paid = Destination(payment_method="CreditCard", last_four="4242")
    assert quote(order(), Selection.everything(order()), NOW).destination == paid


PLAIN = order(line("1"))
ALL = Selection.everything(PLAIN)


def test_a_plain_order_has_neither_warnings_nor_blocks() -> None:
    result = quote(PLAIN, ALL, NOW)
    assert (result.warnings, result.blocks) == ((), ())


CHECKED_IN = order(replace(line("1"), checked_in=2))
PAST = order(replace(line("1"), event_at=NOW - timedelta(seconds=1)))
CONVERTED = order(replace(line("1"), converted=True))
CONTRADICTING = order(line("1", quantity=3, price="40.00", subtotal="80.00"))
FREE = order(line("1", price="0.00"))
OWING = replace(PLAIN, balance=usd("12.00"))
ORGANISATION = replace(PLAIN, organisation="Harbour School")
BY_VOUCHER = replace(PLAIN, destination=Destination(payment_method="Voucher"))
OLD = replace(PLAIN, created_at=NOW - timedelta(days=45, seconds=1))


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        pytest.param(CHECKED_IN, QuoteWarning(WarningCode.CHECKED_IN, "1", 2), id="checked in"),
        pytest.param(PAST, QuoteWarning(WarningCode.PAST_EVENT, "1"), id="past event"),
        pytest.param(CONVERTED, QuoteWarning(WarningCode.CONVERTED, "1"), id="converted"),
        pytest.param(
            CONTRADICTING,
            QuoteWarning(WarningCode.CONTRADICTION, "1", 3, usd("80.00")),
            id="contradiction",
        ),
        pytest.param(FREE, QuoteWarning(WarningCode.FREE), id="free"),
        pytest.param(
            OWING, QuoteWarning(WarningCode.UNPAID_BALANCE, amount=usd("12.00")), id="unpaid"
        ),
        pytest.param(ORGANISATION, QuoteWarning(WarningCode.ORGANISATION), id="organisation"),
        pytest.param(BY_VOUCHER, QuoteWarning(WarningCode.NOT_CARD), id="not by card"),
        pytest.param(OLD, QuoteWarning(WarningCode.OLD_ORDER, count=45), id="old order"),
    ],
)
def test_each_doubt_is_one_warning(some: Order, expected: QuoteWarning) -> None:
    result = quote(some, Selection.everything(some), NOW)
    assert result.warnings == (expected,)
    assert result.blocks == ()


@pytest.mark.parametrize(
    "some",
    [
        replace(PLAIN, created_at=NOW - timedelta(days=45)),
        replace(PLAIN, created_at=None),
        replace(PLAIN, balance=None),
        replace(PLAIN, destination=Destination()),
        replace(PLAIN, destination=Destination(payment_method="Credit Card")),
        order(line("1", quantity=3, price="33.33", subtotal="100.00")),
        order(replace(line("1"), event_at=None)),
        order(replace(line("1"), event_at=NOW)),
    ],
)
def test_what_is_in_order_or_not_told_is_no_warning(some: Order) -> None:
    assert quote(some, ALL, NOW).warnings == ()


def test_lines_that_are_not_selected_are_not_warned_of() -> None:
    some = order(line("1"), replace(line("2"), checked_in=1, converted=True))
    assert quote(some, Selection({"1": 1}), NOW).warnings == ()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (LineKind.MEMBERSHIP, BlockCode.MEMBERSHIP),
        (LineKind.DONATION, BlockCode.DONATION),
        (LineKind.COMBO, BlockCode.COMBO),
        (LineKind.FEE, BlockCode.FEE),
        (LineKind.OTHER, BlockCode.OTHER_KIND),
    ],
)
def test_each_kind_that_is_not_cancelled_here_blocks(kind: LineKind, code: BlockCode) -> None:
    mixed = order(line("1"), line("2", kind=kind))
    result = quote(mixed, Selection({"1": 1, "2": 1}), NOW)
    assert result.blocks == (QuoteBlock(code, "2"),)
    assert not code.is_final
    assert quote(mixed, Selection({"1": 1}), NOW).blocks == ()


@pytest.mark.parametrize("kind", [LineKind.TICKET, LineKind.ADD_ON])
def test_a_part_of_a_combo_blocks(kind: LineKind) -> None:
    mixed = order(line("1"), replace(line("2", kind=kind), part_of_combo=True))
    result = quote(mixed, Selection({"2": 1}), NOW)
    assert result.blocks == (QuoteBlock(BlockCode.COMBO, "2"),)


def test_an_order_without_tickets_left_is_blocked_for_good() -> None:
    empty = order(line("1", quantity=0))
    (block,) = quote(empty, Selection.everything(empty), NOW).blocks
    assert block == QuoteBlock(BlockCode.NOTHING_LEFT)
    assert block.code.is_final


def test_an_order_of_donations_is_blocked_for_good() -> None:
    gift = order(line("1", kind=LineKind.DONATION))
    codes = {block.code for block in quote(gift, Selection.everything(gift), NOW).blocks}
    assert codes == {BlockCode.NOTHING_CANCELLABLE, BlockCode.DONATION}
    assert BlockCode.NOTHING_CANCELLABLE.is_final


def test_an_empty_selection_is_blocked() -> None:
    assert quote(PLAIN, Selection({}), NOW).blocks == (QuoteBlock(BlockCode.NOTHING_LEFT),)


@given(any_case)
def test_a_quote_without_blocks_holds_only_what_may_be_cancelled(
    case: tuple[Order, Selection],
) -> None:
    some, wish = case
    if not quote(some, wish, NOW).blocks:
        assert wish.counts
        assert Selection.of(some, wish.counts) == wish
