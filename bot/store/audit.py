"""The audit log: one appended row per event, in the transaction of the change it tells of.

Every row carries the hash of the one before and a number one higher, so that a row that was changed
or taken out is found. The database refuses both (triggers, see the migrations); what it allows is
to take out `personal`, of which the hash covers the digest only.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot import __version__
from bot.domain.events import Event
from bot.domain.request import Actor, Evidence, Request
from bot.store.tables import audit_events

GENESIS = "0" * 64
# Any number will do that nobody else locks: one appends at a time, or two rows had one parent.
_APPEND_LOCK = 0x52534155
_LAST = (
    sa.select(audit_events.c.id, audit_events.c.hash).order_by(audit_events.c.id.desc()).limit(1)
)
_INSERT = sa.insert(audit_events)
_ROWS_AT_ONCE = 500
# What a row's hash does not cover.
_OUTSIDE = frozenset({"personal", "hash"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, who did it, and how it is known.

    `data` holds ids and amounts; `personal` what people wrote and upstreams answered in words,
    which may name guests and can be taken out later. Neither holds secrets.
    """

    event: Event
    actor: Actor | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


def append(connection: sa.Connection, entry: Entry, request: Request, at: datetime) -> None:
    """Append one event about `request` as it is after the change."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_APPEND_LOCK})")
    last = connection.execute(_LAST).first()
    personal = _personal(entry.personal)
    actor = entry.actor
    row = {
        "id": last.id + 1 if last else 1,
        "at": at,
        "event": entry.event.value,
        "request_id": request.id,
        "request_version": request.version,
        "venue": request.venue,
        "order_id": request.order_id,
        "state": request.state.value,
        "revision": request.revision,
        "actor_user": actor.user if actor else None,
        "actor_team": actor.team if actor else None,
        "actor_enterprise": actor.enterprise if actor else None,
        **asdict(entry.evidence),
        "software": __version__,
        "data": json.dumps(entry.data, sort_keys=True, default=str),
        "personal": personal,
        "personal_digest": digest(personal) if personal else None,
        "previous_hash": last.hash if last else GENESIS,
    }
    connection.execute(_INSERT, row | {"hash": row_hash(row)})


def _personal(given: Mapping[str, Any]) -> str | None:
    """Write what may be taken out later; salted, or a digest would give away a guessed word."""
    known = {key: value for key, value in given.items() if value is not None}
    if not known:
        return None
    return json.dumps(known | {"salt": secrets.token_hex(8)}, sort_keys=True, default=str)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def row_hash(row: Mapping[str, Any]) -> str:
    """Hash a row's columns, by name, all but `personal` and the hash itself.

    A contract with every row there is. Empty columns do not count, so that a later version can add
    one.
    """
    covered = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in _OUTSIDE and value is not None
    }
    return digest(json.dumps(covered, sort_keys=True))


def events(connection: sa.Connection, since: datetime | None) -> Iterator[dict[str, Any]]:
    """Stream the log in order, oldest first."""
    query = sa.select(audit_events).order_by(audit_events.c.id)
    if since is not None:
        query = query.where(audit_events.c.at >= since)
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        parsed = {"data": json.loads(row.data)}
        if row.personal is not None:
            parsed["personal"] = json.loads(row.personal)
        yield dict(row._mapping) | parsed
