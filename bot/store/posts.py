"""Messages that must be posted once: where they stand, and whose turn it is in which channel.

The rows outlive the process and are shared by all of them, so a message is neither posted twice
after a crash nor faster than Slack allows, whoever posts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.delivery import Posting
from bot.domain.request import MessageRef
from bot.store.database import Database
from bot.store.tables import channel_turns, posts

# Slack allows about one message a second and channel (facts/slack.md, rate limits).
_PACE = timedelta(seconds=1)
# A turn that passed unused longer ago than this is over: taken late, it would crowd another's.
_TURN_LASTS = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class PostStore:
    """`process` tells this process's attempts from those of others, which may still live."""

    database: Database
    now: Callable[[], datetime]
    process: str

    @classmethod
    def of_this_process(cls, database: Database, now: Callable[[], datetime]) -> PostStore:
        """On SQLite there is only one process, so whatever an earlier one began is over."""
        return cls(database, now, "only" if database.is_sqlite else secrets.token_hex(8))

    async def take_turn(
        self, request_id: str, kind: str, channel: str, gone: MessageRef | None = None
    ) -> Posting:
        """Tell how far the message has come, and take its channel's turn if it is still to post.

        `gone`: where it stood until somebody deleted it, so that it must be posted anew.
        """

        def work(connection: sa.Connection) -> Posting:
            now = self.now()
            turns = _locked_turns(connection, channel, now)
            row = connection.execute(
                sa.select(posts).where(_is(request_id, kind)).with_for_update()
            ).first()
            if row is not None and row.ts and not (gone and row.ts == gone.ts):
                return Posting(MessageRef(row.channel, row.ts))
            if row is not None and row.begun_at:
                return Posting(begun_at=row.begun_at, begun_here=row.begun_by == self.process)
            turn = _turn_kept(row, channel, now) or _take_turn(connection, channel, turns, now)
            has_come = turn <= now
            values = {
                "channel": channel,
                "turn_at": turn,
                "begun_at": now if has_come else None,
                "begun_by": self.process if has_come else None,
                "ts": None,
            }
            _put(connection, {"request_id": request_id, "kind": kind}, values)
            return Posting(wait=max(0.0, (turn - now).total_seconds()))

        return await self.database.run(work)

    async def begin_anew(self, request_id: str, kind: str, begun_at: datetime) -> bool:
        """Begin another attempt, the one begun at `begun_at` having left no message.

        False: somebody else did so first.
        """
        change = (
            sa.update(posts)
            .where(_is(request_id, kind), posts.c.begun_at == begun_at)
            .values(begun_at=self.now(), begun_by=self.process)
        )
        changed = await self.database.run(lambda connection: connection.execute(change).rowcount)
        return changed == 1

    async def is_begun(self, request_id: str, kind: str) -> bool:
        """Whether the message stands somewhere, or an attempt may have put it there."""
        stands = sa.or_(posts.c.ts.is_not(None), posts.c.begun_at.is_not(None))
        query = sa.select(sa.exists().where(_is(request_id, kind), stands))
        return bool(await self.database.read(lambda connection: connection.scalar(query)))

    async def posted(self, request_id: str, kind: str, ref: MessageRef) -> None:
        await self._note(
            request_id, kind, channel=ref.channel, ts=ref.ts, begun_at=None, begun_by=None
        )

    async def not_posted(self, request_id: str, kind: str) -> None:
        """Note that the attempt certainly posted nothing."""
        await self._note(request_id, kind, begun_at=None, begun_by=None)

    async def _note(self, request_id: str, kind: str, **values: Any) -> None:  # noqa: ANN401
        change = sa.update(posts).where(_is(request_id, kind)).values(values)
        await self.database.run(lambda connection: connection.execute(change))


def _is(request_id: str, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(posts.c.request_id == request_id, posts.c.kind == kind)


def _locked_turns(connection: sa.Connection, channel: str, now: datetime) -> datetime:
    """Read when the channel's next turn is, and let nobody else take it meanwhile."""
    query = (
        sa.select(channel_turns.c.next_at)
        .where(channel_turns.c.channel == channel)
        .with_for_update()
    )
    found: datetime | None = connection.execute(query).scalar()
    if found is not None:
        return found
    first = {"channel": channel, "next_at": now}
    connection.execute(_insert(connection, channel_turns).values(first).on_conflict_do_nothing())
    known: datetime = connection.execute(query).scalar_one()
    return known


def _turn_kept(row: sa.Row[Any] | None, channel: str, now: datetime) -> datetime | None:
    """A turn taken before and still good; the row's attempt, if any, is known to be over."""
    if row is None or row.ts or row.channel != channel or row.turn_at < now - _TURN_LASTS:
        return None
    turn: datetime = row.turn_at
    return turn


def _take_turn(
    connection: sa.Connection, channel: str, next_at: datetime, now: datetime
) -> datetime:
    turn = max(now, next_at)
    connection.execute(
        sa.update(channel_turns)
        .where(channel_turns.c.channel == channel)
        .values(next_at=turn + _PACE)
    )
    return turn


def _put(connection: sa.Connection, key: dict[str, Any], values: dict[str, Any]) -> None:
    statement = _insert(connection, posts).values(key | values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Both databases know ON CONFLICT; SQLAlchemy has it per dialect."""
    is_sqlite = connection.dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)
