"""Whether the audit log is whole, and tells the same as the requests it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.store.audit import GENESIS, digest, row_hash
from bot.store.tables import audit_events, requests

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The last row's number and hash: noted elsewhere, they prove that nothing was cut off."""

    id: int
    hash: str

    def __str__(self) -> str:
        return f"{self.id}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first thing wrong. `row` is the audit row's number, None where one is missing."""

    row: int | None
    text: str


def verify(connection: sa.Connection, known: Head | None = None) -> tuple[Head, Flaw | None]:
    """Walk the whole chain; return where it ends and the first flaw.

    `known`: a head noted earlier, which must still be part of the chain.
    """
    head = Head(0, GENESIS)
    for row in _rows(connection):
        flaw = _flaw(row, head)
        if flaw is not None:
            return head, flaw
        head = Head(row.id, row.hash)
        if known is not None and known.id == head.id and known != head:
            return head, Flaw(head.id, "is not the row that was noted earlier")
    if known is not None and known.id > head.id:
        return head, Flaw(None, f"the log ends at row {head.id}, before the row noted earlier")
    return head, _disagreement(connection)


def _rows(connection: sa.Connection) -> Iterator[sa.Row[Any]]:
    query = sa.select(audit_events).order_by(audit_events.c.id)
    yield from connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)


def _flaw(row: sa.Row[Any], before: Head) -> Flaw | None:
    if row.id != before.id + 1:
        return Flaw(row.id, f"follows row {before.id}: what stood between is missing")
    if row.previous_hash != before.hash:
        return Flaw(row.id, "does not follow from the row before it")
    if row.hash != row_hash(dict(row._mapping)):
        return Flaw(row.id, "was changed after it was written")
    if row.personal is not None and digest(row.personal) != row.personal_digest:
        return Flaw(row.id, "has other words in it than were written")
    return None


def _disagreement(connection: sa.Connection) -> Flaw | None:
    """Every change of a request has its event, so the latest event knows the request's version."""
    latest = (
        sa.select(
            audit_events.c.request_id,
            sa.func.max(audit_events.c.request_version).label("version"),
        )
        .group_by(audit_events.c.request_id)
        .subquery()
    )
    odd = connection.execute(
        sa.select(requests.c.id, requests.c.version, latest.c.version.label("told"))
        .outerjoin(latest, latest.c.request_id == requests.c.id)
        .where(sa.or_(latest.c.version.is_(None), latest.c.version != requests.c.version))
        .order_by(requests.c.created_at)
        .limit(1)
    ).first()
    if odd is None:
        return None
    return Flaw(
        None,
        f"request {odd.id} is at version {odd.version}, but the log tells of "
        f"{odd.told or 'none'}: rows at its end are missing, or the request was changed by hand",
    )
