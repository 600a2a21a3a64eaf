"""What the books say after the junk: the money, the requests, the log, the size of the process."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.faults.junk_strangers import CANARY
from tests.integration.stage import Stage

Json = dict[str, Any]

_MOVE = re.compile(r"cancelled by user 340, ([\d.]+) [A-Z]{3} refunded$")
_LONGEST_LINE = 16_000
_HELD = ("history", "refunded", "total", "lines")
# What is logged when nobody foresaw it.
_UNFORESEEN = frozenset(
    {
        *("listener_failed", "background_task_failed", "uncaught_error", "error_out_of_reach"),
        *("unreadable_record", "looking_up_failed"),
    }
)


@dataclass(frozen=True, slots=True)
class Books:
    """The books as they were opened: `held` by order at ACME, `rows` by request."""

    stage: Stage
    held: Mapping[str, Json]
    rows: Mapping[str, Json]

    def mistakes(self, asked: Collection[str], approved: Mapping[str, Decimal]) -> Iterator[str]:
        """Compare with now. `asked`: orders asked for since; `approved`: what for."""
        yield from self._money(approved)
        now = rows(self.stage)
        for request, row in self.rows.items():
            if now.get(request) != row:
                changed = {key for key in row if now.get(request, {}).get(key) != row[key]}
                yield f"request {request} of order {row['order_id']} changed: {sorted(changed)}"
        new = Counter(row["order_id"] for request, row in now.items() if request not in self.rows)
        for order, count in (new - Counter(set(asked))).items():
            yield f"order {order} has {count} requests that nobody asked for"
        for order in set(asked) - new.keys():
            yield f"order {order} was asked for, and has no request"
        done = {row["order_id"] for row in now.values() if row["state"] == "done"}
        opened = {row["order_id"] for row in self.rows.values()}
        if done - opened != set(approved):
            yield f"approved and not done, or the reverse: {done - opened ^ set(approved)}"

    def moves(self) -> int:
        """Count the movements of money since the books were opened, of all orders there are."""
        return sum(len(moves) for moves in self._moves().values())

    def _moves(self) -> dict[str, list[Decimal]]:
        found = {}
        for order, panel in held(self.stage).items():
            known = len(self.held[order]["history"]) if order in self.held else 0
            notes = (_MOVE.search(note["what"]) for note in panel["history"][known:])
            found[order] = [Decimal(note[1]) for note in notes if note]
        return found

    def _money(self, approved: Mapping[str, Decimal]) -> Iterator[str]:
        for order, moves in self._moves().items():
            if moves != ([approved[order]] if order in approved else []):
                yield f"order {order} moved {moves}, approved was {approved.get(order)}"
        now = held(self.stage)
        for order, before in self.held.items():
            if order not in approved and any(now[order][key] != before[key] for key in _HELD):
                yield f"order {order} is not what it was at ACME"


def open_books(stage: Stage) -> Books:
    return Books(stage, held(stage), rows(stage))


def held(stage: Stage) -> dict[str, Json]:
    """What ACME holds, by order."""
    acme = stage.sandbox.sandbox.acme
    panels = (acme.panel(str(order["id"])) for order in acme.orders())
    return {str(panel["id"]): panel for panel in panels if panel is not None}


def rows(stage: Stage) -> dict[str, Json]:
    database = stage.bot.folder / "rescind.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM requests").fetchall()
    return {row["id"]: dict(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Log:
    """The bot's log: what happened how often, and what must not be in it."""

    events: Counter[str]
    mistakes: list[str]


def read_log(stage: Stage) -> Log:
    events: Counter[str] = Counter()
    mistakes = []
    for line in stage.bot.log().splitlines():
        entry = json.loads(line) if line.startswith("{") else {"event": "no JSON"}
        event = f"{entry.get('level', '?')} {entry['event']}"[:70]
        events[event] += 1
        wrong = "exception" in entry or "Traceback" in line or entry["event"] in _UNFORESEEN
        if wrong or CANARY in line or len(line) > _LONGEST_LINE or not line.startswith("{"):
            mistakes.append(_shown(entry, line))
    return Log(events, mistakes)


def _shown(entry: Json, line: str) -> str:
    frames = str(entry.get("exception", "")).splitlines()[-5:]
    return f"{line[:300]} … {' | '.join(frame.strip() for frame in frames)}"


def resident(pid: int) -> int:
    """How much memory a process has, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, f"process {pid} has no memory"
    return int(found[1]) * 1024


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
