"""Junk: things that are sent at a bot to see it keep calm, and the count of what came back."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rich.table import Table

# What a connection can end in, besides a status.
CLOSED, LEFT, ENDLESS = "closed", "we left", "no end"
_MOST_TOLD = 25


@dataclass(frozen=True, slots=True)
class Shot:
    """One thing to send. `fire` tells what came back, of which all should be `expected`.

    `what` says for a person what it is, so that it can be sent again.
    """

    kind: str
    what: str
    fire: Callable[[], Awaitable[Sequence[str]]]
    expected: frozenset[str]


@dataclass
class Tally:
    """What was sent and what came back, by kind."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    mistakes: Counter[str] = field(default_factory=Counter)

    def note(self, shot: Shot, came: Sequence[str]) -> None:
        self.sent[shot.kind] += 1
        self.answers[shot.kind].update(came)
        for each in set(came) - shot.expected:
            self.mistakes[f"{shot.kind}: {shot.what}: {each}"] += 1

    def told(self) -> str:
        """Return the mistakes, each once, the most frequent first."""
        shown = [f"{times} × {what}" for what, times in self.mistakes.most_common(_MOST_TOLD)]
        hidden = len(self.mistakes) - len(shown)
        return "\n".join([*shown, f"and {hidden} more"] if hidden > 0 else shown)

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
