"""A process dies between posting a card and noting where it stands; people need not know that."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.board import request_id, title
from tests.faults.conftest import Tell
from tests.faults.fleet import SERVE, WORK
from tests.faults.scene import open_scene
from tests.faults.servers import Postgres

_ROLES = (("front-1", SERVE), ("front-2", SERVE), ("worker", WORK))
_PATIENCE_SECONDS = 60.0


@pytest.mark.postgres
@pytest.mark.full_size
def test_a_request_is_rejected_on_a_card_that_nobody_noted(
    tmp_path: Path, tell: Tell, postgres: Postgres
) -> None:
    """The others do not know of the card yet, and must not take it for never posted."""
    with open_scene(tmp_path, _ROLES, postgres.create_database(), channels=1) as scene:
        first, second, _ = scene.fleet
        scene.line.exits = lambda: [first.exit]
        struck: list[float] = []

        def happened(process: str, point: str) -> None:
            if not struck and (process, point) == (first.name, "chat.postMessage done"):
                struck.append(time.monotonic())
                first.kill()

        scene.lookout.happened = happened
        case, people = scene.case(), scene.people
        people.command(case.order, case.team.requester, case.team.channel)
        (card,) = people.wait_for(
            "the card", lambda: scene.board.cards(case.order, case.team.channel)
        )
        people.wait_for("its poster's end", lambda: struck)
        scene.line.exits = lambda: [second.exit]
        people.click(card, "reject", case.team.approver)
        form = people.wait_for(
            "the form",
            lambda: scene.board.form(case.team.approver, "reject_reason", request_id(card)),
        )
        people.submit(form, case.team.approver, reason="The show goes on")

        def is_rejected() -> bool:
            (only,) = scene.board.cards(case.order, case.team.channel)
            return "rejected" in title(only)

        people.wait_for("the rejected card", is_rejected, _PATIENCE_SECONDS)
        seconds = round(time.monotonic() - struck[0], 1)
        tell("the card said so", {"seconds after its poster's end": seconds})
