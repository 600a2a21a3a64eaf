"""The few Block Kit parts we use, cut to Slack's limits (docs.slack.dev, Block Kit reference)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Block = dict[str, Any]

TEXT_LIMIT = 3000
FIELD_LIMIT = 2000
FIELDS_LIMIT = 10
HEADER_LIMIT = 150
FALLBACK_LIMIT = 3900


@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text` is what notifications and screen readers use; `metadata` holds ids only.

    `broadcast`: in a thread, it is shown in the channel as well.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    broadcast: bool = False


def simplified(message: Message) -> Message:
    """The same in Slack's oldest blocks: the text, and whatever buttons there are."""
    buttons = tuple(block for block in message.blocks if block["type"] == "actions")
    return replace(message, blocks=(section(message.text), *buttons) if buttons else ())


def clip(text: str, limit: int) -> str:
    """Cut `text` to `limit` characters, visibly."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit), "emoji": True}


def mrkdwn(text: str, limit: int = TEXT_LIMIT) -> Block:
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER_LIMIT)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def sections(lines: Iterable[str]) -> list[Block]:
    """Join lines into as few sections as their limit allows, never cutting between two lines."""
    blocks: list[Block] = []
    current = ""
    for line in lines:
        whole = clip(line, TEXT_LIMIT)
        joined = f"{current}\n{whole}" if current else whole
        if len(joined) > TEXT_LIMIT:
            blocks.append(section(current))
            joined = whole
        current = joined
    if current:
        blocks.append(section(current))
    return blocks


def fields(pairs: Sequence[tuple[str, str]]) -> list[Block]:
    """Show labelled values in two columns."""
    cells = [mrkdwn(f"*{label}*\n{value}", FIELD_LIMIT) for label, value in pairs]
    return [
        {"type": "section", "fields": cells[start : start + FIELDS_LIMIT]}
        for start in range(0, len(cells), FIELDS_LIMIT)
    ]


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def button(
    text: str,
    action_id: str,
    value: str,
    style: str | None = None,
    confirm: Block | None = None,
) -> Block:
    element: Block = {
        "type": "button",
        "text": plain(text, 75),
        "action_id": action_id,
        "value": value,
    }
    if style:
        element["style"] = style
    if confirm:
        element["confirm"] = confirm
    return element


def confirm(title: str, text: str, yes: str, no: str, style: str = "primary") -> Block:
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
        "style": style,
    }


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}
