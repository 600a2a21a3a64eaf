"""The front door: an ASGI guard in front of Bolt that lets only Slack's own requests through.

Bolt and slack_sdk answer unauthenticated junk with tracebacks (facts/slack.md, traps 1), so
everything is checked here, over the raw bytes, and refused with an empty body.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

import structlog
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024
TIMESTAMP_TOLERANCE_SECONDS = 300
_CONTENT_TYPES = (b"application/x-www-form-urlencoded", b"application/json")


class Guard:
    """Wrap `app`; `clock` returns seconds since the epoch."""

    def __init__(
        self, app: ASGIApp, signing_secret: SecretStr, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._secret = signing_secret.get_secret_value().encode()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        status, cause = self._verdict(dict(scope["headers"]), body)
        if status != 200 or body is None:
            log.warning("slack_request_refused", status=status, cause=cause)
            await Response(status_code=status)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _verdict(self, headers: dict[bytes, bytes], body: bytes | None) -> tuple[int, str]:
        if body is None:
            return 413, "body too large or cut off"
        if not headers.get(b"content-type", b"").lower().startswith(_CONTENT_TYPES):
            return 400, "content type"
        timestamp = headers.get(b"x-slack-request-timestamp", b"")
        signature = headers.get(b"x-slack-signature", b"")
        if not timestamp.isdigit() or len(timestamp) > 12:
            return 401, "timestamp missing or not a number"
        if abs(self._clock() - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
            return 401, "timestamp too far from now"
        digest = hmac.new(self._secret, b"v0:" + timestamp + b":" + body, hashlib.sha256)
        if not hmac.compare_digest(f"v0={digest.hexdigest()}".encode(), signature):
            return 401, "signature"
        return 200, ""


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body; None if it is larger than the limit or the sender went away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand on the bytes that were checked, and nothing else."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
