"""Whether anybody could approve at all: what is wrong with a policy before it is needed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.policy import Ids, Policy, Tier, is_group
from bot.domain.request import Request
from bot.domain.tiers import may_approve_own, tier_for


class ProblemCode(StrEnum):
    GROUP_UNREADABLE = "group_unreadable"
    GROUP_EMPTY = "group_empty"
    NO_APPROVER = "no_approver"
    TOO_FEW_APPROVERS = "too_few_approvers"
    ONLY_REQUESTER = "only_requester"
    CURRENCY_MISSING = "currency_missing"
    TOO_FEW_REJECTERS = "too_few_rejecters"


_HARMLESS = frozenset(
    {ProblemCode.GROUP_UNREADABLE, ProblemCode.GROUP_EMPTY, ProblemCode.TOO_FEW_REJECTERS}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with `rule`.

    `group`: the user group it is about. `needed` of those who are `left` must approve, or reject.
    """

    code: ProblemCode
    rule: str
    group: str | None = None
    needed: int = 0
    left: int = 0

    @property
    def is_fatal(self) -> bool:
        """Whether nobody can satisfy the rule, as opposed to fewer people than was meant.

        An amount without the currency is one that nothing is below, whoever it is about.
        """
        return self.code not in _HARMLESS


@dataclass(frozen=True, slots=True)
class Roster:
    """`members` of user groups, None where one cannot be read; `unfit`: ids of no full members."""

    members: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    unfit: frozenset[str] = frozenset()

    def expand(self, ids: Ids) -> frozenset[str]:
        """The user ids that a list of users and groups comes to."""
        users = {each for each in ids if not is_group(each)}
        for group in ids - users:
            users |= self.members.get(group) or frozenset()
        return frozenset(users)


def problems(policy: Policy, roster: Roster, currency: str) -> tuple[Problem, ...]:
    """Return what is wrong with a venue's policy, whoever asks for whatever.

    `currency`: the venue's.
    """
    found = [
        Problem(ProblemCode.CURRENCY_MISSING, name)
        for name, ceiling in policy.ceilings()
        if all(amount.currency != currency for amount in ceiling.amounts)
    ]
    found += list(_group_problems(policy.groups, policy.deny_groups, roster))
    tiers = policy.tiers or (Tier(),)
    for number, tier in enumerate(tiers):
        name = f"tiers[{number}]" if policy.tiers else "approvers"
        left = _left(policy, tier, roster)
        if left is None:
            continue
        if len(left) < tier.approvals:
            found.append(_too_few(name, tier, len(left)))
        elif not policy.self_approval and _only_among_themselves(policy, tier, roster, left):
            code = ProblemCode.ONLY_REQUESTER
            found.append(Problem(code, name, None, tier.approvals, len(left)))
    found += _too_few_rejecters(policy, policy.all_approvers, roster, frozenset())
    return tuple(found)


def problems_of_request(
    policy: Policy, request: Request, roster: Roster, is_late: bool = False
) -> tuple[Problem, ...]:
    """Return why nobody may be able to approve this request, first what is decisive.

    `is_late`: it has been escalated.
    """
    tier = tier_for(policy, request)
    if tier is None:
        return ()
    ids = tier.approvers if tier.approvers is not None else policy.approvers
    called = frozenset(policy.escalate_to) if is_late and tier.approvers is None else frozenset()
    left = _left(policy, tier, roster, called)
    if left is None:
        return ()
    found = list(
        _group_problems(
            (ids or frozenset()) | called | policy.deny_approvers, policy.deny_groups, roster
        )
    )
    others = left if may_approve_own(policy, request) else left - {request.requester.user}
    if len(others) < tier.approvals:
        only = left and not others
        code = ProblemCode.ONLY_REQUESTER if only else ProblemCode.TOO_FEW_APPROVERS
        if not left:
            code = ProblemCode.NO_APPROVER
        found.insert(0, Problem(code, "approvers", None, tier.approvals, len(others)))
    anywhere = policy.all_approvers
    if anywhere is not None and policy.approvers is not None and is_late:
        anywhere |= set(policy.escalate_to)
    asker = frozenset({request.requester.user})
    found += _too_few_rejecters(policy, anywhere, roster, asker)
    return tuple(found)


def _too_few_rejecters(
    policy: Policy, ids: Ids | None, roster: Roster, besides: Ids
) -> Iterator[Problem]:
    """Whether the quorum of rejections can be had; where one is enough, or a group is not known,
    nothing is said."""
    if ids is None or policy.rejections == 1:
        return
    if any(roster.members.get(each) is None for each in ids if is_group(each)):
        return
    left = roster.expand(ids) - roster.expand(policy.deny_approvers) - roster.unfit - besides
    if len(left) < policy.rejections:
        code = ProblemCode.TOO_FEW_REJECTERS
        yield Problem(code, "rejections", None, policy.rejections, len(left))


def _only_among_themselves(
    policy: Policy, tier: Tier, roster: Roster, left: frozenset[str]
) -> bool:
    """Whether whoever may ask is needed for the approval of what they ask for."""
    if policy.requesters is None:
        return False
    askers = roster.expand(policy.requesters) - roster.expand(policy.deny_requesters)
    return bool(askers) and all(len(left - {asker}) < tier.approvals for asker in askers)


def _too_few(rule: str, tier: Tier, left: int) -> Problem:
    code = ProblemCode.TOO_FEW_APPROVERS if left else ProblemCode.NO_APPROVER
    return Problem(code, rule, None, tier.approvals, left)


def _left(
    policy: Policy, tier: Tier, roster: Roster, called: Ids = frozenset()
) -> frozenset[str] | None:
    """Who could approve at a tier; None: any full member who is not denied, too many to count."""
    if any(roster.members.get(each) is None for each in policy.deny_approvers if is_group(each)):
        return frozenset()  # anybody may be in it, so nobody is let through
    ids = tier.approvers if tier.approvers is not None else policy.approvers
    if ids is None:
        return None
    return roster.expand(ids | called) - roster.expand(policy.deny_approvers) - roster.unfit


def _group_problems(ids: Ids, may_be_empty: Ids, roster: Roster) -> Iterator[Problem]:
    for group in sorted(each for each in ids if is_group(each)):
        members = roster.members.get(group)
        if members is None:
            yield Problem(ProblemCode.GROUP_UNREADABLE, "user groups", group)
        elif not members and group not in may_be_empty:
            yield Problem(ProblemCode.GROUP_EMPTY, "user groups", group)
