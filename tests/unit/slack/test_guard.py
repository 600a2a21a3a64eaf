"""The front door: only what Slack itself signed gets in, byte for byte; the rest gets nothing."""

from __future__ import annotations

import hashlib
import hmac

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from bot.slack.guard import BODY_LIMIT, TIMESTAMP_TOLERANCE_SECONDS, Guard

pytestmark = pytest.mark.anyio

SECRET = "a-test-secret"
NOW = 1_784_041_200
FORM = "application/x-www-form-urlencoded"
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


def signed(body: bytes = BODY, timestamp: str = str(NOW), kind: str = FORM) -> dict[str, str]:
    return {
        "content-type": kind,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature(body, timestamp),
    }


async def knock(
    headers: dict[str, str] | list[tuple[str, str]], body: bytes = BODY
) -> tuple[httpx.Response, list[bytes]]:
    inner = Inner()
    guard = Guard(inner, SecretStr(SECRET), clock=lambda: NOW)
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        answer = await client.post("/slack/events", content=body, headers=headers)
    return answer, inner.reached


async def test_what_slack_signed_gets_in_byte_for_byte() -> None:
    answer, reached = await knock(signed())
    assert (answer.status_code, answer.text) == (200, "in")
    assert reached == [BODY]


@settings(max_examples=50)
@given(body=st.binary(max_size=200))
async def test_any_signed_bytes_get_in_unchanged(body: bytes) -> None:
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, reached) == (200, [body])


@pytest.mark.parametrize(
    "kind", [FORM, f"{FORM}; charset=utf-8", "application/json", "Application/JSON; charset=utf-8"]
)
async def test_slacks_content_types_get_in(kind: str) -> None:
    assert (await knock(signed(kind=kind)))[0].status_code == 200


@pytest.mark.parametrize("skew", [0, 1, -1, 299, -299, 300, -300])
async def test_clocks_may_differ_a_little(skew: int) -> None:
    assert (await knock(signed(timestamp=str(NOW + skew))))[0].status_code == 200


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


OTHER_BODY = b"command=%2Fcancel-order&text=26644389"
REFUSED = {
    "no timestamp": (without("x-slack-request-timestamp"), BODY, 401),
    "empty timestamp": (signed() | {"x-slack-request-timestamp": ""}, BODY, 401),
    "timestamp of letters": (signed(timestamp="abc"), BODY, 401),
    "timestamp as a power": (signed(timestamp="1e9"), BODY, 401),
    "negative timestamp": (signed(timestamp="-1784041200"), BODY, 401),
    "fractional timestamp": (signed(timestamp=f"{NOW}.0"), BODY, 401),
    "endless timestamp": (signed(timestamp="1" * 5000), BODY, 401),
    "stale": (signed(timestamp=str(NOW - TIMESTAMP_TOLERANCE_SECONDS - 1)), BODY, 401),
    "from the future": (signed(timestamp=str(NOW + TIMESTAMP_TOLERANCE_SECONDS + 1)), BODY, 401),
    "no signature": (without("x-slack-signature"), BODY, 401),
    "empty signature": (signed() | {"x-slack-signature": ""}, BODY, 401),
    "signature of another secret": (
        signed() | {"x-slack-signature": signature(BODY, secret="guessed")},
        BODY,
        401,
    ),
    "signature of another body": (signed(OTHER_BODY), BODY, 401),
    "signature of another moment": (
        signed() | {"x-slack-request-timestamp": str(NOW - 1)},
        BODY,
        401,
    ),
    "signature without its version": (
        signed() | {"x-slack-signature": signature(BODY).removeprefix("v0=")},
        BODY,
        401,
    ),
    "unsigned and not UTF-8": (signed(b""), b"payload=\xff\xfe", 401),
    "unsigned and not JSON": (signed(b""), b"payload={bad", 401),
    "no content type": (without("content-type"), BODY, 400),
    "plain text": (signed(kind="text/plain"), BODY, 400),
    "a form of files": (signed(kind="multipart/form-data; boundary=x"), BODY, 400),
    "oversize": (signed(b"x" * (BODY_LIMIT + 1)), b"x" * (BODY_LIMIT + 1), 413),
}


@pytest.mark.parametrize(("headers", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_everything_else_is_refused_without_a_word(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    answer, reached = await knock(headers, body)
    assert answer.status_code == status
    assert answer.content == b""
    assert reached == []


async def test_a_body_of_exactly_the_limit_gets_in() -> None:
    body = b"x" * BODY_LIMIT
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, len(reached[0])) == (200, BODY_LIMIT)


async def test_a_repeated_header_never_opens_the_door_for_another_body() -> None:
    genuine = list(signed(OTHER_BODY).items())
    answer, reached = await knock([*genuine, ("x-slack-signature", "v0=0")])
    assert (answer.status_code, reached) == (401, [])


async def asgi(*messages: Message) -> tuple[int, list[bytes]]:
    """Call the guard as a server would that delivers the body in these pieces."""
    inner = Inner()
    guard = Guard(inner, SecretStr(SECRET), clock=lambda: NOW)
    waiting = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(key.encode(), value.encode()) for key, value in signed().items()]
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await guard(scope, receive, send)
    return int(sent[0]["status"]), inner.reached


def piece(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_one_body() -> None:
    pieces = [piece(BODY[:5], more=True), piece(b"", more=True), piece(BODY[5:], more=False)]
    assert await asgi(*pieces) == (200, [BODY])


async def test_a_sender_that_goes_away_gets_nothing_in() -> None:
    status, reached = await asgi(piece(BODY, more=True), {"type": "http.disconnect"})
    assert (status, reached) == (413, [])


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    chunk = piece(b"x" * (BODY_LIMIT // 2), more=True)
    status, reached = await asgi(*[chunk] * 3)
    assert (status, reached) == (413, [])
