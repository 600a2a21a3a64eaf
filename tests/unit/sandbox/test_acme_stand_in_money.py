"""The ACME stand-in's arithmetic: nothing is lost or made up, whatever is lowered in what order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.acme.catalogue import example_orders
from bot.sandbox.acme.orders import Order

NOW = datetime(2031, 3, 4, 20, 0, tzinfo=UTC)
examples = st.sampled_from(range(len(example_orders(NOW)))).map(lambda n: example_orders(NOW)[n])


@st.composite
def lowerings(draw: st.DrawFn) -> tuple[Order, list[dict[str, int]]]:
    """An example order, and quantities to lower its lines to, step by step."""
    order = draw(examples)
    left = {line.id: line.quantity for line in order.lines if line.parent_id is None}
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        left = {line: draw(st.integers(0, quantity)) for line, quantity in left.items()}
        steps.append(left)
    return order, steps


@given(lowerings())
def test_what_leaves_the_total_lowers_the_balance_first_and_is_refunded_then(
    case: tuple[Order, list[dict[str, int]]],
) -> None:
    order, steps = case
    for quantities in steps:
        total, owed, refunded = order.total, order.balance, order.refunded
        lowered = order.lower(quantities, at=NOW, by="340")

        gone = total - order.total
        assert gone == sum((part.value for part in lowered.taken), Decimal(0))
        assert lowered.refund == order.refunded - refunded == max(Decimal(0), gone - owed)
        assert order.balance == max(Decimal(0), owed - gone)
        assert all(line.discounted_sub_total >= 0 <= line.sub_total for line in order.lines)
        assert all(len(line.live_tickets) in (0, line.quantity) for line in order.lines)


@given(lowerings())
def test_a_wholly_cancelled_order_has_given_everything_back(
    case: tuple[Order, list[dict[str, int]]],
) -> None:
    order, steps = case
    for quantities in [*steps, {line.id: 0 for line in order.lines}]:
        order.lower(quantities, at=NOW, by="340")

    assert order.total == order.full_price_total == order.balance == 0
    assert order.refunded == order.paid
    assert order.check_in_status == "NotCheckedIn"
