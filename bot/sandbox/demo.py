"""`rescind demo`: the sandbox in this process, the unmodified bot in another, until Ctrl-C.

The bot is started the way an operator starts it, `python -m bot serve`, and told about the sandbox
by its ordinary environment variables.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from bot.sandbox.story import StoryError, tell

_START_SECONDS = 30.0
_STOP_SECONDS = 12.0


class DemoError(Exception):
    """The demo cannot run; the message says why."""


@contextmanager
def running_demo(port: int = 0, log_level: str = "WARNING") -> Iterator[RunningSandbox]:
    """Run sandbox and bot together; nothing is left behind. Port 0: any free one."""
    with tempfile.TemporaryDirectory(prefix="rescind-demo-") as folder:
        try:
            sandbox = RunningSandbox(SandboxSettings(port=port))
        except OSError as error:
            raise DemoError(
                f"port {port} is taken: stop what uses it, or choose another with --port"
            ) from error
        with sandbox, running_bot(sandbox, Path(folder), log_level):
            yield sandbox


@contextmanager
def running_bot(
    sandbox: RunningSandbox, folder: Path, log_level: str = "WARNING", **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the bot against `sandbox` with its database in `folder`; stop it in the end."""
    bot_port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "serve"],
        cwd=folder,
        env=bot_environment(sandbox, folder, bot_port) | {"LOG_LEVEL": log_level} | environment,
    )
    url = f"http://127.0.0.1:{bot_port}"
    sandbox.bot_url = url
    try:
        _wait_until_ready(process, url)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bot_environment(sandbox: RunningSandbox, folder: Path, bot_port: int) -> dict[str, str]:
    """The environment of a bot that takes the sandbox for Slack and ACME."""
    settings = sandbox.settings
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOST": "127.0.0.1",
        "PORT": str(bot_port),
        "DATABASE_URL": f"sqlite:///{folder / 'rescind.db'}",
        "SLACK_API_URL": f"{sandbox.base_url}/api/",
        "SLACK_BOT_TOKEN": settings.bot_token,
        "SLACK_SIGNING_SECRET": settings.signing_secret,
        "ACME_BASE_URL": f"{sandbox.base_url}/acme",
        "ACME_API_KEY": settings.acme_api_key,
        "ACME_CURRENCY": "USD",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the bot ended at once, with exit code {process.returncode}")
        try:
            if httpx.get(f"{url}/readyz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise DemoError(f"the bot was not ready within {_START_SECONDS:.0f} s")


def show(port: int) -> int:
    """Serve the page until Ctrl-C; return the exit code."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running_demo(port) as sandbox:
            _say(
                "",
                f"  Rescind's sandbox is ready: open {sandbox.base_url}",
                "",
                "  1. Type  /cancel-order 26644388  and press Enter.",
                "  2. Switch to Avery, the approver, and click Approve.",
                "  3. Read the refund details in the thread, and watch the order change beside it.",
                "",
                "  Ctrl-C stops it; nothing is left behind.",
                "",
            )
            stop.wait()
    except DemoError as error:
        _say(f"The demo cannot run: {error}.")
        return 1
    return 0


def play() -> int:
    """Play the seed's story as a transcript; 0 only if the refund is right."""
    try:
        with running_demo() as sandbox:
            tell(sandbox.base_url, _say)
    except (DemoError, StoryError) as error:
        _say("", f"NOT as it should be: {error}")
        return 1
    _say("", "All as it should be: $400.00 refunded, exactly once.")
    return 0


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
