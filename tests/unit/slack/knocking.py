"""Whoever knocks at the front door: signed or not, at once or in pieces."""

from __future__ import annotations

import hashlib
import hmac

import httpx
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.slack.guard import (
    BODY_LIMIT,
    Guard,
)

SECRET = "a-test-secret"
PREVIOUS = "the-secret-before"
NOW = 1_784_041_200
FORM = "application/x-www-form-urlencoded"
SHAPED = "v0=" + "a" * 64
BODY = b"command=%2Fcancel-order&text=26644388"


class Inner:
    """The app behind the door; keeps the bodies that reach it."""

    def __init__(self) -> None:
        self.reached: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(await Request(scope, receive).body())
        await PlainTextResponse("in")(scope, receive, send)


def signature(body: bytes, timestamp: str = str(NOW), secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def signed(
    body: bytes = BODY, timestamp: str = str(NOW), kind: str = FORM, secret: str = SECRET
) -> dict[str, str]:
    return {
        "content-type": kind,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature(body, timestamp, secret),
    }


async def knock(
    headers: dict[str, str] | list[tuple[str, str]],
    body: bytes = BODY,
    previous: SecretStr | None = None,
) -> tuple[httpx.Response, list[bytes]]:
    inner = Inner()
    guard = Guard(inner, SecretStr(SECRET), previous, clock=lambda: NOW)
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        answer = await client.post("/slack/events", content=body, headers=headers)
    return answer, inner.reached


Sent = list[Message]
HEADERS = [(key.encode(), value.encode()) for key, value in signed().items()]


async def deliver(
    guard: ASGIApp, receive: Receive, headers: list[tuple[bytes, bytes]] | None = None
) -> Sent:
    """Call the guard as a server would; return what it sends."""
    sent: Sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    chosen = HEADERS if headers is None else headers
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": chosen}
    await guard(scope, receive, send)
    return sent


def refusal(sent: Sent) -> int:
    """Return the status of an answer that is empty and closes the connection."""
    start, body = sent
    assert body["body"] == b""
    assert (b"connection", b"close") in start["headers"]
    return int(start["status"])


def in_pieces(*messages: Message) -> Receive:
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    return receive


async def nobody_reads() -> Message:
    raise AssertionError("the body was read")


def whole(body: bytes = BODY) -> Receive:
    return in_pieces(piece(body, more=False))


def piece(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def guarding(inner: ASGIApp, buffer_limit: int = BODY_LIMIT, seconds: float = 60) -> Guard:
    return Guard(
        inner,
        SecretStr(SECRET),
        clock=lambda: NOW,
        body_seconds=seconds,
        buffer_limit=buffer_limit,
    )
