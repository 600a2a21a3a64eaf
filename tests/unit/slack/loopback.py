"""Slack's Web API on loopback: answers as told, keeps what it was asked."""

from __future__ import annotations

import asyncio
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


TEAM = "T0MUSEUM"
SOUND = Reply({"ok": True, "ts": "1784041200.000100", "channel": "C0REFUNDS"})


def refusal(error: str, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"ok": False, "error": error}, status, named)


def member(user: str, **other: object) -> Json:
    """A full member as `users.info` describes one, but for what is `other` about them."""
    flags = ("deleted", "is_restricted", "is_ultra_restricted", "is_bot", "is_app_user")
    shown: Json = {"id": user, "team_id": TEAM, "name": user.lower(), "profile": {"team": TEAM}}
    return shown | dict.fromkeys(flags, False) | other


class Slack:
    """`replies`: method -> its answers in turn, the last one for ever; others are sound.

    `people` are those who are no ordinary members, by id; `groups` the user groups that exist.
    What has a gate is answered when it opens.
    """

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.people: dict[str, Json] = {}
        self.groups: dict[str, list[str]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.calls: list[tuple[str, Json]] = []
        self.base = ""

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        method, arguments = request.match_info["method"], await _arguments(request)
        self.calls.append((method, arguments))
        if method in self.gates:
            await self.gates[method].wait()
        waiting = self.replies.get(method) or [self._sound(method, arguments)]
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

    def _sound(self, method: str, arguments: Json) -> Reply:
        match method:
            case "auth.test":
                bot = {"user_id": "U0RESCIND", "bot_id": "B0RESCIND", "team_id": TEAM}
                url = "https://museum.slack.com/"
                return Reply({"ok": True, "url": url, "is_enterprise_install": False} | bot)
            case "users.info":
                user = arguments["user"]
                return Reply({"ok": True, "user": self.people.get(user, member(user))})
            case "usergroups.users.list" if arguments["usergroup"] in self.groups:
                return Reply({"ok": True, "users": self.groups[arguments["usergroup"]]})
            case "usergroups.users.list":
                return refusal("no_such_subteam")
        return SOUND


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
async def slack_and_client() -> AsyncIterator[tuple[Slack, AsyncWebClient]]:
    slack = Slack()
    app = web.Application()
    app.router.add_route("*", "/{method}", slack.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        slack.base = str(server.make_url("/"))
        yield slack, AsyncWebClient("xoxb-test", slack.base, session=session, retry_handlers=[])


@asynccontextmanager
async def slack_and_poster() -> AsyncIterator[tuple[Slack, Poster]]:
    async with slack_and_client() as (slack, client):
        assert client.session is not None
        yield slack, Poster(client, client.session)
