"""What the listeners need of the rest of the house; `app` hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.delivery import Posting
from bot.domain.judgement import Judgement
from bot.domain.person import Person
from bot.domain.request import (
    CreationResult,
    Evidence,
    MessageRef,
    NewRequest,
    Request,
    State,
)
from bot.domain.ruling import Action


class Posts(Protocol):
    """What is remembered of messages that must be posted once (`store.PostStore`).

    `kind` names the message within its request: `card`, `result`, `reminder:2:1` and so on.
    """

    async def take_turn(
        self, request_id: str, kind: str, channel: str, gone: MessageRef | None = None
    ) -> Posting:
        """Tell how far the message has come, and take its channel's turn if it is still to post.

        `gone`: where it stood until somebody deleted it, so that it must be posted anew.
        """
        ...

    async def begin_anew(self, request_id: str, kind: str, begun_at: datetime) -> bool:
        """Begin another attempt, the one begun at `begun_at` having left no message.

        False: somebody else did so first.
        """
        ...

    async def is_begun(self, request_id: str, kind: str) -> bool:
        """Whether the message stands somewhere, or an attempt may have put it there."""
        ...

    async def posted(self, request_id: str, kind: str, ref: MessageRef) -> None: ...

    async def not_posted(self, request_id: str, kind: str) -> None:
        """Note that the attempt certainly posted nothing."""
        ...


class Ledger(Protocol):
    """Requests on disk (`store.RequestStore`, where the methods are described)."""

    async def create(self, new: NewRequest) -> tuple[CreationResult, Request]: ...

    async def get(self, request_id: str) -> Request | None: ...

    async def decide(
        self,
        request_id: str,
        action: Action,
        person: Person,
        seen_revision: int | None = None,
        note: str | None = None,
        clicked: MessageRef | None = None,
        resolved_as: State | None = None,
        evidence: Evidence | None = None,
        voters: Sequence[Person] = (),
    ) -> tuple[Judgement, Request] | None: ...

    async def reselect(
        self,
        request_id: str,
        person: Person,
        seen_revision: int | None,
        counts: Mapping[str, int],
        evidence: Evidence | None = None,
    ) -> tuple[Judgement, Request] | None: ...

    async def shown_by(self, message: MessageRef) -> str | None: ...

    async def latest_for_order(self, venue: str, order_id: str) -> Request | None: ...

    async def waiting(self, limit: int, venues: Collection[str]) -> Sequence[Request]: ...

    async def recent(self, limit: int, venues: Collection[str]) -> Sequence[Request]: ...


class Work(Protocol):
    """Durable work (`workflows.Workflows`)."""

    async def advance(self, request: Request) -> None:
        """Start what `request` is due for. What this misses, the sweep finds."""
        ...
