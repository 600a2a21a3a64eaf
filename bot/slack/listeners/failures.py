"""The listeners' outermost edge: an unforeseen error gets an id, a log line and an answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from traceback import walk_tb
from typing import Any

import structlog
from pydantic import ValidationError
from slack_bolt import BoltResponse
from slack_bolt.error import BoltUnhandledRequestError

from bot.domain.request import LedgerUnavailableError
from bot.slack.listeners.front import Front
from bot.slack.poster import Recipient

_KINDS = frozenset(
    {"block_actions", "view_submission", "view_closed", "shortcut", "message_action"}
    | {"event_callback", "block_suggestion", "app_rate_limited"}
)

# The error may have come after the change was on disk, or have hidden that it got there.
_DOUBT = (
    "It is not certain whether this counted: look at the card in a minute. If it shows nothing of "
    "it, try again, which is safe; nothing is done twice. If this stays, tell whoever runs this "
    "bot."
)

log = structlog.get_logger(__name__)


def answer_failure(
    front: Front,
) -> Callable[[Exception, dict[str, Any]], Awaitable[BoltResponse]]:
    async def answer(error: Exception, body: dict[str, Any]) -> BoltResponse:
        kind = _kind(body)
        if isinstance(error, BoltUnhandledRequestError):
            log.info("slack_payload_unhandled", kind=kind)
            return BoltResponse(status=200, body="")
        if isinstance(error, ValidationError) or not _is_ours(error):
            # Signed, but not as Slack documents it: nothing to act on, and nobody to answer.
            log.warning("slack_payload_unreadable", kind=kind, error=type(error).__name__)
            return BoltResponse(status=400, body="")
        sentence = _sentence(error, kind)
        if "command" in body:
            answer = {"response_type": "ephemeral", "text": sentence}
            return BoltResponse(status=200, body=answer)
        user, channel = _id(body.get("user")), _id(body.get("channel")) or None
        front.tell(Recipient(user, channel, body.get("response_url")), sentence)
        # Not a 200: what Slack gets one for is on disk.
        return BoltResponse(status=500, body="")

    return answer


def _id(part: object) -> str:
    return str(part.get("id") or "") if isinstance(part, dict) else ""


def _is_ours(error: Exception) -> bool:
    """Whether it came out of a listener; Bolt by itself trips over payloads of other shapes."""
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith("bot.") for frame in frames)


def _kind(body: dict[str, Any]) -> str:
    """What sort of payload it is; a word of somebody else's making is not repeated in the log."""
    if "command" in body:
        return "command"
    kind = body.get("type")
    return kind if isinstance(kind, str) and kind in _KINDS else "unknown"


def _sentence(error: Exception, kind: str) -> str:
    if isinstance(error, LedgerUnavailableError):
        log.error("ledger_unavailable", kind=kind, cause=str(error))
        return f"The bot cannot reach its database right now. {_DOUBT}"
    error_id = secrets.token_hex(4)
    log.error("listener_failed", kind=kind, error_id=error_id, exc_info=error)
    return f"Something went wrong on our side (error {error_id}). {_DOUBT}"
