"""What an amount asks for: how many people, who, and how surely they are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.judgement import Judgement, Refusal, Ruling
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Actor, Decision, Request, Verdict
from bot.domain.ruling import Action, own_vote, rule, votes
from bot.domain.tiers import is_above_lowest, tier_for, tier_of
from tests.examples import APPROVER, NOW, REQUESTER, line, member, order, request, usd
from tests.scenes import click

SECOND = Actor("U0CLICKER", "T0MUSEUM")
THIRD = Actor("W0ANYBODY", "T0MUSEUM")
BOARD = frozenset({"S0BOARD"})


def up_to(*amounts: str) -> Ceiling:
    return Ceiling(tuple(Money.parse(*each.split(" ")) for each in amounts))


# Up to $100 one, up to $400 two different ones, up to $1000 one of the board.
STEPS = Policy(
    tiers=(
        Tier(up_to("100 USD", "90 EUR")),
        Tier(up_to("400 USD", "350 EUR"), approvals=2),
        Tier(up_to("1000 USD"), approvers=BOARD),
    )
)
TWO = Policy(tiers=(Tier(approvals=2),))


def of_worth(amount: str) -> Request:
    return request(of=order(line(quantity=1, price=amount)))


def approved(subject: Request, *givers: Actor, revision: int = 1, minutes: int = 5) -> Request:
    """The request after these people approved it, so many minutes ago."""
    at = NOW - timedelta(minutes=minutes)
    given = tuple(Decision(Verdict.APPROVED, giver, at, revision) for giver in givers)
    return replace(subject, votes=(*subject.votes, *given))


def approve(policy: Policy, subject: Request, person: Person | Actor, *voters: Person) -> Judgement:
    clicker = member(person) if isinstance(person, Actor) else person
    return rule(policy, Action.APPROVE, subject, click(clicker, subject.revision, voters))


@pytest.mark.parametrize(
    ("amount", "number"),
    [("0 USD", 0), ("100 USD", 0), ("100.01 USD", 1), ("400 USD", 1), ("350 EUR", 1),
     ("400.01 USD", 2), ("1000 USD", 2)],
)  # fmt: skip
def test_an_amount_falls_in_the_lowest_tier_that_covers_it(amount: str, number: int) -> None:
    tier, name = tier_of(STEPS, Money.parse(*amount.split(" ")))
    assert (tier, name) == (STEPS.tiers[number], f"tiers[{number}]")


@pytest.mark.parametrize(
    ("amount", "ruling", "rule_name"),
    [
        ("1000.01 USD", Ruling.ABOVE_ALL_TIERS, "tiers[2].up_to"),
        ("350.01 EUR", Ruling.NO_TIER_IN_CURRENCY, "tiers[2].up_to"),
        ("1 JPY", Ruling.NO_TIER_IN_CURRENCY, "tiers[0].up_to"),
    ],
)
def test_what_no_tier_covers_is_not_for_this_bot(
    amount: str, ruling: Ruling, rule_name: str
) -> None:
    with pytest.raises(Refusal) as refused:
        tier_of(STEPS, Money.parse(*amount.split(" ")))
    judgement = refused.value.judgement
    assert (judgement.ruling, judgement.rule) == (ruling, rule_name)


def test_a_last_tier_without_a_ceiling_covers_whatever_is_above_the_others() -> None:
    open_ended = Policy(tiers=(*STEPS.tiers[:1], Tier(approvals=3)))
    assert tier_of(open_ended, usd("1000000.00"))[0].approvals == 3
    with pytest.raises(Refusal):
        tier_of(open_ended, Money.parse("1", "JPY"))
    assert tier_of(Policy(), Money.parse("1", "JPY"))[0] == Tier()


def test_above_all_tiers_nobody_approves_not_even_in_an_emergency() -> None:
    policy = replace(STEPS, break_glass=BreakGlass(BOARD))
    board = member(APPROVER, "S0BOARD")
    for action in (Action.APPROVE, Action.BREAK_GLASS):
        judgement = rule(policy, action, of_worth("1000.01"), click(board))
        assert (judgement.ruling, judgement.bound) == (Ruling.ABOVE_ALL_TIERS, usd("1000.00"))
        yen = request(of=_in_yen())
        judgement = rule(policy, action, yen, click(board))
        assert judgement.ruling is Ruling.NO_TIER_IN_CURRENCY
        assert rule(policy, Action.REJECT, yen, click(board)).is_allowed


def _in_yen() -> Order:
    price = Money.parse("100", "JPY")
    return replace(
        order(replace(line(quantity=1), unit_price=price, subtotal=price)),
        currency="JPY",
        balance=None,
    )


def test_the_tier_is_found_by_what_the_tickets_are_worth_not_by_what_is_paid_back() -> None:
    """That an unpaid balance is lowered first is an inference."""
    unpaid = replace(order(), balance=usd("350.00"))
    subject = request(of=unpaid)
    assert subject.quote is not None
    assert subject.quote.refund == usd("50.00")
    assert approve(STEPS, subject, APPROVER).missing == 1


def test_two_different_people_are_asked_for_and_the_second_one_decides() -> None:
    first = approve(STEPS, of_worth("400.00"), APPROVER)
    assert (first.ruling, first.missing, first.counted) == (Ruling.ALLOWED, 1, ())
    subject = approved(of_worth("400.00"), APPROVER)
    second = approve(STEPS, subject, SECOND, member(APPROVER))
    assert (second.missing, second.counted) == (0, subject.votes)
    assert second.rule == "tiers[1], default of approvers: any full member"


def test_the_same_person_does_not_count_twice() -> None:
    subject = approved(of_worth("400.00"), APPROVER)
    again = approve(STEPS, subject, APPROVER, member(APPROVER))
    assert again == Judgement(Ruling.ALREADY_VOTED, "tiers[1]")
    in_doubt = replace(APPROVER, team="T0PARTNER", enterprise="E0CHAIN")
    assert approve(STEPS, subject, in_doubt, member(APPROVER)).ruling is Ruling.ALREADY_VOTED
    three = Policy(tiers=(Tier(approvals=3),))
    twice = approved(of_worth("400.00"), APPROVER, in_doubt)
    judgement = approve(three, twice, SECOND, member(APPROVER), member(in_doubt))
    assert judgement.missing == 1


def test_who_rejected_must_take_that_back_before_they_approve() -> None:
    vote = Decision(Verdict.REJECTED, APPROVER, NOW, 1)
    subject = replace(of_worth("50.00"), votes=(vote,))
    assert approve(STEPS, subject, APPROVER).ruling is Ruling.ALREADY_VOTED
    assert approve(STEPS, subject, SECOND).counted == ()


def test_approvals_of_an_earlier_quote_do_not_count() -> None:
    subject = approved(replace(of_worth("400.00"), revision=2), APPROVER, revision=1)
    judgement = approve(STEPS, subject, SECOND, member(APPROVER))
    assert (judgement.missing, judgement.counted) == (1, ())
    assert approve(STEPS, subject, APPROVER, member(APPROVER)).missing == 1
    assert own_vote(subject, member(APPROVER)) is None
    assert votes(subject, Verdict.APPROVED) == ()


def test_what_the_policy_or_nobody_decided_is_no_vote() -> None:
    by_nobody = Decision(Verdict.APPROVED, None, NOW, 1)
    subject = replace(of_worth("400.00"), votes=(by_nobody,))
    assert approve(STEPS, subject, APPROVER).missing == 1


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.BOT, Standing.DEACTIVATED])
def test_an_earlier_approval_does_not_count_once_its_giver_is_no_full_member(
    standing: Standing,
) -> None:
    subject = approved(of_worth("400.00"), APPROVER)
    gone = replace(member(APPROVER), standing=standing)
    judgement = approve(TWO, subject, SECOND, gone)
    assert (judgement.ruling, judgement.missing, judgement.counted) == (Ruling.ALLOWED, 1, ())


@pytest.mark.parametrize(
    "changed",
    [
        replace(TWO, deny_approvers=frozenset({"U0APPROVE"})),
        replace(TWO, deny_approvers=frozenset({"S0FRONT"})),
        replace(TWO, approvers=frozenset({"U0CLICKER"})),
        Policy(tiers=(Tier(approvals=2, approvers=BOARD),)),
    ],
)
def test_an_earlier_approval_does_not_count_once_its_giver_may_not_approve(
    changed: Policy,
) -> None:
    subject = approved(of_worth("400.00"), APPROVER)
    giver = member(APPROVER, "S0FRONT")
    assert approve(TWO, subject, SECOND, giver).missing == 0
    judgement = approve(changed, subject, member(SECOND, "S0BOARD"), giver)
    assert (judgement.ruling, judgement.missing) == (Ruling.ALLOWED, 1)


def test_an_earlier_approval_of_ones_own_request_does_not_count_where_that_is_off() -> None:
    subject = approved(of_worth("400.00"), REQUESTER)
    judgement = approve(TWO, subject, APPROVER, member(REQUESTER))
    assert (judgement.missing, judgement.counted) == (1, ())
    lenient = replace(TWO, self_approval=True)
    assert approve(lenient, subject, APPROVER, member(REQUESTER)).missing == 0
    low = replace(lenient, self_approval_up_to=up_to("399 USD"))
    assert approve(low, subject, APPROVER, member(REQUESTER)).missing == 1


@pytest.mark.parametrize(
    "voter",
    [
        replace(member(APPROVER), standing=Standing.UNKNOWN),
        replace(member(APPROVER), known_at=NOW - timedelta(seconds=61)),
        replace(member(APPROVER), unread=frozenset({"S0FRONT"})),
    ],
)
def test_an_earlier_approver_who_cannot_be_looked_up_stops_the_click(voter: Person) -> None:
    policy = replace(TWO, deny_approvers=frozenset({"S0FRONT"}))
    subject = approved(of_worth("400.00"), APPROVER)
    assert approve(policy, subject, SECOND, voter).ruling is Ruling.NOT_VERIFIED
    # Denied by name there is nothing left to look up.
    by_name = replace(policy, deny_approvers=frozenset({"U0APPROVE"}))
    known = replace(voter, standing=Standing.MEMBER, known_at=NOW)
    assert approve(by_name, subject, SECOND, known).missing == 1


def test_an_earlier_approver_of_whom_nothing_is_known_stops_the_click() -> None:
    subject = approved(of_worth("400.00"), APPROVER, minutes=2)
    assert approve(TWO, subject, SECOND) == Judgement(Ruling.NOT_VERIFIED, "earlier approvals")
    elsewhere = member(replace(APPROVER, team="T0PARTNER"))
    assert approve(TWO, subject, SECOND, elsewhere).ruling is Ruling.NOT_VERIFIED


@pytest.mark.parametrize("minutes", [0, 1])
def test_an_approval_that_came_in_between_counts(minutes: int) -> None:
    """Given after the others were asked about: its giver was looked at a moment ago."""
    subject = approved(of_worth("400.00"), APPROVER, minutes=minutes)
    assert approve(TWO, subject, SECOND).missing == 0


@pytest.mark.parametrize(
    ("policy", "giver"),
    [
        (TWO, REQUESTER),
        (replace(TWO, deny_approvers=frozenset({"U0APPROVE"})), APPROVER),
        (replace(TWO, approvers=frozenset({"U0CLICKER"})), APPROVER),
    ],
)
def test_an_approval_that_came_in_between_counts_only_if_its_giver_may_approve(
    policy: Policy, giver: Actor
) -> None:
    """To see that they may not, nobody need be asked."""
    judgement = approve(policy, approved(of_worth("50.00"), giver, minutes=0), SECOND)
    assert judgement.counted == ()
    assert judgement.missing or not judgement.is_allowed


def test_an_approval_that_came_in_between_counts_though_its_givers_group_may_not_ask() -> None:
    policy = replace(TWO, approvers=BOARD, deny_requesters=BOARD)
    subject = approved(of_worth("50.00"), APPROVER, minutes=0)
    judgement = approve(policy, subject, member(SECOND, "S0BOARD"))
    assert (judgement.missing, judgement.counted) == (0, subject.votes)


def test_a_tier_with_approvers_of_its_own_asks_none_of_the_others() -> None:
    policy = replace(STEPS, approvers=frozenset({"U0APPROVE"}))
    high, low = of_worth("400.01"), of_worth("100.00")
    judgement = approve(policy, high, APPROVER)
    assert judgement == Judgement(Ruling.NOT_AN_APPROVER, "tiers.approvers")
    by_board = approve(policy, high, member(SECOND, "S0BOARD"))
    assert (by_board.ruling, by_board.missing) == (Ruling.ALLOWED, 0)
    assert by_board.rule == "tiers[2], tiers.approvers"
    assert approve(policy, low, APPROVER).is_allowed
    # Who approves what is higher may say no to anything, and yes to nothing lower.
    assert approve(policy, low, member(SECOND, "S0BOARD")).ruling is Ruling.NOT_AN_APPROVER
    board = click(member(SECOND, "S0BOARD"))
    assert rule(policy, Action.REJECT, low, board).is_allowed


def test_where_each_tier_names_its_own_only_those_reject_or_settle() -> None:
    policy = Policy(tiers=(Tier(up_to("100 USD"), approvers=BOARD), Tier(approvers=BOARD)))
    for subject in (of_worth("50.00"), of_worth("500.00")):
        refused = rule(policy, Action.REJECT, subject, click(member(APPROVER)))
        assert refused.ruling is Ruling.NOT_AN_APPROVER
        assert rule(policy, Action.REJECT, subject, click(member(APPROVER, "S0BOARD"))).is_allowed


def test_a_group_that_cannot_be_read_approves_nothing_at_its_tier() -> None:
    person = replace(member(APPROVER), unread=BOARD)
    assert approve(STEPS, of_worth("500.00"), person).ruling is Ruling.NOT_VERIFIED
    assert approve(STEPS, of_worth("100.00"), person).is_allowed


@pytest.mark.parametrize(
    ("worth", "age", "ruling"),
    [
        ("100.00", 60, Ruling.ALLOWED),
        ("100.01", 10, Ruling.ALLOWED),
        ("100.01", 11, Ruling.NOT_VERIFIED),
    ],
)
def test_above_the_lowest_tier_nothing_remembered_of_people_will_do(
    worth: str, age: int, ruling: Ruling
) -> None:
    person = replace(member(APPROVER), known_at=NOW - timedelta(seconds=age))
    assert approve(STEPS, of_worth(worth), person).ruling is ruling
    assert is_above_lowest(STEPS, of_worth(worth)) is (worth == "100.01")
    assert approve(Policy(), of_worth(worth), person).is_allowed


def test_above_the_lowest_tier_earlier_approvers_are_looked_up_afresh_as_well() -> None:
    voter = replace(member(APPROVER), known_at=NOW - timedelta(seconds=11))
    high = approved(of_worth("400.00"), APPROVER)
    assert approve(STEPS, high, SECOND, voter).ruling is Ruling.NOT_VERIFIED
    assert approve(TWO, high, SECOND, voter).missing == 0


def test_after_a_while_those_who_were_called_approve_as_well() -> None:
    policy = replace(
        STEPS, approvers=frozenset({"U0APPROVE"}), escalate_to=("S0FRONT", "W0ANYBODY")
    )
    low = of_worth("100.00")
    early = replace(low, escalates_at=NOW + timedelta(seconds=1))
    late = replace(low, escalates_at=NOW)
    for called in (member(SECOND, "S0FRONT"), member(THIRD)):
        for subject in (low, early):
            assert approve(policy, subject, called).ruling is Ruling.NOT_AN_APPROVER
            rejection = rule(policy, Action.REJECT, subject, click(called))
            assert rejection.ruling is Ruling.NOT_AN_APPROVER
        assert approve(policy, late, called).rule == "tiers[0], approvers, escalate_to"
        assert rule(policy, Action.REJECT, late, click(called)).is_allowed
    assert approve(policy, late, APPROVER).is_allowed
    assert approve(policy, late, SECOND).ruling is Ruling.NOT_AN_APPROVER
    denied = replace(policy, deny_approvers=frozenset({"S0FRONT"}))
    assert approve(denied, late, member(SECOND, "S0FRONT")).ruling is Ruling.DENIED


def test_those_who_were_called_approve_nothing_in_a_tier_with_approvers_of_its_own() -> None:
    policy = replace(STEPS, approvers=frozenset({"U0APPROVE"}), escalate_to=("S0FRONT",))
    late = replace(of_worth("1000.00"), escalates_at=NOW)
    called = member(SECOND, "S0FRONT")
    assert approve(policy, late, called).ruling is Ruling.NOT_AN_APPROVER
    assert approve(policy, late, member(SECOND, "S0BOARD")).is_allowed


def test_an_escalation_takes_nothing_from_anybody() -> None:
    late = replace(of_worth("100.00"), escalates_at=NOW)
    assert approve(replace(STEPS, escalate_to=("S0FRONT",)), late, SECOND).is_allowed


def test_everybody_a_policy_names_by_a_group_must_be_known_to_apply_it() -> None:
    named = [frozenset({f"S0GROUP{number}", f"U0USER{number}"}) for number in range(7)]
    policy = Policy(
        requesters=named[0],
        approvers=named[1],
        deny_requesters=named[2],
        deny_approvers=named[3],
        tiers=(Tier(up_to("1 USD"), approvers=named[4]), Tier()),
        escalate_to=tuple(named[5]),
        break_glass=BreakGlass(named[6]),
        mentions=("S0MENTIONED",),
    )
    assert policy.groups == {f"S0GROUP{number}" for number in range(7)}
    assert policy.deny_groups == {"S0GROUP2", "S0GROUP3"}
    assert replace(policy, approvers=None).groups == policy.groups - {"S0GROUP1"}
    assert Policy().groups == frozenset()


def test_what_was_approved_today_matters_only_where_there_is_a_limit() -> None:
    assert not Policy().has_limits
    assert Policy(approver_daily=up_to("1 USD")).has_limits
    assert Policy(requester_daily=up_to("1 USD")).has_limits


def test_a_request_without_a_quote_has_no_tier() -> None:
    bare = replace(of_worth("1.00"), quote=None)
    assert tier_for(STEPS, bare) is None
    assert not is_above_lowest(STEPS, bare)
    assert tier_for(STEPS, of_worth("1000.01")) is None
    assert tier_for(STEPS, of_worth("1.00")) == STEPS.tiers[0]
