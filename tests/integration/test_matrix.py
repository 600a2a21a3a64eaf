"""Every kind of actor, every button and form, every state: what `matrix` says is what happens.

Clicks and forms are signed and sent as Slack sends them, also those that no card offers any more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.request import Request
from bot.sandbox.server import RunningSandbox
from bot.sandbox.slack.cast import PARTNER_TEAM, User
from bot.slack.cards import modals
from bot.slack.cards.card import block_id
from bot.slack.payloads import FormContext
from tests.examples import LINE_ID
from tests.integration import slack_wire
from tests.integration.answers import Answers, answers
from tests.integration.matrix import ACTORS, FORM, TABLES, Cell, cells
from tests.integration.situations import Situations
from tests.integration.slack_wire import Json
from tests.integration.stage import SEED, Stage, open_stage
from tests.unit.databases import sqlite_database

# One request is carried out at a time, and ACME is slow to tell what it holds: what is approved
# stays so for as long as the tests last.
SETTINGS = """
[execution]
at_once = 1

[policy]
approvers = ["S0APPROVE"]
break_glass = { who = ["U0SECOND"] }

[[policy.tiers]]
up_to = { USD = 500 }
approvals = 2

[[policy.tiers]]
up_to = { USD = 5000 }
approvers = ["U0FINANCE"]

[[venues]]
key = "riverside"
name = "Riverside Museum"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "USD"
read_timeout = 600
total_timeout = 600
"""
NEW = {"U0FINANCE": "Finance", "U0UNSEEN": "Unseen"}
NO_APPROVERS = {"member", "finance"}
FORMS = {
    "reject": modals.REJECT_REASON,
    "break_glass": modals.BREAK_GLASS,
    "edit": modals.CHOOSE_TICKETS,
    "resolve": modals.RESOLVE,
}
REASON = {"type": "plain_text_input", "value": "as agreed"}
ENTERED: dict[str, dict[str, Json]] = {
    "reject": {"reason": REASON},
    "break_glass": {"reason": REASON},
    "edit": {f"{modals.LINE_PREFIX}{LINE_ID}": {"type": "number_input", "value": "1"}},
    "resolve": {
        "reason": REASON,
        "truth": {"type": "static_select", "selected_option": {"value": "done"}},
    },
}


class Stand(NamedTuple):
    """How a request stands, and the last that was noted of it."""

    state: str
    version: int
    last: tuple[str, str]


@dataclass
class Arena:
    """A running bot, and a request for every cell that changes one; the others share theirs."""

    stage: Stage
    answers: Answers
    requests: dict[Cell | str, Request]
    deviations: list[str] = field(default_factory=list)

    def request_for(self, cell: Cell) -> Request:
        return self.requests.get(cell) or self.requests[cell.situation]

    def stand(self, request: Request) -> Stand:
        with closing(sqlite3.connect(self.stage.bot.folder / "rescind.db")) as connection:
            state, version = connection.execute(
                "SELECT state, version FROM requests WHERE id = ?", (request.id,)
            ).fetchone()
            event, actor = connection.execute(
                "SELECT event, actor_user FROM audit_events WHERE request_id = ? "
                "ORDER BY id DESC LIMIT 1",
                (request.id,),
            ).fetchone()
        return Stand(state, version, (event.removeprefix("order:cancel:"), actor))

    def play(self, cell: Cell) -> str:
        """Act, and compare how the request stands with how it should; return the response URL."""
        request, url = self.request_for(cell), self.answers.new_url()
        before = self.stand(request)
        status = self.stage.wire.send(self._delivery(cell, request, url)).status_code
        self._expect(cell, "the acknowledgement", status, 200)
        self._expect(cell, "the request", self.stand(request), _expected(cell, before))
        if cell.expected == FORM:
            self._expect(cell, "the form's request", self._opened(cell), request.id)
        return url

    def _delivery(self, cell: Cell, request: Request, url: str) -> bytes:
        assert request.card
        user = ACTORS[cell.actor]
        team = PARTNER_TEAM if cell.actor == "partner" else slack_wire.TEAM
        channel, ts = request.card.channel, request.card.ts
        if cell.is_sent_form:
            told = FormContext(
                request_id=request.id,
                revision=request.revision,
                channel=channel,
                card_ts=ts,
                response_url=url,
            )
            form, entered = FORMS[cell.button], ENTERED[cell.button]
            return slack_wire.sent_form(form, told.dump(), entered, user, team)
        trigger = self.stage.sandbox.sandbox.slack.grants.new_trigger(user, channel=channel)
        card = {"ts": ts, "channel": channel, "text": "", "blocks": []}
        button = {"action_id": cell.button, "block_id": block_id(request), "value": request.id}
        more = {"response_url": url, "trigger_id": trigger}
        return slack_wire.click(card, button, user, team, **more)

    def _opened(self, cell: Cell) -> str:
        """The request that the form which opened is about; the form is closed."""
        user = ACTORS[cell.actor]
        form = self.stage.people.form(FORMS[cell.button], user)
        self.stage.people.dismiss(form, user)
        return str(FormContext.load(form["private_metadata"]).request_id)

    def compare(self, cell: Cell, url: str) -> None:
        """Compare what the actor is told with what they should be."""
        wanted = cell.sentences
        if wanted:
            self.stage.people.wait_for(f"an answer to {cell}", lambda: self.answers.heard[url])
        told = self.answers.private(url)
        self._expect(cell, "how often the actor was told", len(told), 1 if wanted else 0)
        for part in wanted:
            self._expect(cell, f"“{part}” in {told}", part in "".join(told), True)

    def _expect(self, cell: Cell, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            where = f"{cell.situation}: {cell.actor} {cell.what}"
            self.deviations.append(f"{where}: {what} is {found}, not {wanted}")


def _expected(cell: Cell, before: Stand) -> Stand:
    if cell.change is None:
        return before
    event, state = cell.change
    return Stand(state.value, before.version + 1, (event, ACTORS[cell.actor]))


def _people(sandbox: RunningSandbox) -> None:
    slack = sandbox.sandbox.slack
    for user, name in NEW.items():
        slack.users[user] = User(user, name.lower(), name, "member", "#445566")
    listed = [user for actor, user in ACTORS.items() if actor not in NO_APPROVERS]
    group = slack.user_groups["S0APPROVE"]
    slack.user_groups["S0APPROVE"] = type(group)(group.id, group.handle, tuple(listed))


async def _requests(folder: Path, channels: list[str], executing: str) -> dict[Cell | str, Request]:
    with sqlite_database(folder / "rescind.db") as database:
        situations = Situations(database, channels)
        made: dict[Cell | str, Request] = {}
        for situation in TABLES:
            order = executing if situation == "executing" else None
            made[situation] = await situations.make(situation, order)
            for cell in cells(situation):
                if cell.change is not None:
                    made[cell] = await situations.make(situation)
        return made


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    folder = tmp_path_factory.mktemp("matrix")
    made: dict[Cell | str, Request] = {}

    def prepare(sandbox: RunningSandbox) -> None:
        _people(sandbox)
        acme = sandbox.sandbox.acme
        order, _ = acme.copy_order(SEED)
        acme.set_fault(order, "slow", seconds=3600)
        channels = [name for name in sandbox.sandbox.slack.channels if name.startswith("C0CASE")]
        made.update(asyncio.run(_requests(folder, channels, order)))

    with answers() as heard, open_stage(folder, SETTINGS, prepare=prepare) as stage:
        busy = made["executing"].order_id
        stage.people.wait_for("the read", lambda: stage.people.upstream_requests(busy))
        yield Arena(stage, heard, made)


@pytest.mark.parametrize("situation", TABLES)
def test_everybody_presses_everything(arena: Arena, situation: str) -> None:
    """The actors one after the other, each every button and form; nobody waits for answers."""
    arena.deviations.clear()
    urls: dict[Cell, str] = {}
    for actor, column in groupby(cells(situation), key=lambda cell: cell.actor):
        with _slack_tells_nothing(arena.stage) if actor == "nobody" else nullcontext():
            urls |= {cell: arena.play(cell) for cell in column}
    for cell, url in urls.items():
        arena.compare(cell, url)
    assert arena.deviations == []


@contextmanager
def _slack_tells_nothing(stage: Stage) -> Iterator[None]:
    """Let Slack tell nothing about people; whoever was asked about before is remembered."""
    fault = {"method": "users.info", "kind": "error", "error": "account_inactive"}
    stage.people.post("/ui/slack/fault", **fault)
    yield
    stage.people.slack_fault("users.info", None)
