"""Workflows with an engine that only notes what it is asked to start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from bot.domain.policy import Policy
from bot.domain.request import (
    Request,
)
from bot.store import Database
from bot.workflows import Engine, Workflows
from bot.workflows.engine import Workflow
from bot.workflows.place import FilePlace
from bot.workflows.services import Pauses, Services
from tests.examples import VENUE, order
from tests.unit.databases import DEFAULT, Clock, store_on
from tests.unit.workflows.fakes import BoxOffice, FakeDesk

Rescue = Callable[[str], Awaitable[None]]


class FakePlace(FilePlace):
    """A place that may be lost, or not be the leader's."""

    def __init__(self) -> None:
        self.is_leader = True
        self.kept = 0
        self.troubles: list[Exception] = []

    def leads(self) -> bool:
        return self.is_leader

    def keep(self) -> None:
        self.kept += 1
        if self.troubles:
            raise self.troubles.pop(0)


class FakeEngine(Engine):
    """Keeps what it is told; runs nothing."""

    def __init__(self) -> None:
        self.rescues: dict[str, Rescue | None] = {}
        self.patient: set[str] = set()
        self.started: list[tuple[str, str, str]] = []
        self.started_anew: list[tuple[str, str, str]] = []
        self.place: FakePlace = FakePlace()
        self.adopted = 0
        self.pruned: list[datetime] = []
        self.pruning_fails = False

    def register(
        self,
        name: str,
        workflow: Workflow,  # noqa: ARG002
        rescue: Rescue | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        self.rescues[name] = rescue
        if is_patient:
            self.patient.add(name)

    async def start(self, name: str, workflow_id: str, request_id: str) -> None:
        self.started.append((name, workflow_id, request_id))

    async def start_anew(self, name: str, workflow_id: str, request_id: str) -> None:
        self.started_anew.append((name, workflow_id, request_id))

    async def adopt(self) -> int:
        self.adopted += 1
        return 0

    async def reclaim(self) -> int:
        return 0

    async def prune(self, before: datetime) -> int:
        self.pruned.append(before)
        if self.pruning_fails:
            raise RuntimeError("a mistake of ours")
        return 0


class Work:
    def __init__(self, database: Database, policy: Policy = DEFAULT) -> None:
        self.clock = Clock()
        self.engine = FakeEngine()
        self.store = store_on(database, self.clock, policy)
        self.office = BoxOffice(self.clock, order())
        self.workflows = self.with_pauses(Pauses(sweep=0))

    def with_pauses(self, pauses: Pauses) -> Workflows:
        systems = {VENUE.key: self.office}
        return Workflows(self.engine, Services(self.store, systems, FakeDesk(), self.clock, pauses))

    async def rescue(self, name: str, request: Request) -> Request:
        """Let the workflow `name` end in an error nobody foresaw."""
        rescue = self.engine.rescues[name]
        assert rescue is not None
        self.office.order = replace(self.office.order, id=request.order_id)
        await rescue(request.id)
        found = await self.store.get(request.id)
        assert found is not None
        return found

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.engine.started]
