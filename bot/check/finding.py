"""What a check found: what it is about, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, but not as was meant, or nobody can tell
    WRONG = "wrong"  # users will run into it


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` and `to_do` are sentences for an operator; what is ok leaves nothing to do."""

    what: str
    grade: Grade
    text: str
    to_do: str = ""

    def as_dict(self) -> dict[str, str]:
        """What `rescind check --json` prints: the names are a contract."""
        return asdict(self)


def ok(what: str, text: str) -> Finding:
    return Finding(what, Grade.OK, text)


def warning(what: str, text: str, to_do: str) -> Finding:
    return Finding(what, Grade.WARNING, text, to_do)


def wrong(what: str, text: str, to_do: str) -> Finding:
    return Finding(what, Grade.WRONG, text, to_do)
