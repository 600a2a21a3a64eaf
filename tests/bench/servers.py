"""The processes of a run: started from this checkout, waited for, stopped, and looked at in /proc.

Nothing here measures an acknowledgement; that is the tables' business.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.baselines import SIGNING_SECRET

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "bench.db"
_START_SECONDS = 120
_STOP_SECONDS = 30


class BenchError(Exception):
    """Something did not work, as opposed to being slow; the run ends with it."""


@dataclass(slots=True)
class Server:
    """A process that serves a port of loopback; `started_in`: seconds until `path` answered."""

    process: subprocess.Popen[bytes]
    port: int
    path: str
    log: Path
    begun: float
    started_in: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self) -> None:
        """Wait until it is ready; BenchError if it is not in good time."""
        while not _answers(self.port, self.path):
            late = time.perf_counter() - self.begun > _START_SECONDS
            if late or self.process.poll() is not None:
                said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise BenchError(f"{self.process.args!r} did not start: {said}")
            time.sleep(0.01)
        self.started_in = time.perf_counter() - self.begun

    def resident_bytes(self) -> int:
        """Return VmRSS."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, user and system."""
        # The second field is the program's name in brackets, which may hold spaces.
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(**more: str) -> dict[str, str]:
    """Nothing of the caller's settings, and this checkout rather than an installed one."""
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **more}


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def _process(
    arguments: list[str], port: int, folder: Path, environment: Mapping[str, str], path: str
) -> Iterator[Server]:
    """Run a Python module until the block ends, without waiting for it to be ready."""
    log = folder / f"{port}.log"
    begun = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stderr=output
        )
    try:
        yield Server(process, port, path, log, begun)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def baseline(name: str, folder: Path) -> Iterator[Server]:
    """One of `baselines.BASELINES`; not waited for."""
    port = free_port()
    arguments = ["-m", "tests.bench.baselines", name, str(port)]
    with _process(arguments, port, folder, _environment(), "/healthz") as server:
        yield server


@contextlib.contextmanager
def outside(folder: Path) -> Iterator[Server]:
    """The Slack and the ACME that answer at once; ready."""
    port = free_port()
    arguments = ["-m", "tests.bench.outside", str(port)]
    with _process(arguments, port, folder, _environment(), "/healthz") as server:
        server.wait()
        yield server


def bot_environment(database_url: str, port: int, outside: Server) -> dict[str, str]:
    """All settings of a bot whose Slack and ACME are `outside`."""
    return _environment(
        HOST="127.0.0.1",
        PORT=str(port),
        LOG_LEVEL="ERROR",
        DATABASE_URL=database_url,
        SLACK_API_URL=f"http://127.0.0.1:{outside.port}/api/",
        SLACK_BOT_TOKEN="xoxb-bench",
        SLACK_SIGNING_SECRET=SIGNING_SECRET,
        ACME_BASE_URL=f"http://127.0.0.1:{outside.port}/acme",
        ACME_API_KEY="bench",
    )


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / DATABASE}"


@contextlib.contextmanager
def starting_bot(database_url: str, folder: Path, outside: Server) -> Iterator[Server]:
    """`rescind serve`, not waited for. Ready: its database is there, and Slack knows it."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    environment = bot_environment(database_url, port, outside)
    with _process(["-m", "bot", "serve"], port, folder, environment, "/readyz") as server:
        yield server


@contextlib.contextmanager
def bot(database_url: str, folder: Path, outside: Server) -> Iterator[Server]:
    """`rescind serve`, ready."""
    with starting_bot(database_url, folder, outside) as server:
        server.wait()
        yield server


def wait_for_all(servers: Iterable[Server]) -> None:
    for server in servers:
        server.wait()


def stop_together(servers: Iterable[Server]) -> None:
    """Ask all of them to stop; each is waited for where its block ends."""
    for server in servers:
        os.kill(server.pid, signal.SIGTERM)


def migrate(database_url: str, folder: Path, outside: Server) -> None:
    """`rescind migrate`."""
    environment = bot_environment(database_url, 0, outside) | {"PORT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "migrate"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"rescind migrate failed: {done.stderr}")
