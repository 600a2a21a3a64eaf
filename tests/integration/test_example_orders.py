"""Every example order of the sandbox: a card that says what matters, or a private answer."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.stage import (
    Case,
    Stage,
    buttons,
    fields,
    headers,
    words,
)

FAMILY, TWO_EVENTS, CENT_OFF = "26644402", "26644417", "26644431"
PARTLY_CANCELLED, WHOLLY_CANCELLED, CHECKED_IN = "26644446", "26644459", "26644463"
SCHOOL, MEMBERSHIP, COMBO, DONATION = "26644478", "26644485", "26644490", "26644507"
PAST, HOSTILE, FREE = "26644512", "26644526", "26644548"
SIXTY_LINES, VOUCHER, CASH = "26644551", "26644566", "26644570"


def test_every_example_gets_a_card_or_a_private_answer(stage: Stage) -> None:
    cases = [stage.case(row["id"]) for row in examples(stage)]
    for case in cases:
        case.ask()

    for case in cases:
        ends = case.people.wait_for(f"the end of {case.upstream()['title']}", ending(case))
        assert len(ends) == 1
        assert case.changes() == []


def examples(stage: Stage) -> list[dict[str, str]]:
    rows = stage.people.get("/ui/orders")["orders"]
    return [row for row in rows if not row["title"].endswith("(copy)")]


def ending(case: Case) -> Callable[[], list[str]]:
    return lambda: [*map(words, case.cards()), *not_cancelled(case)]


def not_cancelled(case: Case) -> list[str]:
    private = case.private()
    told = [text for text in private if "was not cancelled" in text]
    return [text for text in told if case.number in text or case.order in text]


def test_several_lines_are_listed_and_added_up(stage: Stage) -> None:
    case = stage.case(FAMILY)
    card = words(case.asked())
    assert "*2 × Adult*  2 × $42.50 = *$85.00*" in card
    assert "*3 × Child*  3 × $21.25 = *$63.75*" in card
    assert "Refund $148.75" in card


def test_several_events_are_named_with_their_dates(stage: Stage) -> None:
    card = words(stage.case(TWO_EVENTS).asked())
    assert len(re.findall(r"String Quartet I ·", card)) == 1
    assert len(re.findall(r"String Quartet II ·", card)) == 2
    assert "Refund $171.00" in card
    assert "7:30 PM" in card


def test_a_cent_of_rounding_is_refunded_exactly(stage: Stage) -> None:
    case = stage.case(CENT_OFF)
    case.asked()
    case.approve()
    case.card("· cancelled")
    case.reply("Refunded $100.00")
    assert case.upstream()["refunded"] == "100.00"


def test_a_part_of_a_rounded_line_and_then_the_rest_add_up(stage: Stage) -> None:
    case = stage.case(CENT_OFF)
    case.asked()
    case.choose(1)
    case.approve()
    case.reply("Refunded $33.33")
    case.asked()
    case.approve()
    case.reply("Refunded $66.67")
    assert case.upstream()["refunded"] == "100.00"


def test_a_partly_cancelled_order_offers_what_is_left(stage: Stage) -> None:
    case = stage.case(PARTLY_CANCELLED)
    details = fields(case.approved())
    assert details["Cancelled"] == "2 × Adult"
    assert details["Refund"] == "$110.00"
    assert case.upstream()["refunded"] == "220.00"


def test_checked_in_tickets_are_pointed_out(stage: Stage) -> None:
    card = words(stage.case(CHECKED_IN).asked())
    assert "2 tickets of *Day Pass* already checked in" in card


def test_an_organisations_order_is_pointed_out(stage: Stage) -> None:
    card = words(stage.case(SCHOOL).asked())
    assert "for Fernhill Primary School" in card
    assert "belongs to an organisation" in card
    assert "not paid by card" in card


def test_an_unpaid_balance_is_never_announced_as_refunded(stage: Stage) -> None:
    """$360.00 of tickets, $200.00 never paid: ACME refunds $160.00 and says so."""
    case = stage.case(SCHOOL)
    case.asked()
    case.approve()
    case.card("Figures do not agree")
    reply = case.reply("$160.00")
    assert "Refunded $360.00" not in words(case.card()) + words(reply) + reply["text"]
    assert case.upstream()["refunded"] == "160.00"
    assert len(case.changes()) == 1


def test_a_membership_blocks_approval_until_tickets_are_chosen(stage: Stage) -> None:
    case = stage.case(MEMBERSHIP)
    card = case.asked()
    assert "A membership cannot be cancelled from here" in words(card)
    assert "approve" not in buttons(card)
    case.choose(2)
    card = case.card("a part of the order")
    assert headers(card)[1] == "Refund $30.00"
    case.approve()
    case.reply("Refunded $30.00")
    after = {line["name"]: line["quantity"] for line in case.upstream()["lines"]}
    assert after == {"Household Membership": 1, "Member": 0}
    assert case.upstream()["refunded"] == "30.00"


def test_approving_what_is_blocked_does_not_count(stage: Stage) -> None:
    """There is no button for it, but a request can be forged."""
    case = stage.case(MEMBERSHIP)
    card = case.asked()
    forged = buttons(card)["edit"] | {"action_id": "approve"}
    assert stage.forged_click(card, forged) == 200
    case.told("cannot be approved as it stands", "U0APPROVE")
    assert case.changes() == []


def test_a_combo_cannot_be_cancelled_here(stage: Stage) -> None:
    case = stage.case(COMBO)
    case.ask()
    told = case.told("was not cancelled")
    assert "holds only memberships, donations, combos or fees" in told
    assert case.cards() == []


def test_a_donation_blocks_and_a_fee_is_kept(stage: Stage) -> None:
    case = stage.case(DONATION)
    card = words(case.asked())
    assert "A donation cannot be given back from here" in card
    assert "Fees of $5.00 are kept" in card
    case.choose(2)
    case.approve()
    case.reply("Refunded $56.00")
    after = {line["name"]: line["quantity"] for line in case.upstream()["lines"]}
    assert after == {"Adult": 1, "Rebooking Fee": 1, "Annual Fund": 1}
    assert case.upstream()["refunded"] == "56.00"


def test_a_past_event_is_pointed_out(stage: Stage) -> None:
    card = words(stage.case(PAST).asked())
    assert "is already over or has begun" in card


def test_hostile_names_call_nobody_and_lead_nowhere(stage: Stage) -> None:
    case = stage.case(HOSTILE)
    details = case.approved("<!channel> *now*")
    for message in (case.card(), details):
        for text in (words(message), message["text"]):
            own = re.sub(r"<@U0(REQUEST|APPROVE)>|<!date\^[^>]*>", "", text)
            assert "<" not in own
            assert ">" not in own.replace("\n>", "\n")
            assert "\u202e" not in text
    assert "&lt;!here&gt;" in words(case.card())
    assert "second line" in words(case.card())


def test_hostile_names_cannot_open_a_second_line_of_their_own(stage: Stage) -> None:
    case = stage.case(HOSTILE)
    assert "\nsecond line" not in words(case.asked())


def test_free_tickets_are_said_to_cost_nothing(stage: Stage) -> None:
    case = stage.case(FREE)
    assert "These tickets cost nothing" in words(case.asked())
    case.approve()
    case.reply("Refunded $0.00")
    assert case.upstream()["refunded"] == "0.00"
    assert case.upstream()["lines"][0]["quantity"] == 0


@pytest.mark.parametrize(("template", "method"), [(VOUCHER, "voucher"), (CASH, "cash")])
def test_what_was_not_paid_by_card_is_pointed_out(stage: Stage, template: str, method: str) -> None:
    card = words(stage.case(template).asked())
    assert "not paid by card" in card
    assert f"goes back the way it was paid ({method}" in card


def test_sixty_lines_fit_on_a_card_and_are_all_cancelled(stage: Stage) -> None:
    case = stage.case(SIXTY_LINES)
    card = case.asked()
    assert "more lines with" in words(card)
    assert headers(card)[1] == "Refund $667.50"
    case.approve()
    case.reply("Refunded $667.50")
    (change,) = case.changes()
    assert [item["quantity"] for item in change["body"]["orderItems"]] == [0] * 60
    assert case.upstream()["refunded"] == "667.50"


def test_tickets_of_sixty_lines_can_be_chosen(stage: Stage) -> None:
    case = stage.case(SIXTY_LINES)
    case.asked()
    case.choose(1, *[0] * 59)
    case.approve()
    case.reply("Refunded $24.00")
    assert case.upstream()["refunded"] == "24.00"
    assert sum(line["quantity"] for line in case.upstream()["lines"]) == 59
