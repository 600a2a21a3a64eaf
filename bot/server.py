"""The HTTP servers: the ports they take, how they are set up, how they stop.

What uvicorn does not do about strangers is in `connections`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from bot.connections import PROTOCOL, Limits, State
from bot.web import Readiness
from bot.workflows import PlaceError

# Between /readyz failing and the last request being answered; all of stopping takes under 10 s.
_NOTICE_SECONDS = 1.0
_GRACE_SECONDS = 2
_BACKLOG = 2048
# The main server may take half of the files that a process can open.
_SIDE_CONNECTIONS = 32


def http_config(app: ASGIApp, limits: Limits, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nobody here asks who a request came from, so nobody can be lied to about it.
        proxy_headers=False,
        # Longer than whoever is in front keeps an idle connection (60 seconds as a rule), or a
        # click could be sent into one that is just being closed, and be lost.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=limits.head_bytes,
    )


@contextmanager
def bound(host: str, port: int, names: str) -> Iterator[list[socket.socket]]:
    """Have the port for the length of the block. PlaceError if that cannot be.

    `names`: the settings that say which, for the sentence. Port 0: any free one.
    """
    try:
        sockets = _bind(host, port)
    except OSError as error:
        # Those of looking a name up are negative.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        way_out = "stop what uses it, or choose another port"
        raise PlaceError(
            f"cannot listen on {host}:{port} ({names}): {str(reason).lower()}; "
            f"{way_out if number == EADDRINUSE else 'choose another address'}"
        ) from error
    try:
        yield sockets
    finally:
        for taken in sockets:
            taken.close()


def _bind(host: str, port: int) -> list[socket.socket]:
    """Bind all addresses of `host`, without those of a family that this machine does not have."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    absent: OSError | None = None
    sockets: list[socket.socket] = []
    for family, _, _, _, address in found:
        try:
            sockets.append(socket.create_server(address, family=family, backlog=_BACKLOG))
        except OSError as error:
            if error.errno not in {EAFNOSUPPORT, EADDRNOTAVAIL}:
                for taken in sockets:
                    taken.close()
                raise
            absent = error
    if absent and not sockets:
        raise absent
    return sockets


class Stoppable(Protocol):
    """What stops with the server: it says so first, so that nobody meets a closed door."""

    @property
    def readiness(self) -> Readiness: ...
    def stop_starting(self) -> None: ...
    def on_trouble(self, stop: Callable[[], None]) -> None: ...


class SideServer(uvicorn.Server):
    """Serves beside another one, in its loop; signals are not its business."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits | None = None,
        protocol: type[asyncio.Protocol] = PROTOCOL,
    ) -> None:
        limits = limits or Limits(connections=_SIDE_CONNECTIONS)
        super().__init__(http_config(app, limits, protocol))
        self.server_state = State(limits)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class MainServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, or until the house is in trouble."""

    def __init__(self, app: ASGIApp, house: Stoppable) -> None:
        limits = Limits()
        super().__init__(http_config(app, limits, PROTOCOL))
        self.server_state = State(limits)
        self._house = house
        self._loop = asyncio.get_running_loop()
        house.on_trouble(self._stop)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Fail /readyz first; a second signal stops at once."""
        if self._house.readiness.stopping:
            self.should_exit = True
        else:
            self._house.stop_starting()
            self._loop.call_soon_threadsafe(self._loop.call_later, _NOTICE_SECONDS, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


@asynccontextmanager
async def served(server: SideServer, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Let it serve for the length of the block."""
    serving = asyncio.create_task(server.serve(sockets))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
