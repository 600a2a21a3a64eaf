"""The one way a request changes: compare-and-set on its row's version, with its audit event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from bot.domain.order import Order
from bot.domain.policy import Policy
from bot.domain.quote import Quote
from bot.domain.request import Request, StaleRequestError, State, check_transition
from bot.domain.selection import Selection
from bot.domain.waiting import Wait, wait_from
from bot.store import audit
from bot.store.audit import Entry
from bot.store.database import Database
from bot.store.rows import columns_of, request_from_row
from bot.store.tables import requests

_BY_ID = sa.select(requests).where(requests.c.id == sa.bindparam("request_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update()


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
        entry: Entry,
        changes: dict[str, Any],
    ) -> Request:
        def work(connection: sa.Connection) -> Request:
            request = expect(connection, request_id, expected)
            return self.move(connection, request, target, entry, changes)

        return await self.database.run(work)

    def move(
        self,
        connection: sa.Connection,
        request: Request,
        target: State,
        entry: Entry,
        changes: dict[str, Any],
        wait: Wait | None = None,
    ) -> Request:
        """Move `request` on. `changes`: new values of its attributes, by name.

        `wait`: how it waits from now on, if not as one that just entered its state.
        """
        check_transition(request.state, target)
        now = self.now()
        waits = wait or wait_from(self.policy_of(request.venue), target, now)
        changed = changes | asdict(waits)
        changed |= {"state": target, "version": request.version + 1, "updated_at": now}
        moved = replace(request, **changed)
        columns = columns_of(moved, changed)
        expected = {"old_version": request.version, "old_state": request.state.value}
        updated = connection.execute(
            _update(tuple(columns)), columns | expected | {"request_id": request.id}
        )
        if updated.rowcount != 1:
            raise StaleRequestError(request.state)
        audit.append(connection, entry, moved, now)
        return moved

    async def select(self, query: sa.Select[Any]) -> Sequence[Request]:
        def work(connection: sa.Connection) -> Sequence[Request]:
            return [request_from_row(row) for row in connection.execute(query)]

        return await self.database.read(work)


@cache
def _update(columns: tuple[str, ...]) -> sa.Update:
    """Prepare the compare-and-set of these columns once: a click waits for it."""
    return (
        sa.update(requests)
        .where(
            requests.c.id == sa.bindparam("request_id"),
            requests.c.version == sa.bindparam("old_version"),
            requests.c.state == sa.bindparam("old_state"),
        )
        .values({name: sa.bindparam(name) for name in columns})
    )


def find(connection: sa.Connection, request_id: str, *, lock: bool = True) -> Request | None:
    """Read a request; `lock`: and let nobody else change it until this transaction ends."""
    query = _BY_ID_LOCKED if lock else _BY_ID
    row = connection.execute(query, {"request_id": request_id}).first()
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
        "order": order,
        "selection": selection,
        "quote": fresh,
        "previous_quote": None,
        # An approval is of the quote it was given for.
        "votes": (),
        "revision": request.revision + 1,
    }


def told(fresh: Quote) -> dict[str, Any]:
    """What the audit log keeps of a quote."""
    return {
        "refund": fresh.refund,
        "tickets": fresh.tickets,
        "fees_kept": fresh.fees_kept,
        "lines": {
            line.line_id: {
                "cancelled": line.cancelled,
                "of": line.quantity,
                "unit_price": line.unit_price,
                "amount": line.amount,
            }
            for line in fresh.lines
        },
        "fingerprint": fresh.fingerprint,
    }
