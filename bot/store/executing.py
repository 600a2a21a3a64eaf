"""What the workflows do to a request: quote it, carry it out, note where it is shown.

Methods that expect a state raise StaleRequestError if somebody else moved the request on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain.admission import rule_on_automation
from bot.domain.deciding import approved_automatically
from bot.domain.events import Event
from bot.domain.money import Money, total
from bot.domain.order import Order
from bot.domain.quote import Quote
from bot.domain.request import Failure, MessageRef, Request, StaleRequestError, State
from bot.domain.selection import Selection
from bot.domain.sending import Answer, Send
from bot.domain.settlement import Outcome, Receipt
from bot.domain.waiting import escalates_now, is_expired, reminded
from bot.store import audit, limits
from bot.store.audit import Entry
from bot.store.limits import NOBODY
from bot.store.moves import Moves, expect, get, quoted, told
from bot.store.retention import impersonal, is_scrubbed
from bot.store.rows import dump, idlike, load, storable
from bot.store.tables import requests, sends


@dataclass(frozen=True, slots=True)
class Executing(Moves):
    """Carrying out and showing. Each method is one transaction."""

    async def record_quote(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request:
        """Put the price on a request; the policy may approve it in the same breath."""

        def work(connection: sa.Connection) -> Request:
            request = expect(connection, request_id, State.REQUESTED)
            policy = self.policy_of(request.venue)
            if policy.auto_approve_up_to is not None:
                limits.lock(connection, policy, request, NOBODY)
            changes = quoted(request, order, selection, fresh)
            entry = Entry(Event.QUOTED, data=told(fresh))
            waiting = self.move(connection, request, State.PENDING, entry, changes)
            return self._approved_by_policy(connection, waiting) or waiting

        return await self.database.run(work)

    def _approved_by_policy(self, connection: sa.Connection, request: Request) -> Request | None:
        policy, now = self.policy_of(request.venue), self.now()
        if policy.auto_approve_up_to is None:
            return None
        used = limits.usage(connection, policy, request, NOBODY, now)
        judgement = rule_on_automation(policy, request, now, used)
        if not judgement.is_allowed:
            return None
        step = approved_automatically(request, now)
        if step.given is not None:
            limits.note_approval(connection, request, step.given)
        entry = Entry(step.event, data={"rule": judgement.rule})
        return self.move(connection, request, step.target, entry, dict(step.changes))

    async def fail(
        self, request_id: str, expected: State, failure: Failure, attempts: int | None = None
    ) -> Request:
        """End the request: nothing was changed upstream.

        `attempts`: how many the caller knows of; another process may have made one meanwhile.
        """
        entry = Entry(
            Event.FAILED, data={"code": failure.code.value}, personal={"detail": failure.detail}
        )

        def work(connection: sa.Connection) -> Request:
            request = expect(connection, request_id, expected)
            if attempts is not None:
                _expect_attempts(connection, request, attempts)
            changes = {"failure": failure}
            return self.move(connection, request, State.FAILED, entry, changes)

        return await self.database.run(work)

    async def claim(self, request_id: str) -> Request:
        """Take up an approved request; taking it up again after a crash changes nothing."""

        def work(connection: sa.Connection) -> Request:
            request = get(connection, request_id)
            if request.state is State.EXECUTING:
                return request
            if request.state is not State.APPROVED:
                raise StaleRequestError(request.state)
            return self.move(connection, request, State.EXECUTING, Entry(Event.STARTED), {})

        return await self.database.run(work)

    async def drift(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request:
        """Hand the request back for a new decision, because its order changed upstream.

        Not by ourselves: there must have been no attempt.
        """

        def work(connection: sa.Connection) -> Request:
            request = expect(connection, request_id, State.EXECUTING)
            _expect_attempts(connection, request, 0)
            changes = quoted(request, order, selection, fresh)
            changes |= {"previous_quote": request.quote, "decision": None}
            entry = Entry(Event.DRIFTED, data=told(fresh))
            return self.move(connection, request, State.PENDING, entry, changes)

        return await self.database.run(work)

    async def finish(self, request_id: str, outcome: Outcome) -> Request:
        changes = {"outcome": outcome, "failure": None}
        data = {
            "refund": outcome.refund,
            "expected": outcome.expected,
            "claimed": outcome.claimed,
            "agreement": outcome.agreement.value,
        }
        entry = Entry(Event.DONE, data=data)
        return await self.advance(request_id, State.EXECUTING, State.DONE, entry, changes)

    async def mark_unknown(self, request_id: str, failure: Failure) -> Request:
        changes = {"failure": failure}
        entry = Entry(Event.UNKNOWN, personal={"detail": failure.detail})
        return await self.advance(request_id, State.EXECUTING, State.UNKNOWN, entry, changes)

    async def overdue(self, request_id: str) -> Request | None:
        """Expire a request that waited too long, else remind of it, or call more people.

        None if nothing is due.
        """

        def work(connection: sa.Connection) -> Request | None:
            request = get(connection, request_id)
            now = self.now()
            if request.due_at is None or request.due_at > now:
                return None
            if is_expired(request, now):
                return self.move(connection, request, State.EXPIRED, Entry(Event.EXPIRED), {})
            wait = reminded(self.policy_of(request.venue), request, now)
            event = Event.ESCALATED if escalates_now(request, now) else Event.REMINDED
            entry = Entry(event, data={"reminder": wait.reminders})
            return self.move(connection, request, request.state, entry, {}, wait)

        return await self.database.run(work)

    async def refunded_before(self, request: Request) -> Money:
        """Add up what earlier requests for the same order are known to have refunded."""
        if request.quote is None:
            raise ValueError(f"request {request.id} has no quote, so no currency")
        currency = request.quote.refund.currency
        # Not by state as well: SQLite would take the index that begins with it, and look through
        # everything that was ever done.
        known = await self.select(
            sa.select(requests).where(
                requests.c.venue == request.venue, requests.c.order_id == request.order_id
            )
        )
        done = [earlier for earlier in known if earlier.state is State.DONE]
        outcomes = [earlier.outcome for earlier in done if earlier.outcome]
        return total((outcome.refund for outcome in outcomes), currency)

    async def claim_send(self, request: Request, attempt: int, body: Mapping[str, Any]) -> bool:
        """Note that attempt `attempt` is about to be made; False if that was noted before.

        `body`: what is about to be sent, without secrets, for the audit log.
        """

        def work(connection: sa.Connection) -> bool:
            current = expect(connection, request.id, State.EXECUTING)
            if (current.revision, current.run) != (request.revision, request.run):
                raise StaleRequestError(current.state)
            key = {"request_id": current.id, "revision": current.revision, "attempt": attempt}
            now = self.now()
            try:
                with connection.begin_nested():
                    row = key | {"run": current.run, "sent_at": now}
                    connection.execute(sa.insert(sends).values(row))
            except sa.exc.IntegrityError:
                return False
            entry = Entry(Event.SENT, data={"attempt": attempt, "body": body})
            audit.append(connection, entry, current, now)
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
        """Note an answer; of one that comes after its request was scrubbed, nothing personal."""

        def work(connection: sa.Connection) -> None:
            # The row first, as everywhere, or two processes could wait for each other.
            current = get(connection, request.id)
            now = self.now()
            late = is_scrubbed(connection, request.id)
            words = None if late else storable(detail)
            kept = impersonal(receipt) if late else receipt
            connection.execute(
                sa.update(sends)
                .where(
                    sends.c.request_id == request.id,
                    sends.c.revision == request.revision,
                    sends.c.attempt == attempt,
                )
                .values(answered_at=now, answer=answer.value, detail=words, receipt=dump(kept))
            )
            stated = _stated(receipt) if receipt else None
            data = {"attempt": attempt, "answer": answer.value, "receipt": stated}
            entry = Entry(Event.ANSWERED, data=data, personal={"detail": words})
            audit.append(connection, entry, current, now)

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

        return await self.database.read(work)

    async def delivered(
        self,
        request_id: str,
        version: int,
        card: MessageRef | None = None,
        result: MessageRef | None = None,
    ) -> int:
        """Note what has been shown: `version` of the request, and the messages that show it.

        Returns the version that the request has come to meanwhile.
        """
        changes: dict[str, Any] = {}
        if card:
            changes |= {"card_channel": card.channel, "card_ts": card.ts}
        if result:
            changes |= {"result_channel": result.channel, "result_ts": result.ts}
        shown = requests.c.delivered_version
        newest = sa.case((shown < version, version), else_=shown)

        def work(connection: sa.Connection) -> int:
            found: int = connection.execute(
                sa.update(requests)
                .where(requests.c.id == request_id)
                .values(delivered_version=newest, **changes)
                .returning(requests.c.version)
            ).scalar_one()
            return found

        return await self.database.run(work)

    async def show_again(self, request_id: str) -> None:
        """Let the card be brought up to date, even if it seems to be."""
        change = (
            sa.update(requests)
            .where(requests.c.id == request_id, requests.c.card_ts.is_not(None))
            .values(delivered_version=requests.c.version - 1)
        )
        await self.database.run(lambda connection: connection.execute(change))


def _expect_attempts(connection: sa.Connection, request: Request, attempts: int) -> None:
    """Raise StaleRequestError if more attempts were made than the caller knows of."""
    made = connection.scalar(
        sa.select(sa.func.max(sends.c.attempt)).where(
            sends.c.request_id == request.id, sends.c.revision == request.revision
        )
    )
    if (made or 0) != attempts:
        raise StaleRequestError(request.state)


def _stated(receipt: Receipt) -> dict[str, Any]:
    """What the audit log keeps of an upstream's answer: figures and references, no card digits."""
    return {
        "refund": receipt.refund,
        "total": receipt.total,
        "paid": receipt.paid,
        "balance": receipt.balance,
        "reference": idlike(receipt.reference),
        "updated_on": idlike(receipt.updated_on),
    }
