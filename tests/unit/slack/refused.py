"""What somebody is told whom the policy refuses."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.judgement import Usage
from bot.domain.person import Person
from bot.domain.policy import Ceiling, Policy
from bot.domain.request import Decision, Request, Verdict
from bot.domain.ruling import Action, Circumstances, rule
from bot.domain.venue import Venue
from bot.slack.cards import refusals
from tests.examples import APPROVER, NOW, VENUE, member, request, usd

UP_TO_300 = Ceiling((usd("300.00"),))
NOTHING_USED = Usage(usd("0.00"), usd("0.00"))


def venue(policy: Policy) -> Venue:
    return replace(VENUE, policy=policy)


def said(
    policy: Policy,
    action: Action = Action.APPROVE,
    of: Request | None = None,
    who: Person | None = None,
    usage: Usage | None = None,
) -> str:
    """What somebody who tries is told; that the policy says no is part of it."""
    subject, person = of or request(), who or member(APPROVER)
    at = Circumstances(person, NOW, subject.revision, (), usage)
    judgement = rule(policy, action, subject, at)
    assert not judgement.is_allowed
    return refusals.refusal(judgement, action, subject, venue(policy), person, NOW)


def voted(verdict: Verdict) -> Request:
    return replace(request(), votes=(Decision(verdict, APPROVER, NOW, 1),))
