"""Submitting and closing modals: what people may enter, and what the bot may answer."""

from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse, Response

from tests.unit.sandbox.slack_desk import (
    REFUNDS,
    ROBIN,
    Desk,
    Json,
    actions,
    button,
    desk,
    modal,
    option,
    plain,
    section,
    text_input,
)

TROUBLE = "We had some trouble connecting. Try again?"


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def entry(kind: str, **element: object) -> Json:
    """An input block of the given kind with block id `field` and action id `value`."""
    return {
        "type": "input",
        "block_id": "field",
        "label": plain("Field"),
        "optional": element.pop("optional", False),
        "element": {"type": kind, "action_id": "value", **element},
    }


def enter(kind: str, **state: object) -> Json:
    return {"field": {"value": {"type": kind, **state}}}


def submit(at: Desk, view: Json, values: Json | None = None) -> Json:
    return at.ui("submit", view_id=view["id"], values=values or {})


def reason(text: str) -> Json:
    return {"reason": {"value": {"type": "plain_text_input", "value": text}}}


def test_a_submission_carries_what_was_entered(at: Desk) -> None:
    view = at.open_modal(modal(private_metadata="r1"))
    assert submit(at, view, reason("customer ill"))["ok"]
    sent = at.bot.last
    assert (sent["type"], sent["user"]["id"], sent["response_urls"]) == (
        "view_submission",
        ROBIN,
        [],
    )
    assert sent["view"]["state"]["values"] == reason("customer ill")
    assert (sent["view"]["private_metadata"], sent["view"]["callback_id"]) == (
        "r1",
        "cancel_order",
    )
    assert (sent["view"]["hash"], sent["view"]["root_view_id"]) == (view["hash"], view["id"])


def test_an_empty_answer_closes_the_modal(at: Desk) -> None:
    assert submit(at, at.open_modal(modal()), reason("x"))["ok"]
    assert at.state()["views"] == []


def test_a_required_field_left_empty_never_reaches_the_bot(at: Desk) -> None:
    view = at.open_modal(modal(text_input("reason"), text_input("note", optional=True)))
    delivered = len(at.bot.received)
    answer = submit(at, view)
    assert (answer["error"], answer["errors"]) == (
        "missing_input",
        {"reason": "Please complete this required field."},
    )
    assert at.state()["views"][0]["errors"] == answer["errors"]
    assert len(at.bot.received) == delivered


def test_what_an_element_begins_with_counts_as_entered(at: Desk) -> None:
    block = entry("static_select", options=[option("a"), option("b")], initial_option=option("b"))
    submit(at, at.open_modal(modal(block)))
    assert at.bot.last["view"]["state"]["values"] == enter(
        "static_select", selected_option=option("b")
    )


def test_a_conversation_can_begin_with_the_one_the_modal_was_opened_from(at: Desk) -> None:
    at.command("", channel=REFUNDS)
    block = entry(
        "conversations_select", default_to_current_conversation=True, response_url_enabled=True
    )
    opened = at.api("views.open", trigger_id=at.bot.last["trigger_id"], view=modal(block))
    submit(at, opened["view"])
    (url,) = at.bot.last["response_urls"]
    assert (url["block_id"], url["action_id"], url["channel_id"]) == ("field", "value", REFUNDS)
    assert at.respond(url["response_url"], text="hello").status_code == 200


EMPTY: list[tuple[Json, Json]] = [
    (entry("plain_text_input"), {"value": None}),
    (entry("number_input", is_decimal_allowed=False), {"value": None}),
    (entry("static_select", options=[option("a")]), {"selected_option": None}),
    (entry("checkboxes", options=[option("a")]), {"selected_options": []}),
    (entry("users_select"), {"selected_user": None}),
    (entry("multi_users_select"), {"selected_users": []}),
    (entry("datepicker"), {"selected_date": None}),
]


@pytest.mark.parametrize(("block", "empty"), EMPTY, ids=lambda part: str(part)[-30:])
def test_an_optional_field_left_empty_is_in_the_state_as_slack_has_it(
    at: Desk, block: Json, empty: Json
) -> None:
    submit(at, at.open_modal(modal({**block, "optional": True})))
    assert at.bot.last["view"]["state"]["values"] == enter(block["element"]["type"], **empty)


REFUSED: list[tuple[Json, Json, str]] = [
    (
        entry("number_input", is_decimal_allowed=False, max_value="4"),
        {"value": "5"},
        "Please enter a number of at most 4.",
    ),
    (
        entry("number_input", is_decimal_allowed=False, min_value="1"),
        {"value": "0"},
        "Please enter a number of at least 1.",
    ),
    (
        entry("number_input", is_decimal_allowed=False),
        {"value": "1.5"},
        "Please enter a whole number.",
    ),
    (entry("number_input", is_decimal_allowed=True), {"value": "two"}, "Please enter a number."),
    (
        entry("plain_text_input", min_length=5),
        {"value": "ill"},
        "Please enter at least 5 characters.",
    ),
    (
        entry("plain_text_input", max_length=5),
        {"value": "too long"},
        "Please enter no more than 5 characters.",
    ),
    (entry("plain_text_input"), {"value": 5}, "Please enter text."),
    (
        entry("email_text_input"),
        {"value": "somebody"},
        "Please enter a valid email address.",
    ),
    (entry("url_text_input"), {"value": "somewhere"}, "Please enter a valid URL."),
    (
        entry("static_select", options=[option("a")]),
        {"selected_option": option("b")},
        "Please choose one of the options.",
    ),
    (
        entry("checkboxes", options=[option("a")]),
        {"selected_options": [option("a"), option("b")]},
        "Please choose one of the options.",
    ),
    (entry("users_select"), {"selected_user": "U0NOBODY"}, "Please choose one of the options."),
    (
        entry("multi_users_select"),
        {"selected_users": [["U0REQUEST"]]},
        "Please choose one of the options.",
    ),
    (
        entry("conversations_select"),
        {"selected_conversation": "C0NOWHERE"},
        "Please choose one of the options.",
    ),
    (entry("datepicker"), {"selected_date": "tomorrow"}, "Please choose one of the options."),
    (
        entry("datetimepicker"),
        {"selected_date_time": "tomorrow"},
        "Please choose a date and time.",
    ),
]


@pytest.mark.parametrize(("block", "state", "sentence"), REFUSED, ids=lambda part: str(part)[-30:])
def test_what_slack_would_not_let_people_enter_never_reaches_the_bot(
    at: Desk, block: Json, state: Json, sentence: str
) -> None:
    view = at.open_modal(modal(block))
    delivered = len(at.bot.received)
    answer = submit(at, view, enter(block["element"]["type"], **state))
    assert answer["errors"] == {"field": sentence}
    assert len(at.bot.received) == delivered


def test_a_field_that_is_not_in_the_modal_cannot_be_entered(at: Desk) -> None:
    view = at.open_modal(modal(section(), entry("plain_text_input", optional=True)))
    assert set(submit(at, view, reason("x"))["errors"]) == {"reason"}


def test_choices_outside_of_inputs_are_submitted_too(at: Desk) -> None:
    menu = {"type": "static_select", "action_id": "who", "options": [option("me")]}
    view = at.open_modal(modal(actions(menu, button()), text_input(optional=True)))
    at.ui(
        "action",
        view_id=view["id"],
        block_id="buttons",
        action_id="who",
        selected_option=option("me"),
    )
    submit(at, view)
    values = at.bot.last["view"]["state"]["values"]
    assert values["buttons"] == {"who": {"type": "static_select", "selected_option": option("me")}}


def test_errors_are_shown_beside_their_fields_and_the_modal_stays(at: Desk) -> None:
    view = at.open_modal(modal())
    at.bot.answers({"response_action": "errors", "errors": {"reason": "Too short"}})
    answer = submit(at, view, reason("x"))
    assert (answer["error"], answer["errors"]) == ("view_errors", {"reason": "Too short"})
    (shown,) = at.state()["views"]
    assert shown["errors"] == {"reason": "Too short"}
    assert shown["state"]["values"] == reason("x")
    at.bot.answer = lambda _: Response("")
    assert submit(at, view, reason("longer"))["ok"]


def test_an_update_replaces_the_modal(at: Desk) -> None:
    view = at.open_modal(modal())
    at.bot.answers({"response_action": "update", "view": modal(title=plain("Choose tickets"))})
    assert submit(at, view, reason("x"))["ok"]
    (shown,) = at.state()["views"]
    assert (shown["id"], shown["title"]["text"]) == (view["id"], "Choose tickets")


def test_a_push_puts_a_modal_on_top_and_closing_it_comes_back(at: Desk) -> None:
    view = at.open_modal(modal())
    at.bot.answers({"response_action": "push", "view": modal(callback_id="choose_tickets")})
    submit(at, view, reason("x"))
    below, top = at.state()["views"]
    assert (below["id"], top["callback_id"]) == (view["id"], "choose_tickets")
    at.bot.answer = lambda _: Response("")
    submit(at, top, reason("y"))
    assert [shown["id"] for shown in at.state()["views"]] == [view["id"]]


def test_a_clear_closes_the_whole_stack(at: Desk) -> None:
    view = at.open_modal(modal())
    at.bot.answers({"response_action": "push", "view": modal()})
    submit(at, view, reason("x"))
    at.bot.answers({"response_action": "clear"})
    submit(at, at.state()["views"][-1], reason("x"))
    assert at.state()["views"] == []


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_errors"),
        ({"response_action": "errors", "errors": {}}, "invalid_errors"),
        ({"response_action": "errors", "errors": {"reason": 5}}, "invalid_errors"),
        ({"response_action": "update", "view": modal(title=plain("x" * 25))}, "invalid_view"),
        ({"response_action": "update"}, "invalid_view"),
        ({"response_action": "explode"}, "invalid_response"),
        ({"response_action": ["errors"]}, "invalid_response"),
        ({"text": "thanks"}, "invalid_response"),
    ],
)
def test_an_answer_slack_does_not_understand_leaves_the_modal_open(
    at: Desk, response: Json, error: str
) -> None:
    view = at.open_modal(modal())
    at.bot.answers(response)
    answer = submit(at, view, reason("x"))
    assert (answer["error"], answer["message"]) == (error, TROUBLE)
    assert len(at.state()["views"]) == 1


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (Response("", 500), "dispatch_failed"),
        (PlainTextResponse("thanks"), "invalid_response"),
    ],
)
def test_a_submission_that_fails_leaves_the_modal_open(
    at: Desk, response: Response, error: str
) -> None:
    view = at.open_modal(modal())
    at.bot.answer = lambda _: response
    assert submit(at, view, reason("x"))["error"] == error
    assert len(at.state()["views"]) == 1


def test_a_modal_without_submit_cannot_be_submitted(at: Desk) -> None:
    view = modal(section("Loading…"))
    del view["submit"]
    assert submit(at, at.open_modal(view))["error"] == "no_submit"


def test_a_modal_belongs_to_whoever_opened_it(at: Desk) -> None:
    view = at.open_modal(modal())
    for path in ("submit", "close"):
        answer = at.ui(path, user="U0APPROVE", view_id=view["id"])
        assert answer["error"] == "view_not_found"


def test_closing_is_told_only_to_a_bot_that_asked(at: Desk) -> None:
    quiet = at.open_modal(modal())
    delivered = len(at.bot.received)
    assert at.ui("close", view_id=quiet["id"])["ok"]
    assert (len(at.bot.received), at.state()["views"]) == (delivered, [])
    loud = at.open_modal(modal(notify_on_close=True))
    at.ui("close", view_id=loud["id"])
    sent = at.bot.last
    assert (sent["type"], sent["view"]["id"], sent["is_cleared"]) == (
        "view_closed",
        loud["id"],
        False,
    )
    assert "trigger_id" not in sent


def test_a_modal_that_clears_on_close_takes_the_stack_with_it(at: Desk) -> None:
    view = at.open_modal(modal(notify_on_close=True))
    pushed = modal(clear_on_close=True, notify_on_close=True)
    at.bot.answers({"response_action": "push", "view": pushed})
    submit(at, view, reason("x"))
    at.bot.answer = lambda _: Response("")
    at.ui("close", view_id=at.state()["views"][-1]["id"])
    assert at.state()["views"] == []
    assert [sent.fields["is_cleared"] for sent in at.bot.received[-2:]] == [True, True]


def test_a_modal_closes_even_if_the_bot_does_not_hear_of_it(at: Desk) -> None:
    view = at.open_modal(modal(notify_on_close=True))
    at.bot.answer = lambda _: Response("", 500)
    answer = at.ui("close", view_id=view["id"])
    assert (answer["ok"], answer["notified"], at.state()["views"]) == (True, "dispatch_failed", [])
