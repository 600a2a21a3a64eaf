"""The JSON API of the page under `/ui/`: what people do and see. Every answer is HTTP 200."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.sandbox.acme import FAULTS
from bot.sandbox.changes import Changes
from bot.sandbox.slack import clicks, commands, directory, modals, shortcuts
from bot.sandbox.slack.api import METHODS
from bot.sandbox.slack.body import BodyRefusedError, read_body
from bot.sandbox.slack.cast import BOT_USER, SLACKBOT
from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.people import ActRefusedError
from bot.sandbox.slack.snapshot import snapshot
from bot.sandbox.slack.wire import Json, as_text, parse_json
from bot.sandbox.slack.workspace import SlackSandbox

_KEEP_ALIVE_SECONDS = 15.0


class Ticketing(Protocol):
    """What the page needs of the ticketing half (`bot.sandbox.acme.AcmeSandbox`)."""

    def orders(self) -> list[Json]: ...
    def panel(self, order_id: str) -> Json | None: ...
    def set_fault(
        self, order_id: str, fault: str | None, *, seconds: float = ..., times: int | None = ...
    ) -> None: ...
    def set_reading(self, order_id: str | None = ..., /, **switches: object) -> None: ...
    def copy_order(self, template: str) -> tuple[str, str]: ...
    def requests(self, order_id: str | None) -> list[Json]: ...
    def reset(self) -> None: ...


Handler = Callable[[Json], Awaitable[Json]]


class PageApi:
    def __init__(
        self, slack: SlackSandbox, acme: Ticketing, delivery: Delivery, changes: Changes
    ) -> None:
        self._slack = slack
        self._acme = acme
        self._delivery = delivery
        self._changes = changes

    def routes(self) -> list[Route]:
        posts: dict[str, Handler] = {
            "/message": self._slack_act(commands.write),
            "/command": self._slack_act(commands.run),
            "/action": self._slack_act(clicks.click),
            "/submit": self._slack_act(modals.submit),
            "/close": self._slack_act(modals.close),
            "/shortcut": self._slack_act(shortcuts.use),
            "/members": self._members,
            "/bot": self._bot,
            "/slack/fault": self._slack_fault,
            "/slack/people": self._slack_change(directory.change_person),
            "/slack/groups": self._slack_change(directory.change_group),
            "/slack/organisation": self._slack_change(directory.change_organisation),
            "/orders": self._copy_order,
            "/acme/reading": self._acme_reading,
            "/reset": self._reset,
        }
        return [
            Route("/state", self._state, methods=["GET"]),
            Route("/events", self._events, methods=["GET"]),
            Route("/slack/calls", self._calls, methods=["GET"]),
            Route("/orders", self._orders, methods=["GET"]),
            Route("/orders/{order_id}", self._order, methods=["GET"]),
            Route("/acme/requests", self._acme_requests, methods=["GET"]),
            Route("/orders/{order_id}/fault", self._order_fault, methods=["POST"]),
            *(Route(path, _post(handler), methods=["POST"]) for path, handler in posts.items()),
        ]

    def _slack_act(self, act: Callable[[SlackSandbox, Delivery, Json], Awaitable[Json]]) -> Handler:
        async def handler(given: Json) -> Json:
            return await act(self._slack, self._delivery, given)

        return handler

    def _slack_change(self, change: Callable[[SlackSandbox, Json], Json]) -> Handler:
        async def handler(given: Json) -> Json:
            return change(self._slack, given)

        return handler

    async def _state(self, request: Request) -> Response:
        user = self._slack.users.get(request.query_params.get("user", "U0REQUEST"))
        if user is None or user.id in (BOT_USER, SLACKBOT):
            return _refused("user_not_found", "There is no such person in this workspace.")
        channel = request.query_params.get("channel", "")
        return JSONResponse(snapshot(self._slack, user, channel, self._changes.version))

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(
            self._versions(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _versions(self) -> AsyncIterator[str]:
        seen = self._changes.version
        yield _event(seen)
        while not self._changes.closed:
            if await self._changes.wait(seen, _KEEP_ALIVE_SECONDS):
                seen = self._changes.version
                yield _event(seen)
            elif not self._changes.closed:
                yield ": still here\n\n"

    async def _calls(self, request: Request) -> Response:
        method = request.query_params.get("method")
        calls = [call for call in self._slack.calls if method in (None, call["method"])]
        return JSONResponse({"calls": calls})

    async def _members(self, given: Json) -> Json:
        channel = self._slack.channels.get(as_text(given.get("channel")))
        user = self._slack.users.get(as_text(given.get("user")))
        if channel is None or channel.kind == "im":
            raise ActRefusedError("channel_not_found", "There is no such channel.")
        if user is None or user.id == SLACKBOT:
            raise ActRefusedError("user_not_found", "There is no such person in this workspace.")
        if given.get("present") is True:
            channel.members.add(user.id)
        else:
            channel.members.discard(user.id)
        self._slack.changed()
        return {}

    async def _bot(self, given: Json) -> Json:
        url = as_text(given.get("url"))
        if not url.startswith(("http://", "https://")):
            raise ActRefusedError(
                "invalid_url", "The bot's address starts with http:// or https://."
            )
        self._delivery.bot_url = url
        return {"url": url}

    async def _slack_fault(self, given: Json) -> Json:
        method = as_text(given.get("method"))
        if method not in ("*", "response_url", *METHODS):
            raise ActRefusedError("unknown_method", f'"{method}" is no method of this Web API.')
        kind = given.get("kind")
        try:
            self._slack.faults.set(method, None if kind is None else _fault(str(kind), given))
        except ValueError as error:
            raise ActRefusedError("unknown_fault", str(error)) from None
        self._slack.changed()
        return {}

    async def _orders(self, _: Request) -> Response:
        return JSONResponse({"orders": self._acme.orders(), "faults": list(FAULTS)})

    async def _order(self, request: Request) -> Response:
        panel = self._acme.panel(request.path_params["order_id"])
        if panel is None:
            return _refused("order_not_found", "There is no such order.")
        return JSONResponse(panel)

    async def _order_fault(self, request: Request) -> Response:
        order_id = request.path_params["order_id"]

        async def handler(given: Json) -> Json:
            fault = given.get("fault")
            try:
                self._acme.set_fault(
                    order_id,
                    None if fault is None else str(fault),
                    seconds=_number(given, "seconds", 5.0),
                    times=_times(given),
                )
            except KeyError:
                raise ActRefusedError("order_not_found", "There is no such order.") from None
            except ValueError as error:
                raise ActRefusedError("unknown_fault", str(error)) from None
            return {}

        return await _post(handler)(request)

    async def _copy_order(self, given: Json) -> Json:
        try:
            order_id, number = self._acme.copy_order(as_text(given.get("template")))
        except KeyError:
            raise ActRefusedError("order_not_found", "There is no such order to copy.") from None
        return {"id": order_id, "number": number}

    async def _acme_reading(self, given: Json) -> Json:
        """Choose what ACME's documentation leaves open, for all orders or for `order` alone."""
        switches = {key: value for key, value in given.items() if key != "order"}
        try:
            self._acme.set_reading(given.get("order"), **switches)
        except KeyError:
            raise ActRefusedError("order_not_found", "There is no such order.") from None
        except ValueError as error:
            raise ActRefusedError("unknown_reading", str(error)) from None
        return {}

    async def _acme_requests(self, request: Request) -> Response:
        order_id = request.query_params.get("order") or None
        return JSONResponse({"requests": self._acme.requests(order_id)})

    async def _reset(self, _: Json) -> Json:
        self._acme.reset()
        self._slack.reset()
        return {}


def _post(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Reads a JSON object, and answers `ok` with the handler's result or its refusal."""

    async def endpoint(request: Request) -> Response:
        try:
            given = await _json_body(request)
            return JSONResponse({"ok": True, **await handler(given)})
        except ActRefusedError as refused:
            return _refused(refused.error, str(refused), **refused.extra)

    return endpoint


async def _json_body(request: Request) -> Json:
    try:
        body = await read_body(request)
        given = parse_json(body) if body else {}
    except (ValueError, BodyRefusedError):
        raise ActRefusedError("invalid_json", "The body has to be JSON.") from None
    if not isinstance(given, dict):
        raise ActRefusedError("invalid_json", "The body has to be a JSON object.")
    return given


def _refused(error: str, message: str, **extra: object) -> Response:
    return JSONResponse({"ok": False, "error": error, "message": message, **extra})


def _event(version: int) -> str:
    return f"data: {json.dumps({'version': version})}\n\n"


def _fault(kind: str, given: Json) -> Fault:
    return Fault(
        kind,
        _times(given),
        retry_after=int(_number(given, "retry_after", 1)),
        seconds=_number(given, "seconds", 5.0),
        error=as_text(given.get("error")) or "internal_error",
    )


def _times(given: Json) -> int | None:
    times = given.get("times")
    if times is None:
        return None
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ActRefusedError("invalid_times", "`times` is a whole number from 1, or null.")
    return times


def _number(given: Json, name: str, default: float) -> float:
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise ActRefusedError(f"invalid_{name}", f"`{name}` is a number from 0 to 3600.")
    return float(value)
