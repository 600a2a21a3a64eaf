"""How much is measured: the full run, and the small one that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`history` and `waiting` count requests; `burst` payloads; `people` ask and click at once."""

    rounds: int
    bursts: int
    burst: int
    history: tuple[int, ...]
    history_rounds: int
    waiting: int
    starts: int
    idle_seconds: float
    processes: tuple[int, ...]
    people: int
    cancellations: int


FULL = Scale(
    rounds=200,
    bursts=3,
    burst=600,
    history=(0, 10_000, 1_000_000),
    history_rounds=150,
    waiting=100_000,
    starts=4,
    idle_seconds=20,
    processes=(1, 2, 4),
    people=128,
    cancellations=640,
)
SMOKE = Scale(
    rounds=10,
    bursts=1,
    burst=40,
    history=(0, 1_000),
    history_rounds=10,
    waiting=1_000,
    starts=1,
    idle_seconds=2,
    processes=(1, 2),
    people=16,
    cancellations=32,
)
