"""Requests in the database. Every change is one transaction: compare-and-set on the row's version

and its audit event. Nothing here waits for anybody or calls anything.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.events import Event
from bot.domain.money import Money, total
from bot.domain.order import Order
from bot.domain.policy import Action, Policy, Ruling, rule
from bot.domain.quote import Quote, quote
from bot.domain.request import (
    LIVE_STATES,
    Actor,
    CreationResult,
    Decision,
    Failure,
    FailureCode,
    MessageRef,
    NewRequest,
    Request,
    StaleRequestError,
    State,
    Verdict,
    check_transition,
)
from bot.domain.selection import Selection
from bot.domain.sending import Answer, Send
from bot.domain.settlement import Outcome, Receipt
from bot.store import audit
from bot.store.database import Database
from bot.store.rows import dump, load, request_from_row
from bot.store.tables import requests, sends


def new_request_id() -> str:
    """Return a short id that cannot be guessed and can be read over the telephone."""
    return "r" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


@dataclass(frozen=True, slots=True)
class RequestStore:
    """`policy_of` maps a venue's key to its policy; `now` is the clock (aware, UTC)."""

    database: Database
    policy_of: Callable[[str], Policy]
    now: Callable[[], datetime]

    # Asking and deciding: what people do.

    async def create(self, new: NewRequest) -> tuple[CreationResult, Request]:
        """Store a request, unless this delivery or a live request for the order exists."""
        return await self.database.run(lambda connection: self._create(connection, new))

    def _create(self, connection: sa.Connection, new: NewRequest) -> tuple[CreationResult, Request]:
        request_id = new_request_id()
        now = self.now()
        values = {
            "id": request_id,
            "venue": new.venue,
            "order_id": new.order_id,
            "state": State.REQUESTED.value,
            "version": 1,
            "revision": 0,
            "run": 0,
            "requester_user": new.requester.user,
            "requester_team": new.requester.team,
            "requester_enterprise": new.requester.enterprise,
            "channel": new.channel,
            "source": new.source.value,
            "delivery_key": new.delivery_key,
            "response_url": new.response_url,
            "notify": new.notify.value,
            "reason": new.reason,
            # There is nothing to show until the order has been read.
            "delivered_version": 1,
            "created_at": now,
            "updated_at": now,
        }
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(requests).values(values))
        except sa.exc.IntegrityError:
            return _existing(connection, new)
        request = _get(connection, request_id)
        data = {"reason": new.reason, "channel": new.channel, "notify": new.notify.value}
        audit.append(connection, Event.REQUESTED, request, now, new.requester, data)
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
    ) -> tuple[Ruling, Request] | None:
        """Apply the policy to a click and, if it allows, record it. None: no such request.

        `clicked` is the message that was clicked; `resolved_as` (DONE or FAILED) goes with
        Action.RESOLVE. Action.EDIT is `reselect`'s business.
        """

        def work(connection: sa.Connection) -> tuple[Ruling, Request] | None:
            request = _find(connection, request_id)
            if request is None:
                return None
            ruling = rule(self.policy_of(request.venue), action, request, actor, seen_revision)
            if ruling is not Ruling.ALLOWED:
                return ruling, request
            target, event, changes = self._consequence(request, action, actor, note, resolved_as)
            if request.card is None and clicked is not None:
                # The process died between posting the card and noting where: the click knows.
                changes |= {"card_channel": clicked.channel, "card_ts": clicked.ts}
            data = {"note": note} if note else {}
            return ruling, self._move(connection, request, target, event, changes, actor, data)

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
            return {"decision": dump(decision)}

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
                changes = decided(Verdict.RESOLVED)
                if resolved_as is State.FAILED:
                    changes["failure"] = dump(Failure(FailureCode.SETTLED))
                return State(resolved_as), Event.RESOLVED, changes
            case _:
                raise ValueError(f"{action} has no consequence here")

    async def reselect(
        self, request_id: str, actor: Actor, seen_revision: int | None, counts: Mapping[str, int]
    ) -> tuple[Ruling, Request] | None:
        """Replace the selection and quote it from the order as last read; a new revision.

        Raises SelectionError where `counts` does not fit that order.
        """

        def work(connection: sa.Connection) -> tuple[Ruling, Request] | None:
            request = _find(connection, request_id)
            if request is None or request.order is None:
                return None
            policy = self.policy_of(request.venue)
            ruling = rule(policy, Action.EDIT, request, actor, seen_revision)
            if ruling is not Ruling.ALLOWED:
                return ruling, request
            selection = Selection.of(request.order, counts)
            fresh = quote(request.order, selection, self.now())
            changes = _quoted(request, request.order, selection, fresh)
            return ruling, self._move(
                connection, request, State.PENDING, Event.RESELECTED, changes, actor, _told(fresh)
            )

        return await self.database.run(work)

    # Carrying out: what the workflows do. Each raises StaleRequestError if it comes too late.

    async def record_quote(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request:
        def work(connection: sa.Connection) -> Request:
            request = _expect(connection, request_id, State.REQUESTED)
            changes = _quoted(request, order, selection, fresh)
            return self._move(
                connection, request, State.PENDING, Event.QUOTED, changes, None, _told(fresh)
            )

        return await self.database.run(work)

    async def fail(self, request_id: str, expected: State, failure: Failure) -> Request:
        changes = {"failure": dump(failure)}
        data = {"code": failure.code.value, "detail": failure.detail}
        return await self._advance(request_id, expected, State.FAILED, Event.FAILED, changes, data)

    async def claim(self, request_id: str) -> Request:
        """Take up an approved request; taking it up again after a crash changes nothing."""

        def work(connection: sa.Connection) -> Request:
            request = _get(connection, request_id)
            if request.state is State.EXECUTING:
                return request
            if request.state is not State.APPROVED:
                raise StaleRequestError(request.state)
            return self._move(connection, request, State.EXECUTING, Event.STARTED, {}, None, {})

        return await self.database.run(work)

    async def drift(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request:
        """Hand the request back for a new decision, because its order changed upstream."""

        def work(connection: sa.Connection) -> Request:
            request = _expect(connection, request_id, State.EXECUTING)
            changes = _quoted(request, order, selection, fresh)
            changes |= {"previous_quote": dump(request.quote), "decision": None}
            return self._move(
                connection, request, State.PENDING, Event.DRIFTED, changes, None, _told(fresh)
            )

        return await self.database.run(work)

    async def finish(self, request_id: str, outcome: Outcome) -> Request:
        changes = {"outcome": dump(outcome), "failure": None}
        data = {
            "refund": outcome.refund,
            "expected": outcome.expected,
            "claimed": outcome.claimed,
            "agreement": outcome.agreement.value,
        }
        return await self._advance(
            request_id, State.EXECUTING, State.DONE, Event.DONE, changes, data
        )

    async def mark_unknown(self, request_id: str, failure: Failure) -> Request:
        changes = {"failure": dump(failure)}
        data = {"detail": failure.detail}
        return await self._advance(
            request_id, State.EXECUTING, State.UNKNOWN, Event.UNKNOWN, changes, data
        )

    async def refunded_before(self, request: Request) -> Money:
        """Add up what earlier requests for the same order are known to have refunded."""
        if request.quote is None:
            raise ValueError(f"request {request.id} has no quote, so no currency")
        currency = request.quote.refund.currency
        done = await self._select(
            sa.select(requests).where(
                requests.c.venue == request.venue,
                requests.c.order_id == request.order_id,
                requests.c.state == State.DONE.value,
            )
        )
        outcomes = [earlier.outcome for earlier in done if earlier.outcome]
        return total((outcome.refund for outcome in outcomes), currency)

    async def claim_send(self, request: Request, attempt: int) -> bool:
        """Note that attempt `attempt` is about to be made; False if that was noted before."""

        def work(connection: sa.Connection) -> bool:
            current = _expect(connection, request.id, State.EXECUTING)
            key = {"request_id": current.id, "revision": current.revision, "attempt": attempt}
            now = self.now()
            try:
                with connection.begin_nested():
                    row = key | {"run": current.run, "sent_at": now}
                    connection.execute(sa.insert(sends).values(row))
            except sa.exc.IntegrityError:
                return False
            audit.append(connection, Event.SENT, current, now, None, {"attempt": attempt})
            return True

        return await self.database.run(work)

    async def record_answer(
        self,
        request: Request,
        attempt: int,
        answer: Answer,
        detail: str | None = None,
        receipt: Receipt | None = None,
    ) -> None:
        def work(connection: sa.Connection) -> None:
            now = self.now()
            connection.execute(
                sa.update(sends)
                .where(
                    sends.c.request_id == request.id,
                    sends.c.revision == request.revision,
                    sends.c.attempt == attempt,
                )
                .values(answered_at=now, answer=answer.value, detail=detail, receipt=dump(receipt))
            )
            data = {"attempt": attempt, "answer": answer.value, "detail": detail}
            audit.append(connection, Event.ANSWERED, request, now, None, data)

        await self.database.run(work)

    async def last_send(self, request: Request) -> Send | None:
        """Return the latest attempt for the quote that is being carried out."""

        def work(connection: sa.Connection) -> Send | None:
            row = connection.execute(
                sa.select(sends)
                .where(sends.c.request_id == request.id, sends.c.revision == request.revision)
                .order_by(sends.c.attempt.desc())
                .limit(1)
            ).first()
            if row is None:
                return None
            answer = Answer(row.answer) if row.answer else None
            receipt = load(Receipt, row.receipt)
            return Send(row.attempt, row.run, row.sent_at, answer, row.detail, receipt)

        return await self.database.run(work)

    # Telling: where the card stands, and how far it is behind.

    async def delivered(
        self,
        request_id: str,
        version: int,
        card: MessageRef | None = None,
        result: MessageRef | None = None,
    ) -> None:
        """Note what has been shown: `version` of the request, and the messages that show it."""
        changes: dict[str, Any] = {}
        if card:
            changes |= {"card_channel": card.channel, "card_ts": card.ts}
        if result:
            changes |= {"result_channel": result.channel, "result_ts": result.ts}

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(requests)
                .where(requests.c.id == request_id)
                .values(
                    delivered_version=sa.case(
                        (requests.c.delivered_version < version, version),
                        else_=requests.c.delivered_version,
                    ),
                    **changes,
                )
            )

        await self.database.run(work)

    # Looking.

    async def get(self, request_id: str) -> Request | None:
        return await self.database.run(lambda connection: _find(connection, request_id))

    async def latest_for_order(self, venue: str, order_id: str) -> Request | None:
        found = await self._select(
            sa.select(requests)
            .where(requests.c.venue == venue, requests.c.order_id == order_id)
            .order_by(requests.c.created_at.desc())
            .limit(1)
        )
        return found[0] if found else None

    async def waiting(self, limit: int) -> Sequence[Request]:
        """Return requests that wait for a decision or for help, oldest first."""
        states = [State.PENDING.value, State.UNKNOWN.value]
        return await self._select(
            sa.select(requests)
            .where(requests.c.state.in_(states))
            .order_by(requests.c.updated_at)
            .limit(limit)
        )

    async def recent(self, limit: int) -> Sequence[Request]:
        """Return the latest requests of any state, newest first."""
        return await self._select(
            sa.select(requests).order_by(requests.c.created_at.desc()).limit(limit)
        )

    async def left_lying(self, since: datetime, limit: int) -> Sequence[Request]:
        """Return requests with work to do that nobody has touched since `since`."""
        working = [State.REQUESTED.value, State.APPROVED.value, State.EXECUTING.value]
        unfinished = sa.or_(
            requests.c.state.in_(working), requests.c.delivered_version < requests.c.version
        )
        return await self._select(
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

    async def _select(self, query: sa.Select[Any]) -> Sequence[Request]:
        def work(connection: sa.Connection) -> Sequence[Request]:
            return [request_from_row(row) for row in connection.execute(query)]

        return await self.database.run(work)

    async def _advance(
        self,
        request_id: str,
        expected: State,
        target: State,
        event: Event,
        changes: dict[str, Any],
        data: dict[str, Any],
    ) -> Request:
        def work(connection: sa.Connection) -> Request:
            request = _expect(connection, request_id, expected)
            return self._move(connection, request, target, event, changes, None, data)

        return await self.database.run(work)

    def _move(
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
        moved = _get(connection, request.id)
        audit.append(connection, event, moved, now, actor, data)
        return moved


def _find(connection: sa.Connection, request_id: str) -> Request | None:
    row = connection.execute(
        sa.select(requests).where(requests.c.id == request_id).with_for_update()
    ).first()
    return request_from_row(row) if row else None


def _get(connection: sa.Connection, request_id: str) -> Request:
    request = _find(connection, request_id)
    if request is None:
        raise LookupError(f"no request {request_id}")
    return request


def _expect(connection: sa.Connection, request_id: str, expected: State) -> Request:
    request = _get(connection, request_id)
    if request.state is not expected:
        raise StaleRequestError(request.state)
    return request


def _existing(connection: sa.Connection, new: NewRequest) -> tuple[CreationResult, Request]:
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
    ).one()
    return CreationResult.OCCUPIED, request_from_row(live)


def _quoted(request: Request, order: Order, selection: Selection, fresh: Quote) -> dict[str, Any]:
    return {
        "order_snapshot": dump(order),
        "selection": dump(selection),
        "quote": dump(fresh),
        "previous_quote": None,
        "revision": request.revision + 1,
    }


def _told(fresh: Quote) -> dict[str, Any]:
    """What the audit log keeps of a quote."""
    return {
        "refund": fresh.refund,
        "tickets": fresh.tickets,
        "selection": {line.line_id: line.cancelled for line in fresh.lines},
        "fingerprint": fresh.fingerprint,
    }
