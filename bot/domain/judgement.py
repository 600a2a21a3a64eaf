"""What a ruling says: the enum reason, and the rule it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.money import Money
from bot.domain.request import Decision


class Ruling(StrEnum):
    """The reason of a judgement; everything but ALLOWED is a no."""

    ALLOWED = "allowed"
    REPEATED = "repeated"  # this very delivery was acted on before
    STATE_MOVED_ON = "state_moved_on"
    QUOTE_CHANGED = "quote_changed"
    QUOTE_BLOCKED = "quote_blocked"
    BARRED = "barred"
    # Who somebody is.
    NOT_VERIFIED = "not_verified"
    OTHER_WORKSPACE = "other_workspace"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    # What somebody may do.
    DENIED = "denied"
    NOT_A_REQUESTER = "not_a_requester"
    NOT_AN_APPROVER = "not_an_approver"
    REQUESTER_ONLY = "requester_only"
    OWN_REQUEST = "own_request"
    SELF_APPROVAL = "self_approval"
    SELF_APPROVAL_ABOVE = "self_approval_above"
    ALREADY_VOTED = "already_voted"
    NOTHING_TO_TAKE_BACK = "nothing_to_take_back"
    NO_BREAKING_GLASS = "no_breaking_glass"
    # Up to what amount.
    ABOVE_ALL_TIERS = "above_all_tiers"
    NO_TIER_IN_CURRENCY = "no_tier_in_currency"
    BREAK_GLASS_ABOVE = "break_glass_above"
    APPROVER_LIMIT = "approver_limit"
    REQUESTER_LIMIT = "requester_limit"
    NOT_AUTOMATIC = "not_automatic"
    # What is asked for, and where.
    WRONG_CHANNEL = "wrong_channel"
    REASON_MISSING = "reason_missing"
    REASON_NOT_LISTED = "reason_not_listed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A ruling and what it rests on.

    `rule`: the setting (within `[policy]`), or `default` and the like where none is set. With
    ALLOWED for a vote, `counted`: the earlier votes of its kind that still count, `lapsed`: those
    that do not; `missing`: how many more are needed before it takes effect. `bound`, `used`: an
    amount that may not be passed, and how much of it is used up.
    """

    ruling: Ruling
    rule: str = ""
    missing: int = 0
    counted: tuple[Decision, ...] = ()
    lapsed: tuple[Decision, ...] = ()
    bound: Money | None = None
    used: Money | None = None

    @property
    def is_allowed(self) -> bool:
        return self.ruling is Ruling.ALLOWED


@dataclass(frozen=True, slots=True)
class Usage:
    """What was approved today, by this person and for this requester, without this request."""

    by_approver: Money
    for_requester: Money


class Refusal(Exception):  # noqa: N818 - no error: how the first check that says no ends the asking
    """`judgement` says why."""

    def __init__(
        self,
        ruling: Ruling,
        rule: str,
        bound: Money | None = None,
        used: Money | None = None,
    ) -> None:
        super().__init__(ruling)
        self.judgement = Judgement(ruling, rule, bound=bound, used=used)
