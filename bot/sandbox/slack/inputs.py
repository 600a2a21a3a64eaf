"""Interactive elements as a person meets them: what they hold, what may be put into them."""

import re
from decimal import Decimal

from bot.sandbox.slack.blockkit import NUMBER, interactive_elements, offered_options
from bot.sandbox.slack.views import View
from bot.sandbox.slack.wire import Json, as_list
from bot.sandbox.slack.workspace import SlackSandbox

REQUIRED = "Please complete this required field."

_STATE_FIELD = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_STATELESS = frozenset({"button", "overflow"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://\S+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class InputRefusedError(Exception):
    """What Slack's client would not let a person enter; the message is what it shows."""


def state_field(element: Json) -> str:
    """The key under which an element's value travels, "value" for buttons."""
    return _STATE_FIELD.get(str(element.get("type")), "value")


def find_element(blocks: list[Json], block_id: str, action_id: str) -> Json | None:
    for block in blocks:
        if block.get("block_id") == block_id:
            for _, element in interactive_elements(block):
                if element.get("action_id") == action_id:
                    return element
    return None


def values_of(blocks: list[Json], held: Json, channel: str | None = None) -> Json:
    """`state.values` of a surface: what people entered, otherwise what the element began with."""
    values: Json = {}
    for block in blocks:
        for _, element in interactive_elements(block):
            if element.get("type") in _STATELESS:
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            kept = held.get(block_id, {}).get(action_id)
            fits = isinstance(kept, dict) and kept.get("type") == element["type"]
            state = kept if fits else initial_state(element, channel)
            values.setdefault(block_id, {})[action_id] = state
    return values


def view_values(view: View) -> Json:
    return values_of(view.blocks, view.values, view.channel)


def initial_state(element: Json, channel: str | None = None) -> Json:
    field = state_field(element)
    initial = element.get(
        field.replace("selected_", "initial_") if field != "value" else "initial_value"
    )
    if initial is None and element.get("default_to_current_conversation"):
        initial = channel
    if initial is None and field.endswith("s"):
        initial = []
    return {"type": element["type"], field: initial}


def is_empty(state: Json) -> bool:
    return all(value in (None, "", []) for key, value in state.items() if key != "type")


def adopt(slack: SlackSandbox, user: str, element: Json, given: Json) -> Json:
    """The state an element takes on when a person enters `given`.

    Raises InputRefusedError where Slack's client would not take it.
    """
    field = state_field(element)
    value = given.get(field)
    if value in (None, "", []):
        return {"type": element["type"], field: [] if field.endswith("s") else None}
    return {"type": element["type"], field: _adopted(slack, user, element, field, value)}


def _adopted(slack: SlackSandbox, user: str, element: Json, field: str, value: object) -> object:
    if field == "selected_option":
        return _offered(element, value)
    if field == "selected_options":
        return [_offered(element, entry) for entry in as_list(value)]
    if field == "selected_date_time":
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputRefusedError("Please choose a date and time.")
        return value
    if field.startswith("selected_") and field.endswith("s"):
        return [_known(slack, user, field[:-1], entry) for entry in as_list(value)]
    if not isinstance(value, str):
        raise InputRefusedError("Please enter text.")
    if field == "value":
        _check_typed(element, value)
        return value
    return _known(slack, user, field, value)


def _offered(element: Json, given: object) -> object:
    wanted = given.get("value") if isinstance(given, dict) else given
    for option in offered_options(element):
        if isinstance(option, dict) and option.get("value") == wanted:
            return option
    raise InputRefusedError("Please choose one of the options.")


def _known(slack: SlackSandbox, user: str, field: str, value: object) -> object:
    patterns = {"selected_date": _DATE, "selected_time": _TIME}
    if not isinstance(value, str):
        known = False
    elif field in patterns:
        known = patterns[field].fullmatch(value) is not None
    elif field == "selected_user":
        known = value in slack.users and not slack.users[value].deleted
    else:
        known = slack.visible_channel(user, value) is not None
    if not known:
        raise InputRefusedError("Please choose one of the options.")
    return value


def _check_typed(element: Json, value: str) -> None:
    kind = element["type"]
    if kind == "number_input":
        _check_number(element, value)
    elif kind == "email_text_input" and not _EMAIL.fullmatch(value):
        raise InputRefusedError("Please enter a valid email address.")
    elif kind == "url_text_input" and not _URL.fullmatch(value):
        raise InputRefusedError("Please enter a valid URL.")
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(value) < least:
        raise InputRefusedError(f"Please enter at least {least} characters.")
    if len(value) > most:
        raise InputRefusedError(f"Please enter no more than {most} characters.")


def _check_number(element: Json, value: str) -> None:
    if not NUMBER.fullmatch(value):
        raise InputRefusedError("Please enter a number.")
    number = Decimal(value)
    if not element["is_decimal_allowed"] and "." in value:
        raise InputRefusedError("Please enter a whole number.")
    least, most = element.get("min_value"), element.get("max_value")
    if least is not None and number < Decimal(least):
        raise InputRefusedError(f"Please enter a number of at least {least}.")
    if most is not None and number > Decimal(most):
        raise InputRefusedError(f"Please enter a number of at most {most}.")
