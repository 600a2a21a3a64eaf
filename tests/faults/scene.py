"""The scene of a fault test: the sandbox, the processes of one bot, a bad line, many people."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack.cast import BOT_USER, Channel, User
from bot.sandbox.story import Workspace
from tests.faults.board import Board
from tests.faults.fleet import SERVE, TIMEOUTS, Fleet, Process
from tests.faults.line import PASS, Line
from tests.faults.lookout import Lookout
from tests.integration.stage import SEED, run_bot

Json = dict[str, Any]


@dataclass(frozen=True)
class Team:
    """The people of one channel; each has only one form open at a time, hence people of its own."""

    channel: str
    requester: str
    approver: str
    second: str


@dataclass(frozen=True)
class Case:
    """One order, and the team that looks after it."""

    order: str
    team: Team


@dataclass
class Scene:
    sandbox: RunningSandbox
    fleet: Fleet
    line: Line
    lookout: Lookout
    people: Workspace
    board: Board
    teams: list[Team]
    database_url: str
    _turn: Iterator[Team] = field(init=False)

    def __post_init__(self) -> None:
        self._turn = itertools.cycle(self.teams)

    def case(self) -> Case:
        """A fresh order of four tickets at $100.00, and the team whose turn it is."""
        order, _ = self.people.copy(SEED)
        return Case(order, next(self._turn))

    def upstream(self, order: str) -> Json:
        """What ACME holds: money, history, and nothing that the bot has any part in."""
        panel = self.sandbox.sandbox.acme.panel(order)
        assert panel is not None, f"ACME does not know order {order}"
        return panel

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run one command of the command line; return its exit code and what it printed."""
        process = self.fleet[0]
        done = run_bot(*arguments, cwd=process.folder, environment=process.environment)
        return done.returncode, done.stdout + done.stderr


@contextmanager
def open_scene(
    folder: Path,
    roles: Sequence[tuple[str, str]] = (("bot", SERVE),),
    database_url: str = "",
    channels: int = 40,
    choose: Callable[[], str] = lambda: PASS,
    chance: random.Random | None = None,
    timeouts: tuple[float, float, float] = TIMEOUTS,
) -> Iterator[Scene]:
    """Set the scene, every process up; `roles` are the processes' names and commands.

    Without `database_url` it plays on SQLite. `choose` says what the line does to a delivery.
    """
    sandbox = RunningSandbox(SandboxSettings(port=0))
    lookout = Lookout()
    sandbox.sandbox.app.add_middleware(_Watched, lookout=lookout)
    teams = [_team(sandbox, number) for number in range(channels)]
    url = database_url or f"sqlite:///{folder / 'rescind.db'}"
    fleet = Fleet(Process(sandbox, folder, name, role, url, timeouts) for name, role in roles)
    line = Line(fleet.exits, choose, chance or random.Random(1))  # noqa: S311 - ways, no secrets
    with sandbox, line.running():
        sandbox.bot_url = line.url
        scene = Scene(
            sandbox=sandbox,
            fleet=fleet,
            line=line,
            lookout=lookout,
            people=Workspace(sandbox.base_url),
            board=Board(sandbox),
            teams=teams,
            database_url=url,
        )
        try:
            if database_url:  # SQLite migrates itself
                code, said = scene.run("migrate")
                assert code == 0, said
            for process in fleet:
                process.begin()
            for process in fleet:
                process.await_ready()
            yield scene
        finally:
            for process in fleet:
                if process.is_alive:
                    process.kill()
            scene.people.close()


class _Watched:
    """The lookout, in the form in which Starlette takes a middleware."""

    def __init__(self, app: ASGIApp, lookout: Lookout) -> None:
        self._app = lookout.before(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _team(sandbox: RunningSandbox, number: int) -> Team:
    slack = sandbox.sandbox.slack
    team = Team(*(f"{kind}{number:03d}" for kind in ("C0CASE", "U0ASKS", "U0MAY", "U0ALSO")))
    people = (team.requester, team.approver, team.second)
    for user in people:
        role = "requester" if user == team.requester else "approver"
        slack.users[user] = User(user, user.lower(), user.title(), role, "#1d7a8c")  # type: ignore[arg-type]
    slack.channels[team.channel] = Channel(
        team.channel, team.channel.lower(), "public", {*people, BOT_USER}
    )
    return team
