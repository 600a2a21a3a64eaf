"""An update of a card is late at Slack and lands on a newer one: people see the truth again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.board import request_id, title
from tests.faults.conftest import Tell
from tests.faults.fleet import SERVE, WORK
from tests.faults.scene import Scene, open_scene
from tests.faults.servers import Postgres

Json = dict[str, Any]

_ROLES = (("front-1", SERVE), ("front-2", SERVE), ("worker", WORK))
_UPDATE = "chat.update"
# How late the update is: the last of them has given up waiting for an answer by then.
_SENDERS = {"gone for good": 3.0, "comes back": 3.0, "hears no answer": 13.0}
# A place counts as given up after 15 seconds and is looked at every 5.
_PATIENCE_SECONDS = 60.0


@pytest.mark.postgres
@pytest.mark.full_size
@pytest.mark.parametrize("sender", _SENDERS)
def test_a_late_update_lands_on_a_newer_card(
    tmp_path: Path, tell: Tell, postgres: Postgres, sender: str
) -> None:
    """Whoever goes on with the sender's work, others or itself, has to look at the card again."""
    with open_scene(tmp_path, _ROLES, postgres.create_database(), channels=1) as scene:
        first, second, _ = scene.fleet
        scene.line.exits = lambda: [first.exit]
        card = _Card(scene)
        struck: list[float] = []

        def happened(process: str, point: str) -> None:
            if not struck and (process, point) == (first.name, f"{_UPDATE} arrived"):
                struck.append(time.monotonic())
                if sender != "hears no answer":
                    first.kill()

        scene.lookout.happened = happened
        scene.lookout.delays = lambda call: (
            _SENDERS[sender] if call == _UPDATE and not struck else 0.0,
            0.0,
        )
        card.choose_one()
        scene.people.wait_for("the update", lambda: struck)
        scene.line.exits = lambda: [second.exit]
        card.withdraw()
        card.wait_for("withdrawn")
        card.wait_for("waiting for approval")
        landed = time.monotonic()
        if sender == "comes back":
            first.begin()
        card.wait_for("withdrawn", _PATIENCE_SECONDS)
        tell("the card told the truth again after", {"seconds": round(time.monotonic() - landed)})


class _Card:
    """One order's card, and its requester."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._case = scene.case()
        team = self._case.team
        scene.people.command(self._case.order, team.requester, team.channel)
        self._first = self.wait_for("waiting for approval")

    def choose_one(self) -> None:
        requester, people = self._case.team.requester, self._scene.people
        people.click(self._first, "edit", requester)
        about = request_id(self._first)
        form = people.wait_for(
            "the form", lambda: self._scene.board.form(requester, "choose_tickets", about)
        )
        (line,) = [b["block_id"] for b in form["blocks"] if b["type"] == "input"]
        answer = people.submit(form, requester, **{line.replace(":", "_"): "1"})
        assert answer["ok"], answer

    def withdraw(self) -> None:
        """Click on the card as it still stands."""
        answer = self._scene.people.click(self._first, "withdraw", self._case.team.requester)
        assert answer["ok"], answer

    def wait_for(self, saying: str, seconds: float = 20.0) -> Json:
        def look() -> Json | None:
            cards = self._scene.board.cards(self._case.order, self._case.team.channel)
            return cards[-1] if cards and saying in title(cards[-1]) else None

        card: Json = self._scene.people.wait_for(f"a card {saying}", look, seconds)
        return card
