"""Everything that is sent to Slack goes out here, once, with its errors sorted into two kinds.

It does not try again: trying again is durable work, and the workflows' business. What must not be
said twice, and how fast, is the outbox's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.slack.calls import Calls, leaving_proxies_to_session
from bot.slack.cards.card import METADATA_EVENT
from bot.slack.cards.message import FALLBACK_LIMIT, Message, clip

log = structlog.get_logger(__name__)

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
        self._calls = Calls()
        self._blind_for: set[str] = set()
        self.workspace_url: str | None = None

    async def introduce(self) -> AsyncSlackResponse:
        """Ask Slack who we are, and remember where the workspace lives."""
        answer = await self._calls.make("auth.test", self._client.auth_test)
        self.workspace_url = answer.get("url")
        return answer

    async def post(self, channel: str, message: Message, thread: str | None = None) -> MessageRef:
        """Post a message; return where it stands."""
        answer = await self._calls.make(
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
        await self._calls.make(
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
            return await self._calls.make(
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
        return await self._calls.make(
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
        await self._calls.make(
            "views.open", lambda: self._client.views_open(trigger_id=trigger_id, view=view)
        )

    async def whisper(self, recipient: Recipient, text: str) -> None:
        """Tell one person something: by response_url, else in the channel, else by DM."""
        user = recipient.user
        if recipient.response_url and await self._respond(recipient.response_url, text):
            return
        if recipient.channel:
            try:
                await self._calls.make(
                    "chat.postEphemeral",
                    lambda: self._client.chat_postEphemeral(
                        channel=str(recipient.channel), user=user, text=text
                    ),
                )
            except DeliveryImpossibleError as error:
                log.info("ephemeral_impossible", channel=recipient.channel, cause=error.cause)
            else:
                return
        conversation = await self._calls.make(
            "conversations.open", lambda: self._client.conversations_open(users=[user])
        )
        room = str((conversation.get("channel") or {}).get("id") or user)
        # At nobody's pace: this answers what one person just did, in a room of their own, where
        # Slack takes a short burst. A limit, should it come, is told like any other.
        await self.post(room, Message(text))

    async def _respond(self, response_url: str, text: str) -> bool:
        """Use a response_url; False if it is used up, expired or out of reach."""
        webhook = leaving_proxies_to_session(
            AsyncWebhookClient(response_url, session=self._session, retry_handlers=[])
        )
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


def _is_named(message: dict[str, Any], request_id: str, kind: str) -> bool:
    """Whether a message's metadata, which people cannot write, names this message of ours."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    names = (metadata.get("event_type"), payload.get("request_id"), payload.get("kind"))
    return names == (METADATA_EVENT, request_id, kind)
