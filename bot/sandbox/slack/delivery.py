"""Delivers signed payloads to the bot and waits three seconds for its acknowledgement."""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from bot.sandbox.slack.wire import Json, parse_json

_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
_PATH = "/slack/events"


class DeliveryFailedError(Exception):
    """`error` is the name Slack shows: `operation_timeout` or `dispatch_failed`."""

    def __init__(self, error: str, status: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass(frozen=True)
class Acknowledgement:
    """A bot's 200: its body, and how long it took in milliseconds."""

    status: int
    ms: float
    content_type: str
    body: str

    @property
    def says_json(self) -> bool:
        return "json" in self.content_type

    def document(self) -> object:
        """The JSON in the body, None for an empty one. Raises ValueError for anything else."""
        return parse_json(self.body) if self.body.strip() else None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature over the raw body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Delivery:
    """The line to the bot. `bot_url` may be changed at any time."""

    def __init__(
        self,
        *,
        bot_url: str,
        signing_secret: str,
        ack_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.bot_url = bot_url
        self._secret = signing_secret
        self._ack_seconds = ack_seconds
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def send_payload(self, payload: Json) -> Acknowledgement:
        """An interaction: JSON in the form field `payload`."""
        return await self.send_form({"payload": json.dumps(payload)})

    async def send_form(self, fields: dict[str, str]) -> Acknowledgement:
        """Raises DeliveryFailedError unless the bot answers 200 in time."""
        body = urlencode(fields).encode()
        # Signed with the wall clock even where tests turn the sandbox's own: the bot has its own.
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": _AGENT,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._secret, timestamp, body),
        }
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._ack_seconds):
                response = await self._line().post(
                    self.bot_url.rstrip("/") + _PATH, content=body, headers=headers
                )
        except (TimeoutError, httpx.TimeoutException):
            raise DeliveryFailedError("operation_timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise DeliveryFailedError("dispatch_failed") from None
        if response.status_code != 200:
            raise DeliveryFailedError("dispatch_failed", response.status_code)
        return Acknowledgement(
            response.status_code,
            round((time.perf_counter() - started) * 1000, 1),
            response.headers.get("content-type", ""),
            response.text,
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _line(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                timeout=self._ack_seconds,
                trust_env=False,
                follow_redirects=False,
            )
        return self._client
