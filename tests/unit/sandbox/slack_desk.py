"""A desk to test Slack's half of the sandbox from: a bot that does as told, people, and a clock."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.server import Sandbox, SandboxSettings

Json = dict[str, Any]

TOKEN = "xoxb-test"
SECRET = "a-test-secret"
ROBIN = "U0REQUEST"
AVERY = "U0APPROVE"
SAM = "U0SECOND"
NOOR = "U0MEMBER"
GALE = "U0GUEST"
LIN = "U0SINGLE"
KAI = "U0PARTNER"
COURIER = "U0COURIER"
EZRA = "U0LEFT"
REFUNDS = "C0REFUNDS"
BOX_OFFICE = "C0BOXOFF"
GENERAL = "C0GENERAL"
TOURING = "C0PARTNER"
ARCHIVE = "C0ARCHIVE"
EVERYTHING = (
    "commands",
    "chat:write",
    "im:write",
    "users:read",
    "usergroups:read",
    *(
        f"{family}:{what}"
        for family in ("channels", "groups", "im")
        for what in ("read", "history")
    ),
)


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1_763_800_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Delivered:
    """What the bot was sent: the raw request, and the form or JSON payload in it."""

    path: str
    headers: dict[str, str]
    body: bytes
    fields: Json


def nothing() -> Response:
    return Response("")


Answer = Callable[[Json], Awaitable[Response] | Response]


class Bot:
    """An ASGI app in the bot's place; `answer` gets the payload and returns the response."""

    def __init__(self) -> None:
        self.received: list[Delivered] = []
        self.answer: Answer = lambda _: nothing()

    @property
    def last(self) -> Json:
        return self.received[-1].fields

    def answers(self, document: Json) -> None:
        self.answer = lambda _: JSONResponse(document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        form: Json = dict(parse_qsl(body.decode(), keep_blank_values=True))
        fields: Json = json.loads(form["payload"]) if "payload" in form else form
        self.received.append(Delivered(request.url.path, dict(request.headers), body, fields))
        response = self.answer(fields)
        if not isinstance(response, Response):
            response = await response
        await response(scope, receive, send)


class Http:
    """Calls the sandbox in this process, in a loop of its own that runs while a call does."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._runner = asyncio.Runner()
        self._sandbox = sandbox
        transport = httpx.ASGITransport(sandbox.app)
        self._client = httpx.AsyncClient(transport=transport, base_url=sandbox.slack.base_url)

    def get(self, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        return self._runner.run(self._client.get(path, params=params))

    def post(
        self,
        path: str,
        *,
        content: str | bytes | None = None,
        data: dict[str, str] | None = None,
        json: object = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        return self._runner.run(
            self._client.post(
                path, content=content, data=data, json=json, params=params, headers=headers
            )
        )

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self._sandbox.delivery.close())
        self._runner.close()


class Desk:
    def __init__(self, http: Http, sandbox: Sandbox, bot: Bot, clock: Clock) -> None:
        self.http = http
        self.sandbox = sandbox
        self.bot = bot
        self.clock = clock

    def api(self, method: str, **arguments: object) -> Json:
        """Call the Web API as slack_sdk does: JSON for what has blocks, a query otherwise."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if method.startswith(("chat.post", "chat.update", "views.")):
            response = self.http.post(
                f"/api/{method}",
                content=json.dumps(arguments),
                headers={**headers, "Content-Type": "application/json;charset=utf-8"},
            )
        else:
            response = self.http.post(f"/api/{method}", params=arguments, headers=headers)
        answer: Json = response.json()
        return answer

    def post(self, text: str = "hello", **arguments: object) -> str:
        """Post as the bot; the answer is the message's ts."""
        answer = self.api("chat.postMessage", **{"channel": REFUNDS, "text": text, **arguments})
        assert answer["ok"], answer
        return str(answer["ts"])

    def ui(self, path: str, **given: object) -> Json:
        """Do something on the page, as Robin unless `user` says otherwise."""
        answer: Json = self.http.post(f"/ui/{path}", json={"user": ROBIN, **given}).json()
        return answer

    def command(self, text: str = "26644388", **given: object) -> Json:
        given = {"channel": REFUNDS, "command": "/cancel-order", "text": text, **given}
        return self.ui("command", **given)

    def state(self, user: str = ROBIN, channel: str = REFUNDS) -> Json:
        answer: Json = self.http.get("/ui/state", params={"user": user, "channel": channel}).json()
        return answer

    def messages(self, user: str = ROBIN, channel: str = REFUNDS) -> list[Json]:
        messages: list[Json] = self.state(user, channel)["messages"]
        return messages

    def texts(self, user: str = ROBIN, channel: str = REFUNDS) -> list[str]:
        return [message["text"] for message in self.messages(user, channel)]

    def trigger(self) -> str:
        """A fresh trigger id, from a global shortcut."""
        self.ui("shortcut", callback_id="cancel_order_global")
        return str(self.bot.last["trigger_id"])

    def open_modal(self, view: Json) -> Json:
        answer = self.api("views.open", trigger_id=self.trigger(), view=view)
        assert answer["ok"], answer
        opened: Json = answer["view"]
        return opened

    def respond(self, url: str, **message: object) -> httpx.Response:
        """Post to a response URL."""
        return self.http.post(url, json=message)


@contextmanager
def desk(**settings: object) -> Iterator[Desk]:
    """An open desk. The bot has every scope unless `granted_scopes` says otherwise."""
    clock, bot = Clock(), Bot()
    given: Json = {
        "bot_url": "http://bot.test",
        "bot_token": TOKEN,
        "signing_secret": SECRET,
        "granted_scopes": EVERYTHING,
        "clock": clock,
        **settings,
    }
    sandbox = Sandbox(SandboxSettings(**given), httpx.ASGITransport(bot))
    http = Http(sandbox)
    try:
        yield Desk(http, sandbox, bot, clock)
    finally:
        http.close()


def section(text: str = "An order") -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str = "approve", **more: object) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Approve"), **more}


def actions(*elements: Json, block_id: str = "buttons") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def option(value: str) -> Json:
    return {"text": plain(value.title()), "value": value}


def text_input(block_id: str = "reason", element: Json | None = None, **more: object) -> Json:
    element = {"type": "plain_text_input", "action_id": "value", **(element or {})}
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id.title()),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: object) -> Json:
    return {
        "type": "modal",
        "callback_id": "cancel_order",
        "title": plain("Cancel an order"),
        "submit": plain("Go on"),
        "blocks": list(blocks) or [text_input()],
        **more,
    }


def message_of(problems: list[str]) -> list[tuple[str, str]]:
    """Each of the validator's reasons as (pointer, reason)."""
    return [
        (pointer.rstrip("]"), reason.removeprefix("[ERROR] "))
        for reason, _, pointer in (problem.partition(" [json-pointer:") for problem in problems)
    ]
