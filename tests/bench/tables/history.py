"""D: what years of finished requests cost."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.bench import fill, servers
from tests.bench.client import Client
from tests.bench.figures import Section, Times, Verdict, ms, times
from tests.bench.people import LOOKING_SECONDS, Clerk, take_turns
from tests.bench.scale import Scale
from tests.bench.seeds import copy_database, make_seed
from tests.bench.servers import Server

_MOST = 1.2
_ASK, _APPROVE, _REFUND = "/cancel-order N", "approve click", "click to details posted"


@dataclass(frozen=True, slots=True)
class Size:
    """A database: its bytes, and the seconds that filling it took."""

    stored: int
    filled_in: float


async def measure(folder: Path, outside: Server, scale: Scale) -> Section:
    seed = await make_seed(folder, outside)
    sizes = {}
    with ExitStack() as stack:
        bots = {}
        for count in scale.history:
            home = folder / f"history-{count}"
            sizes[count] = _fill(copy_database(seed, home), count)
            starting = servers.starting_bot(servers.sqlite_url(home), home, outside)
            bots[count] = stack.enter_context(starting)
        servers.wait_for_all(bots.values())
        taken = await _taken(bots, outside, scale.history_rounds)
        servers.stop_together(bots.values())
    for count in scale.history:
        # The largest takes gigabytes that the tables still to come can do without.
        (folder / f"history-{count}" / servers.DATABASE).unlink()
    return _shown(taken, sizes)


def _fill(database: Path, count: int) -> Size:
    begun = time.perf_counter()
    fill.history(database, count)
    return Size(database.stat().st_size, time.perf_counter() - begun)


async def _taken(
    bots: Mapping[int, Server], outside: Server, rounds: int
) -> dict[str, dict[int, Sequence[float]]]:
    """Return the seconds of each thing measured, by the number of finished requests."""
    async with AsyncExitStack() as stack:
        watcher = await stack.enter_async_context(Client(outside.port))
        clerks = {
            str(count): Clerk(await stack.enter_async_context(Client(bot.port)), watcher)
            for count, bot in bots.items()
        }
        asked = await take_turns(rounds, {name: clerk.ask for name, clerk in clerks.items()})
        await asyncio.sleep(LOOKING_SECONDS)
        approved = await take_turns(rounds, {name: clerk.approve for name, clerk in clerks.items()})
    return {
        _ASK: {count: asked[str(count)] for count in bots},
        _APPROVE: {count: approved[str(count)] for count in bots},
        _REFUND: {
            count: [refund.seconds for refund in clerks[str(count)].refunds[-rounds:]]
            for count in bots
        },
    }


def _shown(
    taken: Mapping[str, Mapping[int, Sequence[float]]], sizes: Mapping[int, Size]
) -> Section:
    table = Table(
        "finished requests in the database",
        "median",
        "p99",
        "× none",
        "on disk",
        "filled in",
        title="D. As history grows",
        caption=f"SQLite. Target: ≤ {_MOST:g} × none. The engine's own rows are not multiplied.",
    )
    verdicts = []
    for what, by_count in taken.items():
        table.add_section()
        none = statistics.median(by_count[0])
        for count, seconds in by_count.items():
            figures, size = Times.of(seconds), sizes[count]
            ratio = figures.median / none
            table.add_row(
                f"{what}: {count:,}",
                ms(figures.median),
                ms(figures.p99),
                times(ratio),
                f"{size.stored / 1e6:,.0f} MB",
                f"{size.filled_in:.0f} s",
            )
            if count:
                verdicts.append(Verdict(f"D. {what}, {count:,} × none", ratio, _MOST, "≤"))
    return Section([table], verdicts)
