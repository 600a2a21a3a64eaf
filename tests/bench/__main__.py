"""Measure acknowledgements, and the way from the approving click to the refund details.

Every figure of a run comes from the same machine in the same minute: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.baselines import BASELINES, SIGNING_SECRET
from tests.bench.client import Client, approval, command

_START_SECONDS = 30
_orders = itertools.count(10_000_000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _process(arguments: list[str], port: int, **options: object) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *arguments], **options)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{arguments} did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(15)


async def _baseline(port: int, count: int) -> list[float]:
    async with Client(port) as client:
        bodies = (command(str(next(_orders)), "C1") for _ in range(count))
        return [await client.post(body) for body in bodies]


async def _ours(bot: int, outside: int, count: int, pause: float = 0) -> dict[str, list[float]]:
    """One order after the other, each in a channel of its own.

    `pause`: seconds between card and click. A person takes longer than the second by which the bot
    keeps two messages of one channel apart; without the pause that second would be measured.
    """
    figures: dict[str, list[float]] = {"command": [], "approve": [], "result": []}
    async with Client(bot) as client, Client(outside) as watcher:
        for _ in range(count):
            order = str(next(_orders))
            channel = f"C{order}"
            figures["command"].append(await client.post(command(order, channel)))
            blocks = await watcher.get(f"/wait/{channel}/1")
            await asyncio.sleep(pause)
            started = time.perf_counter()
            figures["approve"].append(await client.post(approval(blocks, channel)))
            await watcher.get(f"/wait/{channel}/2")
            figures["result"].append(time.perf_counter() - started)
    return figures


def _bot_environment(folder: Path, port: int, outside: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "ERROR",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "SLACK_API_URL": f"http://127.0.0.1:{outside}/api/",
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "ACME_BASE_URL": f"http://127.0.0.1:{outside}/acme",
        "ACME_API_KEY": "bench",
    }


def _measure(count: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}
    for name in BASELINES:
        port = _free_port()
        with _process(["-m", "tests.bench.baselines", name, str(port)], port):
            asyncio.run(_baseline(port, 20))
            figures[name] = asyncio.run(_baseline(port, count * 5))
    outside, port = _free_port(), _free_port()
    with (
        tempfile.TemporaryDirectory(prefix="rescind-bench-") as folder,
        _process(["-m", "tests.bench.outside", str(outside)], outside),
        _process(
            ["-m", "bot", "serve"],
            port,
            env=_bot_environment(Path(folder), port, outside),
            cwd=folder,
        ),
    ):
        asyncio.run(_ours(port, outside, 3))
        ours = asyncio.run(_ours(port, outside, count))
        ours["result"] = asyncio.run(_ours(port, outside, count // 10 + 3, pause=1.1))["result"]
    figures["ours: /cancel-order N, on disk before the 200"] = ours["command"]
    figures["ours: approve click, on disk before the 200"] = ours["approve"]
    figures["ours: approve click to refund details posted"] = ours["result"]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few rounds, to see that it runs")
    rounds = 10 if parser.parse_args().smoke else 100
    figures = _measure(rounds)
    base, default = (statistics.median(figures[name]) for name in list(BASELINES)[:2])
    table = Table("one at a time", "median", "p99", "× raw", "× Bolt default", title="Rescind")
    for name, taken in figures.items():
        median = statistics.median(taken)
        p99 = statistics.quantiles(taken, n=100)[98]
        table.add_row(
            name,
            f"{median * 1000:.2f} ms",
            f"{p99 * 1000:.2f} ms",
            f"{median / base:.2f}",
            f"{median / default:.2f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
