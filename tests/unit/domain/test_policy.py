"""Who may do what: nobody approves alone, nobody approves what they did not see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.order import LineKind
from bot.domain.policy import Action, Policy, Ruling, rule
from bot.domain.request import Actor, Request, State
from tests.examples import APPROVER, REQUESTER, line, order, request
from tests.strategies import actors, names, requests

STRICT = Policy()
LENIENT = Policy(self_approval=True)
PENDING = request(State.PENDING)
UNKNOWN = request(State.UNKNOWN)

policies = st.builds(Policy, self_approval=st.booleans())
seen_revisions = st.none() | st.integers(1, 9)
any_request = requests(texts=names, most_lines=2)


@pytest.mark.parametrize(
    ("action", "state", "by_requester", "by_another"),
    [
        (Action.APPROVE, State.PENDING, Ruling.SELF_APPROVAL, Ruling.ALLOWED),
        (Action.REJECT, State.PENDING, Ruling.OWN_REQUEST, Ruling.ALLOWED),
        (Action.EDIT, State.PENDING, Ruling.ALLOWED, Ruling.REQUESTER_ONLY),
        (Action.WITHDRAW, State.PENDING, Ruling.ALLOWED, Ruling.REQUESTER_ONLY),
        (Action.RECHECK, State.UNKNOWN, Ruling.ALLOWED, Ruling.ALLOWED),
        (Action.RESOLVE, State.UNKNOWN, Ruling.SELF_APPROVAL, Ruling.ALLOWED),
    ],
)
def test_who_may_do_what(
    action: Action, state: State, by_requester: Ruling, by_another: Ruling
) -> None:
    subject = request(state)
    assert rule(STRICT, action, subject, REQUESTER, 1) is by_requester
    assert rule(STRICT, action, subject, APPROVER, 1) is by_another


def test_where_it_is_allowed_a_requester_approves_and_settles_alone() -> None:
    assert rule(LENIENT, Action.APPROVE, PENDING, REQUESTER, 1) is Ruling.ALLOWED
    assert rule(LENIENT, Action.RESOLVE, UNKNOWN, REQUESTER, None) is Ruling.ALLOWED
    assert rule(LENIENT, Action.REJECT, PENDING, REQUESTER, 1) is Ruling.OWN_REQUEST


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_an_action_is_possible_in_one_state_only(action: Action, state: State) -> None:
    possible = State.UNKNOWN if action in {Action.RECHECK, Action.RESOLVE} else State.PENDING
    person = REQUESTER if action in {Action.EDIT, Action.WITHDRAW} else APPROVER
    ruling = rule(STRICT, action, request(state), person, 1)
    assert ruling is (Ruling.ALLOWED if state is possible else Ruling.STATE_MOVED_ON)


@pytest.mark.parametrize(
    ("seen", "revision", "ruling"),
    [
        (1, 1, Ruling.ALLOWED),
        (None, 1, Ruling.ALLOWED),
        (None, 2, Ruling.QUOTE_CHANGED),
        (1, 2, Ruling.QUOTE_CHANGED),
        (2, 1, Ruling.QUOTE_CHANGED),
        (3, 3, Ruling.ALLOWED),
    ],
)
def test_an_approval_counts_for_the_quote_that_was_seen(
    seen: int | None, revision: int, ruling: Ruling
) -> None:
    requoted = replace(PENDING, revision=revision)
    assert rule(STRICT, Action.APPROVE, requoted, APPROVER, seen) is ruling


def test_a_blocked_quote_cannot_be_approved() -> None:
    gift = order(line("1"), line("2", kind=LineKind.DONATION))
    assert rule(STRICT, Action.APPROVE, request(of=gift), APPROVER, 1) is Ruling.QUOTE_BLOCKED
    assert rule(STRICT, Action.REJECT, request(of=gift), APPROVER, 1) is Ruling.ALLOWED


def test_a_request_without_a_quote_cannot_be_approved() -> None:
    bare = replace(PENDING, quote=None)
    assert rule(STRICT, Action.APPROVE, bare, APPROVER, 1) is Ruling.QUOTE_BLOCKED


ELSEWHERE = replace(APPROVER, team="T0PARTNER")
IN_ORG = Actor("U0REQUEST", "T0MUSEUM", "E0CHAIN")


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("person", [ELSEWHERE, replace(REQUESTER, team="T0PARTNER")])
def test_people_of_a_connected_workspace_may_do_nothing(action: Action, person: Actor) -> None:
    subject = UNKNOWN if action in {Action.RECHECK, Action.RESOLVE} else PENDING
    assert rule(LENIENT, action, subject, person, 1) is Ruling.OTHER_WORKSPACE


def test_within_an_organisation_a_person_is_one_in_every_workspace() -> None:
    asked = replace(PENDING, requester=IN_ORG)
    elsewhere = replace(IN_ORG, team="T0PARTNER")
    assert rule(STRICT, Action.WITHDRAW, asked, elsewhere, 1) is Ruling.ALLOWED
    assert rule(STRICT, Action.APPROVE, asked, elsewhere, 1) is Ruling.SELF_APPROVAL
    colleague = replace(elsewhere, user="U0APPROVE")
    assert rule(STRICT, Action.APPROVE, asked, colleague, 1) is Ruling.ALLOWED
    other_organisation = replace(colleague, enterprise="E0OTHER")
    assert rule(STRICT, Action.APPROVE, asked, other_organisation, 1) is Ruling.OTHER_WORKSPACE


def test_somebody_of_no_known_workspace_is_not_taken_for_the_requester() -> None:
    nowhere = replace(REQUESTER, team="")
    assert rule(STRICT, Action.WITHDRAW, PENDING, nowhere, 1) is Ruling.REQUESTER_ONLY
    assert rule(STRICT, Action.APPROVE, PENDING, nowhere, 1) is Ruling.SELF_APPROVAL


@given(any_request, st.sampled_from(Action), st.sampled_from(("T0MUSEUM", "T0OTHER")), st.data())
def test_self_approval_is_impossible_where_it_is_off(
    subject: Request, action: Action, team: str, data: st.DataObject
) -> None:
    enterprise = data.draw(st.sampled_from((subject.requester.enterprise, None, "E0X")))
    same_user = Actor(subject.requester.user, team, enterprise)
    ruling = rule(STRICT, action, subject, same_user, data.draw(seen_revisions))
    if action in {Action.APPROVE, Action.RESOLVE, Action.REJECT}:
        assert ruling is not Ruling.ALLOWED


@given(policies, any_request, actors, seen_revisions)
def test_an_approval_of_an_unseen_or_blocked_quote_is_impossible(
    policy: Policy, subject: Request, actor: Actor, seen: int | None
) -> None:
    if rule(policy, Action.APPROVE, subject, actor, seen) is Ruling.ALLOWED:
        assert subject.state is State.PENDING
        assert subject.quote is not None
        assert not subject.quote.blocks
        assert seen == subject.revision or (seen is None and subject.revision == 1)


@given(policies, any_request, st.sampled_from((Action.WITHDRAW, Action.EDIT)), actors)
def test_only_the_requester_withdraws_or_edits(
    policy: Policy, subject: Request, action: Action, actor: Actor
) -> None:
    if rule(policy, action, subject, actor, None) is Ruling.ALLOWED:
        assert actor.user == subject.requester.user
        assert (
            actor.team == subject.requester.team or actor.enterprise == subject.requester.enterprise
        )


@given(policies, any_request, st.sampled_from(Action), actors, seen_revisions)
def test_a_request_that_is_over_allows_nothing(
    policy: Policy, subject: Request, action: Action, actor: Actor, seen: int | None
) -> None:
    if not subject.state.is_live:
        assert rule(policy, action, subject, actor, seen) is Ruling.STATE_MOVED_ON


@given(policies, any_request, st.sampled_from(Action), actors, seen_revisions)
def test_whoever_may_do_something_is_of_the_requesters_workspace_or_organisation(
    policy: Policy, subject: Request, action: Action, actor: Actor, seen: int | None
) -> None:
    if rule(policy, action, subject, actor, seen) is Ruling.ALLOWED:
        assert (actor.team == subject.requester.team) or (
            actor.enterprise is not None and actor.enterprise == subject.requester.enterprise
        )
