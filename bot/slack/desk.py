"""The desk where a request is shown: its card, what is in the card's thread, private answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from bot.domain.delivery import (
    Delivery,
    DeliveryError,
    DeliveryImpossibleError,
    DeliveryPostponedError,
)
from bot.domain.electorate import Problem, problems_of_request
from bot.domain.request import MessageRef, Request, State
from bot.domain.tiers import is_escalated
from bot.domain.venue import Venue
from bot.slack.cards import Message, alarm, card, reminder, reply
from bot.slack.cards.alarm import alarm_kind
from bot.slack.cards.answers import nothing_posted
from bot.slack.cards.card import CARD
from bot.slack.cards.message import simplified
from bot.slack.cards.reminder import reminder_kind
from bot.slack.cards.result import RESULT
from bot.slack.directory import Directory
from bot.slack.outbox import Outbox
from bot.slack.poster import Poster, Recipient

log = structlog.get_logger(__name__)

# The message is gone or no longer ours to change: say it anew.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
# Nobody can be told anything until whoever runs the bot has seen to its token.
_TOKEN_TROUBLE = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
    }
)
_TOKEN_PAUSE_SECONDS = 60
# Where messages go on being deleted as they are posted, somebody should stop first.
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one message of a request belongs; `kind` is its name in the outbox."""

    kind: str
    channel: str
    thread: str | None = None


class SlackDesk:
    """Brings what stands in Slack in line with a request; implements the workflows' `Desk`.

    Showing the same request again, even by two processes at once, does no harm: what stands is
    updated to the same content, and what is missing is posted once.
    """

    def __init__(
        self, poster: Poster, outbox: Outbox, venues: Mapping[str, Venue], directory: Directory
    ) -> None:
        self._poster = poster
        self._outbox = outbox
        self._venues = venues
        self._directory = directory

    async def show(self, request: Request) -> Delivery:
        """Show the request as it is now; return where its card and its reply stand.

        Raises DeliveryPostponedError or DeliveryImpossibleError, with what could be shown.
        """
        venue = self._venues.get(request.venue)
        if venue is None:
            # Taken out of the settings while requests of it were open: without its currency and
            # system nothing true could be shown.
            raise DeliveryImpossibleError("venue_not_configured")
        if await self._was_never_shown(request):
            await self._tell_requester(request, nothing_posted(request, venue))
            return Delivery()
        if request.quote is None:
            return Delivery()
        problems = await self._problems(request, venue)
        where = await self._show_card(request, card(request, venue, problems))
        shown = Delivery(where)
        try:
            answer = reply(request, venue)
            if answer is not None:
                shown = Delivery(where, await self._show_reply(request, where, answer))
            await self._say_once(request, alarm_kind(request), alarm(request, venue), where)
            due = reminder(request, venue, self._poster.permalink(where), problems)
            await self._say_once(request, reminder_kind(request), due, where)
        except DeliveryError as error:
            error.shown = shown
            raise
        return shown

    async def _was_never_shown(self, request: Request) -> bool:
        """Whether a request ended without an effect, and without a card that could tell."""
        if request.card is not None or request.state.is_live or request.state is State.DONE:
            return False
        return not await self._outbox.may_stand(request.id, CARD)

    async def _show_card(self, request: Request, message: Message) -> MessageRef:
        place = _Place(CARD, request.channel)
        ref = request.card
        if ref is None and request.state is State.PENDING:
            # Nobody shall decide on less than all of it, so a first card is never simplified, and
            # where it cannot stand nobody could decide on it at all.
            ref, is_new = await self._outbox.post_once(request.id, CARD, place.channel, message)
            if is_new:
                return ref
        return await self._keep_up(request, place, ref, message)

    async def _show_reply(self, request: Request, root: MessageRef, message: Message) -> MessageRef:
        place = _Place(RESULT, root.channel, root.ts)
        return await self._keep_up(request, place, request.result, message)

    async def _problems(self, request: Request, venue: Venue) -> tuple[Problem, ...]:
        """Find out whether anybody could approve what waits for it."""
        policy = venue.policy
        if request.state is not State.PENDING or not (policy.named_approvers or policy.groups):
            return ()
        roster = await self._directory.roster(policy)
        is_late = is_escalated(request, request.updated_at)
        return problems_of_request(policy, request, roster, is_late)

    async def _say_once(
        self, request: Request, kind: str, message: Message | None, root: MessageRef
    ) -> None:
        """Post an alarm or the newest reminder, if there is one. Once posted it stays as it is."""
        if message is None:
            return
        try:
            await self._post(request, _Place(kind, root.channel, root.ts), message)
        except DeliveryImpossibleError as error:
            _wait_for_token(error)
            # The card tells the same; this is not worth a second way to people.
            log.warning("notice_impossible", request=request.id, kind=kind, cause=error.cause)

    async def _keep_up(
        self, request: Request, place: _Place, ref: MessageRef | None, message: Message
    ) -> MessageRef:
        """Bring a message up to date where it stands, else say the same anew, else directly."""
        try:
            return await self._stand(request, place, ref, message)
        except DeliveryImpossibleError as error:
            _wait_for_token(error)
            log.warning(
                "channel_unreachable", request=request.id, message=place.kind, cause=error.cause
            )
        return await self._show_directly(request, place, message)

    async def _stand(
        self, request: Request, place: _Place, ref: MessageRef | None, message: Message
    ) -> MessageRef:
        """Update the message, or post it where it does not stand (any more)."""
        for _ in range(_MOST_TRIES):
            if ref is not None:
                trouble = await self._update(ref, message)
                if trouble is None:
                    return ref
                if trouble.cause not in _GONE:
                    raise trouble
            ref, is_new = await self._post(request, place, message, gone=ref)
            if is_new:
                return ref
        raise DeliveryPostponedError(None, "message_not_found")

    async def _update(self, ref: MessageRef, message: Message) -> DeliveryImpossibleError | None:
        trouble = await self._try_update(ref, message)
        if trouble is not None and trouble.cause == "invalid_blocks":
            # What happened must be known even if Slack dislikes how it is laid out.
            trouble = await self._try_update(ref, simplified(message))
        return trouble

    async def _try_update(
        self, ref: MessageRef, message: Message
    ) -> DeliveryImpossibleError | None:
        try:
            await self._poster.update(ref, message)
        except DeliveryImpossibleError as error:
            return error
        return None

    async def _post(
        self, request: Request, place: _Place, message: Message, gone: MessageRef | None = None
    ) -> tuple[MessageRef, bool]:
        """Post once; tell where it stands, and whether it was posted now with this content."""
        try:
            return await self._outbox.post_once(
                request.id, place.kind, place.channel, message, place.thread, gone
            )
        except DeliveryImpossibleError as error:
            if error.cause != "invalid_blocks":
                raise
        return await self._outbox.post_once(
            request.id, place.kind, place.channel, simplified(message), place.thread, gone
        )

    async def _show_directly(self, request: Request, place: _Place, message: Message) -> MessageRef:
        """Send to the requester what cannot be shown in the channel any more."""
        direct = _Place(f"{place.kind}:direct", request.requester.user)
        try:
            return await self._stand(request, direct, None, message)
        except DeliveryImpossibleError:
            return await self._stand(request, direct, None, replace(message, blocks=()))

    async def _tell_requester(self, request: Request, text: str) -> None:
        recipient = Recipient(request.requester.user, request.channel, request.response_url)
        await self._poster.whisper(recipient, text)


def _wait_for_token(error: DeliveryImpossibleError) -> None:
    if error.cause in _TOKEN_TROUBLE:
        raise DeliveryPostponedError(_TOKEN_PAUSE_SECONDS, error.cause) from error
