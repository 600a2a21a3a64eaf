"""What is remembered of messages that must be posted once, in memory, and a clock to go with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.delivery import Posting
from bot.domain.request import MessageRef
from tests.examples import NOW

PACE = timedelta(seconds=1)


@dataclass
class Clock:
    """The time of the bot and of Slack; pausing lets it pass."""

    moment: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass
class Row:
    channel: str
    turn_at: datetime
    begun_at: datetime | None = None
    begun_by: str | None = None
    ref: MessageRef | None = None


@dataclass
class FakePosts:
    """A `slack.ports.Posts`. `process` is whose attempts these are."""

    now: Clock
    process: str = "one"
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    turns: dict[str, datetime] = field(default_factory=dict)

    def seen_by(self, process: str) -> FakePosts:
        """The same rows after a restart, or from another process."""
        return FakePosts(self.now, process, self.rows, self.turns)

    async def take_turn(
        self, request_id: str, kind: str, channel: str, gone: MessageRef | None = None
    ) -> Posting:
        now = self.now()
        row = self.rows.get((request_id, kind))
        if row and row.ref and row.ref != gone:
            return Posting(row.ref)
        if row and row.begun_at:
            return Posting(begun_at=row.begun_at, begun_here=row.begun_by == self.process)
        if row is None or row.ref or row.channel != channel:
            turn = max(now, self.turns.get(channel, now))
            self.turns[channel] = turn + PACE
            row = self.rows[request_id, kind] = Row(channel, turn)
        if row.turn_at > now:
            return Posting(wait=(row.turn_at - now).total_seconds())
        row.begun_at, row.begun_by = now, self.process
        return Posting()

    async def begin_anew(self, request_id: str, kind: str, begun_at: datetime) -> bool:
        row = self.rows[request_id, kind]
        if row.begun_at != begun_at:
            return False
        row.begun_at, row.begun_by = self.now(), self.process
        return True

    async def is_begun(self, request_id: str, kind: str) -> bool:
        row = self.rows.get((request_id, kind))
        return row is not None and bool(row.ref or row.begun_at)

    async def posted(self, request_id: str, kind: str, ref: MessageRef) -> None:
        row = self.rows[request_id, kind]
        row.ref, row.channel, row.begun_at, row.begun_by = ref, ref.channel, None, None

    async def not_posted(self, request_id: str, kind: str) -> None:
        row = self.rows[request_id, kind]
        row.begun_at, row.begun_by = None, None

    def in_doubt(self, request_id: str, kind: str) -> bool:
        return self.rows[request_id, kind].begun_at is not None
