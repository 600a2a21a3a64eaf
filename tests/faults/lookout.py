"""A lookout before the sandbox: sees each of the bot's calls come in and get done, or cuts it.

Every process of the bot has addresses of its own (`address`), so the lookout knows who calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.acme.faults import CutConnection

CHANGE, READ = "ACME change", "ACME read"
_PREFIX = "/as/"
_WATCHED = frozenset(
    {
        "chat.postMessage",
        "chat.update",
        "conversations.history",
        "conversations.replies",
        "views.open",
    }
)


def address(base_url: str, process: str, path: str) -> str:
    """An address of the sandbox that only `process` uses."""
    return f"{base_url}{_PREFIX}{process}{path}"


class Lookout:
    """`happened(process, point)` is told before the sandbox goes on; `cuts` says what to cut.

    `delays`: how many seconds a call is kept before it is done, and its answer after that.
    `done` counts calls; `changes` those that change an order, by the process that made them.
    """

    def __init__(
        self,
        happened: Callable[[str, str], None] = lambda _process, _point: None,
        cuts: Callable[[str], bool] = lambda _call: False,
        delays: Callable[[str], tuple[float, float]] = lambda _call: (0.0, 0.0),
    ) -> None:
        self.happened = happened
        self.cuts = cuts
        self.delays = delays
        self.done: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()

    def before(self, app: ASGIApp) -> ASGIApp:
        """Stand before `app` (for Starlette's `add_middleware`)."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
                await app(scope, receive, send)
                return
            process, _, path = scope["path"].removeprefix(_PREFIX).partition("/")
            inner = {**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}
            await self._pass_on(app, inner, receive, send, process)

        return watched

    async def _pass_on(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, process: str
    ) -> None:
        call = _name(scope["method"], scope["path"])
        if call is None:
            await app(scope, receive, send)
        elif self.cuts(call):
            self.done[f"{call} cut"] += 1
            await CutConnection()(scope, receive, send)
        else:
            self.done[call] += 1
            self.changes[process] += call == CHANGE
            before, after = self.delays(call)
            self.done[f"{call} delayed"] += bool(before or after)

            async def arrived() -> None:
                self.happened(process, f"{call} arrived")
                await asyncio.sleep(before)

            async def answering(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.happened(process, f"{call} done")
                    await asyncio.sleep(after)
                await send(message)

            await app(scope, _Arrival(receive, arrived), answering)


class _Arrival:
    """Tells when the whole call is here and nothing has been done about it.

    The sandbox finds the connection that it shall cut by `__self__`, as if this were uvicorn's own.
    """

    def __init__(self, receive: Receive, then: Callable[[], Awaitable[None]]) -> None:
        self.__self__ = getattr(receive, "__self__", None)
        self._receive = receive
        self._then = then

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            await self._then()
        return message


def _name(verb: str, path: str) -> str | None:
    """What a call is called here; None for what nobody waits for."""
    if path.startswith("/acme/"):
        return CHANGE if verb == "POST" else READ
    method = path.removeprefix("/api/")
    return method if method in _WATCHED else None
