"""A strict validator of Block Kit: pure functions that answer with Slack's own objections.

`check_blocks`, `check_view` and `check_message` return a list of reasons such as
`[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`; empty means sound.
"""

from bot.sandbox.slack.blockkit.blocks import Surface, check_blocks, interactive_elements
from bot.sandbox.slack.blockkit.elements import NUMBER
from bot.sandbox.slack.blockkit.objects import offered_options
from bot.sandbox.slack.blockkit.surfaces import (
    MOST_MESSAGE_CHARACTERS,
    MOST_UPDATE_CHARACTERS,
    check_attachments,
    check_message,
    check_metadata,
    check_view,
    view_is_too_large,
)

__all__ = [
    "MOST_MESSAGE_CHARACTERS",
    "MOST_UPDATE_CHARACTERS",
    "NUMBER",
    "Surface",
    "check_attachments",
    "check_blocks",
    "check_message",
    "check_metadata",
    "check_view",
    "interactive_elements",
    "offered_options",
    "view_is_too_large",
]
