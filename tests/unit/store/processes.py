"""Several processes on one database, all at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bot.domain.policy import Policy
from bot.store import Database, RequestStore
from tests.unit.databases import DEFAULT, Clock, another_process

T = TypeVar("T")

Work = Callable[[RequestStore], Awaitable[T]]
PROCESSES = 6


def at_once(database: Database, works: Sequence[Work[T]], policy: Policy = DEFAULT) -> list[T]:
    """Share `works` among processes of their own, which all begin in the same moment."""
    count = min(PROCESSES, len(works))
    ready = threading.Barrier(count)

    def process(number: int) -> list[T]:
        with another_process(database, Clock(), policy) as store:
            ready.wait()
            return asyncio.run(_all(store, works[number::count]))

    with ThreadPoolExecutor(count) as processes:
        return [done for share in processes.map(process, range(count)) for done in share]


async def _all(store: RequestStore, works: Sequence[Work[T]]) -> list[T]:
    return list(await asyncio.gather(*(work(store) for work in works)))
