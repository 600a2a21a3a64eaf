"""From a request's state to the workflow that is due, and the sweep that finds what was left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from bot.domain.request import Failure, FailureCode, Request, StaleRequestError, State
from bot.workflows.delivery import deliver
from bot.workflows.engine import Durable, Engine, Workflow
from bot.workflows.execution import execute
from bot.workflows.quoting import quote_request
from bot.workflows.services import Services

log = structlog.get_logger(__name__)

_SWEEP_AT_MOST = 200


class Workflows:
    """All durable work. `advance` is the only way in: it starts what a request's state asks for."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self._services = services
        engine.register("quote", self._bound(quote_request), self._rescue)
        engine.register("execute", self._bound(execute), self._rescue)
        engine.register("deliver", self._bound(deliver), self._rescue)

    def _bound(self, workflow: Callable[[Services, Durable, str], Awaitable[None]]) -> Workflow:
        async def bound(durable: Durable, request_id: str) -> None:
            await workflow(self._services, durable, request_id)

        return bound

    async def advance(self, request: Request) -> None:
        """Start the work that `request` is due for; doing so again changes nothing."""
        for name, workflow_id in _due(request):
            await self.engine.start(name, workflow_id, request.id)

    async def sweep(self) -> int:
        """Start what a crash left committed but not started; return how many requests that was."""
        since = self._services.now() - timedelta(seconds=self._services.pauses.sweep)
        found = await self._services.ledger.left_lying(since, _SWEEP_AT_MOST)
        for request in found:
            for name, workflow_id in _due(request):
                await self.engine.start_anew(name, workflow_id, request.id)
        return len(found)

    async def sweep_forever(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("sweep_failed")
            await asyncio.sleep(self._services.pauses.sweep)

    async def _rescue(self, request_id: str) -> None:
        """After an error nobody foresaw: end the request visibly, claiming only what is known."""
        ledger = self._services.ledger
        request = await ledger.get(request_id)
        if request is None:
            return
        internal = Failure(FailureCode.INTERNAL)
        try:
            if request.state is State.APPROVED:
                request = await ledger.claim(request_id)
            if request.state is State.REQUESTED:
                await ledger.fail(request_id, State.REQUESTED, internal)
            elif request.state is State.EXECUTING:
                if await ledger.last_send(request) is None:
                    await ledger.fail(request_id, State.EXECUTING, internal)
                else:
                    await ledger.mark_unknown(request_id, "an internal error")
        except StaleRequestError:
            return


def _due(request: Request) -> list[tuple[str, str]]:
    """Name the workflows a request is due for, each with the id that makes it unique."""
    due = []
    if request.state is State.REQUESTED:
        due.append(("quote", f"quote:{request.id}"))
    if request.state in {State.APPROVED, State.EXECUTING}:
        due.append(("execute", f"execute:{request.id}:{request.run}"))
    if request.delivered_version < request.version:
        due.append(("deliver", f"deliver:{request.id}:{request.version}"))
    return due
