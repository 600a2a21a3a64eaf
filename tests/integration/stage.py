"""A stage: the sandbox in a thread, the unmodified bot as a child process, people who use it."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from bot.sandbox.demo import bot_environment
from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack.cast import BOT_USER, Channel
from bot.sandbox.story import APPROVER, REQUESTER, Workspace, words
from tests.integration import slack_wire
from tests.integration.slack_wire import SlackWire

Json = dict[str, Any]

SEED = "26644388"
SECOND = "U0SECOND"
MEMBER = "U0MEMBER"
GUEST = "U0GUEST"
SINGLE = "U0SINGLE"
COURIER = "U0COURIER"
LEFT = "U0LEFT"
_OTHERS = (MEMBER, GUEST, SINGLE, COURIER, LEFT)
QUICK = "[execution]\nsettle_pauses = [0.05, 0.1, 0.2]\n"

# The bot posts once a second and channel, so cases take turns in many.
_CHANNELS = 40
_CASE = "C0CASE"
_PATIENCE_SECONDS = 60.0
# Slack gives three seconds to answer or open a form; a machine busy with others may need more.
_SLACKS_PATIENCE = 20.0


class Bot:
    """`python -m bot serve` as an operator runs it; can be killed and started anew on its port."""

    def __init__(self, sandbox: RunningSandbox, folder: Path, **environment: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = bot_environment(sandbox, folder, port) | {"LOG_LEVEL": "WARNING"}
        self.environment |= {"SECONDS_LATER": str(folder / "seconds-later")} | environment
        self.folder = folder
        self.module = "bot"
        self.log_file = folder / "bot.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Bot:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind; how it stops when it is asked to is a test's business."""
        if self._process is not None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the bot was not started"
        return self._process

    def launch(self, command: str) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def start(self, path: str = "/readyz", status: int = 200) -> None:
        """Start serving, and wait until `path` answers `status`."""
        self.launch("serve")
        self.wait_until(lambda: httpx.get(self.url + path).status_code == status)

    def wait_until(self, look: Callable[[], bool]) -> None:
        """Look until the running bot shows something."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the bot ended by itself:\n{self.log()}"
            try:
                if look():
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"waited in vain for the bot:\n{self.log()}")

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_bot(
    *arguments: str, cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def run_sql(database: Path, statement: str, *values: str) -> None:
    """Change a SQLite database from outside."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


class Stage:
    """Sandbox, bot and people, with a fresh order and a channel for every case."""

    def __init__(self, sandbox: RunningSandbox, bot: Bot) -> None:
        self.sandbox = sandbox
        self.bot = bot
        self.people = Workspace(sandbox.base_url)
        self.wire = SlackWire(bot.url, sandbox.settings.signing_secret)
        known = sandbox.sandbox.slack.channels
        self.channels = [name for name in known if name.startswith(_CASE)] or ["C0REFUNDS"]
        self._channels = cycle(self.channels)
        self._seconds_later = Path(bot.environment["SECONDS_LATER"])
        self._passed = 0.0

    def next_channel(self) -> str:
        return next(self._channels)

    def case(self, template: str = SEED, venue: str = "", channel: str | None = None) -> Case:
        """A fresh copy of an example order, and a channel to talk about it."""
        order, number = self.people.copy(template)
        typed = f"{venue}:{order}" if venue else order
        return Case(self, order, number, channel or self.next_channel(), typed)

    def outdated_click(self, card: Json, action_id: str, user: str) -> int:
        """Click on a rendering that may be gone by now; return the HTTP status.

        Slack's client shows such a rendering for a moment; the sandbox's people never see one.
        """
        return self.wire.send(slack_wire.click(card, buttons(card)[action_id], user)).status_code

    def forged_click(self, card: Json, button: Json, user: str = APPROVER) -> int:
        """Click a button that the card does not have; return the HTTP status."""
        return self.wire.send(slack_wire.click(card, button, user)).status_code

    def call_slack(self, method: str, **arguments: str) -> Json:
        """Call the Web API with the bot's own token."""
        headers = {"Authorization": f"Bearer {self.sandbox.settings.bot_token}"}
        url = f"{self.sandbox.slack_api_url}{method}"
        answer: Json = httpx.post(url, data=arguments, headers=headers).json()
        assert answer["ok"], answer
        return answer

    def person(self, user: str, **changes: Any) -> None:  # noqa: ANN401 - JSON
        """Do to somebody what an administrator does: `deleted`, `is_restricted` and so on."""
        self._administer("people", user=user, **changes)

    def group(self, group: str, **changes: Any) -> None:  # noqa: ANN401 - JSON
        """Change a user group: its `users`, whether it is `disabled`."""
        self._administer("groups", group=group, **changes)

    def organisation(self, **changes: Any) -> None:  # noqa: ANN401 - JSON
        """Make the workspace part of an organisation; without an `id`, take it out."""
        self._administer("organisation", **changes)

    def _administer(self, what: str, **changes: Any) -> None:  # noqa: ANN401 - JSON
        answer = self.people.post(f"/ui/slack/{what}", **changes)
        assert answer["ok"], answer

    def put_forward(self, seconds: float) -> None:
        """Let time pass for a bot whose clock can be put forward."""
        self._passed += seconds
        new = self._seconds_later.with_suffix(".new")
        new.write_text(str(self._passed), encoding="utf-8")
        new.rename(self._seconds_later)

    def age_sends(self, request_id: str, minutes: int) -> None:
        """Let time pass since a request was sent, as far as the bot's own memory goes."""
        run_sql(
            self.bot.folder / "rescind.db",
            "UPDATE sends SET sent_at = datetime(sent_at, ?) WHERE request_id = ?",
            f"-{minutes} minutes",
            request_id,
        )

    def read_acme_as(self, order: str, **switches: str) -> None:
        """Make ACME behave in one of the ways that its documentation leaves open."""
        self.sandbox.sandbox.acme.set_reading(order, **switches)


@contextmanager
def open_stage(
    folder: Path,
    rescind_toml: str = QUICK,
    settings: SandboxSettings | None = None,
    channels: int = _CHANNELS,
    prepare: Callable[[RunningSandbox], None] | None = None,
    later: bool = False,
    **environment: str,
) -> Iterator[Stage]:
    """Run sandbox and bot for the length of the block; the bot must not have stumbled in it.

    `@ACME@` in `rescind_toml` stands for the address of the sandbox's ACME. `prepare`: what is
    done before the bot starts. `later`: its clock can be put forward.
    """
    patient = replace(
        settings or SandboxSettings(),
        port=0,
        ack_seconds=_SLACKS_PATIENCE,
        trigger_seconds=_SLACKS_PATIENCE,
    )
    sandbox = RunningSandbox(patient)
    rescind_toml = rescind_toml.replace("@ACME@", sandbox.acme_base_url)
    (folder / "rescind.toml").write_text(rescind_toml, encoding="utf-8")
    for number in range(channels):
        name = f"{_CASE}{number:02d}"
        members = {REQUESTER, APPROVER, SECOND, *_OTHERS, BOT_USER}
        sandbox.sandbox.slack.channels[name] = Channel(name, name.lower(), "public", members)
    with sandbox, Bot(sandbox, folder, **environment) as bot:
        sandbox.bot_url = bot.url
        if later:
            bot.module = "tests.integration.later"
            bot.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        if prepare is not None:
            prepare(sandbox)
        bot.start()
        stage = Stage(sandbox, bot)
        yield stage
        stage.people.close()
        stage.wire.close()
        assert "Traceback" not in bot.log(), bot.log()


@dataclass(frozen=True)
class Case:
    """One order in one channel. `typed` is what people type to name the order.

    Channels take turns, so what was said in one before the case began is of another.
    """

    stage: Stage
    order: str
    number: str
    channel: str
    typed: str
    began: float = field(default_factory=time.time)

    @property
    def people(self) -> Workspace:
        return self.stage.people

    def ask(self, reason: str = "", user: str = REQUESTER) -> str:
        """Type the command; return what the bot answers at once."""
        answer = self.people.command(f"{self.typed} {reason}".strip(), user, self.channel)
        assert answer["ok"], answer
        return str(answer["response"]["text"])

    def asked(self, reason: str = "") -> Json:
        """Type the command and wait for the card."""
        self.ask(reason)
        return self.card("waiting for approval")

    def card(self, saying: str = "") -> Json:
        return self.people.card(self.order, saying, self.channel)

    def reply(self, saying: str = "") -> Json:
        return self.people.reply(self.card(), saying)

    def cards(self) -> list[Json]:
        return self.people.cards(self.order, self.channel)

    def click(self, action_id: str, user: str = APPROVER, card: Json | None = None) -> Json:
        return self.people.click(card or self.card(), action_id, user)

    def approve(self, user: str = APPROVER) -> None:
        answer = self.click("approve", user)
        assert answer["ok"], answer

    def approved(self, reason: str = "") -> Json:
        """Ask, approve, and wait for the refund details in the thread."""
        self.asked(reason)
        self.approve()
        self.card("· cancelled")
        return self.reply("Refunded")

    def choose(self, *counts: int) -> None:
        """Choose how many of each cancellable line to cancel, and wait for the new quote."""
        before = buttons(self.card())
        self.click("edit", REQUESTER)
        form = self.people.form("choose_tickets")
        lines = [block["block_id"] for block in form["blocks"] if block["type"] == "input"]
        entered = {line.replace(":", "_", 1): str(n) for line, n in zip(lines, counts, strict=True)}
        answer = self.people.submit(form, **entered)
        assert answer["ok"], answer
        self.people.wait_for("the new quote", lambda: buttons(self.card()) != before)

    def private(self, user: str = REQUESTER) -> list[str]:
        """What only `user` sees of what was said since this case began, oldest first."""
        return [
            message["text"]
            for message in self.people.messages(user, self.channel)
            if message["ephemeral"] and float(message["ts"]) >= self.began
        ]

    def told(self, saying: str, user: str = REQUESTER) -> str:
        """Wait for a private answer to somebody, given since this case began."""

        def look() -> str | None:
            return next((text for text in reversed(self.private(user)) if saying in text), None)

        return str(self.people.wait_for(f"“{saying}”, said to {user} alone,", look))

    def upstream(self) -> Json:
        return self.people.order(self.order)

    def changes(self) -> list[Json]:
        """The requests to change the order that ACME received."""
        received = self.people.upstream_requests(self.order)
        return [item for item in received if item["method"] == "POST"]

    def request_id(self) -> str:
        return str(self.card()["metadata"]["event_payload"]["request_id"])


def buttons(card: Json) -> dict[str, Json]:
    """A card's buttons by action id, each with the id of its block."""
    return {
        element["action_id"]: {**element, "block_id": block["block_id"]}
        for block in card["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }


def fields(message: Json) -> dict[str, str]:
    """The labelled values of a message, by label."""
    texts = [field["text"] for block in message["blocks"] for field in block.get("fields", [])]
    return {label.strip("*"): value for label, _, value in (text.partition("\n") for text in texts)}


def headers(message: Json) -> list[str]:
    return [b["text"]["text"] for b in message["blocks"] if b["type"] == "header"]


__all__ = [
    "APPROVER",
    "COURIER",
    "GUEST",
    "LEFT",
    "MEMBER",
    "QUICK",
    "REQUESTER",
    "SECOND",
    "SEED",
    "SINGLE",
    "Bot",
    "Case",
    "Json",
    "Stage",
    "buttons",
    "fields",
    "free_port",
    "headers",
    "open_stage",
    "run_bot",
    "run_sql",
    "words",
]
