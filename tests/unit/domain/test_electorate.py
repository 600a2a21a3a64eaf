"""A policy that nobody could satisfy is noticed before somebody waits for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.domain.admission import rule_on_request
from bot.domain.electorate import Problem, ProblemCode, Roster, problems, problems_of_request
from bot.domain.money import Money
from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Actor, Decision, Request, Verdict
from bot.domain.ruling import Action, rule
from bot.domain.tiers import is_escalated, tier_for
from tests.examples import NOW, order, request, usd
from tests.scenes import GROUPS, USERS, click, policies, user_ids
from tests.scenes import orders as order_of_any_worth

PENDING = request()  # $400, asked for by U0REQUEST
FINANCE = Policy(approvers=frozenset({"S0FINANCE"}))
TWO = Policy(approvers=frozenset({"S0FINANCE"}), tiers=(Tier(approvals=2),))


def roster(unfit: Iterable[str] = (), **members: Iterable[str] | None) -> Roster:
    found = {group: None if each is None else frozenset(each) for group, each in members.items()}
    return Roster(found, frozenset(unfit))


def at_the_start(policy: Policy, known: Roster, currency: str = "USD") -> tuple[Problem, ...]:
    return problems(policy, known, currency)


def codes(found: tuple[Problem, ...]) -> list[ProblemCode]:
    return [problem.code for problem in found]


def fatal(found: tuple[Problem, ...]) -> list[ProblemCode]:
    return [problem.code for problem in found if problem.is_fatal]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (None, [ProblemCode.GROUP_UNREADABLE, ProblemCode.NO_APPROVER]),
        ((), [ProblemCode.GROUP_EMPTY, ProblemCode.NO_APPROVER]),
        (("U0APPROVE",), []),
    ],
)
def test_a_group_without_anybody_known_approves_nothing(
    members: Iterable[str] | None, expected: list[ProblemCode]
) -> None:
    found = at_the_start(FINANCE, roster(S0FINANCE=members))
    assert codes(found) == expected
    assert {problem.group for problem in found if not problem.is_fatal} <= {"S0FINANCE"}
    of_request = problems_of_request(FINANCE, PENDING, roster(S0FINANCE=members))
    assert sorted(codes(of_request)) == sorted(expected)
    # What is decisive comes first: the card has room for little.
    assert not of_request or of_request[0].is_fatal


def test_a_group_nobody_has_read_is_not_taken_for_an_empty_one() -> None:
    assert codes(at_the_start(FINANCE, Roster()))[0] is ProblemCode.GROUP_UNREADABLE


def test_where_nothing_is_configured_there_is_always_somebody() -> None:
    assert at_the_start(Policy(), Roster()) == ()
    assert problems_of_request(Policy(), PENDING, Roster()) == ()


def test_an_empty_list_of_approvers_is_nobody() -> None:
    policy = Policy(approvers=frozenset())
    assert at_the_start(policy, Roster()) == (
        Problem(ProblemCode.NO_APPROVER, "approvers", None, needed=1, left=0),
    )
    assert codes(problems_of_request(policy, PENDING, Roster())) == [ProblemCode.NO_APPROVER]


def test_a_group_to_be_denied_may_be_empty_but_must_be_known() -> None:
    policy = Policy(approvers=frozenset({"U0APPROVE"}), deny_approvers=frozenset({"S0FRONT"}))
    assert at_the_start(policy, roster(S0FRONT=())) == ()
    unknown = roster(S0FRONT=None)
    expected = [ProblemCode.GROUP_UNREADABLE, ProblemCode.NO_APPROVER]
    assert codes(at_the_start(policy, unknown)) == expected
    assert sorted(codes(problems_of_request(policy, PENDING, unknown))) == sorted(expected)


def test_where_nobody_knows_who_is_denied_nobody_approves_though_any_member_may() -> None:
    policy = Policy(deny_approvers=frozenset({"S0FRONT"}))
    assert fatal(problems_of_request(policy, PENDING, roster(S0FRONT=None)))
    assert fatal(at_the_start(policy, roster(S0FRONT=None)))
    assert not fatal(at_the_start(policy, roster(S0FRONT=("U0APPROVE",))))


@pytest.mark.parametrize(
    ("policy", "known"),
    [
        (
            replace(TWO, deny_approvers=frozenset({"U0APPROVE"})),
            roster(S0FINANCE=("U0APPROVE", "W0ANYBODY")),
        ),
        (TWO, roster(["U0APPROVE"], S0FINANCE=("U0APPROVE", "W0ANYBODY"))),
        (TWO, roster(S0FINANCE=("W0ANYBODY",))),
    ],
)
def test_who_is_denied_or_no_full_member_is_not_counted(policy: Policy, known: Roster) -> None:
    (problem,) = at_the_start(policy, known)
    assert problem == Problem(ProblemCode.TOO_FEW_APPROVERS, "tiers[0]", None, needed=2, left=1)
    (problem,) = problems_of_request(policy, PENDING, known)
    assert (problem.code, problem.needed, problem.left) == (ProblemCode.TOO_FEW_APPROVERS, 2, 1)


def test_a_requester_is_not_counted_among_those_who_may_approve() -> None:
    known = roster(S0FINANCE=("U0REQUEST",))
    assert at_the_start(FINANCE, known) == ()
    (problem,) = problems_of_request(FINANCE, PENDING, known)
    assert (problem.code, problem.left) == (ProblemCode.ONLY_REQUESTER, 0)
    two = roster(S0FINANCE=("U0REQUEST", "U0APPROVE"))
    assert problems_of_request(FINANCE, PENDING, two) == ()
    assert codes(problems_of_request(TWO, PENDING, two)) == [ProblemCode.TOO_FEW_APPROVERS]


def test_a_requester_is_counted_where_they_may_approve_what_they_asked_for() -> None:
    known = roster(S0FINANCE=("U0REQUEST",))
    lenient = replace(FINANCE, self_approval=True)
    assert problems_of_request(lenient, PENDING, known) == ()
    low = replace(lenient, self_approval_up_to=Ceiling((usd("399.99"),)))
    assert codes(problems_of_request(low, PENDING, known)) == [ProblemCode.ONLY_REQUESTER]


def test_that_the_only_one_who_may_ask_is_the_only_one_who_may_approve_is_said_at_the_start() -> (
    None
):
    alone = frozenset({"U0REQUEST"})
    policy = Policy(requesters=alone, approvers=alone)
    assert fatal(at_the_start(policy, Roster()))
    assert not fatal(at_the_start(replace(policy, self_approval=True), Roster()))
    assert not fatal(at_the_start(replace(policy, requesters=None), Roster()))


def test_a_ceiling_without_the_currency_of_the_venue_is_one_that_nothing_is_below() -> None:
    euros = Ceiling((Money.parse("400", "EUR"),))
    policy = Policy(
        tiers=(Tier(euros), Tier()),
        approver_daily=euros,
        requester_daily=euros,
        self_approval=True,
        self_approval_up_to=euros,
        auto_approve_up_to=euros,
        break_glass=BreakGlass(frozenset({"U0APPROVE"}), euros),
    )
    assert at_the_start(policy, Roster(), "EUR") == ()
    found = at_the_start(policy, Roster(), "USD")
    assert {problem.code for problem in found} == {ProblemCode.CURRENCY_MISSING}
    assert {problem.rule for problem in found} == {
        "tiers[0].up_to",
        "approver_daily_limit",
        "requester_daily_limit",
        "self_approval_up_to",
        "auto_approve_up_to",
        "break_glass.up_to",
    }


def test_each_tier_is_looked_at_by_itself() -> None:
    policy = Policy(
        approvers=frozenset({"U0APPROVE"}),
        tiers=(
            Tier(Ceiling((usd("100.00"),))),
            Tier(Ceiling((usd("400.00"),)), approvals=2),
            Tier(approvers=frozenset({"S0BOARD"})),
        ),
    )
    found = at_the_start(policy, roster(S0BOARD=("W0ANYBODY",)))
    assert [(each.code, each.rule) for each in found] == [
        (ProblemCode.TOO_FEW_APPROVERS, "tiers[1]")
    ]
    assert codes(problems_of_request(policy, PENDING, roster(S0BOARD=()))) == [
        ProblemCode.TOO_FEW_APPROVERS
    ]


def test_those_who_are_called_later_count_once_they_are_called() -> None:
    policy = replace(FINANCE, escalate_to=("S0BOARD", "U0CLICKER"))
    known = roster(S0FINANCE=(), S0BOARD=("W0ANYBODY",))
    assert fatal(problems_of_request(policy, PENDING, known)) == [ProblemCode.NO_APPROVER]
    late = problems_of_request(policy, PENDING, known, is_late=True)
    assert codes(late) == [ProblemCode.GROUP_EMPTY]
    own = replace(policy, tiers=(Tier(approvers=frozenset({"S0FINANCE"})),))
    assert fatal(problems_of_request(own, PENDING, known, is_late=True))


def test_a_person_in_two_groups_is_one_person() -> None:
    policy = replace(TWO, approvers=frozenset({"S0FINANCE", "S0BOARD", "U0APPROVE"}))
    known = roster(S0FINANCE=("U0APPROVE",), S0BOARD=("U0APPROVE",))
    assert codes(problems_of_request(policy, PENDING, known)) == [ProblemCode.TOO_FEW_APPROVERS]


@dataclass(frozen=True, slots=True)
class World:
    """All there is to know: who is in which group (None: cannot be read), who is no member."""

    members: Mapping[str, frozenset[str] | None]
    unfit: frozenset[str]
    request: Request

    @property
    def roster(self) -> Roster:
        return Roster(self.members, self.unfit)

    def person(self, user: str) -> Person:
        return Person(
            Actor(user, "T0MUSEUM"),
            Standing.GUEST if user in self.unfit else Standing.MEMBER,
            frozenset(group for group, users in self.members.items() if users and user in users),
            frozenset(group for group, users in self.members.items() if users is None),
            NOW,
        )


def may_ask(policy: Policy, world: World) -> bool:
    """Whether the request could have come from whom it is said to be, wherever and why ever."""
    person = world.person(world.request.requester.user)
    anywhere = replace(policy, channels=None, reason_required=False, reasons=())
    return rule_on_request(anywhere, person, NOW, world.request.channel, None).is_allowed


def can_be_approved_by(users: Iterable[str], policy: Policy, world: World) -> bool:
    """Whether an approval takes effect when all of these click, one after the other."""
    subject = world.request
    voters: list[Person] = []
    for user in users:
        person = world.person(user)
        judgement = rule(policy, Action.APPROVE, subject, click(person, voters=voters))
        if judgement.is_allowed:
            if not judgement.missing:
                return True
            vote = Decision(Verdict.APPROVED, person.actor, NOW, subject.revision)
            subject = replace(subject, votes=(*subject.votes, vote))
            voters.append(person)
    return False


def can_be_approved(policy: Policy, world: World, users: tuple[str, ...]) -> bool:
    counts = range(1, len(users) + 1)
    sets = itertools.chain.from_iterable(itertools.combinations(users, n) for n in counts)
    return any(can_be_approved_by(each, policy, world) for each in sets)


def _unlimited(policy: Policy) -> Policy:
    """The policy without what depends on more than on people and amounts."""
    return replace(
        policy,
        approver_daily=None,
        requester_daily=None,
        block_on=frozenset(),
        max_order_age=None,
    )


_somebody = st.frozensets(user_ids)
_requests = st.builds(
    lambda of, user, escalates_at: replace(
        request(of=replace(order(), currency=of.currency, lines=of.lines, balance=None)),
        requester=Actor(user, "T0MUSEUM"),
        escalates_at=escalates_at,
    ),
    order_of_any_worth,
    user_ids,
    st.sampled_from((None, NOW)),
)
worlds = st.builds(
    World,
    st.fixed_dictionaries(
        {group: st.one_of(_somebody, _somebody, _somebody, st.none()) for group in GROUPS}
    ),
    st.one_of(st.just(frozenset[str]()), _somebody),
    _requests,
)


@settings(max_examples=300)
@given(policies.map(_unlimited), worlds)
def test_a_request_has_a_fatal_problem_exactly_when_no_people_whatever_can_approve_it(
    policy: Policy, world: World
) -> None:
    tier = tier_for(policy, world.request)
    if tier is None or not world.request.quote or world.request.quote.blocks:
        return
    # Where any member may approve there are others than those who are named anywhere.
    is_open = tier.approvers is None and policy.approvers is None
    users = (*USERS, "U0FIFTH", "U0SIXTH", "U0SEVENTH") if is_open else USERS
    is_late = is_escalated(world.request, NOW)
    found = fatal(problems_of_request(policy, world.request, world.roster, is_late))
    event(f"any member: {is_open}, fatal: {found[:1]}")
    assert bool(found) is not can_be_approved(policy, world, users)


@given(policies.map(_unlimited), worlds)
def test_what_is_said_of_a_policy_is_true_of_each_request_before_it_is_escalated(
    policy: Policy, world: World
) -> None:
    tier = tier_for(policy, world.request)
    name = f"tiers[{policy.tiers.index(tier)}]" if tier in policy.tiers else "approvers"
    said = [
        each for each in at_the_start(policy, world.roster) if each.is_fatal and each.rule == name
    ]
    if tier is not None and said and may_ask(policy, world):
        assert fatal(problems_of_request(policy, world.request, world.roster))
