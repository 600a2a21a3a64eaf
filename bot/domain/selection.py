"""A selection: how many tickets of which line to cancel. Never the upstream's own convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.order import LineKind, Order


class SelectionProblem(StrEnum):
    NOT_A_COUNT = "not_a_count"
    UNKNOWN_LINE = "unknown_line"
    TOO_MANY = "too_many"
    NOT_CANCELLABLE = "not_cancellable"
    EMPTY = "empty"


class SelectionError(ValueError):
    """The selection does not fit the order: `problem` says how, `line_id` where (if anywhere)."""

    def __init__(self, problem: SelectionProblem, line_id: str | None = None) -> None:
        super().__init__(f"{problem.value}: line {line_id}" if line_id else problem.value)
        self.problem = problem
        self.line_id = line_id


@dataclass(frozen=True, slots=True)
class Selection:
    """Line id -> how many of its tickets to cancel (at least 1; unlisted lines are kept)."""

    counts: Mapping[str, int]

    def __post_init__(self) -> None:
        for line_id, count in self.counts.items():
            if count < 1:
                raise SelectionError(SelectionProblem.NOT_A_COUNT, line_id)

    @classmethod
    def everything(cls, order: Order) -> Selection:
        """All that is left but fees, which are kept; also what turns out not to be cancellable."""
        return cls(
            {
                line.id: line.quantity
                for line in order.lines
                if line.quantity and line.kind is not LineKind.FEE
            }
        )

    @classmethod
    def of(cls, order: Order, counts: Mapping[str, int]) -> Selection:
        """Build a selection a person chose; raise SelectionError where it cannot be cancelled."""
        for line_id, count in counts.items():
            line = order.line(line_id)
            if line is None:
                raise SelectionError(SelectionProblem.UNKNOWN_LINE, line_id)
            if count < 0:
                raise SelectionError(SelectionProblem.NOT_A_COUNT, line_id)
            if count > line.quantity:
                raise SelectionError(SelectionProblem.TOO_MANY, line_id)
            if count and not line.is_cancellable:
                raise SelectionError(SelectionProblem.NOT_CANCELLABLE, line_id)
        selection = cls({line_id: count for line_id, count in counts.items() if count})
        if not selection.counts:
            raise SelectionError(SelectionProblem.EMPTY)
        return selection

    def count(self, line_id: str) -> int:
        return self.counts.get(line_id, 0)

    @property
    def tickets(self) -> int:
        return sum(self.counts.values())

    def within(self, order: Order) -> Selection:
        """The same wish, cut down to what the order still has."""
        left = {line_id: min(n, order.quantity_of(line_id)) for line_id, n in self.counts.items()}
        return Selection({line_id: n for line_id, n in left.items() if n})

    def covers(self, order: Order) -> bool:
        """Whether nothing but fees is left on the order afterwards."""
        return all(
            self.count(line.id) >= line.quantity
            for line in order.lines
            if line.kind is not LineKind.FEE
        )
