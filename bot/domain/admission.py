"""Who may ask, and what needs nobody's decision: rulings before a card stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.domain.bars import bars
from bot.domain.checks import listed, not_denied, verify, within_requester_limit
from bot.domain.judgement import Judgement, Refusal, Ruling, Usage
from bot.domain.person import Person
from bot.domain.policy import Ids, Policy, is_group
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
    doubt = None
    for ids, denied, rule in _who_may_look(policy):
        try:
            not_denied(person, denied, f"deny_{rule}")
            return Judgement(Ruling.ALLOWED, listed(person, ids, rule, Ruling.NOT_A_REQUESTER))
        except Refusal as refusal:
            if refusal.judgement.ruling is Ruling.NOT_VERIFIED:
                doubt = refusal.judgement
    return doubt or Judgement(Ruling.NOT_A_REQUESTER, "requesters, approvers")


def _who_may_look(policy: Policy) -> Iterator[tuple[Ids | None, Ids, str]]:
    """Each list that lets its people look, the one that takes it from them, and its name."""
    yield policy.requesters, policy.deny_requesters, "requesters"
    yield policy.all_approvers, policy.deny_approvers, "approvers"
    called = frozenset(policy.escalate_to)
    alone = policy.break_glass.who if policy.break_glass else frozenset()
    yield called | alone, policy.deny_approvers, "approvers"


def rule_on_automation(
    policy: Policy, request: Request, now: datetime, usage: Usage | None
) -> Judgement:
    """Decide whether a request that was just quoted is approved without anybody's decision.

    What anybody should look at, a warning as well as a bar, is for a person.
    """
    ceiling, quote = policy.auto_approve_up_to, request.quote
    if ceiling is None or quote is None or not ceiling.allows(quote.value):
        return Judgement(Ruling.NOT_AUTOMATIC, "auto_approve_up_to")
    if _is_left_out(policy, request.requester.user):
        return Judgement(Ruling.NOT_AUTOMATIC, "requesters")
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


def _is_left_out(policy: Policy, user: str) -> bool:
    """Whether the lists, which may have been edited since, say by id that somebody may not ask.

    Who is in a user group was found out when they asked, and is not known here.
    """
    allowed = policy.requesters
    by_id = allowed is not None and not any(is_group(each) for each in allowed)
    return user in policy.deny_requesters or (by_id and user not in (allowed or ()))


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
