"""The rules said a second time, from what was asked for: no code of the domain's rulings in it.

What is neither known to be so nor known not to be so allows nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.money import Money
from bot.domain.person import Person, Standing
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.ruling import Action
from tests.scenes import Scene

NEEDS_UNKNOWN = {Action.RECHECK, Action.RESOLVE}


def may(scene: Scene, action: Action) -> bool:
    """Whether somebody may do something now, apart from what is asked of those who voted."""
    needed = State.UNKNOWN if action in NEEDS_UNKNOWN else State.PENDING
    if scene.request.state is not needed or not is_member(scene.at.person, scene.at.now):
        return False
    return _ANSWERS[action](scene)


def missing(scene: Scene) -> int:
    """How many approvals are still needed after this one, which is allowed."""
    tier = tier_of(scene.policy, amount(scene.request))
    assert tier is not None
    return max(0, tier.approvals - 1 - len(others_in_favour(scene, tier)))


def others_in_favour(scene: Scene, tier: Tier) -> set[str]:
    """The users who approved this very quote and could do so again."""
    people = {each.actor: each for each in scene.at.voters}
    found = set()
    for giver in _first_of_each_user(scene.request, Verdict.APPROVED):
        person = people[giver]
        if is_member(person, scene.at.now) and is_eligible(scene, tier, person):
            found.add(giver.user)
    return found


def has_doubtful_voters(scene: Scene) -> bool:
    return any(
        each.standing is Standing.UNKNOWN or each.unread or not _known(each, scene.at.now, 60)
        for each in scene.at.voters
    )


def is_member(person: Person, now: datetime) -> bool:
    return person.standing is Standing.MEMBER and _known(person, now, 60)


def is_eligible(scene: Scene, tier: Tier, person: Person) -> bool:
    """Whether a full member may approve at a tier."""
    if _perhaps_on(person, scene.policy.deny_approvers):
        return False
    if not _own_is_fine(scene, person):
        return False
    if tier.approvers is not None:
        return _surely_on(person, tier.approvers)
    listed = scene.policy.approvers
    if listed is None or _surely_on(person, listed):
        return True
    return _is_late(scene) and _surely_on(person, frozenset(scene.policy.escalate_to))


def tier_of(policy: Policy, value: Money) -> Tier | None:
    """Where the amount falls; None: nothing above the highest, or not in this currency."""
    if not policy.tiers:
        return Tier(None, 1, None)
    for tier in policy.tiers:
        if tier.up_to is None:
            return tier
        bounds = _bounds(tier.up_to, value)
        if not bounds:
            return None
        if value.amount <= bounds[0].amount:
            return tier
    return None


def amount(request: Request) -> Money:
    assert request.quote is not None
    return request.quote.value


def is_above_lowest(scene: Scene) -> bool:
    tiers = scene.policy.tiers
    if not tiers or tiers[0].up_to is None:
        return False
    return not _fits(amount(scene.request), tiers[0].up_to)


def is_held_back(policy: Policy, request: Request, now: datetime) -> bool:
    """Whether the policy makes a no of what is only a warning elsewhere."""
    assert request.quote is not None
    assert request.order is not None
    if any(warning.code in policy.block_on for warning in request.quote.warnings):
        return True
    begun = any(line.event_at is not None and line.event_at < now for line in request.quote.lines)
    if begun and WarningCode.PAST_EVENT in policy.block_on:
        return True
    if policy.max_order_age is None:
        return False
    made = request.order.created_at
    return made is None or now - made > policy.max_order_age


def _approve(scene: Scene) -> bool:
    if not _is_decidable(scene):
        return False
    tier = tier_of(scene.policy, amount(scene.request))
    person = scene.at.person
    if tier is None or not is_eligible(scene, tier, person):
        return False
    if is_above_lowest(scene) and not _known(person, scene.at.now, 10):
        return False
    return not _has_voted(scene) and _is_within_limits(scene)


def _break_glass(scene: Scene) -> bool:
    glass, person = scene.policy.break_glass, scene.at.person
    if glass is None or not _is_decidable(scene):
        return False
    value = amount(scene.request)
    return (
        tier_of(scene.policy, value) is not None
        and _known(person, scene.at.now, 10)
        and not _perhaps_on(person, scene.policy.deny_approvers)
        and _surely_on(person, glass.who)
        and (glass.up_to is None or _fits(value, glass.up_to))
        and _is_within_limits(scene)
    )


def _reject(scene: Scene) -> bool:
    user = scene.at.person.actor.user
    rejected = {each.user for each in _first_of_each_user(scene.request, Verdict.REJECTED)}
    if user == scene.request.requester.user:
        return False
    return _approves_something(scene) and user not in rejected


def _resolve(scene: Scene) -> bool:
    own = scene.at.person.actor.user == scene.request.requester.user
    return _approves_something(scene) and (scene.policy.self_approval or not own)


def _take_back(scene: Scene) -> bool:
    """Their own vote; of two that may be theirs, the first one says whose they are."""
    user = scene.at.person.actor.user
    givers = [vote.by for vote in _present(scene.request) if vote.by and vote.by.user == user]
    return bool(givers) and _surely_same(scene.at.person.actor, givers[0])


def _withdraw(scene: Scene) -> bool:
    return _surely_same(scene.at.person.actor, scene.request.requester)


def _edit(scene: Scene) -> bool:
    return _withdraw(scene) and not _perhaps_on(scene.at.person, scene.policy.deny_requesters)


def _recheck(scene: Scene) -> bool:
    denied = scene.policy.deny_requesters | scene.policy.deny_approvers
    return not _perhaps_on(scene.at.person, denied)


_ANSWERS = {
    Action.APPROVE: _approve,
    Action.BREAK_GLASS: _break_glass,
    Action.REJECT: _reject,
    Action.RESOLVE: _resolve,
    Action.TAKE_BACK: _take_back,
    Action.WITHDRAW: _withdraw,
    Action.EDIT: _edit,
    Action.RECHECK: _recheck,
}


def _approves_something(scene: Scene) -> bool:
    policy, person = scene.policy, scene.at.person
    if _perhaps_on(person, policy.deny_approvers):
        return False
    named = [tier.approvers for tier in policy.tiers]
    if policy.approvers is None and (not named or None in named):
        return True
    lists = [each for each in (policy.approvers, *named) if each is not None]
    if _is_late(scene):
        lists.append(frozenset(policy.escalate_to))
    return any(_surely_on(person, each) for each in lists)


def _is_decidable(scene: Scene) -> bool:
    """Whether the card showed the quote as it is, and nothing stands against it."""
    request = scene.request
    seen = scene.at.seen_revision
    showed_it = seen == request.revision
    if not showed_it or request.quote is None or request.quote.blocks:
        return False
    return not is_held_back(scene.policy, request, scene.at.now)


def _is_within_limits(scene: Scene) -> bool:
    value, used, policy = amount(scene.request), scene.at.usage, scene.policy
    for limit, sofar in (
        (policy.approver_daily, used.by_approver if used else None),
        (policy.requester_daily, used.for_requester if used else None),
    ):
        if limit is not None and (sofar is None or not _fits(value + sofar, limit)):
            return False
    return True


def _own_is_fine(scene: Scene, person: Person) -> bool:
    if person.actor.user != scene.request.requester.user:
        return True
    ceiling = scene.policy.self_approval_up_to
    fits = ceiling is None or _fits(amount(scene.request), ceiling)
    return scene.policy.self_approval and fits


def _present(request: Request) -> list[Decision]:
    return [vote for vote in request.votes if vote.revision == request.revision and vote.by]


def _has_voted(scene: Scene) -> bool:
    user = scene.at.person.actor.user
    return any(vote.by and vote.by.user == user for vote in _present(scene.request))


def _first_of_each_user(request: Request, verdict: Verdict) -> list[Actor]:
    found: dict[str, Actor] = {}
    for vote in _present(request):
        if vote.verdict is verdict and vote.by:
            found.setdefault(vote.by.user, vote.by)
    return list(found.values())


def _is_late(scene: Scene) -> bool:
    escalates_at = scene.request.escalates_at
    return escalates_at is not None and escalates_at <= scene.at.now


def _known(person: Person, now: datetime, seconds: int) -> bool:
    return person.known_at is not None and now - person.known_at <= timedelta(seconds=seconds)


def _surely_same(one: Actor, other: Actor) -> bool:
    """The same user of the same workspace, or of the same organisation."""
    in_one_chain = one.enterprise is not None and one.enterprise == other.enterprise
    return one.user == other.user and (one.team == other.team or in_one_chain)


def _surely_on(person: Person, ids: frozenset[str]) -> bool:
    return bool(({person.actor.user} | person.groups) & ids)


def _perhaps_on(person: Person, ids: frozenset[str]) -> bool:
    return bool(({person.actor.user} | person.groups | person.unread) & ids)


def _fits(value: Money, ceiling: Ceiling) -> bool:
    bounds = _bounds(ceiling, value)
    return bool(bounds) and value.amount <= bounds[0].amount


def _bounds(ceiling: Ceiling, value: Money) -> list[Money]:
    return [bound for bound in ceiling.amounts if bound.currency == value.currency]
