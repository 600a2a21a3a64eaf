"""The main job: ask, approve, and the order is cancelled exactly once, with the refund details."""

from __future__ import annotations

from tests.integration.stage import (
    APPROVER,
    REQUESTER,
    SECOND,
    SEED,
    Case,
    Stage,
    buttons,
    fields,
    headers,
    words,
)


def test_the_seed_order_is_cancelled_with_the_request_of_the_documentation(stage: Stage) -> None:
    """The very order of ACME's published sample, so it is not a copy."""
    case = Case(stage, SEED, "100130807", "C0REFUNDS", SEED)
    case.approved()
    (change,) = case.changes()
    assert change["path"] == "/v2/b2b/orders/update"
    assert change["body"] == {
        "orderId": "26644388",
        "orderItems": [{"orderItemId": "38042229", "quantity": 0}],
    }
    after = case.upstream()
    assert (after["total"], after["refunded"], after["balance"]) == ("0.00", "400.00", "0.00")


def test_the_refund_details_stand_in_the_thread(stage: Stage) -> None:
    case = stage.case()
    details = case.approved()
    stated = fields(details)
    assert "Refunded $400.00" in words(details)
    assert stated["Order number"] == case.number
    assert stated["Cancelled"] == "4 × General Admission"
    assert stated["Refund"] == "$400.00"
    assert stated["New order total"] == "$0.00"
    assert stated["Paid"] == "$400.00"
    assert stated["Balance"] == "$0.00"
    assert stated["Payment method"] == "credit card •••• 4242"
    assert stated["Asked by"] == f"<@{REQUESTER}>"
    assert stated["Approved by"] == f"<@{APPROVER}>"
    assert stated["E-mail to the guest"] == "order confirmation"
    assert case.order in stated["Upstream reference"]
    assert stated["Request"] == case.request_id()
    assert details["text"] == f"Refunded $400.00: 4 tickets of order {case.number} cancelled."


def test_the_card_shows_what_would_happen_before_anything_does(stage: Stage) -> None:
    case = stage.case()
    card = case.asked("guest is ill")
    text = words(card)
    assert headers(card) == [f"Order {case.number} · waiting for approval", "Refund $400.00"]
    assert f"<@{REQUESTER}> asks to cancel *4 tickets*, the whole order" in text
    assert "of B. C. (m•••@acme" in text
    assert "guest is ill" in text
    assert "*4 × General Admission*  4 × $100.00 = *$400.00*" in text
    assert "Riverside Gala Night" in text
    assert "credit card •••• 4242" in text
    assert set(buttons(card)) == {"approve", "edit", "reject", "withdraw"}
    sure = buttons(card)["approve"]["confirm"]
    assert sure["title"]["text"] == "Refund $400.00?"
    assert case.number in sure["text"]["text"]
    assert case.changes() == []


def test_the_guests_name_and_address_are_masked(stage: Stage) -> None:
    case = stage.case()
    details = case.approved()
    for message in (case.card(), details):
        for personal in ("Brad", "Clarke", "michele"):
            assert personal not in str(message)
    assert "of B. C. (m•••@acmeticketing.com)" in words(case.card())


def test_the_card_is_updated_in_place_through_its_whole_life(stage: Stage) -> None:
    case = stage.case()
    before = case.asked()
    case.approve()
    after = case.card("· cancelled")
    assert after["ts"] == before["ts"]
    assert len(case.cards()) == 1
    assert headers(after) == [f"Order {case.number} · cancelled", "Refunded $400.00"]
    assert f"Approved by <@{APPROVER}>" in words(after)
    assert buttons(after) == {}


def test_every_message_has_a_text_for_notifications(stage: Stage) -> None:
    case = stage.case()
    details = case.approved()
    assert case.number in case.card()["text"]
    assert "$400.00" in case.card()["text"]
    assert case.number in details["text"]


def test_the_asker_is_told_at_once_and_privately(stage: Stage) -> None:
    case = stage.case()
    assert f"Reading order {case.order} from ACME Ticketing" in case.ask()
    case.card("waiting for approval")
    assert case.private(APPROVER) == []


def test_a_reason_is_shown_as_it_was_typed(stage: Stage) -> None:
    case = stage.case()
    card = case.asked("Smith & Sons <hotel> moved")
    assert ">Smith &amp; Sons &lt;hotel&gt; moved" in words(card)


def test_approving_twice_refunds_once_and_tells_the_second_who_was_first(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    case.click("approve", APPROVER, card)
    raw = stage.outdated_click(card, "approve", SECOND)
    assert raw == 200
    told = case.told("approved this already", SECOND)
    assert f"<@{APPROVER}>" in told
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
    assert case.upstream()["refunded"] == "400.00"


def test_a_triple_click_of_one_person_refunds_once(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    assert [stage.outdated_click(card, "approve", APPROVER) for _ in range(3)] == [200] * 3
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
    assert len(case.people.replies(case.card())) == 1


def test_who_asked_cannot_approve(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.approve(REQUESTER)
    assert "somebody else must approve" in case.told("You asked for this yourself")
    assert case.changes() == []
    case.approve(APPROVER)
    case.reply("Refunded $400.00")


def test_a_second_request_for_an_order_is_answered_with_a_link_to_the_first(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    link = f"/archives/{case.channel}/p{card['ts'].replace('.', '')}|"

    def asks_again() -> str | None:
        told = case.ask("again", user=SECOND)
        return told if link in told else None  # where the card stands is noted after it does

    answer = case.people.wait_for("a link to the card", asks_again)
    assert f"There is already a request for order {case.number}" in answer
    assert "waiting for approval" in answer
    assert f"<@{REQUESTER}>" in answer
    assert len(case.cards()) == 1


def test_an_order_can_be_asked_for_again_once_a_request_is_over(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    case.click("withdraw", REQUESTER)
    case.card("withdrawn")
    case.asked("after all")
    case.approve()
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_orders_do_not_disturb_each_other(stage: Stage) -> None:
    cases = [stage.case() for _ in range(6)]
    for case in cases:
        case.ask()
    for case in cases:
        case.card("waiting for approval")
        case.approve()
    for case in cases:
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1


def test_the_story_that_make_demo_plays_comes_out_right(stage: Stage) -> None:
    case = stage.case("26644402")
    details = case.approved()
    assert fields(details)["Cancelled"] == "2 × Adult\n3 × Child"
    assert fields(details)["Refund"] == "$148.75"
    (change,) = case.changes()
    assert [item["quantity"] for item in change["body"]["orderItems"]] == [0, 0]
