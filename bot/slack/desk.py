"""The desk where a request is shown: its card, the reply in the card's thread, private answers."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from bot.domain.delivery import Delivery, DeliveryImpossibleError
from bot.domain.request import MessageRef, Request
from bot.domain.venue import Venue
from bot.slack.cards import Message, card, reply
from bot.slack.cards.answers import nothing_posted
from bot.slack.poster import Poster, Recipient

log = structlog.get_logger(__name__)

# The message is gone or no longer ours to change: say it anew.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
# The channel is out of reach for good: the requester is told directly.
_UNREACHABLE = frozenset(
    {"is_archived", "channel_not_found", "not_in_channel", "restricted_action"}
)


class SlackDesk:
    """Brings what stands in Slack in line with a request; implements the workflows' `Desk`."""

    def __init__(self, poster: Poster, venues: Mapping[str, Venue]) -> None:
        self._poster = poster
        self._venues = venues

    async def show(self, request: Request) -> Delivery:
        venue = self._venues[request.venue]
        if request.card is None and not request.state.is_live:
            await self._tell_requester(request, nothing_posted(request, venue))
            return Delivery()
        if request.quote is None:
            return Delivery()
        shown = await self._show_card(request, card(request, venue))
        answer = reply(request, venue)
        return Delivery(shown, await self._show_reply(request, shown, answer) if answer else None)

    async def _show_card(self, request: Request, message: Message) -> MessageRef:
        if request.card is None:
            return await self._poster.post(request.channel, message)
        try:
            await self._poster.update(request.card, message)
        except DeliveryImpossibleError as error:
            if error.cause in _GONE:
                return await self._poster.post(request.channel, message)
            return await self._show_directly(request, message, error)
        return request.card

    async def _show_reply(
        self, request: Request, shown: MessageRef, message: Message
    ) -> MessageRef:
        if request.result is not None:
            try:
                await self._poster.update(request.result, message)
            except DeliveryImpossibleError as error:
                if error.cause not in _GONE:
                    raise
            else:
                return request.result
        try:
            return await self._poster.post(shown.channel, message, thread=shown.ts)
        except DeliveryImpossibleError as error:
            if error.cause == "invalid_blocks":
                # Figures must arrive even if Slack dislikes how they are laid out.
                return await self._poster.post(
                    shown.channel, Message(message.text), thread=shown.ts
                )
            return await self._show_directly(request, message, error)

    async def _show_directly(
        self, request: Request, message: Message, error: DeliveryImpossibleError
    ) -> MessageRef:
        """Send to the requester what cannot be shown in the channel any more."""
        if error.cause not in _UNREACHABLE:
            raise error
        log.warning("channel_unreachable", request=request.id, cause=error.cause)
        return await self._poster.post(request.requester.user, message)

    async def _tell_requester(self, request: Request, text: str) -> None:
        recipient = Recipient(request.requester.user, request.channel, request.response_url)
        await self._poster.whisper(recipient, text)
