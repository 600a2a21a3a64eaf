"""Who may ask, and what needs nobody's decision: rulings before a card stands. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.bars import bars
from bot.domain.checks import listed, not_denied, verify, within_requester_limit
from bot.domain.judgement import Judgement, Refusal, Ruling, Usage
from bot.domain.person import Membership, Person
from bot.domain.policy import Policy
from bot.domain.request import Request
from bot.domain.tiers import tier_of


def rule_on_request(
    policy: Policy, person: Person, now: datetime, channel: str, reason: str | None
) -> Judgement:
    """Decide whether `person` may ask for a cancellation, here and for this reason."""
    try:
        verify(person, now)
        not_denied(person, policy.deny_requesters, "deny_requesters")
        rests_on = listed(person, policy.requesters, "requesters", Ruling.NOT_A_REQUESTER)
        _check_channel(policy, channel)
        _check_reason(policy, reason)
    except Refusal as refusal:
        return refusal.judgement
    return Judgement(Ruling.ALLOWED, rests_on)


def rule_on_look(policy: Policy, person: Person, now: datetime) -> Judgement:
    """Decide whether `person` may see what was asked for: who may ask or approve may."""
    try:
        verify(person, now)
    except Refusal as refusal:
        return refusal.judgement
    for ids, rule in ((policy.requesters, "requesters"), (policy.all_approvers, "approvers")):
        if ids is None or person.on(ids) is Membership.YES:
            return Judgement(Ruling.ALLOWED, rule)
    return Judgement(Ruling.NOT_A_REQUESTER, "requesters, approvers")


def rule_on_automation(
    policy: Policy, request: Request, now: datetime, usage: Usage | None
) -> Judgement:
    """Decide whether a request that was just quoted is approved without anybody's decision.

    What anybody should look at, a warning as well as a bar, is for a person.
    """
    ceiling, quote = policy.auto_approve_up_to, request.quote
    if ceiling is None or quote is None or not ceiling.allows(quote.value):
        return Judgement(Ruling.NOT_AUTOMATIC, "auto_approve_up_to")
    if quote.warnings or quote.blocks or bars(policy, request, now):
        return Judgement(Ruling.NOT_AUTOMATIC, "auto_approve_up_to")
    try:
        tier, _ = tier_of(policy, quote.value)
        if tier.approvals > 1 or tier.approvers is not None:
            return Judgement(Ruling.NOT_AUTOMATIC, "tiers")
        within_requester_limit(policy, quote.value, usage)
    except Refusal as refusal:
        return refusal.judgement
    return Judgement(Ruling.ALLOWED, "auto_approve_up_to")


def listed_reason(policy: Policy, text: str) -> str | None:
    """The listed reason that `text` begins with, whatever its case; more words may follow it."""
    words = " ".join(text.casefold().split())
    for reason in sorted(policy.reasons, key=len, reverse=True):
        rest = words.removeprefix(" ".join(reason.casefold().split()))
        if rest != words and not rest[:1].isalnum():
            return reason
    return None


def _check_channel(policy: Policy, channel: str) -> None:
    if policy.channels is not None and channel not in policy.channels:
        raise Refusal(Ruling.WRONG_CHANNEL, "channels")


def _check_reason(policy: Policy, reason: str | None) -> None:
    if reason is None or not reason.strip():
        if policy.reason_required or policy.reasons:
            raise Refusal(Ruling.REASON_MISSING, "reason_required")
    elif policy.reasons and listed_reason(policy, reason) is None:
        raise Refusal(Ruling.REASON_NOT_LISTED, "reasons")
