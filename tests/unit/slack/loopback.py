"""Slack's Web API on loopback: answers as told, keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.poster import Poster

Json = dict[str, Any]
CUT = -1


@dataclass(frozen=True)
class Reply:
    """One answer; `status` CUT hangs up instead."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


SOUND = Reply({"ok": True, "ts": "1784041200.000100", "channel": "C0REFUNDS"})


def refusal(error: str, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"ok": False, "error": error}, status, named)


class Slack:
    """`replies`: method -> its answers in turn, the last one for ever; others are sound."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.calls: list[tuple[str, Json]] = []
        self.base = ""

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append((method, await _arguments(request)))
        waiting = self.replies.get(method, [SOUND])
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if reply.status == CUT:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(reply.body, str):
            return web.Response(
                text=reply.body,
                status=reply.status,
                headers={"Content-Type": "text/html"} | reply.headers,
            )
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)


async def _arguments(request: web.Request) -> Json:
    if request.method == "GET":
        return dict(request.query)
    if request.content_type == "application/json":
        arguments: Json = await request.json()
        return arguments
    form = await request.post()
    return {
        key: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
        for key, value in form.items()
    }


@asynccontextmanager
async def slack_and_poster() -> AsyncIterator[tuple[Slack, Poster]]:
    slack = Slack()
    app = web.Application()
    app.router.add_route("*", "/{method}", slack.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        slack.base = str(server.make_url("/"))
        client = AsyncWebClient("xoxb-test", slack.base, session=session, retry_handlers=[])
        yield slack, Poster(client, session)
