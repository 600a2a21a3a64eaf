"""The Block Kit validator: Slack's limits, one by one, with the place where they were broken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack.blockkit import check_blocks, check_message, check_view
from tests.unit.sandbox.slack_desk import (
    Json,
    actions,
    button,
    message_of,
    modal,
    option,
    plain,
    section,
    text_input,
)

CONFIRM = {
    "title": plain("Sure?"),
    "text": {"type": "mrkdwn", "text": "Refund *$400.00*?"},
    "confirm": plain("Refund"),
    "deny": plain("No"),
    "style": "danger",
}


def select(**more: object) -> Json:
    return {"type": "static_select", "action_id": "value", "options": [option("a")], **more}


def field(element: Json, **more: object) -> Json:
    return {"type": "input", "label": plain("Label"), "element": element, **more}


def number(**more: object) -> Json:
    return {"type": "number_input", "is_decimal_allowed": False, "action_id": "value", **more}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def rich_section(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def table(*rows: list[Json], **more: object) -> Json:
    return {"type": "table", "rows": list(rows), **more}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


SOUND: list[Json] = [
    {"type": "header", "text": plain("x" * 150)},
    section("x" * 3000),
    {"type": "section", "fields": [plain("x" * 2000)] * 10},
    {**section(), "accessory": button(value="v" * 2000, style="primary", confirm=CONFIRM)},
    {
        **section(),
        "accessory": {"type": "overflow", "action_id": "o", "options": [option("a")] * 5},
    },
    {**section(), "accessory": {"type": "datepicker", "initial_date": "2031-03-04"}},
    {
        "type": "context",
        "elements": [
            plain("By Robin"),
            {"type": "image", "image_url": "https://x/y", "alt_text": "a"},
        ],
    },
    actions(*(button(f"b{n}") for n in range(25))),
    {"type": "divider"},
    {
        "type": "image",
        "image_url": "https://x/y.png",
        "alt_text": "A seat map",
        "title": plain("t"),
    },
    field(select(options=[option(str(n)) for n in range(100)], initial_option=option("7"))),
    field(
        {
            "type": "static_select",
            "option_groups": [{"label": plain("g"), "options": [option("a")]}],
            "initial_option": option("a"),
        }
    ),
    field(number(min_value="0", max_value="4", initial_value="4"), optional=True),
    field(
        {
            "type": "checkboxes",
            "options": [option("a"), option("b")],
            "initial_options": [option("b")],
        }
    ),
    field(
        {
            "type": "radio_buttons",
            "options": [{"text": {"type": "mrkdwn", "text": "*a*"}, "value": "a"}],
        }
    ),
    field({"type": "users_select", "placeholder": plain("Who?")}),
    rich(
        rich_section(
            {"type": "text", "text": "b", "style": {"bold": True, "code": True}},
            {"type": "link", "url": "https://x", "text": "y"},
            {"type": "user", "user_id": "U1"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "emoji", "name": "wave"},
            {"type": "date", "timestamp": 1_763_800_000, "format": "{date}", "fallback": "today"},
        ),
        {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [rich_section()]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "q"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "p"}]},
    ),
    table(
        [cell(), {"type": "raw_number", "value": 12.5}],
        [cell(), rich(rich_section({"type": "text", "text": "r"}))],
        column_settings=[{"align": "right", "is_wrapped": True}, None],
    ),
]


@pytest.mark.parametrize("block", SOUND, ids=lambda block: json.dumps(block)[:40])
def test_a_block_at_its_limits_is_sound(block: Json) -> None:
    assert check_blocks([block]) == []


def test_an_objection_is_worded_and_placed_as_slack_does() -> None:
    assert check_blocks([{"type": "header", "text": plain("x" * 151)}]) == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]


BROKEN: list[tuple[Json, str, str]] = [
    (section("x" * 3001), "/text/text", "must be less than 3001 characters"),
    (section(""), "/text/text", "must be more than 0 characters"),
    ({"type": "section"}, "", "must define either `text` or `fields`"),
    ({"type": "section", "fields": [plain("x")] * 11}, "/fields", "no more than 10 items allowed"),
    ({**section(), "colour": "red"}, "", "invalid additional property: colour"),
    (
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        "/text/type",
        "unsupported type: mrkdwn",
    ),
    ({"type": "header"}, "", "missing required field: text"),
    ({"type": "fancy"}, "/type", "unsupported type: fancy"),
    ({}, "", "missing required field: type"),
    (
        {"type": "context", "elements": [plain("x")] * 11},
        "/elements",
        "no more than 10 items allowed",
    ),
    ({"type": "context", "elements": []}, "/elements", "no fewer than 1 items allowed"),
    (actions(*(button(f"b{n}") for n in range(26))), "/elements", "no more than 25 items allowed"),
    (
        actions(button(text=plain("x" * 76))),
        "/elements/0/text/text",
        "must be less than 76 characters",
    ),
    (actions(button(value="v" * 2001)), "/elements/0/value", "must be less than 2001 characters"),
    (actions(button(style="green")), "/elements/0/style", "must be a valid enum value"),
    (actions(button(url="nowhere")), "/elements/0/url", "must be a valid URL"),
    (actions(button("x" * 256)), "/elements/0/action_id", "must be less than 256 characters"),
    (
        actions(button("same"), button("same")),
        "/elements/1/action_id",
        "action_id already exists in this block: same",
    ),
    (
        actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
        "/elements/0/confirm/title/text",
        "must be less than 101 characters",
    ),
    (
        actions(button(confirm={**CONFIRM, "text": plain("x" * 301)})),
        "/elements/0/confirm/text/text",
        "must be less than 301 characters",
    ),
    (
        actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)})),
        "/elements/0/confirm/deny/text",
        "must be less than 31 characters",
    ),
    (
        actions({"type": "overflow", "options": [option("a")] * 6}),
        "/elements/0/options",
        "no more than 5 items allowed",
    ),
    (
        actions({"type": "plain_text_input", "action_id": "v"}),
        "/elements/0/type",
        "unsupported type: plain_text_input",
    ),
    (field(button()), "/element/type", "unsupported type: button"),
    (field(select(options=[])), "/element/options", "no fewer than 1 items allowed"),
    (
        field(select(options=[option(str(n)) for n in range(101)])),
        "/element/options",
        "no more than 100 items allowed",
    ),
    (
        field(select(options=[{"text": plain("x" * 76), "value": "a"}])),
        "/element/options/0/text/text",
        "must be less than 76 characters",
    ),
    (
        field(select(options=[{"text": plain("x"), "value": "a" * 151}])),
        "/element/options/0/value",
        "must be less than 151 characters",
    ),
    (
        field(select(initial_option=option("b"))),
        "/element/initial_option",
        "must be one of the options",
    ),
    (
        field({"type": "static_select", "action_id": "v"}),
        "/element",
        "must define either `options` or `option_groups`",
    ),
    (
        field({"type": "checkboxes", "options": [option(str(n)) for n in range(11)]}),
        "/element/options",
        "no more than 10 items allowed",
    ),
    (field({"type": "number_input"}), "/element", "missing required field: is_decimal_allowed"),
    (field(number(min_value=1)), "/element/min_value", "must provide a string"),
    (field(number(max_value="four")), "/element/max_value", "must be a valid number"),
    (field(number(max_value="1.5")), "/element/max_value", "must be a whole number"),
    (
        field(number(min_value="5", max_value="4")),
        "/element/min_value",
        "must not be greater than max_value",
    ),
    (
        field(number(max_value="4", initial_value="5")),
        "/element/initial_value",
        "must be between min_value and max_value",
    ),
    (
        text_input(element={"max_length": 3001}),
        "/element/max_length",
        "must be between 1 and 3000",
    ),
    (
        text_input(element={"min_length": 5, "max_length": 4}),
        "/element/min_length",
        "must not be greater than max_length",
    ),
    (field(select(), label=plain("x" * 2001)), "/label/text", "must be less than 2001 characters"),
    (
        field({"type": "conversations_select", "response_url_enabled": True}),
        "/element/response_url_enabled",
        "only available in an input block of a modal",
    ),
    (rich(), "/elements", "no fewer than 1 items allowed"),
    (
        rich(rich_section({"type": "text", "text": ""})),
        "/elements/0/elements/0/text",
        "must be more than 0 characters",
    ),
    (
        rich({"type": "rich_text_list", "style": "stars", "elements": [rich_section()]}),
        "/elements/0/style",
        "must be a valid enum value",
    ),
    (table(*[[cell()]] * 101), "/rows", "no more than 100 items allowed"),
    (table([cell()] * 21), "/rows/0", "no more than 20 items allowed"),
    (table([cell("")]), "/rows/0/0/text", "must be more than 0 characters"),
    (
        table([cell("x" * 6000), cell("x" * 4001)]),
        "/rows",
        "must have less than 10001 characters in all cells together",
    ),
]


@pytest.mark.parametrize(("block", "where", "reason"), BROKEN, ids=lambda part: str(part)[:40])
def test_a_broken_rule_is_named_with_its_place(block: Json, where: str, reason: str) -> None:
    assert message_of(check_blocks([block])) == [(f"/blocks/0{where}", reason)]


def test_every_mistake_is_named_not_only_the_first() -> None:
    problems = check_blocks([section(""), {"type": "header", "text": plain("x" * 151)}])
    assert [pointer for pointer, _ in message_of(problems)] == [
        "/blocks/0/text/text",
        "/blocks/1/text/text",
    ]


def test_a_message_has_at_most_fifty_blocks_and_a_modal_a_hundred() -> None:
    assert message_of(check_blocks([section()] * 51)) == [
        ("/blocks", "no more than 50 items allowed")
    ]
    assert check_blocks([section()] * 100, "modal") == []
    assert message_of(check_blocks([section()] * 101, "modal")) == [
        ("/blocks", "no more than 100 items allowed")
    ]


def test_block_ids_are_unique() -> None:
    twice = [actions(button(), block_id="b"), actions(button(), block_id="b")]
    assert message_of(check_blocks(twice)) == [("/blocks/1/block_id", "block_id already exists: b")]


def test_a_message_has_one_table_and_a_modal_none() -> None:
    assert message_of(check_blocks([table([cell()]), table([cell()])])) == [
        ("/blocks/1", "only_one_table_allowed")
    ]
    assert message_of(check_blocks([table([cell()])], "modal")) == [
        ("/blocks/0/type", "unsupported type: table")
    ]


@pytest.mark.parametrize("blocks", [None, "blocks", {"type": "section"}, 5])
def test_blocks_that_are_no_list_are_an_objection(blocks: object) -> None:
    assert message_of(check_blocks(blocks)) == [("/blocks", "must provide an array")]


def test_a_modal_within_its_limits_is_sound() -> None:
    view = modal(
        text_input(),
        close=plain("Never mind"),
        private_metadata="x" * 3000,
        notify_on_close=True,
        clear_on_close=True,
        external_id="order-1",
    )
    assert check_view(view) == []


@pytest.mark.parametrize(
    ("view", "where", "reason"),
    [
        (modal(title=plain("x" * 25)), "/title/text", "must be less than 25 characters"),
        (modal(submit=plain("x" * 25)), "/submit/text", "must be less than 25 characters"),
        (
            modal(private_metadata="x" * 3001),
            "/private_metadata",
            "must be less than 3001 characters",
        ),
        (modal(state={}), "", "invalid additional property: state"),
        ({"type": "modal", "title": plain("t")}, "", "missing required field: blocks"),
        ({"type": "sheet", "blocks": []}, "", "unsupported type: sheet"),
        ("view", "", "must provide an object"),
        (modal(section("")), "/blocks/0/text/text", "must be more than 0 characters"),
    ],
)
def test_a_broken_view_is_named_with_its_place(view: object, where: str, reason: str) -> None:
    assert message_of(check_view(view)) == [(f"/view{where}", reason)]


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    view = modal()
    del view["submit"]
    assert message_of(check_view(view)) == [("/view", "missing required field: submit")]


def test_a_response_url_can_be_asked_for_in_a_modal() -> None:
    choose = {"type": "conversations_select", "response_url_enabled": True, "action_id": "value"}
    assert check_view(modal(field(choose))) == []


def test_a_message_needs_something_to_say() -> None:
    assert message_of(check_message({"channel": "C0REFUNDS"})) == [("", "no_text")]
    assert check_message({"text": "Refunded"}) == []
    assert check_message({"blocks": [section()]}) == []


def test_message_metadata_is_a_named_event_with_an_object() -> None:
    good = {"event_type": "cancellation", "event_payload": {"request": "r1"}}
    assert check_message({"text": "x", "metadata": good}) == []
    assert message_of(
        check_message({"text": "x", "metadata": {**good, "event_payload": "r1"}})
    ) == [("/metadata/event_payload", "must provide an object")]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "elements", "element", "options", "block_id", "rows", "x"]
            ),
            inner | st.sampled_from(["section", "input", "actions", "static_select", "table"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_json)
def test_whatever_is_checked_gets_an_answer(value: object) -> None:
    for problems in (
        check_blocks([value]),
        check_blocks(value),
        check_view(value),
        check_message(value),
    ):
        assert all(problem.startswith("[ERROR] ") for problem in problems)
