"""The stage for the junk: two venues, one strict and one not, and requests that wait as baits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
# Nobody but the baits is in these, so the others' looks at their own channels stay quick.
_CHANNELS = {"acme": "C0REFUNDS", "gala": "C0BOXOFF"}
_ABLE = {"acme": frozenset({APPROVER, SECOND, MEMBER}), "gala": frozenset({APPROVER, SECOND})}
# What becomes of each before it is a bait.
_FATES = {"acme": ("", "", "", "done", "withdrawn", "rejected"), "gala": ("", "", "voted")}


@contextmanager
def open_junk_stage(folder: Path) -> Iterator[Stage]:
    with open_stage(folder, _RESCIND_TOML, LOG_LEVEL="INFO", LOG_FORMAT="json") as stage:
        yield stage


def lay_baits(stage: Stage, board: Board) -> list[Bait]:
    """Ask for cancellations that nobody shall decide on; some were decided on before."""
    venues = [(venue, fate) for venue, fates in _FATES.items() for fate in fates]
    orders = []
    for venue, _ in venues:
        order, _ = stage.people.copy(SEED)
        _said(stage.people.command(f"{venue}:{order} bait", REQUESTER, _CHANNELS[venue]))
        orders.append(order)
    baits = [
        _bait(stage, board, order, venue, fate)
        for order, (venue, fate) in zip(orders, venues, strict=True)
    ]
    stage.people.wait_for("the end of all posting", lambda: _all_is_shown(stage))
    return baits


def _all_is_shown(stage: Stage) -> bool:
    return all(row["delivered_version"] == row["version"] for row in rows(stage).values())


def _bait(stage: Stage, board: Board, order: str, venue: str, fate: str) -> Bait:
    """Ask for half of it, so that there is an earlier quote to confuse it with."""
    line = str(stage.people.order(order)["lines"][0]["id"])
    card = _card(stage, board, order, venue, "waiting for approval", 1)
    first = Bait(order, line, request_id(card), card, _ABLE[venue])
    _sent(stage, first.form("choose_tickets", {f"line:{line}": "2"}, REQUESTER))
    card = _card(stage, board, order, venue, "waiting for approval", 2)
    bait = Bait(order, line, first.request, card, _ABLE[venue])
    match fate:
        case "done":
            _sent(stage, bait.click("approve", SECOND))
            card = _card(stage, board, order, venue, "· partly cancelled")
        case "withdrawn":
            _sent(stage, bait.click("withdraw", REQUESTER))
            card = _card(stage, board, order, venue, "· withdrawn")
        case "rejected":
            _sent(stage, bait.form("reject_reason", {"reason": "no"}, SECOND))
            card = _card(stage, board, order, venue, "· rejected")
        case "voted":
            _sent(stage, bait.click("approve", APPROVER))
            return Bait(
                order, line, first.request, card, frozenset({SECOND}), frozenset({APPROVER})
            )
        case _:
            return bait
    return Bait(order, line, first.request, card)


def _card(
    stage: Stage, board: Board, order: str, venue: str, saying: str, revision: int | None = None
) -> Json:
    """Wait for an order's card; `revision`: of the quote on it."""

    def look() -> Json | None:
        for card in board.cards(order, _CHANNELS[venue]):
            is_right = revision is None or f"decision:{revision}:" in str(card["blocks"])
            if saying in title(card) and is_right:
                return card
        return None

    card: Json = stage.people.wait_for(f"the card of bait {order} saying {saying}", look)
    return card


def _sent(stage: Stage, payload: Json) -> None:
    answer = stage.wire.send(body_of(payload))
    assert (answer.status_code, answer.content) == (200, b""), answer.text


def _said(answer: Json) -> None:
    assert answer["ok"], answer
