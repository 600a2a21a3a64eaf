"""What a venue configured about who may do what: values only; `ruling` applies them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.domain.money import Money
from bot.domain.quote import WarningCode

# Ids of users (U…, W…) and of user groups (S…).
Ids = frozenset[str]


class GuestDetails(StrEnum):
    """How much of a guest's name and e-mail address a channel gets to see."""

    FULL = "full"
    MASKED = "masked"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """An amount, inclusive, in each of some currencies; in any other there is none."""

    amounts: tuple[Money, ...]

    def in_currency_of(self, amount: Money) -> Money | None:
        return next((each for each in self.amounts if each.currency == amount.currency), None)

    def allows(self, amount: Money) -> bool:
        """Whether `amount` is below it; without its currency nobody can say, which is a no."""
        bound = self.in_currency_of(amount)
        return bound is not None and amount <= bound


@dataclass(frozen=True, slots=True)
class Tier:
    """What an amount of up to `up_to` asks for; None: any amount.

    `approvals`: by how many different people. `approvers`: who they must be, None: the policy's.
    """

    up_to: Ceiling | None = None
    approvals: int = 1
    approvers: Ids | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may approve alone, even their own request, in an emergency, and up to what amount."""

    who: Ids
    up_to: Ceiling | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One venue's rules. The defaults are the safe minimum that works without any configuration.

    `requesters`, `approvers`: None is any full member of the workspace (and for approving any
    other one than who asked). `deny_requesters`, `deny_approvers` beat them. `channels`: where
    requests may be made, None: anywhere. `tiers`, lowest first: above the last one nothing is
    approved here; none is one approval for any amount. `approver_daily`, `requester_daily`: what
    one person may approve, or have approved, in a calendar day of `timezone`. `reasons`: the only
    ones there are, none: any. `block_on`: warnings that forbid the approval. `rejections`: how many
    end a request; with more than one, enough approvals overrule the first. `mentions` are called
    when a request waits, `escalate_to` after `escalate_after`, and may then approve as well where
    a tier does not name its own approvers. `remind_after`: the waits before the first and each
    further reminder. `expire_after`: how long a quote waits for its decision, None: for ever.
    `is_default`: nobody configured it.
    """

    requesters: Ids | None = None
    approvers: Ids | None = None
    deny_requesters: Ids = frozenset()
    deny_approvers: Ids = frozenset()
    channels: frozenset[str] | None = None
    self_approval: bool = False
    self_approval_up_to: Ceiling | None = None
    tiers: tuple[Tier, ...] = ()
    approver_daily: Ceiling | None = None
    requester_daily: Ceiling | None = None
    auto_approve_up_to: Ceiling | None = None
    reason_required: bool = False
    reasons: tuple[str, ...] = ()
    block_on: frozenset[WarningCode] = frozenset()
    max_order_age: timedelta | None = None
    rejections: int = 1
    break_glass: BreakGlass | None = None
    mentions: tuple[str, ...] = ()
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    remind_after: tuple[timedelta, ...] = (
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=8),
    )
    expire_after: timedelta | None = timedelta(hours=72)
    guest_details: GuestDetails = GuestDetails.MASKED
    timezone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009 - as immutable as the rest
    is_default: bool = False

    @property
    def has_limits(self) -> bool:
        return self.approver_daily is not None or self.requester_daily is not None

    @property
    def all_approvers(self) -> Ids | None:
        """Everybody who may approve anything at all in the ordinary way; None: any full member."""
        tiers = self.tiers or (Tier(),)
        if self.approvers is None and any(tier.approvers is None for tier in tiers):
            return None
        return self.named_approvers

    @property
    def named_approvers(self) -> Ids:
        """Those who are named as approvers of anything."""
        named = self.approvers or frozenset()
        return named.union(*(tier.approvers or () for tier in self.tiers))

    def ceilings(self) -> Iterator[tuple[str, Ceiling]]:
        """Every amount there is, by the setting's name."""
        for number, tier in enumerate(self.tiers):
            if tier.up_to is not None:
                yield f"tiers[{number}].up_to", tier.up_to
        named = {
            "approver_daily_limit": self.approver_daily,
            "requester_daily_limit": self.requester_daily,
            "self_approval_up_to": self.self_approval_up_to,
            "auto_approve_up_to": self.auto_approve_up_to,
            "break_glass.up_to": self.break_glass.up_to if self.break_glass else None,
        }
        for name, ceiling in named.items():
            if ceiling is not None:
                yield name, ceiling

    @property
    def groups(self) -> frozenset[str]:
        """The user groups whose members must be known to apply it."""
        return frozenset(each for each in self._ids() if is_group(each))

    @property
    def deny_groups(self) -> frozenset[str]:
        denied = self.deny_requesters | self.deny_approvers
        return frozenset(each for each in denied if is_group(each))

    def _ids(self) -> Iterator[str]:
        yield from self.requesters or ()
        yield from self.named_approvers
        yield from self.deny_requesters
        yield from self.deny_approvers
        yield from self.escalate_to
        yield from self.break_glass.who if self.break_glass else ()


def is_group(slack_id: str) -> bool:
    return slack_id.startswith("S")
