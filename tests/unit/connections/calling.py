"""Whoever calls on a server of ours: each connection from the other side, and apps to reach."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.connections import HttpToolsDoor, Limits
from bot.server import SideServer, bound, served

PATIENT = Limits(head_seconds=1000, reading_seconds=1000, connections=100)
# Nobody is asked to wait for longer than this in vain.
PATIENCE_SECONDS = 30
GET = b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: bot\r\n"
QUICK = replace(PATIENT, head_seconds=0.05)
LONG = b"GET / HTTP/1.1\r\nA: "


async def says_ok(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("ok")(scope, receive, send)


async def says_what_it_hears(scope: Scope, receive: Receive, send: Send) -> None:
    with suppress(ClientDisconnect):
        body = await Request(scope, receive).body()
        await PlainTextResponse(body)(scope, receive, send)


class Slow:
    """Answers when it is told to. `receive` is uvicorn's own, and so leads to the connection."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.answer = asyncio.Event()
        self.receive: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.reached.set()
        await self.answer.wait()
        await says_ok(scope, receive, send)


class Caller:
    """One connection, from the other side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def say(self, *pieces: bytes) -> None:
        """Send these, each by itself."""
        with suppress(ConnectionError):
            for piece in pieces:
                if self.writer.is_closing():
                    await asyncio.sleep(0)  # or whoever goes on talking keeps all others waiting
                    return
                self.writer.write(piece)
                await self.writer.drain()
                # Or the next one would be sent with it.
                await asyncio.sleep(0.001)

    async def hear(self) -> bytes:
        """Return the next answer, of those that end in "ok"."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._reader.readuntil(b"ok")

    async def hear_to(self, end: bytes) -> bytes:
        """Return what comes until it ends so, or the connection is closed."""
        heard = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not heard.endswith(end) and (chunk := await self._reader.read(65536)):
                heard += chunk
        return heard

    async def hear_out(self) -> bytes:
        """Return what comes until the connection is closed."""
        heard = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while chunk := await self._reader.read(65536):
                    heard += chunk
        return heard


class Door:
    """A server with these limits; whoever calls is hung up on in the end."""

    def __init__(self, port: int, server: SideServer) -> None:
        self._port = port
        self._server = server
        self._callers: list[Caller] = []

    @property
    def is_empty(self) -> bool:
        """Whether the server has no connection left."""
        return not self._server.server_state.connections

    async def call(self, *pieces: bytes) -> Caller:
        return await self._enter(socket.socket(), *pieces)

    async def call_without_ears(self, *pieces: bytes) -> Caller:
        """Call as somebody who holds little of what is not read."""
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return await self._enter(taken, *pieces)

    async def _enter(self, taken: socket.socket, *pieces: bytes) -> Caller:
        taken.setblocking(False)
        await asyncio.get_running_loop().sock_connect(taken, ("127.0.0.1", self._port))
        caller = Caller(*await asyncio.open_connection(sock=taken))
        self._callers.append(caller)
        await caller.say(*pieces)
        return caller

    def hang_up(self) -> None:
        for caller in self._callers:
            caller.writer.close()


@asynccontextmanager
async def door(
    protocol: type[asyncio.Protocol] = HttpToolsDoor,
    app: ASGIApp = says_ok,
    limits: Limits = PATIENT,
) -> AsyncIterator[Door]:
    with bound("127.0.0.1", 0, "HOST and PORT") as sockets:
        server = SideServer(app, limits, protocol)
        async with served(server, sockets):
            opened = Door(sockets[0].getsockname()[1], server)
            try:
                yield opened
            finally:
                opened.hang_up()


def refused(heard: bytes) -> bool:
    """Whether that is an empty refusal; or nothing, where more was sent than was read."""
    return heard == b"" or (
        heard.split(b" ")[1] in {b"400", b"413", b"431"} and heard.endswith(b"\r\n\r\n")
    )


def assert_quiet(records: Iterable[logging.LogRecord]) -> None:
    """No traceback, and nothing worse than a warning."""
    for record in records:
        assert record.levelno <= logging.WARNING, record.getMessage()
        assert record.exc_info is None


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - of what is looked at nothing is announced
            await asyncio.sleep(0.001)
