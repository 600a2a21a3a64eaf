"""HTTP to ACME and nothing else: one pooled client, timeouts, and answers turned into errors.

A read that fails changed nothing. A write that was sent and not clearly answered is lost: ACME
documents neither status codes nor idempotency keys for it (facts/acme.md section 8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import stamina

from bot.ticketing.errors import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)

# Answers to a write that do not prove that nothing happened: timeouts, too early, conflicts with
# an earlier copy of the same request, throttling of unknown place.
_INCONCLUSIVE = frozenset({408, 409, 425, 429})
_READ_ATTEMPTS = 3
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `total` bounds one call, however slowly the bytes arrive."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 30.0


class AcmeClient:
    """One venue's connection to ACME. `transport` is the seam for tests."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeouts: Timeouts = Timeouts(),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.timeouts = timeouts
        self._api_key = api_key
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"x-acme-api-key": api_key, "Accept": "application/json"},
            timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect),
            limits=httpx.Limits(max_connections=10, max_keepalive_connections=10),
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def read(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON ACME answers
        """GET `path` and return its JSON, trying a few times while ACME is unavailable."""
        async for attempt in stamina.retry_context(
            on=UnavailableError,
            attempts=_READ_ATTEMPTS,
            timeout=self.timeouts.total,
            wait_initial=0.2,
        ):
            with attempt:
                return await self._read_once(path)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _read_once(self, path: str) -> Any:  # noqa: ANN401
        try:
            async with asyncio.timeout(self.timeouts.total):
                response = await self._http.get(path)
        except (httpx.HTTPError, TimeoutError) as error:
            raise UnavailableError(_cause(error)) from error
        if response.is_success:
            try:
                return response.json()
            except (ValueError, RecursionError) as error:
                raise UnreadableError("the answer is not JSON") from error
        if response.status_code >= 500 or response.status_code in _INCONCLUSIVE:
            raise UnavailableError(f"HTTP {response.status_code}")
        raise self._definite_no(response)

    async def write(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """POST `body` once, never again by itself, and return the JSON of the answer."""
        try:
            async with asyncio.timeout(self.timeouts.total):
                response = await self._http.post(path, json=body)
        except _NOT_SENT as error:
            raise UnavailableError(_cause(error)) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeLostError(_cause(error)) from error
        if response.is_success:
            try:
                return response.json()
            except (ValueError, RecursionError) as error:
                raise OutcomeLostError("the answer is not JSON") from error
        if 400 <= response.status_code < 500 and response.status_code not in _INCONCLUSIVE:
            raise self._definite_no(response)
        raise OutcomeLostError(f"HTTP {response.status_code}")

    def _definite_no(self, response: httpx.Response) -> TicketingError:
        message = self._message(response)
        match response.status_code:
            case 401 | 403:
                return NotPermittedError(message)
            case 404:
                return OrderNotFoundError(message)
            case status if 300 <= status < 400:
                return UnreadableError(f"HTTP {status}, a redirect")
            case status:
                return RefusedError(message or f"HTTP {status}")

    def _message(self, response: httpx.Response) -> str | None:
        """ACME's own words; the shape of its error bodies is not documented for ticketing."""
        try:
            words = "; ".join(dict.fromkeys(_words(response.json())))
        except (ValueError, RecursionError):
            return None
        # People read this in Slack: should ACME repeat the key, they do not.
        return words.replace(self._api_key, "•••")[:300] or None


def _words(body: object) -> Iterator[str]:
    """Find what reads like a message, wherever an error body has it."""
    if isinstance(body, str) and body.strip():
        yield body.strip()
    elif isinstance(body, list):
        for item in body:
            yield from _words(item)
    elif isinstance(body, dict):
        for key in ("message", "errorMessage", "error", "errors", "messages", "detail"):
            yield from _words(body.get(key))


def _cause(error: Exception) -> str:
    """Say in plain words what happened to a call that got no answer."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke"
