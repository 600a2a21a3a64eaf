"""A Slack and an ACME that answer at once, in a process of their own, for any channel and order.

`/wait/{channel}/{count}` tells the benchmark when a channel has had so many messages.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]

_stamps = itertools.count(1)
_remaining: dict[str, int] = defaultdict(lambda: 4)
_posted: dict[str, list[Json]] = defaultdict(list)
_changed = asyncio.Condition()


async def slack(request: Request) -> Response:
    """Any Web API method; messages are kept by channel."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        arguments = json.loads(body)
    else:
        arguments = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    method = request.path_params["method"]
    answer: Json = {"ok": True, "url": "https://bench.example.org/", "team_id": "T1"}
    if method == "chat.postMessage":
        answer |= {"channel": arguments["channel"], "ts": f"{next(_stamps)}.000100"}
        async with _changed:
            _posted[arguments["channel"]].append(arguments)
            _changed.notify_all()
    return JSONResponse(answer)


async def wait(request: Request) -> Response:
    """Answer once a channel has had `count` messages; give the last one's blocks."""
    channel, count = request.path_params["channel"], request.path_params["count"]
    async with _changed:
        await _changed.wait_for(lambda: len(_posted[channel]) >= count)
    return JSONResponse(_posted[channel][-1].get("blocks"))


def _order(order_id: str) -> Json:
    item: Json = {"orderItemId": "1", "itemType": "Event", "itemTypeName": "Adult"}
    item |= {"quantity": _remaining[order_id], "discountedUnitPrice": "100.00"}
    event = {"eventName": "Bench", "eventDate": "2099-01-01T10:00:00-05:00", "items": [item]}
    return {"orderId": order_id, "orderNumber": order_id, "eventItems": [event]}


async def detail(request: Request) -> Response:
    return JSONResponse(_order(request.path_params["order"]))


async def update(request: Request) -> Response:
    body = await request.json()
    before = _remaining[body["orderId"]]
    _remaining[body["orderId"]] = body["orderItems"][0]["quantity"]
    refund = (before - _remaining[body["orderId"]]) * 100
    return JSONResponse({"id": body["orderId"], "refundAmount": f"{refund}.00"})


app = Starlette(
    routes=[
        Route("/api/{method}", slack, methods=["POST"]),
        Route("/wait/{channel}/{count:int}", wait),
        Route("/acme/v2/b2b/orders/detail/{order}", detail),
        Route("/acme/v2/b2b/orders/update", update, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
