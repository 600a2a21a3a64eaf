"""What every listener works with, and what follows an acknowledgement."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import stamina
import structlog
from slack_bolt.async_app import AsyncBoltRequest

from bot.domain.admission import rule_on_request
from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person
from bot.domain.policy import Policy
from bot.domain.request import Actor, Evidence, MessageRef, Request, State
from bot.domain.ruling import Action
from bot.domain.tiers import is_above_lowest
from bot.domain.venue import Venue
from bot.slack.background import Background
from bot.slack.cards import Message, answers, refusals
from bot.slack.directory import Directory
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
    directory: Directory
    now: Callable[[], datetime]

    async def asker(self, actor: Actor, venue: Venue | None = None) -> Person:
        """Find out about somebody who asks, as far as one venue's policy, or all of them, need."""
        venues = [venue] if venue else self.venues.values()
        groups = frozenset[str]().union(*(each.policy.groups for each in venues))
        return await self.directory.person(actor, groups)

    async def decider(self, action: Action, request_id: str, actor: Actor) -> Decider:
        """Find out about somebody who decides, and about those who did so before.

        Above a policy's lowest tier, and in an emergency, nothing remembered will do.
        """
        if not any(_looks_at_request(venue.policy) for venue in self.venues.values()):
            return Decider(await self.directory.person(actor, frozenset()))
        request = await self.ledger.get(request_id)
        venue = self.venues.get(request.venue) if request else None
        if request is None or venue is None:
            return Decider(await self.directory.person(actor, frozenset()))
        policy = venue.policy
        is_grave = action is Action.BREAK_GLASS
        is_grave |= action is Action.APPROVE and is_above_lowest(policy, request)
        before = [vote.by for vote in request.votes if vote.by and vote.by != actor]
        person, *voters = await asyncio.gather(
            self.directory.person(actor, policy.groups, fresh=is_grave),
            *(self.directory.person(voter, policy.groups, fresh=is_grave) for voter in before),
        )
        return Decider(person, tuple(voters))

    def link(self, request: Request) -> str | None:
        return self.poster.permalink(request.card)

    def cannot_ask(self, person: Person, channel: str | None) -> str:
        """Why somebody can ask at no venue, whatever for; "" if they can. `channel`: the known one.

        Spares them a form that would be refused; the form's submission decides.
        """
        refused, elsewhere = "", ""
        for venue in self.venues.values():
            policy = replace(venue.policy, reason_required=False, reasons=())
            if channel is None:
                policy = replace(policy, channels=None)
            judgement = rule_on_request(policy, person, self.now(), channel or "", None)
            if judgement.is_allowed:
                return ""
            text = refusals.refused_request(judgement, venue)
            if judgement.ruling is Ruling.WRONG_CHANNEL:
                elsewhere = elsewhere or text
            refused = refused or text
        return elsewhere or refused

    def conclude(
        self,
        found: tuple[Judgement, Request] | None,
        action: Action,
        person: Person,
        recipient: Recipient,
    ) -> None:
        """Go on with what was decided, or say privately why it was not."""
        judgement, request = found or (None, None)
        venue = self.venues.get(request.venue) if request else None
        if judgement is None or request is None:
            self.tell(recipient, answers.unknown(None))
        elif judgement.is_allowed:
            self.advance(request)
            if judgement.lapsed and request.state is State.PENDING:
                self.tell(recipient, answers.lapsed(judgement.lapsed))
        elif venue is None:
            self.tell(recipient, answers.unknown(request))
        elif judgement.ruling is not Ruling.REPEATED:
            text = refusals.refusal(judgement, action, request, venue, person, self.now())
            self.tell(recipient, text)

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
        if await self.ledger.shown_by(copy) not in {None, request.id}:
            return  # another request's, whatever the click says
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


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who decides, and what is known of those who decided on the same before."""

    person: Person
    voters: tuple[Person, ...] = ()


def _looks_at_request(policy: Policy) -> bool:
    """Whether who may decide depends on more than being a full member."""
    return bool(policy.groups or policy.tiers or policy.break_glass)


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
    """Name a delivery: its signature covers body and time; Socket Mode has only the trigger.

    There is one signature at most, and it is the one that the guard has verified.
    """
    signature = request.headers.get("x-slack-signature")
    if signature:
        return signature[0]
    return f"trigger:{trigger_id}" if trigger_id else None


def _when_again(error: Exception) -> bool | float:
    """After how many seconds Slack wants to be asked again; True: whenever."""
    return (error.seconds or True) if isinstance(error, DeliveryPostponedError) else False
