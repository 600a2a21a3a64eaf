"""What must hold of every stored request and of its votes, whatever happened to it."""

from __future__ import annotations

from collections.abc import Set

from bot.domain.policy import Policy
from bot.domain.request import TRANSITIONS, Decision, Request, State, Verdict
from bot.domain.tiers import tier_of
from bot.store.limits import NOBODY

_BY_APPROVAL = {State.PENDING, State.APPROVED, State.EXECUTING, State.UNKNOWN}


def steps_between(before: Request, after: Request, policy: Policy) -> int:
    """How many steps of the table a change was: one, but for a quote that needs nobody."""
    assert before.state.is_live
    if after.version == before.version + 1:
        assert after.state in TRANSITIONS[before.state]
        return 1
    assert policy.auto_approve_up_to is not None
    assert (before.state, after.state) == (State.REQUESTED, State.APPROVED)
    assert after.version == before.version + 2
    return 2


def votes_are_of_the_present_quote_and_one_per_person(request: Request, policy: Policy) -> None:
    assert {vote.revision for vote in request.votes} <= {request.revision}
    voters = [vote.by.user for vote in request.votes if vote.by]
    assert len(voters) == len(set(voters)) == len(request.votes)
    if request.state is State.PENDING:
        rejections = [vote for vote in request.votes if vote.verdict is Verdict.REJECTED]
        assert len(rejections) < policy.rejections


def limits_add_up_the_approvals_that_stand(
    request: Request, noted: Set[str], standing: Set[str]
) -> None:
    """`noted`: by the rows there are; `standing`: by everything that was allowed."""
    assert noted == standing
    if request.state in _BY_APPROVAL:
        assert noted == approvers(request) | _alone(request.decision)


def as_many_approved_as_were_asked_for(request: Request, policy: Policy) -> None:
    if request.state is not State.APPROVED or _alone(request.decision):
        return
    assert request.quote is not None
    assert len(approvers(request)) >= tier_of(policy, request.quote.value)[0].approvals
    assert policy.self_approval or request.requester.user not in approvers(request)


def approvers(request: Request) -> set[str]:
    return {vote.by.user for vote in request.votes if vote.by and vote.verdict is Verdict.APPROVED}


def _alone(decision: Decision | None) -> set[str]:
    """Who decided without anybody's vote."""
    if decision is None or decision.verdict not in {Verdict.BROKE_GLASS, Verdict.AUTOMATIC}:
        return set()
    return {decision.by.user if decision.by else NOBODY}
