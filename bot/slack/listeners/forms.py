"""Submitted forms. What is wrong with them is said beside the field, before they close."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncBoltRequest

from bot.domain.admission import rule_on_request
from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person
from bot.domain.quote import Notify
from bot.domain.request import CreationResult, NewRequest, Request, Source, State
from bot.domain.ruling import Action
from bot.domain.selection import SelectionError, SelectionProblem
from bot.domain.venue import Venue
from bot.slack import command_text
from bot.slack.cards import answers, modals, refusals
from bot.slack.command_text import CommandError
from bot.slack.listeners.front import Front, delivery_key, evidence
from bot.slack.payloads import FormContext, Submission
from bot.slack.poster import Recipient


class Forms:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def cancel_order(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        """The entry form: checked, stored, closed."""
        form = Submission.model_validate(body)
        context = FormContext.load(form.private_metadata)
        try:
            order_id = command_text.order_id(form.entered("order_id") or "")
        except CommandError as error:
            await _errors(ack, {"order_id": str(error).replace("`", "")})
            return
        channel = context.channel or form.conversation("channel")
        if channel is None:
            await _errors(ack, {"channel": "Choose the channel in which the card shall stand."})
            return
        venue = form.entered("venue") or command_text.venue_for(channel, self._front.venues)
        if venue is None or venue not in self._front.venues:
            await _errors(ack, {"venue": "Choose a venue."})
            return
        notify = form.entered("notify") or Notify.CONFIRMATION
        if notify not in set(Notify):
            await _errors(ack, {"notify": "Choose what the guest is sent."})
            return
        reason = form.entered("reason")
        asked_of = self._front.venues[venue]
        person = await self._front.asker(form.actor, asked_of)
        judgement = rule_on_request(asked_of.policy, person, self._front.now(), channel, reason)
        if not judgement.is_allowed:
            await self._not_admitted(ack, form, context, judgement, asked_of)
            return
        new = NewRequest(
            venue=venue,
            order_id=order_id,
            requester=form.actor,
            channel=channel,
            source=Source.MODAL,
            notify=Notify(notify),
            reason=reason,
            response_url=context.response_url,
            allowed_by=judgement.rule,
            delivery_key=delivery_key(request, form.trigger_id),
            evidence=evidence(request, form.trigger_id, channel),
        )
        result, stored = await self._front.ledger.create(new)
        if result is CreationResult.OCCUPIED:
            await _errors(ack, {"order_id": answers.occupied_in_form(stored)})
            return
        self._front.advance(stored)
        await ack()

    async def choose_tickets(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        form = Submission.model_validate(body)
        context = FormContext.load(form.private_metadata)
        known = await self._front.ledger.get(context.request_id or "")
        if known is None:
            await self._refused(ack, form, context, answers.unknown(None))
            return
        who = await self._front.decider(Action.EDIT, known.id, form.actor)
        counts, errors = _counts(form, known)
        if errors:
            await _errors(ack, errors)
            return
        try:
            found = await self._front.ledger.reselect(
                known.id,
                who.person,
                context.revision,
                counts,
                evidence(request, form.trigger_id, context.channel),
            )
        except SelectionError as error:
            await _errors(ack, _selection_errors(error, form, known))
            return
        await self._finish(ack, form, context, Action.EDIT, found, who.person)

    async def reject_reason(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        form = Submission.model_validate(body)
        context = FormContext.load(form.private_metadata)
        note = form.entered("reason")
        if note is None:
            await _errors(ack, {"reason": "Say why, so that the requester knows what to do."})
            return
        await self._decide(ack, form, context, request, Action.REJECT, note)

    async def break_glass(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        form = Submission.model_validate(body)
        context = FormContext.load(form.private_metadata)
        note = form.entered("reason")
        if note is None:
            await _errors(ack, {"reason": "Say why nobody else can approve it now."})
            return
        await self._decide(ack, form, context, request, Action.BREAK_GLASS, note)

    async def resolve(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        form = Submission.model_validate(body)
        context = FormContext.load(form.private_metadata)
        note, truth = form.entered("reason"), form.entered("truth")
        if note is None or truth not in {State.DONE, State.FAILED}:
            missing = {"reason": "Say what you checked."} if note is None else {}
            if truth not in {State.DONE, State.FAILED}:
                missing["truth"] = "Choose what happened."
            await _errors(ack, missing)
            return
        await self._decide(ack, form, context, request, Action.RESOLVE, note, State(truth))

    async def _decide(
        self,
        ack: AsyncAck,
        form: Submission,
        context: FormContext,
        request: AsyncBoltRequest,
        action: Action,
        note: str,
        resolved_as: State | None = None,
    ) -> None:
        request_id = context.request_id or ""
        who = await self._front.decider(action, request_id, form.actor)
        found = await self._front.ledger.decide(
            request_id,
            action,
            who.person,
            context.revision,
            note,
            clicked=context.card,
            resolved_as=resolved_as,
            evidence=evidence(request, form.trigger_id, context.channel),
            voters=who.voters,
        )
        await self._finish(ack, form, context, action, found, who.person)

    async def _finish(
        self,
        ack: AsyncAck,
        form: Submission,
        context: FormContext,
        action: Action,
        found: tuple[Judgement, Request] | None,
        person: Person,
    ) -> None:
        """Close the form; what it came to shows on the card, or is said privately."""
        recipient = Recipient(form.user_id, context.channel, context.response_url)
        self._front.conclude(found, action, person, recipient)
        await ack()

    async def _not_admitted(
        self,
        ack: AsyncAck,
        form: Submission,
        context: FormContext,
        judgement: Judgement,
        venue: Venue,
    ) -> None:
        """Say beside the field what can be mended in it, anything else privately."""
        text = refusals.refused_request(judgement, venue)
        if judgement.ruling in {Ruling.REASON_MISSING, Ruling.REASON_NOT_LISTED}:
            await _errors(ack, {"reason": refusals.reason_wanted_in_form(judgement, venue)})
        elif judgement.ruling is Ruling.WRONG_CHANNEL and context.channel is None:
            await _errors(ack, {"channel": "Cancellations are not asked for in this channel."})
        else:
            await self._refused(ack, form, context, text)

    async def _refused(
        self, ack: AsyncAck, form: Submission, context: FormContext, text: str
    ) -> None:
        """Close the form and say privately why it changed nothing."""
        recipient = Recipient(form.user_id, context.channel, context.response_url)
        self._front.tell(recipient, text)
        await ack()


async def _errors(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)


def _counts(form: Submission, request: Request) -> tuple[dict[str, int], dict[str, str]]:
    """Read the numbers; lines that the form did not show keep what was chosen before."""
    counts = dict(request.selection.counts) if request.selection else {}
    errors: dict[str, str] = {}
    for line in request.order.lines if request.order else ():
        if not line.is_cancellable:
            counts.pop(line.id, None)
    for block_id in form.values:
        if not block_id.startswith(modals.LINE_PREFIX):
            continue
        line_id = block_id.removeprefix(modals.LINE_PREFIX)
        text = form.entered(block_id) or "0"
        if text.isascii() and text.isdigit() and len(text) < 7:
            counts[line_id] = int(text)
        else:
            problem = SelectionError(SelectionProblem.NOT_A_COUNT, line_id)
            errors[block_id] = answers.selection_problem(problem, None)
    return counts, errors


def _selection_errors(error: SelectionError, form: Submission, request: Request) -> dict[str, str]:
    left = request.order.quantity_of(error.line_id) if request.order and error.line_id else None
    first = next((key for key in form.values if key.startswith(modals.LINE_PREFIX)), "")
    block_id = f"{modals.LINE_PREFIX}{error.line_id}" if error.line_id else first
    return {block_id: answers.selection_problem(error, left)}
