"""Who may do what to a request: one pure function, explicit reasons, deny beats allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.domain.request import Actor, Request, State


class Action(StrEnum):
    """What a person can do to a request; the values are the buttons' `action_id`s."""

    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    WITHDRAW = "withdraw"
    RECHECK = "recheck"
    RESOLVE = "resolve"


_POSSIBLE_IN = {
    Action.APPROVE: State.PENDING,
    Action.REJECT: State.PENDING,
    Action.EDIT: State.PENDING,
    Action.WITHDRAW: State.PENDING,
    Action.RECHECK: State.UNKNOWN,
    Action.RESOLVE: State.UNKNOWN,
}


class Ruling(StrEnum):
    """The reason of a verdict; everything but ALLOWED is a refusal."""

    ALLOWED = "allowed"
    STATE_MOVED_ON = "state_moved_on"
    QUOTE_CHANGED = "quote_changed"
    QUOTE_BLOCKED = "quote_blocked"
    OTHER_WORKSPACE = "other_workspace"
    SELF_APPROVAL = "self_approval"
    OWN_REQUEST = "own_request"
    REQUESTER_ONLY = "requester_only"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the venue configured.

    `self_approval`: whether a requester may approve alone. `remind_after`: the waits before the
    first and each further reminder; none remind no more. `expire_after`: how long a quote waits
    for its decision, None for ever. `mentions`: Slack ids (users, user groups) named in reminders.
    """

    self_approval: bool = False
    remind_after: tuple[timedelta, ...] = (
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=8),
    )
    expire_after: timedelta | None = timedelta(hours=72)
    mentions: tuple[str, ...] = ()


def rule(
    policy: Policy, action: Action, request: Request, actor: Actor, seen_revision: int | None
) -> Ruling:
    """Decide whether `actor` may perform `action` on `request` now.

    `seen_revision` is the revision of the quote on the card that was clicked, None where the
    click does not tell; an approval never counts for a quote that its approver did not see.
    """
    if request.state is not _POSSIBLE_IN[action]:
        return Ruling.STATE_MOVED_ON
    ruling = _rule_on_person(policy, action, request, actor)
    if ruling is Ruling.ALLOWED and action is Action.APPROVE:
        return _rule_on_quote(request, seen_revision)
    return ruling


def _rule_on_person(policy: Policy, action: Action, request: Request, actor: Actor) -> Ruling:
    if _from_elsewhere(actor, request.requester):
        return Ruling.OTHER_WORKSPACE
    if action in {Action.WITHDRAW, Action.EDIT}:
        is_requester = _same_person(actor, request.requester)
        return Ruling.ALLOWED if is_requester else Ruling.REQUESTER_ONLY
    # Where being the requester forbids something, a doubt about the workspace forbids it as well.
    may_be_requester = actor.user == request.requester.user
    if may_be_requester and action is Action.REJECT:
        return Ruling.OWN_REQUEST
    decides = action in {Action.APPROVE, Action.RESOLVE}
    if may_be_requester and decides and not policy.self_approval:
        return Ruling.SELF_APPROVAL
    return Ruling.ALLOWED


def _rule_on_quote(request: Request, seen_revision: int | None) -> Ruling:
    # A click that does not tell which quote it saw can only count while there was just one.
    if (1 if seen_revision is None else seen_revision) != request.revision:
        return Ruling.QUOTE_CHANGED
    if request.quote is None or request.quote.blocks:
        return Ruling.QUOTE_BLOCKED
    return Ruling.ALLOWED


def _from_elsewhere(actor: Actor, requester: Actor) -> bool:
    """Whether somebody of a connected workspace acts (Slack Connect): none of their business."""
    if actor.enterprise and actor.enterprise == requester.enterprise:
        return False
    return bool(actor.team) and actor.team != requester.team


def _same_person(one: Actor, other: Actor) -> bool:
    """User ids are unique within a workspace, and within an organisation where there is one."""
    if one.enterprise and one.enterprise == other.enterprise:
        return one.user == other.user
    return (one.team, one.user) == (other.team, other.user)
