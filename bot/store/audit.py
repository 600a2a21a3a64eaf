"""The audit log: one appended row per event, in the transaction of the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.events import Event
from bot.domain.request import Actor, Request
from bot.store.tables import audit_events


def append(
    connection: sa.Connection,
    event: Event,
    request: Request,
    at: datetime,
    actor: Actor | None,
    data: Mapping[str, Any],
) -> None:
    """Append one event about `request` as it is after the change. `data` holds no secrets."""
    connection.execute(
        sa.insert(audit_events).values(
            at=at,
            event=event.value,
            request_id=request.id,
            venue=request.venue,
            order_id=request.order_id,
            state=request.state.value,
            revision=request.revision,
            actor_user=actor.user if actor else None,
            actor_team=actor.team if actor else None,
            actor_enterprise=actor.enterprise if actor else None,
            data=json.dumps(data, sort_keys=True, default=str),
        )
    )


def events(connection: sa.Connection, since: datetime | None) -> Iterator[dict[str, Any]]:
    """Stream the log in order, oldest first."""
    query = sa.select(audit_events).order_by(audit_events.c.id)
    if since is not None:
        query = query.where(audit_events.c.at >= since)
    for row in connection.execution_options(yield_per=500).execute(query):
        yield dict(row._mapping) | {"data": json.loads(row.data)}
