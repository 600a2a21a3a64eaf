"""Everything that is sent to Slack goes out here, once, with its errors sorted into two kinds.

It does not try again: trying again is durable work, and the workflows' business.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.slack.cards.message import FALLBACK_LIMIT, Message, clip

log = structlog.get_logger(__name__)

# Slack allows about one message a second and channel (facts/slack.md, rate limits).
_SECONDS_PER_MESSAGE = 1.0
_CHANNELS_REMEMBERED = 1000
_RETRY_AFTER_CAP = 60.0
# Slack's own troubles, as opposed to ours.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
     "request_timeout", "team_added_to_org"}
)  # fmt: skip


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
        self._pace = _Pace()
        self._not_before: dict[str, float] = {}
        self.workspace_url: str | None = None

    async def introduce(self) -> AsyncSlackResponse:
        """Ask Slack who we are, and remember where the workspace lives."""
        answer = await self._call("auth.test", self._client.auth_test)
        self.workspace_url = answer.get("url")
        return answer

    async def post(self, channel: str, message: Message, thread: str | None = None) -> MessageRef:
        """Post a message; return where it stands."""
        await self._pace.wait(channel)
        answer = await self._call(
            "chat.postMessage",
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=clip(message.text, FALLBACK_LIMIT),
                blocks=list(message.blocks),
                metadata=message.metadata or None,
                thread_ts=thread,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        if not answer.get("ts"):
            raise DeliveryPostponedError(None, "Slack did not say where the message stands")
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
        except Exception as error:
            # Connections fail, and slack_sdk trips over answers that are not Slack's (a proxy's
            # page, say) with whatever exception that causes. None of it is the message's fault.
            raise DeliveryPostponedError(None, type(error).__name__) from error


def _sorted_out(
    error: SlackApiError,
) -> DeliveryPostponedError | DeliveryImpossibleError:
    response = error.response
    status = getattr(response, "status_code", None)
    found = getattr(response, "data", None)
    data: dict[str, Any] = found if isinstance(found, dict) else {}
    code = str(data.get("error", ""))
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        return DeliveryPostponedError(_retry_after(response), "ratelimited")
    if not code or code in _PASSING or (status or 0) >= 500:
        return DeliveryPostponedError(None, code or f"HTTP {status}")
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


class _Pace:
    """Keeps messages to one channel a second apart, within this process."""

    def __init__(self) -> None:
        self._next: OrderedDict[str, float] = OrderedDict()

    async def wait(self, channel: str) -> None:
        now = time.monotonic()
        turn = max(now, self._next.get(channel, 0.0))
        self._next[channel] = turn + _SECONDS_PER_MESSAGE
        self._next.move_to_end(channel)
        while len(self._next) > _CHANNELS_REMEMBERED:
            self._next.popitem(last=False)
        if turn > now:
            await asyncio.sleep(turn - now)
