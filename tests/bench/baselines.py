"""What an acknowledgement costs without us: three servers that do nothing but answer."""

from __future__ import annotations

import sys
from collections.abc import Callable

import uvicorn
from pydantic import SecretStr
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
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


async def _only_the_signature(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()
    await Response(status_code=200)(scope, receive, send)


def raw() -> Starlette:
    """Starlette with a handler that only checks the signature."""
    guard = Guard(_only_the_signature, SecretStr(SIGNING_SECRET))

    class Endpoint:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await guard(scope, receive, send)

    return Starlette(routes=[Route("/slack/events", Endpoint(), methods=["POST"]), _HEALTH])


def bolt(*, process_before_response: bool) -> Starlette:
    """A bare AsyncApp hello-world."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-bench")

    app = AsyncApp(
        signing_secret=SIGNING_SECRET,
        authorize=authorize,
        process_before_response=process_before_response,
    )

    async def hello(ack: AsyncAck) -> None:
        await ack("hello")

    app.command("/cancel-order")(hello)
    app.action("approve")(hello)
    handler = AsyncSlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", events, methods=["POST"]), _HEALTH])


BASELINES: dict[str, Callable[[], Starlette]] = {
    RAW: raw,
    DEFAULT: lambda: bolt(process_before_response=False),
    "bare Bolt, process_before_response": lambda: bolt(process_before_response=True),
}

if __name__ == "__main__":
    uvicorn.run(BASELINES[sys.argv[1]](), port=int(sys.argv[2]), log_level="error")
