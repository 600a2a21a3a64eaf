"""What people do to a request: ask, decide, choose other tickets."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.deciding import Step, consequence
from bot.domain.events import Event
from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person
from bot.domain.quote import quote
from bot.domain.request import (
    LIVE_STATES,
    CreationResult,
    Evidence,
    MessageRef,
    NewRequest,
    Request,
    State,
)
from bot.domain.ruling import Action, Circumstances, rule
from bot.domain.selection import Selection
from bot.store import audit, limits
from bot.store.audit import Entry
from bot.store.limits import NOBODY
from bot.store.moves import Moves, find, quoted, told
from bot.store.rows import request_from_row, storable
from bot.store.tables import audit_events, requests

# Prepared once: this is what a command waits for before it is acknowledged.
_INSERT: dict[str, sa.Executable] = {
    "sqlite": sqlite.insert(requests).on_conflict_do_nothing().returning(requests.c.id),
    "postgresql": postgresql.insert(requests).on_conflict_do_nothing().returning(requests.c.id),
}
_ACTED_ON = sa.select(audit_events.c.id).where(
    audit_events.c.request_id == sa.bindparam("request_id"),
    audit_events.c.payload_digest == sa.bindparam("digest"),
)


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
            reason=storable(new.reason),
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
            {
                "channel": new.channel,
                "notify": new.notify.value,
                "source": new.source.value,
                "rule": new.allowed_by,
            },
            {"reason": request.reason},
            new.evidence,
        )
        audit.append(connection, entry, request, now)
        return CreationResult.CREATED, request

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
    ) -> tuple[Judgement, Request] | None:
        """Apply the policy to a click and, if it allows, record it. None: no such request.

        `clicked` is the message that was clicked; `resolved_as` (DONE or FAILED) goes with
        Action.RESOLVE; `voters` is what is known of those who approved before. Action.EDIT is
        `reselect`'s business. The request that is returned is as it is now, also after a no.
        """
        note = storable(note)

        def work(connection: sa.Connection) -> tuple[Judgement, Request] | None:
            request = find(connection, request_id)
            if request is None:
                return None
            judgement = self._judge(
                connection, request, action, person, seen_revision, voters, evidence
            )
            if not judgement.is_allowed:
                return judgement, request
            now = self.now()
            step = consequence(request, action, person.actor, judgement, now, note, resolved_as)
            changes = dict(step.changes)
            if request.card is None and clicked is not None:
                # The process died between posting the card and noting where: the click knows.
                changes |= {"card": clicked}
            data: dict[str, Any] = {
                "seen_revision": seen_revision,
                "rule": judgement.rule,
                "missing": judgement.missing,
            }
            data |= told(request.quote) if request.quote else {}
            if judgement.lapsed:
                data |= {"lapsed": [vote.by.user for vote in judgement.lapsed if vote.by]}
            entry = Entry(step.event, person.actor, data, {"note": note}, evidence or Evidence())
            _keep_approvals(connection, request, step)
            return judgement, self.move(connection, request, step.target, entry, changes, step.wait)

        return await self.database.run(work)

    def _judge(
        self,
        connection: sa.Connection,
        request: Request,
        action: Action,
        person: Person,
        seen_revision: int | None,
        voters: Sequence[Person] = (),
        evidence: Evidence | None = None,
    ) -> Judgement:
        if _was_acted_on(connection, request, evidence):
            return Judgement(Ruling.REPEATED, "evidence")
        policy, now = self.policy_of(request.venue), self.now()
        used = None
        if action in {Action.APPROVE, Action.BREAK_GLASS}:
            used = limits.usage(connection, policy, request, person.actor.user, now)
        at = Circumstances(person, now, seen_revision, voters, used)
        return rule(policy, action, request, at)

    async def reselect(
        self,
        request_id: str,
        person: Person,
        seen_revision: int | None,
        counts: Mapping[str, int],
        evidence: Evidence | None = None,
    ) -> tuple[Judgement, Request] | None:
        """Replace the selection and quote it from the order as last read; a new revision.

        Raises SelectionError where `counts` does not fit that order.
        """

        def work(connection: sa.Connection) -> tuple[Judgement, Request] | None:
            request = find(connection, request_id)
            if request is None or request.order is None:
                return None
            judgement = self._judge(
                connection, request, Action.EDIT, person, seen_revision, evidence=evidence
            )
            if not judgement.is_allowed:
                return judgement, request
            selection = Selection.of(request.order, counts)
            fresh = quote(request.order, selection, self.now())
            changes = quoted(request, request.order, selection, fresh)
            given = evidence or Evidence()
            entry = Entry(Event.RESELECTED, person.actor, told(fresh), evidence=given)
            return judgement, self.move(connection, request, State.PENDING, entry, changes)

        return await self.database.run(work)


def _keep_approvals(connection: sa.Connection, request: Request, step: Step) -> None:
    """Keep the rows that limits add up in line with the approvals that stand."""
    for approval in step.taken_back:
        limits.forget_approval(connection, request, approval.by.user if approval.by else NOBODY)
    if step.given is not None:
        limits.note_approval(connection, request, step.given)


def _was_acted_on(connection: sa.Connection, request: Request, evidence: Evidence | None) -> bool:
    """Whether this very delivery changed the request before: what is sent again acts once.

    Nobody decided on anything yet in its second version, the one with the first quote.
    """
    if evidence is None or evidence.payload_digest is None or request.version <= 2:
        return False
    known = connection.execute(
        _ACTED_ON, {"request_id": request.id, "digest": evidence.payload_digest}
    )
    return known.first() is not None


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
