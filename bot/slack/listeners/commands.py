"""`/cancel-order` as people type it."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncBoltRequest

from bot.domain.admission import rule_on_look, rule_on_request
from bot.domain.person import Person
from bot.domain.request import CreationResult, NewRequest, Request, Source
from bot.slack import command_text
from bot.slack.cards import answers, modals, refusals
from bot.slack.command_text import Command, CommandError, Verb
from bot.slack.listeners.front import Front, delivery_key, evidence
from bot.slack.payloads import FormContext, SlashCommand

_LISTED = 10


class Commands:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def cancel_order(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        slash = SlashCommand.model_validate(body)
        try:
            command = command_text.parse(slash.text, self._front.venues, slash.channel_id)
        except CommandError as error:
            await ack(text=str(error), response_type="ephemeral")
            return
        if command.verb is Verb.OPEN_FORM:
            await self._open_form(ack, slash)
            return
        text = await self._answer(command, slash, request)
        await ack(text=text, response_type="ephemeral")

    async def _answer(
        self, command: Command, slash: SlashCommand, request: AsyncBoltRequest
    ) -> str:
        match command:
            case Command(verb=Verb.HELP):
                return answers.help_text(self._front.venues)
            case Command(verb=Verb.CANCEL, order_id=str(order_id), venue=str(venue)):
                return await self._ask(order_id, venue, command.reason, slash, request)
            case _:
                return await self._look(command, await self._front.asker(slash.actor))

    async def _ask(
        self,
        order_id: str,
        venue: str,
        reason: str | None,
        slash: SlashCommand,
        request: AsyncBoltRequest,
    ) -> str:
        front, asked_of = self._front, self._front.venues[venue]
        person = await front.asker(slash.actor, asked_of)
        judgement = rule_on_request(asked_of.policy, person, front.now(), slash.channel_id, reason)
        if not judgement.is_allowed:
            return refusals.refused_request(judgement, asked_of)
        new = NewRequest(
            venue=venue,
            order_id=order_id,
            requester=slash.actor,
            channel=slash.channel_id,
            source=Source.COMMAND,
            reason=reason,
            response_url=slash.response_url,
            delivery_key=delivery_key(request, slash.trigger_id),
            allowed_by=judgement.rule,
            evidence=evidence(request, slash.trigger_id, slash.channel_id),
        )
        return self._asked(*await front.ledger.create(new))

    async def _look(self, command: Command, person: Person) -> str:
        """Tell what was asked for, of the venues where somebody may ask or approve."""
        front, now = self._front, self._front.now()
        judged = {
            key: rule_on_look(venue.policy, person, now) for key, venue in front.venues.items()
        }
        seen = {key: front.venues[key] for key, found in judged.items() if found.is_allowed}
        match command:
            case Command(verb=Verb.STATUS, order_id=str(order_id), venue=str(venue)):
                if venue not in seen:
                    return refusals.refused_look(judged[venue], front.venues[venue])
                found = await front.ledger.latest_for_order(venue, order_id)
                return answers.status(found, order_id, seen[venue], front.link)
            case _ if not seen:
                key, judgement = next(iter(judged.items()))
                return refusals.refused_look(judgement, front.venues[key])
            case Command(verb=Verb.PENDING):
                waiting = await front.ledger.waiting(_LISTED, seen.keys())
                return answers.listing(waiting, seen, front.link, "Nothing waits.")
            case _:
                recent = await front.ledger.recent(_LISTED, seen.keys())
                return answers.listing(recent, seen, front.link, "Nothing was asked yet.")

    def _asked(self, result: CreationResult, request: Request) -> str:
        if result is CreationResult.OCCUPIED:
            return answers.occupied(request, self._front.link(request))
        self._front.advance(request)
        return answers.reading(request.order_id, self._front.venues[request.venue])

    async def _open_form(self, ack: AsyncAck, slash: SlashCommand) -> None:
        front = self._front
        refused = front.cannot_ask(await front.asker(slash.actor), slash.channel_id)
        if refused:
            await ack(text=refused, response_type="ephemeral")
            return
        context = FormContext(channel=slash.channel_id, response_url=slash.response_url)
        form = modals.cancel_order(
            front.venues,
            context.dump(),
            venue=command_text.venue_for(slash.channel_id, front.venues),
        )
        front.open_form(slash.trigger_id, form, slash.recipient)
        await ack()
