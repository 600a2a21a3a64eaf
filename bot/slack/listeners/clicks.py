"""Buttons on the card."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncBoltRequest

from bot.domain.policy import Action, Ruling, rule
from bot.domain.request import Request
from bot.slack.cards import answers, modals
from bot.slack.cards.card import seen_revision
from bot.slack.listeners.front import Front, evidence
from bot.slack.payloads import Click, FormContext


class Clicks:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def decide(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """Approve, withdraw, check again: the click itself decides."""
        click = Click.model_validate(body)
        action = Action(click.action.action_id)
        found = await self._front.ledger.decide(
            click.action.value,
            action,
            click.actor,
            seen_revision(click.action.block_id),
            clicked=click.clicked,
            evidence=evidence(
                request,
                click.trigger_id,
                click.channel_id,
                click.clicked.ts if click.clicked else None,
                click.action.action_ts,
            ),
        )
        if found is not None:
            self._front.retire(click.clicked, found[1])
        if found is None:
            self._front.tell(click.recipient, answers.unknown_request())
        elif found[0] is Ruling.ALLOWED:
            self._front.advance(found[1])
        else:
            self._front.tell(click.recipient, answers.refusal(found[0], action, found[1]))
        await ack()

    async def open_form(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Choose tickets, reject, settle: the click asks for more; submitting it decides."""
        click = Click.model_validate(body)
        action = Action(click.action.action_id)
        request = await self._front.ledger.get(click.action.value)
        venue = self._front.venues.get(request.venue) if request else None
        if request is None or venue is None:
            self._front.tell(click.recipient, answers.unknown_request())
        else:
            seen = seen_revision(click.action.block_id)
            ruling = rule(venue.policy, action, request, click.actor, seen)
            if ruling is Ruling.ALLOWED:
                form = self._form(action, request, click)
                self._front.open_form(click.trigger_id, form, click.recipient)
            else:
                self._front.tell(click.recipient, answers.refusal(ruling, action, request))
        await ack()

    def _form(self, action: Action, request: Request, click: Click) -> dict[str, Any]:
        venue = self._front.venues[request.venue]
        context = FormContext(
            request_id=request.id,
            revision=request.revision,
            channel=click.channel_id,
            card_ts=click.clicked.ts if click.clicked else None,
            response_url=click.response_url,
        ).dump()
        match action:
            case Action.EDIT:
                return modals.choose_tickets(request, venue, context)
            case Action.REJECT:
                return modals.reject_reason(request, context)
            case _:
                return modals.resolve(request, venue, context)
