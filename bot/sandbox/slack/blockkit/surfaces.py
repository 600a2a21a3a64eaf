"""Rules for what carries blocks: views (modals, Home tabs) and messages."""

import json

from bot.sandbox.slack.blockkit import objects
from bot.sandbox.slack.blockkit.blocks import check_blocks
from bot.sandbox.slack.blockkit.schema import (
    Problems,
    Rule,
    flag,
    object_to,
    one_of,
    record,
    string,
)

MOST_VIEW_BYTES = 250_000
MOST_MESSAGE_CHARACTERS = 40_000
MOST_UPDATE_CHARACTERS = 4_000
MOST_ATTACHMENTS = 100


def _anything(value: object, pointer: str, problems: Problems) -> None:
    """Blocks have rules of their own, see `check_blocks`."""


_SHARED: dict[str, Rule] = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}

_MODAL = record(
    {"type": one_of("modal"), "title": objects.plain(24), "blocks": _anything},
    {
        **_SHARED,
        "close": objects.plain(24),
        "submit": objects.plain(24),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
_HOME = record({"type": one_of("home"), "blocks": _anything}, _SHARED)


def check_view(view: object, pointer: str = "/view") -> list[str]:
    """Slack's objections to a view; an empty list means Slack would take it."""
    problems: Problems = []
    if not isinstance(view, dict):
        object_to(problems, pointer, "must provide an object")
        return problems
    kind = view.get("type")
    if kind not in ("modal", "home"):
        reason = "missing required field: type" if kind is None else f"unsupported type: {kind}"
        object_to(problems, pointer, reason)
        return problems
    (_MODAL if kind == "modal" else _HOME)(view, pointer, problems)
    if "blocks" in view:
        surface = "modal" if kind == "modal" else "home"
        problems.extend(
            check_blocks(
                view["blocks"], "modal" if surface == "modal" else "home", f"{pointer}/blocks"
            )
        )
    if kind == "modal" and "submit" not in view and _has_input(view.get("blocks")):
        object_to(problems, pointer, "missing required field: submit")
    return problems


def view_is_too_large(view: object) -> bool:
    return len(json.dumps(view, ensure_ascii=False).encode()) > MOST_VIEW_BYTES


def check_message(payload: object) -> list[str]:
    """Slack's objections to the content of a message: `text`, `blocks`, `metadata` and so on."""
    problems: Problems = []
    if not isinstance(payload, dict):
        object_to(problems, "", "must provide an object")
        return problems
    text = payload.get("text")
    if text is not None:
        string(MOST_MESSAGE_CHARACTERS, least=0)(text, "/text", problems)
    if payload.get("blocks") is not None:
        problems.extend(check_blocks(payload["blocks"]))
    if payload.get("attachments") is not None:
        problems.extend(check_attachments(payload["attachments"]))
    if payload.get("metadata"):
        problems.extend(check_metadata(payload["metadata"]))
    if not (text or payload.get("blocks") or payload.get("attachments")):
        object_to(problems, "", "no_text")
    return problems


def check_attachments(attachments: object) -> list[str]:
    """Legacy attachments are looked at only for their number and the blocks in them."""
    problems: Problems = []
    if not isinstance(attachments, list):
        object_to(problems, "/attachments", "must provide an array")
        return problems
    if len(attachments) > MOST_ATTACHMENTS:
        object_to(problems, "/attachments", f"no more than {MOST_ATTACHMENTS} items allowed")
    for index, attachment in enumerate(attachments):
        pointer = f"/attachments/{index}"
        if not isinstance(attachment, dict):
            object_to(problems, pointer, "must provide an object")
        elif "blocks" in attachment:
            problems.extend(check_blocks(attachment["blocks"], pointer=f"{pointer}/blocks"))
    return problems


def check_metadata(metadata: object) -> list[str]:
    """Message metadata: a named event with an object as payload (facts/slack.md, "Metadata")."""
    problems: Problems = []
    record({"event_type": string(255), "event_payload": _object})(metadata, "/metadata", problems)
    return problems


def _object(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, dict):
        object_to(problems, pointer, "must provide an object")


def _has_input(blocks: object) -> bool:
    return isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )
