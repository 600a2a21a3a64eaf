"""Rules for Block Kit's blocks, and for a whole list of them on one surface."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bot.sandbox.slack.blockkit import elements, objects, rich_text
from bot.sandbox.slack.blockkit.schema import (
    Fields,
    Problems,
    Rule,
    array,
    by_type,
    flag,
    nullable,
    number,
    object_to,
    one_of,
    record,
    string,
)

Surface = Literal["message", "modal", "home"]

MOST_BLOCKS: Mapping[Surface, int] = {"message": 50, "modal": 100, "home": 100}
_MOST_TABLE_CHARACTERS = 10_000
_MOST_MARKDOWN_CHARACTERS = 12_000


def _block(kind: str, required: Fields, optional: Fields | None = None, *also: Rule) -> Rule:
    return record(
        {"type": one_of(kind), **required},
        {"block_id": objects.block_id, **(optional or {})},
        *also,
    )


def _has_content(value: object, pointer: str, problems: Problems) -> None:
    if isinstance(value, dict) and "text" not in value and "fields" not in value:
        object_to(problems, pointer, "must define either `text` or `fields`")


_SECTION = _block(
    "section",
    {},
    {
        "text": objects.text(3000),
        "fields": array(objects.text(2000), 1, 10),
        "accessory": by_type(elements.in_section),
        "expand": flag,
    },
    _has_content,
)

_CONTEXT_ELEMENT = by_type(
    {"image": elements.image, "plain_text": objects.text(3000), "mrkdwn": objects.text(3000)}
)

_IMAGE = _block(
    "image",
    {"alt_text": string(2000)},
    {
        "image_url": string(3000),
        "slack_file": objects.slack_file,
        "title": objects.plain(2000),
    },
)

_CELL = by_type(
    {
        "raw_text": record({"type": one_of("raw_text"), "text": string(10_000)}),
        "raw_number": record(
            {"type": one_of("raw_number"), "value": number}, {"text": string(10_000)}
        ),
        "rich_text": _block("rich_text", {"elements": rich_text.elements}),
    }
)


def _fits_in_a_table(value: object, pointer: str, problems: Problems) -> None:
    if sum(len(text) for text in _texts(value)) > _MOST_TABLE_CHARACTERS:
        object_to(
            problems,
            f"{pointer}/rows",
            f"must have less than {_MOST_TABLE_CHARACTERS + 1} characters in all cells together",
        )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, entry in value.items():
            if name == "text" and isinstance(entry, str):
                yield entry
            else:
                yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


BLOCKS: dict[str, Rule] = {
    "header": _block("header", {"text": objects.plain(150)}),
    "section": _SECTION,
    "context": _block("context", {"elements": array(_CONTEXT_ELEMENT, 1, 10)}),
    "actions": _block("actions", {"elements": array(by_type(elements.in_actions), 1, 25)}),
    "divider": _block("divider", {}),
    "image": _IMAGE,
    "input": _block(
        "input",
        {"label": objects.plain(2000), "element": by_type(elements.in_input)},
        {"hint": objects.plain(2000), "optional": flag, "dispatch_action": flag},
    ),
    "rich_text": _block("rich_text", {"elements": rich_text.elements}),
    "table": _block(
        "table",
        {"rows": array(array(_CELL, 1, 20), 1, 100)},
        {
            "column_settings": array(
                nullable(
                    record({}, {"align": one_of("left", "center", "right"), "is_wrapped": flag})
                ),
                0,
                20,
            )
        },
        _fits_in_a_table,
    ),
    "markdown": _block("markdown", {"text": string(_MOST_MARKDOWN_CHARACTERS)}),
}

_ON_SURFACE: Mapping[Surface, frozenset[str]] = {
    "message": frozenset(BLOCKS),
    "modal": frozenset(BLOCKS) - {"table", "markdown"},
    "home": frozenset(BLOCKS) - {"markdown"},
}


def check_blocks(
    blocks: object, surface: Surface = "message", pointer: str = "/blocks"
) -> list[str]:
    """Slack's objections to a list of blocks; an empty list means Slack would take it.

    Limits: facts/slack.md, "Limits" and "New blocks".
    """
    problems: Problems = []
    allowed = {kind: BLOCKS[kind] for kind in _ON_SURFACE[surface]}
    array(by_type(allowed), 0, MOST_BLOCKS[surface])(blocks, pointer, problems)
    if isinstance(blocks, list):
        _check_together(blocks, surface, pointer, problems)
    return problems


def interactive_elements(block: object) -> list[tuple[str, dict[str, Any]]]:
    """The elements of a block a person can act on, each with its pointer inside the block."""
    if not isinstance(block, dict):
        return []
    kind = block.get("type")
    found: list[tuple[str, object]] = []
    if kind == "section":
        found = [("/accessory", block.get("accessory"))]
    elif kind == "input":
        found = [("/element", block.get("element"))]
    elif kind == "actions" and isinstance(block.get("elements"), list):
        found = [(f"/elements/{index}", entry) for index, entry in enumerate(block["elements"])]
    return [
        (where, entry)
        for where, entry in found
        if isinstance(entry, dict) and entry.get("type") != "image"
    ]


def _check_together(
    blocks: list[object], surface: Surface, pointer: str, problems: Problems
) -> None:
    block_ids: set[str] = set()
    tables = focused = markdown = 0
    for index, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        here = f"{pointer}/{index}"
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in block_ids:
                object_to(problems, f"{here}/block_id", f"block_id already exists: {block_id}")
            block_ids.add(block_id)
        tables += block.get("type") == "table"
        if tables > 1 and block.get("type") == "table":
            object_to(problems, here, "only_one_table_allowed")
        if block.get("type") == "markdown" and isinstance(block.get("text"), str):
            markdown += len(block["text"])
            if markdown > _MOST_MARKDOWN_CHARACTERS >= len(block["text"]):
                object_to(problems, here, "markdown blocks must have less than 12001 characters")
        focused += _check_elements(block, surface, here, problems)
    if focused > 1:
        object_to(problems, pointer, "only one element can have `focus_on_load` set to true")


def _check_elements(
    block: dict[Any, Any], surface: Surface, pointer: str, problems: Problems
) -> int:
    action_ids: set[str] = set()
    focused = 0
    for where, element in interactive_elements(block):
        action_id = element.get("action_id")
        if isinstance(action_id, str):
            if action_id in action_ids:
                object_to(
                    problems,
                    f"{pointer}{where}/action_id",
                    f"action_id already exists in this block: {action_id}",
                )
            action_ids.add(action_id)
        focused += element.get("focus_on_load") is True
        if "response_url_enabled" in element and (surface, block.get("type")) != ("modal", "input"):
            object_to(
                problems,
                f"{pointer}{where}/response_url_enabled",
                "only available in an input block of a modal",
            )
    return focused
