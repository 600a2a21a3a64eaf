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
    expires_at: datetime | None = None


def wait_from(policy: Policy, state: State, now: datetime) -> Wait:
    """Begin the wait of a request that enters `state`; what is unsettled never expires."""
    if state not in WAITING_STATES:
        return Wait()
    expires_at = None
    if state is State.PENDING and policy.expire_after is not None:
        expires_at = now + policy.expire_after
    return Wait(0, _next_due(policy, 0, now, expires_at), expires_at)


def is_expired(request: Request, now: datetime) -> bool:
    return (
        request.state is State.PENDING
        and request.expires_at is not None
        and request.expires_at <= now
    )


def reminded(policy: Policy, request: Request, now: datetime) -> Wait:
    """Go on waiting after one more reminder."""
    count = request.reminders + 1
    return Wait(count, _next_due(policy, count, now, request.expires_at), request.expires_at)


def _next_due(
    policy: Policy, reminders: int, now: datetime, expires_at: datetime | None
) -> datetime | None:
    """The next reminder, or the expiry if that comes first or no reminder is left."""
    if reminders >= len(policy.remind_after):
        return expires_at
    reminder = now + policy.remind_after[reminders]
    return min(reminder, expires_at) if expires_at is not None else reminder
