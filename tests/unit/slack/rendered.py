"""Looking at what is shown: Slack's objections to it, its texts, and what they could do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.sandbox.slack.blockkit import check_message, check_view
from bot.slack.cards import Message

Json = dict[str, Any]

# The only tokens that may stand between angle brackets: ours.
_OUR_TOKENS = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[^<>]*>|<@[UW][A-Z0-9]+>"
    r"|<!subteam\^S[A-Z0-9]+>|<#[CGD][A-Z0-9]+>|<https://[^<>|]+\|[^<>]+>"
)
_STEERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def objections(message: Message) -> list[str]:
    """What Slack would object to; the fallback text has to be there as well."""
    payload: Json = {"text": message.text, "blocks": list(message.blocks)}
    if message.metadata:
        payload["metadata"] = message.metadata
    return check_message(payload) + ([] if message.text.strip() else ["no fallback text"])


def view_objections(view: Json) -> list[str]:
    return check_view(view)


def texts(part: object, kind: str = "mrkdwn") -> Iterator[str]:
    """All texts of one kind, wherever they stand."""
    if isinstance(part, dict):
        if part.get("type") == kind and isinstance(part.get("text"), str):
            yield part["text"]
        for value in part.values():
            yield from texts(value, kind)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from texts(value, kind)


def everything(message: Message) -> str:
    """All that people can read of a message, as one text."""
    return "\n".join([message.text, *texts(message.blocks), *texts(message.blocks, "plain_text")])


def calls_nobody(text: str) -> bool:
    """Whether a mrkdwn text holds no mention, link or command but our own."""
    return "<" not in _OUR_TOKENS.sub("", text)


def steers_nothing(part: object) -> bool:
    """Whether no invisible character changes the direction of the writing."""
    return not _STEERING.search(json.dumps(part, ensure_ascii=False))


def buttons(message: Message) -> list[Json]:
    return [
        element
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def headers(message: Message) -> list[str]:
    return [block["text"]["text"] for block in message.blocks if block["type"] == "header"]
