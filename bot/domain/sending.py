"""An attempt to change an order upstream, as it is remembered before and after it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.settlement import Receipt


class Answer(StrEnum):
    """How the upstream's answer is classified; only LOST leaves the effect open."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Send:
    """One attempt of one run (see `Request.run`).

    `answer` None: the process died before it could note one, which counts as lost.
    """

    attempt: int
    run: int
    sent_at: datetime
    answer: Answer | None = None
    detail: str | None = None
    receipt: Receipt | None = None

    @property
    def is_open(self) -> bool:
        """Whether the answer does not tell what the attempt did."""
        return self.answer in {None, Answer.LOST}
