"""What people type: lists and help, forgiven spellings, and mistakes that get a clear sentence."""

from __future__ import annotations

import pytest

from tests.integration import slack_wire
from tests.integration.stage import APPROVER, REQUESTER, SECOND, Case, Stage, words


def answer(stage: Stage, text: str, channel: str | None = None) -> str:
    """What the bot says at once, to the person alone."""
    given = stage.people.command(text, channel=channel or stage.next_channel())
    assert given["ok"], given
    assert given["response"]["response_type"] == "ephemeral"
    return str(given["response"]["text"])


@pytest.mark.parametrize("word", ["help", "HELP", "?", "--help", "  help  "])
def test_help_explains_every_way_to_use_the_command(stage: Stage, word: str) -> None:
    text = answer(stage, word)
    for shown in ("`/cancel-order 26644388`", "status", "pending", "history", "opens a form"):
        assert shown in text


def test_status_tells_how_an_order_stands(stage: Stage) -> None:
    case = stage.case()
    assert f"Nobody has asked for order {case.order}" in answer(stage, f"status {case.order}")
    card = case.asked()
    link = f"p{card['ts'].replace('.', '')}|Open the card>"

    def asked() -> str | None:
        """The card stands a moment before the bot knows where."""
        text = answer(stage, f"status #{case.order}", case.channel)
        return text if link in text else None

    waiting = case.people.wait_for("the link", asked)
    assert "*waiting for approval*" in waiting
    assert "4 tickets, $400.00" in waiting
    case.approve()
    case.reply("Refunded")
    assert "*cancelled*" in answer(stage, f"status {case.order}")


def test_status_of_a_failed_request_says_why(stage: Stage) -> None:
    case = stage.case("26644459")
    case.ask()
    case.told("Nothing is left to cancel")
    assert "Nothing is left to cancel" in answer(stage, f"status {case.order}")


def test_pending_lists_what_waits_and_history_what_was_asked(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    # Ten are listed, the longest waiting first: what earlier tests left is taken back.
    withdraw_all_but(stage, case)
    pending = answer(stage, "pending")
    assert case.number in pending
    assert f"<@{REQUESTER}>" in pending
    case.click("withdraw", REQUESTER)
    case.card("withdrawn")
    assert case.number not in answer(stage, "pending")
    assert case.number in answer(stage, "history")


def withdraw_all_but(stage: Stage, kept: Case) -> None:
    for channel in stage.channels:
        for message in stage.people.messages(channel=channel):
            is_card = message["bot"] and "[Withdraw]" in words(message)
            if is_card and kept.order not in words(message):
                stage.people.click(message, "withdraw", REQUESTER)


@pytest.mark.parametrize(
    "spelling",
    [
        "#{}",
        "# {}",
        "  {}  ",
        "https://backoffice.acme.example/orders/{}",
        "https://backoffice.acme.example/orders/{}/?tab=payments&x=1",
    ],
)
def test_an_order_id_is_understood_however_it_is_pasted(stage: Stage, spelling: str) -> None:
    case = stage.case()
    text = spelling.format(case.order)
    assert f"Reading order {case.order}" in answer(stage, text, case.channel)
    case.card("waiting for approval")


def test_full_width_digits_are_digits(stage: Stage) -> None:
    case = stage.case()
    wide = "".join(chr(0xFF10 + int(digit)) for digit in case.order)
    assert f"Reading order {case.order}" in answer(stage, wide, case.channel)
    case.card("waiting for approval")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("abc", "“abc” is not an order id"),
        ("order 26644388", "“order” is not an order id"),
        ("26644388x", "“26644388x” is not an order id"),
        ("12.5", "is not an order id"),
        ("-5", "is not an order id"),
        ("1" * 40, "That number has 40 digits; an order id has at most 19"),
        ("status", "An order id is missing"),
        ("status abc", "“abc” is not an order id"),
        ("#", "is missing"),
        ("26644388 26644402", "One order at a time"),
        ("https://backoffice.acme.example/orders/", "does not end in an order id"),
        ("nowhere:26644388", "There is no venue “nowhere”"),
        (f"26644388 {'x' * 600}", "The reason is 600 characters long"),
        ("<!channel>", "“&lt;!channel&gt;” is not an order id"),
        ("R&D", "“R&amp;D” is not an order id"),
        ("😀", "is not an order id"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(stage: Stage, text: str, sentence: str) -> None:
    channel = stage.next_channel()
    before = len(stage.people.messages(channel=channel))
    told = answer(stage, text, channel)
    assert sentence in told
    assert "<!channel>" not in told
    after = stage.people.messages(channel=channel)[before:]
    assert [message["ephemeral"] for message in after] == [True]


def test_a_mistake_comes_with_an_example(stage: Stage) -> None:
    assert "`/cancel-order 26644388 guest is ill`" in answer(stage, "abc")


def test_an_unknown_order_is_answered_privately(stage: Stage) -> None:
    channel = stage.next_channel()
    stage.people.command("99999999", channel=channel)

    def told() -> list[str]:
        private = stage.people.private(channel=channel)
        return [text for text in private if "has no order with the id 99999999" in text]

    (text,) = stage.people.wait_for("the answer", told)
    assert "not the order number" in text
    assert "Nothing was changed" in text
    assert not stage.people.cards("99999999", channel)


def test_the_order_number_is_not_mistaken_for_the_id(stage: Stage) -> None:
    case = stage.case()
    stage.people.command(case.number, channel=case.channel)
    case.told(f"has no order with the id {case.number}")


def test_an_order_that_is_cancelled_already_is_said_to_be(stage: Stage) -> None:
    case = stage.case("26644459")
    case.ask()
    assert "all tickets of this order are cancelled already" in case.told("was not cancelled")
    assert case.cards() == []


def test_what_was_refused_can_be_asked_for_again_at_once(stage: Stage) -> None:
    case = stage.case("26644459")
    for _ in range(2):
        assert f"Reading order {case.order}" in case.ask()
        case.people.wait_for(
            "the request's end", lambda: "not cancelled" in answer(stage, f"status {case.order}")
        )


def test_the_same_delivery_twice_is_one_request(stage: Stage) -> None:
    case = stage.case()
    body = slack_wire.command(case.order, REQUESTER, case.channel)
    headers = stage.wire.signed(body)
    first, second = (stage.wire.send(body, **headers) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    case.card("waiting for approval")
    assert len(case.cards()) == 1


def test_two_people_who_ask_at_once_make_one_request(stage: Stage) -> None:
    case = stage.case()
    texts = [case.ask(), case.ask(user=SECOND)]
    assert "Reading order" in texts[0]
    assert "There is already a request" in texts[1]
    case.card("waiting for approval")
    assert len(case.cards()) == 1
    assert case.private(APPROVER) == []
