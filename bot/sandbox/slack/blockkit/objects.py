"""Rules for Block Kit's composition objects: text, option, confirmation dialog, filters."""

from bot.sandbox.slack.blockkit.schema import (
    Problems,
    Rule,
    array,
    by_type,
    exactly_one,
    flag,
    object_to,
    one_of,
    record,
    string,
    url,
)

action_id = string(255)
block_id = string(255)


def plain(most: int) -> Rule:
    """A `plain_text` object of at most `most` characters."""
    return by_type({"plain_text": _plain_fields(most)})


def text(most: int) -> Rule:
    """A `plain_text` or `mrkdwn` object of at most `most` characters."""
    return by_type(
        {
            "plain_text": _plain_fields(most),
            "mrkdwn": record({"type": one_of("mrkdwn"), "text": string(most)}, {"verbatim": flag}),
        }
    )


def _plain_fields(most: int) -> Rule:
    return record({"type": one_of("plain_text"), "text": string(most)}, {"emoji": flag})


confirm = record(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)

_OPTION_VALUE = string(150, least=0)

option = record(
    {"text": plain(75), "value": _OPTION_VALUE},
    {"description": plain(75)},
)
overflow_option = record(
    {"text": plain(75), "value": _OPTION_VALUE},
    {"description": plain(75), "url": url},
)
choice = record(
    {"text": text(75), "value": _OPTION_VALUE},
    {"description": text(75)},
)
option_group = record({"label": plain(75), "options": array(option, 1, 100)})

dispatch_action_config = record(
    {},
    {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 1, 2)},
)

conversation_filter = record(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)

slack_file = record({}, {"id": string(255), "url": url}, exactly_one("id", "url"))


def initial_is_offered(value: object, pointer: str, problems: Problems) -> None:
    """`initial_option(s)` have to be, letter for letter, among the options offered."""
    if not isinstance(value, dict):
        return
    offered = offered_options(value)
    single = value.get("initial_option")
    if single is not None and single not in offered:
        object_to(problems, f"{pointer}/initial_option", "must be one of the options")
    for index, entry in enumerate(value.get("initial_options") or ()):
        if entry not in offered:
            object_to(problems, f"{pointer}/initial_options/{index}", "must be one of the options")


def offered_options(element: dict[str, object]) -> list[object]:
    """Every option of an element, in its order, out of its groups if it has groups."""
    options = element.get("options")
    groups = element.get("option_groups")
    offered: list[object] = list(options) if isinstance(options, list) else []
    for group in groups if isinstance(groups, list) else ():
        entries = group.get("options") if isinstance(group, dict) else None
        if isinstance(entries, list):
            offered.extend(entries)
    return offered
