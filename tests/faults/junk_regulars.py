"""People who go about their business while the junk flows, and have no time to lose.

Some type and click in the sandbox; of others we send what Slack would, several times at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from bot.sandbox.acme.orders import Order
from bot.sandbox.story import StoryError
from tests.faults.board import Board, amount, is_over, money, title
from tests.faults.junk_bait import Bait, body_of
from tests.faults.junk_texts import ANSWER, Ear, hostile
from tests.integration import slack_wire
from tests.integration.stage import MEMBER, SECOND, SEED, Stage, buttons

Json = dict[str, Any]

# Slack's own limit, after which a person reads that it did not work.
SLACK_WAITS_MS = 3000.0
_COPIES = 4


@dataclass(frozen=True, slots=True)
class Act:
    """A command, or a click: whether the bot took it, and after how many milliseconds."""

    what: str
    ok: bool
    ms: float

    @property
    def in_time(self) -> bool:
        return self.ok and self.ms < SLACK_WAITS_MS


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sent to the bot with a good signature, and acted on."""

    body: bytes
    headers: dict[str, str]
    at: float


@dataclass
class Regulars:
    """`asked` and `approved` are theirs alone; `spent`: deliveries that must not act again."""

    stage: Stage
    board: Board
    ear: Ear
    chance: random.Random
    orders: Iterator[Order]
    channels: Iterator[str]
    acts: list[Act] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    approved: dict[str, Decimal] = field(default_factory=dict)
    spent: list[Delivery] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    stumbled: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, until: Callable[[], bool]) -> None:
        """One case after another."""
        while not until() and not self.stumbled:
            self.case()

    def case(self) -> None:
        try:
            self._case()
        except (StoryError, httpx.HTTPError, AssertionError) as error:
            self.stumbled.append(f"{type(error).__name__}: {error}")

    def _case(self) -> None:
        with self._lock:
            order, is_hostile = self._next_order()
            channel = next(self.channels)
            fate = self.chance.choice(("approve", "approve", "reject", "withdraw", "leave"))
            fate = fate if is_hostile else "approve"
        # One character may become 18 when it is normalised, and a reason has 500 at most.
        reason = f"x {hostile(self.chance)}"[:27] if is_hostile else "guest is ill"
        self._ask(order, channel, reason)
        card = self._card(order, channel, lambda card: "waiting for approval" in title(card))
        if fate == "approve" and "approve" not in buttons(card):
            fate = "withdraw"  # there is something on it that cannot be cancelled from here
        if fate == "approve":
            self._approve(order, channel, card)
        elif fate != "leave":
            self._end_otherwise(order, channel, card, fate)
        self.ends.append(f"{'hostile' if is_hostile else 'ordinary'}, {fate}")

    def _next_order(self) -> tuple[str, bool]:
        if self.chance.random() < 0.5:
            return self.stage.people.copy(SEED)[0], False
        order = next(self.orders)
        self.stage.sandbox.sandbox.acme.add_order(order)
        return order.id, True

    def _ask(self, order: str, channel: str, reason: str) -> None:
        text = f"acme:{order} {reason}"
        self.asked.append(order)
        if self.chance.random() < 0.5:
            answer = self.stage.people.command(text, MEMBER, channel)
            self._note("command", answer["ok"], answer.get("ms", 0.0), answer)
        else:
            self._send("command", slack_wire.command(text, MEMBER, channel))

    def _approve(self, order: str, channel: str, card: Json) -> None:
        promise = money(amount(card))
        assert promise is not None, f"no amount on {title(card)}"
        self.approved[order] = promise
        if self.chance.random() < 0.5:
            answer = self.stage.people.click(card, "approve", SECOND)
            self._note("approve", answer["ok"], answer.get("ms", 0.0), answer)
        else:
            button = buttons(card)["approve"]
            self._send("approve", slack_wire.click(card, button, SECOND))
        end = self._card(order, channel, is_over)
        assert title(end).endswith("· cancelled"), title(end)

    def _end_otherwise(self, order: str, channel: str, card: Json, fate: str) -> None:
        bait = Bait(order, "", str(card["metadata"]["event_payload"]["request_id"]), card)
        if fate == "withdraw":
            self._send(fate, slack_wire.click(card, buttons(card)["withdraw"], MEMBER))
        else:
            # The form that a real click opens shows the order's texts; what comes back is ours.
            self.stage.people.click(card, "reject", SECOND)
            self.stage.people.click(card, "edit", MEMBER)
            form = bait.form("reject_reason", {"reason": f"x {hostile(self.chance)}"}, SECOND)
            self._send(fate, body_of(form))
        self._card(order, channel, is_over)

    def _send(self, what: str, body: bytes) -> None:
        """Deliver as Slack does, and as a bad line does: some copies, at once."""
        headers = self.stage.wire.signed(body)
        copies = self.chance.choice((1, _COPIES))
        started = time.perf_counter()
        with ThreadPoolExecutor(copies) as senders:
            found = list(
                senders.map(lambda _: self.stage.wire.send(body, **headers), range(copies))
            )
        took = (time.perf_counter() - started) * 1000
        texts = {(answer.status_code, answer.text) for answer in found}
        self._note(what, len(texts) == 1 and found[0].status_code == 200, took, texts)
        if found[0].headers.get("content-type", "").startswith("application/json"):
            self.ear.hear(ANSWER, found[0].json())
        self.spent.append(Delivery(body, headers, time.time()))

    def _note(self, what: str, ok: bool, ms: float, answer: object) -> None:
        self.acts.append(Act(what, ok, ms))
        assert ok, f"{what} was not taken: {str(answer)[:300]}"

    def _card(self, order: str, channel: str, wanted: Callable[[Json], bool]) -> Json:
        def look() -> Json | None:
            return next((card for card in self.board.cards(order, channel) if wanted(card)), None)

        card: Json = self.stage.people.wait_for(f"the card of order {order}", look, seconds=120)
        return card
