"""The calls that a refund makes outside, made with httpx and nothing around them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection
from typing import Any

import httpx

from tests.bench.client import order_ids

_TIMES = 50


async def bare_costs(port: int, names: Collection[str], message: Any) -> dict[str, float]:  # noqa: ANN401 - JSON
    """Return the median seconds of each call; `message`: the blocks that Slack is sent."""
    (order,) = order_ids(1)
    costs = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for name in names:
            taken = []
            for _ in range(_TIMES):
                begun = time.perf_counter()
                response = await client.send(_request(client, name, order, message))
                taken.append(time.perf_counter() - begun)
                response.raise_for_status()
            costs[name] = statistics.median(taken)
    return costs


def _request(client: httpx.AsyncClient, name: str, order: str, message: Any) -> httpx.Request:  # noqa: ANN401
    match name:
        case "detail":
            return client.build_request("GET", f"/acme/v2/b2b/orders/detail/{order}")
        case "update":
            change = {"orderId": order, "orderItems": [{"orderItemId": "1", "quantity": 0}]}
            return client.build_request("POST", "/acme/v2/b2b/orders/update", json=change)
        case _:
            arguments = {"channel": "Cbare", "ts": "1.1", "text": "bare", "blocks": message}
            return client.build_request("POST", f"/api/{name}", json=arguments)
