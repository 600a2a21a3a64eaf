"""A and C: one payload at a time to its acknowledgement, and a click to its refund details."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack

from rich.table import Table

from tests.bench.bare import bare_costs
from tests.bench.baselines import DEFAULT, RAW
from tests.bench.client import Client, approval, command, order_ids
from tests.bench.figures import Section, Times, Verdict, ms, times
from tests.bench.people import LOOKING_SECONDS, Clerk, Refund, card, take_turns
from tests.bench.scale import Scale
from tests.bench.stage import NO_POSTGRES, SQLITE, Stage, has_postgres

_MOST_RAW = 3.0

Taken = Mapping[str, Sequence[float]]


async def measure(stage: Stage, scale: Scale) -> dict[str, Section]:
    """Return the sections A and C: one run gives both."""
    async with AsyncExitStack() as stack:

        async def connected(port: int) -> Client:
            return await stack.enter_async_context(Client(port))

        baselines = {name: await connected(server.port) for name, server in stage.baselines.items()}
        clerks = {
            name: Clerk(await connected(server.port), await connected(stage.outside.port))
            for name, server in stage.bots.items()
        }
        asked = await take_turns(
            scale.rounds,
            {name: _asking(client) for name, client in baselines.items()}
            | {name: clerk.ask for name, clerk in clerks.items()},
        )
        await asyncio.sleep(LOOKING_SECONDS)
        sqlite = clerks[SQLITE]
        message = await card(sqlite.outside, sqlite.asked[0])
        click = approval(message, "C1")
        approved = await take_turns(
            scale.rounds,
            {name: _clicking(client, click) for name, client in baselines.items()}
            | {name: clerk.approve for name, clerk in clerks.items()},
        )
        refunds = {name: clerk.refunds[-scale.rounds :] for name, clerk in clerks.items()}
        seen = {name for found in refunds.values() for refund in found for name, _ in refund.calls}
        bare = await bare_costs(stage.outside.port, seen, message["blocks"])
    return {"A": _acknowledgements(asked, approved), "C": _refunds(refunds, bare)}


def _asking(client: Client) -> Callable[[], Awaitable[float]]:
    async def ask() -> float:
        (order,) = order_ids(1)
        return await client.post(command(order, f"C{order}"))

    return ask


def _clicking(client: Client, click: bytes) -> Callable[[], Awaitable[float]]:
    return lambda: client.post(click)


def _acknowledgements(asked: Taken, approved: Taken) -> Section:
    caption = f"Targets for ours: ≤ {_MOST_RAW:g} × raw, < 1 × Bolt default."
    if not has_postgres():
        caption += f" Ours on PostgreSQL is left out: {NO_POSTGRES}."
    table = Table(
        "acknowledgement, on disk before the 200",
        "median",
        "p99",
        "× raw",
        "× Bolt default",
        title="A. One at a time",
        caption=caption,
    )
    verdicts = []
    for what, taken in (("/cancel-order N", asked), ("approve click", approved)):
        table.add_section()
        figures = {name: Times.of(seconds) for name, seconds in taken.items()}
        for name, found in figures.items():
            raw = found.median / figures[RAW].median
            bolt = found.median / figures[DEFAULT].median
            row = (ms(found.median), ms(found.p99), times(raw), times(bolt))
            table.add_row(f"{what}: {name}", *row)
            if name == SQLITE:
                verdicts.append(Verdict(f"A. {what}, × raw", raw, _MOST_RAW, "≤"))
                verdicts.append(Verdict(f"A. {what}, × Bolt default", bolt, 1, "<"))
    return Section([table], verdicts)


def _refunds(refunds: Mapping[str, Sequence[Refund]], bare: Mapping[str, float]) -> Section:
    table = Table(
        "approve click to refund details posted",
        "median",
        "p99",
        "calls outside",
        "spent out there",
        "the same calls bare",
        "above those",
        title="C. From the click to the refund details",
        caption="Medians. Slack and ACME answer at once; bare: httpx, one call after the other.",
    )
    for name, found in refunds.items():
        total = Times.of([refund.seconds for refund in found])
        there = statistics.median(sum(spent for _, spent in refund.calls) for refund in found)
        alone = statistics.median(sum(bare[call] for call, _ in refund.calls) for refund in found)
        count = statistics.median(len(refund.calls) for refund in found)
        table.add_row(
            name,
            ms(total.median),
            ms(total.p99),
            f"{count:g}",
            ms(there),
            ms(alone),
            ms(total.median - alone),
        )
    return Section([table])
