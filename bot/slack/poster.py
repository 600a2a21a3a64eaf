"""Everything that is sent to Slack goes out here, once, with its errors sorted into two kinds.

It does not try again: trying again is durable work, and the workflows' business. What must not be
said twice, and how fast, is the outbox's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.slack.cards.card import METADATA_EVENT
from bot.slack.cards.message import FALLBACK_LIMIT, Message, clip

log = structlog.get_logger(__name__)

_RETRY_AFTER_CAP = 60.0
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
# Slack's own troubles, as opposed to ours, that came up on the way: nobody can tell how far it got.
_IN_DOUBT = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# The same, but said before anything was done.
_PASSING = frozenset({"team_added_to_org"})
# The connection never came about, so nothing was sent.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# Around the moment at which a message was sent: as far apart as Slack's clock and ours may be (its
# signatures allow no more), and time for a slow Slack.
_BEFORE = timedelta(minutes=5)
_AFTER = timedelta(minutes=10)
_PAGE = 200
_MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person to be told something: where they are, and Slack's own way back to them."""

    user: str
    channel: str | None = None
    response_url: str | None = None


class Poster:
    """The bot's voice. `session` is shared by all calls and closed by whoever made it."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client = client
        self._session = session
        self._not_before: dict[str, float] = {}
        self._blind_for: set[str] = set()
        self.workspace_url: str | None = None

    async def introduce(self) -> AsyncSlackResponse:
        """Ask Slack who we are, and remember where the workspace lives."""
        answer = await self._call("auth.test", self._client.auth_test)
        self.workspace_url = answer.get("url")
        return answer

    async def post(self, channel: str, message: Message, thread: str | None = None) -> MessageRef:
        """Post a message; return where it stands."""
        answer = await self._call(
            "chat.postMessage",
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=clip(message.text, FALLBACK_LIMIT),
                blocks=list(message.blocks),
                metadata=message.metadata or None,
                thread_ts=thread,
                reply_broadcast=True if thread and message.broadcast else None,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        if not answer.get("ts"):
            cause = "Slack did not say where the message stands"
            raise DeliveryPostponedError(None, cause, in_doubt=True)
        return MessageRef(str(answer.get("channel") or channel), str(answer["ts"]))

    async def update(self, ref: MessageRef, message: Message) -> None:
        await self._call(
            "chat.update",
            lambda: self._client.chat_update(
                channel=ref.channel,
                ts=ref.ts,
                text=clip(message.text, FALLBACK_LIMIT),
                blocks=list(message.blocks),
                metadata=message.metadata or None,
            ),
        )

    async def find(
        self, channel: str, thread: str | None, since: datetime, request_id: str, kind: str
    ) -> MessageRef | None:
        """Look for a message of ours that was sent at about `since`, by its metadata.

        None also where we may not look, which is logged once for each reason. Raises
        DeliveryPostponedError if Slack cannot say now.
        """
        if channel.startswith(("U", "W", "D")):
            # We do not ask for the right to read what people write to us, `im:history`; at worst
            # one person reads the same twice.
            return None
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            try:
                page = await self._page(channel, thread, since, cursor)
            except DeliveryImpossibleError as error:
                if error.cause != "thread_not_found":
                    self._tell_once(error.cause)
                return None
            for message in page.get("messages") or ():
                if _is_named(message, request_id, kind):
                    return MessageRef(channel, str(message["ts"]))
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return None

    async def _page(
        self, channel: str, thread: str | None, moment: datetime, cursor: str | None
    ) -> AsyncSlackResponse:
        """Read what was posted at about a moment: in a thread, else in the channel itself."""
        oldest = f"{(moment - _BEFORE).timestamp():.6f}"
        latest = f"{(moment + _AFTER).timestamp():.6f}"
        if thread is None:
            return await self._call(
                "conversations.history",
                lambda: self._client.conversations_history(
                    channel=channel,
                    cursor=cursor,
                    oldest=oldest,
                    latest=latest,
                    limit=_PAGE,
                    include_all_metadata=True,
                ),
            )
        return await self._call(
            "conversations.replies",
            lambda: self._client.conversations_replies(
                channel=channel,
                ts=thread,
                cursor=cursor,
                oldest=oldest,
                latest=latest,
                limit=_PAGE,
                include_all_metadata=True,
            ),
        )

    def _tell_once(self, cause: str) -> None:
        if cause in self._blind_for:
            return
        self._blind_for.add(cause)
        log.warning(
            "messages_cannot_be_found_again",
            cause=cause,
            consequence="without the history scope a crash at the wrong moment can post a message "
            "twice",
        )

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> None:
        await self._call(
            "views.open", lambda: self._client.views_open(trigger_id=trigger_id, view=view)
        )

    async def whisper(self, recipient: Recipient, text: str) -> None:
        """Tell one person something: by response_url, else in the channel, else by DM."""
        user = recipient.user
        if recipient.response_url and await self._respond(recipient.response_url, text):
            return
        if recipient.channel:
            try:
                await self._call(
                    "chat.postEphemeral",
                    lambda: self._client.chat_postEphemeral(
                        channel=str(recipient.channel), user=user, text=text
                    ),
                )
            except DeliveryImpossibleError as error:
                log.info("ephemeral_impossible", channel=recipient.channel, cause=error.cause)
            else:
                return
        conversation = await self._call(
            "conversations.open", lambda: self._client.conversations_open(users=[user])
        )
        room = str((conversation.get("channel") or {}).get("id") or user)
        # At nobody's pace: this answers what one person just did, in a room of their own, where
        # Slack takes a short burst. A limit, should it come, is told like any other.
        await self.post(room, Message(text))

    async def _respond(self, response_url: str, text: str) -> bool:
        """Use a response_url; False if it is used up, expired or out of reach."""
        webhook = AsyncWebhookClient(response_url, session=self._session, retry_handlers=[])
        try:
            answer = await webhook.send(
                text=text, response_type="ephemeral", replace_original=False
            )
        except (aiohttp.ClientError, TimeoutError, SlackClientError) as error:
            log.info("response_url_failed", error=type(error).__name__)
            return False
        if answer.status_code != 200:
            log.info("response_url_refused", status=answer.status_code)
        return answer.status_code == 200

    def permalink(self, ref: MessageRef | None) -> str | None:
        """Build a message's address, if the workspace's is known."""
        if ref is None or not self.workspace_url:
            return None
        return f"{self.workspace_url.rstrip('/')}/archives/{ref.channel}/p{ref.ts.replace('.', '')}"

    async def _call(
        self, method: str, call: Callable[[], Awaitable[AsyncSlackResponse]]
    ) -> AsyncSlackResponse:
        """Make one API call. DeliveryPostponedError: later; DeliveryImpossibleError: never."""
        wait = self._not_before.get(method, 0.0) - time.monotonic()
        if wait > 0:
            raise DeliveryPostponedError(wait, "ratelimited")
        try:
            return await call()
        except SlackApiError as error:
            trouble = _sorted_out(error)
            if isinstance(trouble, DeliveryPostponedError) and trouble.seconds:
                # Whoever else calls this method has to wait as well.
                self._not_before[method] = time.monotonic() + trouble.seconds
            raise trouble from error
        except _NOT_SENT as error:
            raise DeliveryPostponedError(None, type(error).__name__) from error
        except Exception as error:
            # Connections fail, and slack_sdk trips over answers that are not Slack's (a proxy's
            # page, say) with whatever exception that causes. None of it is the message's fault.
            raise DeliveryPostponedError(None, type(error).__name__, in_doubt=True) from error


def _sorted_out(
    error: SlackApiError,
) -> DeliveryPostponedError | DeliveryImpossibleError:
    response = error.response
    status = getattr(response, "status_code", None)
    found = getattr(response, "data", None)
    data: dict[str, Any] = found if isinstance(found, dict) else {}
    code = str(data.get("error", ""))
    if status == 429 or code in _RATE_LIMITED:
        return DeliveryPostponedError(_retry_after(response), "ratelimited")
    if not code or code in _IN_DOUBT or (status or 0) >= 500:
        return DeliveryPostponedError(None, code or f"HTTP {status}", in_doubt=True)
    if code in _PASSING:
        return DeliveryPostponedError(None, code)
    if code == "invalid_blocks":
        log.error("slack_refused_blocks", reasons=data.get("response_metadata"))
    return DeliveryImpossibleError(code)


def _retry_after(response: AsyncSlackResponse) -> float:
    value = next(
        (text for name, text in response.headers.items() if name.lower() == "retry-after"), "1"
    )
    try:
        return min(max(float(value), 0.0), _RETRY_AFTER_CAP)
    except ValueError:
        return 1.0


def _is_named(message: dict[str, Any], request_id: str, kind: str) -> bool:
    """Whether a message's metadata, which people cannot write, names this message of ours."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    names = (metadata.get("event_type"), payload.get("request_id"), payload.get("kind"))
    return names == (METADATA_EVENT, request_id, kind)
