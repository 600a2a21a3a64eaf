"""The processes of one bot: each can be started, doomed to die at a point, killed, and read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import sqlalchemy as sa

from bot.sandbox.server import RunningSandbox
from tests.conftest import ROOT
from tests.faults.line import Exit
from tests.faults.lookout import address
from tests.integration.stage import Bot

SERVE, WORK = "serve", "worker"

# Seconds until the bot gives up on ACME: to connect, without a byte, in all. Short, but in the
# proportions of real life: longer than ACME takes, but for what is meant to be too late.
TIMEOUTS = (1, 2, 3)

_SETTINGS = """
[execution]
settle_pauses = [0.1, 0.2, 0.4, 0.8]

[[venues]]
key = "acme"
name = "ACME"
system = "acme"
base_url = "{acme}"
api_key_env = "ACME_API_KEY"
currency = "USD"
connect_timeout = {connect}
read_timeout = {read}
total_timeout = {total}
"""


class Process(Bot):
    """One process, `serve` or `worker`, with addresses of the sandbox that only it uses."""

    def __init__(
        self,
        sandbox: RunningSandbox,
        folder: Path,
        name: str,
        command: str,
        database_url: str,
        timeouts: tuple[float, float, float] = TIMEOUTS,
    ) -> None:
        super().__init__(sandbox, folder)
        self.name = name
        self.command = command
        self.log_file = folder / f"{name}.log"
        settings = folder / f"{name}.toml"
        acme = address(sandbox.base_url, name, "/acme")
        connect, read, total = timeouts
        text = _SETTINGS.format(acme=acme, connect=connect, read=read, total=total)
        settings.write_text(text, encoding="utf-8")
        self.environment |= {
            "DATABASE_URL": _as(name, database_url),
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
            "RESCIND_CONFIG": str(settings),
            "SLACK_API_URL": address(sandbox.base_url, name, "/api/"),
        }
        self.exit = Exit(name, int(self.environment["PORT"]))
        self._pump: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self, command: str, crash_at: str = "") -> None:
        """Start it; with `crash_at`, doomed (see `crashing`)."""
        module = "tests.faults.crashing" if crash_at else "bot"
        # Through a pipe, so that the log can still be written when files can not grow.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, command],
            cwd=self.folder,
            env=self.environment | {"CRASH_AT": crash_at},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        stream = self._process.stdout
        assert stream is not None
        self._pump = threading.Thread(target=_copy, args=(stream, self.log_file), daemon=True)
        self._pump.start()

    def begin(self, crash_at: str = "") -> None:
        """Start it in its role, and do not wait."""
        self.launch(self.command, crash_at)

    def await_ready(self) -> None:
        """Wait until it serves; of one that does not, nobody can tell."""
        if self.command == SERVE:
            self.wait_until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def freeze(self) -> None:
        """Let it stand still, as on a machine that hangs, until `thaw`."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        state = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        return state.rpartition(")")[2].split()[0] == "T"

    def log(self) -> str:
        if not self.is_alive and self._pump is not None:
            self._pump.join(5)
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""


class Fleet(list[Process]):
    """All processes of one bot."""

    def exits(self) -> list[Exit]:
        """Where Slack's deliveries can go: to what serves and lives, else to what is dead."""
        serving = [process for process in self if process.command == SERVE]
        alive = [process.exit for process in serving if process.is_alive]
        return alive or [process.exit for process in serving]

    def named(self, name: str) -> Process:
        return next(process for process in self if process.name == name)

    def troubles(self) -> Counter[str]:
        """What was logged as an error, or with a traceback, by its name."""
        found: Counter[str] = Counter()
        for process in self:
            for entry in _entries(process.log()):
                if entry.get("level") in {"error", "critical"} or "exception" in entry:
                    found[str(entry.get("event"))[:60]] += 1
        return found


def _as(role: str, database_url: str) -> str:
    """On PostgreSQL everybody logs in by a name of their own."""
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return database_url
    return url.set(username=role).render_as_string(hide_password=False)


def _copy(stream: IO[bytes], path: Path) -> None:
    with stream, path.open("ab", buffering=0) as log:
        for line in stream:
            log.write(line)


def _entries(log: str) -> Iterator[dict[str, object]]:
    for line in log.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue
