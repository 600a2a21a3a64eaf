"""Opening forms after the acknowledgement, and naming deliveries."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt.async_app import AsyncBoltRequest

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.slack.cards import answers
from bot.slack.listeners.front import Front

log = structlog.get_logger(__name__)


async def open_form(
    front: Front,
    trigger_id: str,
    form: dict[str, Any],
    user: str,
    channel: str | None,
    response_url: str | None,
) -> None:
    """Open a form, or tell the person that it could not be opened (a trigger lives 3 s)."""
    try:
        await front.poster.open_view(trigger_id, form)
    except (DeliveryImpossibleError, DeliveryPostponedError) as error:
        log.warning("form_not_opened", form=form.get("callback_id"), cause=str(error))
        await front.poster.whisper(user, channel, answers.form_failed(), response_url)


def delivery_key(request: AsyncBoltRequest, trigger_id: str) -> str | None:
    """Name a delivery: its signature covers body and time; Socket Mode has only the trigger."""
    signature = request.headers.get("x-slack-signature")
    if signature:
        return signature[0]
    return f"trigger:{trigger_id}" if trigger_id else None
