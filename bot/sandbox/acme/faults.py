"""What may go wrong between the bot and ACME, and the connection that breaks.

A fault belongs to one order. Faults on updates and refunds act before or after the change is made;
which of the two happened is exactly what the bot can not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "slow": "Answers late",
        "error_before": "Error 500, nothing changed",
        "error_after": "Error 500, but the change was made",
        "cut_before": "Connection cut, nothing changed",
        "cut_after": "Connection cut, but the change was made",
        "blackout": "Connection cut after the change, then the order can not be read",
        "late_commit": "Error 500 at once, the change is made later",
        "malformed": "A web page instead of an answer, but the change was made",
        "malformed_before": "A web page instead of an answer, nothing changed",
        "changed_meanwhile": "Somebody else cancels one ticket right after the next read",
        "forbidden": "Access denied",
        "read_error": "Error 500 when the order is read",
    }
)
ON_READ = frozenset({"slow", "forbidden", "read_error", "changed_meanwhile"})
ON_CHANGE = frozenset(FAULTS) - {"read_error", "changed_meanwhile"}


@dataclass(slots=True)
class Fault:
    """An armed fault; `times` is how often it still acts, None for until cleared."""

    name: str
    seconds: float
    times: int | None


class CutConnection(Response):
    """No answer: the TCP connection is dropped before a single byte of HTTP is sent.

    ASGI has no message for that, so the socket is taken from uvicorn's request cycle, whose bound
    `receive` every app gets. Where none is found (another server, a test transport, a middleware
    that wraps `receive`), half an answer is sent and the rest fails, which cuts the stream too.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None:
            await _send_half(send)
            raise ConnectionAbortedError(f"cut on purpose: {scope['path']}")
        transport.abort()
        # uvicorn answers 500 for an app that returns in silence before the loss has been noticed.
        while (await receive())["type"] != "http.disconnect":
            pass


async def _send_half(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"id', "more_body": True})
