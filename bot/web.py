"""The web apps: Slack's endpoint around Bolt; health, readiness and metrics, there or elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render_metrics
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.domain.request import LedgerUnavailableError

log = structlog.get_logger(__name__)

_ANSWERS = Counter("rescind_slack_answers", "Answers to Slack by HTTP status", ["status"])
_ACK_SECONDS = Histogram(
    "rescind_ack_seconds",
    "Time from a verified request to its acknowledgement",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
_LIVE = Gauge("rescind_live_requests", "Requests that are not over, by state", ["state"])


class Pingable(Protocol):
    async def ping(self) -> None: ...


class Countable(Protocol):
    async def count_live(self) -> Mapping[str, int]: ...


@dataclass(slots=True)
class Readiness:
    """`slack`: why Slack does not know us yet; `socket`: why it cannot reach us; None: it does.

    `stopping`: what comes now should go to another process.
    """

    slack: str | None = "not asked yet"
    socket: str | None = None
    stopping: bool = False


class Precedence:
    """Acknowledgements first: Slack waits three seconds for one, and for nothing else.

    What can wait gives way while one is under way, but not for ever: every `patience` seconds one
    piece of it goes on. One, or all that waited would come down on the rush together.
    """

    def __init__(self, patience: float = 0.05) -> None:
        self._patience = patience
        self._turn = asyncio.Lock()
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        self._under_way += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def give_way(self) -> None:
        async with self._turn:
            if not self._quiet.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._quiet.wait(), self._patience)


def web_app(
    *,
    precedence: Precedence,
    guard: Callable[[ASGIApp], ASGIApp | None],
    bolt: AsyncSlackRequestHandler,
    beside: Sequence[Route],
) -> Starlette:
    """Build the app with Slack's endpoint, and `beside` it what else is on this port.

    `guard` wraps the endpoint; None: there is none (Socket Mode only).
    """
    routes = list(beside)
    guarded = guard(_Events(bolt, precedence))
    if guarded is not None:
        # First, for routes are looked through in their order, and this is the one in a hurry.
        routes.insert(0, Route("/slack/events", _Asgi(guarded), methods=["POST"]))
    return plain_app(routes)


def plain_app(routes: Sequence[Route]) -> Starlette:
    """Build an app that serves `routes`, and nothing by another name."""
    app = Starlette(routes=routes)
    # A redirect repeats what its sender says is our host, and fails where that is no name at all.
    app.router.redirect_slashes = False
    return app


def health_route() -> Route:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Route("/healthz", healthz, methods=["GET"])


def admin_routes(database: Pingable, store: Countable, readiness: Readiness) -> list[Route]:
    """What operators and machines of the house ask; not for the internet."""

    async def readyz(_: Request) -> Response:
        trouble = {
            name: cause
            for name, cause in (("slack", readiness.slack), ("socket_mode", readiness.socket))
            if cause
        }
        if readiness.stopping:
            trouble["process"] = "stopping"
        try:
            await database.ping()
        except LedgerUnavailableError as error:
            trouble["database"] = str(error)
        return JSONResponse({"ready": not trouble, **trouble}, status_code=503 if trouble else 200)

    async def metrics(_: Request) -> Response:
        try:
            for state, count in (await store.count_live()).items():
                _LIVE.labels(state).set(count)
        except LedgerUnavailableError:
            _LIVE.clear()  # better no figure than an old one; the others are as true as ever
        return Response(render_metrics(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return [
        health_route(),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


class _Asgi:
    """Marks an ASGI app as such for Starlette's router, which takes functions for handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Events:
    """Bolt behind the guard."""

    def __init__(self, bolt: AsyncSlackRequestHandler, precedence: Precedence) -> None:
        self._bolt = bolt
        self._precedence = precedence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._precedence.acknowledging():
            await self._acknowledge(scope, receive, send)

    async def _acknowledge(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            response = await self._bolt.handle(Request(scope, receive))
        except Exception as error:  # noqa: BLE001 - the outermost edge
            # Errors of ours are answered within Bolt. What comes out of it is a signed body that
            # Bolt itself trips over, parsing or matching it: nothing that Slack sends.
            log.warning("slack_payload_unreadable", error=type(error).__name__)
            response = Response(status_code=400)
        _ACK_SECONDS.observe(time.perf_counter() - started)
        _ANSWERS.labels(str(response.status_code)).inc()
        await response(scope, receive, send)
