"""`[policy]`, general or a venue's: its lines, what goes together, what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

from bot.config_file.tables import FileModel
from bot.config_file.values import (
    BLOCKABLE,
    ONE_ID,
    SUCH_IDS,
    Age,
    Allowed,
    AutomaticUpTo,
    Called,
    Channels,
    Codes,
    Count,
    DailyLimit,
    Denied,
    Details,
    Hours,
    Reasons,
    SomeIds,
    UpTo,
    Wait,
    Waits,
    YesOrNo,
)
from bot.config_file.words import told
from bot.domain.money import Money
from bot.domain.policy import BreakGlass, Ceiling, GuestDetails, Policy, Tier


def _a_table(given: object) -> object:
    if not isinstance(given, dict):
        raise ValueError("not a table")  # noqa: TRY004 - pydantic lets a TypeError through
    return given


class TierSettings(FileModel):
    """One `[[policy.tiers]]` table; without `up_to` it is for any amount."""

    up_to: UpTo = None
    approvals: Count = 1
    approvers: Annotated[
        SomeIds | None,
        told(ONE_ID, f"{SUCH_IDS}, or leave the line out for the approvers of the policy"),
    ] = None


class BreakGlassSettings(FileModel):
    """`[policy.break_glass]`."""

    who: Annotated[
        SomeIds, told(ONE_ID, f'{SUCH_IDS}; for nobody, write break_glass = "off" instead')
    ]
    up_to: UpTo = None

    def within(self, general: BreakGlassSettings | None) -> BreakGlassSettings:
        """A venue's own: the general amount goes on, unless another is written."""
        if general is None or "up_to" in self.model_fields_set:
            return self
        return self.model_copy(update={"up_to": general.up_to})


_Tier = Annotated[
    TierSettings,
    BeforeValidator(_a_table),
    told("a table", "the lines of each tier below a line [[policy.tiers]]"),
]
Tiers = Annotated[
    tuple[_Tier, ...],
    told("a list of tables", "each tier below a line [[policy.tiers]], with two brackets"),
]
Glass = Annotated[
    Annotated[BreakGlassSettings, BeforeValidator(_a_table)] | None,
    told("a table", 'it below a line [policy.break_glass], such as who = ["U0DUTYMGR"]', "off"),
]


class PolicySettings(FileModel):
    """`[policy]`, or a venue's own; docs/settings.md explains every line."""

    requesters: Allowed = None
    approvers: Allowed = None
    deny_requesters: Denied = frozenset()
    deny_approvers: Denied = frozenset()
    channels: Channels = None
    self_approval: YesOrNo = False
    self_approval_up_to: UpTo = None
    auto_approve_up_to: AutomaticUpTo = None
    tiers: Tiers = ()
    approver_daily_limit: DailyLimit = None
    requester_daily_limit: DailyLimit = None
    reason_required: YesOrNo = False
    reasons: Reasons = ()
    block_on: Codes = frozenset()
    max_order_age_days: Age = None
    rejections: Count = 1
    break_glass: Glass = None
    mentions: Called = ()
    escalate_after_minutes: Wait = None
    escalate_to: Called = ()
    remind_after_minutes: Waits = (30, 120, 480)
    expire_after_hours: Hours = 72
    guest_details: Details = GuestDetails.MASKED

    def overlaid(self, own: PolicySettings | None) -> PolicySettings:
        """A venue's policy: what it sets itself, and otherwise what is set for all."""
        if own is None:
            return self
        named: dict[str, object] = {name: getattr(own, name) for name in own.model_fields_set}
        if own.break_glass:
            named["break_glass"] = own.break_glass.within(self.break_glass)
        return self.model_copy(update=named)

    def mistakes(self) -> Iterator[str]:
        """What is wrong with settings that make sense only together, a line each."""
        if self.auto_approve_up_to and not self.requester_daily_limit:
            yield "auto_approve_up_to: set requester_daily_limit as well, or nothing brakes it."
        if bool(self.escalate_to) != bool(self.escalate_after_minutes):
            yield "escalate_to, escalate_after_minutes: set both, or neither."
        if any(tier.up_to is None for tier in self.tiers[:-1]):
            yield "tiers: only the last tier may be without up_to."
        yield from _order_mistakes(self.tiers)
        codes = self.block_on - BLOCKABLE
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
