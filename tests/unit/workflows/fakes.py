"""Stand-ins for the workflows' surroundings: an engine, a power cut, a box office, a desk."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.domain.delivery import Delivery
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Notify
from bot.domain.request import Request
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt
from bot.ticketing import OutcomeLostError, TicketingError
from tests.examples import CARD
from tests.unit.databases import Clock

T = TypeVar("T")


class PowerCutError(BaseException):
    """The process dies here, as by `kill -9`: nothing of ours may catch it."""


class Power:
    """Counts the moments at which the process could die, and lets it die at some of them."""

    def __init__(self, cuts: Collection[int] = ()) -> None:
        self.moments = 0
        self.cuts = 0
        self._cuts = frozenset(cuts)

    def may_fail(self) -> None:
        self.moments += 1
        if self.moments in self._cuts:
            self.cuts += 1
            raise PowerCutError


class PoweredClock:
    """The bot's clock; the store looks at it in every transaction, so it may die in each."""

    def __init__(self, clock: Clock, power: Power) -> None:
        self._clock = clock
        self._power = power

    def __call__(self) -> datetime:
        self._power.may_fail()
        return self._clock()


class FakeDurable:
    """Runs steps at once and remembers their results as the engine does; sleeps move the clock."""

    def __init__(self, clock: Clock, power: Power | None = None) -> None:
        self.sleeps: list[float] = []
        self._clock = clock
        self._power = power or Power()
        self._remembered: list[tuple[str, Any]] = []
        self._position = 0

    def resume(self, *, forgetful: bool = False) -> None:
        """Begin again as after a crash; `forgetful`: with none of the results so far."""
        self._position = 0
        if forgetful:
            self._remembered.clear()

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        if self._position == len(self._remembered):
            self._power.may_fail()
            done = json.dumps(await work())
            self._power.may_fail()
            self._remembered.append((name, json.loads(done)))
        known_as, remembered = self._remembered[self._position]
        assert known_as == name, "a workflow that resumes takes the same steps"
        self._position += 1
        result: T = remembered
        return result

    async def sleep(self, seconds: float) -> None:
        if self._position == len(self._remembered):
            self.sleeps.append(seconds)
            self._clock.advance(seconds)
            self._remembered.append(("sleep", None))
        self._position += 1


@dataclass(frozen=True)
class Reaction:
    """What the upstream does with one call: what it answers, and when (if ever) it takes effect.

    `answer` None is a success; `after` None is never, otherwise seconds from the call.
    """

    answer: type[TicketingError] | None = None
    after: float | None = 0.0

    @property
    def is_lost(self) -> bool:
        return self.answer is OutcomeLostError


@dataclass
class _Change:
    due: datetime
    order: Order
    selection: Selection
    notify: Notify


@dataclass
class BoxOffice:
    """An upstream with one order. It may answer, act late, fail reads and be used by staff.

    Updates set absolute quantities, refunds take away: as ACME does. `effects` are the changes
    that the bot's calls made, each as the money that the order lost by it.
    """

    clock: Clock
    order: Order
    reactions: Sequence[Reaction] = (Reaction(),)
    read_errors: Mapping[int, Exception] = field(default_factory=dict)
    staff: Mapping[int, Callable[[Order], Order]] = field(default_factory=dict)
    power: Power = field(default_factory=Power)
    calls: list[tuple[Order, Selection]] = field(default_factory=list)
    effects: list[Money] = field(default_factory=list)
    reads: int = 0
    _open: list[_Change] = field(default_factory=list)

    async def read_order(self, order_id: str) -> Order:
        assert order_id == self.order.id
        self.power.may_fail()
        self.clock.advance(0.2)
        self.reads += 1
        self.settle()
        if self.reads in self.staff and not self._open:
            self.order = self.staff[self.reads](self.order)
        if self.reads in self.read_errors:
            raise self.read_errors[self.reads]
        return self.order

    async def cancel(self, order: Order, selection: Selection, notify: Notify) -> Receipt:
        self.power.may_fail()
        reaction = self.reactions[min(len(self.calls), len(self.reactions) - 1)]
        self.calls.append((order, selection))
        if reaction.after is not None:
            due = self.clock.moment + timedelta(seconds=reaction.after)
            self._open.append(_Change(due, order, selection, notify))
        self.settle()
        self.clock.advance(0.2)
        self.power.may_fail()
        if reaction.answer is not None:
            raise reaction.answer("in its own words")
        return Receipt(reference="881204")

    def may_resend(self, notify: Notify) -> bool:
        return notify is not Notify.REFUND

    async def close(self) -> None:
        return

    def settle(self) -> None:
        """Let take effect what is due by now."""
        for change in [each for each in self._open if each.due <= self.clock.moment]:
            self._open.remove(change)
            after = _after(self.order, change)
            if after.lines != self.order.lines:
                self.effects.append(self.order.value - after.value)
                self.order = after


def _after(current: Order, change: _Change) -> Order:
    lines = []
    for line in current.lines:
        count = change.selection.count(line.id)
        if change.notify is not Notify.REFUND:
            count = line.quantity - (change.order.quantity_of(line.id) - count)
        if count > line.quantity:
            return current  # the upstream refuses to take what is not there
        amount = line.value_of(count) if count > 0 else line.unit_price * count
        quantity = line.quantity - count
        lines.append(replace(line, quantity=quantity, subtotal=line.subtotal - amount))
    return replace(current, lines=tuple(lines))


class FakeDesk:
    """Shows requests by keeping them; does what it is told to before that."""

    def __init__(self, *troubles: Exception | None) -> None:
        self.shown: list[Request] = []
        self.tries = 0
        self._troubles = list(troubles)

    async def show(self, request: Request) -> Delivery:
        self.tries += 1
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble is not None:
            raise trouble
        self.shown.append(request)
        return Delivery(request.card or CARD)
