"""What people do to a request: ask, decide, choose other tickets."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.events import Event
from bot.domain.policy import Action, Ruling, rule
from bot.domain.quote import quote
from bot.domain.request import (
    LIVE_STATES,
    Actor,
    CreationResult,
    Decision,
    Evidence,
    Failure,
    FailureCode,
    MessageRef,
    NewRequest,
    Request,
    State,
    Verdict,
)
from bot.domain.selection import Selection
from bot.store import audit
from bot.store.audit import Entry
from bot.store.moves import Moves, find, quoted, told
from bot.store.rows import request_from_row
from bot.store.tables import requests

# Prepared once: this is what a command waits for before it is acknowledged.
_INSERT: dict[str, sa.Executable] = {
    "sqlite": sqlite.insert(requests).on_conflict_do_nothing().returning(requests.c.id),
    "postgresql": postgresql.insert(requests).on_conflict_do_nothing().returning(requests.c.id),
}


def new_request_id() -> str:
    """Return a short id that cannot be guessed and can be read over the telephone."""
    return "r" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


@dataclass(frozen=True, slots=True)
class Deciding(Moves):
    """Asking and deciding. Each method is one transaction."""

    async def create(self, new: NewRequest) -> tuple[CreationResult, Request]:
        """Store a request, unless this delivery or a live request for the order exists."""
        return await self.database.run(lambda connection: self._create(connection, new))

    def _create(self, connection: sa.Connection, new: NewRequest) -> tuple[CreationResult, Request]:
        now = self.now()
        request = Request(
            id=new_request_id(),
            venue=new.venue,
            order_id=new.order_id,
            state=State.REQUESTED,
            version=1,
            revision=0,
            run=0,
            requester=new.requester,
            channel=new.channel,
            source=new.source,
            notify=new.notify,
            created_at=now,
            updated_at=now,
            reason=new.reason,
            response_url=new.response_url,
            # There is nothing to show until the order has been read.
            delivered_version=1,
        )
        insert = _INSERT[connection.dialect.name]
        if connection.execute(insert, _row(request, new.delivery_key)).first() is None:
            # The live request may end in this very moment; then there is room for the new one.
            return _existing(connection, new) or self._create(connection, new)
        entry = Entry(
            Event.REQUESTED,
            new.requester,
            {"channel": new.channel, "notify": new.notify.value, "source": new.source.value},
            {"reason": new.reason},
            new.evidence,
        )
        audit.append(connection, entry, request, now)
        return CreationResult.CREATED, request

    async def decide(
        self,
        request_id: str,
        action: Action,
        actor: Actor,
        seen_revision: int | None = None,
        note: str | None = None,
        clicked: MessageRef | None = None,
        resolved_as: State | None = None,
        evidence: Evidence | None = None,
    ) -> tuple[Ruling, Request] | None:
        """Apply the policy to a click and, if it allows, record it. None: no such request.

        `clicked` is the message that was clicked; `resolved_as` (DONE or FAILED) goes with
        Action.RESOLVE. Action.EDIT is `reselect`'s business.
        """

        def work(connection: sa.Connection) -> tuple[Ruling, Request] | None:
            request = find(connection, request_id)
            if request is None:
                return None
            ruling = rule(self.policy_of(request.venue), action, request, actor, seen_revision)
            if ruling is not Ruling.ALLOWED:
                return ruling, request
            target, event, changes = self._consequence(request, action, actor, note, resolved_as)
            if request.card is None and clicked is not None:
                # The process died between posting the card and noting where: the click knows.
                changes |= {"card": clicked}
            data = {"seen_revision": seen_revision} | (told(request.quote) if request.quote else {})
            words = {"note": note}
            entry = Entry(event, actor, data, words, evidence or Evidence())
            return ruling, self.move(connection, request, target, entry, changes)

        return await self.database.run(work)

    def _consequence(
        self,
        request: Request,
        action: Action,
        actor: Actor,
        note: str | None,
        resolved_as: State | None,
    ) -> tuple[State, Event, dict[str, Any]]:
        def decided(verdict: Verdict) -> dict[str, Any]:
            decision = Decision(verdict, actor, self.now(), request.revision, note)
            return {"decision": decision}

        match action:
            case Action.APPROVE:
                run = {"run": request.run + 1}
                return State.APPROVED, Event.APPROVED, decided(Verdict.APPROVED) | run
            case Action.REJECT:
                return State.REJECTED, Event.REJECTED, decided(Verdict.REJECTED)
            case Action.WITHDRAW:
                return State.WITHDRAWN, Event.WITHDRAWN, decided(Verdict.WITHDRAWN)
            case Action.RECHECK:
                return State.EXECUTING, Event.RECHECKED, {"run": request.run + 1}
            case Action.RESOLVE if resolved_as in {State.DONE, State.FAILED}:
                failed = resolved_as is State.FAILED
                failure = Failure(FailureCode.SETTLED) if failed else None
                changes = decided(Verdict.RESOLVED) | {"failure": failure}
                return State(resolved_as), Event.RESOLVED, changes
            case _:
                raise ValueError(f"{action} has no consequence here")

    async def reselect(
        self,
        request_id: str,
        actor: Actor,
        seen_revision: int | None,
        counts: Mapping[str, int],
        evidence: Evidence | None = None,
    ) -> tuple[Ruling, Request] | None:
        """Replace the selection and quote it from the order as last read; a new revision.

        Raises SelectionError where `counts` does not fit that order.
        """

        def work(connection: sa.Connection) -> tuple[Ruling, Request] | None:
            request = find(connection, request_id)
            if request is None or request.order is None:
                return None
            policy = self.policy_of(request.venue)
            ruling = rule(policy, Action.EDIT, request, actor, seen_revision)
            if ruling is not Ruling.ALLOWED:
                return ruling, request
            selection = Selection.of(request.order, counts)
            fresh = quote(request.order, selection, self.now())
            changes = quoted(request, request.order, selection, fresh)
            entry = Entry(Event.RESELECTED, actor, told(fresh), evidence=evidence or Evidence())
            return ruling, self.move(connection, request, State.PENDING, entry, changes)

        return await self.database.run(work)


def _row(request: Request, delivery_key: str | None) -> dict[str, Any]:
    """What a new request's row has in it; everything else comes later."""
    return {
        "id": request.id,
        "venue": request.venue,
        "order_id": request.order_id,
        "state": request.state.value,
        "version": request.version,
        "revision": request.revision,
        "run": request.run,
        "requester_user": request.requester.user,
        "requester_team": request.requester.team,
        "requester_enterprise": request.requester.enterprise,
        "channel": request.channel,
        "source": request.source.value,
        "delivery_key": delivery_key,
        "response_url": request.response_url,
        "notify": request.notify.value,
        "reason": request.reason,
        "delivered_version": request.delivered_version,
        "created_at": request.created_at,
        "updated_at": request.updated_at,
    }


def _existing(connection: sa.Connection, new: NewRequest) -> tuple[CreationResult, Request] | None:
    """Find what made the database refuse a second request."""
    repeated = connection.execute(
        sa.select(requests).where(requests.c.delivery_key == new.delivery_key)
    ).first()
    if new.delivery_key and repeated:
        return CreationResult.REPEATED, request_from_row(repeated)
    live = connection.execute(
        sa.select(requests).where(
            requests.c.venue == new.venue,
            requests.c.order_id == new.order_id,
            requests.c.state.in_([state.value for state in LIVE_STATES]),
        )
    ).first()
    return (CreationResult.OCCUPIED, request_from_row(live)) if live else None
