"""What an acknowledgement costs without us: three servers that do nothing but answer."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from pydantic import SecretStr
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.slack.guard import Guard

SIGNING_SECRET = "bench-signing-secret"
RAW = "raw Starlette, signature only"
DEFAULT = "bare Bolt, default"


async def _healthz(_: Request) -> Response:
    return Response("ok")


_HEALTH = Route("/healthz", _healthz)


class Disk:
    """One bare commit in a thread: the least that "on disk before the 200" can cost."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rescind-bench-disk-")
        self._thread = ThreadPoolExecutor(1)
        path = Path(self._folder.name) / "bare.db"
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE payloads (body BLOB)")

    async def keep(self, body: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, body)

    def _insert(self, body: bytes) -> None:
        self._connection.execute("INSERT INTO payloads VALUES (?)", (body,))


def raw(disk: Disk | None = None) -> Starlette:
    """Starlette with a handler that only checks the signature; `disk`: and keeps the payload."""

    async def handler(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if disk is not None:
            await disk.keep(body)
        await Response(status_code=200)(scope, receive, send)

    guard = Guard(handler, SecretStr(SIGNING_SECRET))

    class Endpoint:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await guard(scope, receive, send)

    return Starlette(routes=[Route("/slack/events", Endpoint(), methods=["POST"]), _HEALTH])


def bolt(*, process_before_response: bool, disk: Disk | None = None) -> Starlette:
    """A bare AsyncApp hello-world; `disk`: which keeps the payload first."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-bench")

    app = AsyncApp(
        signing_secret=SIGNING_SECRET,
        authorize=authorize,
        process_before_response=process_before_response,
    )

    async def hello(ack: AsyncAck, request: AsyncBoltRequest) -> None:
        if disk is not None:
            await disk.keep(request.raw_body.encode())
        await ack("hello")

    app.command("/cancel-order")(hello)
    app.action("approve")(hello)
    handler = AsyncSlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", events, methods=["POST"]), _HEALTH])


BASELINES: dict[str, Callable[[], Starlette]] = {
    RAW: raw,
    "raw Starlette and one bare commit": lambda: raw(Disk()),
    DEFAULT: lambda: bolt(process_before_response=False),
    "bare Bolt, process_before_response": lambda: bolt(process_before_response=True),
    "the same and one bare commit": lambda: bolt(process_before_response=True, disk=Disk()),
}

if __name__ == "__main__":
    uvicorn.run(BASELINES[sys.argv[1]](), port=int(sys.argv[2]), log_level="error")
