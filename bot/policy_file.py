"""The `[policy]` tables of `rescind.toml`: checked, a venue's own laid over everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.domain.money import Money
from bot.domain.policy import BreakGlass, Ceiling, GuestDetails, Policy, Tier
from bot.domain.quote import WarningCode

Minutes = Annotated[float, Field(gt=0, le=60 * 24 * 366)]
# Ids of users (U…, W…) and user groups (S…): names change, ids do not.
SlackId = Annotated[str, Field(pattern=r"^[USW][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Count = Annotated[int, Field(ge=1, le=20)]


def _somebody(ids: frozenset[str]) -> frozenset[str]:
    if not ids:
        raise ValueError("an empty list lets nobody; leave the line out to let any full member")
    return ids


def _money(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    if not amounts:
        raise ValueError("name an amount, such as { USD = 200 }")
    for currency, amount in amounts.items():
        if Money(amount, currency).amount < 0:
            raise ValueError(f"an amount in {currency} is below zero")
    return amounts


Some = Annotated[frozenset[SlackId], AfterValidator(_somebody)]
Amounts = Annotated[dict[Currency, Decimal], AfterValidator(_money)]
Reason = Annotated[str, Field(min_length=1, max_length=75)]


class FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TierSettings(FileModel):
    """One `[[policy.tiers]]` table; without `up_to` it is for any amount."""

    up_to: Amounts | None = None
    approvals: Count = 1
    approvers: Some | None = None


class BreakGlassSettings(FileModel):
    """`[policy.break_glass]`."""

    who: Some
    up_to: Amounts | None = None


class PolicySettings(FileModel):
    """`[policy]`, or a venue's own; docs/settings.md explains every line."""

    requesters: Some | None = None
    approvers: Some | None = None
    deny_requesters: frozenset[SlackId] = frozenset()
    deny_approvers: frozenset[SlackId] = frozenset()
    channels: Annotated[frozenset[ChannelId], Field(min_length=1)] | None = None
    self_approval: bool = False
    self_approval_up_to: Amounts | None = None
    auto_approve_up_to: Amounts | None = None
    tiers: tuple[TierSettings, ...] = ()
    approver_daily_limit: Amounts | None = None
    requester_daily_limit: Amounts | None = None
    reason_required: bool = False
    reasons: Annotated[tuple[Reason, ...], Field(max_length=100)] = ()
    block_on: frozenset[WarningCode] = frozenset()
    max_order_age_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    rejections: Count = 1
    break_glass: BreakGlassSettings | None = None
    mentions: tuple[SlackId, ...] = ()
    escalate_after_minutes: Minutes | None = None
    escalate_to: tuple[SlackId, ...] = ()
    remind_after_minutes: tuple[Minutes, ...] = (30, 120, 480)
    expire_after_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 72
    guest_details: GuestDetails = GuestDetails.MASKED

    def overlaid(self, own: PolicySettings | None) -> PolicySettings:
        """A venue's policy: what it sets itself, and otherwise what is set for all."""
        if own is None:
            return self
        return self.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})

    def mistakes(self) -> Iterator[str]:
        """What is wrong with settings that make sense only together, a line each."""
        if self.auto_approve_up_to and not self.requester_daily_limit:
            yield "auto_approve_up_to: set requester_daily_limit as well, or nothing brakes it."
        if bool(self.escalate_to) != bool(self.escalate_after_minutes):
            yield "escalate_to, escalate_after_minutes: set both, or neither."
        if any(tier.up_to is None for tier in self.tiers[:-1]):
            yield "tiers: only the last tier may be without up_to."
        yield from _order_mistakes(self.tiers)
        codes = self.block_on - _BLOCKABLE
        if codes:
            yield f"block_on: {', '.join(sorted(codes))} cannot be chosen; see max_order_age_days."

    def policy(self, timezone: ZoneInfo) -> Policy:
        hours, minutes, days = (
            self.expire_after_hours,
            self.escalate_after_minutes,
            self.max_order_age_days,
        )
        glass = self.break_glass
        return Policy(
            requesters=self.requesters,
            approvers=self.approvers,
            deny_requesters=self.deny_requesters,
            deny_approvers=self.deny_approvers,
            channels=self.channels,
            self_approval=self.self_approval,
            self_approval_up_to=_ceiling(self.self_approval_up_to),
            auto_approve_up_to=_ceiling(self.auto_approve_up_to),
            tiers=tuple(
                Tier(_ceiling(tier.up_to), tier.approvals, tier.approvers) for tier in self.tiers
            ),
            approver_daily=_ceiling(self.approver_daily_limit),
            requester_daily=_ceiling(self.requester_daily_limit),
            reason_required=self.reason_required,
            reasons=self.reasons,
            block_on=self.block_on,
            max_order_age=None if days is None else timedelta(days=days),
            rejections=self.rejections,
            break_glass=BreakGlass(glass.who, _ceiling(glass.up_to)) if glass else None,
            mentions=self.mentions,
            escalate_after=None if minutes is None else timedelta(minutes=minutes),
            escalate_to=self.escalate_to,
            remind_after=tuple(timedelta(minutes=each) for each in self.remind_after_minutes),
            expire_after=timedelta(hours=hours) if hours else None,
            guest_details=self.guest_details,
            timezone=timezone,
            is_default=not (self.requesters or self.approvers or self.tiers or self.self_approval),
        )


_BLOCKABLE = frozenset(WarningCode) - {WarningCode.TOO_OLD}


def _ceiling(amounts: dict[str, Decimal] | None) -> Ceiling | None:
    if amounts is None:
        return None
    return Ceiling(tuple(Money(amount, currency) for currency, amount in amounts.items()))


def _order_mistakes(tiers: tuple[TierSettings, ...]) -> Iterator[str]:
    """Tiers go up, in every currency that they name."""
    before: dict[str, Decimal] = {}
    for number, tier in enumerate(tiers):
        for currency, amount in (tier.up_to or {}).items():
            if currency in before and amount <= before[currency]:
                yield f"tiers.{number}.up_to: {currency} must be more than in the tier before."
        if tier.up_to is not None and number and tiers[0].up_to is not None:
            missing = sorted(set(tiers[0].up_to) ^ set(tier.up_to))
            if missing:
                yield (
                    f"tiers.{number}.up_to: name the same currencies as the first tier "
                    f"({', '.join(missing)})."
                )
        before |= tier.up_to or {}
