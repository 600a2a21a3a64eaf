"""A client that costs next to nothing: one connection, one signed POST at a time, timed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from tests.bench.baselines import SIGNING_SECRET


def command(order_id: str, channel: str) -> bytes:
    """The body of a slash command."""
    fields = {
        "command": "/cancel-order",
        "text": order_id,
        "user_id": "U1",
        "team_id": "T1",
        "channel_id": channel,
        "trigger_id": f"t{order_id}",
        "response_url": "http://127.0.0.1:9/never",
    }
    return urlencode(fields).encode()


def approval(blocks: list[dict[str, Any]], channel: str) -> bytes:
    """The body of a click on a card's approve button."""
    actions = next(block for block in blocks if block["type"] == "actions")
    button = next(item for item in actions["elements"] if item["action_id"] == "approve")
    payload = {
        "type": "block_actions",
        "user": {"id": "U2", "team_id": "T1"},
        "team": {"id": "T1"},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": "1.1"},
        "trigger_id": "t",
        "response_url": "http://127.0.0.1:9/never",
        "actions": [
            {
                "type": "button",
                "action_id": "approve",
                "block_id": actions["block_id"],
                "value": button["value"],
            }
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


class Client:
    """One keep-alive connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def post(self, body: bytes) -> float:
        """Send a signed body to `/slack/events`; return the seconds until its 200 arrived."""
        stamp = str(int(time.time()))
        digest = hmac.new(
            SIGNING_SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256
        ).hexdigest()
        head = (
            f"POST /slack/events HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={digest}\r\n\r\n"
        )
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        status, _ = await self._read()
        taken = time.perf_counter() - started
        if status != 200:
            raise RuntimeError(f"the server answered {status}")
        return taken

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        _, body = await self._read()
        return json.loads(body)

    async def _read(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(
            (int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0
        )
        return int(head.split(" ", 2)[1]), await self._reader.readexactly(length)
