"""Exactly one effect, whatever the upstream, the staff, the power and the people do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.order import Order, OrderLine
from bot.domain.quote import Notify, fingerprint
from bot.domain.request import Request, State
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.settlement import Effect, effect
from bot.store import Database
from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)
from tests.examples import REQUESTER, cancelled, member, order
from tests.strategies import amounts, lines, tickets_only
from tests.unit.workflows.fakes import Power, Reaction
from tests.unit.workflows.house import House

pytestmark = pytest.mark.anyio

# A change takes effect at once, within the quiet periods, after them, or never; but none later
# than what `Pauses.late` rests on.
DELAYS = (0.0, 0.0, 0.5, 3.0, 10.0, 15.3, 16.0, 25.0, 40.0, 55.0)
REFUSALS = (RefusedError, NotPermittedError, OrderNotFoundError, UnavailableError)

successes = st.builds(Reaction, st.none(), st.sampled_from((*DELAYS, None)))
lost = st.builds(Reaction, st.just(OutcomeLostError), st.sampled_from((*DELAYS, None, None, None)))
refusals = st.builds(Reaction, st.sampled_from(REFUSALS), st.none())
nothing_at_first = st.just(Reaction(OutcomeLostError, after=None))
one_or_two = st.one_of(
    st.tuples(successes | lost | refusals),
    st.tuples(lost, successes | lost | refusals),
    st.tuples(nothing_at_first, successes | lost | refusals),
)
read_errors = st.sampled_from((UnavailableError("HTTP 503"), UnreadableError("HTML")))


def take_one(now: Order) -> Order:
    line = next((line for line in now.lines if line.quantity), None)
    return cancelled(now, Selection({line.id: 1})) if line else now


def check_in(now: Order) -> Order:
    first, *rest = now.lines
    return replace(now, lines=(replace(first, checked_in=first.checked_in + 1), *rest))


def touch(now: Order) -> Order:
    return replace(now, updated_on=f"{now.updated_on} again")


@dataclass(frozen=True)
class Script:
    """What happens around one request."""

    order: Order
    notify: Notify
    wish: tuple[int, ...] | None
    reactions: tuple[Reaction, ...]
    read_errors: Mapping[int, TicketingError]
    staff: Mapping[int, Callable[[Order], Order]]
    cuts: frozenset[int]
    forgetful: bool
    patience: list[float]


def an_order(found: list[OrderLine], balance: Money | None) -> Order:
    first, *rest = (replace(line, id=str(n)) for n, line in enumerate(found))
    first = replace(first, quantity=max(first.quantity, 1))
    return replace(order(first, *rest), balance=balance)


order_lines = st.lists(lines("USD", tickets_only), min_size=1, max_size=3)
scripts = st.builds(
    Script,
    order=st.builds(an_order, order_lines, st.none() | amounts("USD", 30_000)),
    notify=st.sampled_from(Notify),
    wish=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
    reactions=one_or_two,
    read_errors=st.dictionaries(st.integers(3, 30), read_errors, max_size=4),
    staff=st.dictionaries(
        st.integers(2, 16), st.sampled_from((take_one, check_in, touch)), max_size=2
    ),
    cuts=st.frozensets(st.integers(1, 60), max_size=4),
    forgetful=st.booleans(),
    patience=st.lists(st.sampled_from((0.0, 5.0, 61.0, 200.0)), min_size=1, max_size=3),
)


async def play(house: House, script: Script) -> Request:
    """Ask, quote, choose, approve; then approve anew or check again as the script says."""
    await house.ask()
    request = await house.quote(forgetful=script.forgetful)
    if script.wish and request.state is State.PENDING:
        counts = {
            line.id: min(n, line.quantity)
            for line, n in zip(script.order.lines, script.wish, strict=False)
            if line.is_cancellable
        }
        if any(counts.values()):
            request = await house.choose(counts)
    for wait in [0.0, *script.patience]:
        if request.state is State.PENDING and request.quote and not request.quote.blocks:
            await house.approve()
            request = await house.execute(forgetful=script.forgetful)
        elif request.state is State.UNKNOWN:
            house.clock.advance(wait)
            await house.people.decide(request.id, Action.RECHECK, member(REQUESTER))
            request = await house.execute(forgetful=script.forgetful)
    # Whatever is still on its way upstream arrives.
    house.clock.advance(3600)
    house.office.settle()
    return request


@settings(max_examples=100)
@given(script=scripts)
async def test_exactly_one_effect_or_none(
    database: Database, order_ids: Iterator[int], script: Script
) -> None:
    subject = replace(script.order, id=str(next(order_ids)))
    power = Power(script.cuts)
    house = House(database, subject, notify=script.notify, power=power)
    house.office.reactions = script.reactions
    house.office.read_errors = script.read_errors
    house.office.staff = script.staff
    over = await play(house, script)
    event(f"ends as {over.state}, {len(house.office.calls)} calls")
    event(f"power cuts: {power.cuts}")

    # Nothing is left between two states once the workflow has come to its end.
    assert over.state not in {State.REQUESTED, State.APPROVED, State.EXECUTING}
    _check_calls(house, script, power)
    _check_effects(house, over)


def _check_calls(house: House, script: Script, power: Power) -> None:
    """Only what was approved is sent; twice only if that is harmless and the first was lost."""
    calls = house.office.calls
    for sent, selection in calls:
        assert fingerprint(sent, selection) in house.approved
    assert len(calls) <= (1 if script.notify is Notify.REFUND else 2)
    if len(calls) == 2:
        assert script.reactions[0].is_lost or power.cuts


def _check_effects(house: House, over: Request) -> None:
    """The money that moved is what was approved, once, or none; and the end says which."""
    effects = house.office.effects
    assert len(effects) <= 1
    if effects:
        assert over.state in {State.DONE, State.UNKNOWN}
        assert over.quote is not None
        assert effects == [over.quote.value]
    if over.state is State.DONE:
        assert effects or _done_by_staff(house, over)
        assert over.outcome is not None
        assert over.outcome.refund == over.outcome.expected
        assert over.quote is not None
        assert over.outcome.refund == over.quote.refund
    if over.state in {State.FAILED, State.PENDING}:
        assert not effects


def _done_by_staff(house: House, over: Request) -> bool:
    """Whether somebody cancelled by hand, meanwhile, exactly what was asked for: so be it."""
    assert over.order is not None
    assert over.selection is not None
    return effect(over.order, over.selection, house.office.order) is Effect.APPLIED


PATIENT = [61.0, 61.0, 61.0]


@settings(max_examples=30)
@given(script=scripts)
async def test_with_a_working_upstream_every_doubt_is_settled_in_the_end(
    database: Database, order_ids: Iterator[int], script: Script
) -> None:
    """Lost answers and power cuts alone leave nothing unknown for somebody who checks again."""
    subject = replace(script.order, id=str(next(order_ids)))
    house = House(database, subject, notify=script.notify, power=Power(script.cuts))
    house.office.reactions = [each for each in script.reactions if each.is_lost] or [Reaction()]
    over = await play(house, replace(script, patience=PATIENT))
    assert over.state in {State.DONE, State.FAILED, State.PENDING}
    if over.state is State.PENDING:
        assert over.quote is not None
        assert over.quote.blocks
