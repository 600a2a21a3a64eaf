"""What is decided otherwise: alone in an emergency, by nobody, by a majority, by others later."""

from __future__ import annotations

from tests.integration.offices import BIG, FAMILY, PAST, SEED
from tests.integration.stage import (
    APPROVER,
    MEMBER,
    REQUESTER,
    SECOND,
    Case,
    Stage,
    buttons,
    fields,
    headers,
    words,
)

APPROVERS, FINANCE = "<!subteam^S0APPROVE>", "<!subteam^S0FINANCE>"
HALF_AN_HOUR = 31 * 60


def reject(case: Case, user: str, reason: str = "Tickets were used") -> None:
    case.click("reject", user)
    assert case.people.submit(case.people.form("reject_reason", user), user, reason=reason)["ok"]


def test_in_an_emergency_one_person_approves_alone_and_everybody_hears_of_it(
    offices: Stage,
) -> None:
    case = offices.case(SEED, "glass")
    assert "Emergency" in buttons(case.asked())["break_glass"]["text"]["text"]
    case.click("break_glass", REQUESTER)
    form = case.people.form("break_glass")
    answer = case.people.submit(form, reason="   ")
    assert list(answer["errors"]) == ["reason"]
    assert case.changes() == []
    assert case.people.submit(form, reason="Hall is on fire & evacuated")["ok"]
    card = words(case.card("· cancelled"))
    assert f"Approved alone, in an emergency, by <@{REQUESTER}>" in card
    assert ">Hall is on fire &amp; evacuated" in card
    assert fields(case.reply("Refunded $400.00"))["Approved by"] == f"<@{REQUESTER}>"
    assert len(case.changes()) == 1


def test_the_alarm_calls_all_approvers_and_the_channel_sees_it(offices: Stage) -> None:
    case = offices.case(SEED, "glass")
    case.asked()
    case.click("break_glass", REQUESTER)
    assert case.people.submit(case.people.form("break_glass"), reason="Hall is on fire")["ok"]
    alarm = case.reply("approved this alone, in an emergency")
    for part in (APPROVERS, FINANCE, f"<@{REQUESTER}>", "$400.00", ">Hall is on fire"):
        assert part in words(alarm)
    assert APPROVERS in alarm["text"]
    assert alarm["broadcast"] is True
    said = [m for m in case.people.replies(case.card("· cancelled")) if "emergency" in words(m)]
    assert len(said) == 1


def test_only_those_named_for_it_may_approve_alone(offices: Stage) -> None:
    case = offices.case(SEED, "glass")
    case.asked()
    case.click("break_glass", APPROVER)
    told = case.told("You are not among those who may approve alone in an emergency", APPROVER)
    assert f"<@{REQUESTER}>" in told
    assert case.people.state(APPROVER)["views"] == []
    assert case.changes() == []


def test_an_emergency_has_its_limit(offices: Stage) -> None:
    case = offices.case(BIG, "glass")
    card = case.asked()
    assert "break_glass" not in buttons(card)
    forged = buttons(card)["approve"] | {"action_id": "break_glass"}
    assert offices.forged_click(card, forged, REQUESTER) == 200
    case.told("Even in an emergency nobody may approve more than $450.00 alone")
    assert case.changes() == []


def test_without_a_word_of_emergencies_there_are_none(offices: Stage) -> None:
    case = offices.case(FAMILY, "plain")
    card = case.asked()
    assert "break_glass" not in buttons(card)
    forged = buttons(card)["approve"] | {"action_id": "break_glass"}
    assert offices.forged_click(card, forged, APPROVER) == 200
    case.told("Nobody may approve alone here", APPROVER)
    assert case.changes() == []


def test_a_small_amount_is_approved_by_the_policy_itself(offices: Stage) -> None:
    case = offices.case(FAMILY, "auto")
    case.ask()
    card = case.card("· cancelled")
    assert "Approved by the policy itself" in words(card)
    assert headers(card)[1] == "Refunded $148.75"
    assert buttons(card) == {}
    assert "the policy" in fields(case.reply("Refunded $148.75"))["Approved by"]
    assert len(case.changes()) == 1


def test_what_the_policy_approves_for_one_person_in_a_day_has_a_limit(offices: Stage) -> None:
    """Two of $148.75 fit into $440, a third does not: then somebody has to look."""
    cases = [offices.case(FAMILY, "auto") for _ in range(3)]
    for case in cases[:2]:
        case.ask(user=SECOND)
        case.card("· cancelled")
    cases[2].ask(user=SECOND)
    assert "approve" in buttons(cases[2].card("waiting for approval"))
    assert cases[2].changes() == []


def test_what_is_above_the_amount_or_warned_of_waits_for_a_person(offices: Stage) -> None:
    for template in (SEED, PAST):
        case = offices.case(template, "auto")
        assert "approve" in buttons(case.asked())
        assert case.changes() == []
    case.approve()
    case.card("· cancelled")


def test_what_the_policy_approved_and_then_changed_waits_for_a_person(offices: Stage) -> None:
    case = offices.case(FAMILY, "auto")
    case.people.fault(case.order, "changed_meanwhile", times=1)
    case.ask(user=APPROVER)
    card = case.card("The order changed after it was approved")
    assert "approve" in buttons(card)
    assert "by the policy itself" not in words(card)
    assert case.changes() == []


def test_one_of_two_rejections_is_overruled_by_enough_approvals(offices: Stage) -> None:
    case = offices.case(SEED, "quorum")
    case.ask(user=MEMBER)
    case.card("waiting for approval")
    reject(case, APPROVER)
    card = words(case.card("1 more rejection ends it"))
    assert f"Rejected by <@{APPROVER}>" in card
    assert ">Tickets were used" in card
    assert "waiting for approval" in card
    case.click("approve", APPROVER)
    case.told("You rejected this already", APPROVER)
    case.click("take_back", APPROVER)
    case.people.wait_for("no vote", lambda: "take_back" not in buttons(case.card()))
    case.approve()
    case.card("Needs 1 more approval")
    case.approve(SECOND)
    case.card("· cancelled")


def test_two_rejections_of_two_end_it(offices: Stage) -> None:
    case = offices.case(SEED, "quorum")
    case.asked()
    reject(case, APPROVER)
    case.card("1 more rejection ends it")
    case.click("reject", APPROVER)
    case.told("You rejected this already", APPROVER)
    reject(case, SECOND, "No, indeed")
    card = words(case.card("· rejected"))
    for user in (APPROVER, SECOND):
        assert f"Rejected by <@{user}>" in card
    assert case.changes() == []


def test_a_rejection_takes_the_place_of_what_the_same_person_approved(offices: Stage) -> None:
    case = offices.case(SEED, "quorum")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    reject(case, APPROVER)
    card = words(case.card("1 more rejection ends it"))
    assert "Approved by" not in card
    case.approve(SECOND)
    assert "Needs 1 more approval" in words(case.card(f"Approved by <@{SECOND}>"))
    assert case.changes() == []


def test_after_a_time_others_are_called_and_may_approve(offices: Stage) -> None:
    case = offices.case(FAMILY, "patient")
    card = case.asked()
    case.click("approve", SECOND)
    told = case.told("You are not among those who may decide on this", SECOND)
    assert f"<@{APPROVER}>" in told
    offices.put_forward(HALF_AN_HOUR)
    called = case.people.reply(card, "still waits")
    assert FINANCE in called["text"]
    assert called["broadcast"] is True
    assert f"Escalated to {FINANCE}" in words(case.card("Escalated"))
    case.approve(SECOND)
    case.card("· cancelled")
    assert fields(case.reply("Refunded"))["Approved by"] == f"<@{SECOND}>"


def test_what_was_decided_in_time_calls_nobody_else(offices: Stage) -> None:
    case = offices.case(FAMILY, "patient")
    case.asked()
    case.approve()
    case.card("· cancelled")
    case.reply("Refunded")
    other = offices.case(FAMILY, "patient")
    other.asked()
    offices.put_forward(HALF_AN_HOUR)
    other.card("Escalated")
    assert not any("still waits" in words(m) for m in case.people.replies(case.card()))
