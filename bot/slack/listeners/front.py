"""What every listener works with, and what follows an acknowledgement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stamina
import structlog
from slack_bolt.async_app import AsyncBoltRequest

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import Evidence, MessageRef, Request
from bot.domain.venue import Venue
from bot.slack.background import Background
from bot.slack.cards import Message, answers
from bot.slack.ports import Ledger, Work
from bot.slack.poster import Poster, Recipient

log = structlog.get_logger(__name__)

_ANSWER_ATTEMPTS = 5
_ANSWER_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Front:
    """`advance`, `tell` and `open_form` return at once; what they start runs after the ack."""

    ledger: Ledger
    work: Work
    poster: Poster
    venues: Mapping[str, Venue]
    background: Background

    def link(self, request: Request) -> str | None:
        return self.poster.permalink(request.card)

    def advance(self, request: Request) -> None:
        """Start the durable work that `request` is due for."""
        self.background.spawn(self.work.advance(request))

    def tell(self, recipient: Recipient, text: str) -> None:
        """Answer one person privately."""
        self.background.spawn(self._tell(recipient, text))

    def open_form(self, trigger_id: str, form: dict[str, Any], recipient: Recipient) -> None:
        """Open a form, or tell the person that it could not be opened (a trigger lives 3 s)."""
        self.background.spawn(self._open_form(trigger_id, form, recipient))

    def retire(self, clicked: MessageRef | None, request: Request) -> None:
        """Replace a clicked message that is not the request's card, but a copy of it."""
        if clicked and request.card and clicked != request.card:
            self.background.spawn(self._retire(clicked, request))

    async def _retire(self, copy: MessageRef, request: Request) -> None:
        try:
            await self.poster.update(
                copy, Message(answers.outdated_copy(request, self.link(request)))
            )
        except (DeliveryImpossibleError, DeliveryPostponedError) as error:
            log.info("copy_not_retired", request=request.id, cause=str(error))

    async def _tell(self, recipient: Recipient, text: str) -> None:
        try:
            async for attempt in stamina.retry_context(
                on=_when_again, attempts=_ANSWER_ATTEMPTS, timeout=_ANSWER_SECONDS, wait_initial=1
            ):
                with attempt:
                    await self.poster.whisper(recipient, text)
        except (DeliveryImpossibleError, DeliveryPostponedError) as error:
            log.error("answer_not_delivered", user=recipient.user, cause=str(error))  # noqa: TRY400

    async def _open_form(self, trigger_id: str, form: dict[str, Any], recipient: Recipient) -> None:
        try:
            await self.poster.open_view(trigger_id, form)
        except (DeliveryImpossibleError, DeliveryPostponedError) as error:
            log.warning("form_not_opened", form=form.get("callback_id"), cause=str(error))
            await self._tell(recipient, answers.form_failed())


def evidence(
    request: AsyncBoltRequest,
    trigger_id: str,
    channel: str | None,
    message_ts: str | None = None,
    action_ts: str | None = None,
) -> Evidence:
    """Keep what Slack stated about a delivery; its body only as a digest, for it names people."""
    digest = hashlib.sha256(request.raw_body.encode()).hexdigest()
    return Evidence(channel, message_ts, action_ts, trigger_id[:255] or None, digest)


def delivery_key(request: AsyncBoltRequest, trigger_id: str) -> str | None:
    """Name a delivery: its signature covers body and time; Socket Mode has only the trigger."""
    signature = request.headers.get("x-slack-signature")
    if signature:
        return signature[0]
    return f"trigger:{trigger_id}" if trigger_id else None


def _when_again(error: Exception) -> bool | float:
    """After how many seconds Slack wants to be asked again; True: whenever."""
    return (error.seconds or True) if isinstance(error, DeliveryPostponedError) else False
