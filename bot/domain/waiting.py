"""When a request that waits for people is due for a reminder, or expires. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.policy import Policy
from bot.domain.request import WAITING_STATES, Request, State


@dataclass(frozen=True, slots=True)
class Wait:
    """How a request waits: see `Request`. All empty while it waits for nobody."""

    reminders: int = 0
    due_at: datetime | None = None
    escalates_at: datetime | None = None
    expires_at: datetime | None = None


def wait_from(policy: Policy, state: State, now: datetime) -> Wait:
    """Begin the wait of a request that enters `state`; what is unsettled never expires."""
    if state not in WAITING_STATES:
        return Wait()
    expires_at = escalates_at = None
    if state is State.PENDING and policy.expire_after is not None:
        expires_at = now + policy.expire_after
    if state is State.PENDING and policy.escalate_after is not None:
        escalates_at = now + policy.escalate_after
    return Wait(0, _next_due(policy, 0, now, escalates_at, expires_at), escalates_at, expires_at)


def is_expired(request: Request, now: datetime) -> bool:
    return (
        request.state is State.PENDING
        and request.expires_at is not None
        and request.expires_at <= now
    )


def escalates_now(request: Request, now: datetime) -> bool:
    """Whether what is due is the escalation: it passes once, and nothing due later came first."""
    moment = request.escalates_at
    return moment is not None and request.due_at is not None and request.due_at <= moment <= now


def reminded(policy: Policy, request: Request, now: datetime) -> Wait:
    """Go on waiting after one more reminder; an escalation is one, addressed to more people."""
    count = request.reminders + 1
    escalates_at, expires_at = request.escalates_at, request.expires_at
    due_at = _next_due(policy, count, now, escalates_at, expires_at)
    return Wait(count, due_at, escalates_at, expires_at)


def unchanged(request: Request) -> Wait:
    """Go on waiting as before: what happened was not what is waited for."""
    return Wait(request.reminders, request.due_at, request.escalates_at, request.expires_at)


def _next_due(
    policy: Policy,
    reminders: int,
    now: datetime,
    escalates_at: datetime | None,
    expires_at: datetime | None,
) -> datetime | None:
    """The next reminder, the escalation or the expiry, whichever comes first."""
    moments = [expires_at]
    if escalates_at is not None and escalates_at > now:
        moments.append(escalates_at)
    if reminders < len(policy.remind_after):
        moments.append(now + policy.remind_after[reminders])
    return min((moment for moment in moments if moment is not None), default=None)
