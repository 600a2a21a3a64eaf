"""A Slack and an ACME that answer at once, in a process of their own, for any channel and order.

Everybody is a full member of the one workspace, and every user group is of the one approver.
`/wait/{channel}/{count}` tells the benchmark when a channel has had so many messages,
`/reached/{count}` when all channels together have; `/calls/{order}` which calls concerned an order.
The channel of order 123 is C123.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
# What was called, when it began and when it was answered: the seconds of CLOCK_MONOTONIC, which
# all processes of a machine share.
Call = tuple[str, float, float]

# The workspace and the approver of `tests.bench.client`.
TEAM, APPROVER = "T1", "U2"
_BOT: Json = {
    "url": "https://bench.example.org/",
    "team": "Bench",
    "team_id": TEAM,
    "user": "rescind",
    "user_id": "U0",
    "bot_id": "B0",
    "is_enterprise_install": False,
}
_MEMBER: Json = {
    "team_id": TEAM,
    "deleted": False,
    "color": "9f69e7",
    "real_name": "Somebody",
    "tz": "Europe/London",
    "tz_label": "Greenwich Mean Time",
    "tz_offset": 0,
    "profile": {"real_name": "Somebody", "display_name": "", "team": TEAM},
    "is_admin": False,
    "is_owner": False,
    "is_primary_owner": False,
    "is_restricted": False,
    "is_ultra_restricted": False,
    "is_bot": False,
    "is_app_user": False,
    "updated": 1_700_000_000,
}

_WAIT_SECONDS = 120
_stamps = itertools.count(1)
_remaining: dict[str, int] = defaultdict(lambda: 4)
_posted: dict[str, list[Json]] = defaultdict(list)
_calls: dict[str, list[Call]] = defaultdict(list)
_changed = asyncio.Condition()
_total = 0


async def slack(request: Request) -> Response:
    """Any Web API method; messages are kept by channel."""
    global _total  # noqa: PLW0603 - this process's one count
    begun = time.monotonic()
    arguments = await _arguments(request)
    method = request.path_params["method"]
    answer: Json = {"ok": True} | _read(method, arguments)
    channel = arguments.get("channel", "")
    if method == "chat.postMessage":
        ts = f"{next(_stamps)}.000100"
        answer |= {"channel": channel, "ts": ts}
        async with _changed:
            _posted[channel].append(_message(ts, arguments.get("blocks")))
            _total += 1
            _changed.notify_all()
    _calls[channel[1:]].append((method, begun, time.monotonic()))
    return JSONResponse(answer)


async def _arguments(request: Request) -> Json:
    """Slack's client sends what it reads with as a query, what it writes as JSON or as a form."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        arguments: Json = json.loads(body)
        return arguments
    form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    return dict(request.query_params) | form


def _read(method: str, arguments: Json) -> Json:
    """What the methods that only read answer besides `ok`."""
    match method:
        case "auth.test":
            return _BOT
        case "users.info":
            return {"user": _MEMBER | {"id": arguments["user"], "name": arguments["user"].lower()}}
        case "usergroups.users.list":
            return {"users": [APPROVER]}
    return {}


def _message(ts: str, blocks: Any) -> Json:  # noqa: ANN401 - JSON
    # Slack's client sends blocks as JSON within JSON or within a form, as it likes.
    return {"ts": ts, "blocks": json.loads(blocks) if isinstance(blocks, str) else blocks}


async def _until(happened: Callable[[], bool]) -> bool:
    async with _changed:
        try:
            await asyncio.wait_for(_changed.wait_for(happened), _WAIT_SECONDS)
        except TimeoutError:
            return False
    return True


async def wait(request: Request) -> Response:
    """Answer once a channel has had `count` messages; give the last one, with its ts."""
    channel, count = request.path_params["channel"], request.path_params["count"]
    if not await _until(lambda: len(_posted[channel]) >= count):
        return JSONResponse({"messages": len(_posted[channel])}, status_code=504)
    return JSONResponse(_posted[channel][-1])


async def reached(request: Request) -> Response:
    """Answer once all channels together have had `count` messages."""
    count = request.path_params["count"]
    done = await _until(lambda: _total >= count)
    return JSONResponse({"messages": _total}, status_code=200 if done else 504)


async def calls(request: Request) -> Response:
    return JSONResponse(_calls[request.path_params["order"]])


def _order(order_id: str) -> Json:
    item: Json = {"orderItemId": "1", "itemType": "Event", "itemTypeName": "Adult"}
    item |= {"quantity": _remaining[order_id], "discountedUnitPrice": "100.00"}
    event = {"eventName": "Bench", "eventDate": "2099-01-01T10:00:00-05:00", "items": [item]}
    return {"orderId": order_id, "orderNumber": order_id, "eventItems": [event]}


async def detail(request: Request) -> Response:
    begun = time.monotonic()
    order_id = request.path_params["order"]
    answer = _order(order_id)
    _calls[order_id].append(("detail", begun, time.monotonic()))
    return JSONResponse(answer)


async def update(request: Request) -> Response:
    begun = time.monotonic()
    body = await request.json()
    order_id = body["orderId"]
    before = _remaining[order_id]
    _remaining[order_id] = body["orderItems"][0]["quantity"]
    refund = (before - _remaining[order_id]) * 100
    _calls[order_id].append(("update", begun, time.monotonic()))
    return JSONResponse({"id": order_id, "refundAmount": f"{refund}.00"})


async def healthz(_: Request) -> Response:
    return Response("ok")


Handler = Callable[[Request], Awaitable[Response]]
_HANDLERS: dict[str, tuple[Handler, list[str]]] = {
    "/api/{method}": (slack, ["GET", "POST"]),
    "/acme/v2/b2b/orders/detail/{order}": (detail, ["GET"]),
    "/acme/v2/b2b/orders/update": (update, ["POST"]),
    "/wait/{channel}/{count:int}": (wait, ["GET"]),
    "/reached/{count:int}": (reached, ["GET"]),
    "/calls/{order}": (calls, ["GET"]),
    "/healthz": (healthz, ["GET"]),
}
app = Starlette(
    routes=[Route(path, handler, methods=verbs) for path, (handler, verbs) in _HANDLERS.items()]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
