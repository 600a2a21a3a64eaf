"""What a card says about deciding: who has, how many are missing, who may, and who cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.bars import bars
from bot.domain.electorate import Problem, ProblemCode
from bot.domain.policy import Ids, Policy, Tier
from bot.domain.quote import Quote
from bot.domain.request import Decision, Request, State, Verdict
from bot.domain.ruling import votes
from bot.domain.tiers import eligible, is_escalated, tier_for
from bot.domain.venue import Venue
from bot.slack.cards import words
from bot.slack.cards.format import clock, foreign, person
from bot.slack.cards.mentions import either, mentions
from bot.slack.cards.refusals import above_all_tiers

# What people do must fit on the card beside the order.
_VOTES_SHOWN = 20
_APPROVERS_SHOWN = 20
_PROBLEMS_SHOWN = 12
_NOTE = 500
_VOTES_NOTE = 200
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
    if tier_for(policy, request) is None:
        highest = policy.tiers[-1].up_to if policy.tiers else None
        bound = highest.in_currency_of(quote.value) if highest else None
        found.append(
            above_all_tiers(quote.value, bound, venue)
            if bound is not None
            else f"The policy names no amounts in {quote.value.currency}, so nothing in that "
            "currency can be approved here. Whoever runs this bot can add them."
        )
    return found


def needed(request: Request, quote: Quote, venue: Venue) -> Iterator[str]:
    """What is missing and who is called; of approvals nothing where any other member will do."""
    policy, tier = venue.policy, tier_for(venue.policy, request)
    is_possible = tier is not None and not hindrances(request, quote, venue)
    if is_possible and tier is not None:
        yield from _missing(request, tier, policy)
    against = len(votes(request, Verdict.REJECTED))
    if against:
        left = max(1, policy.rejections - against)
        more = "1 more rejection ends" if left == 1 else f"{left} more rejections end"
        yield f":ballot_box_with_ballot: {more} it, unless enough approve first."
    if is_possible and (called := mentions(policy.mentions)):
        yield f":bell: {called}"
    if is_possible and policy.escalate_to and is_escalated(request, request.updated_at):
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
    if not policy.self_approval:
        cannot |= {request.requester.user}
    left = ids - cannot
    if not left:
        return ""
    return f" from {either(left)}" if missing == 1 else f", from different people: {either(left)}"


def problem(item: Problem, request: Request) -> str:
    """What is wrong with who may approve, by name."""
    group = mentions([item.group]) if item.group else ""
    return {
        ProblemCode.GROUP_UNREADABLE: (
            f"The user group {group} cannot be read, so the bot cannot tell who is in it. If that "
            "lasts, tell whoever runs this bot."
        ),
        ProblemCode.GROUP_EMPTY: f"The user group {group} is empty: it has nobody who approves.",
        ProblemCode.NO_APPROVER: (
            "*Nobody can approve this*: of those who may, none is left. Whoever runs this bot has "
            "to change the policy or a user group."
        ),
        ProblemCode.TOO_FEW_APPROVERS: (
            f"*This cannot be approved as things are*: it needs {item.needed} different people, "
            f"and only {item.left} could. Whoever runs this bot has to name more."
        ),
        ProblemCode.ONLY_REQUESTER: (
            f"*Nobody can approve this*: {person(request.requester)}, who asked, is the only one "
            "who may. Somebody else has to ask for it."
        ),
        ProblemCode.CURRENCY_MISSING: (
            f"The policy names no amount in the venue’s currency for `{item.rule}`, so nothing is "
            "below it. Whoever runs this bot has to add one."
        ),
    }[item.code]


def problem_texts(problems: Sequence[Problem], request: Request) -> list[str]:
    shown = [f":warning: {problem(item, request)}" for item in problems[:_PROBLEMS_SHOWN]]
    hidden = len(problems) - len(shown)
    return [*shown, f":warning: and {hidden} more of the kind"] if hidden else shown


def may_break_glass(request: Request, quote: Quote, venue: Venue) -> bool:
    """Whether the card offers it; who may do it is decided on the click."""
    glass = venue.policy.break_glass
    if glass is None or request.state is not State.PENDING:
        return False
    return glass.up_to is None or glass.up_to.allows(quote.value)
