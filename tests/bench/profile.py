"""Where an acknowledgement's time goes: `python -m tests.bench.profile [command|approve]`.

The bot runs in this process, composed as `rescind serve` composes it, and its ASGI app is called
directly, one payload at a time. What follows an acknowledgement is left out, so that everything
shown was spent before the 200. The server's own work is not in it: raw Starlette has that too.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import io
import os
import pstats
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from rich.console import Console
from starlette.types import ASGIApp, Message

from bot import logs, settings
from bot.app import serve
from bot.slack.background import Background
from tests.bench import servers
from tests.bench.client import Client, approval, command, order_ids, signed

_TOP = 30
# The sweep looks every five seconds for what nobody started; it must find nothing to do.
_MOST = 1500


class _Threads:
    """A profile of each thread that starts while it is installed."""

    def __init__(self) -> None:
        self.found: dict[str, cProfile.Profile] = {}

    def install(self) -> None:
        # From 3.12 on there is one profiler per process.
        if sys.version_info < (3, 12):
            threading.setprofile(self._begin)

    def _begin(self, _frame: FrameType, _event: str, _argument: object) -> None:
        profile = cProfile.Profile()
        self.found[f"{threading.current_thread().name}, {threading.get_ident()}"] = profile
        profile.enable()

    def busy(self, payloads: int) -> dict[str, pstats.Stats]:
        """Return the statistics of the threads that ran code of the bot for most payloads."""
        stats = {name: _statistics(profile) for name, profile in self.found.items()}
        return {name: found for name, found in stats.items() if _our_calls(found) > payloads / 2}


def _statistics(profile: cProfile.Profile) -> pstats.Stats:
    try:
        return pstats.Stats(profile, stream=io.StringIO())
    except TypeError:  # it has seen nothing
        return pstats.Stats(stream=io.StringIO())


def _our_calls(figures: pstats.Stats) -> int:
    """Return how often the bot's most called function was called."""
    found: dict[tuple[str, int, str], tuple[Any, ...]] = figures.stats  # type: ignore[attr-defined]
    mine = str(servers.ROOT / "bot") + os.sep
    return max((calls[0] for where, calls in found.items() if where[0].startswith(mine)), default=0)


async def _call(app: ASGIApp, body: bytes) -> float:
    """Hand one signed payload to the app; return the seconds until it was answered with a 200."""
    headers = [(name.lower().encode(), value.encode()) for name, value in signed(body).items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/slack/events",
        "raw_path": b"/slack/events",
        "query_string": b"",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    started = time.perf_counter()
    await app(scope, receive, send)
    taken = time.perf_counter() - started
    if status != 200:
        raise servers.BenchError(f"the bot answered {status}")
    return taken


async def _prepare(kind: str, count: int, folder: Path, outside: servers.Server) -> list[bytes]:
    """Make the payloads; for clicks a bot of its own posts their cards first."""
    orders = order_ids(count)
    if kind == "command":
        return [command(order, f"C{order}") for order in orders]
    clicks = []
    with servers.bot(servers.sqlite_url(folder), folder, outside) as bot:
        async with Client(bot.port) as client, Client(outside.port) as watcher:
            for order in orders:
                await client.post(command(order, f"C{order}"))
                clicks.append(approval(await watcher.get(f"/wait/C{order}/1"), f"C{order}"))
    return clicks


def _forget(self: Background, work: Coroutine[None, None, None]) -> None:  # noqa: ARG001
    work.close()


def _measure(payloads: list[bytes], *, bare: bool, console: Console) -> None:
    """Run the bot in this thread and hand it the payloads; `bare`: without any profiler."""
    loop, threads = cProfile.Profile(), _Threads()
    taken: list[float] = []

    async def drive(self: uvicorn.Server, _: object) -> None:
        app: Any = self.config.app
        if not bare:
            loop.enable()
        for body in payloads:
            taken.append(await _call(app, body))  # noqa: PERF401 - one after the other
        loop.disable()

    Background.spawn = _forget  # type: ignore[method-assign]
    uvicorn.Server.serve = drive  # type: ignore[method-assign, assignment]
    if not bare:
        threads.install()
    loaded = settings.load()
    logs.configure(loaded.environment.log_format, loaded.environment.log_level, loaded.secrets())
    asyncio.run(serve(loaded))
    if not bare:
        _show(console, f"the event loop, {len(payloads)} payloads", _statistics(loop))
        for name, figures in threads.busy(len(payloads)).items():
            _show(console, f"thread {name}, {len(payloads)} payloads", figures)
    median, p99 = statistics.median(taken) * 1000, statistics.quantiles(taken, n=100)[98] * 1000
    console.rule(f"median {median:.3f} ms, p99 {p99:.3f} ms" + ("" if bare else ", profiled"))


def _show(console: Console, title: str, figures: pstats.Stats) -> None:
    for order, text in (("tottime", "by own time"), ("cumulative", "by cumulative time")):
        stream = io.StringIO()
        figures.stream = stream  # type: ignore[attr-defined]
        figures.sort_stats(order).print_stats(_TOP)
        console.rule(f"{title}, {text}")
        root = str(servers.ROOT) + os.sep
        console.print(stream.getvalue().replace(root, "").strip(), markup=False, highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=["command", "approve"], default="command")
    parser.add_argument("--count", type=int, default=1000, help=f"payloads, {_MOST} at most")
    parser.add_argument("--bare", action="store_true", help="only time it, without a profiler")
    options = parser.parse_args()
    console = Console(width=160, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="rescind-bench-") as name:
        folder = Path(name)
        with servers.outside(folder) as outside:
            count = min(options.count, _MOST)
            payloads = asyncio.run(_prepare(options.kind, count, folder, outside))
            url = servers.sqlite_url(folder)
            os.environ.update(servers.bot_environment(url, servers.free_port(), outside))
            os.chdir(folder)
            _measure(payloads, bare=options.bare, console=console)


if __name__ == "__main__":
    main()
