"""The single checks that rulings are made of. Each raises Refusal; what is unknown is a no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.domain.judgement import Refusal, Ruling, Usage
from bot.domain.money import Money
from bot.domain.person import FACTS_ARE_FRESH, FACTS_LAST, Membership, Person, Standing
from bot.domain.policy import Ceiling, Ids, Policy

_STANDINGS = {
    Standing.GUEST: Ruling.GUEST,
    Standing.BOT: Ruling.BOT,
    Standing.DEACTIVATED: Ruling.DEACTIVATED,
    Standing.STRANGER: Ruling.OTHER_WORKSPACE,
    Standing.UNKNOWN: Ruling.NOT_VERIFIED,
}


def verify(person: Person, now: datetime) -> None:
    """Full members only, and known to be that."""
    if person.standing is not Standing.MEMBER:
        raise Refusal(_STANDINGS[person.standing], "full members only")
    if not person.is_known_since(now - FACTS_LAST):
        raise Refusal(Ruling.NOT_VERIFIED, "facts too old")


def verify_afresh(person: Person, now: datetime) -> None:
    if not person.is_known_since(now - FACTS_ARE_FRESH):
        raise Refusal(Ruling.NOT_VERIFIED, "facts too old for the amount")


def not_denied(person: Person, ids: Ids, rule: str) -> None:
    match person.on(ids):
        case Membership.YES:
            raise Refusal(Ruling.DENIED, rule)
        case Membership.UNKNOWN:
            raise Refusal(Ruling.NOT_VERIFIED, rule)


def listed(person: Person, ids: Ids | None, rule: str, otherwise: Ruling) -> str:
    """Return the rule's name if a list, or None for any full member, has the person on it."""
    if ids is None:
        return f"default of {rule}: any full member"
    match person.on(ids):
        case Membership.YES:
            return rule
        case Membership.UNKNOWN:
            raise Refusal(Ruling.NOT_VERIFIED, rule)
        case Membership.NO:
            raise Refusal(otherwise, rule)


def below(ceiling: Ceiling | None, amount: Money, otherwise: Ruling, rule: str) -> None:
    if ceiling is not None and not ceiling.allows(amount):
        raise Refusal(otherwise, rule, ceiling.in_currency_of(amount))


def limits_below(policy: Policy, amount: Money) -> Iterator[tuple[Ruling, str, Money | None]]:
    """Name the daily limits that `amount` alone is above, so that no day will do.

    With the ruling, and the limit's amount: None where it names none in the currency.
    """
    limits = (
        (Ruling.APPROVER_LIMIT, "approver_daily_limit", policy.approver_daily),
        (Ruling.REQUESTER_LIMIT, "requester_daily_limit", policy.requester_daily),
    )
    for ruling, rule, limit in limits:
        if limit is not None and not limit.allows(amount):
            yield ruling, rule, limit.in_currency_of(amount)


def within_limits(policy: Policy, amount: Money, usage: Usage | None) -> None:
    """Check the daily limits of who approves and of who asked."""
    used = usage.by_approver if usage else None
    _within(policy.approver_daily, amount, used, Ruling.APPROVER_LIMIT, "approver_daily_limit")
    within_requester_limit(policy, amount, usage)


def within_requester_limit(policy: Policy, amount: Money, usage: Usage | None) -> None:
    used = usage.for_requester if usage else None
    _within(policy.requester_daily, amount, used, Ruling.REQUESTER_LIMIT, "requester_daily_limit")


def _within(
    limit: Ceiling | None, amount: Money, used: Money | None, otherwise: Ruling, rule: str
) -> None:
    if limit is None:
        return
    bound = limit.in_currency_of(amount)
    if bound is None or used is None or used + amount > bound:
        raise Refusal(otherwise, rule, bound, used)
