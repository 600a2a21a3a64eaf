"""What the listeners need of the rest of the house; `app` hands it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.policy import Action, Ruling
from bot.domain.request import Actor, CreationResult, MessageRef, NewRequest, Request, State


class Ledger(Protocol):
    """Requests on disk (`store.RequestStore`, where the methods are described)."""

    async def create(self, new: NewRequest) -> tuple[CreationResult, Request]: ...

    async def get(self, request_id: str) -> Request | None: ...

    async def decide(
        self,
        request_id: str,
        action: Action,
        actor: Actor,
        seen_revision: int | None = None,
        note: str | None = None,
        clicked: MessageRef | None = None,
        resolved_as: State | None = None,
    ) -> tuple[Ruling, Request] | None: ...

    async def reselect(
        self, request_id: str, actor: Actor, seen_revision: int | None, counts: Mapping[str, int]
    ) -> tuple[Ruling, Request] | None: ...

    async def latest_for_order(self, venue: str, order_id: str) -> Request | None: ...

    async def waiting(self, limit: int) -> Sequence[Request]: ...

    async def recent(self, limit: int) -> Sequence[Request]: ...


class Work(Protocol):
    """Durable work (`workflows.Workflows`)."""

    async def advance(self, request: Request) -> None:
        """Start what `request` is due for. What this misses, the sweep finds."""
        ...
