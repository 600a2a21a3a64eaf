"""Those who ask and approve, as the measurements need them: one after the other, or many at once.

Each order has a channel of its own, because the bot keeps two messages of a channel apart.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.bench.client import Client, approval, command, order_ids

# After the last message of a request the bot still notes that it was posted; that is over by then.
_SETTLE_SECONDS = 0.05
# The bot keeps two messages of one channel a second apart, and people take longer than that.
LOOKING_SECONDS = 1.1
_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Refund:
    """From one click to its refund details: seconds, and each call outside with its own seconds."""

    seconds: float
    calls: Sequence[tuple[str, float]]


@dataclass(slots=True)
class Clerk:
    """Asks and approves, one order after the other, over connections that stay open."""

    bot: Client
    outside: Client
    asked: deque[str] = field(default_factory=deque)
    refunds: list[Refund] = field(default_factory=list)

    async def ask(self) -> float:
        """Ask for a fresh order; return the seconds to the acknowledgement."""
        (order,) = order_ids(1)
        taken = await self.bot.post(command(order, f"C{order}"))
        await card(self.outside, order)
        self.asked.append(order)
        await asyncio.sleep(_SETTLE_SECONDS)
        return taken

    async def approve(self) -> float:
        """Approve the order asked for longest ago; return the seconds to the acknowledgement."""
        order = self.asked.popleft()
        click = approval(await card(self.outside, order), f"C{order}")
        clicked = time.monotonic()
        taken = await self.bot.post(click)
        await self.outside.get(f"/wait/C{order}/2")
        self.refunds.append(_refund(clicked, await self.outside.get(f"/calls/{order}")))
        await asyncio.sleep(_SETTLE_SECONDS)
        return taken


async def card(outside: Client, order: str) -> dict[str, Any]:
    """Wait for an order's card; return its ts and its blocks."""
    message: dict[str, Any] = await outside.get(f"/wait/C{order}/1")
    return message


def _refund(clicked: float, calls: Sequence[tuple[str, float, float]]) -> Refund:
    """Sum up what happened outside since `clicked`, up to the last message posted."""
    details = max(end for name, _, end in calls if name == "chat.postMessage")
    between = [call for call in calls if clicked <= call[1] and call[2] <= details]
    return Refund(details - clicked, [(name, end - begun) for name, begun, end in between])


async def take_turns(
    rounds: int, contestants: Mapping[str, Callable[[], Awaitable[float]]]
) -> dict[str, list[float]]:
    """Let each contestant do its thing once per round, and each begin a round in its turn."""
    names = list(contestants)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(_WARM_UP + rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds = await contestants[name]()
            if turn >= _WARM_UP:
                taken[name].append(seconds)
    return taken


async def burst(port: int, bodies: Sequence[bytes], at_once: int) -> float:
    """Post all bodies over `at_once` connections; return the seconds to the last 200."""
    waiting = iter(bodies)

    async def post(client: Client) -> None:
        for body in waiting:
            await client.post(body)

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(port)) for _ in range(at_once)]
        begun = time.perf_counter()
        await asyncio.gather(*map(post, clients))
        return time.perf_counter() - begun
