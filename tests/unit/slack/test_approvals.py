"""What a card says about deciding: who has, how many are missing, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.money import Money
from bot.domain.order import Destination
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.selection import Selection
from bot.domain.venue import Venue
from bot.slack.cards import Message, approvals, card, reply
from tests.examples import APPROVER, NOW, REQUESTER, VENUE, line, order, request, usd
from tests.unit.slack.rendered import buttons, everything, headers, objections

SECOND = Actor("U0SECOND", "T0MUSEUM")
FRONT, FINANCE = "S0FRONT", "S0FINANCE"
UP_TO_300 = Ceiling((usd("300.00"),))
UP_TO_500 = Ceiling((usd("500.00"),))
IN_EUROS = Ceiling((Money(usd("900.00").amount, "EUR"),))
TWO = Policy(tiers=(Tier(approvals=2),))
THREE_NAMED = Policy(
    tiers=(Tier(UP_TO_300), Tier(UP_TO_500, 3, frozenset({FINANCE, "U0CHIEF"}))),
)


def venue(policy: Policy) -> Venue:
    return replace(VENUE, policy=policy)


def vote(by: Actor, verdict: Verdict = Verdict.APPROVED, note: str | None = None) -> Decision:
    return Decision(verdict, by, NOW, 1, note)


def shown(policy: Policy, *votes: Decision, of: Request | None = None) -> str:
    return everything(message(policy, *votes, of=of))


def message(policy: Policy, *votes: Decision, of: Request | None = None) -> Message:
    found = card(replace(of or request(), votes=votes), venue(policy))
    assert objections(found) == []
    return found


def actions(policy: Policy, *votes: Decision, of: Request | None = None) -> list[str]:
    return [button["action_id"] for button in buttons(message(policy, *votes, of=of))]


def test_where_any_other_member_will_do_nothing_is_asked_for() -> None:
    assert "Needs" not in shown(Policy())


NEEDED = [
    (Policy(approvers=frozenset({FRONT})), "Needs 1 approval from <!subteam^S0FRONT>."),
    (TWO, "Needs 2 approvals, from different full members."),
    (
        THREE_NAMED,
        "Needs 3 approvals, from different people: <!subteam^S0FINANCE> or <@U0CHIEF>.",
    ),
]


@pytest.mark.parametrize(("policy", "sentence"), NEEDED)
def test_how_many_must_approve_and_who_is_said(policy: Policy, sentence: str) -> None:
    assert sentence in shown(policy)


def test_who_approved_is_named_and_what_is_missing_is_counted() -> None:
    text = shown(TWO, vote(APPROVER))
    assert ":thumbsup: Approved by <@U0APPROVE>" in text
    assert "Needs 1 more approval from another full member." in text
    text = shown(THREE_NAMED, vote(APPROVER), vote(SECOND))
    assert "Approved by <@U0APPROVE>" in text
    assert "Approved by <@U0SECOND>" in text
    assert "Needs 1 more approval from <!subteam^S0FINANCE> or <@U0CHIEF>." in text
    assert "Needs 2 more approvals, from different" in shown(THREE_NAMED, vote(APPROVER))


def test_only_those_who_still_could_are_named() -> None:
    """Not who asked, who is denied, or who approved already."""
    named = frozenset({"U0REQUEST", "U0APPROVE", "U0SECOND", "U0DENIED"})
    policy = Policy(
        approvers=named, deny_approvers=frozenset({"U0DENIED"}), tiers=(Tier(approvals=2),)
    )
    assert "Needs 1 more approval from <@U0SECOND>." in shown(policy, vote(APPROVER))
    own = replace(policy, self_approval=True)
    assert "Needs 1 more approval from <@U0REQUEST> or <@U0SECOND>." in shown(own, vote(APPROVER))
    nobody = replace(policy, approvers=frozenset({"U0REQUEST"}))
    assert "Needs 2 approvals." in shown(nobody)


def test_one_persons_approvals_count_once_and_those_of_another_quote_not_at_all() -> None:
    earlier = replace(vote(SECOND), revision=0)
    text = shown(THREE_NAMED, vote(APPROVER), vote(APPROVER), earlier)
    assert "Needs 2 more approvals" in text


def test_rejections_are_counted_where_more_than_one_is_needed() -> None:
    policy = replace(TWO, rejections=3)
    rejected = vote(APPROVER, Verdict.REJECTED, "wrong <!here> order")
    text = shown(policy, rejected)
    assert ":no_entry_sign: Rejected by <@U0APPROVE>" in text
    assert ">wrong &lt;!here&gt; order" in text
    assert "2 more rejections end it, unless enough approve first." in text
    assert "Needs 2 approvals" in text
    text = shown(policy, rejected, vote(SECOND, Verdict.REJECTED))
    assert "1 more rejection ends it, unless enough approve first." in text


def test_without_a_rejection_nothing_is_said_of_them() -> None:
    assert "rejection" not in shown(replace(TWO, rejections=3), vote(APPROVER))


def test_what_was_decided_stays_on_the_card() -> None:
    last = vote(SECOND)
    done = replace(request(State.DONE), decision=last)
    text = shown(TWO, vote(APPROVER), last, of=done)
    assert text.index("Approved by <@U0APPROVE>") < text.index("Approved by <@U0SECOND>")
    assert text.count("Approved by <@U0SECOND>") == 1
    assert "Needs" not in text


OTHERWISE = [
    (Verdict.BROKE_GLASS, APPROVER, "Approved alone, in an emergency, by <@U0APPROVE>"),
    (Verdict.AUTOMATIC, None, "Approved by the policy itself"),
    (Verdict.RESOLVED, APPROVER, "Settled by <@U0APPROVE>"),
]


@pytest.mark.parametrize(("verdict", "by", "sentence"), OTHERWISE)
def test_how_else_it_was_decided_is_said(verdict: Verdict, by: Actor | None, sentence: str) -> None:
    decision = Decision(verdict, by, NOW, 1)
    text = shown(TWO, vote(SECOND), of=replace(request(State.APPROVED), decision=decision))
    assert "Approved by <@U0SECOND>" in text
    assert sentence in text


def test_the_result_names_everybody_who_approved() -> None:
    done = replace(request(State.DONE), votes=(vote(SECOND), vote(APPROVER)))
    answer = reply(done, VENUE)
    assert answer is not None
    assert "*Approved by*\n<@U0SECOND>, <@U0APPROVE>" in everything(answer)


def test_the_result_of_what_nobody_approved_says_that_it_was_the_policy() -> None:
    automatic = Decision(Verdict.AUTOMATIC, None, NOW, 1)
    answer = reply(replace(request(State.DONE), decision=automatic), VENUE)
    assert answer is not None
    assert "*Approved by*\nthe policy (below its limit for that)" in everything(answer)


def test_of_very_many_approvers_some_are_named_and_the_rest_counted() -> None:
    many = tuple(vote(Actor(f"U0PERSON{n}", "T0MUSEUM")) for n in range(300))
    text = approvals.approvers(replace(request(State.DONE), votes=many))
    assert text.startswith("<@U0PERSON0>, ")
    assert text.endswith(", and 281 more")


BARRED = [
    (Policy(tiers=(Tier(UP_TO_300),)), "Tickets worth $400.00 are more than may be cancelled"),
    (Policy(tiers=(Tier(IN_EUROS),)), "The policy names no amount in USD (`tiers`)"),
    (Policy(approver_daily=UP_TO_300), "Nobody may approve more than $300.00 a day here"),
    (Policy(requester_daily=UP_TO_300), "What one person asks for may come to $300.00 a day"),
    (
        Policy(requester_daily=IN_EUROS),
        "The policy names no amount in USD (`requester_daily_limit`)",
    ),
    (Policy(block_on=frozenset({WarningCode.CHECKED_IN})), "3 tickets of *Adult* already checked"),
    (Policy(block_on=frozenset({WarningCode.PAST_EVENT})), "The event of *Adult* is already over"),
    (
        Policy(max_order_age=timedelta(days=5)),
        "The order is more than 13 days old; the policy allows at most 5 (`max_order_age_days`).",
    ),
]
USED = request(of=order(replace(line(), checked_in=3, event_at=NOW - timedelta(hours=1))))


@pytest.mark.parametrize(("policy", "sentence"), BARRED)
def test_what_nobody_may_approve_has_no_button_for_it(policy: Policy, sentence: str) -> None:
    glass = replace(policy, break_glass=BreakGlass(frozenset({FINANCE})), mentions=(FRONT,))
    text = shown(glass, of=USED)
    assert f":no_entry: {sentence}" in text
    assert text.count(sentence) == 1
    assert "The policy of this venue does not let anybody approve this as it is." in text
    assert actions(glass, of=USED) == ["edit", "reject", "withdraw"]
    # Nobody is called for what they cannot do.
    assert "Needs" not in text
    assert FRONT not in text


def test_an_order_of_unknown_age_is_barred_where_age_matters() -> None:
    ageless = request(of=replace(order(), created_at=None))
    policy = Policy(max_order_age=timedelta(days=5))
    assert (
        ":no_entry: The order’s age is not known, and the policy sets a limit to it "
        "(`max_order_age_days`): ACME Ticketing does not state when the order was made."
    ) in shown(policy, of=ageless)
    assert "approve" not in actions(policy, of=ageless)
    assert "approve" in actions(Policy(), of=ageless)


WAYS_OUT = [
    (Policy(block_on=frozenset({WarningCode.CHECKED_IN})), True),
    (Policy(block_on=frozenset({WarningCode.PAST_EVENT})), True),
    (Policy(tiers=(Tier(UP_TO_300),)), True),
    (Policy(tiers=(Tier(IN_EUROS),)), False),
    (Policy(max_order_age=timedelta(days=5)), False),
    (Policy(block_on=frozenset({WarningCode.CHECKED_IN}), max_order_age=timedelta(days=5)), False),
]


@pytest.mark.parametrize(("policy", "helps"), WAYS_OUT)
def test_other_tickets_are_advised_only_where_they_could_help(policy: Policy, helps: bool) -> None:
    text = shown(policy, of=USED)
    assert ("<@U0REQUEST> can *Choose tickets* to leave out what" in text) is helps
    assert ("Choosing other tickets does not help: <@U0REQUEST> can *Withdraw* it" in text) is (
        not helps
    )


def test_what_is_true_of_the_whole_order_cannot_be_left_out() -> None:
    order_wide = {
        WarningCode.ORGANISATION: replace(order(), organisation="Hill School"),
        WarningCode.UNPAID_BALANCE: replace(order(), balance=usd("10.00")),
        WarningCode.OLD_ORDER: replace(order(), created_at=NOW - timedelta(days=90)),
        WarningCode.NOT_CARD: replace(order(), destination=Destination(payment_method="Cash")),
    }
    for code, of in order_wide.items():
        text = shown(Policy(block_on=frozenset({code})), of=request(of=of))
        assert "Choosing other tickets does not help" in text
    free = request(of=order(line("1"), line("2", price="0.00")), selection=Selection({"2": 4}))
    assert "can *Choose tickets*" in shown(Policy(block_on=frozenset({WarningCode.FREE})), of=free)


def test_each_warning_is_said_once_as_a_bar_or_as_a_warning() -> None:
    text = shown(Policy(block_on=frozenset({WarningCode.CHECKED_IN})), of=USED)
    assert text.count("already checked in") == 1
    assert ":warning: The event of *Adult* is already over" in text
    assert text.count("is already over") == 1


def test_a_bar_is_no_hindrance_once_it_is_decided() -> None:
    barred = BARRED[0][0]
    assert ":no_entry:" not in shown(barred, of=request(State.APPROVED))
    assert headers(message(barred, of=request(State.APPROVED)))[1] == "Refund $400.00"


@pytest.mark.parametrize(
    ("up_to", "offered"),
    [(None, True), (UP_TO_500, True), (UP_TO_300, False), (IN_EUROS, False)],
)
def test_breaking_the_glass_is_offered_within_its_amount(
    up_to: Ceiling | None, offered: bool
) -> None:
    policy = Policy(break_glass=BreakGlass(frozenset({FINANCE}), up_to))
    assert ("break_glass" in actions(policy)) is offered


def test_breaking_the_glass_is_offered_only_where_somebody_may_and_while_it_waits() -> None:
    policy = Policy(break_glass=BreakGlass(frozenset({FINANCE})))
    assert "break_glass" not in actions(Policy())
    for state in State:
        if state not in {State.REQUESTED, State.PENDING}:
            assert "break_glass" not in actions(policy, of=request(state))


def test_the_emergency_stands_last_and_is_no_invitation() -> None:
    last = buttons(message(Policy(break_glass=BreakGlass(frozenset({FINANCE})))))[-1]
    assert (last["action_id"], last["style"]) == ("break_glass", "danger")


def test_a_vote_can_be_taken_back_until_it_is_decided() -> None:
    assert "take_back" not in actions(TWO)
    assert actions(TWO, vote(APPROVER)) == ["approve", "take_back", "edit", "reject", "withdraw"]
    assert "take_back" in actions(TWO, vote(APPROVER, Verdict.REJECTED))
    decided = replace(request(State.APPROVED), decision=vote(SECOND))
    assert actions(TWO, vote(APPROVER), of=decided) == []


def test_whoever_is_to_be_called_is_called_on_the_card() -> None:
    policy = Policy(approvers=frozenset({FRONT}), mentions=("U0CHIEF", FINANCE))
    assert ":bell: <@U0CHIEF> <!subteam^S0FINANCE>" in shown(policy)


def test_an_escalation_is_said_when_its_time_has_come() -> None:
    policy = Policy(
        approvers=frozenset({FRONT}), escalate_to=(FINANCE,), escalate_after=timedelta(hours=1)
    )
    waiting = replace(request(), escalates_at=NOW + timedelta(hours=1))
    assert FINANCE not in shown(policy, of=waiting)
    late = replace(waiting, updated_at=NOW + timedelta(hours=1))
    text = shown(policy, of=late)
    assert ":arrow_double_up: Escalated to <!subteam^S0FINANCE>" in text
    assert "Needs 1 approval from <!subteam^S0FINANCE> or <!subteam^S0FRONT>." in text


def test_whoever_asked_is_not_named_as_an_approver_of_it() -> None:
    policy = Policy(approvers=frozenset({REQUESTER.user, "U0CHIEF"}))
    assert "Needs 1 approval from <@U0CHIEF>." in shown(policy)
