"""A campaign: people who ask for many cancellations at once and try again until they are heard.

`Journey` is one order's way from the question to the end; `ledger` compares what people were told
with the money that ACME moved.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.sandbox.story import StoryError
from tests.integration.stage import (
    APPROVER,
    REQUESTER,
    SECOND,
    Case,
    Json,
    Stage,
    headers,
    words,
)

ANSWERED_LATE_OR_NOT = ("error_after", "cut_after", "malformed", "slow")
NOT_DONE_AT_FIRST = ("error_before", "cut_before", "malformed_before")
_PATIENCE_SECONDS = 150.0
_PRICE = Decimal("100.00")
_TICKETS = 4


@dataclass(frozen=True)
class Plan:
    """What is asked of one order: how many tickets, with which e-mail, under which fault."""

    tickets: int = _TICKETS
    refund_email: bool = False
    fault: str | None = None

    @property
    def refund(self) -> Decimal:
        return _PRICE * self.tickets


def plans(chance: random.Random, count: int) -> list[Plan]:
    """A mixed bag. The Refund API is the dangerous one: it counts what goes."""
    faults = (None, None, *ANSWERED_LATE_OR_NOT, *NOT_DONE_AT_FIRST, "late_commit")
    found = []
    for _ in range(count):
        refund_email = chance.random() < 0.4
        fault = chance.choice(faults)
        if refund_email and fault == "late_commit":
            fault = "cut_after"  # nobody could tell a late change from none without waiting
        found.append(Plan(chance.choice((1, 2, _TICKETS)), refund_email, fault))
    return found


@dataclass
class Journey:
    """One order and the people who look after it. `step` does what a person would do next."""

    case: Case
    plan: Plan
    heard: bool = False
    chosen: bool = False
    approvals: int = 0
    tries: int = 0
    card: Json = field(default_factory=dict)
    last: str = "nothing yet"
    end: str = ""

    def step(self) -> None:
        """Do the next thing; whatever is not acknowledged is tried again another time."""
        self.tries += 1
        cards = self.case.cards()
        over = [card for card in cards if _is_over(card)]
        self.card = (over or cards or [{}])[-1]
        try:
            self._act()
        except StoryError as error:
            self.last = str(error)  # a form that did not come, because the bot died: ask again

    def _act(self) -> None:
        title = headers(self.card)[0] if self.card else ""
        if not self.card:
            if not self.heard:
                self.heard = self._ask()
        elif "waiting for approval" in title:
            if not self.chosen and self.plan.tickets < _TICKETS:
                self._choose()
            elif self.plan.tickets == _TICKETS or "a part of the order" in words(self.card):
                self._approve()
        elif "needs attention" in title:
            self._settle()
        elif _is_over(self.card) and self._told_how_it_ended():
            self.end = title.rpartition(" · ")[2]

    def _ask(self) -> bool:
        if not self.plan.refund_email:
            return (
                self.case.people.command(self.case.typed, channel=self.case.channel)["ok"] is True
            )
        self.case.people.command("", channel=self.case.channel)
        form = self._form("cancel_order", REQUESTER)
        asked = self.case.people.submit(form, order_id=self.case.order, notify="refund")
        return asked["ok"] is True or "already a request" in str(asked)

    def _choose(self) -> None:
        self._click("edit", REQUESTER)
        form = self._form("choose_tickets", REQUESTER)
        (line,) = [b["block_id"] for b in form["blocks"] if b["type"] == "input"]
        counts = {line.replace(":", "_"): str(self.plan.tickets)}
        answer = self.case.people.submit(form, **counts)
        self.last = f"choose: {answer}"
        self.chosen = answer["ok"] is True

    def _approve(self) -> None:
        self._strike()
        if self._click("approve", APPROVER):
            self.approvals += 1
            self._click("approve", SECOND)

    def _strike(self) -> None:
        """Arm the order's fault for what the first approval will set off."""
        if self.plan.fault and not self.approvals:
            self.case.people.fault(self.case.order, self.plan.fault, times=1, seconds=0.3)

    def _settle(self) -> None:
        """Check again where money moved; where none did, a person says so."""
        if Decimal(self.case.upstream()["refunded"]):
            self._click("recheck", SECOND)
            return
        self._click("resolve", APPROVER)
        form = self._form("resolve_outcome", APPROVER)
        self.case.people.submit(form, APPROVER, truth="failed", reason="Nothing in the history")

    def _click(self, action_id: str, user: str) -> bool:
        answer = self.case.click(action_id, user, self.card)
        self.last = f"{action_id}: {answer}"
        return answer["ok"] is True

    def _form(self, callback_id: str, user: str) -> Json:
        """Wait a moment for a form about this order; one of another may still be open."""
        about = self.case.channel
        if self.card:
            about = self.card["metadata"]["event_payload"]["request_id"]

        def look() -> Json | None:
            views: list[Json] = self.case.people.state(user)["views"]
            mine = [
                view
                for view in views
                if view["callback_id"] == callback_id and about in view["private_metadata"]
            ]
            return mine[-1] if mine else None

        form: Json = self.case.people.wait_for(f"the form {callback_id}", look, seconds=0.5)
        return form

    def _told_how_it_ended(self) -> bool:
        replies = self.case.people.replies(self.card)
        return any("Refunded" in words(item) or "not" in words(item) for item in replies)


def _is_over(card: Json) -> bool:
    return headers(card)[0].endswith(("· cancelled", "· partly cancelled", "· not cancelled"))


def travel(
    journeys: Sequence[Journey],
    under_way: Callable[[], int] | None = None,
    until: Callable[[], bool] = lambda: True,
) -> None:
    """Let everybody do the next thing in turn, until all are over and `until` holds.

    `under_way` tells how many have set out, where not all of them do at once.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if until() and all(journey.end for journey in journeys):
            return
        for journey in journeys[: under_way() if under_way else None]:
            if not journey.end:
                journey.step()
        time.sleep(0.02)


@dataclass
class Ledger:
    """What the books say, order by order, in the end."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self, journey: Journey) -> None:
        """Money moved exactly as approved, once, and the card says how much."""
        case, plan = journey.case, journey.plan
        order = case.upstream()
        refunded = Decimal(order["refunded"])
        moves = sum("cancelled by user 340" in note["what"] for note in order["history"])
        self.counts["orders"] += 1
        self.counts["sent"] += len(case.changes())
        self.counts["doubled"] += moves > 1 or refunded > plan.refund
        self.counts["lost"] += not journey.end
        self.counts["extra cards"] += max(0, len(case.cards()) - 1)
        shown = headers(journey.card)[1] if journey.end else "nothing in the end"
        amount = re.search(r"Refunded \$([\d.,]+)", shown)
        told = Decimal(amount[1].replace(",", "")) if amount else Decimal(0)
        self.counts["refunded"] += bool(told)
        expected = {plan.refund} if not journey.end.startswith("not ") else {Decimal(0)}
        if told != refunded or refunded not in expected or moves > 1 or not journey.end:
            self.wrong.append(
                f"order {case.order} ({plan}): refunded {refunded} in {moves} moves, "
                f"the card says {shown!r} after {journey.approvals} acknowledged "
                f"approvals, {journey.tries} tries; last: {journey.last}"
            )


def ledger(journeys: Sequence[Journey]) -> Ledger:
    books = Ledger()
    for journey in journeys:
        books.check(journey)
    return books


def start(stage: Stage, given: Sequence[Plan]) -> list[Journey]:
    return [Journey(stage.case(), plan) for plan in given]
