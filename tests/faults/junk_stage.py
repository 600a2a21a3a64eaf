"""The stage for the junk: two venues, one strict and one not, and requests that wait as baits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.sandbox.story import APPROVER, REQUESTER
from tests.faults.board import Board, request_id, title
from tests.faults.junk_bait import Bait, body_of
from tests.faults.junk_books import rows
from tests.integration.stage import MEMBER, SECOND, SEED, Stage, open_stage

Json = dict[str, Any]

_RESCIND_TOML = """
[policy]
remind_after_minutes = []
expire_after_hours = 0

[execution]
settle_pauses = [0.05, 0.1, 0.2]

[[venues]]
key = "acme"
name = "ACME"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "USD"

[[venues]]
key = "gala"
name = "Gala"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "USD"

[venues.policy]
channels = ["C0BOXOFF"]
approvers = ["S0APPROVE"]
tiers = [{ up_to = { USD = 100 } }, { up_to = { USD = 5000 }, approvals = 2 }]
break_glass = { who = ["U0SECOND"] }
"""
_ABLE = {"acme": frozenset({APPROVER, SECOND, MEMBER}), "gala": frozenset({APPROVER, SECOND})}
# What becomes of each before it is a bait.
_FATES = {"acme": ("", "", "", "once", "done", "withdrawn", "rejected"), "gala": ("", "", "voted")}


@contextmanager
def open_junk_stage(folder: Path) -> Iterator[Stage]:
    with open_stage(folder, _RESCIND_TOML, LOG_LEVEL="INFO", LOG_FORMAT="json") as stage:
        yield stage


def channels(stage: Stage) -> tuple[list[str], list[str]]:
    """Return the channels of the people, and those of the baits, where all the answers go."""
    baits = len(_FATES["acme"])
    return stage.channels[:-baits], stage.channels[-baits:]


def lay_baits(stage: Stage, board: Board) -> list[Bait]:
    """Ask for cancellations that nobody shall decide on; some were decided on before."""
    layings = [
        _Laying(stage, board, stage.people.copy(SEED)[0], venue, channel, fate)
        for venue, where in (("acme", channels(stage)[1]), ("gala", ["C0BOXOFF"] * 3))
        for channel, fate in zip(where, _FATES[venue], strict=True)
    ]
    for laying in layings:
        laying.ask()
    baits = [laying.bait() for laying in layings]
    stage.people.wait_for("the end of all posting", lambda: _all_is_shown(stage))
    return baits


def fallen(stage: Stage, baits: Iterable[Bait]) -> Iterator[str]:
    """Tell whose card no longer stands where it stood."""
    messages = stage.sandbox.sandbox.slack.messages
    for bait in baits:
        shown = messages.get(bait.card["channel"], bait.card["ts"])
        if shown is None or f"request {bait.request}" not in str(shown.blocks):
            yield f"the card of order {bait.order} says {shown and shown.text!r}"


def _all_is_shown(stage: Stage) -> bool:
    return all(row["delivered_version"] == row["version"] for row in rows(stage).values())


@dataclass(frozen=True, slots=True)
class _Laying:
    stage: Stage
    board: Board
    order: str
    venue: str
    channel: str
    fate: str

    def ask(self) -> None:
        typed = f"{self.venue}:{self.order} bait"
        answer = self.stage.people.command(typed, REQUESTER, self.channel)
        assert answer["ok"], answer

    def bait(self) -> Bait:
        """Ask for half of it, so that there is an earlier quote to confuse it with.

        But for one that is in its first: that could be taken for the quote of no quote's card.
        """
        line = str(self.stage.people.order(self.order)["lines"][0]["id"])
        card = self._card("waiting for approval", 1)
        bait = Bait(self.order, line, request_id(card), card, _ABLE[self.venue])
        if self.fate == "once":
            return bait
        self._send(bait.form("choose_tickets", {f"line:{line}": "2"}, REQUESTER))
        bait = replace(bait, card=self._card("waiting for approval", 2))
        match self.fate:
            case "done":
                return self._ended(bait, bait.click("approve", SECOND), "· partly cancelled")
            case "withdrawn":
                return self._ended(bait, bait.click("withdraw", REQUESTER), "· withdrawn")
            case "rejected":
                form = bait.form("reject_reason", {"reason": "no"}, SECOND)
                return self._ended(bait, form, "· rejected")
            case "voted":
                self._send(bait.click("approve", APPROVER))
                return replace(bait, approvers=frozenset({SECOND}), voters=frozenset({APPROVER}))
            case _:
                return bait

    def _ended(self, bait: Bait, payload: Json, saying: str) -> Bait:
        self._send(payload)
        return replace(bait, card=self._card(saying), approvers=frozenset())

    def _card(self, saying: str, revision: int | None = None) -> Json:
        """Wait for the card; `revision`: of the quote on it."""

        def look() -> Json | None:
            for card in self.board.cards(self.order, self.channel):
                is_right = revision is None or f"decision:{revision}:" in str(card["blocks"])
                if saying in title(card) and is_right:
                    return card
            return None

        card: Json = self.stage.people.wait_for(f"the bait {self.order} saying {saying}", look)
        return card

    def _send(self, payload: Json) -> None:
        answer = self.stage.wire.send(body_of(payload))
        assert (answer.status_code, answer.content) == (200, b""), answer.text
