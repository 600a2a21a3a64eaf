"""The web app: health, readiness, metrics, and Slack's door that never answers with a traceback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping

import httpx
import pytest
from pydantic import SecretStr
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.types import ASGIApp

from bot.domain.request import LedgerUnavailableError
from bot.slack.guard import Guard
from bot.web import Precedence, Readiness, admin_routes, health_route, plain_app, web_app

pytestmark = pytest.mark.anyio

SECRET = "a-test-secret"


class Database:
    def __init__(self, *, down: bool = False) -> None:
        self._down = down

    async def ping(self) -> None:
        if self._down:
            raise LedgerUnavailableError("OperationalError")


class Store:
    async def count_live(self) -> Mapping[str, int]:
        return {"pending": 3, "unknown": 1}


async def authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-test")


def bolt() -> AsyncApp:
    return AsyncApp(authorize=authorize, request_verification_enabled=False)


def house(
    readiness: Readiness | None = None,
    *,
    down: bool = False,
    slack: bool = True,
    precedence: Precedence | None = None,
    app: AsyncApp | None = None,
    elsewhere: bool = False,
) -> httpx.AsyncClient:
    """The whole app; `elsewhere`: what operators ask is on another port, or on none."""

    def guard(inner: ASGIApp) -> ASGIApp | None:
        return Guard(inner, SecretStr(SECRET)) if slack else None

    admin = admin_routes(Database(down=down), Store(), readiness or Readiness(slack=None))
    built = web_app(
        precedence=precedence or Precedence(),
        guard=guard,
        bolt=AsyncSlackRequestHandler(app or bolt()),
        beside=[health_route()] if elsewhere else admin,
    )
    return calling(built)


def calling(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://bot")


async def test_a_process_that_runs_is_healthy_whatever_else_is_down() -> None:
    async with house(Readiness("invalid_auth"), down=True) as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("readiness", "down", "status", "told"),
    [
        (Readiness(None), False, 200, {"ready": True}),
        (Readiness(), False, 503, {"ready": False, "slack": "not asked yet"}),
        (Readiness("invalid_auth"), False, 503, {"ready": False, "slack": "invalid_auth"}),
        (Readiness(None, "no token"), False, 503, {"ready": False, "socket_mode": "no token"}),
        (Readiness(None, stopping=True), False, 503, {"ready": False, "process": "stopping"}),
        (Readiness(None), True, 503, {"ready": False, "database": "OperationalError"}),
    ],
)
async def test_readiness_tells_what_is_missing(
    readiness: Readiness, down: bool, status: int, told: dict[str, object]
) -> None:
    async with house(readiness, down=down) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (status, told)


async def test_metrics_count_what_is_live() -> None:
    async with house() as client:
        text = (await client.get("/metrics")).text
    assert 'rescind_live_requests{state="pending"} 3.0' in text
    assert 'rescind_live_requests{state="unknown"} 1.0' in text


async def test_without_a_signing_secret_there_is_no_door() -> None:
    async with house(slack=False) as client:
        assert (await client.post("/slack/events")).status_code == 404


async def test_the_door_is_for_posting_only() -> None:
    async with house() as client:
        assert (await client.get("/slack/events")).status_code == 405


async def test_what_operators_ask_may_be_elsewhere() -> None:
    async with house(elsewhere=True) as client:
        asked = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics")]
        assert [answer.status_code for answer in asked] == [200, 404, 404]
        assert (await client.post("/slack/events")).status_code == 400


async def test_elsewhere_there_is_no_door() -> None:
    admin = admin_routes(Database(), Store(), Readiness(slack=None))
    async with calling(plain_app(admin)) as client:
        asked = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics")]
        assert [answer.status_code for answer in asked] == [200, 200, 200]
        assert (await client.post("/slack/events")).status_code == 404


@pytest.mark.parametrize("host", ["[", "elsewhere.example", ""])
async def test_nobody_is_sent_on_to_where_the_sender_says_we_are(host: str) -> None:
    async with house() as client:
        answer = await client.get("/healthz/", headers={"host": host})
        assert (answer.status_code, "location" in answer.headers) == (404, False)


def signed(body: bytes) -> dict[str, str]:
    now = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": now,
        "x-slack-signature": f"v0={digest.hexdigest()}",
    }


# Longer than any test takes: who waits for it waits in vain.
NEVER = 1e6

JUNK = [
    b"",
    b"{",
    b"[1]",
    b"payload={bad",
    b"payload=[1]",
    b"payload=null",
    b"payload=%22text%22",
    b"payload=\xff\xfe",
    b"\x00\xff",
    b"command=/cancel-order",
    b"ssl_check=1",
]


@pytest.mark.parametrize("body", JUNK)
async def test_junk_with_a_signature_is_answered_without_a_traceback(body: bytes) -> None:
    async with house() as client:
        answer = await client.post("/slack/events", content=body, headers=signed(body))
    assert answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("body", JUNK)
async def test_junk_without_a_signature_gets_nothing(body: bytes) -> None:
    headers = signed(b"something else")
    async with house() as client:
        answer = await client.post("/slack/events", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_nobody_gives_way_while_it_is_quiet() -> None:
    precedence = Precedence(patience=NEVER)
    await precedence.give_way()


async def test_what_can_wait_waits_until_everybody_is_acknowledged() -> None:
    precedence = Precedence(patience=NEVER)
    with precedence.acknowledging():
        with precedence.acknowledging():
            waits = asyncio.create_task(precedence.give_way())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waits.done()
    await waits


async def test_nobody_waits_for_ever() -> None:
    precedence = Precedence(patience=0)
    with precedence.acknowledging():
        await precedence.give_way()


async def test_a_long_rush_lets_one_piece_of_work_through_at_a_time() -> None:
    precedence = Precedence(patience=0.01)
    with precedence.acknowledging():
        pieces = [asyncio.create_task(precedence.give_way()) for _ in range(3)]
        await pieces[0]
        assert not pieces[1].done()
        assert not pieces[2].done()
        await asyncio.gather(*pieces)


async def test_an_acknowledgement_that_fails_is_over_as_well() -> None:
    precedence = Precedence(patience=NEVER)
    with pytest.raises(RuntimeError), precedence.acknowledging():
        raise RuntimeError("no")
    await precedence.give_way()


async def test_the_door_counts_as_acknowledging() -> None:
    """What can wait gives way to a delivery for as long as it is being answered."""
    precedence = Precedence(patience=NEVER)
    waiting: list[asyncio.Task[None]] = []

    async def slow(ack: AsyncAck) -> None:
        waiting.append(asyncio.create_task(precedence.give_way()))
        await asyncio.sleep(0)
        assert not waiting[0].done()
        await ack()

    app = bolt()
    app.command("/cancel-order")(slow)
    body = b"command=%2Fcancel-order&text=1&team_id=T0MUSEUM&user_id=U0REQUEST"
    async with house(precedence=precedence, app=app) as client:
        answer = await client.post("/slack/events", content=body, headers=signed(body))
    assert answer.status_code == 200
    await waiting[0]
