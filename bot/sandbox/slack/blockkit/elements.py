"""Rules for Block Kit's elements, and which of them may stand in which kind of block."""

import re
from decimal import Decimal

from bot.sandbox.slack.blockkit import objects
from bot.sandbox.slack.blockkit.schema import (
    Fields,
    Problems,
    Rule,
    array,
    exactly_one,
    flag,
    matching,
    object_to,
    one_of,
    record,
    string,
    url,
    whole,
)

NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)

_PLACEHOLDER = {"placeholder": objects.plain(150)}
_ACTION = {"action_id": objects.action_id}
_CONFIRM = {"confirm": objects.confirm}
_FOCUS = {"focus_on_load": flag}
_TYPED = {
    **_ACTION,
    **_PLACEHOLDER,
    **_FOCUS,
    "dispatch_action_config": objects.dispatch_action_config,
}
_PICKED = {**_ACTION, **_PLACEHOLDER, **_CONFIRM, **_FOCUS}
_MANY = {"max_selected_items": whole(1, 100)}
_DATE = matching(r"\d{4}-\d{2}-\d{2}", "must be a date in the form YYYY-MM-DD")
_TIME = matching(r"([01]\d|2[0-3]):[0-5]\d", "must be a time in the form HH:mm")
_ID = string(255)


def _element(kind: str, required: Fields, optional: Fields, *also: Rule) -> Rule:
    return record({"type": one_of(kind), **required}, optional, *also)


def _static(kind: str, initial: Fields) -> Rule:
    return _element(
        kind,
        {},
        {
            **_PICKED,
            **initial,
            "options": array(objects.option, 1, 100),
            "option_groups": array(objects.option_group, 1, 100),
        },
        exactly_one("options", "option_groups"),
        objects.initial_is_offered,
    )


def _lengths_agree(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, dict):
        return
    least, most = value.get("min_length", 0), value.get("max_length", 3000)
    if least > most:
        object_to(problems, f"{pointer}/min_length", "must not be greater than max_length")
    initial = value.get("initial_value")
    if initial and not least <= len(initial) <= most:
        object_to(
            problems, f"{pointer}/initial_value", f"must be {least} to {most} characters long"
        )


def _bounds_agree(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, dict):
        return
    decimal_allowed = value["is_decimal_allowed"]
    numbers: dict[str, Decimal] = {}
    for name in ("min_value", "max_value", "initial_value"):
        if name not in value:
            continue
        if not NUMBER.fullmatch(value[name]):
            object_to(problems, f"{pointer}/{name}", "must be a valid number")
        elif not decimal_allowed and "." in value[name]:
            object_to(problems, f"{pointer}/{name}", "must be a whole number")
        else:
            numbers[name] = Decimal(value[name])
    least, most, initial = (numbers.get(n) for n in ("min_value", "max_value", "initial_value"))
    if least is not None and most is not None and least > most:
        object_to(problems, f"{pointer}/min_value", "must not be greater than max_value")
    if initial is not None and (
        (least is not None and initial < least) or (most is not None and initial > most)
    ):
        object_to(problems, f"{pointer}/initial_value", "must be between min_value and max_value")


button = _element(
    "button",
    {"text": objects.plain(75)},
    {
        **_ACTION,
        **_CONFIRM,
        "url": url,
        "value": string(2000, least=0),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
)

image = record(
    {"type": one_of("image"), "alt_text": string(2000)},
    {"image_url": url, "slack_file": objects.slack_file},
    exactly_one("image_url", "slack_file"),
)

_overflow = _element(
    "overflow",
    {"options": array(objects.overflow_option, 1, 5)},
    {**_ACTION, **_CONFIRM},
)

_checkboxes = _element(
    "checkboxes",
    {"options": array(objects.choice, 1, 10)},
    {**_ACTION, **_CONFIRM, **_FOCUS, "initial_options": array(objects.choice, 1, 10)},
    objects.initial_is_offered,
)

_radio_buttons = _element(
    "radio_buttons",
    {"options": array(objects.choice, 1, 10)},
    {**_ACTION, **_CONFIRM, **_FOCUS, "initial_option": objects.choice},
    objects.initial_is_offered,
)

_CONVERSATION = {
    "default_to_current_conversation": flag,
    "filter": objects.conversation_filter,
}

SELECTS: dict[str, Rule] = {
    "static_select": _static("static_select", {"initial_option": objects.option}),
    "users_select": _element("users_select", {}, {**_PICKED, "initial_user": _ID}),
    "conversations_select": _element(
        "conversations_select",
        {},
        {**_PICKED, **_CONVERSATION, "initial_conversation": _ID, "response_url_enabled": flag},
    ),
    "channels_select": _element(
        "channels_select",
        {},
        {**_PICKED, "initial_channel": _ID, "response_url_enabled": flag},
    ),
    "multi_static_select": _static(
        "multi_static_select", {"initial_options": array(objects.option, 1, 100), **_MANY}
    ),
    "multi_users_select": _element(
        "multi_users_select", {}, {**_PICKED, **_MANY, "initial_users": array(_ID, 1, 100)}
    ),
    "multi_conversations_select": _element(
        "multi_conversations_select",
        {},
        {**_PICKED, **_CONVERSATION, **_MANY, "initial_conversations": array(_ID, 1, 100)},
    ),
    "multi_channels_select": _element(
        "multi_channels_select", {}, {**_PICKED, **_MANY, "initial_channels": array(_ID, 1, 100)}
    ),
}

PICKERS: dict[str, Rule] = {
    "datepicker": _element("datepicker", {}, {**_PICKED, "initial_date": _DATE}),
    "timepicker": _element(
        "timepicker", {}, {**_PICKED, "initial_time": _TIME, "timezone": string(255)}
    ),
    "datetimepicker": _element(
        "datetimepicker",
        {},
        {**_ACTION, **_CONFIRM, **_FOCUS, "initial_date_time": whole(1_000_000_000, 9_999_999_999)},
    ),
}

CHOICES: dict[str, Rule] = {"checkboxes": _checkboxes, "radio_buttons": _radio_buttons}

TYPED: dict[str, Rule] = {
    "plain_text_input": _element(
        "plain_text_input",
        {},
        {
            **_TYPED,
            "initial_value": string(3000, least=0),
            "multiline": flag,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
        },
        _lengths_agree,
    ),
    "number_input": _element(
        "number_input",
        {"is_decimal_allowed": flag},
        {
            **_TYPED,
            "initial_value": string(255),
            "min_value": string(255),
            "max_value": string(255),
        },
        _bounds_agree,
    ),
    "email_text_input": _element(
        "email_text_input", {}, {**_TYPED, "initial_value": string(3000, least=0)}
    ),
    "url_text_input": _element(
        "url_text_input", {}, {**_TYPED, "initial_value": string(3000, least=0)}
    ),
}

in_actions: dict[str, Rule] = {
    "button": button,
    "overflow": _overflow,
    **CHOICES,
    **SELECTS,
    **PICKERS,
}
in_section: dict[str, Rule] = {
    **{kind: rule for kind, rule in in_actions.items() if kind != "datetimepicker"},
    "image": image,
}
in_input: dict[str, Rule] = {**CHOICES, **SELECTS, **PICKERS, **TYPED}
