"""B: sixteen at once. How many acknowledgements a second, and when the work behind is done."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.table import Table

from tests.bench.baselines import DEFAULT, RAW
from tests.bench.client import Client, approval, command, order_ids
from tests.bench.figures import Section, Verdict, times
from tests.bench.people import LOOKING_SECONDS, burst, card
from tests.bench.scale import Scale
from tests.bench.servers import Server
from tests.bench.stage import SQLITE, Stage

_AT_ONCE = 16
_ASK, _APPROVE = "/cancel-order N", "approve clicks"

# Acknowledgements a second of each burst, and the seconds until all of its messages were posted.
Rates = dict[tuple[str, str], list[float]]


async def measure(stage: Stage, scale: Scale) -> Section:
    rates: Rates = defaultdict(list)
    posted: Rates = defaultdict(list)
    async with Client(stage.outside.port) as outside:
        for turn in range(-1, scale.bursts):
            # The first round, a small one, only warms up.
            warm_up = turn < 0
            size = scale.burst // 8 if warm_up else scale.burst
            found, done = await _round(stage, outside, size)
            if not warm_up:
                for key, rate in found.items():
                    rates[key].append(rate)
                for key, seconds in done.items():
                    posted[key].append(seconds)
    return _shown(scale, rates, posted)


async def _round(
    stage: Stage, outside: Client, size: int
) -> tuple[Mapping[tuple[str, str], float], Mapping[tuple[str, str], float]]:
    """Burst upon every server once; return acknowledgements a second, and seconds to all posted."""
    rates, posted = {}, {}
    orders = order_ids(size)
    commands = [command(order, f"C{order}") for order in orders]
    for name, server in stage.baselines.items():
        rates[_ASK, name] = size / await burst(server.port, commands, _AT_ONCE)
    bot = stage.bots[SQLITE]
    taken, posted[_ASK, SQLITE] = await _answered(bot, outside, commands)
    rates[_ASK, SQLITE] = size / taken
    await asyncio.sleep(LOOKING_SECONDS)
    clicks = [approval(await card(outside, order), f"C{order}") for order in orders]
    for name, server in stage.baselines.items():
        rates[_APPROVE, name] = size / await burst(server.port, clicks, _AT_ONCE)
    taken, posted[_APPROVE, SQLITE] = await _answered(bot, outside, clicks)
    rates[_APPROVE, SQLITE] = size / taken
    return rates, posted


async def _answered(bot: Server, outside: Client, bodies: Sequence[bytes]) -> tuple[float, float]:
    """Return the seconds to the last acknowledgement, and to the last message in answer."""
    before = (await outside.get("/reached/0"))["messages"]
    begun = time.perf_counter()
    taken = await burst(bot.port, bodies, _AT_ONCE)
    await outside.get(f"/reached/{before + len(bodies)}")
    return taken, time.perf_counter() - begun


def _shown(scale: Scale, rates: Rates, posted: Rates) -> Section:
    medians = {key: statistics.median(found) for key, found in rates.items()}
    table = Table(
        f"{scale.burst} in a burst",
        "acks/s",
        "× raw",
        "× Bolt default",
        "all cards or details posted after",
        title=f"B. {_AT_ONCE} at once",
        caption="More is better. Target for ours: ≥ 1 × Bolt default.",
    )
    verdicts = []
    for what in (_ASK, _APPROVE):
        table.add_section()
        for name in [name for kind, name in medians if kind == what]:
            rate = medians[what, name]
            bolt = rate / medians[what, DEFAULT]
            done = posted.get((what, name))
            table.add_row(
                f"{what}: {name}",
                f"{rate:.0f}",
                times(rate / medians[what, RAW]),
                times(bolt),
                f"{statistics.median(done):.1f} s" if done else "",
            )
            if name == SQLITE:
                verdicts.append(Verdict(f"B. {what}, acks/s × Bolt default", bolt, 1, "≥"))
    return Section([table], verdicts)
