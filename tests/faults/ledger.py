"""What the books say in the end: ACME's money, the cards, the database and the audit log compared.

Every source is read by itself, and none through the bot's own code.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bot.sandbox.story import words
from tests.faults.board import amount, money, request_id, title
from tests.faults.people import Journey
from tests.faults.scene import Scene

_MOVE = re.compile(r"cancelled by user 340, ([\d.]+) USD refunded")
_REQUESTS = (
    "SELECT id, order_id, state, version, delivered_version FROM requests ORDER BY created_at"
)
_EVENTS = "SELECT request_id, event, revision FROM audit_events ORDER BY id"
_NOTED_WITHIN_SECONDS = 15.0
_STATE_OF = {
    "cancelled": "done",
    "partly cancelled": "done",
    "not cancelled": "failed",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
}
_DECISIONS = {"approved", "rejected", "withdrawn", "failed"}
_NEW_QUOTES = {"quoted", "reselected", "drifted"}


@dataclass
class Ledger:
    """`counts` to be told; `wrong`: a line for each order whose books do not agree."""

    counts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Event:
    action: str
    revision: int


@dataclass
class _Books:
    """The bot's database, read with plain SQL."""

    requests: dict[str, list[Any]]
    events: dict[str, list[_Event]]

    @property
    def all_is_noted(self) -> bool:
        rows = itertools.chain.from_iterable(self.requests.values())
        return all(row.delivered_version >= row.version for row in rows)


def ledger(scene: Scene, journeys: Sequence[Journey]) -> Ledger:
    """Do the books, once the bot has noted what people can read already."""
    found = Ledger()
    # What is counted is told also where it is 0.
    found.counts.update(dict.fromkeys(("orders", "refunded", "lost", "doubled"), 0))
    found.counts.update(dict.fromkeys(("extra cards", "extra replies"), 0))
    books = _read(scene.database_url)
    deadline = time.monotonic() + _NOTED_WITHIN_SECONDS
    while not books.all_is_noted and time.monotonic() < deadline:
        time.sleep(0.2)
        books = _read(scene.database_url)
    for journey in journeys:
        mistakes = list(_mistakes(found, books, journey))
        if mistakes:
            found.wrong.append(_told(scene, books, journey, mistakes))
    return found


def _read(url: str) -> _Books:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(parsed)
    books = _Books(defaultdict(list), defaultdict(list))
    with engine.connect() as connection:
        for row in connection.execute(sa.text(_REQUESTS)):
            books.requests[row.order_id].append(row)
        for row in connection.execute(sa.text(_EVENTS)):
            action = row.event.rpartition(":")[2]
            books.events[row.request_id].append(_Event(action, row.revision))
    engine.dispose()
    return books


def _mistakes(found: Ledger, books: _Books, journey: Journey) -> Iterable[str]:
    found.counts["orders"] += 1
    found.ends[journey.end or "no end"] += 1
    yield from _money(found, books, journey)
    yield from _rows(books, journey)
    yield from _clicks(found, books, journey)
    _copies(found, journey)


def _money(found: Ledger, books: _Books, journey: Journey) -> Iterable[str]:
    """ACME moved what was approved, once; the card and the reply say how much."""
    history = journey.scene.upstream(journey.case.order)["history"]
    moves = [Decimal(move[1]) for note in history for move in [_MOVE.search(note["what"])] if move]
    promise = _promise(books, journey)
    if len(moves) > 1 or sum(moves) > (promise or 0):
        found.counts["doubled"] += 1
        yield f"moved {moves}, approved was {promise}"
    if not journey.end:
        found.counts["lost"] += 1
        yield f"no end in sight; moved {moves}"
        return
    found.counts["refunded"] += bool(moves)
    if _STATE_OF[journey.end] != "done":
        if moves:
            yield f"moved {moves}, and the card says {journey.end!r}"
        return
    shown = amount(journey.card)
    told = [text for text in map(words, journey.scene.board.replies(journey.card)) if "$" in text]
    if moves != [promise] or not shown.startswith("Refunded ") or money(shown) != promise:
        yield f"moved {moves}, approved was {promise}, the card says {shown!r}"
    if not told or any(not text.startswith(f"*Refunded ${promise}*") for text in told):
        yield f"the replies say {told}"


def _promise(books: _Books, journey: Journey) -> Decimal | None:
    """What the button said that was clicked for the approval that counted last."""
    promise = None
    for row in books.requests[journey.case.order]:
        for event in books.events[row.id]:
            if event.action == "approved":
                promise = journey.promised.get((row.id, event.revision))
    return promise


def _rows(books: _Books, journey: Journey) -> Iterable[str]:
    """The row says what its card says, has nothing left to do, and was done once at most."""
    rows = {row.id: row for row in books.requests[journey.case.order]}
    for row in rows.values():
        events = books.events[row.id]
        done = sum(event.action == "done" for event in events)
        if done != (row.state == "done"):
            yield f"request {row.id} is {row.state} with {done} done events"
        if row.state not in _STATE_OF.values():
            yield f"request {row.id} is still {row.state}"
        if row.delivered_version < row.version:
            yield f"request {row.id} has version {row.version}, shown is {row.delivered_version}"
    if journey.end:
        shown = rows.get(request_id(journey.card))
        state = shown.state if shown else "without a row"
        if state != _STATE_OF[journey.end]:
            yield f"the card says {journey.end!r}, the request is {state}"


def _clicks(found: Ledger, books: _Books, journey: Journey) -> Iterable[str]:
    """Each acknowledged click decided, or met a request that was past its revision."""
    if journey.asked and not books.requests[journey.case.order]:
        found.counts["lost"] += 1
        yield "an acknowledged question left no request"
    for click in journey.acknowledged:
        events = books.events[click.request]
        decided = any(e.action in _DECISIONS and e.revision == click.revision for e in events)
        outdated = any(e.action in _NEW_QUOTES and e.revision > click.revision for e in events)
        if not (decided or outdated):
            found.counts["lost"] += 1
            yield f"{click} was acknowledged and left no trace"
    found.counts["clicks"] += len(journey.acknowledged)


def _copies(found: Ledger, journey: Journey) -> None:
    board, team = journey.scene.board, journey.case.team
    cards = Counter(
        request_id(card)
        for card in board.cards(journey.case.order, team.channel)
        if card["metadata"]
    )
    found.counts["extra cards"] += sum(count - 1 for count in cards.values())
    for card in board.cards(journey.case.order, team.channel):
        found.counts["extra replies"] += max(0, len(board.replies(card)) - 1)


def _told(scene: Scene, books: _Books, journey: Journey, mistakes: list[str]) -> str:
    order = journey.case.order
    events = {
        row.id: " ".join(f"{e.action}/{e.revision}" for e in books.events[row.id])
        for row in books.requests[order]
    }
    history = [note["what"] for note in scene.upstream(order)["history"]]
    return (
        f"order {order} in {journey.case.team.channel} ({journey.plan}): {'; '.join(mistakes)}. "
        f"Card: {title(journey.card) if journey.card else None!r}. After {journey.tries} tries; "
        f"last: {journey.last}. Events: {events}. Upstream: {history}"
    )
