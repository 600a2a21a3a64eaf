"""Slack's payloads: what is used of them, whatever else they hold or lack."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.request import Actor, MessageRef
from bot.slack.payloads import Click, FormContext, Shortcut, SlashCommand, Submission
from bot.slack.poster import Recipient

Json = dict[str, Any]

COMMAND: Json = {
    "command": "/cancel-order",
    "text": "26644388",
    "user_id": "U0REQUEST",
    "team_id": "T0MUSEUM",
    "channel_id": "C0REFUNDS",
    "trigger_id": "1.2.3",
    "response_url": "https://hooks.slack.com/commands/1",
    "token": "deprecated",
}
PERSON: Json = {"id": "U0REQUEST", "team_id": "T0MUSEUM", "username": "robin"}
CLICK: Json = {
    "type": "block_actions",
    "user": PERSON,
    "team": {"id": "T0MUSEUM", "domain": "museum"},
    "enterprise": None,
    "trigger_id": "1.2.3",
    "channel": {"id": "C0REFUNDS", "name": "refunds"},
    "container": {"channel_id": "C0REFUNDS", "message_ts": "1.2"},
    "message": {"ts": "1.2", "text": "Order"},
    "response_url": "https://hooks.slack.com/actions/1",
    "actions": [{"action_id": "approve", "block_id": "decision:1:2", "value": "r1"}],
}


def test_a_command_tells_who_asked_and_where() -> None:
    command = SlashCommand.model_validate(COMMAND)
    assert command.actor == Actor("U0REQUEST", "T0MUSEUM")
    assert command.text == "26644388"
    assert command.recipient == Recipient("U0REQUEST", "C0REFUNDS", COMMAND["response_url"])


def test_a_command_may_come_without_text_and_from_an_organisation() -> None:
    bare = {key: value for key, value in COMMAND.items() if key not in {"text", "response_url"}}
    command = SlashCommand.model_validate(bare | {"enterprise_id": "E0CHAIN"})
    assert (command.text, command.response_url) == ("", None)
    assert command.actor == Actor("U0REQUEST", "T0MUSEUM", "E0CHAIN")


@pytest.mark.parametrize("missing", ["user_id", "channel_id"])
def test_a_command_of_nobody_or_nowhere_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError):
        SlashCommand.model_validate({k: v for k, v in COMMAND.items() if k != missing})


def test_a_click_tells_who_clicked_what_and_where() -> None:
    click = Click.model_validate(CLICK)
    assert click.actor == Actor("U0REQUEST", "T0MUSEUM")
    assert (click.action.action_id, click.action.value) == ("approve", "r1")
    assert click.action.block_id == "decision:1:2"
    assert click.clicked == MessageRef("C0REFUNDS", "1.2")
    assert click.recipient == Recipient("U0REQUEST", "C0REFUNDS", CLICK["response_url"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"message": None}, MessageRef("C0REFUNDS", "1.2")),
        ({"channel": None}, MessageRef("C0REFUNDS", "1.2")),
        ({"container": None}, MessageRef("C0REFUNDS", "1.2")),
        ({"container": None, "message": None}, None),
        ({"container": None, "channel": None}, None),
    ],
)
def test_where_a_click_happened_is_found_in_either_place(
    changes: Json, expected: MessageRef | None
) -> None:
    assert Click.model_validate(CLICK | changes).clicked == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"enterprise": {"id": "E0CHAIN"}}, Actor("U0REQUEST", "T0MUSEUM", "E0CHAIN")),
        (
            {"enterprise": {"id": "E0CHAIN"}, "team": None},
            Actor("U0REQUEST", "T0MUSEUM", "E0CHAIN"),
        ),
        ({"team": None}, Actor("U0REQUEST", "T0MUSEUM")),
        ({"user": {"id": "U0REQUEST"}}, Actor("U0REQUEST", "T0MUSEUM")),
        ({"user": PERSON | {"team_id": "T0OTHER"}}, Actor("U0REQUEST", "T0OTHER")),
        ({"user": {"id": "U0REQUEST"}, "team": None}, Actor("U0REQUEST", "")),
    ],
)
def test_a_person_is_of_their_own_workspace(changes: Json, expected: Actor) -> None:
    assert Click.model_validate(CLICK | changes).actor == expected


@pytest.mark.parametrize("actions", [[], None, "approve", [{}], [None], [["approve"]]])
def test_a_click_on_nothing_is_refused(actions: object) -> None:
    with pytest.raises(ValidationError):
        Click.model_validate(CLICK | {"actions": actions})


@pytest.mark.parametrize(
    "changes",
    [
        {"team": "T0MUSEUM"},
        {"enterprise": {"id": ["E0CHAIN"]}},
        {"channel": {"id": {"id": "C0REFUNDS"}}},
        {"message": {"ts": 1.2}},
        {"container": ["C0REFUNDS", "1.2"]},
        {"user": PERSON | {"id": "U0REQUEST\0"}},
        {"user": PERSON | {"id": "U" * 33}},
        {"user": PERSON | {"team_id": "\ud800"}},
        {"actions": [{"action_id": "approve", "block_id": f"decision:{'9' * 5000}:2"}]},
        {"response_url": {"url": "https://hooks.slack.com/actions/1"}},
    ],
)
def test_a_click_of_another_shape_than_slacks_is_refused(changes: Json) -> None:
    """Nothing of it is taken for text, and no id is one that the database could not keep."""
    with pytest.raises(ValidationError):
        Click.model_validate(CLICK | changes)


def submission(values: Json, metadata: str = "") -> Submission:
    view = {"private_metadata": metadata, "state": {"values": values}, "id": "V1"}
    return Submission.model_validate({"type": "view_submission", "user": PERSON, "view": view})


@pytest.mark.parametrize(
    ("element", "entered"),
    [
        ({"type": "plain_text_input", "value": " ill "}, "ill"),
        ({"type": "plain_text_input", "value": "  "}, None),
        ({"type": "plain_text_input", "value": None}, None),
        ({"type": "number_input", "value": "0"}, "0"),
        ({"type": "static_select", "selected_option": {"value": "none"}}, "none"),
        ({"type": "static_select", "selected_option": None}, None),
        ({"type": "conversations_select", "selected_conversation": "C1"}, None),
    ],
)
def test_what_was_entered_is_read_from_any_element(element: Json, entered: str | None) -> None:
    assert submission({"reason": {"value": element}}).entered("reason") == entered


@pytest.mark.parametrize(
    ("element", "channel"),
    [
        ({"type": "conversations_select", "selected_conversation": "C1"}, "C1"),
        ({"type": "conversations_select", "selected_conversation": None}, None),
        ({"type": "conversations_select", "selected_conversation": ""}, None),
        ({"type": "plain_text_input", "value": "C" * 33}, None),
        ({"type": "static_select", "selected_option": {"value": "C1"}}, None),
    ],
)
def test_a_channel_is_read_from_where_slack_names_channels(
    element: Json, channel: str | None
) -> None:
    assert submission({"channel": {"value": element}}).conversation("channel") == channel


@pytest.mark.parametrize(
    "element",
    [
        {"value": ["ill"]},
        {"value": 1},
        {"value": "half a character: \ud800"},
        {"selected_option": "none"},
        {"selected_option": {"value": {"value": "none"}}},
        {"selected_conversation": {"id": "C1"}},
        None,
    ],
)
def test_what_nobody_can_have_entered_is_refused(element: Json | None) -> None:
    with pytest.raises(ValidationError):
        submission({"reason": {"value": element}})


def test_a_nul_that_was_entered_is_left_out() -> None:
    assert submission({"reason": {"value": {"value": " i\0ll\0"}}}).entered("reason") == "ill"


def test_a_field_that_is_not_on_the_form_was_not_entered() -> None:
    assert submission({}).entered("reason") is None
    assert submission({"reason": {"other": {"value": "x"}}}).entered("reason") is None


def test_shortcuts_tell_the_message_and_the_channel_if_there_is_one() -> None:
    anywhere = Shortcut.model_validate({"user": PERSON, "trigger_id": "1"})
    assert (anywhere.channel_id, anywhere.message_text) == (None, "")
    there = Shortcut.model_validate(
        {"user": PERSON, "channel": {"id": "C1"}, "message": {"text": "see 26644388"}}
    )
    assert (there.channel_id, there.message_text) == ("C1", "see 26644388")


contexts = st.builds(
    FormContext,
    request_id=st.none() | st.text(st.characters(exclude_characters="\0"), max_size=20),
    revision=st.none() | st.integers(1, 99),
    channel=st.none() | st.just("C0REFUNDS"),
    card_ts=st.none() | st.just("1784041200.000100"),
    response_url=st.none() | st.just("https://hooks.slack.com/1"),
)


def test_a_form_knows_the_card_it_was_asked_for_on() -> None:
    assert FormContext(channel="C1", card_ts="1.2").card == MessageRef("C1", "1.2")
    assert FormContext(channel="C1").card is None
    assert FormContext(card_ts="1.2").card is None


@given(contexts)
def test_what_travels_in_a_form_comes_back(context: FormContext) -> None:
    assert FormContext.load(context.dump()) == context
    assert len(context.dump()) < 3000


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", '{"revision": "x"}', '"r1"', "\x00", "\ud800", "9" * 5000),
        *("[" * 2900, '{"a":' * 600, '{"request_id": "r\\u0000"}', '{"channel": ["C0REFUNDS"]}'),
    ],
)
def test_what_somebody_else_put_into_a_form_is_nothing(text: str) -> None:
    assert FormContext.load(text) == FormContext()


@given(st.text())
def test_no_text_in_a_form_breaks_it(text: str) -> None:
    assert isinstance(FormContext.load(text), FormContext)


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "\u2060\u3164", "\ufe0f", "\u00ad\0"])
def test_what_shows_nothing_was_not_entered(text: str) -> None:
    state = {"values": {"reason": {"value": {"value": text}}}}
    form = Submission.model_validate({"user": PERSON, "view": {"state": state}})
    assert form.entered("reason") is None
