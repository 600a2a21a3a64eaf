"""Deliveries as the tests make them: a desk, and the workflow that brings requests to it."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.delivery import DeliveryPostponedError
from bot.domain.request import Request
from bot.store import RequestStore
from bot.workflows.delivery import deliver
from bot.workflows.services import Services
from tests.unit.databases import Clock
from tests.unit.workflows.fakes import FakeDesk, FakeDurable

LATER = DeliveryPostponedError(None, "HTTP 429")


class Post:
    """A desk, and the workflow that brings requests to it."""

    def __init__(
        self,
        store: RequestStore,
        clock: Clock,
        desk: FakeDesk,
        durable: FakeDurable | None = None,
    ) -> None:
        self.desk = desk
        self.store = store
        self.clock = clock
        self.durable = durable or FakeDurable(clock)
        self.services = Services(store, {}, desk, clock)

    async def deliver(self, request: Request) -> Request:
        await deliver(self.services, self.durable, request.id)
        found = await self.store.get(request.id)
        assert found is not None
        return found


Posting = Callable[..., Post]
