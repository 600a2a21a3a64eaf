"""What time, an edited policy and earlier votes do to a ruling."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.admission import rule_on_automation, rule_on_look
from bot.domain.electorate import ProblemCode, Roster, problems, problems_of_request
from bot.domain.judgement import Judgement, Ruling, Usage
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.ruling import Action, rule
from tests.examples import APPROVER, NOW, REQUESTER, member, request, usd
from tests.scenes import click

PENDING = request(State.PENDING)  # tickets worth $400, asked for by U0REQUEST
SECOND = Actor("U0CLICKER", "T0MUSEUM")
THIRD = Actor("W0ANYBODY", "T0MUSEUM")
LATER = NOW + timedelta(hours=1)
BOTH = frozenset({APPROVER.user, SECOND.user})


def voted(*votes: Decision, of: Request = PENDING) -> Request:
    return replace(of, votes=votes)


def vote(by: Actor, verdict: Verdict = Verdict.APPROVED) -> Decision:
    return Decision(verdict, by, NOW, 1)


@pytest.mark.parametrize("action", Action)
def test_after_the_expiry_nothing_goes_on_whether_or_not_anybody_noted_it(action: Action) -> None:
    glass = BreakGlass(frozenset({APPROVER.user, REQUESTER.user}))
    policy = Policy(break_glass=glass)
    actor = REQUESTER if action in {Action.EDIT, Action.WITHDRAW} else APPROVER
    state = State.UNKNOWN if action in {Action.RECHECK, Action.RESOLVE} else State.PENDING
    of = voted(vote(SECOND), of=replace(request(state), expires_at=LATER))
    own = voted(*of.votes, vote(APPROVER), of=of) if action is Action.TAKE_BACK else of
    before = LATER - timedelta(seconds=1)
    voters = [member(SECOND)]
    assert rule(policy, action, own, click(member(actor), 1, voters, now=before)).is_allowed
    after = rule(policy, action, own, click(member(actor), 1, voters, now=LATER))
    if action in {Action.APPROVE, Action.BREAK_GLASS, Action.EDIT}:
        assert after == Judgement(Ruling.STATE_MOVED_ON, "expire_after")
    else:
        assert after.is_allowed


def test_an_approval_from_before_the_tiers_were_taken_out_holds_nobody_up() -> None:
    """Where nothing but full members counts, nobody is asked about those who voted before."""
    long_ago = replace(vote(APPROVER), at=NOW - timedelta(days=1))
    judgement = rule(Policy(), Action.APPROVE, voted(long_ago), click(member(SECOND)))
    assert judgement.is_allowed
    assert (judgement.counted, judgement.lapsed) == ((), (long_ago,))
    two = Policy(tiers=(Tier(approvals=2),))
    in_doubt = rule(two, Action.APPROVE, voted(long_ago), click(member(SECOND)))
    assert in_doubt.ruling is Ruling.NOT_VERIFIED


def test_an_approval_that_its_giver_could_not_give_any_more_is_named() -> None:
    policy = Policy(approvers=frozenset({SECOND.user, THIRD.user}), tiers=(Tier(approvals=2),))
    at = click(member(SECOND), 1, [member(APPROVER)])
    judgement = rule(policy, Action.APPROVE, voted(vote(APPROVER)), at)
    assert (judgement.missing, judgement.counted) == (1, ())
    assert judgement.lapsed == (vote(APPROVER),)


def test_the_glass_is_not_broken_over_ones_own_rejection() -> None:
    policy = Policy(break_glass=BreakGlass(frozenset({APPROVER.user})), rejections=2)
    against, others = vote(APPROVER, Verdict.REJECTED), vote(SECOND, Verdict.REJECTED)
    at = click(member(APPROVER))
    assert rule(policy, Action.BREAK_GLASS, voted(against), at).ruling is Ruling.ALREADY_VOTED
    assert rule(policy, Action.BREAK_GLASS, voted(others), at).is_allowed
    assert rule(policy, Action.BREAK_GLASS, voted(vote(APPROVER)), at).is_allowed


@pytest.mark.parametrize(("amount", "is_allowed"), [("399.99", False), ("400.00", True)])
def test_ones_own_request_is_settled_up_to_the_amount_of_self_approval(
    amount: str, is_allowed: bool
) -> None:
    ceiling = Ceiling((usd(amount),))
    policy = Policy(self_approval=True, self_approval_up_to=ceiling)
    judgement = rule(policy, Action.RESOLVE, request(State.UNKNOWN), click(member(REQUESTER)))
    assert judgement.is_allowed is is_allowed
    assert is_allowed or judgement.ruling is Ruling.SELF_APPROVAL_ABOVE


def test_an_escalation_lets_nobody_reject_who_can_approve_nothing() -> None:
    own = Policy(tiers=(Tier(None, 1, BOTH),), escalate_to=(THIRD.user,))
    late = replace(PENDING, escalates_at=NOW)
    refused = rule(own, Action.REJECT, late, click(member(THIRD)))
    assert refused.ruling is Ruling.NOT_AN_APPROVER
    listed = Policy(approvers=BOTH, escalate_to=(THIRD.user,))
    assert rule(listed, Action.REJECT, late, click(member(THIRD))).is_allowed


NARROW = Policy(requesters=frozenset({REQUESTER.user, "S0FRONT"}), approvers=BOTH)


def test_whether_somebody_may_look_is_not_guessed() -> None:
    in_doubt = replace(member(THIRD), unread=frozenset({"S0FRONT"}))
    assert rule_on_look(NARROW, in_doubt, NOW).ruling is Ruling.NOT_VERIFIED
    assert rule_on_look(NARROW, member(THIRD), NOW).ruling is Ruling.NOT_A_REQUESTER


def test_whoever_is_denied_everything_does_not_look_either() -> None:
    user = frozenset({APPROVER.user})
    policy = replace(NARROW, deny_approvers=user)
    assert not rule_on_look(policy, member(APPROVER), NOW).is_allowed
    assert not rule_on_look(
        Policy(deny_requesters=user, deny_approvers=user), member(APPROVER), NOW
    ).is_allowed
    assert rule_on_look(Policy(deny_approvers=user), member(APPROVER), NOW).is_allowed


@pytest.mark.parametrize(
    "policy",
    [
        replace(NARROW, escalate_to=(THIRD.user,)),
        replace(NARROW, break_glass=BreakGlass(frozenset({THIRD.user}))),
    ],
)
def test_who_may_approve_later_or_in_an_emergency_may_look(policy: Policy) -> None:
    assert rule_on_look(policy, member(THIRD), NOW).is_allowed


@pytest.mark.parametrize(
    ("changes", "is_allowed"),
    [
        ({"deny_requesters": frozenset({REQUESTER.user})}, False),
        ({"requesters": frozenset({APPROVER.user})}, False),
        ({"requesters": frozenset({REQUESTER.user})}, True),
        # Who is in it was found out when they asked.
        ({"requesters": frozenset({"S0FRONT"})}, True),
    ],
)
def test_nothing_is_automatic_for_who_may_not_ask_by_now(
    changes: dict[str, frozenset[str]], is_allowed: bool
) -> None:
    policy = Policy(auto_approve_up_to=Ceiling((usd("400.00"),)))
    zero = usd("0.00")
    edited = replace(policy, **changes)  # type: ignore[arg-type]
    assert rule_on_automation(edited, PENDING, NOW, Usage(zero, zero)).is_allowed is is_allowed


@pytest.mark.parametrize(
    ("rejections", "besides_requester", "left"), [(1, 1, 1), (2, 2, 2), (2, 1, 1), (3, 2, 2)]
)
def test_rejections_that_cannot_be_had_are_a_problem(
    rejections: int, besides_requester: int, left: int
) -> None:
    others = sorted(BOTH)[:besides_requester]
    policy = Policy(approvers=frozenset({REQUESTER.user, *others}), rejections=rejections)
    found = problems_of_request(policy, PENDING, Roster())
    few = [each for each in found if each.code is ProblemCode.TOO_FEW_REJECTERS]
    assert [each.left for each in few] == ([left] if left < rejections else [])
    assert not any(problem.is_fatal for problem in few)
    # Whoever asks, they are too few only where all of them together are.
    at_the_start = problems(policy, Roster(), "USD")
    assert bool(at_the_start) is (besides_requester + 1 < rejections)


def test_of_a_group_that_cannot_be_read_nobody_says_how_many_could_reject() -> None:
    policy = Policy(approvers=frozenset({"S0FRONT"}), rejections=3)
    found = problems(policy, Roster({"S0FRONT": None}), "USD")
    assert ProblemCode.TOO_FEW_REJECTERS not in {problem.code for problem in found}
    known = problems(policy, Roster({"S0FRONT": BOTH}), "USD")
    assert [problem.code for problem in known] == [ProblemCode.TOO_FEW_REJECTERS]
