"""Requests in the database: deciding on them, carrying them out, and looking them up.

Every change is one transaction with its audit event. Nothing here waits for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.domain.request import LIVE_STATES, Request, State
from bot.store.deciding import Deciding
from bot.store.executing import Executing
from bot.store.moves import find
from bot.store.tables import requests


@dataclass(frozen=True, slots=True)
class RequestStore(Deciding, Executing):
    """The whole ledger; listeners and workflows each see their part of it."""

    async def get(self, request_id: str) -> Request | None:
        return await self.database.run(lambda connection: find(connection, request_id))

    async def latest_for_order(self, venue: str, order_id: str) -> Request | None:
        found = await self.select(
            sa.select(requests)
            .where(requests.c.venue == venue, requests.c.order_id == order_id)
            .order_by(requests.c.created_at.desc())
            .limit(1)
        )
        return found[0] if found else None

    async def waiting(self, limit: int) -> Sequence[Request]:
        """Return requests that wait for a decision or for help, oldest first."""
        states = [State.PENDING.value, State.UNKNOWN.value]
        return await self.select(
            sa.select(requests)
            .where(requests.c.state.in_(states))
            .order_by(requests.c.updated_at)
            .limit(limit)
        )

    async def recent(self, limit: int) -> Sequence[Request]:
        """Return the latest requests of any state, newest first."""
        return await self.select(
            sa.select(requests).order_by(requests.c.created_at.desc()).limit(limit)
        )

    async def left_lying(self, since: datetime, limit: int) -> Sequence[Request]:
        """Return requests with work to do that nobody has touched since `since`."""
        working = [State.REQUESTED.value, State.APPROVED.value, State.EXECUTING.value]
        unfinished = sa.or_(
            requests.c.state.in_(working), requests.c.delivered_version < requests.c.version
        )
        return await self.select(
            sa.select(requests)
            .where(unfinished, requests.c.updated_at < since)
            .order_by(requests.c.updated_at)
            .limit(limit)
        )

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

        return await self.database.run(work)
