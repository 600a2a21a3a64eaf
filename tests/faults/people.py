"""People who ask for cancellations, click in a hurry, and try again until they are heard.

`Journey` is one order's way from the question to its end; `travel` lets many go on at once.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

import httpx

from bot.sandbox.story import StoryError, words
from tests.faults.board import amount, is_over, money, request_id, title
from tests.faults.scene import Case, Scene

Json = dict[str, Any]

DONE = ("error_after", "cut_after", "malformed", "slow", "late_commit", "blackout")
NOT_DONE = ("error_before", "cut_before", "malformed_before", "forbidden")
DRIFT = "changed_meanwhile"

PRICE = Decimal("100.00")
TICKETS = 4
# The bot's client gives up after 3 seconds, and 2 without a byte (see `fleet`).
_SOON, _TOO_LATE = 0.3, 2.5
_THINKING_SECONDS = 4.0
# How long people look at an unchanged card, after a click that was taken, before they click again.
_GLANCE_SECONDS = 1.0
_HOW_IT_ENDED = ("*Refunded ", "was *not* cancelled", "rejected this")
_AT_MOST_UNDER_WAY = 60
_HANDS = 12


class Verdict(StrEnum):
    """What people mean to do about the card. CONTEST: approve and withdraw at the same moment."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CONTEST = "contest"


@dataclass(frozen=True)
class Plan:
    """What is asked of one order.

    `fault` strikes ACME's change, `drift` the order between quote and approval. `clicks`: how
    often each of the two approvers clicks, all at the same moment.
    """

    tickets: int = TICKETS
    refund_email: bool = False
    fault: str | None = None
    seconds: float = _SOON
    drift: bool = False
    clicks: int = 1
    verdict: Verdict = Verdict.APPROVE


def plans(chance: random.Random, count: int) -> list[Plan]:
    """A mixed bag. The Refund API is the dangerous one: it counts what goes."""
    return [_plan(chance) for _ in range(count)]


def _plan(chance: random.Random) -> Plan:
    refund_email = chance.random() < 0.4
    fault = chance.choice((None, None, None, None, *DONE, *NOT_DONE))
    if refund_email and fault == "late_commit":
        fault = "cut_after"  # nobody could tell a late change from none without waiting
    verdicts = (*[Verdict.APPROVE] * 17, Verdict.REJECT, Verdict.WITHDRAW, Verdict.CONTEST)
    return Plan(
        tickets=chance.choice((1, 2, TICKETS)),
        refund_email=refund_email,
        fault=fault,
        seconds=_TOO_LATE if fault == "slow" and chance.random() < 0.5 else _SOON,
        drift=chance.random() < 0.1,
        clicks=chance.choice((1, 1, 2, 3)),
        verdict=chance.choice(verdicts),
    )


@dataclass(frozen=True)
class Click:
    """A click that Slack got a 200 for: on which request, and on which revision of its quote."""

    action: str
    request: str
    revision: int


@dataclass
class Journey:
    """One order and its people. `step` does what a person would do next."""

    scene: Scene
    case: Case
    plan: Plan
    heard: bool = False
    refused: int = 0
    chosen: bool = False
    asked: int = 0
    tries: int = 0
    acknowledged: list[Click] = field(default_factory=list)
    # What the approve button promised, by request and revision, when it was clicked.
    promised: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    card: Json = field(default_factory=dict)
    last: str = "nothing yet"
    end: str = ""
    ended_at: float = 0.0
    due: float = 0.0
    _troubled_at: float | None = None

    def step(self) -> None:
        """Do the next thing; whatever is not acknowledged is tried again another time."""
        self.tries += 1
        cards = self.scene.board.cards(self.case.order, self.case.team.channel)
        over = [card for card in cards if is_over(card)]
        self.card = (over or cards or [{}])[-1]
        clicks, pause = len(self.acknowledged), 0.15
        try:
            self._act()
            if len(self.acknowledged) > clicks:
                pause = _GLANCE_SECONDS
        except (StoryError, httpx.TransportError) as error:
            self.last = str(error)  # a form that did not come, because the bot died: ask again
            pause = 0.4
        self.due = time.monotonic() + pause

    def _act(self) -> None:
        if not self.card:
            self._ask_until_heard()
            return
        now = title(self.card)
        if "waiting for approval" in now:
            self._troubled_at = None
            self._look_at_the_quote()
        elif "needs attention" in now:
            self._settle()
        elif is_over(self.card) and self._told_how_it_ended(now):
            self.end, self.ended_at = now.rpartition(" · ")[2], time.monotonic()

    def _ask_until_heard(self) -> None:
        """Ask; and once more where the answer is that the order could not even be read."""
        team = self.case.team
        said = self.scene.board.private(team.requester, team.channel)
        refused = sum(
            f"rder {self.case.order}" in text and "was not cancelled" in text for text in said
        )
        if refused > self.refused:
            self.refused, self.heard = refused, False
        if not self.heard:
            self.heard = self._ask()
            self.asked += self.heard

    def _ask(self) -> bool:
        order, team = self.case.order, self.case.team
        if self.plan.drift and not self.asked:
            self.scene.people.fault(order, DRIFT, times=1)
        if not self.plan.refund_email:
            answer = self.scene.people.command(order, team.requester, team.channel)
            self.last = f"ask: {answer}"
            return answer["ok"] is True and "whether this counted" not in str(answer)
        self.scene.people.command("", team.requester, team.channel)
        form = self._form("cancel_order", team.requester)
        answer = self.scene.people.submit(form, team.requester, order_id=order, notify="refund")
        self.last = f"ask: {answer}"
        return answer["ok"] is True or "already a request" in str(answer)

    def _look_at_the_quote(self) -> None:
        partly = self.plan.tickets < TICKETS
        if partly and not self.chosen:
            self._choose()
        elif not partly or self._revision() > 1:  # the quote of what was chosen, or a later one
            self._decide()

    def _choose(self) -> None:
        requester = self.case.team.requester
        self._click("edit", requester)
        form = self._form("choose_tickets", requester)
        (line,) = [b["block_id"] for b in form["blocks"] if b["type"] == "input"]
        counts = {line.replace(":", "_"): str(self.plan.tickets)}
        answer = self.scene.people.submit(form, requester, **counts)
        self.last = f"choose: {answer}"
        self.chosen = answer["ok"] is True

    def _decide(self) -> None:
        team = self.case.team
        match self.plan.verdict:
            case Verdict.REJECT:
                self._click("reject", team.approver)
                form = self._form("reject_reason", team.approver)
                self.scene.people.submit(form, team.approver, reason="The show goes on")
            case Verdict.WITHDRAW:
                self._click("withdraw", team.requester)
            case Verdict.CONTEST:
                self._strike()
                self._at_once(("approve", team.approver), ("withdraw", team.requester))
            case Verdict.APPROVE:
                self._strike()
                both = (("approve", team.approver), ("approve", team.second))
                self._at_once(*both * self.plan.clicks)

    def _strike(self) -> None:
        """Arm the order's fault for what the first approval will set off."""
        if self.plan.fault and not self.acknowledged:
            times = 12 if self.plan.fault == "blackout" else 1
            self.scene.people.fault(
                self.case.order, self.plan.fault, times=times, seconds=self.plan.seconds
            )

    def _settle(self) -> None:
        """Take the time to be sure; check again where money moved, else say that none did."""
        now = time.monotonic()
        self._troubled_at = self._troubled_at or now
        if now - self._troubled_at < _THINKING_SECONDS:
            return
        second = self.case.team.second
        if Decimal(self.scene.upstream(self.case.order)["refunded"]):
            self._click("recheck", second)
        else:
            self._click("resolve", second)
            form = self._form("resolve_outcome", second)
            said = {"truth": "failed", "reason": "Nothing in the history"}
            self.scene.people.submit(form, second, **said)

    def _at_once(self, *clicks: tuple[str, str]) -> None:
        with ThreadPoolExecutor(len(clicks)) as hands:
            list(hands.map(lambda click: self._click(*click), clicks))

    def _click(self, action_id: str, user: str) -> bool:
        revision = self._revision()
        request = request_id(self.card)
        if action_id == "approve":
            promise = money(amount(self.card))
            assert promise is not None, f"no amount on {title(self.card)}"
            self.promised[request, revision] = promise
        answer = self.scene.people.click(self.card, action_id, user)
        self.last = f"{action_id}: {answer}"
        if answer["ok"] is True and action_id in {"approve", "withdraw"}:
            self.acknowledged.append(Click(action_id, request, revision))
        return answer["ok"] is True

    def _revision(self) -> int:
        for block in self.card["blocks"]:
            if block["type"] == "actions":
                return int(block["block_id"].split(":")[1])
        raise StoryError("the card has no buttons")

    def _form(self, callback_id: str, user: str) -> Json:
        """Wait a moment for a form about this order; one of another may still be open."""
        about = request_id(self.card) if self.card else self.case.team.channel

        def look() -> Json | None:
            return self.scene.board.form(user, callback_id, about)

        form: Json = self.scene.people.wait_for(f"the form {callback_id}", look, seconds=0.7)
        return form

    def _told_how_it_ended(self, now: str) -> bool:
        if now.endswith("· withdrawn"):
            return True  # the card says it all
        replies = map(words, self.scene.board.replies(self.card))
        return any(word in text for text in replies for word in _HOW_IT_ENDED)


def travel(
    journeys: Sequence[Journey],
    under_way: Callable[[], int] | None = None,
    until: Callable[[], bool] = lambda: True,
    patience: float = 180.0,
) -> None:
    """Let everybody do the next thing, some at once, until all are over and `until` holds.

    `under_way` tells how many have set out, where not all of them do at once. People give up when
    for `patience` seconds nobody has set out or arrived.
    """
    waiting = deque(journeys)
    active: list[Journey] = []
    busy: dict[Future[None], Journey] = {}
    last_seen: tuple[int, int, bool] | None = None
    deadline = time.monotonic() + patience
    with ThreadPoolExecutor(_HANDS, thread_name_prefix="people") as hands:
        while time.monotonic() < deadline:
            for done in [future for future in busy if future.done()]:
                journey = busy.pop(done)
                done.result()
                if not journey.end:
                    active.append(journey)
            set_out = len(journeys) if under_way is None else under_way()
            room = _AT_MOST_UNDER_WAY - len(active) - len(busy)
            while waiting and room > 0 and len(journeys) - len(waiting) < set_out:
                active.append(waiting.popleft())
                room -= 1
            on_the_way, is_free = len(active) + len(busy), until()
            if not (waiting or on_the_way) and is_free:
                return
            if (seen := (len(waiting), on_the_way, is_free)) != last_seen:
                last_seen, deadline = seen, time.monotonic() + patience
            now = time.monotonic()
            for journey in [item for item in active if item.due <= now]:
                active.remove(journey)
                busy[hands.submit(journey.step)] = journey
            time.sleep(0.01)


def start(scene: Scene, given: Sequence[Plan]) -> list[Journey]:
    return [Journey(scene, scene.case(), plan) for plan in given]
