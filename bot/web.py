"""The web app around Bolt: Slack's endpoint, health, readiness, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render_metrics
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

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
    """`slack`: why Slack does not know us yet; `socket`: why it cannot reach us; None: it does."""

    slack: str | None = "not asked yet"
    socket: str | None = None


def web_app(
    *,
    database: Pingable,
    store: Countable,
    readiness: Readiness,
    guard: Callable[[ASGIApp], ASGIApp | None],
    bolt: AsyncSlackRequestHandler,
) -> Starlette:
    """Build the app. `guard` wraps Slack's endpoint; None: there is none (Socket Mode only)."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        trouble = {
            name: cause
            for name, cause in (("slack", readiness.slack), ("socket_mode", readiness.socket))
            if cause
        }
        try:
            await database.ping()
        except sa.exc.SQLAlchemyError as error:
            trouble["database"] = type(error).__name__
        return JSONResponse({"ready": not trouble, **trouble}, status_code=503 if trouble else 200)

    async def metrics(_: Request) -> Response:
        for state, count in (await store.count_live()).items():
            _LIVE.labels(state).set(count)
        return Response(render_metrics(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
    guarded = guard(_Events(bolt))
    if guarded is not None:
        routes.append(Route("/slack/events", _Asgi(guarded), methods=["POST"]))
    return Starlette(routes=routes)


class _Asgi:
    """Marks an ASGI app as such for Starlette's router, which takes functions for handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Events:
    """Bolt behind the guard."""

    def __init__(self, bolt: AsyncSlackRequestHandler) -> None:
        self._bolt = bolt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
