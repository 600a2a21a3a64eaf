"""What people decide on a card: reject, withdraw, choose tickets; and what does not count."""

from __future__ import annotations

import json

import pytest

from tests.integration import slack_wire
from tests.integration.stage import (
    APPROVER,
    REQUESTER,
    SECOND,
    Case,
    Json,
    Stage,
    buttons,
    fields,
    headers,
    words,
)


def reject(case: Case, reason: str, user: str = APPROVER) -> None:
    case.click("reject", user)
    answer = case.people.submit(case.people.form("reject_reason", user), user, reason=reason)
    assert answer["ok"], answer


def test_rejecting_asks_for_a_reason_and_shows_it(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    reject(case, "Tickets were used & seen")
    card = case.card("· rejected")
    assert headers(card)[1] == "Nothing was cancelled or refunded"
    assert f"Rejected by <@{APPROVER}>" in words(card)
    assert buttons(card) == {}
    answer = words(case.reply("rejected"))
    assert f"<@{REQUESTER}>" in answer
    assert ">Tickets were used &amp; seen" in answer
    assert case.changes() == []
    assert case.upstream()["refunded"] == "0.00"


def test_rejecting_without_a_reason_stays_in_the_form(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.click("reject")
    form = case.people.form("reject_reason", APPROVER)
    assert json.loads(form["private_metadata"])["card_ts"] == case.card()["ts"]
    for nothing in ("", "   "):
        answer = case.people.submit(form, APPROVER, reason=nothing)
        assert answer["ok"] is False
        assert list(answer["errors"]) == ["reason"]
    case.people.dismiss(form, APPROVER)
    assert headers(case.card())[0].endswith("waiting for approval")


def test_who_asked_withdraws_instead_of_rejecting(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.click("reject", REQUESTER)
    assert "*Withdraw*" in case.told("your own request")
    case.click("withdraw", REQUESTER)
    card = case.card("· withdrawn")
    assert f"Withdrawn by <@{REQUESTER}>" in words(card)
    assert headers(card)[1] == "Nothing was cancelled or refunded"
    assert case.changes() == []


@pytest.mark.parametrize("action_id", ["withdraw", "edit"])
def test_nobody_else_can_withdraw_or_choose(stage: Stage, action_id: str) -> None:
    case = stage.case()
    case.asked()
    case.click(action_id, APPROVER)
    assert f"Only <@{REQUESTER}>" in case.told("can do that", APPROVER)
    assert "waiting for approval" in words(case.card())
    assert case.people.state(APPROVER)["views"] == []


def test_an_approval_after_a_rejection_changes_nothing(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    reject(case, "no")
    assert stage.outdated_click(card, "approve", SECOND) == 200
    assert f"<@{APPROVER}> rejected this already" in case.told("changed nothing", SECOND)
    case.card("· rejected")
    assert case.changes() == []


def test_a_rejection_that_comes_after_the_approval_changes_nothing(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.click("reject", SECOND)
    form = case.people.form("reject_reason", SECOND)
    case.approve()
    case.reply("Refunded $400.00")
    assert case.people.submit(form, SECOND, reason="too late")["ok"]
    assert f"<@{APPROVER}> approved this already" in case.told("changed nothing", SECOND)
    case.card("· cancelled")


def test_cancelling_one_of_four_sends_the_three_that_remain(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.choose(1)
    card = case.card("*1 ticket*, a part of the order")
    assert headers(card)[1] == "Refund $100.00"
    assert "*1 of 4 × General Admission*" in words(card)
    assert "$300.00 stays on the order" in words(card)
    case.approve()
    done = case.card("partly cancelled")
    assert headers(done)[1] == "Refunded $100.00"
    details = fields(case.reply("Refunded $100.00"))
    assert details["Cancelled"] == "1 × General Admission"
    assert details["New order total"] == "$300.00"
    (change,) = case.changes()
    assert [item["quantity"] for item in change["body"]["orderItems"]] == [3]
    assert case.upstream()["refunded"] == "100.00"
    assert case.upstream()["total"] == "300.00"


def test_a_line_that_is_kept_is_sent_with_all_that_it_has(stage: Stage) -> None:
    """ACME does not say what becomes of lines that are not listed."""
    case = stage.case("26644417")
    case.asked()
    case.choose(0, 2, 1)
    card = case.card("a part of the order")
    assert headers(card)[1] == "Refund $95.00"
    assert "String Quartet I " not in words(card)
    case.approve()
    case.reply("Refunded $95.00")
    (change,) = case.changes()
    assert [item["quantity"] for item in change["body"]["orderItems"]] == [2, 0, 0]
    assert case.upstream()["refunded"] == "95.00"


def chooser(case: Case) -> tuple[Json, str]:
    """Open the form of a one-line order; return it and the name of its only field."""
    case.asked()
    case.click("edit", REQUESTER)
    form = case.people.form("choose_tickets")
    (line,) = [b["block_id"] for b in form["blocks"] if b["type"] == "input"]
    return form, line


@pytest.mark.parametrize("number", ["5", "-1", "1.5", "two"])
def test_a_number_that_cannot_be_stays_in_the_form(stage: Stage, number: str) -> None:
    case = stage.case()
    form, line = chooser(case)
    answer = case.people.submit(form, **{line.replace(":", "_"): number})
    assert answer["ok"] is False
    assert list(answer["errors"]) == [line]
    case.people.dismiss(form)
    assert headers(case.card())[1] == "Refund $400.00"


def test_choosing_nothing_is_said_beside_the_field(stage: Stage) -> None:
    case = stage.case()
    form, line = chooser(case)
    answer = case.people.submit(form, **{line.replace(":", "_"): "0"})
    assert answer["errors"] == {line: "Choose at least one ticket, or close the form."}
    case.people.dismiss(form)


def test_what_slacks_client_lets_through_is_still_checked(stage: Stage) -> None:
    """Slack's client checks the bounds; the server does so as well, for nothing rests on it."""
    case = stage.case()
    form, line = chooser(case)
    for number, sentence in (
        ("5", "Only 4 left on this line: enter 4 or fewer."),
        ("-1", "Enter a whole number, 0 or more."),
        ("1.5", "Enter a whole number, 0 or more."),
        ("99999999999999999999", "Enter a whole number, 0 or more."),
    ):
        answer = stage.wire.send(slack_wire.submission(form, REQUESTER, {line: number}))
        assert answer.status_code == 200
        assert answer.json() == {"response_action": "errors", "errors": {line: sentence}}
    unknown = stage.wire.send(slack_wire.submission(form, REQUESTER, {"line:666": "1"}))
    assert "errors" in unknown.json()
    case.people.dismiss(form)
    assert headers(case.card())[1] == "Refund $400.00"


def test_an_approval_of_an_outdated_card_does_not_count(stage: Stage) -> None:
    case = stage.case()
    outdated = case.asked()
    case.choose(1)
    assert stage.outdated_click(outdated, "approve", APPROVER) == 200
    case.told("The card changed since you saw it", APPROVER)
    assert "waiting for approval" in words(case.card())
    assert case.changes() == []
    case.approve()
    case.reply("Refunded $100.00")
    assert case.upstream()["refunded"] == "100.00"


def test_choosing_on_an_outdated_form_after_the_decision_changes_nothing(stage: Stage) -> None:
    case = stage.case()
    form, line = chooser(case)
    case.approve()
    case.reply("Refunded $400.00")
    assert case.people.submit(form, **{line.replace(":", "_"): "1"})["ok"]
    case.told("approved this already")
    assert case.upstream()["refunded"] == "400.00"


def test_every_choice_is_a_new_quote_with_a_block_of_its_own(stage: Stage) -> None:
    case = stage.case()
    seen = [buttons(case.asked())["approve"]["block_id"]]
    for count in (1, 2, 4):
        case.choose(count)
        seen.append(buttons(case.card())["approve"]["block_id"])
    assert len(set(seen)) == 4


def test_a_card_of_another_installation_is_answered_privately(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    button = buttons(card)["approve"] | {"value": "rsomebodyelses"}
    assert stage.wire.send(slack_wire.click(card, button, APPROVER)).status_code == 200
    case.told("a request that this bot does not know", APPROVER)
    assert case.changes() == []
