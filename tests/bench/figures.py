"""Medians, ratios and verdicts: the arithmetic of a run, and nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Times:
    """What some repetitions of one thing took, in seconds."""

    median: float
    p99: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> Times:
        return cls(statistics.median(taken), percentile(taken, 99))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that at least `percent` of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: a ratio, and how it is to compare (`<`, `≤` or `≥`) with its bound."""

    what: str
    figure: float
    bound: float
    sign: str

    @property
    def reached(self) -> bool:
        match self.sign:
            case "<":
                return self.figure < self.bound
            case "≤":
                return self.figure <= self.bound
            case "≥":
                return self.figure >= self.bound
        raise ValueError(f"{self.sign} is no comparison")

    @property
    def target(self) -> str:
        return f"{self.sign} {self.bound:g} ×"


@dataclass(frozen=True, slots=True)
class Section:
    """What one measurement has to show."""

    shown: Sequence[RenderableType]
    verdicts: Sequence[Verdict] = ()


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def times(ratio: float) -> str:
    return f"{ratio:.2f}"
