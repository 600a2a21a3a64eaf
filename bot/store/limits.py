"""What was approved today: rows that daily limits add up, and the locks that make the sums hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bot.domain.judgement import Usage
from bot.domain.money import Money, total
from bot.domain.policy import Policy
from bot.domain.request import Decision, Failure, FailureCode, Request, State
from bot.store.rows import load
from bot.store.tables import approvals, requests

# Who "approves" what the policy approves by itself.
NOBODY = ""
# What an approval in such a state has moved, or still may. Of what failed, only what a person says
# did not happen: nobody else has confirmed it, and nobody shall make room for themselves like this.
_DECIDED = (State.APPROVED, State.EXECUTING, State.DONE, State.UNKNOWN, State.FAILED)
_INSERT = sa.insert(approvals)
# Any number that nobody else uses as the first half of a lock.
_LOCKS = 0x5253


def usage(
    connection: sa.Connection, policy: Policy, request: Request, approver: str, now: datetime
) -> Usage | None:
    """Add up what `approver` approved today, and what was approved for who asked, but for this.

    None where the policy has no limits. Two who decide at once wait for each other here, or both
    would see the same sum.
    """
    if not policy.has_limits or request.quote is None:
        return None
    lock(connection, policy, request, approver)
    day = _day_begins(now.astimezone(policy.timezone))
    currency = request.quote.value.currency
    by_approver = _found(
        connection,
        request,
        day,
        currency,
        approvals.c.approver_user == approver,
        (State.PENDING, *_DECIDED),
    )
    for_requester = _found(
        connection,
        request,
        day,
        currency,
        approvals.c.requester_user == request.requester.user,
        _DECIDED,
    )
    return Usage(by_approver, for_requester)


def _found(
    connection: sa.Connection,
    request: Request,
    day: datetime,
    currency: str,
    whose: sa.ColumnElement[bool],
    states: Iterable[State],
) -> Money:
    """Add up approvals since `day`, each request once: several may have approved the same."""
    rows = connection.execute(
        sa.select(approvals.c.request_id, approvals.c.amount, requests.c.state, requests.c.failure)
        .join(
            requests,
            sa.and_(
                requests.c.id == approvals.c.request_id,
                # What was approved of an earlier quote was never carried out.
                requests.c.revision == approvals.c.revision,
            ),
        )
        .where(
            whose,
            approvals.c.at >= day,
            approvals.c.venue == request.venue,
            approvals.c.currency == currency,
            approvals.c.request_id != request.id,
            requests.c.state.in_([state.value for state in states]),
        )
    )
    amounts = {row.request_id: Money(Decimal(row.amount), currency) for row in rows if _counts(row)}
    return total(amounts.values(), currency)


def _counts(row: Any) -> bool:  # noqa: ANN401 - a row of four columns
    if row.state != State.FAILED.value:
        return True
    failure = load(Failure, row.failure)
    return failure is not None and failure.code is FailureCode.SETTLED


def note_approval(connection: sa.Connection, request: Request, approval: Decision) -> None:
    if request.quote is None:
        raise ValueError(f"request {request.id} was approved without a quote")
    connection.execute(
        _INSERT,
        {
            "request_id": request.id,
            "revision": request.revision,
            "approver_user": approval.by.user if approval.by else NOBODY,
            "requester_user": request.requester.user,
            "venue": request.venue,
            "at": approval.at,
            "currency": request.quote.value.currency,
            "amount": str(request.quote.value.amount),
        },
    )


def forget_approval(connection: sa.Connection, request: Request, approver: str) -> None:
    """Take out an approval that was taken back, or never came to count."""
    connection.execute(
        sa.delete(approvals).where(
            approvals.c.request_id == request.id,
            approvals.c.revision == request.revision,
            approvals.c.approver_user == approver,
        )
    )


def lock(connection: sa.Connection, policy: Policy, request: Request, approver: str) -> None:
    """Let nobody else add up the same people's approvals until the transaction ends.

    Before anything is written to the audit log, whose end everybody locks last: who did it the
    other way round would wait for each other. SQLite has one writer anyway.
    """
    if not policy.has_limits or connection.dialect.name != "postgresql":
        return
    names = {f"approver:{approver}", f"requester:{request.requester.user}"}
    for key in sorted(_key(name) for name in names):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCKS}, {key})")


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


def _day_begins(local: datetime) -> datetime:
    """The first midnight of the day, where clocks are set back at midnight and there are two."""
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
