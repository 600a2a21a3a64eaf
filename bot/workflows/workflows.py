"""From a request's state to the workflow that is due, and the sweep that finds what was left."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import psycopg
import sqlalchemy as sa
import structlog

from bot.domain.request import LedgerUnavailableError, Request, StaleRequestError, State
from bot.workflows.delivery import deliver, deliver_in_doubt, delivery_id
from bot.workflows.engine import Durable, Engine, Workflow
from bot.workflows.execution import execute, execution_id, rescue_execution
from bot.workflows.place import PlaceError
from bot.workflows.quoting import quote_request, rescue_quote
from bot.workflows.services import Services

log = structlog.get_logger(__name__)

_SWEEP_AT_MOST = 1000
_ROUNDS_PER_PRUNING = 60
_SCRUBBED_AT_MOST = 500


class Workflows:
    """All durable work. `advance` is the only way in: it starts what a request's state asks for."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self._services = services
        self._starting = asyncio.Lock()
        engine.register("quote", self._bound(quote_request), self._bound_rescue(rescue_quote))
        engine.register("execute", self._bound(execute), self._bound_rescue(rescue_execution))
        # What Slack does never changes what is true of an order: no rescue, only another try.
        # It may have to wait for long, and must not keep the others from working meanwhile.
        engine.register("deliver", self._bound(deliver), is_patient=True)
        engine.register("deliver_in_doubt", self._bound(deliver_in_doubt), is_patient=True)

    def _bound(self, workflow: Callable[[Services, Durable, str], Awaitable[None]]) -> Workflow:
        async def bound(durable: Durable, request_id: str) -> None:
            await workflow(self._services, durable, request_id)

        return bound

    def _bound_rescue(
        self, rescue: Callable[[Services, str], Awaitable[None]]
    ) -> Callable[[str], Awaitable[None]]:
        return lambda request_id: rescue(self._services, request_id)

    async def advance(self, request: Request) -> None:
        """Start the work that `request` is due for; doing so again changes nothing.

        One after the other: in a rush of clicks their acknowledgements shall not wait for this.
        """
        async with self._starting:
            for name, workflow_id in _due(request):
                await self.engine.start(name, workflow_id, request.id)

    async def sweep(self) -> int:
        """Start what a crash left committed but not started; return how many requests that was."""
        since = self._services.now() - timedelta(seconds=self._services.pauses.sweep)
        found = await self._services.ledger.left_lying(since, _SWEEP_AT_MOST)
        await _each(found, self._start_anew)
        return len(found)

    async def _start_anew(self, request_id: str) -> None:
        request = await self._services.ledger.get(request_id)
        for name, workflow_id in _due(request) if request else ():
            await self.engine.start_anew(name, workflow_id, request_id)

    async def remind(self) -> int:
        """Remind of what waits, or let it expire; return how many requests were due."""
        due = await self._services.ledger.due(_SWEEP_AT_MOST)
        await _each(due, self._move_on)
        return len(due)

    async def _move_on(self, request_id: str) -> None:
        try:
            moved = await self._services.ledger.overdue(request_id)
        except StaleRequestError:
            return  # somebody decided in this very moment
        if moved is not None:
            await self.advance(moved)

    async def forget(self) -> int:
        """Take out what names people of requests that ended long ago; return how many."""
        personal = self._services.pauses.personal
        if personal is None:
            return 0
        before = self._services.now() - personal
        return await self._services.ledger.scrub(before, _SCRUBBED_AT_MOST)

    async def keep_house(self) -> None:
        """One round of what happens by itself; most of it is for one process to do.

        Raises PlaceError once another process has taken this one's place.
        """
        place = self.engine.place
        await asyncio.to_thread(place.keep)
        await _attempt(self.engine.reclaim)
        await _attempt(self.engine.adopt)
        if await asyncio.to_thread(place.leads):
            await _attempt(self.sweep)
            await _attempt(self.remind)

    async def keep_house_forever(self) -> None:
        """Keep house, round after round, until PlaceError."""
        for number in itertools.count(1):
            await _attempt(self.keep_house)
            if number % _ROUNDS_PER_PRUNING == 0:
                await _attempt(self.prune)
                await _attempt(self._forget_where_it_leads)
            await asyncio.sleep(self._services.pauses.sweep)

    async def prune(self) -> int:
        """Delete what the engine noted of work that ended; return how much that was."""
        return await self.engine.prune(self._services.now() - self._services.pauses.keep)

    async def _forget_where_it_leads(self) -> None:
        if await asyncio.to_thread(self.engine.place.leads):
            await self.forget()


async def _each(found: Iterable[str], chore: Callable[[str], Awaitable[None]]) -> None:
    """Do a chore for requests; one that is beyond help is logged and keeps no other waiting."""
    for request_id in found:
        try:
            await chore(request_id)
        except PlaceError:
            raise
        except Exception as error:
            if not _ours(error):
                raise  # the others would meet the same, and each would be a line in the log
            kind = type(error).__name__
            log.warning("request_passed_over", request=request_id, error=kind, exc_info=True)


async def _attempt(chore: Callable[[], Awaitable[object]]) -> None:
    """Do a chore; whatever goes wrong, but for PlaceError, keeps no other from being done."""
    try:
        await chore()
    except PlaceError:
        raise
    except Exception as error:
        kind = type(error).__name__
        log.warning("housekeeping_failed", error=kind, exc_info=_ours(error))


def _ours(error: Exception) -> bool:
    """Whether the log needs the traceback: not of a database that is away."""
    away = (LedgerUnavailableError, sa.exc.OperationalError, psycopg.OperationalError)
    return not isinstance(error, away)


def _due(request: Request) -> list[tuple[str, str]]:
    """Name the workflows a request is due for, each with the id that makes it unique."""
    due = []
    if request.state is State.REQUESTED:
        due.append(("quote", f"quote:{request.id}"))
    if request.state in {State.APPROVED, State.EXECUTING}:
        due.append(("execute", execution_id(request.id, request.run)))
    if request.delivered_version < request.version:
        due.append(("deliver", delivery_id(request.id, request.version)))
    return due
