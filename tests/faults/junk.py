"""Junk: things that are sent at a bot to see it keep calm, and the count of what came back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.table import Table

# What a connection can end in, besides a status.
CLOSED, LEFT, ENDLESS = "closed", "we left", "no end"
_MOST_TOLD = 25


@dataclass(frozen=True, slots=True)
class Came:
    """What came back: statuses, or how it ended without; and how many bytes it took to find out."""

    back: Sequence[str]
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Shot:
    """One thing to send. `fire` tells what came back, of which all should be `expected`.

    `what` says for a person what it is, so that it can be sent again.
    """

    kind: str
    what: str
    fire: Callable[[], Awaitable[Came]]
    expected: frozenset[str]


@dataclass
class Tally:
    """What was sent and what came back, by kind."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    mistakes: Counter[str] = field(default_factory=Counter)
    bytes_sent: int = 0

    def note(self, shot: Shot, came: Came) -> None:
        self.sent[shot.kind] += 1
        self.bytes_sent += came.sent
        self.answers[shot.kind].update(came.back)
        for each in set(came.back) - shot.expected:
            self.mistakes[f"{shot.kind}: {shot.what}: {each}"] += 1

    def wrong(self) -> Iterator[str]:
        """Return the mistakes, each once, the most frequent first."""
        for what, times in self.mistakes.most_common(_MOST_TOLD):
            yield f"{times} × {what}"
        if len(self.mistakes) > _MOST_TOLD:
            yield f"and {len(self.mistakes) - _MOST_TOLD} more of the kind"

    def table(self, title: str) -> Table:
        """Show what came back, a row for each kind."""
        totals: Counter[str] = sum(self.answers.values(), Counter())
        table = Table("kind", title=title, title_justify="left")
        for column in ("sent", *sorted(totals)):
            table.add_column(column, justify="right")
        for kind in self.sent:
            counts = [self.answers[kind][came] for came in sorted(totals)]
            table.add_row(kind, *_figures([self.sent[kind], *counts]))
        table.add_section()
        every = [self.sent.total(), *(totals[came] for came in sorted(totals))]
        table.add_row("all", *_figures(every))
        return table


def fork(chance: random.Random) -> random.Random:
    """A chance of its own for each, so that plans do not depend on who comes first."""
    return random.Random(chance.getrandbits(64))  # noqa: S311 - plans, no secrets


async def bombard(shots: Iterable[Shot], tally: Tally, at_once: int) -> None:
    """Send everything, so many at a time, in the order given."""
    waiting = iter(shots)

    async def gun() -> None:
        for shot in waiting:
            tally.note(shot, await shot.fire())

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(gun())


def _figures(counts: Iterable[int]) -> list[str]:
    return [f"{count:,}" if count else "·" for count in counts]
