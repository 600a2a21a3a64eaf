"""Buttons on the card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncBoltRequest

from bot.domain.judgement import Judgement
from bot.domain.person import Person
from bot.domain.request import Request
from bot.domain.ruling import Action, Circumstances, rule
from bot.domain.venue import Venue
from bot.slack.cards import answers, modals
from bot.slack.cards.card import seen_revision
from bot.slack.listeners.front import Front, evidence
from bot.slack.payloads import Click, FormContext


class Clicks:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def decide(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """Approve, take back, withdraw, check again: the click itself decides."""
        click = Click.model_validate(body)
        action = Action(click.action.action_id)
        who = await self._front.decider(action, click.action.value, click.actor)
        found = await self._front.ledger.decide(
            click.action.value,
            action,
            who.person,
            seen_revision(click.action.block_id),
            clicked=click.clicked,
            evidence=evidence(
                request,
                click.trigger_id,
                click.channel_id,
                click.clicked.ts if click.clicked else None,
                click.action.action_ts,
            ),
            voters=who.voters,
        )
        if found is not None:
            self._front.retire(click.clicked, found[1])
        self._front.conclude(found, action, who.person, click.recipient)
        await ack()

    async def open_form(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Choose tickets, reject, settle, break the glass: the click asks for more.

        Submitting the form decides; whoever may not is told before they type.
        """
        click = Click.model_validate(body)
        action = Action(click.action.action_id)
        request = await self._front.ledger.get(click.action.value)
        venue = self._front.venues.get(request.venue) if request else None
        if request is None or venue is None:
            self._front.tell(click.recipient, answers.unknown(request))
        else:
            who = await self._front.decider(action, request.id, click.actor)
            judgement = self._foresee(action, request, venue, who.person, click)
            if judgement.is_allowed:
                form = self._form(action, request, click)
                self._front.open_form(click.trigger_id, form, click.recipient)
            else:
                self._front.conclude((judgement, request), action, who.person, click.recipient)
        await ack()

    def _foresee(
        self, action: Action, request: Request, venue: Venue, person: Person, click: Click
    ) -> Judgement:
        """What the form's submission would be answered, but for the day's limits."""
        policy = replace(venue.policy, approver_daily=None, requester_daily=None)
        seen = seen_revision(click.action.block_id)
        at = Circumstances(person, self._front.now(), seen)
        return rule(policy, action, request, at)

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
            case Action.BREAK_GLASS:
                return modals.break_glass(request, venue, context)
            case _:
                return modals.resolve(request, venue, context)
