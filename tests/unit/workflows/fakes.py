"""Stand-ins for the workflows' surroundings: an engine, a power cut, a box office, a desk."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.domain.delivery import Delivery
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Notify
from bot.domain.request import Request
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt
from bot.store import Database
from bot.ticketing import OutcomeLostError, TicketingError
from tests.examples import CARD
from tests.unit.databases import Clock

T = TypeVar("T")

GIVES_UP_AFTER = timedelta(seconds=30)


class PowerCutError(BaseException):
    """The process dies here, as by `kill -9`: nothing of ours may catch it."""


class _BlackoutError(Exception):
    """A power cut on its way out of a thread of the database, which undoes what was under way."""


class Power:
    """Counts the moments at which the process could die, and lets it die at some of them."""

    def __init__(self, cuts: Collection[int] = ()) -> None:
        self.moments = 0
        self.cuts = 0
        self._cuts = frozenset(cuts)

    def cut_after(self, moments: int) -> None:
        """Let the process die `moments` moments from now."""
        self._cuts = frozenset({self.moments + moments})

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


class PoweredDatabase(Database):
    """The database as a process that may die sees it: before, within and after a transaction."""

    def __init__(self, database: Database, power: Power) -> None:
        self.url, self.engine = database.url, database.engine
        self._database = database
        self._power = power

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        def within(connection: sa.Connection) -> T:
            try:
                return work(connection)
            except PowerCutError as cut:
                raise _BlackoutError from cut

        try:
            done = await self._database.run(within)
        except _BlackoutError:
            raise PowerCutError from None
        self._power.may_fail()
        return done

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        self._power.may_fail()
        return await self._database.read(work)


async def _at_once() -> None:
    """Let nobody else do anything meanwhile."""


class FakeDurable:
    """Runs steps at once and remembers their results as the engine does; sleeps move the clock.

    `before` is awaited before each step that is not remembered: others may do something meanwhile.
    """

    def __init__(
        self,
        clock: Clock,
        power: Power | None = None,
        before: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self.sleeps: list[float] = []
        self.handed_over: list[tuple[str, str, str]] = []
        self._before = before
        self._clock = clock
        self._power = power or Power()
        self._remembered: list[tuple[str, Any]] = []
        self._position = 0
        self.workflow_id = "the-workflow"
        self.may_repeat = False

    def resume(self, *, forgetful: bool = False) -> None:
        """Begin again as after a crash; `forgetful`: with none of the results so far."""
        self._position = 0
        self.may_repeat = True
        if forgetful:
            self._remembered.clear()

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        if self._position == len(self._remembered):
            await self._before()
            self._power.may_fail()
            done = json.dumps(await work())
            self.may_repeat = False
            self._power.may_fail()
            self._remembered.append((name, json.loads(done)))
        known_as, remembered = self._remembered[self._position]
        assert known_as == name, "a workflow that resumes takes the same steps"
        self._position += 1
        result: T = remembered
        return result

    async def sleep(self, seconds: float) -> None:
        if self._position == len(self._remembered):
            await self._before()
            self.sleeps.append(seconds)
            self._clock.advance(seconds)
            self._remembered.append(("sleep", None))
        self._position += 1

    async def hand_over(self, name: str, workflow_id: str, request_id: str) -> None:
        if self._position == len(self._remembered):
            self._power.may_fail()
            self.handed_over.append((name, workflow_id, request_id))
            self._remembered.append(("hand_over", None))
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
    that the bot's calls made, each as the money that the order lost by it. `meanwhile` is awaited
    while a call is under way.
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
    meanwhile: Callable[[], Awaitable[None]] = _at_once
    _open: list[_Change] = field(default_factory=list)

    async def read_order(self, order_id: str) -> Order:
        assert order_id == self.order.id
        self.power.may_fail()
        await self.meanwhile()
        self.clock.advance(0.2)
        self.reads += 1
        self.settle()
        if self.reads in self.staff and not self._open:
            self.order = self.staff[self.reads](self.order)
        if self.reads in self.read_errors:
            raise self.read_errors[self.reads]
        read = self.order
        await self.meanwhile()
        return read

    async def cancel(self, order: Order, selection: Selection, notify: Notify) -> Receipt:
        self.power.may_fail()
        reaction = self.reactions[min(len(self.calls), len(self.reactions) - 1)]
        self.calls.append((order, selection))
        if reaction.after is not None:
            due = self.clock.moment + timedelta(seconds=reaction.after)
            self._open.append(_Change(due, order, selection, notify))
        begun = self.clock.moment
        self.settle()
        self.clock.advance(0.2)
        await self.meanwhile()
        self.power.may_fail()
        if self.clock.moment - begun > self.gives_up_after:
            raise OutcomeLostError("no answer in time")
        if reaction.answer is not None:
            raise reaction.answer("in its own words")
        return Receipt(reference="881204")

    def outgoing(self, order: Order, selection: Selection, notify: Notify) -> Mapping[str, Any]:
        lines = {line.id: line.quantity - selection.count(line.id) for line in order.lines}
        return {"order": order.id, "lines": lines, "notify": notify.value}

    @property
    def gives_up_after(self) -> timedelta:
        return GIVES_UP_AFTER

    def may_resend(self, notify: Notify) -> bool:
        return notify is not Notify.REFUND

    @property
    def is_quiet(self) -> bool:
        """Whether no change is on its way."""
        return not self._open

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
