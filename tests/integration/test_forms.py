"""The entry form, from the command and from both shortcuts, and the e-mail to the guest."""

from __future__ import annotations

import pytest

from tests.integration.stage import (
    APPROVER,
    REQUESTER,
    Case,
    Json,
    Stage,
    buttons,
    fields,
    words,
)


def open_form(stage: Stage, channel: str) -> Json:
    """Type the bare command; the form is the asker's alone."""
    assert stage.people.command("", channel=channel)["ok"]
    return stage.people.form("cancel_order")


def inputs(form: Json) -> dict[str, Json]:
    return {b["block_id"]: b["element"] for b in form["blocks"] if b["type"] == "input"}


def ask_by_form(case: Case, **entered: str) -> Json:
    """Submit the form, wait for the card, return it."""
    form = open_form(case.stage, case.channel)
    answer = case.people.submit(form, order_id=case.order, **entered)
    assert answer["ok"], answer
    return case.card("waiting for approval")


def test_the_form_asks_for_order_reason_and_email_only(stage: Stage) -> None:
    form = open_form(stage, stage.next_channel())
    assert list(inputs(form)) == ["order_id", "reason", "notify"]
    assert inputs(form)["notify"]["initial_option"]["value"] == "confirmation"
    stage.people.dismiss(form)


def test_a_form_leads_to_the_card_in_the_channel_it_was_opened_in(stage: Stage) -> None:
    case = stage.case()
    card = ask_by_form(case, reason="Venue & date are wrong <sorry>")
    assert card["channel"] == case.channel
    assert f"<@{REQUESTER}> asks to cancel" in words(card)
    assert ">Venue &amp; date are wrong &lt;sorry&gt;" in words(card)
    assert case.people.state()["views"] == []


def test_the_reason_may_be_left_out(stage: Stage) -> None:
    case = stage.case()
    assert "\n>" not in words(ask_by_form(case))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Please complete this required field."),
        ("abc", "“abc” is not an order id"),
        ("1" * 40, "That number has 40 digits"),
        ("   ", "is missing"),
    ],
)
def test_a_mistake_is_said_beside_the_field_and_the_form_stays(
    stage: Stage, typed: str, sentence: str
) -> None:
    form = open_form(stage, stage.next_channel())
    answer = stage.people.submit(form, order_id=typed)
    assert answer["ok"] is False
    assert list(answer["errors"]) == ["order_id"]
    assert sentence in answer["errors"]["order_id"]
    assert "`" not in answer["errors"]["order_id"]
    (open_view,) = stage.people.state()["views"]
    assert open_view["id"] == form["id"]
    stage.people.dismiss(form)


def test_an_order_that_has_a_request_is_refused_beside_the_field(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    form = open_form(stage, case.channel)
    answer = case.people.submit(form, order_id=case.order)
    assert "There is already a request for this order" in answer["errors"]["order_id"]
    assert f"/cancel-order status {case.order}" in answer["errors"]["order_id"]
    case.people.dismiss(form)
    assert len(case.cards()) == 1


def test_an_unknown_order_is_told_after_the_form_has_closed(stage: Stage) -> None:
    channel = stage.next_channel()
    form = open_form(stage, channel)
    assert stage.people.submit(form, order_id="88888888")["ok"]
    stage.people.wait_for(
        "the answer",
        lambda: any("88888888" in text for text in stage.people.private(channel=channel)),
    )


def test_no_email_is_what_acme_is_asked_for(stage: Stage) -> None:
    case = stage.case()
    card = ask_by_form(case, notify="none")
    assert "The guest gets no e-mail" in words(card)
    case.approve()
    details = fields(case.reply("Refunded $400.00"))
    assert details["E-mail to the guest"] == "none"
    (change,) = case.changes()
    assert change["path"] == "/v2/b2b/orders/update"
    assert change["body"]["noEmail"] is True


def test_the_confirmation_is_acmes_default_and_not_asked_for(stage: Stage) -> None:
    case = stage.case()
    ask_by_form(case, notify="confirmation")
    case.approve()
    case.reply("Refunded $400.00")
    assert "noEmail" not in case.changes()[0]["body"]


def test_the_refund_email_goes_through_the_refund_api_which_counts_what_goes(stage: Stage) -> None:
    case = stage.case()
    ask_by_form(case, notify="refund")
    case.choose(1)
    case.approve()
    case.card("partly cancelled")
    details = fields(case.reply("Refunded $100.00"))
    (change,) = case.changes()
    assert change["path"] == "/v2/b2b/b2b/refunds"
    assert [item["quantity"] for item in change["body"]["refundItems"]] == [1]
    assert change["body"]["incidentReasonCode"] == "Miscellaneous"
    assert case.upstream()["refunded"] == "100.00"
    assert case.upstream()["lines"][0]["quantity"] == 3
    assert "refund" in details["E-mail to the guest"]
    # The incident number, which only the Refund API gives.
    assert details["Upstream reference"].startswith("700")


def test_the_global_shortcut_asks_for_a_channel(stage: Stage) -> None:
    case = stage.case()
    assert case.people.shortcut("cancel_order_global")["ok"]
    form = case.people.form("cancel_order")
    assert list(inputs(form)) == ["order_id", "reason", "notify", "channel"]
    answer = case.people.submit(form, order_id=case.order)
    assert list(answer["errors"]) == ["channel"]
    assert case.people.submit(form, order_id=case.order, channel=case.channel)["ok"]
    case.card("waiting for approval")
    case.approve()
    case.reply("Refunded $400.00")


def test_the_message_shortcut_fills_in_the_order_it_finds(stage: Stage) -> None:
    case = stage.case()
    ts = case.people.say(
        f"Guest of order #{case.order} called (line 3), is ill", channel=case.channel
    )
    answer = case.people.shortcut("cancel_order_message", channel=case.channel, message_ts=ts)
    assert answer["ok"]
    form = case.people.form("cancel_order")
    assert inputs(form)["order_id"]["initial_value"] == case.order
    assert case.people.submit(form)["ok"]
    case.card("waiting for approval")


def test_the_message_shortcut_names_all_orders_it_finds(stage: Stage) -> None:
    first, second = stage.case(), stage.case()
    ts = stage.people.say(f"{first.order} and {second.order}, please", channel=first.channel)
    stage.people.shortcut("cancel_order_message", channel=first.channel, message_ts=ts)
    form = stage.people.form("cancel_order")
    assert inputs(form)["order_id"]["initial_value"] == first.order
    (hint,) = [b["hint"]["text"] for b in form["blocks"] if b.get("block_id") == "order_id"]
    assert f"{first.order}, {second.order}" in hint
    stage.people.dismiss(form)


def test_a_message_without_an_order_is_said_to_have_none(stage: Stage) -> None:
    case = stage.case()
    ts = case.people.say("Call 4242 back, please", channel=case.channel)
    case.people.shortcut("cancel_order_message", channel=case.channel, message_ts=ts)
    case.told("There is no order id in that message")
    assert case.people.state()["views"] == []


def test_a_form_that_is_submitted_twice_makes_one_request(stage: Stage) -> None:
    case = stage.case()
    card = ask_by_form(case)
    assert buttons(card)["approve"]
    form = open_form(stage, case.channel)
    assert case.people.submit(form, order_id=case.order)["ok"] is False
    case.people.dismiss(form)
    assert case.people.state(APPROVER)["views"] == []
