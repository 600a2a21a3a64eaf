"""Policies end to end: how many approve what, up to what amount, and what nobody approves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.offices import (
    BIG,
    CHECKED_IN,
    DEAR,
    FAMILY,
    PAST,
    SCHOOL,
    SEED,
)
from tests.integration.stage import (
    APPROVER,
    MEMBER,
    REQUESTER,
    SECOND,
    Case,
    Stage,
    buttons,
    fields,
    words,
)

APPROVERS, FINANCE = "<!subteam^S0APPROVE>", "<!subteam^S0FINANCE>"
A_DAY = 24 * 3600


def forged_approval(case: Case, user: str = APPROVER) -> None:
    """Click an approval that the card does not offer."""
    card = case.card()
    withdraw = buttons(card)["withdraw"]
    assert "approve" not in buttons(card)
    assert case.stage.forged_click(card, withdraw | {"action_id": "approve"}, user) == 200


def test_a_small_amount_needs_one_approval_of_those_who_may(offices: Stage) -> None:
    case = offices.case(FAMILY, "tiers")
    assert "Needs 1 approval from" in words(case.asked())
    case.click("approve", MEMBER)
    told = case.told("You are not among those who may decide on this", MEMBER)
    assert APPROVERS in told
    case.approve()
    case.card("· cancelled")


def test_a_larger_amount_needs_two_people_and_the_last_one_executes(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    assert "Needs 2 approvals, from different people" in words(case.asked())
    case.approve()
    card = case.card(f"Needs 1 more approval from {APPROVERS}")
    assert f"Approved by <@{APPROVER}>" in words(card)
    assert "waiting for approval" in words(card)
    assert case.changes() == []
    case.approve(SECOND)
    done = words(case.card("· cancelled"))
    for user in (APPROVER, SECOND):
        assert f"Approved by <@{user}>" in done
    details = fields(case.reply("Refunded $400.00"))
    assert details["Approved by"] == f"<@{APPROVER}>, <@{SECOND}>"
    assert len(case.changes()) == 1


def test_the_same_person_twice_is_one(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    case.approve()
    case.told("You approved this already, and once is what counts", APPROVER)
    assert "Needs 1 more approval" in words(case.card())
    assert case.changes() == []


def test_two_who_approve_at_once_are_two(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    card = case.asked()
    with ThreadPoolExecutor(2) as both:
        clicks = [
            both.submit(offices.outdated_click, card, "approve", user)
            for user in (APPROVER, SECOND)
        ]
    assert [click.result() for click in clicks] == [200, 200]
    case.card("· cancelled")
    assert {f"<@{APPROVER}>", f"<@{SECOND}>"} == set(
        fields(case.reply("Refunded"))["Approved by"].split(", ")
    )
    assert len(case.changes()) == 1


def test_one_of_two_approvals_can_be_taken_back(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    assert "take_back" not in buttons(case.asked())
    case.approve()
    case.card("Needs 1 more approval")
    case.click("take_back", SECOND)
    case.told("there is nothing to take back", SECOND)
    case.click("take_back", APPROVER)
    card = case.card("Needs 2 approvals")
    assert "Approved by" not in words(card)
    assert "take_back" not in buttons(card)
    case.approve(SECOND)
    case.card("Needs 1 more approval")
    assert case.changes() == []
    case.approve()
    case.card("· cancelled")


def test_an_approval_is_of_the_quote_it_was_given_for(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    case.choose(3)
    card = case.card("Needs 2 approvals")
    assert "Approved by" not in words(card)
    case.approve(SECOND)
    case.card("Needs 1 more approval")
    case.approve()
    assert "Refunded $300.00" in words(case.reply("Refunded"))


def test_after_a_change_of_the_order_everybody_decides_again(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    case.people.fault(case.order, "changed_meanwhile", times=1)
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    case.approve(SECOND)
    card = words(case.card("The order changed after it was approved"))
    assert "Needs 2 approvals" in card
    assert "Approved by" not in card
    assert case.changes() == []


def test_fewer_tickets_may_need_fewer_people(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    case.asked()
    case.choose(1)
    assert "Needs 1 approval" in words(case.card("Refund $100.00"))
    case.approve()
    case.reply("Refunded $100.00")


def test_a_rejection_ends_it_whoever_approved_before(offices: Stage) -> None:
    case = offices.case(SEED, "tiers")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    case.click("reject", SECOND)
    form = case.people.form("reject_reason", SECOND)
    assert case.people.submit(form, SECOND, reason="Tickets were used")["ok"]
    card = words(case.card("· rejected"))
    assert f"Approved by <@{APPROVER}>" in card
    assert f"Rejected by <@{SECOND}>" in card
    assert "Tickets were used" in words(case.reply("rejected"))
    assert case.changes() == []


def test_a_large_amount_needs_the_group_that_is_named_for_it(offices: Stage) -> None:
    case = offices.case(BIG, "tiers")
    assert "Needs 1 approval from" in words(case.asked())
    case.click("approve", APPROVER)
    assert FINANCE in case.told("You are not among those who may decide", APPROVER)
    assert case.changes() == []
    case.approve(SECOND)
    case.reply("Refunded $667.50")


def test_above_the_last_tier_nobody_approves_anything(offices: Stage) -> None:
    case = offices.case(DEAR, "tiers")
    card = case.asked()
    assert "$3,126.25 are more than may be cancelled through this bot" in words(card)
    assert "at most $1,000.00" in words(card)
    assert set(buttons(card)) == {"edit", "reject", "withdraw"}
    forged_approval(case, SECOND)
    assert "Nothing was changed" in case.told("more than may be cancelled", SECOND)
    case.choose(0, 1)
    assert f"Needs 1 approval from {FINANCE}." in words(case.card("Refund $625.25"))
    case.click("withdraw", REQUESTER)
    case.card("· withdrawn")


def test_a_currency_without_an_amount_is_a_no_that_names_it(offices: Stage) -> None:
    case = offices.case(FAMILY, "euro")
    card = case.asked()
    assert "The policy names no amount in EUR" in words(card)
    forged_approval(case)
    told = case.told("The policy names no amount in EUR", APPROVER)
    assert "tiers[0].up_to" in told
    assert case.changes() == []


def test_a_policy_without_the_venues_currency_is_told_at_the_start(offices: Stage) -> None:
    (line, *_) = [item for item in offices.bot.log().splitlines() if "venue=euro" in item]
    assert "currency_missing" in line


def test_ones_own_request_is_approved_up_to_an_amount(offices: Stage) -> None:
    small, large = offices.case(FAMILY, "alone"), offices.case(SEED, "alone")
    for case in (small, large):
        case.asked()
        case.click("approve", REQUESTER)
    details = fields(small.reply("Refunded $148.75"))
    assert details["Asked by"] == details["Approved by"] == f"<@{REQUESTER}>"
    large.told("You may approve your own requests up to $150.00 only")
    assert large.changes() == []
    large.approve()
    large.card("· cancelled")


def test_what_one_person_approves_in_a_day_has_a_limit(offices: Stage) -> None:
    first, second, third = (offices.case(t, "busy") for t in (SEED, FAMILY, FAMILY))
    for case in (first, second, third):
        case.asked()
    first.approve()
    first.card("· cancelled")
    second.click("approve", APPROVER)
    told = second.told("One person may approve $500.00 a day here", APPROVER)
    assert "you have approved $400.00 today" in told
    assert "waiting for approval" in words(second.card())
    second.approve(SECOND)
    second.card("· cancelled")
    offices.put_forward(A_DAY)
    third.approve()
    third.card("· cancelled")


def test_two_clicks_at_once_do_not_pass_a_limit(offices: Stage) -> None:
    offices.put_forward(A_DAY)
    cases = [offices.case(SEED, "busy") for _ in range(2)]
    cards = [case.asked() for case in cases]
    with ThreadPoolExecutor(2) as hands:
        list(hands.map(lambda card: offices.outdated_click(card, "approve", APPROVER), cards))

    def refunded() -> list[str]:
        return sorted(case.upstream()["refunded"] for case in cases)

    offices.people.wait_for("one refund", lambda: refunded() == ["0.00", "400.00"])
    (open_one,) = [case for case in cases if case.upstream()["refunded"] == "0.00"]
    open_one.told("One person may approve $500.00 a day here", APPROVER)
    assert "waiting for approval" in words(open_one.card())


def test_what_is_approved_for_one_person_in_a_day_has_a_limit(offices: Stage) -> None:
    first, second = offices.case(SEED, "keen"), offices.case(FAMILY, "keen")
    others = offices.case(FAMILY, "keen")
    first.approved()
    second.asked()
    second.click("approve", SECOND)
    told = second.told("One person’s requests may come to $500.00 a day here", SECOND)
    assert f"$400.00 was approved for <@{REQUESTER}> today" in told
    assert second.changes() == []
    others.ask(user=MEMBER)
    others.card("waiting for approval")
    others.approve()
    others.card("· cancelled")


def test_deny_beats_allow(offices: Stage) -> None:
    """The group that is denied is part of the group that is allowed."""
    case = offices.case(FAMILY, "closed")
    case.asked()
    case.click("approve", SECOND)
    case.told("The policy here does not let you do this", SECOND)
    assert case.changes() == []
    case.approve(APPROVER)
    case.card("· cancelled")


@pytest.mark.parametrize(
    ("venue", "template", "why"),
    [
        ("barred", PAST, "is already over or has begun"),
        ("barred", CHECKED_IN, "already checked in"),
        ("barred", SCHOOL, "This order belongs to an organisation"),
        ("fresh", FAMILY, "The order’s age is not known, and the policy sets a limit to it"),
    ],
)
def test_what_the_policy_bars_is_not_offered_and_not_approved(
    offices: Stage, venue: str, template: str, why: str
) -> None:
    case = offices.case(template, venue)
    card = case.asked()
    assert why in words(card)
    assert "does not let anybody approve this as it is" in words(card)
    forged_approval(case)
    assert why in case.told("The policy here does not let anybody approve this", APPROVER)
    assert case.changes() == []
    case.click("withdraw", REQUESTER)
    case.card("· withdrawn")


def test_elsewhere_the_same_is_only_warned_of(offices: Stage) -> None:
    case = offices.case(PAST, "plain")
    assert "is already over or has begun" in words(case.asked())
    case.approve()
    case.card("· cancelled")


def test_the_general_policy_counts_where_a_venue_says_nothing(offices: Stage) -> None:
    case = offices.case(SEED, "plain")
    assert f":bell: {FINANCE}" in words(case.asked())
    case.click("approve", MEMBER)
    case.told("You are not among those who may decide", MEMBER)
    case.approve()
    case.card("· cancelled")


@pytest.mark.parametrize(
    ("venue", "shown", "hidden"),
    [
        ("plain", "of B. C. (m•••@acmeticketing.com)", "Clarke"),
        ("open", "of Brad Clarke (michele+bradClarke@acmeticketing.com)", "B. C."),
        ("discreet", "asks to cancel *4 tickets*, the whole order.", "acmeticketing.com"),
    ],
)
def test_the_channel_sees_of_a_guest_what_the_policy_lets_it(
    offices: Stage, venue: str, shown: str, hidden: str
) -> None:
    case = offices.case(SEED, venue)
    told = words(case.asked())
    assert shown in told
    assert hidden not in told
    case.click("edit", REQUESTER)
    form = case.people.form("choose_tickets")
    assert "Brad Clarke (michele+bradClarke@acmeticketing.com)" in words(form)
    case.people.dismiss(form)
