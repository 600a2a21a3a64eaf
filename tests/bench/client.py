"""A client that costs next to nothing: one connection, one signed POST at a time, timed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from tests.bench.baselines import SIGNING_SECRET
from tests.bench.servers import BenchError

_ANSWER_SECONDS = 150  # longer than `outside` waits for anything
_IDLE_SECONDS = 2  # uvicorn closes after 5
_orders = itertools.count(10_000_000)


def order_ids(count: int) -> list[str]:
    """Return ids of orders that nobody has asked for in this run."""
    return [str(next(_orders)) for _ in range(count)]


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


def approval(message: dict[str, Any], channel: str) -> bytes:
    """The body of a click on the approve button of a card, which Slack sends along."""
    actions = next(block for block in message["blocks"] if block["type"] == "actions")
    button = next(item for item in actions["elements"] if item["action_id"] == "approve")
    payload = {
        "type": "block_actions",
        "user": {"id": "U2", "team_id": "T1"},
        "team": {"id": "T1"},
        "channel": {"id": channel},
        "container": {"type": "message", "channel_id": channel, "message_ts": message["ts"]},
        "message": {"type": "message", "user": "U0", "bot_id": "B0", "text": "card"} | message,
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


def signed(body: bytes) -> dict[str, str]:
    """Return the headers of a payload as Slack signs it."""
    stamp = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    return {
        "Host": "bench",
        "Content-Length": str(len(body)),
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest.hexdigest()}",
    }


class Client:
    """One keep-alive connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Client:
        await self._connect()
        return self

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._used = time.monotonic()

    async def _refresh(self) -> None:
        """Connect anew where the server may be about to close an idle connection."""
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self._writer.close()
            await self._connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def post(self, body: bytes) -> float:
        """Send a signed body to `/slack/events`; return the seconds until its 200 arrived."""
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
        await self._refresh()
        request = f"POST /slack/events HTTP/1.1\r\n{head}\r\n".encode() + body
        started = time.perf_counter()
        self._writer.write(request)
        status, _ = await self._read()
        taken = time.perf_counter() - started
        if status != 200:
            raise BenchError(f"the server answered {status}")
        return taken

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at `path`; BenchError if the answer is not a 200."""
        await self._refresh()
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        status, body = await self._read()
        if status != 200:
            raise BenchError(f"{path} answered {status}: {body.decode()[:200]}")
        return json.loads(body)

    async def _read(self) -> tuple[int, bytes]:
        async with asyncio.timeout(_ANSWER_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = [line for line in head.split("\r\n") if line.startswith("content-length:")]
            length = int(fields[0][15:]) if fields else 0
            body = await self._reader.readexactly(length)
        self._used = time.monotonic()
        return int(head.split(" ", 2)[1]), body
