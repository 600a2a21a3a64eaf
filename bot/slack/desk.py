"""The desk where a request is shown: its card, the reply in the card's thread, private answers."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from bot.domain.delivery import Delivery, DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef, Request
from bot.domain.venue import Venue
from bot.slack.cards import Message, card, reply
from bot.slack.cards.answers import nothing_posted
from bot.slack.cards.message import simplified
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


class SlackDesk:
    """Brings what stands in Slack in line with a request; implements the workflows' `Desk`."""

    def __init__(self, poster: Poster, venues: Mapping[str, Venue]) -> None:
        self._poster = poster
        self._venues = venues

    async def show(self, request: Request) -> Delivery:
        venue = self._venues.get(request.venue)
        if venue is None:
            # Taken out of the settings while requests of it were open: without its currency and
            # system nothing true could be shown.
            raise DeliveryImpossibleError("venue_not_configured")
        if request.card is None and not request.state.is_live:
            await self._tell_requester(request, nothing_posted(request, venue))
            return Delivery()
        if request.quote is None:
            return Delivery()
        shown = await self._show_card(request, card(request, venue))
        answer = reply(request, venue)
        if answer is None:
            return Delivery(shown)
        try:
            return Delivery(shown, await self._show_reply(request, shown, answer))
        except (DeliveryPostponedError, DeliveryImpossibleError) as error:
            error.shown = Delivery(shown)
            raise

    async def _show_card(self, request: Request, message: Message) -> MessageRef:
        if request.card is None:
            return await self._poster.post(request.channel, message)
        return await self._update(request, request.card, message, thread=None)

    async def _show_reply(
        self, request: Request, shown: MessageRef, message: Message
    ) -> MessageRef:
        if request.result is not None:
            return await self._update(request, request.result, message, thread=shown)
        return await self._post_again(request, message, thread=shown)

    async def _update(
        self, request: Request, ref: MessageRef, message: Message, thread: MessageRef | None
    ) -> MessageRef:
        """Bring a message up to date where it stands, else say the same anew."""
        trouble = await self._try_update(ref, message)
        if trouble is not None and trouble.cause == "invalid_blocks":
            # What happened must be known even if Slack dislikes how it is laid out.
            trouble = await self._try_update(ref, simplified(message))
        if trouble is None:
            return ref
        if trouble.cause in _GONE:
            return await self._post_again(request, message, thread)
        return await self._show_directly(request, message, trouble)

    async def _try_update(
        self, ref: MessageRef, message: Message
    ) -> DeliveryImpossibleError | None:
        try:
            await self._poster.update(ref, message)
        except DeliveryImpossibleError as error:
            return error
        return None

    async def _post_again(
        self, request: Request, message: Message, thread: MessageRef | None
    ) -> MessageRef:
        channel = thread.channel if thread else request.channel
        under = thread.ts if thread else None
        try:
            return await self._poster.post(channel, message, under)
        except DeliveryImpossibleError as error:
            if error.cause != "invalid_blocks":
                return await self._show_directly(request, message, error)
        try:
            return await self._poster.post(channel, simplified(message), under)
        except DeliveryImpossibleError as error:
            return await self._show_directly(request, message, error)

    async def _show_directly(
        self, request: Request, message: Message, error: DeliveryImpossibleError
    ) -> MessageRef:
        """Send to the requester what cannot be shown in the channel any more."""
        if error.cause in _TOKEN_TROUBLE:
            raise DeliveryPostponedError(_TOKEN_PAUSE_SECONDS, error.cause) from error
        log.warning("channel_unreachable", request=request.id, cause=error.cause)
        try:
            return await self._poster.post(request.requester.user, message)
        except DeliveryImpossibleError:
            return await self._poster.post(request.requester.user, Message(message.text))

    async def _tell_requester(self, request: Request, text: str) -> None:
        recipient = Recipient(request.requester.user, request.channel, request.response_url)
        await self._poster.whisper(recipient, text)
