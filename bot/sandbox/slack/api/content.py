"""What a bot's message may contain, checked the same way wherever a message can be sent."""

from dataclasses import dataclass

from bot.sandbox.slack.api.method import RefusalError
from bot.sandbox.slack.blockkit import (
    MOST_MESSAGE_CHARACTERS,
    check_attachments,
    check_blocks,
    check_metadata,
)
from bot.sandbox.slack.wire import Json

_REASON = "[ERROR] "


@dataclass(frozen=True)
class Content:
    """A checked message body. None means that the sender did not give it."""

    text: str | None
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None


def read_content(given: Json, most_characters: int = MOST_MESSAGE_CHARACTERS) -> Content:
    """Check text, blocks, attachments and metadata. Raises RefusalError as Slack does."""
    text, blocks, attachments = (given.get(name) for name in ("text", "blocks", "attachments"))
    markdown = given.get("markdown_text")
    if markdown is not None:
        if text is not None or blocks is not None:
            raise RefusalError("markdown_text_conflict")
        text = markdown
    if text is not None and not isinstance(text, str):
        raise RefusalError(
            "invalid_arguments", ["[ERROR] must provide a string [json-pointer:/text]"]
        )
    if blocks is not None:
        if not isinstance(blocks, list):
            raise RefusalError("invalid_blocks_format")
        _refuse("invalid_blocks", check_blocks(blocks))
    if attachments is not None:
        _refuse("invalid_attachments", check_attachments(attachments))
    if text is not None and len(text) > most_characters:
        raise RefusalError("msg_too_long")
    metadata = given.get("metadata")
    if metadata:
        _refuse("invalid_metadata_format", check_metadata(metadata))
    return Content(text, blocks, attachments, metadata)


def _refuse(error: str, problems: list[str]) -> None:
    if problems:
        shortened = [problem.removeprefix(_REASON) for problem in problems]
        raise RefusalError(error, problems, errors=shortened)
