"""What every listener works with."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from bot.domain.request import Request
from bot.domain.venue import Venue
from bot.slack.background import Background
from bot.slack.ports import Ledger, Work
from bot.slack.poster import Poster


@dataclass(frozen=True, slots=True)
class Front:
    ledger: Ledger
    work: Work
    poster: Poster
    venues: Mapping[str, Venue]
    background: Background

    def after(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` once the acknowledgement is out."""
        self.background.spawn(work)

    def advance(self, request: Request) -> None:
        self.after(self.work.advance(request))

    def link(self, request: Request) -> str | None:
        return self.poster.permalink(request.card)
