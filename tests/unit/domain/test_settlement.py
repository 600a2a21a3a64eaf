"""Settlement: the order read back decides; the upstream's figures are claims."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Notify, quote
from bot.domain.selection import Selection
from bot.domain.settlement import Agreement, Effect, Outcome, Receipt, effect, outcome
from tests.examples import NOW, cancelled, line, order, usd
from tests.strategies import amounts, orders_with_selections, receipts

BEFORE = order(line("1", quantity=4), line("2", quantity=2, price="50.00"))
WISH = Selection({"1": 1, "2": 2})


def left(**quantities: int) -> Order:
    """The order with `l1` and `l2` tickets left on its lines; a line not named is gone."""
    lines = tuple(line(key[1:], quantity=n) for key, n in quantities.items())
    return replace(BEFORE, lines=lines)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(left(l1=4, l2=2), Effect.NOT_APPLIED, id="unchanged"),
        pytest.param(left(l1=3, l2=0), Effect.APPLIED, id="as meant"),
        pytest.param(left(l1=3), Effect.APPLIED, id="an empty line dropped"),
        pytest.param(left(l1=3, l2=2), Effect.OTHER, id="only in part"),
        pytest.param(left(l1=1, l2=0), Effect.OTHER, id="remaining and taken swapped"),
        pytest.param(left(l1=0, l2=0), Effect.OTHER, id="too much"),
        pytest.param(left(l1=2, l2=0), Effect.OTHER, id="somebody took one more"),
        pytest.param(left(l1=5, l2=2), Effect.OTHER, id="somebody bought one"),
        pytest.param(left(l1=3, l3=1), Effect.OTHER, id="a new line"),
        pytest.param(left(), Effect.OTHER, id="all lines gone"),
    ],
)
def test_quantities_tell_what_happened(after: Order, expected: Effect) -> None:
    assert effect(BEFORE, WISH, after) is expected


@given(orders_with_selections())
def test_a_cancellation_is_recognised_as_applied(case: tuple[Order, Selection]) -> None:
    before, wish = case
    expected = Effect.APPLIED if wish.counts else Effect.NOT_APPLIED
    assert effect(before, wish, cancelled(before, wish)) is expected
    assert effect(before, wish, before) is Effect.NOT_APPLIED


def test_amounts_alone_decide_nothing() -> None:
    dearer = replace(BEFORE, lines=tuple(replace(x, subtotal=usd("1.00")) for x in BEFORE.lines))
    assert effect(BEFORE, WISH, dearer) is Effect.NOT_APPLIED


NOTHING = usd("0.00")


def settled(
    receipt: Receipt | None,
    before: Order = BEFORE,
    after: Order | None = None,
    earlier: Money = NOTHING,
) -> Outcome:
    fresh = quote(before, WISH, NOW)
    end = after or cancelled(before, WISH)
    return outcome(before, fresh, end, receipt, earlier, Notify.CONFIRMATION, NOW)


def claim(refund: str | None, total: str | None = None) -> Receipt:
    return Receipt(
        refund=None if refund is None else usd(refund),
        total=None if total is None else usd(total),
    )


@pytest.mark.parametrize(
    ("receipt", "earlier", "agreement"),
    [
        pytest.param(claim("200.00"), "0.00", Agreement.STEP, id="this step's"),
        pytest.param(claim("200.00"), "50.00", Agreement.STEP, id="this step's alone"),
        pytest.param(claim("250.00"), "50.00", Agreement.CUMULATIVE, id="the order's so far"),
        pytest.param(claim("250.00"), "0.00", Agreement.DIFFERS, id="a surplus nobody knows of"),
        pytest.param(claim("250.00"), "60.00", Agreement.DIFFERS, id="neither"),
        pytest.param(claim("150.00"), "0.00", Agreement.DIFFERS, id="too little"),
        pytest.param(claim("0.00"), "0.00", Agreement.DIFFERS, id="nothing"),
        pytest.param(claim(None, "300.00"), "0.00", Agreement.NOT_STATED, id="not stated"),
        pytest.param(None, "0.00", Agreement.NOT_STATED, id="answer lost"),
    ],
)
def test_a_claimed_refund_is_compared_with_the_expected_one(
    receipt: Receipt | None, earlier: str, agreement: Agreement
) -> None:
    result = settled(receipt, earlier=usd(earlier))
    assert result.agreement is agreement
    assert result.claimed == (receipt.refund if receipt else None)
    assert result.needs_a_person == (agreement is Agreement.DIFFERS)


def test_the_refund_is_what_the_order_lost_whatever_is_claimed() -> None:
    result = settled(claim("999.00"))
    assert (result.refund, result.expected, result.total_after) == (
        usd("200.00"),
        usd("200.00"),
        usd("300.00"),
    )


def test_a_refund_that_is_not_the_expected_one_needs_a_person() -> None:
    recomputed = left(l1=3)
    recomputed = replace(
        recomputed, lines=tuple(replace(x, subtotal=usd("290.00")) for x in recomputed.lines)
    )
    result = settled(claim("200.00"), after=recomputed)
    assert (result.refund, result.expected) == (usd("210.00"), usd("200.00"))
    assert result.needs_a_person


def test_an_unpaid_balance_is_not_refunded() -> None:
    owing = replace(BEFORE, balance=usd("150.00"))
    result = settled(None, before=owing)
    assert (result.refund, result.expected) == (usd("50.00"), usd("50.00"))
    assert not result.needs_a_person


def test_the_outcome_keeps_the_receipt_and_what_the_guest_was_sent() -> None:
    receipt = claim("200.00")
    result = settled(receipt)
    assert result.receipt is receipt
    assert result.notified is Notify.CONFIRMATION
    assert result.completed_at == NOW


@given(orders_with_selections(), st.data())
def test_an_applied_cancellation_refunds_what_was_quoted(
    case: tuple[Order, Selection], data: st.DataObject
) -> None:
    before, wish = case
    fresh = quote(before, wish, NOW)
    receipt = data.draw(st.none() | receipts(before.currency))
    earlier = data.draw(amounts(before.currency))
    after = cancelled(before, wish)
    result = outcome(before, fresh, after, receipt, earlier, Notify.NONE, NOW)
    assert result.refund == result.expected == fresh.refund
    assert result.refund >= Money.zero(before.currency)
    assert result.total_after == fresh.total_after
    assert result.needs_a_person == (result.agreement is Agreement.DIFFERS)
