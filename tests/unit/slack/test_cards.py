"""Every card and reply, whatever the order holds: Slack takes it, and it misleads nobody."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.request import Request, State
from bot.slack.cards import Message, card, reply
from bot.slack.cards.card import seen_revision
from bot.slack.cards.format import clean, money
from bot.slack.cards.message import simplified
from tests.examples import VENUE
from tests.strategies import GUEST_EMAIL, requests
from tests.unit.slack.rendered import (
    buttons,
    calls_nobody,
    everything,
    headers,
    objections,
    steers_nothing,
    texts,
)

quoted = requests(quoted=True)
large = requests(quoted=True, most_lines=80)


def shown(request: Request) -> list[Message]:
    answer = reply(request, VENUE)
    return [card(request, VENUE), *([answer] if answer else [])]


@settings(max_examples=150)
@given(quoted)
def test_slack_takes_every_card_and_reply(request: Request) -> None:
    for message in shown(request):
        assert objections(message) == []


@settings(max_examples=150)
@given(quoted)
def test_nothing_of_an_order_calls_anybody_or_turns_the_writing_round(request: Request) -> None:
    for message in shown(request):
        assert calls_nobody(message.text)
        assert all(calls_nobody(text) for text in texts(message.blocks))
        assert steers_nothing(message.blocks)
        assert steers_nothing(message.text)
        assert all("\n" not in text for text in texts(message.blocks, "plain_text"))


@settings(max_examples=60)
@given(quoted)
def test_a_guests_address_is_never_shown_whole(request: Request) -> None:
    for message in shown(request):
        assert GUEST_EMAIL not in everything(message)
    if request.order is not None and request.order.guest_email:
        assert "g•••@example.com" in everything(card(request, VENUE))


@settings(max_examples=60)
@given(quoted)
def test_the_amount_and_the_order_are_shown_large(request: Request) -> None:
    first, second = headers(card(request, VENUE))
    assert first.startswith(f"Order {clean(request.order_label, 40)} ·")
    assert request.quote is not None
    if request.state is State.PENDING and request.quote.blocks:
        assert second == "Cannot be approved as selected"
    elif request.state in {State.PENDING, State.APPROVED, State.EXECUTING, State.UNKNOWN}:
        assert second == f"Refund {money(request.quote.refund, VENUE)}"
    elif request.state is State.DONE and request.outcome and not request.outcome.needs_a_person:
        assert second == f"Refunded {money(request.outcome.refund, VENUE)}"
    else:
        assert "Refunded" not in second


@settings(max_examples=60)
@given(quoted)
def test_every_selected_line_is_shown_with_its_amount(request: Request) -> None:
    assert request.quote is not None
    text = everything(card(request, VENUE))
    for line in request.quote.lines:
        assert f"= *{money(line.amount, VENUE)}*" in text


BUTTONS = {
    State.PENDING: ["approve", "edit", "reject", "withdraw"],
    State.UNKNOWN: ["recheck", "resolve"],
}


@settings(max_examples=100)
@given(quoted)
def test_each_state_has_its_buttons_and_every_button_names_the_request(request: Request) -> None:
    found = buttons(card(request, VENUE))
    assert request.quote is not None
    expected = BUTTONS.get(request.state, [])
    if request.quote.blocks:
        expected = [action for action in expected if action != "approve"]
    assert [button["action_id"] for button in found] == expected
    assert {button["value"] for button in found} <= {request.id}


@settings(max_examples=60)
@given(requests(states=st.just(State.PENDING)))
def test_approving_asks_once_more_with_the_amount_and_the_order(request: Request) -> None:
    for button in buttons(card(request, VENUE)):
        if button["action_id"] != "approve":
            assert button.get("style") != "primary"
            continue
        assert button["style"] == "primary"
        assert request.quote is not None
        question = button["confirm"]["text"]["text"]
        assert money(request.quote.refund, VENUE) in question
        assert clean(request.order_label, 40) in question


@settings(max_examples=60)
@given(quoted)
def test_a_click_tells_which_quote_it_saw(request: Request) -> None:
    for block in card(request, VENUE).blocks:
        if block["type"] == "actions":
            assert seen_revision(block["block_id"]) == request.revision
            assert str(request.version) in block["block_id"]


@settings(max_examples=60)
@given(quoted)
def test_what_programs_can_read_holds_ids_only(request: Request) -> None:
    for message, kind in zip(shown(request), ("card", "result"), strict=False):
        assert message.metadata == {
            "event_type": "rescind_request",
            "event_payload": {
                "request_id": request.id,
                "kind": kind,
                "version": request.version,
            },
        }
        assert simplified(message).metadata == message.metadata


@settings(max_examples=40)
@given(large)
def test_orders_of_many_lines_fit_as_well(request: Request) -> None:
    for message in shown(request):
        assert objections(message) == []
        assert all(calls_nobody(text) for text in texts(message.blocks))
