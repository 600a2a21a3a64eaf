"""E: what a hundred thousand requests cost that wait for somebody to decide."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.bench import fill, servers
from tests.bench.figures import Section, times
from tests.bench.scale import Scale
from tests.bench.seeds import copy_database, make_seed
from tests.bench.servers import Server

# What starting up still does once it is ready.
_SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Idle:
    """A bot that nobody talks to: resident bytes, and its share of one core (1 is all of it)."""

    resident: int
    core: float


async def measure(folder: Path, outside: Server, scale: Scale) -> Section:
    seed = await make_seed(folder, outside)
    homes = {count: folder / f"waiting-{count}" for count in (0, scale.waiting)}
    for count, home in homes.items():
        fill.waiting(copy_database(seed, home), count)
    starts: dict[int, list[float]] = {count: [] for count in homes}
    for _ in range(scale.starts - 1):  # and once more for what follows
        for count, home in homes.items():
            with servers.bot(servers.sqlite_url(home), home, outside) as bot:
                starts[count].append(bot.started_in)
    with ExitStack() as stack:
        bots = {
            count: stack.enter_context(servers.bot(servers.sqlite_url(home), home, outside))
            for count, home in homes.items()
        }
        for count, bot in bots.items():
            starts[count].append(bot.started_in)
        await asyncio.sleep(_SETTLE_SECONDS)
        idle = await _idle(bots, scale.idle_seconds)
        servers.stop_together(bots.values())
    return _shown({count: statistics.median(taken) for count, taken in starts.items()}, idle)


async def _idle(bots: Mapping[int, Server], seconds: float) -> dict[int, Idle]:
    before = {count: bot.cpu_seconds() for count, bot in bots.items()}
    await asyncio.sleep(seconds)
    return {
        count: Idle(bot.resident_bytes(), (bot.cpu_seconds() - before[count]) / seconds)
        for count, bot in bots.items()
    }


def _shown(starts: Mapping[int, float], idle: Mapping[int, Idle]) -> Section:
    table = Table(
        "waiting requests",
        "start to ready",
        "× none",
        "resident",
        "per waiting request",
        "idle, of one core",
        title="E. Requests that wait",
        caption="SQLite. Ready: /readyz answers 200. Nothing is due within the measurement.",
    )
    for count, seconds in starts.items():
        here, none = idle[count], idle[0]
        each = f"{(here.resident - none.resident) / count:,.0f} B" if count else ""
        table.add_row(
            f"{count:,}",
            f"{seconds:.2f} s",
            times(seconds / starts[0]),
            f"{here.resident / 1e6:.0f} MB",
            each,
            f"{here.core:.2%}",
        )
    return Section([table])
