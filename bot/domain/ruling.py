"""Who may do what to a request now: one pure function, explicit reasons, deny beats allow.

Nothing is allowed but by a rule that says so, and what could not be found out is a no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.bars import bars
from bot.domain.checks import below, listed, not_denied, verify, verify_afresh, within_limits
from bot.domain.judgement import Judgement, Refusal, Ruling, Usage
from bot.domain.money import Money
from bot.domain.person import FACTS_LAST, Person, Standing, may_be_same, same_person
from bot.domain.policy import Policy, Tier
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.tiers import anywhere_eligible, eligible, is_above_lowest, tier_of
from bot.domain.waiting import is_expired


class Action(StrEnum):
    """What a person can do to a request; the values are the buttons' `action_id`s."""

    APPROVE = "approve"
    REJECT = "reject"
    TAKE_BACK = "take_back"
    BREAK_GLASS = "break_glass"
    EDIT = "edit"
    WITHDRAW = "withdraw"
    RECHECK = "recheck"
    RESOLVE = "resolve"


# The rule that a ruling rests on where only the time has moved on.
EXPIRY = "expire_after"
_BEFORE_EXPIRY = frozenset({Action.APPROVE, Action.BREAK_GLASS, Action.EDIT})
POSSIBLE_IN = {
    action: State.UNKNOWN if action in {Action.RECHECK, Action.RESOLVE} else State.PENDING
    for action in Action
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a ruling depends on, apart from policy and request.

    `seen_revision`: the revision of the quote on the card that was clicked, None where the click
    does not tell, which approves nothing. `voters`: what is known of those who decided before.
    `usage`: what was approved today, where the policy has limits.
    """

    person: Person
    now: datetime
    seen_revision: int | None = None
    voters: Sequence[Person] = ()
    usage: Usage | None = None


def rule(policy: Policy, action: Action, request: Request, at: Circumstances) -> Judgement:
    """Decide whether a person may perform `action` on `request` now."""
    try:
        verify(at.person, at.now)
        _possible(action, request, at.now)
        return _RULES[action](policy, request, at)
    except Refusal as refusal:
        return refusal.judgement


def own_vote(request: Request, person: Person) -> Decision | None:
    """What the person decided on the present quote before."""
    own = (vote for vote in request.votes if vote.by and may_be_same(vote.by, person.actor))
    return next((vote for vote in own if vote.revision == request.revision), None)


def votes(request: Request, verdict: Verdict) -> tuple[Decision, ...]:
    """The votes on the present quote, one of a person at most."""
    found: dict[str, Decision] = {}
    for vote in request.votes:
        if vote.verdict is verdict and vote.revision == request.revision and vote.by:
            found.setdefault(vote.by.user, vote)
    return tuple(found.values())


def _possible(action: Action, request: Request, now: datetime) -> None:
    """Nothing goes on after the expiry that the card names, also where nobody noted it yet."""
    if request.state is not POSSIBLE_IN[action]:
        raise Refusal(Ruling.STATE_MOVED_ON, "state")
    if action in _BEFORE_EXPIRY and is_expired(request, now):
        raise Refusal(Ruling.STATE_MOVED_ON, EXPIRY)


def _approve(policy: Policy, request: Request, at: Circumstances) -> Judgement:
    amount = _decidable(policy, request, at)
    tier, tier_name = tier_of(policy, amount)
    if is_above_lowest(policy, request):
        verify_afresh(at.person, at.now)
    list_name = _may_approve(policy, tier, request, at.person, at.now)
    if own_vote(request, at.person) is not None:
        raise Refusal(Ruling.ALREADY_VOTED, tier_name)
    within_limits(policy, amount, at.usage)
    given = votes(request, Verdict.APPROVED)
    counted = tuple(vote for vote in given if _still_counts(policy, tier, request, vote, at))
    lapsed = tuple(vote for vote in given if vote not in counted)
    missing = max(0, tier.approvals - len(counted) - 1)
    return Judgement(Ruling.ALLOWED, f"{tier_name}, {list_name}", missing, counted, lapsed)


def _still_counts(
    policy: Policy, tier: Tier, request: Request, vote: Decision, at: Circumstances
) -> bool:
    """Whether the giver of an earlier approval could give it today.

    A doubt raises Refusal where the approval is needed; where one is enough it does not count.
    """
    try:
        return _could_be_given(policy, tier, request, vote, at)
    except Refusal:
        if tier.approvals == 1:
            return False
        raise


def _could_be_given(
    policy: Policy, tier: Tier, request: Request, vote: Decision, at: Circumstances
) -> bool:
    voter = next((each for each in at.voters if vote.by and same_person(each.actor, vote.by)), None)
    if voter is None:
        # Given after the others were asked about: its giver was looked at in this very minute.
        if at.now - vote.at > FACTS_LAST or vote.by is None:
            raise Refusal(Ruling.NOT_VERIFIED, "earlier approvals")
        voter = _presumed(policy, vote.by, at.now)
    try:
        verify(voter, at.now)
        if is_above_lowest(policy, request):
            verify_afresh(voter, at.now)
        _may_approve(policy, tier, request, voter, at.now)
    except Refusal as refusal:
        if refusal.judgement.ruling is Ruling.NOT_VERIFIED:
            raise
        return False
    return True


def _presumed(policy: Policy, actor: Actor, now: datetime) -> Person:
    """Somebody of whom the best is thought that Slack could say; lists of users still count."""
    groups = policy.groups - policy.deny_approvers
    return Person(actor, Standing.MEMBER, groups, known_at=now)


def _may_approve(
    policy: Policy, tier: Tier, request: Request, person: Person, now: datetime
) -> str:
    """Return the rule that allows a person to approve at a tier."""
    not_denied(person, policy.deny_approvers, "deny_approvers")
    ids, list_name = eligible(policy, tier, request, now)
    rests_on = listed(person, ids, list_name, Ruling.NOT_AN_APPROVER)
    if may_be_same(person.actor, request.requester):
        _own_request(policy, request)
    return rests_on


def _own_request(policy: Policy, request: Request) -> None:
    """Deciding on what one asked for: only where that is allowed, and up to its amount."""
    if not policy.self_approval:
        raise Refusal(Ruling.SELF_APPROVAL, "self_approval")
    if request.quote is not None:
        ceiling, name = policy.self_approval_up_to, "self_approval_up_to"
        below(ceiling, request.quote.value, Ruling.SELF_APPROVAL_ABOVE, name)


def _break_glass(policy: Policy, request: Request, at: Circumstances) -> Judgement:
    if policy.break_glass is None:
        raise Refusal(Ruling.NO_BREAKING_GLASS, "break_glass")
    amount = _decidable(policy, request, at)
    tier_of(policy, amount)
    verify_afresh(at.person, at.now)
    not_denied(at.person, policy.deny_approvers, "deny_approvers")
    who = policy.break_glass.who
    rests_on = listed(at.person, who, "break_glass.who", Ruling.NO_BREAKING_GLASS)
    own = own_vote(request, at.person)
    if own is not None and own.verdict is Verdict.REJECTED:
        raise Refusal(Ruling.ALREADY_VOTED, "own vote")
    below(policy.break_glass.up_to, amount, Ruling.BREAK_GLASS_ABOVE, "break_glass.up_to")
    within_limits(policy, amount, at.usage)
    return Judgement(Ruling.ALLOWED, rests_on)


def _reject(policy: Policy, request: Request, at: Circumstances) -> Judgement:
    if may_be_same(at.person.actor, request.requester):
        raise Refusal(Ruling.OWN_REQUEST, "requester")
    rests_on = _any_approver(policy, request, at)
    own = own_vote(request, at.person)
    if own is not None and own.verdict is Verdict.REJECTED:
        raise Refusal(Ruling.ALREADY_VOTED, "rejections")
    counted = votes(request, Verdict.REJECTED)
    missing = max(0, policy.rejections - len(counted) - 1)
    return Judgement(Ruling.ALLOWED, rests_on, missing, counted)


def _take_back(_: Policy, request: Request, at: Circumstances) -> Judgement:
    own = own_vote(request, at.person)
    if own is None or own.by is None or not same_person(own.by, at.person.actor):
        raise Refusal(Ruling.NOTHING_TO_TAKE_BACK, "own vote")
    return Judgement(Ruling.ALLOWED, "own vote")


def _edit(policy: Policy, request: Request, at: Circumstances) -> Judgement:
    rests_on = _is_requester(request, at.person)
    not_denied(at.person, policy.deny_requesters, "deny_requesters")
    return Judgement(Ruling.ALLOWED, rests_on)


def _withdraw(_: Policy, request: Request, at: Circumstances) -> Judgement:
    return Judgement(Ruling.ALLOWED, _is_requester(request, at.person))


def _recheck(policy: Policy, _: Request, at: Circumstances) -> Judgement:
    not_denied(at.person, policy.deny_approvers, "deny_approvers")
    not_denied(at.person, policy.deny_requesters, "deny_requesters")
    return Judgement(Ruling.ALLOWED, "default: any full member; nothing is sent")


def _resolve(policy: Policy, request: Request, at: Circumstances) -> Judgement:
    rests_on = _any_approver(policy, request, at)
    if may_be_same(at.person.actor, request.requester):
        _own_request(policy, request)
    return Judgement(Ruling.ALLOWED, rests_on)


_RULES = {
    Action.APPROVE: _approve,
    Action.REJECT: _reject,
    Action.TAKE_BACK: _take_back,
    Action.BREAK_GLASS: _break_glass,
    Action.EDIT: _edit,
    Action.WITHDRAW: _withdraw,
    Action.RECHECK: _recheck,
    Action.RESOLVE: _resolve,
}


def _any_approver(policy: Policy, request: Request, at: Circumstances) -> str:
    """Whoever could approve something here may stop it, or settle what is unknown of it."""
    not_denied(at.person, policy.deny_approvers, "deny_approvers")
    ids = anywhere_eligible(policy, request, at.now)
    return listed(at.person, ids, "approvers", Ruling.NOT_AN_APPROVER)


def _is_requester(request: Request, person: Person) -> str:
    if not same_person(person.actor, request.requester):
        raise Refusal(Ruling.REQUESTER_ONLY, "requester")
    return "requester"


def _decidable(policy: Policy, request: Request, at: Circumstances) -> Money:
    """Return what is at stake; an approval never counts for a quote its giver did not see."""
    if at.seen_revision != request.revision:
        raise Refusal(Ruling.QUOTE_CHANGED, "revision")
    if request.quote is None or request.quote.blocks:
        raise Refusal(Ruling.QUOTE_BLOCKED, "quote")
    if bars(policy, request, at.now):
        raise Refusal(Ruling.BARRED, "block_on")
    return request.quote.value
