"""A campaign: many orders, two bad lines, bad weather, and a killer, all at once.

What happened to each order is the ledger's business; what is expected of it, the test's.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.killer import Habits, Killer
from tests.faults.ledger import Ledger, ledger
from tests.faults.line import CUT_AFTER, CUT_BEFORE, PASS, TWICE
from tests.faults.lookout import CHANGE, READ
from tests.faults.people import plans, start, travel
from tests.faults.scene import Scene
from tests.faults.weather import Weather

_LINE = (*[PASS] * 16, TWICE, TWICE, CUT_BEFORE, CUT_AFTER)
_READS_CUT = 0.02
# Seconds for which ACME keeps a change before it makes it, and its answer after that: before, less
# than the bot's client gives it; after, perhaps more.
_DELAYS = (*[(0.0, 0.0)] * 16, (1.5, 0.0), (1.5, 0.0), (0.0, 0.5), (0.0, 2.5))


@dataclass(frozen=True)
class Size:
    """How big a campaign is. `absences`: see `Habits`, for a bot of several processes."""

    orders: int
    kills: int
    channels: int
    restarts: int
    life: float
    absences: tuple[tuple[float, float, float], ...]


FULL = Size(
    orders=1000,
    kills=200,
    channels=60,
    restarts=6,
    life=8.0,
    # Two minutes' absence of one is nothing that anybody waits for: the others take over.
    absences=((0.75, 0.0, 2.0), (0.17, 5.0, 20.0), (0.08, 62.0, 80.0)),
)
SMOKE = Size(orders=24, kills=8, channels=20, restarts=1, life=4.0, absences=((1.0, 0.0, 1.5),))


@dataclass
class Result:
    """What was done, and what the books say. `stumbled`: what the test itself tripped over."""

    books: Ledger
    kills: Counter[str]
    faults: Counter[str]
    line: Counter[str]
    stumbled: list[str]
    longest_absence: float
    ended: Counter[str]
    troubles: Counter[str] = field(default_factory=Counter)


def choosing(chance: random.Random) -> Callable[[], str]:
    """What the line does to a delivery: mostly nothing."""
    return lambda: chance.choice(_LINE)


def run(
    scene: Scene,
    chance: random.Random,
    size: Size,
    habits: Habits,
    strokes: Callable[[Killer], Sequence[tuple[str, Callable[[], None]]]],
) -> Result:
    """Send everybody on their way, strike them, wait until all is over, and do the books."""
    journeys = start(scene, plans(chance, size.orders))
    seeds = [chance.getrandbits(32) for _ in range(3)]
    killer = Killer(scene.fleet, random.Random(seeds[0]), size.kills, habits)  # noqa: S311
    weather = Weather(
        scene,
        random.Random(seeds[1]),  # noqa: S311
        strokes(killer),
        lambda: killer.kills.total() / size.kills,
    )
    acme = random.Random(seeds[2])  # noqa: S311
    scene.line.happened = scene.lookout.happened = killer.happened
    scene.lookout.cuts = lambda call: call == READ and acme.random() < _READS_CUT
    scene.lookout.delays = lambda call: acme.choice(_DELAYS) if call == CHANGE else _DELAYS[0]
    killer.start()
    weather.start()
    try:
        # A few set out with every kill, so that each meets work in all its phases.
        travel(
            journeys,
            under_way=lambda: size.orders * (killer.kills.total() + 1) // size.kills,
            until=lambda: (killer.done and weather.is_over) or bool(killer.stumbled),
            patience=240,
        )
    finally:
        weather.stop()
        killer.stop()
    faults = Counter(f"ACME {j.plan.fault}" for j in journeys if j.plan.fault)
    faults += Counter(
        {call: n for call, n in scene.lookout.done.items() if call.endswith(("cut", "delayed"))}
    )
    faults["order changed before approval"] = sum(journey.plan.drift for journey in journeys)
    faults["clicked 2 or 3 times at once"] = sum(j.plan.clicks > 1 for j in journeys)
    return Result(
        books=ledger(scene, journeys),
        kills=killer.kills,
        faults=faults + weather.done,
        line=scene.line.done,
        stumbled=killer.stumbled + weather.stumbled,
        longest_absence=killer.longest_absence,
        ended=killer.ended,
        troubles=scene.fleet.troubles(),
    )


def report(result: Result, tell: Callable[[str, Mapping[str, object]], None]) -> None:
    tell("orders", {**result.books.counts, "kills": result.kills.total()})
    tell("ends", result.books.ends)
    tell("kills", dict(result.kills.most_common()))
    tell("faults", dict(result.faults.most_common()))
    tell("deliveries", result.line)
    if result.ended:
        tell("processes that gave up while their database was away", result.ended)
    if result.troubles:
        tell("logged as errors", dict(result.troubles.most_common(12)))
