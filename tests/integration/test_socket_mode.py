"""Socket Mode: no public address; commands and clicks come over a WebSocket the bot opens."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from tests.integration import slack_wire
from tests.integration.stage import (
    APPROVER,
    QUICK,
    REQUESTER,
    Bot,
    Case,
    Json,
    Stage,
    buttons,
    words,
)

APP_TOKEN = "xapp-sandbox-token"


class SocketSlack:
    """Slack with `apps.connections.open` and its WebSocket; the rest is handed to the sandbox."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self._loop = asyncio.new_event_loop()
        self._sockets: list[web.WebSocketResponse] = []
        self._answers: queue.Queue[Json] = queue.Queue()
        self._count = 0
        self.base_url = ""
        self.opened_with: list[str] = []

    @property
    def connected(self) -> int:
        """How many connections have been made; one that was left is no longer listened to."""
        return len(self._sockets)

    def deliver(self, kind: str, payload: dict[str, Any]) -> Json:
        """Send an envelope over the newest connection and wait for its acknowledgement."""
        self._count += 1
        envelope = {
            "envelope_id": f"envelope-{self._count}",
            "type": kind,
            "payload": payload,
            "accepts_response_payload": True,
        }
        self._run(self._sockets[-1].send_str(json.dumps(envelope)))
        answer = self._answers.get(timeout=15)
        assert answer["envelope_id"] == envelope["envelope_id"]
        return answer

    def ask_to_reconnect(self) -> None:
        """What Slack does every few hours."""
        said = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}
        self._run(self._sockets[-1].send_str(json.dumps(said)))

    def _run(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    async def _open(self, request: web.Request) -> web.Response:
        self.opened_with.append(request.headers.get("Authorization", ""))
        url = self.base_url.replace("http://", "ws://") + "/socket"
        return web.json_response({"ok": True, "url": url})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._answers.put(json.loads(message.data))
        return socket

    async def _hand_on(self, request: web.Request) -> web.Response:
        url = self._sandbox.slack_api_url + request.match_info["method"]
        names = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method,
                url,
                params=request.query_string,
                content=await request.read(),
                headers=headers,
            )
        return web.Response(
            body=answer.content, status=answer.status_code, content_type="application/json"
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        app = web.Application()
        app.router.add_post("/api/apps.connections.open", self._open)
        app.router.add_route("*", "/api/{method}", self._hand_on)
        app.router.add_get("/socket", self._socket)
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runner = web.AppRunner(app, shutdown_timeout=1)
        self._run(self._start(runner))
        try:
            yield
        finally:
            self._run(runner.cleanup())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _start(self, runner: web.AppRunner) -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SocketSlack, Stage]]:
    folder: Path = tmp_path_factory.mktemp("socket")
    (folder / "rescind.toml").write_text(QUICK, encoding="utf-8")
    with RunningSandbox(SandboxSettings(port=0)) as sandbox:
        slack = SocketSlack(sandbox)
        with slack.running():
            api = f"{slack.base_url}/api/"
            with Bot(sandbox, folder, SLACK_API_URL=api, SLACK_APP_TOKEN=APP_TOKEN) as bot:
                del bot.environment["SLACK_SIGNING_SECRET"]
                bot.start()
                yield slack, Stage(sandbox, bot)
                assert bot.stop() == 0
                assert "Traceback" not in bot.log(), bot.log()


def test_the_main_path_works_over_the_socket(socket: tuple[SocketSlack, Stage]) -> None:
    slack, stage = socket
    stage.people.wait_for("the connection", lambda: slack.connected)
    case = stage.case(channel="C0REFUNDS")
    asked = slack_wire.command_fields(f"{case.order} guest is ill", REQUESTER, case.channel)
    answer = slack.deliver("slash_commands", asked)
    assert f"Reading order {case.order}" in answer["payload"]["text"]
    assert answer["payload"]["response_type"] == "ephemeral"
    card = case.card("waiting for approval")
    assert "guest is ill" in words(card)
    slack.deliver("interactive", click(card, APPROVER))
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
    assert slack.opened_with[0] == f"Bearer {APP_TOKEN}"


def click(card: Json, user: str) -> Json:
    return slack_wire.click_payload(card, buttons(card)["approve"], user)


def test_a_command_that_arrives_twice_is_one_request(socket: tuple[SocketSlack, Stage]) -> None:
    slack, stage = socket
    case: Case = stage.case(channel="C0BOXOFF")
    asked = slack_wire.command_fields(case.order, REQUESTER, case.channel)
    for _ in range(2):
        assert "Reading order" in slack.deliver("slash_commands", asked)["payload"]["text"]
    case.card("waiting for approval")
    assert len(case.cards()) == 1


def test_there_is_no_http_endpoint_without_a_signing_secret(
    socket: tuple[SocketSlack, Stage],
) -> None:
    _, stage = socket
    answer = httpx.post(f"{stage.bot.url}/slack/events", content=b"a=b")
    assert answer.status_code == 404
    assert httpx.get(f"{stage.bot.url}/readyz").status_code == 200


def test_it_connects_anew_when_slack_asks_for_it(socket: tuple[SocketSlack, Stage]) -> None:
    slack, stage = socket
    before = slack.connected
    slack.ask_to_reconnect()
    stage.people.wait_for("the new connection", lambda: slack.connected > before)
    case = stage.case(channel="C0BOXOFF")
    asked = slack_wire.command_fields(case.order, REQUESTER, case.channel)
    assert "Reading order" in slack.deliver("slash_commands", asked)["payload"]["text"]
    case.card("waiting for approval")


def test_a_wrong_app_token_leaves_the_bot_up_and_not_ready(tmp_path: Path) -> None:
    """So that whoever watches it learns the cause, and that it is not restarted in vain."""
    settings = SandboxSettings(port=0)
    with (
        RunningSandbox(settings) as sandbox,
        Bot(sandbox, tmp_path, SLACK_APP_TOKEN="xapp-wrong") as bot,
    ):
        bot.start("/readyz", 503)
        assert httpx.get(f"{bot.url}/healthz").status_code == 200
        assert bot.stop() == 0
        assert "Traceback" not in bot.log(), bot.log()
