"""Requests in the database: deciding on them, carrying them out, and looking them up.

Every change is one transaction with its audit event. Nothing here waits for anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.request import LIVE_STATES, WAITING_STATES, MessageRef, Request, State
from bot.store.deciding import Deciding
from bot.store.executing import Executing
from bot.store.moves import find
from bot.store.retention import Retaining
from bot.store.tables import posts, requests

_WORKING = [State.REQUESTED.value, State.APPROVED.value, State.EXECUTING.value]


@dataclass(frozen=True, slots=True)
class RequestStore(Deciding, Executing, Retaining):
    """The whole ledger; listeners and workflows each see their part of it."""

    async def get(self, request_id: str) -> Request | None:
        return await self.database.read(lambda connection: find(connection, request_id, lock=False))

    async def shown_by(self, message: MessageRef) -> str | None:
        """Return the id of the request that a message of ours is about, if it is one we know."""
        query = sa.select(posts.c.request_id).where(
            posts.c.channel == message.channel, posts.c.ts == message.ts
        )
        return await self.database.read(lambda connection: connection.scalar(query))

    async def latest_for_order(self, venue: str, order_id: str) -> Request | None:
        found = await self.select(
            sa.select(requests)
            .where(requests.c.venue == venue, requests.c.order_id == order_id)
            .order_by(requests.c.created_at.desc())
            .limit(1)
        )
        return found[0] if found else None

    async def waiting(self, limit: int, venues: Collection[str] | None = None) -> Sequence[Request]:
        """Return requests that wait for a decision or for help, oldest first.

        `venues`: of these alone, None: of all.
        """
        found: list[Request] = []
        for state in WAITING_STATES:  # state by state, so that the index has the order
            query = _of(venues).where(requests.c.state == state.value)
            found += await self.select(query.order_by(requests.c.created_at).limit(limit))
        return sorted(found, key=lambda request: request.created_at)[:limit]

    async def recent(self, limit: int, venues: Collection[str] | None = None) -> Sequence[Request]:
        """Return the latest requests of any state, newest first; `venues` as in `waiting`."""
        return await self.select(_of(venues).order_by(requests.c.created_at.desc()).limit(limit))

    async def left_lying(self, since: datetime, limit: int) -> Sequence[str]:
        """Return the ids of requests with work to do that nobody has touched since `since`.

        Two queries, each with an index of its own that holds no more than what is under way.
        """
        working = requests.c.state.in_(_WORKING)
        behind = requests.c.delivered_version < requests.c.version

        def work(connection: sa.Connection) -> Sequence[str]:
            found: dict[str, None] = {}
            for unfinished in (working, behind):
                query = sa.select(requests.c.id).where(unfinished, requests.c.updated_at < since)
                oldest = query.order_by(requests.c.updated_at).limit(limit)
                found |= dict.fromkeys(connection.scalars(oldest))
            return list(found)

        return await self.database.read(work)

    async def due(self, limit: int) -> Sequence[str]:
        """Return the ids of requests whose reminder or expiry is due, longest overdue first."""
        now = self.now()

        def work(connection: sa.Connection) -> Sequence[str]:
            query = sa.select(requests.c.id).where(requests.c.due_at <= now)
            return list(connection.scalars(query.order_by(requests.c.due_at).limit(limit)))

        return await self.database.read(work)

    async def count_live(self) -> Mapping[str, int]:
        """Count the requests in each live state."""

        def work(connection: sa.Connection) -> Mapping[str, int]:
            live = [state.value for state in LIVE_STATES]
            rows = connection.execute(
                sa.select(requests.c.state, sa.func.count())
                .where(requests.c.state.in_(live))
                .group_by(requests.c.state)
            )
            return dict.fromkeys(live, 0) | {row[0]: row[1] for row in rows}

        return await self.database.read(work)


def _of(venues: Collection[str] | None) -> sa.Select[Any]:
    every = sa.select(requests)
    return every if venues is None else every.where(requests.c.venue.in_(venues))
