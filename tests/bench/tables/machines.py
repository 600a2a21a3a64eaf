"""F: completed cancellations a second, over PostgreSQL, by one process and by several."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.bench import servers
from tests.bench.client import Client, approval, command, order_ids
from tests.bench.figures import Section, Times, times
from tests.bench.people import card
from tests.bench.scale import Scale
from tests.bench.servers import Server
from tests.bench.stage import NO_POSTGRES, has_postgres, postgres_url


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds altogether, and for each cancellation from the command to its details posted."""

    seconds: float
    taken: Sequence[float]


async def measure(folder: Path, outside: Server, scale: Scale) -> Section:
    if not has_postgres():
        return Section([f"F. Several processes: left out, {NO_POSTGRES}."])
    runs = {}
    for count in scale.processes:
        home = folder / f"machines-{count}"
        home.mkdir()
        with postgres_url(home, outside) as url, ExitStack() as stack:
            bots = [stack.enter_context(servers.bot(url, home, outside)) for _ in range(count)]
            await _run(bots, outside, scale.people, scale.people)
            runs[count] = await _run(bots, outside, scale.people, scale.cancellations)
            servers.stop_together(bots)
    return _shown(runs, scale)


async def _run(bots: Sequence[Server], outside: Server, people: int, cancellations: int) -> Run:
    """Let `people` share the cancellations; each payload goes to the next process in turn."""
    orders = iter(order_ids(cancellations))
    turns = itertools.cycle(range(len(bots)))
    taken: list[float] = []

    async def person(clients: Sequence[Client], watcher: Client) -> None:
        for order in orders:
            begun = time.perf_counter()
            await clients[next(turns)].post(command(order, f"C{order}"))
            click = approval(await card(watcher, order), f"C{order}")
            await clients[next(turns)].post(click)
            await watcher.get(f"/wait/C{order}/2")
            taken.append(time.perf_counter() - begun)

    async with AsyncExitStack() as stack:
        ports = [outside.port, *(bot.port for bot in bots)]
        sets = [
            [await stack.enter_async_context(Client(port)) for port in ports] for _ in range(people)
        ]
        begun = time.perf_counter()
        await asyncio.gather(*(person(clients, watcher) for watcher, *clients in sets))
        return Run(time.perf_counter() - begun, taken)


def _shown(runs: Mapping[int, Run], scale: Scale) -> Section:
    table = Table(
        "processes on one database",
        "cancellations/s",
        "× one process",
        "command to details, median",
        "p99",
        title="F. Several processes, PostgreSQL",
        caption=(
            f"{scale.cancellations} by {scale.people} people at once, who click as soon as they "
            "see the card; a second of each is the pause between two messages of a channel. "
            f"This machine has {os.cpu_count()} cores, for the database, Slack, ACME and the "
            "people as well."
        ),
    )
    rates = {count: len(run.taken) / run.seconds for count, run in runs.items()}
    first = next(iter(rates.values()))
    for count, run in runs.items():
        figures = Times.of(run.taken)
        table.add_row(
            str(count),
            f"{rates[count]:.1f}",
            times(rates[count] / first),
            f"{figures.median:.2f} s",
            f"{figures.p99:.2f} s",
        )
    return Section([table])
