"""A process of its own around one request: it stops before each step, may die, and resumes."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from bot.store import Database
from bot.workflows.execution import execute
from bot.workflows.services import Services
from tests.examples import VENUE
from tests.unit.databases import Clock, store_on
from tests.unit.workflows.fakes import (
    BoxOffice,
    FakeDesk,
    FakeDurable,
    Power,
    PowerCutError,
    PoweredClock,
    PoweredDatabase,
)

_AT_WORK: ContextVar[Worker] = ContextVar("_AT_WORK")


async def in_turn() -> None:
    """Stop whoever is at work here until it is told to go on."""
    worker = _AT_WORK.get(None)
    if worker is not None:
        await worker.stop()


class Worker:
    """Runs the workflow `execute`, as far as it is told."""

    def __init__(self, database: Database, clock: Clock, office: BoxOffice, desk: FakeDesk) -> None:
        self.power = Power()
        self.is_dead = False
        self.is_within_call = False
        self._clock = clock
        self._office = office
        self._desk = desk
        self._database = PoweredDatabase(database, self.power)
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._go = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        return self._task is None

    def start(self, request_id: str) -> None:
        """Begin the workflow for a request from its beginning."""
        self._request_id = request_id
        self._durable = FakeDurable(self._clock, self.power, before=self._between)
        self._begin()

    def resume(self, *, forgetful: bool) -> None:
        """Go on after a power cut, with what the engine remembers or with nothing."""
        self._durable.resume(forgetful=forgetful)
        self._begin()

    def _begin(self) -> None:
        now = PoweredClock(self._clock, self.power)
        services = Services(
            store_on(self._database, now), {VENUE.key: self._office}, self._desk, now
        )
        self.is_dead = False
        self._go.clear()
        self._task = asyncio.get_running_loop().create_task(self._work(services))

    async def _work(self, services: Services) -> None:
        _AT_WORK.set(self)
        await self._told()
        await execute(services, self._durable, self._request_id)

    async def _between(self) -> None:
        self.is_within_call = False
        await self.stop()

    async def stop(self) -> None:
        self._stopped.set()
        await self._told()
        self.is_within_call = True

    async def _told(self) -> None:
        await self._go.wait()
        self._go.clear()

    async def go_on(self) -> None:
        """Go on until the next stop, the end, or death."""
        task = self._task
        if task is None:
            return
        self._stopped.clear()
        self._go.set()
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            self._task = None
            self.is_within_call = False
            self.is_dead = isinstance(task.exception(), PowerCutError)
            if not self.is_dead:
                task.result()

    async def finish(self) -> None:
        """Go on to the end, resuming after every power cut."""
        while not self.is_idle or self.is_dead:
            if self.is_dead:
                self.resume(forgetful=False)
            await self.go_on()
