"""The one way a request changes: compare-and-set on its row's version, with its audit event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.events import Event
from bot.domain.order import Order
from bot.domain.policy import Policy
from bot.domain.quote import Quote
from bot.domain.request import Actor, Request, StaleRequestError, State, check_transition
from bot.domain.selection import Selection
from bot.store import audit
from bot.store.database import Database
from bot.store.rows import dump, request_from_row
from bot.store.tables import requests


@dataclass(frozen=True, slots=True)
class Moves:
    """`policy_of` maps a venue's key to its policy; `now` is the clock (aware, UTC)."""

    database: Database
    policy_of: Callable[[str], Policy]
    now: Callable[[], datetime]

    async def advance(
        self,
        request_id: str,
        expected: State,
        target: State,
        event: Event,
        changes: dict[str, Any],
        data: dict[str, Any],
    ) -> Request:
        def work(connection: sa.Connection) -> Request:
            request = expect(connection, request_id, expected)
            return self.move(connection, request, target, event, changes, None, data)

        return await self.database.run(work)

    def move(
        self,
        connection: sa.Connection,
        request: Request,
        target: State,
        event: Event,
        changes: dict[str, Any],
        actor: Actor | None,
        data: dict[str, Any],
    ) -> Request:
        check_transition(request.state, target)
        now = self.now()
        changed = connection.execute(
            sa.update(requests)
            .where(
                requests.c.id == request.id,
                requests.c.version == request.version,
                requests.c.state == request.state.value,
            )
            .values(state=target.value, version=request.version + 1, updated_at=now, **changes)
        )
        if changed.rowcount != 1:
            raise StaleRequestError(request.state)
        moved = get(connection, request.id)
        audit.append(connection, event, moved, now, actor, data)
        return moved

    async def select(self, query: sa.Select[Any]) -> Sequence[Request]:
        def work(connection: sa.Connection) -> Sequence[Request]:
            return [request_from_row(row) for row in connection.execute(query)]

        return await self.database.run(work)


def find(connection: sa.Connection, request_id: str) -> Request | None:
    row = connection.execute(
        sa.select(requests).where(requests.c.id == request_id).with_for_update()
    ).first()
    return request_from_row(row) if row else None


def get(connection: sa.Connection, request_id: str) -> Request:
    request = find(connection, request_id)
    if request is None:
        raise LookupError(f"no request {request_id}")
    return request


def expect(connection: sa.Connection, request_id: str, expected: State) -> Request:
    request = get(connection, request_id)
    if request.state is not expected:
        raise StaleRequestError(request.state)
    return request


def quoted(request: Request, order: Order, selection: Selection, fresh: Quote) -> dict[str, Any]:
    return {
        "order_snapshot": dump(order),
        "selection": dump(selection),
        "quote": dump(fresh),
        "previous_quote": None,
        "revision": request.revision + 1,
    }


def told(fresh: Quote) -> dict[str, Any]:
    """What the audit log keeps of a quote."""
    return {
        "refund": fresh.refund,
        "tickets": fresh.tickets,
        "selection": {line.line_id: line.cancelled for line in fresh.lines},
        "fingerprint": fresh.fingerprint,
    }
