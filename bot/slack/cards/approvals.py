"""What a card says about deciding: who has, how many are missing, who may, and who cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.domain.bars import bars
from bot.domain.checks import limits_below
from bot.domain.electorate import Problem, ProblemCode
from bot.domain.policy import Ids, Policy, Tier, is_group
from bot.domain.quote import Quote, WarningCode
from bot.domain.request import Decision, Request, State, Verdict
from bot.domain.ruling import votes
from bot.domain.tiers import eligible, is_escalated, may_approve_own, tier_for
from bot.domain.venue import Venue
from bot.slack.cards import words
from bot.slack.cards.format import clock, deadline, foreign, person
from bot.slack.cards.mentions import either, mentions

# What people do must fit on the card beside the order.
_VOTES_SHOWN = 20
_APPROVERS_SHOWN = 20
_PROBLEMS_SHOWN = 12
_NOTE = 500
_VOTES_NOTE = 200
# What is true of an order, whichever of its tickets are chosen.
_OF_THE_ORDER = frozenset(
    {
        WarningCode.UNPAID_BALANCE,
        WarningCode.ORGANISATION,
        WarningCode.NOT_CARD,
        WarningCode.OLD_ORDER,
        WarningCode.HOLDS_MEMBERSHIP,
        WarningCode.TOO_OLD,
    }
)
_VERBS = {
    Verdict.APPROVED: ":thumbsup: Approved",
    Verdict.BROKE_GLASS: ":rotating_light: Approved alone, in an emergency,",
    Verdict.AUTOMATIC: ":robot_face: Approved",
    Verdict.REJECTED: ":no_entry_sign: Rejected",
    Verdict.WITHDRAWN: ":leftwards_arrow_with_hook: Withdrawn",
    Verdict.RESOLVED: ":memo: Settled",
}


def decisions(request: Request) -> Iterator[str]:
    """Who decided what, in order: the votes, then what took effect if it is none of them."""
    given, taken = request.votes, request.decision
    hidden = len(given) - _VOTES_SHOWN
    if hidden > 0:
        yield f":ballot_box_with_ballot: Earlier decisions that are not shown: {hidden}."
    for vote in given[-_VOTES_SHOWN:]:
        yield _decision(vote, _NOTE if vote == taken else _VOTES_NOTE)
    if taken is not None and taken not in given:
        yield _decision(taken, _NOTE)


def _decision(decision: Decision, most: int) -> str:
    note = f"\n>{foreign(decision.note, most)}" if decision.note else ""
    if decision.by is None:
        return f"{_VERBS[decision.verdict]} by the policy itself · {clock(decision.at)}"
    return f"{_VERBS[decision.verdict]} by {person(decision.by)} · {clock(decision.at)}{note}"


def approvers(request: Request) -> str:
    """Name everybody who approved what was carried out."""
    decision = request.decision
    if decision is not None and decision.verdict.is_approval and decision.by is None:
        return "the policy (below its limit for that)"
    named = [vote.by for vote in votes(request, Verdict.APPROVED) if vote.by]
    if decision is not None and decision.by is not None and decision.by not in named:
        named.append(decision.by)
    shown = [person(each) for each in named[:_APPROVERS_SHOWN]]
    if len(named) > len(shown):
        shown.append(f"and {len(named) - len(shown)} more")
    return ", ".join(shown) or "not recorded"


def hindrances(request: Request, quote: Quote, venue: Venue) -> list[str]:
    """What the policy holds against approving this at all, whoever does it."""
    found = [
        words.warning(item, quote, venue)
        for item in bars(venue.policy, request, request.updated_at)
    ]
    policy = venue.policy
    found += [
        words.above_daily_limit(rule, quote.value, bound, venue)
        for _, rule, bound in limits_below(policy, quote.value)
    ]
    if tier_for(policy, request) is None:
        highest = policy.tiers[-1].up_to if policy.tiers else None
        bound = highest.in_currency_of(quote.value) if highest else None
        found.append(
            words.above_all_tiers(quote.value, bound, venue)
            if bound is not None
            else words.no_amount_in(quote.value.currency, "tiers")
        )
    return found


def other_tickets_may_do(policy: Policy, request: Request, quote: Quote, now: datetime) -> bool:
    """Whether hindrances can be got round by another choice: not where they are of the order."""
    if any(item.code in _OF_THE_ORDER for item in bars(policy, request, now)):
        return False
    ceilings = [
        *(tier.up_to for tier in policy.tiers),
        policy.approver_daily,
        policy.requester_daily,
    ]
    return all(each.in_currency_of(quote.value) is not None for each in ceilings if each)


def way_out(policy: Policy, request: Request, quote: Quote, now: datetime) -> str:
    """What its requester can do about hindrances."""
    asker = person(request.requester)
    if other_tickets_may_do(policy, request, quote, now):
        return (
            f"{asker} can *Choose tickets* to leave out what stands in the way, or *Withdraw* it."
        )
    return (
        f"Choosing other tickets does not help: {asker} can *Withdraw* it, or have whoever runs "
        "this bot change the policy."
    )


def needed(
    request: Request, quote: Quote, venue: Venue, problems: Sequence[Problem] = ()
) -> Iterator[str]:
    """What is missing and who is called; of approvals nothing where any other member will do.

    Nobody is called for what they certainly cannot do, and nothing is asked for that cannot be had.
    """
    policy, tier = venue.policy, tier_for(venue.policy, request)
    is_possible = tier is not None and not hindrances(request, quote, venue)
    if is_possible and tier is not None and not is_stuck(problems):
        yield from _missing(request, tier, policy)
    against = len(votes(request, Verdict.REJECTED))
    if against and not any(item.code is ProblemCode.TOO_FEW_REJECTERS for item in problems):
        left = max(1, policy.rejections - against)
        more = "1 more rejection ends" if left == 1 else f"{left} more rejections end"
        unless = ", unless enough approve first" if is_possible and not is_stuck(problems) else ""
        yield f":ballot_box_with_ballot: {more} it{unless}."
    if not is_possible or is_hopeless(problems):
        return
    if called := mentions(policy.mentions):
        yield f":bell: {called}"
    if policy.escalate_to and is_escalated(request, request.updated_at):
        yield f":arrow_double_up: Escalated to {mentions(policy.escalate_to)}"


def _missing(request: Request, tier: Tier, policy: Policy) -> Iterator[str]:
    ids, _ = eligible(policy, tier, request, request.updated_at)
    given = len(votes(request, Verdict.APPROVED))
    missing = max(1, tier.approvals - given)
    if missing == 1 and not given and ids is None:
        return
    more = " more" if given else ""
    count = f"1{more} approval" if missing == 1 else f"{missing}{more} approvals"
    yield f":ballot_box_with_ballot: Needs {count}{_from_whom(request, policy, ids, missing)}."


def _from_whom(request: Request, policy: Policy, ids: Ids | None, missing: int) -> str:
    """Name those who still could, as far as the list itself tells.

    Not when the card is first posted: then a name is a call, and who is called is `mentions`.
    """
    if ids is None:
        return " from another full member" if missing == 1 else ", from different full members"
    if request.card is None:
        who = "who may approve this amount"
        return f" from somebody {who}" if missing == 1 else f", from different people {who}"
    cannot = {vote.by.user for vote in request.votes if vote.by} | policy.deny_approvers
    if not may_approve_own(policy, request):
        cannot |= {request.requester.user}
    left = ids - cannot
    if not left:
        return ""
    if len(left) < missing and not any(is_group(each) for each in left):
        # Whoever rejected is left out of the names, and needed.
        return f": {either(left)}, and of those who rejected, whoever takes that back"
    return f" from {either(left)}" if missing == 1 else f", from different people: {either(left)}"


def is_stuck(problems: Sequence[Problem]) -> bool:
    """Whether, as far as is known, no set of people could approve it."""
    return any(item.is_fatal for item in problems)


def is_hopeless(problems: Sequence[Problem]) -> bool:
    """Whether that is certain: a group that could not be read may have people in it after all."""
    return is_stuck(problems) and not _is_in_doubt(problems)


def _is_in_doubt(problems: Sequence[Problem]) -> bool:
    return any(item.code is ProblemCode.GROUP_UNREADABLE for item in problems)


def stuck_texts(
    problems: Sequence[Problem], request: Request, quote: Quote, venue: Venue
) -> list[str]:
    """What a card says first that nobody can approve: why, who has to change what, what is left."""
    lines = ["As soon as that is mended, *Approve* works, on this card too."]
    if may_break_glass(request, quote, venue):
        lines.append("*Emergency: approve alone* stays open to those who may.")
    at = request.escalates_at
    if _more_may_later(request, venue.policy) and at is not None:
        lines.append(f"From {deadline(at, venue)} on more people may approve.")
    return [*problem_texts(problems, request), " ".join(lines)]


def _more_may_later(request: Request, policy: Policy) -> bool:
    tier = tier_for(policy, request)
    if tier is None or tier.approvers is not None or policy.approvers is None:
        return False
    more = set(policy.escalate_to) - policy.approvers
    return bool(more) and not is_escalated(request, request.updated_at)


def problem(item: Problem, request: Request, in_doubt: bool = False) -> str:
    """What is wrong with who may approve, by name. `in_doubt`: some of them are not known."""
    group = mentions([item.group]) if item.group else ""
    if in_doubt and item.is_fatal:
        return _doubt(item)
    return {
        ProblemCode.GROUP_UNREADABLE: (
            f"The user group {group} cannot be read, so the bot cannot tell who is in it. If that "
            "lasts, tell whoever runs this bot."
        ),
        ProblemCode.GROUP_EMPTY: f"The user group {group} is empty: it has nobody who approves.",
        ProblemCode.NO_APPROVER: (
            "*Nobody can approve this*: of those who may, none is left. Whoever runs this bot has "
            "to name other approvers in the policy, or put people into its user groups."
        ),
        ProblemCode.TOO_FEW_APPROVERS: (
            f"*This cannot be approved as things are*: it needs {item.needed} different people, "
            f"and only {item.left} could. Whoever runs this bot has to name more approvers in the "
            "policy, or put more people into its user groups."
        ),
        ProblemCode.ONLY_REQUESTER: (
            f"*Nobody can approve this*: {person(request.requester)}, who asked, is the only one "
            f"who may. {_without_requester(item)}"
        ),
        ProblemCode.CURRENCY_MISSING: (
            f"The policy names no amount in the venue’s currency for `{item.rule}`, so nothing is "
            "below it. Whoever runs this bot has to add one."
        ),
        ProblemCode.TOO_FEW_REJECTERS: (
            f"A rejection needs {item.needed} different people, and only {item.left} could: until "
            "whoever runs this bot changes that, *Withdraw* or the expiry is what ends this."
        ),
    }[item.code]


def _without_requester(item: Problem) -> str:
    """An order has one live request, so somebody else can only ask after it was withdrawn."""
    if item.needed > 1:
        return f"Whoever runs this bot has to name {item.needed} others in the policy."
    return (
        "*Withdraw* it and let somebody else ask, or have whoever runs this bot name another "
        "approver in the policy."
    )


def _doubt(item: Problem) -> str:
    if item.code is ProblemCode.TOO_FEW_APPROVERS and item.left:
        return (
            f"*This cannot be approved right now*: it needs {item.needed} different people, and "
            f"the bot can find only {item.left}."
        )
    return "*Nobody can approve this right now*, as far as the bot can tell."


def problem_texts(problems: Sequence[Problem], request: Request) -> list[str]:
    in_doubt = _is_in_doubt(problems)
    shown = [f":warning: {problem(item, request, in_doubt)}" for item in problems[:_PROBLEMS_SHOWN]]
    hidden = len(problems) - len(shown)
    return [*shown, f":warning: and {hidden} more of the kind"] if hidden else shown


def may_break_glass(request: Request, quote: Quote, venue: Venue) -> bool:
    """Whether the card offers it; who may do it is decided on the click."""
    glass = venue.policy.break_glass
    if glass is None or request.state is not State.PENDING:
        return False
    if any(limits_below(venue.policy, quote.value)):
        return False
    return glass.up_to is None or glass.up_to.allows(quote.value)
