"""What an allowed decision changes: a step for the store to take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.events import Event
from bot.domain.judgement import Judgement
from bot.domain.request import (
    Actor,
    Decision,
    Failure,
    FailureCode,
    Request,
    State,
    Verdict,
)
from bot.domain.ruling import Action
from bot.domain.waiting import Wait, unchanged


@dataclass(frozen=True, slots=True)
class Step:
    """`changes`: new values of the request's attributes, by name.

    `wait`: how it goes on waiting, None: as its state has it. `given`, `taken_back`: approvals that
    begin or cease to count.
    """

    target: State
    event: Event
    changes: Mapping[str, Any] = field(default_factory=dict)
    wait: Wait | None = None
    given: Decision | None = None
    taken_back: tuple[Decision, ...] = ()


def consequence(
    request: Request,
    action: Action,
    actor: Actor,
    judgement: Judgement,
    now: datetime,
    note: str | None = None,
    resolved_as: State | None = None,
) -> Step:
    """Say what follows from an action that was allowed.

    `resolved_as` (DONE or FAILED) goes with Action.RESOLVE; ValueError without it.
    """

    def decided(verdict: Verdict) -> Decision:
        return Decision(verdict, actor, now, request.revision, note)

    match action:
        case Action.APPROVE:
            return _approved(request, decided(Verdict.APPROVED), judgement)
        case Action.BREAK_GLASS:
            return _broke_glass(request, decided(Verdict.BROKE_GLASS))
        case Action.REJECT:
            return _rejected(request, decided(Verdict.REJECTED), judgement)
        case Action.TAKE_BACK:
            kept, own = _without(request.votes, actor)
            wait, taken_back = unchanged(request), _approvals(own)
            event = Event.VOTE_TAKEN_BACK
            return Step(State.PENDING, event, {"votes": kept}, wait, None, taken_back)
        case Action.WITHDRAW:
            decision = decided(Verdict.WITHDRAWN)
            return Step(State.WITHDRAWN, Event.WITHDRAWN, {"decision": decision})
        case Action.RECHECK:
            return Step(State.EXECUTING, Event.RECHECKED, {"run": request.run + 1})
        case Action.RESOLVE if resolved_as in {State.DONE, State.FAILED}:
            failure = Failure(FailureCode.SETTLED) if resolved_as is State.FAILED else None
            settled = {"decision": decided(Verdict.RESOLVED), "failure": failure}
            return Step(State(resolved_as), Event.RESOLVED, settled)
        case _:
            raise ValueError(f"{action} has no consequence here")


def approved_automatically(request: Request, now: datetime) -> Step:
    decision = Decision(Verdict.AUTOMATIC, None, now, request.revision)
    changes = {"decision": decision, "run": request.run + 1}
    return Step(State.APPROVED, Event.APPROVED_AUTOMATICALLY, changes, given=decision)


def _approved(request: Request, vote: Decision, judgement: Judgement) -> Step:
    counted = {earlier.by for earlier in judgement.counted}
    lapsed = tuple(earlier for earlier in _approvals(request.votes) if earlier.by not in counted)
    kept = tuple(earlier for earlier in request.votes if earlier not in lapsed)
    changes: dict[str, Any] = {"votes": (*kept, vote)}
    if judgement.missing:
        wait = unchanged(request)
        return Step(State.PENDING, Event.APPROVAL_GIVEN, changes, wait, vote, lapsed)
    changes |= {"decision": vote, "run": request.run + 1}
    return Step(State.APPROVED, Event.APPROVED, changes, None, vote, lapsed)


def _broke_glass(request: Request, decision: Decision) -> Step:
    """Whoever breaks the glass may have approved before: then that is the row limits add up."""
    changes = {"decision": decision, "run": request.run + 1}
    before = _approvals(_without(request.votes, decision.by)[1])
    return Step(State.APPROVED, Event.BROKE_GLASS, changes, None, decision, before)


def _rejected(request: Request, vote: Decision, judgement: Judgement) -> Step:
    """A rejection takes the place of what the same person approved before."""
    kept, own = _without(request.votes, vote.by)
    taken_back = _approvals(own)
    changes: dict[str, Any] = {"votes": (*kept, vote)}
    if judgement.missing:
        wait = unchanged(request)
        return Step(State.PENDING, Event.REJECTION_GIVEN, changes, wait, None, taken_back)
    changes |= {"decision": vote}
    return Step(State.REJECTED, Event.REJECTED, changes, None, None, taken_back)


def _without(
    votes: tuple[Decision, ...], actor: Actor | None
) -> tuple[tuple[Decision, ...], tuple[Decision, ...]]:
    """Split votes into the others' and a person's own."""
    user = actor.user if actor else None
    own = tuple(vote for vote in votes if vote.by and vote.by.user == user)
    return tuple(vote for vote in votes if vote not in own), own


def _approvals(votes: tuple[Decision, ...]) -> tuple[Decision, ...]:
    return tuple(vote for vote in votes if vote.verdict is Verdict.APPROVED)
