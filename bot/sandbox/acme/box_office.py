"""The stand-in's memory: orders, faults, readings, the log of requests, changes yet to come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from bot.sandbox.acme.changes import RefusedError
from bot.sandbox.acme.faults import FAULTS, Fault
from bot.sandbox.acme.orders import Order
from bot.sandbox.acme.reading import Reading

Clock = Callable[[], datetime]

_LOG_LENGTH = 2000


@dataclass(slots=True)
class Received:
    """A request as it came in, without the key; `status` is None while or if there is no answer."""

    at: datetime
    method: str
    path: str
    headers: dict[str, str]
    body: object
    order_id: str | None
    status: int | None = None


class BoxOffice:
    """Everything that is mutable. `examples` makes the orders anew from a moment in time."""

    def __init__(
        self,
        *,
        clock: Clock,
        examples: Callable[[datetime], Iterable[Order]],
        on_change: Callable[[], None],
    ) -> None:
        self.now = clock
        self.changed = on_change
        self._examples = examples
        # These run on over a reset: an id that was given out must never name another order.
        self._order_ids = count(26_700_001)
        self._order_numbers = count(100_140_001)
        self._line_ids = count(38_900_001)
        self._incidents = count(700_001)
        self._pending: set[asyncio.TimerHandle] = set()
        self._open()

    def reset(self) -> None:
        """Go back to the start, and forget changes that were still to come."""
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()
        self._open()
        self.changed()

    def _open(self) -> None:
        self.orders = {order.id: order for order in self._examples(self.now())}
        self.received: deque[Received] = deque(maxlen=_LOG_LENGTH)
        self._templates = deepcopy(self.orders)
        self._faults: dict[str, Fault] = {}
        self._reading = Reading()
        self._order_readings: dict[str, Reading] = {}

    def order(self, order_id: str) -> Order:
        """Raise RefusedError (404) for an unknown order."""
        if order_id not in self.orders:
            raise RefusedError(404, "ORDER_NOT_FOUND", f"There is no order {order_id}")
        return self.orders[order_id]

    def copy(self, template: str) -> Order:
        """Add a copy of the template's original state under new ids. Raise KeyError."""
        original = self._templates[template].renumbered(
            str(next(self._order_ids)),
            str(next(self._order_numbers)),
            lambda: str(next(self._line_ids)),
        )
        # The moment in the published sample belongs to the order of that sample alone.
        original.first_cancel_at = None
        original.title = f"{original.title.removesuffix(' (copy)')} (copy)"
        self._templates[original.id] = original
        self.orders[original.id] = deepcopy(original)
        self.changed()
        return original

    def add(self, order: Order) -> None:
        """Take in an order that was made elsewhere; until the next reset."""
        self._templates[order.id] = order
        self.orders[order.id] = deepcopy(order)
        self.changed()

    def reading(self, order_id: str | None = None) -> Reading:
        return self._order_readings.get(order_id or "", self._reading)

    def set_reading(self, order_id: str | None, switches: Mapping[str, object]) -> None:
        """Switch for one order, or for all. Raise ValueError, or KeyError for an unknown order."""
        if order_id is None:
            self._reading = self._reading.switched(switches)
            self._order_readings = {
                known: reading.switched(switches) for known, reading in self._order_readings.items()
            }
        else:
            known = self.orders[order_id].id
            self._order_readings[known] = self.reading(known).switched(switches)
        self.changed()

    def next_incident(self) -> str:
        return str(next(self._incidents))

    def fault(self, order_id: str, kinds: Collection[str] = FAULTS) -> Fault | None:
        """Give the order's armed fault if it is one of `kinds`."""
        fault = self._faults.get(order_id)
        return fault if fault is not None and fault.name in kinds else None

    def arm(self, order_id: str, fault: Fault | None) -> None:
        self._faults.pop(order_id, None)
        if fault is not None:
            self._faults[order_id] = fault
        self.changed()

    def spend(self, order_id: str, fault: Fault) -> None:
        """Count one use of a fault, and disarm it after the last; a blackout turns to the reads."""
        if fault.name == "blackout":
            self.arm(order_id, Fault("read_error", fault.seconds, fault.times))
        elif fault.times is not None:
            fault.times -= 1
            if fault.times <= 0 and self._faults.get(order_id) is fault:
                self.arm(order_id, None)

    def later(self, seconds: float, change: Callable[[], None]) -> None:
        """Make a change after a while, unless a reset comes first."""

        def run() -> None:
            self._pending.discard(timer)
            change()
            self.changed()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._pending.add(timer)
