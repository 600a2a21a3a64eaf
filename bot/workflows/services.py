"""What every workflow works with: the ledger, the ticketing systems, the desk, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from bot.ticketing import Ticketing
from bot.workflows.ports import Desk, Ledger


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait, in seconds.

    `settle`: before each further look at an order whose change is in doubt; together they are the
    quiet period after which a change that does not show may be sent again. `deliver`: before each
    further attempt to show something in Slack. `afterthought`: until what Slack was told without
    answering counts as over. `sweep`: between two looks for work left lying, for
    what is due, and for processes that are gone. `keep`: how long the engine's records of what
    ended are kept.
    """

    settle: tuple[float, ...] = (1, 2, 4, 8)
    deliver: tuple[float, ...] = (1, 2, 5, 10, 30, 60, 120, 300)
    afterthought: float = 30
    sweep: float = 5
    keep: timedelta = timedelta(hours=24)
    # How long what is over may name people; None: for ever.
    personal: timedelta | None = None
    # What a check long after the last attempt finds unchanged will not change any more.
    late: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Services:
    """`systems` maps a venue's key to its ticketing system; `now` is the clock (aware, UTC)."""

    ledger: Ledger
    systems: Mapping[str, Ticketing]
    desk: Desk
    now: Callable[[], datetime]
    pauses: Pauses = field(default_factory=Pauses)
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def lock(self, request_id: str) -> asyncio.Lock:
        """One lock per request within this process, for as long as somebody holds it."""
        return self.locks.setdefault(request_id, asyncio.Lock())

    def ticketing(self, venue: str) -> Ticketing:
        return self.systems[venue]
