"""Whatever the policy, the people, the request and the votes: nothing is allowed by accident."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.domain.judgement import Judgement, Ruling
from bot.domain.money import Money
from bot.domain.person import Membership, Person, Standing
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.request import Request, Verdict
from bot.domain.ruling import Action, rule
from tests.scenes import (
    GROUPS,
    Scene,
    any_id,
    ceilings,
    denying,
    doubtful,
    policies,
    promising,
    scenes,
    some_groups,
)
from tests.strategies import names, requests
from tests.unit.domain import restated

MANY = settings(max_examples=150)
VERY_MANY = settings(max_examples=500)
actions = st.sampled_from(Action)
any_scene = scenes() | promising() | doubtful()


def no_more(before: Judgement, after: Judgement) -> bool:
    """Whether `after` allows nothing that `before` did not, and counts no more approvals."""
    if not after.is_allowed:
        return True
    return before.is_allowed and before.missing <= after.missing


@VERY_MANY
@given(any_scene, actions)
def test_nothing_is_allowed_but_by_a_rule_that_allows_it(scene: Scene, action: Action) -> None:
    judgement = scene.rule(action)
    event(f"{action}: {judgement.ruling}")
    if judgement.is_allowed:
        assert restated.may(scene, action)


@MANY
@given(any_scene, actions)
def test_what_the_rules_allow_is_not_refused_for_another_reason(
    scene: Scene, action: Action
) -> None:
    if restated.may(scene, action) and not restated.has_doubtful_voters(scene):
        assert scene.rule(action).ruling is Ruling.ALLOWED


@VERY_MANY
@given(any_scene)
def test_the_approvals_that_are_missing_are_counted_right(scene: Scene) -> None:
    judgement = scene.rule(Action.APPROVE)
    if judgement.is_allowed:
        assert judgement.missing == restated.missing(scene)


@VERY_MANY
@given(promising() | doubtful())
def test_what_takes_effect_was_approved_by_as_many_different_people_as_its_tier_asks_for(
    scene: Scene,
) -> None:
    judgement = scene.rule(Action.APPROVE)
    if judgement.missing or not judgement.is_allowed:
        return
    tier = restated.tier_of(scene.policy, restated.amount(scene.request))
    assert tier is not None
    users = [vote.by.user for vote in judgement.counted if vote.by]
    users.append(scene.at.person.actor.user)
    event(f"approved by {len(users)}")
    assert len(users) == len(set(users)) >= tier.approvals
    voters = {each.actor: each for each in scene.at.voters}
    for vote in judgement.counted:
        assert vote.by is not None
        assert (vote.verdict, vote.revision) == (Verdict.APPROVED, scene.request.revision)
        assert restated.is_member(voters[vote.by], scene.at.now)
        assert restated.is_eligible(scene, tier, voters[vote.by])


@MANY
@given(any_scene, actions, any_id)
def test_denying_somebody_never_allows_more(scene: Scene, action: Action, denied: str) -> None:
    """But for this: who approved before, and is denied now, need not be looked up any more.

    So what is compared with is the request without the approvals of those who are denied.
    """
    no_requester, no_approver = denying(scene.policy, denied)
    after = rule(no_requester, action, scene.request, scene.at)
    assert no_more(scene.rule(action), after)
    after = rule(no_approver, action, scene.request, scene.at)
    before = scene
    if action is Action.APPROVE:
        request = _without_votes_of_those_on(no_approver.deny_approvers, scene)
        before = replace(scene, request=request)
    assert no_more(before.rule(action), after)


def _without_votes_of_those_on(ids: frozenset[str], scene: Scene) -> Request:
    denied = {each.actor for each in scene.at.voters if each.on(ids) is Membership.YES}
    votes = tuple(vote for vote in scene.request.votes if vote.by not in denied)
    return replace(scene.request, votes=votes)


@MANY
@given(any_scene, st.sampled_from((Action.APPROVE, Action.REJECT, Action.RESOLVE)))
def test_self_approval_is_impossible_where_it_is_off(scene: Scene, action: Action) -> None:
    """By the same user id, whatever workspace or organisation it is said to be of."""
    policy = replace(scene.policy, self_approval=False)
    person = scene.at.person
    own = replace(person, actor=replace(person.actor, user=scene.request.requester.user))
    at = replace(scene.at, person=own)
    assert not rule(policy, action, scene.request, at).is_allowed
    assert scene.request.requester.user not in {
        vote.by.user
        for vote in rule(policy, Action.APPROVE, scene.request, scene.at).counted
        if vote.by
    }


@MANY
@given(promising(), ceilings(4))
def test_self_approval_is_impossible_above_its_ceiling(scene: Scene, ceiling: Ceiling) -> None:
    policy = replace(scene.policy, self_approval=True, self_approval_up_to=ceiling)
    judgement = rule(policy, Action.APPROVE, scene.request, scene.at)
    users = {vote.by.user for vote in judgement.counted if vote.by}
    if judgement.is_allowed and scene.request.requester.user in {
        *users,
        scene.at.person.actor.user,
    }:
        bound = ceiling.in_currency_of(restated.amount(scene.request))
        assert bound is not None
        assert restated.amount(scene.request) <= bound


def _worse(person: Person, unread: frozenset[str], hours: int, is_lost: bool) -> Person:
    known_at = person.known_at and person.known_at - timedelta(hours=hours)
    return replace(
        person,
        standing=Standing.UNKNOWN if is_lost else person.standing,
        groups=person.groups - unread,
        unread=person.unread | unread,
        known_at=known_at,
    )


@MANY
@given(any_scene, actions, some_groups, st.sampled_from((0, 0, 1)), st.booleans(), st.data())
def test_knowing_less_of_people_never_allows_more(
    scene: Scene,
    action: Action,
    unread: frozenset[str],
    hours: int,
    is_lost: bool,
    data: st.DataObject,
) -> None:
    people = [scene.at.person, *scene.at.voters]
    index = data.draw(st.integers(0, len(people) - 1))
    people[index] = _worse(people[index], unread, hours, is_lost)
    at = replace(scene.at, person=people[0], voters=tuple(people[1:]))
    assert no_more(scene.rule(action), rule(scene.policy, action, scene.request, at))


@MANY
@given(promising(), st.sampled_from(GROUPS), st.booleans())
def test_whoever_may_be_denied_decides_nothing_and_has_not_decided(
    scene: Scene, group: str, is_voter: bool
) -> None:
    people = [scene.at.person, *scene.at.voters]
    index = min(int(is_voter), len(people) - 1)
    people[index] = replace(people[index], unread=frozenset({group}))
    at = replace(scene.at, person=people[0], voters=tuple(people[1:]))
    policy = denying(scene.policy, group)[1]
    for action in (Action.APPROVE, Action.BREAK_GLASS, Action.REJECT):
        judgement = rule(policy, action, scene.request, at)
        if not index:
            assert not judgement.is_allowed
        elif action is Action.APPROVE:
            assert people[index].actor not in {vote.by for vote in judgement.counted}


@MANY
@given(promising(), st.integers(11, 60))
def test_above_the_lowest_tier_nobody_decides_by_what_is_remembered_of_them(
    scene: Scene, age: int
) -> None:
    known_at = scene.at.now - timedelta(seconds=age)
    at = replace(scene.at, person=replace(scene.at.person, known_at=known_at))
    assert not rule(scene.policy, Action.BREAK_GLASS, scene.request, at).is_allowed
    if rule(scene.policy, Action.APPROVE, scene.request, at).is_allowed:
        assert not restated.is_above_lowest(scene)


def _lowered(ceiling: Ceiling | None, by: Ceiling) -> Ceiling:
    """Lower in each currency, or without it; where there was none, there is one."""
    if ceiling is None:
        return by
    return Ceiling(tuple(_least(each, by) for each in ceiling.amounts[: len(by.amounts)]))


def _least(bound: Money, by: Ceiling) -> Money:
    step = by.in_currency_of(bound)
    return bound if step is None else min(bound, step)


def _lowerings(policy: Policy, by: Ceiling) -> Iterator[Policy]:
    yield replace(policy, self_approval_up_to=_lowered(policy.self_approval_up_to, by))
    yield replace(policy, approver_daily=_lowered(policy.approver_daily, by))
    yield replace(policy, requester_daily=_lowered(policy.requester_daily, by))
    if policy.break_glass:
        lowered = _lowered(policy.break_glass.up_to, by)
        yield replace(policy, break_glass=replace(policy.break_glass, up_to=lowered))


@MANY
@given(promising(), actions, ceilings())
def test_lowering_a_ceiling_never_allows_more(scene: Scene, action: Action, by: Ceiling) -> None:
    before = scene.rule(action)
    for policy in _lowerings(scene.policy, by):
        assert no_more(before, rule(policy, action, scene.request, scene.at))


def _growing(policy: Policy) -> Policy:
    """The policy with tiers that ask for ever more, of the same people."""
    asked = sorted(tier.approvals for tier in policy.tiers)
    tiers = [
        replace(tier, approvals=count, approvers=None)
        for tier, count in zip(policy.tiers, asked, strict=True)
    ]
    return replace(policy, tiers=tuple(tiers))


def _tiers_lowered(tiers: tuple[Tier, ...], by: Ceiling, index: int) -> tuple[Tier, ...]:
    lowered = replace(tiers[index], up_to=_lowered(tiers[index].up_to, by))
    return (*tiers[:index], lowered, *tiers[index + 1 :])


@MANY
@given(promising(policies.map(_growing)), actions, ceilings(), st.data())
def test_lowering_the_ceiling_of_a_tier_never_allows_more(
    scene: Scene, action: Action, by: Ceiling, data: st.DataObject
) -> None:
    """Where higher tiers ask for no less: what a tier no longer covers, the next one may."""
    if not scene.policy.tiers:
        return
    index = data.draw(st.integers(0, len(scene.policy.tiers) - 1))
    policy = replace(scene.policy, tiers=_tiers_lowered(scene.policy.tiers, by, index))
    assert no_more(scene.rule(action), rule(policy, action, scene.request, scene.at))


@MANY
@given(promising(), actions, st.integers(1, 3), st.integers(0, 2))
def test_asking_for_more_approvals_never_allows_more(
    scene: Scene, action: Action, more: int, index: int
) -> None:
    tiers = tuple(
        replace(tier, approvals=tier.approvals + more) if number == index else tier
        for number, tier in enumerate(scene.policy.tiers)
    )
    policy = replace(scene.policy, tiers=tiers)
    assert no_more(scene.rule(action), rule(policy, action, scene.request, scene.at))


@MANY
@given(scenes(), actions)
def test_a_judgement_always_names_its_rule(scene: Scene, action: Action) -> None:
    judgement = scene.rule(action)
    assert judgement.rule
    assert judgement.missing >= 0
    if not judgement.is_allowed:
        assert (judgement.missing, judgement.counted) == (0, ())


@given(policies, requests(texts=names, most_lines=2, voted=True), scenes(), st.data())
def test_no_request_is_too_odd_to_be_ruled_on(
    policy: Policy, request: Request, scene: Scene, data: st.DataObject
) -> None:
    """Of any currency, in any state, with or without an order, and votes of people unknown."""
    at = replace(scene.at, usage=None if data.draw(st.booleans()) else scene.at.usage)
    for action in Action:
        judgement = rule(policy, action, request, at)
        assert judgement.rule
        if not request.state.is_live:
            assert not judgement.is_allowed


@MANY
@given(any_scene, st.sampled_from((Action.WITHDRAW, Action.EDIT)))
def test_only_the_requester_withdraws_or_chooses_other_tickets(
    scene: Scene, action: Action
) -> None:
    if scene.rule(action).is_allowed:
        one, other = scene.at.person.actor, scene.request.requester
        assert one.user == other.user
        assert one.team == other.team or (one.enterprise and one.enterprise == other.enterprise)


_lowly = st.sampled_from([each for each in Standing if each is not Standing.MEMBER])


@given(promising(), _lowly, st.none() | st.integers(61, 10**6))
def test_who_is_not_known_to_be_a_full_member_may_do_nothing(
    scene: Scene, standing: Standing, age: int | None
) -> None:
    person, now = scene.at.person, scene.at.now
    known_at = None if age is None else now - timedelta(seconds=age)
    for unfit in (replace(person, standing=standing), replace(person, known_at=known_at)):
        at = replace(scene.at, person=unfit)
        allowed = [
            each for each in Action if rule(scene.policy, each, scene.request, at).is_allowed
        ]
        assert not allowed
