"""Messages that must be posted once: the order of the steps that makes it so.

What is remembered of them, and each channel's pace, are behind `Posts`; speaking is the poster's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.slack.cards import Message
from bot.slack.ports import Posts
from bot.slack.poster import Poster

log = structlog.get_logger(__name__)

# Longer than a call to Slack can last (`app`: 10 seconds): after that another process's attempt
# is over, whether or not that process lives.
_GRACE = timedelta(seconds=15)
# Waits up to this are slept here; longer ones are the durable engine's, where a crash loses none.
_SHORT_WAIT_SECONDS = 1.5


class Outbox:
    """Posts each message of a request once, at its channel's pace.

    One call at a time per message and process: an attempt of this process that nobody waits for
    any more counts as over. `now` is the clock (aware, UTC).
    """

    def __init__(
        self,
        poster: Poster,
        posts: Posts,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._poster = poster
        self._posts = posts
        self._now = now
        self._pause = pause

    async def post_once(
        self,
        request_id: str,
        kind: str,
        channel: str,
        message: Message,
        thread: str | None = None,
        gone: MessageRef | None = None,
    ) -> tuple[MessageRef, bool]:
        """Post a message unless it stands already; return where, and whether it was posted now.

        False: it was posted earlier, perhaps with other content, so whoever calls brings it up to
        date. `gone`: where it stood until somebody deleted it. Raises DeliveryPostponedError,
        also while it is not yet the channel's turn, and DeliveryImpossibleError.
        """
        turn = await self._posts.take_turn(request_id, kind, channel, gone)
        while turn.wait > 0:
            if turn.wait > _SHORT_WAIT_SECONDS:
                raise DeliveryPostponedError(turn.wait, "channel's turn")
            await self._pause(turn.wait)
            turn = await self._posts.take_turn(request_id, kind, channel, gone)
        if turn.ref is not None:
            return turn.ref, False
        if turn.begun_at is not None:
            if not turn.begun_here:
                self._let_it_end(turn.begun_at)
            found = await self._poster.find(channel, thread, turn.begun_at, request_id, kind)
            # What cannot be updated any more may still be there to be found.
            if found is not None and found != gone:
                log.info("message_found_again", request=request_id, message=kind)
                await self._posts.posted(request_id, kind, found)
                return found, False
            if not await self._posts.begin_anew(request_id, kind, turn.begun_at):
                raise DeliveryPostponedError(_GRACE.total_seconds(), "being posted")
        return await self._post(request_id, kind, channel, message, thread), True

    async def may_stand(self, request_id: str, kind: str) -> bool:
        """Whether a message was posted, as far as anybody can tell."""
        return await self._posts.is_begun(request_id, kind)

    async def _post(
        self, request_id: str, kind: str, channel: str, message: Message, thread: str | None
    ) -> MessageRef:
        """Make the attempt that was noted as begun, and note how it ended if that is certain.

        What ends it otherwise (a lost answer, a crash, being cancelled) leaves it in doubt.
        """
        try:
            ref = await self._poster.post(channel, message, thread)
        except DeliveryImpossibleError:
            await self._posts.not_posted(request_id, kind)
            raise
        except DeliveryPostponedError as error:
            if not error.in_doubt:
                await self._posts.not_posted(request_id, kind)
            raise
        await self._posts.posted(request_id, kind, ref)
        return ref

    def _let_it_end(self, begun_at: datetime) -> None:
        """Leave an attempt alone that another process may still be making."""
        rest = min(_GRACE, _GRACE - (self._now() - begun_at))
        if rest > timedelta():
            raise DeliveryPostponedError(rest.total_seconds(), "being posted")
