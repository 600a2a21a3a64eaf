"""The global shortcut and the message shortcut: both open the entry form."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck

from bot.slack import command_text
from bot.slack.cards import answers, modals
from bot.slack.listeners.front import Front
from bot.slack.payloads import FormContext, Shortcut


class Shortcuts:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def from_anywhere(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A global shortcut has no channel, so the form asks for one."""
        shortcut = Shortcut.model_validate(body)
        if await self._may_ask(shortcut, None):
            form = modals.cancel_order(self._front.venues, FormContext().dump(), ask_channel=True)
            self._front.open_form(shortcut.trigger_id, form, shortcut.recipient)
        await ack()

    async def from_message(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A message shortcut fills in the order id it finds in the message."""
        shortcut = Shortcut.model_validate(body)
        found = command_text.order_ids_in(shortcut.message_text)
        channel = shortcut.channel_id
        if not found:
            self._front.tell(shortcut.recipient, answers.not_found_in_message())
        elif await self._may_ask(shortcut, channel):
            context = FormContext(channel=channel, response_url=shortcut.response_url)
            venue = command_text.venue_for(channel or "", self._front.venues)
            form = modals.cancel_order(self._front.venues, context.dump(), found[0], found, venue)
            self._front.open_form(shortcut.trigger_id, form, shortcut.recipient)
        await ack()

    async def _may_ask(self, shortcut: Shortcut, channel: str | None) -> bool:
        """Whether somebody may ask anywhere; if not, they are told."""
        refused = self._front.cannot_ask(await self._front.asker(shortcut.actor), channel)
        if refused:
            self._front.tell(shortcut.recipient, refused)
        return not refused
