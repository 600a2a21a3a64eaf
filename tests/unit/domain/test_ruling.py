"""Who may do what to a request: nobody alone, nobody unseen, and what is not known is a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.judgement import Judgement, Ruling, Usage
from bot.domain.order import LineKind
from bot.domain.person import Membership, Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.ruling import Action, rule
from tests.examples import APPROVER, NOW, REQUESTER, line, member, order, request, usd
from tests.scenes import click

DEFAULT = Policy()
PENDING = request(State.PENDING)  # tickets worth $400
UNKNOWN = request(State.UNKNOWN)
COLLEAGUE = Actor("U0CLICKER", "T0MUSEUM")
DECIDING = (Action.APPROVE, Action.REJECT, Action.BREAK_GLASS, Action.RESOLVE)
LISTED = Policy(approvers=frozenset({"U0APPROVE", "S0FINANCE"}))
EMERGENCY = Policy(break_glass=BreakGlass(frozenset({"U0REQUEST", "S0BOARD"})))


def up_to(amount: str) -> Ceiling:
    return Ceiling((usd(amount),))


def subject_of(action: Action) -> Request:
    return UNKNOWN if action in {Action.RECHECK, Action.RESOLVE} else PENDING


def rule_on(
    action: Action, person: Person | Actor, policy: Policy = DEFAULT, usage: Usage | None = None
) -> Judgement:
    """Rule on what somebody does to the request of the examples, in the state it is for."""
    known = member(person) if isinstance(person, Actor) else person
    return rule(policy, action, subject_of(action), click(known, usage=usage))


def approval(person: Person | Actor, policy: Policy = DEFAULT) -> Ruling:
    return rule_on(Action.APPROVE, person, policy).ruling


def unread(person: Person, *groups: str) -> Person:
    return replace(person, unread=frozenset(groups))


@pytest.mark.parametrize(
    ("action", "by_requester", "by_another"),
    [
        (Action.APPROVE, Ruling.SELF_APPROVAL, Ruling.ALLOWED),
        (Action.REJECT, Ruling.OWN_REQUEST, Ruling.ALLOWED),
        (Action.TAKE_BACK, Ruling.NOTHING_TO_TAKE_BACK, Ruling.NOTHING_TO_TAKE_BACK),
        (Action.BREAK_GLASS, Ruling.NO_BREAKING_GLASS, Ruling.NO_BREAKING_GLASS),
        (Action.EDIT, Ruling.ALLOWED, Ruling.REQUESTER_ONLY),
        (Action.WITHDRAW, Ruling.ALLOWED, Ruling.REQUESTER_ONLY),
        (Action.RECHECK, Ruling.ALLOWED, Ruling.ALLOWED),
        (Action.RESOLVE, Ruling.SELF_APPROVAL, Ruling.ALLOWED),
    ],
)
def test_where_nothing_is_configured_any_other_member_decides(
    action: Action, by_requester: Ruling, by_another: Ruling
) -> None:
    assert rule_on(action, REQUESTER).ruling is by_requester
    assert rule_on(action, APPROVER).ruling is by_another


@pytest.mark.parametrize(
    ("standing", "ruling"),
    [
        (Standing.GUEST, Ruling.GUEST),
        (Standing.BOT, Ruling.BOT),
        (Standing.DEACTIVATED, Ruling.DEACTIVATED),
        (Standing.STRANGER, Ruling.OTHER_WORKSPACE),
        (Standing.UNKNOWN, Ruling.NOT_VERIFIED),
    ],
)
@pytest.mark.parametrize("action", Action)
def test_only_full_members_may_do_anything(
    action: Action, standing: Standing, ruling: Ruling
) -> None:
    lenient = replace(EMERGENCY, self_approval=True)
    for actor in (APPROVER, REQUESTER):
        person = replace(member(actor, "S0BOARD"), standing=standing)
        assert rule_on(action, person, lenient).ruling is ruling


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_an_action_is_possible_in_one_state_only(action: Action, state: State) -> None:
    """Nothing else is looked at: who comes too late learns that, and not what they lack."""
    if state is subject_of(action).state:
        return
    judgement = rule(DEFAULT, action, request(state), click(member(REQUESTER)))
    assert judgement.ruling is Ruling.STATE_MOVED_ON


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("age", "is_old"), [(60, False), (61, True)])
def test_what_was_known_of_somebody_over_a_minute_ago_is_not_known(
    action: Action, age: int, is_old: bool
) -> None:
    for actor in (APPROVER, REQUESTER):
        person = replace(member(actor), known_at=NOW - timedelta(seconds=age))
        assert (rule_on(action, person).rule == "facts too old") is is_old
        never = replace(person, known_at=None)
        assert rule_on(action, never).ruling is Ruling.NOT_VERIFIED


@pytest.mark.parametrize(
    ("seen", "revision", "ruling"),
    [
        (1, 1, Ruling.ALLOWED),
        (None, 1, Ruling.QUOTE_CHANGED),
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
    by_approver = rule(DEFAULT, Action.APPROVE, requoted, click(member(APPROVER), seen))
    assert by_approver.ruling is ruling
    in_emergency = rule(EMERGENCY, Action.BREAK_GLASS, requoted, click(member(REQUESTER), seen))
    assert in_emergency.ruling is ruling


@pytest.mark.parametrize("action", [Action.APPROVE, Action.BREAK_GLASS])
def test_what_must_not_be_executed_can_only_be_rejected(action: Action) -> None:
    gift = request(of=order(line("1"), line("2", kind=LineKind.DONATION)))
    board = click(member(APPROVER, "S0BOARD"))
    for subject in (gift, replace(PENDING, quote=None)):
        assert rule(EMERGENCY, action, subject, board).ruling is Ruling.QUOTE_BLOCKED
        assert rule(EMERGENCY, Action.REJECT, subject, board).is_allowed


@pytest.mark.parametrize("action", [Action.APPROVE, Action.BREAK_GLASS])
def test_what_the_policy_bars_is_not_approved_either(action: Action) -> None:
    used = request(of=order(replace(line(), checked_in=1)))
    board = click(member(APPROVER, "S0BOARD"))
    strict = replace(EMERGENCY, block_on=frozenset({WarningCode.CHECKED_IN}))
    assert rule(EMERGENCY, action, used, board).is_allowed
    assert rule(strict, action, used, board) == Judgement(Ruling.BARRED, "block_on")
    assert rule(strict, Action.REJECT, used, board).is_allowed


def test_who_is_listed_by_id_or_by_group_approves_and_nobody_else() -> None:
    assert approval(APPROVER, LISTED) is Ruling.ALLOWED
    assert approval(member(COLLEAGUE, "S0FINANCE"), LISTED) is Ruling.ALLOWED
    assert approval(member(COLLEAGUE, "S0FRONT"), LISTED) is Ruling.NOT_AN_APPROVER
    assert approval(APPROVER, Policy(approvers=frozenset())) is Ruling.NOT_AN_APPROVER


@pytest.mark.parametrize("action", [Action.REJECT, Action.RESOLVE])
def test_who_approves_nothing_here_neither_rejects_nor_settles(action: Action) -> None:
    assert rule_on(action, COLLEAGUE, LISTED).ruling is Ruling.NOT_AN_APPROVER
    assert rule_on(action, APPROVER, LISTED).is_allowed
    in_doubt = unread(member(COLLEAGUE), "S0FINANCE")
    assert rule_on(action, in_doubt, LISTED).ruling is Ruling.NOT_VERIFIED


@pytest.mark.parametrize("action", DECIDING)
@pytest.mark.parametrize("denied", ["U0APPROVE", "S0FRONT"])
def test_a_denied_approver_decides_nothing_however_often_they_are_listed(
    action: Action, denied: str
) -> None:
    person = member(APPROVER, "S0FINANCE", "S0BOARD", "S0FRONT")
    generous = replace(LISTED, break_glass=EMERGENCY.break_glass)
    assert rule_on(action, person, generous).is_allowed
    strict = replace(generous, deny_approvers=frozenset({denied}))
    assert rule_on(action, person, strict) == Judgement(Ruling.DENIED, "deny_approvers")


@pytest.mark.parametrize("action", DECIDING)
def test_whoever_may_be_in_a_denied_group_decides_nothing(action: Action) -> None:
    policy = replace(EMERGENCY, deny_approvers=frozenset({"S0FRONT"}))
    person = unread(member(APPROVER, "S0BOARD"), "S0FRONT")
    assert rule_on(action, person, policy) == Judgement(Ruling.NOT_VERIFIED, "deny_approvers")


def test_being_perhaps_in_a_group_of_approvers_is_not_enough() -> None:
    in_doubt = unread(member(COLLEAGUE), "S0FINANCE")
    assert approval(in_doubt, LISTED) is Ruling.NOT_VERIFIED
    # A group that cannot be read takes nothing from those who are listed themselves.
    assert approval(unread(member(APPROVER), "S0FINANCE"), LISTED) is Ruling.ALLOWED
    assert approval(unread(member(COLLEAGUE), "S0FRONT"), LISTED) is Ruling.NOT_AN_APPROVER


def test_a_group_is_told_from_a_doubt_about_it() -> None:
    person = unread(member(COLLEAGUE, "S0FINANCE"), "S0BOARD")
    assert person.on(frozenset({"S0FINANCE", "S0BOARD"})) is Membership.YES
    assert person.on(frozenset({"S0BOARD"})) is Membership.UNKNOWN
    assert person.on(frozenset({"S0FRONT"})) is Membership.NO
    assert person.on(frozenset()) is Membership.NO


def test_a_requester_approves_alone_only_where_that_is_on_and_up_to_its_ceiling() -> None:
    off = Policy(self_approval_up_to=up_to("1000.00"))
    assert approval(REQUESTER, off) is Ruling.SELF_APPROVAL
    assert approval(REQUESTER, Policy(self_approval=True)) is Ruling.ALLOWED
    assert approval(REQUESTER, replace(off, self_approval=True)) is Ruling.ALLOWED
    exact = Policy(self_approval=True, self_approval_up_to=up_to("400.00"))
    assert approval(REQUESTER, exact) is Ruling.ALLOWED
    low = replace(exact, self_approval_up_to=up_to("399.99"))
    judgement = rule_on(Action.APPROVE, REQUESTER, low)
    assert judgement.ruling is Ruling.SELF_APPROVAL_ABOVE
    assert judgement.bound == usd("399.99")
    assert approval(APPROVER, low) is Ruling.ALLOWED
    without_dollars = replace(exact, self_approval_up_to=Ceiling(()))
    assert approval(REQUESTER, without_dollars) is Ruling.SELF_APPROVAL_ABOVE


def test_a_requester_who_may_approve_must_be_an_approver_too() -> None:
    assert approval(REQUESTER, replace(LISTED, self_approval=True)) is Ruling.NOT_AN_APPROVER


def test_a_doubt_about_the_workspace_makes_nobody_the_requester_and_no_requester_an_approver() -> (
    None
):
    nowhere = replace(REQUESTER, team="")
    elsewhere = replace(REQUESTER, team="T0PARTNER", enterprise="E0OTHER")
    for actor in (nowhere, elsewhere):
        assert approval(actor) is Ruling.SELF_APPROVAL
        assert rule_on(Action.REJECT, actor).ruling is Ruling.OWN_REQUEST
        assert rule_on(Action.RESOLVE, actor).ruling is Ruling.SELF_APPROVAL
        for action in (Action.WITHDRAW, Action.EDIT):
            assert rule_on(action, actor).ruling is Ruling.REQUESTER_ONLY


def test_within_an_organisation_a_person_is_one_in_every_workspace() -> None:
    in_chain = Actor("U0REQUEST", "T0MUSEUM", "E0CHAIN")
    asked = replace(PENDING, requester=in_chain)
    elsewhere = member(replace(in_chain, team="T0PARTNER"))
    assert rule(DEFAULT, Action.WITHDRAW, asked, click(elsewhere)).is_allowed
    judgement = rule(DEFAULT, Action.APPROVE, asked, click(elsewhere))
    assert judgement.ruling is Ruling.SELF_APPROVAL
    other_chain = member(Actor("U0REQUEST", "T0PARTNER", "E0OTHER"))
    judgement = rule(DEFAULT, Action.WITHDRAW, asked, click(other_chain))
    assert judgement.ruling is Ruling.REQUESTER_ONLY


@pytest.mark.parametrize("action", [Action.APPROVE, Action.BREAK_GLASS])
@pytest.mark.parametrize(
    ("limits", "ruling"),
    [
        (Policy(approver_daily=up_to("1000.00")), Ruling.APPROVER_LIMIT),
        (Policy(requester_daily=up_to("1000.00")), Ruling.REQUESTER_LIMIT),
    ],
)
def test_a_daily_limit_may_be_reached_and_not_passed(
    action: Action, limits: Policy, ruling: Ruling
) -> None:
    policy = replace(limits, break_glass=EMERGENCY.break_glass)
    person, zero = member(APPROVER, "S0BOARD"), usd("0.00")
    for used, is_too_much in (("600.00", False), ("600.01", True)):
        spent = usd(used)
        by_both = Usage(spent, spent)
        judgement = rule_on(action, person, policy, by_both)
        assert judgement.is_allowed is not is_too_much
        if is_too_much:
            expected = (ruling, usd("1000.00"), spent)
            assert (judgement.ruling, judgement.bound, judgement.used) == expected
    others = Usage(zero, usd("900.00")) if limits.approver_daily else Usage(usd("900.00"), zero)
    assert rule_on(action, person, policy, others).is_allowed


@pytest.mark.parametrize("action", [Action.APPROVE, Action.BREAK_GLASS])
def test_a_limit_nobody_can_add_up_is_used_up(action: Action) -> None:
    person, nothing = member(APPROVER, "S0BOARD"), Usage(usd("0.00"), usd("0.00"))
    for limit, usage in ((up_to("1000.00"), None), (Ceiling(()), nothing)):
        by_approver = rule_on(action, person, replace(EMERGENCY, approver_daily=limit), usage)
        for_requester = rule_on(action, person, replace(EMERGENCY, requester_daily=limit), usage)
        found = [(each.ruling, each.rule) for each in (by_approver, for_requester)]
        assert found == [
            (Ruling.APPROVER_LIMIT, "approver_daily_limit"),
            (Ruling.REQUESTER_LIMIT, "requester_daily_limit"),
        ]


def test_in_an_emergency_some_approve_alone_even_their_own_request() -> None:
    assert rule_on(Action.BREAK_GLASS, REQUESTER, EMERGENCY).rule == "break_glass.who"
    assert rule_on(Action.BREAK_GLASS, member(APPROVER, "S0BOARD"), EMERGENCY).is_allowed
    for person in (member(APPROVER), member(APPROVER, "S0FRONT")):
        judgement = rule_on(Action.BREAK_GLASS, person, EMERGENCY)
        assert judgement.ruling is Ruling.NO_BREAKING_GLASS
    in_doubt = unread(member(APPROVER), "S0BOARD")
    assert rule_on(Action.BREAK_GLASS, in_doubt, EMERGENCY).ruling is Ruling.NOT_VERIFIED


def test_an_emergency_has_a_ceiling_too() -> None:
    for ceiling in (up_to("399.99"), Ceiling(())):
        policy = Policy(break_glass=BreakGlass(frozenset({"U0REQUEST"}), ceiling))
        judgement = rule_on(Action.BREAK_GLASS, REQUESTER, policy)
        assert judgement.ruling is Ruling.BREAK_GLASS_ABOVE
    exact = Policy(break_glass=BreakGlass(frozenset({"U0REQUEST"}), up_to("400.00")))
    assert rule_on(Action.BREAK_GLASS, REQUESTER, exact).is_allowed


def test_whoever_breaks_the_glass_was_looked_up_for_it() -> None:
    for age, is_fresh in ((10, True), (11, False)):
        person = replace(member(REQUESTER), known_at=NOW - timedelta(seconds=age))
        assert rule_on(Action.BREAK_GLASS, person, EMERGENCY).is_allowed is is_fresh


@pytest.mark.parametrize(
    ("deny", "edits", "rechecks"),
    [
        (Policy(deny_requesters=frozenset({"U0REQUEST"})), Ruling.DENIED, Ruling.DENIED),
        (Policy(deny_requesters=frozenset({"S0FRONT"})), Ruling.DENIED, Ruling.DENIED),
        (Policy(deny_requesters=frozenset({"S0BOARD"})), Ruling.NOT_VERIFIED, Ruling.NOT_VERIFIED),
        (Policy(deny_approvers=frozenset({"U0REQUEST"})), Ruling.ALLOWED, Ruling.DENIED),
        (Policy(deny_approvers=frozenset({"S0BOARD"})), Ruling.ALLOWED, Ruling.NOT_VERIFIED),
    ],
)
def test_a_denied_requester_can_still_withdraw_and_nothing_else(
    deny: Policy, edits: Ruling, rechecks: Ruling
) -> None:
    person = unread(member(REQUESTER, "S0FRONT"), "S0BOARD")
    assert rule_on(Action.EDIT, person, deny).ruling is edits
    assert rule_on(Action.RECHECK, person, deny).ruling is rechecks
    assert rule_on(Action.WITHDRAW, person, deny).is_allowed


def test_a_requester_settles_their_own_request_only_where_they_may_approve_it() -> None:
    assert rule_on(Action.RESOLVE, REQUESTER).ruling is Ruling.SELF_APPROVAL
    assert rule_on(Action.RESOLVE, REQUESTER, Policy(self_approval=True)).is_allowed


@pytest.mark.parametrize("verdict", [Verdict.APPROVED, Verdict.REJECTED])
def test_what_somebody_decided_they_can_take_back_and_nobody_else_can(verdict: Verdict) -> None:
    def take_back(person: Person, revision: int = 1) -> Ruling:
        vote = Decision(verdict, APPROVER, NOW, 1)
        voted = replace(PENDING, votes=(vote,), revision=revision)
        return rule(DEFAULT, Action.TAKE_BACK, voted, click(person)).ruling

    assert take_back(member(APPROVER)) is Ruling.ALLOWED
    assert take_back(member(COLLEAGUE)) is Ruling.NOTHING_TO_TAKE_BACK
    assert take_back(member(REQUESTER)) is Ruling.NOTHING_TO_TAKE_BACK
    assert take_back(member(APPROVER), revision=2) is Ruling.NOTHING_TO_TAKE_BACK


def test_a_vote_is_not_taken_back_by_somebody_who_may_be_another() -> None:
    voted = replace(PENDING, votes=(Decision(Verdict.REJECTED, APPROVER, NOW, 1),))
    for doubtful in (replace(APPROVER, team=""), replace(APPROVER, team="T0PARTNER")):
        judgement = rule(DEFAULT, Action.TAKE_BACK, voted, click(member(doubtful)))
        assert judgement.ruling is Ruling.NOTHING_TO_TAKE_BACK


def rejected(subject: Request, *givers: Actor, revision: int = 1) -> Request:
    given = tuple(Decision(Verdict.REJECTED, giver, NOW, revision) for giver in givers)
    return replace(subject, votes=(*subject.votes, *given))


def test_one_rejection_ends_a_request_unless_the_policy_asks_for_more() -> None:
    assert rule_on(Action.REJECT, APPROVER) == Judgement(
        Ruling.ALLOWED, "default of approvers: any full member"
    )
    quorum = Policy(rejections=2)
    assert rule_on(Action.REJECT, APPROVER, quorum).missing == 1
    once = rejected(PENDING, APPROVER)
    second = rule(quorum, Action.REJECT, once, click(member(COLLEAGUE)))
    assert (second.missing, second.counted) == (0, once.votes)


def test_with_a_quorum_the_same_person_rejects_once_and_enough_approvals_overrule_it() -> None:
    quorum, once = Policy(rejections=2), rejected(PENDING, APPROVER)
    again = rule(quorum, Action.REJECT, once, click(member(APPROVER)))
    assert again == Judgement(Ruling.ALREADY_VOTED, "rejections")
    overruled = rule(quorum, Action.APPROVE, once, click(member(COLLEAGUE)))
    assert (overruled.ruling, overruled.missing, overruled.counted) == (Ruling.ALLOWED, 0, ())
    requoted = replace(once, revision=2)
    assert rule(quorum, Action.REJECT, requoted, click(member(COLLEAGUE), 2)).missing == 1


def test_who_approved_may_still_reject() -> None:
    voted = replace(PENDING, votes=(Decision(Verdict.APPROVED, APPROVER, NOW, 1),))
    assert rule(DEFAULT, Action.REJECT, voted, click(member(APPROVER))).is_allowed


def test_a_rejection_counts_whatever_quote_was_on_the_card() -> None:
    requoted = replace(PENDING, revision=2)
    assert rule(DEFAULT, Action.REJECT, requoted, click(member(APPROVER), 1)).is_allowed
