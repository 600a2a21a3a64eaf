"""What an amount asks for: which tier it falls in, and who may approve there. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.judgement import Refusal, Ruling
from bot.domain.money import Money
from bot.domain.policy import Ids, Policy, Tier
from bot.domain.request import Request


def tier_of(policy: Policy, amount: Money) -> tuple[Tier, str]:
    """Find the lowest tier that covers `amount`, and the rule's name.

    The amount is the worth of the tickets, not the refund: an unpaid balance is thought to be
    lowered first, which is an inference, and no limit shall rest on one.
    """
    if not policy.tiers:
        return Tier(), "default: one approval"
    highest: Money | None = None
    for number, tier in enumerate(policy.tiers):
        if tier.up_to is None:
            return tier, f"tiers[{number}]"
        highest = tier.up_to.in_currency_of(amount)
        if highest is None:
            raise Refusal(Ruling.NO_TIER_IN_CURRENCY, f"tiers[{number}].up_to")
        if amount <= highest:
            return tier, f"tiers[{number}]"
    raise Refusal(Ruling.ABOVE_ALL_TIERS, f"tiers[{len(policy.tiers) - 1}].up_to", highest)


def tier_for(policy: Policy, request: Request) -> Tier | None:
    """What the amount at stake asks for; None where nothing allows it."""
    if request.quote is None:
        return None
    try:
        return tier_of(policy, request.quote.value)[0]
    except Refusal:
        return None


def is_above_lowest(policy: Policy, request: Request) -> bool:
    """Whether the amount is above the lowest tier, so that nothing remembered of people will do."""
    if request.quote is None or not policy.tiers:
        return False
    lowest = policy.tiers[0].up_to
    return lowest is not None and not lowest.allows(request.quote.value)


def may_approve_own(policy: Policy, request: Request) -> bool:
    """Whether who asked may be one of those who approve it."""
    ceiling = policy.self_approval_up_to
    below = ceiling is None or (request.quote is not None and ceiling.allows(request.quote.value))
    return policy.self_approval and below


def is_escalated(request: Request, now: datetime) -> bool:
    return request.escalates_at is not None and request.escalates_at <= now


def eligible(policy: Policy, tier: Tier, request: Request, now: datetime) -> tuple[Ids | None, str]:
    """Who may approve at a tier (None: any full member), and the rule that says so."""
    if tier.approvers is not None:
        return tier.approvers, "tiers.approvers"
    if policy.approvers is None:
        return None, "approvers"
    if is_escalated(request, now):
        return policy.approvers | set(policy.escalate_to), "approvers, escalate_to"
    return policy.approvers, "approvers"


def anywhere_eligible(policy: Policy, request: Request, now: datetime) -> Ids | None:
    """Who may approve at some tier or other; None: any full member."""
    ids = policy.all_approvers
    if ids is not None and policy.approvers is not None and is_escalated(request, now):
        return ids | set(policy.escalate_to)
    return ids
