"""Why somebody may not: a sentence for every no, and what to do instead. For one person only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.domain.bars import bars
from bot.domain.checks import limits_below
from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person
from bot.domain.policy import Ids
from bot.domain.request import Request, State, Verdict
from bot.domain.ruling import EXPIRY, Action, own_vote, votes
from bot.domain.tiers import anywhere_eligible, eligible, may_approve_own, tier_for
from bot.domain.venue import Venue
from bot.slack.cards import approvals, words
from bot.slack.cards.format import clean, foreign, money, person
from bot.slack.cards.mentions import either

_UNCHANGED = "Nothing was changed."
_TELL = "tell whoever runs this bot"
_OTHERWISE = f"That is not possible here. {_UNCHANGED} If it should be, {_TELL}."


def refusal(
    judgement: Judgement,
    action: Action,
    request: Request,
    venue: Venue,
    who: Person,
    now: datetime,
) -> str:
    """Tell somebody why their click did nothing. The request stays as it is."""
    ruling = judgement.ruling
    if ruling is Ruling.STATE_MOVED_ON:
        return too_late(request, venue) if judgement.rule == EXPIRY else moved_on(request, venue)
    if ruling is Ruling.BARRED:
        return _barred(request, venue, now)
    return (
        standing(ruling)
        or _right(ruling, action, request, venue, who, now)
        or _never(ruling, request, venue)
        or _amount(judgement, action, request, venue)
        or _quote(ruling, request)
        or _OTHERWISE
    )


def refused_request(judgement: Judgement, venue: Venue) -> str:
    """Tell somebody why they cannot ask, here or like this."""
    policy = venue.policy
    match judgement.ruling:
        case Ruling.NOT_A_REQUESTER:
            return (
                "You are not among those who may ask for cancellations at "
                f"{foreign(venue.name, 60)}. Let one of them do it: "
                f"{either((policy.requesters or frozenset()) - policy.deny_requesters)}."
            )
        case Ruling.DENIED:
            return (
                f"The policy of {foreign(venue.name, 60)} does not let you ask for cancellations. "
                f"If that is wrong, {_TELL}."
            )
        case Ruling.WRONG_CHANNEL:
            channels = ", ".join(f"<#{each}>" for each in sorted(policy.channels or ())[:10])
            return (
                f"Cancellations at {foreign(venue.name, 60)} are not asked for in this channel. "
                f"Ask in {channels}."
            )
        case Ruling.REASON_MISSING | Ruling.REASON_NOT_LISTED:
            return reason_wanted(judgement, venue)
        case ruling:
            return standing(ruling) or _OTHERWISE


def refused_look(judgement: Judgement, venue: Venue) -> str:
    """Tell somebody why they cannot see what was asked for."""
    return standing(judgement.ruling) or (
        f"You may neither ask for cancellations at {foreign(venue.name, 60)} nor approve them, so "
        f"you cannot see what was asked for there. If that is wrong, {_TELL}."
    )


def reason_wanted(judgement: Judgement, venue: Venue) -> str:
    """Ask for a reason, after a command."""
    wanted = _wanted(judgement, foreign(venue.name, 60), _listed(venue, foreign))
    return f"{wanted} Type it after the order id."


def reason_wanted_in_form(judgement: Judgement, venue: Venue) -> str:
    """Ask for a reason beside its field, where nothing is escaped."""
    return _wanted(judgement, clean(venue.name, 60), _listed(venue, clean))


def _listed(venue: Venue, spelled: Callable[[str, int], str]) -> str:
    return ", ".join(f"“{spelled(each, 75)}”" for each in venue.policy.reasons)


def _wanted(judgement: Judgement, name: str, listed: str) -> str:
    if not listed:
        return f"A reason is required here: {name} cancels nothing without one."
    if judgement.ruling is Ruling.REASON_MISSING:
        start = f"A reason is required here. At {name} it begins with one of these"
    else:
        start = f"At {name} the reason must begin with one of these"
    return f"{start}: {listed}. More words may follow."


def standing(ruling: Ruling) -> str:
    """Who somebody is, and that this is why; "" for other reasons."""
    return {
        Ruling.NOT_VERIFIED: (
            f"The bot could not find out from Slack who may do this. {_UNCHANGED} Try again in a "
            f"moment; if it keeps happening, {_TELL}."
        ),
        Ruling.OTHER_WORKSPACE: (
            f"This belongs to another workspace than yours, whose people decide on it. {_UNCHANGED}"
        ),
        Ruling.GUEST: (
            "You are a guest in this workspace; only its full members can do this, so ask one of "
            f"them. {_UNCHANGED}"
        ),
        Ruling.BOT: f"Bots can neither ask for refunds nor decide on them. {_UNCHANGED}",
        Ruling.DEACTIVATED: f"Your account in this workspace is deactivated. {_UNCHANGED}",
    }.get(ruling, "")


def _right(
    ruling: Ruling, action: Action, request: Request, venue: Venue, who: Person, now: datetime
) -> str:
    asker, order = person(request.requester), foreign(request.order_label, 40)
    do = _verb(action)
    return {
        Ruling.DENIED: (
            f"The policy here does not let you do this. {_UNCHANGED} If that is wrong, {_TELL}."
        ),
        Ruling.NOT_AN_APPROVER: (
            f"You are not among those who may decide on this. {_UNCHANGED} "
            f"{_ask(_approvers(action, request, venue, now))}"
        ),
        Ruling.REQUESTER_ONLY: (
            f"Only {asker}, who asked, can do that. Whoever may approve can stop it with *Reject*."
        ),
        Ruling.OWN_REQUEST: "This is your own request: use *Withdraw* to take it back.",
        Ruling.SELF_APPROVAL: (
            f"You asked for this yourself, so somebody else must {do} it. Order {order} is "
            "unchanged."
        ),
        Ruling.ALREADY_VOTED: _already_voted(action, request, who),
        Ruling.NOTHING_TO_TAKE_BACK: (
            "You have not decided on what the card shows now, so there is nothing to take back."
        ),
        Ruling.NO_BREAKING_GLASS: _no_breaking_glass(venue),
    }.get(ruling, "")


def _verb(action: Action) -> str:
    return "settle" if action is Action.RESOLVE else "approve"


def _approvers(action: Action, request: Request, venue: Venue, now: datetime) -> Ids:
    """Who still may, as far as the lists tell; more people may stop it than may approve it."""
    policy = venue.policy
    tier = tier_for(policy, request) if action is Action.APPROVE else None
    ids = eligible(policy, tier, request, now)[0] if tier else None
    if ids is None:
        ids = anywhere_eligible(policy, request, now) or frozenset()
    cannot = policy.deny_approvers
    if action is Action.REJECT or not may_approve_own(policy, request):
        cannot |= {request.requester.user}
    if action in {Action.APPROVE, Action.REJECT}:
        cannot |= {vote.by.user for vote in votes(request, Verdict.REJECTED) if vote.by}
    if action is Action.APPROVE:
        cannot |= {vote.by.user for vote in votes(request, Verdict.APPROVED) if vote.by}
    return ids - cannot


def _ask(ids: Ids) -> str:
    return f"Ask one of them: {either(ids)}." if ids else f"Nobody else may either: {_TELL}."


def _no_breaking_glass(venue: Venue) -> str:
    glass = venue.policy.break_glass
    if glass is None:
        return f"Nobody may approve alone here, not even in an emergency. {_UNCHANGED}"
    text = "You are not among those who may approve alone in an emergency."
    return f"{text} {_UNCHANGED} {_ask(glass.who - venue.policy.deny_approvers)}"


def _already_voted(action: Action, request: Request, who: Person) -> str:
    own, wish = own_vote(request, who), "rejection" if action is Action.REJECT else "approval"
    done = "rejected" if own is not None and own.verdict is Verdict.REJECTED else "approved"
    if done == "rejected" and wish == "approval":
        return "You rejected this already. To approve it instead, use *Take back mine* first."
    return (
        f"You {done} this already, and once is what counts: the next {wish} must be somebody "
        "else’s. *Take back mine* undoes yours."
    )


def _never(ruling: Ruling, request: Request, venue: Venue) -> str:
    """Say so where the amount alone is above a daily limit: then no day and nobody else will do."""
    value = request.quote.value if request.quote else None
    for limit, rule, bound in limits_below(venue.policy, value) if value else ():
        if limit is ruling and value:
            return f"{words.above_daily_limit(rule, value, bound, venue)} {_UNCHANGED}"
    return ""


def _amount(judgement: Judgement, action: Action, request: Request, venue: Venue) -> str:
    value = request.quote.value if request.quote else None
    currency = value.currency if value else venue.currency
    bound = money(judgement.bound, venue) if judgement.bound else None
    unnamed = (
        f"The policy names no amount in {currency} for this (`{judgement.rule}`), so nothing in "
        f"that currency can be approved like this. {_UNCHANGED} Whoever runs this bot can add it."
    )
    match judgement.ruling:
        case Ruling.NO_TIER_IN_CURRENCY:
            return unnamed
        case Ruling.ABOVE_ALL_TIERS:
            return f"{words.above_all_tiers(value, judgement.bound, venue)} {_UNCHANGED}"
        case Ruling.SELF_APPROVAL_ABOVE if bound:
            return (
                f"You may {_verb(action)} your own requests up to {bound} only; somebody else must "
                f"{_verb(action)} this one. {_UNCHANGED}"
            )
        case Ruling.BREAK_GLASS_ABOVE if bound:
            return (
                f"Even in an emergency nobody may approve more than {bound} alone; this needs its "
                f"approvals. {_UNCHANGED}"
            )
        case Ruling.APPROVER_LIMIT if bound and judgement.used is not None:
            return (
                f"One person may approve {bound} a day here, and you have approved "
                f"{money(judgement.used, venue)} today; with this it would be too much. Somebody "
                f"else can approve it; your own sum {_anew(venue)}. {_UNCHANGED}"
            )
        case Ruling.REQUESTER_LIMIT if bound and judgement.used is not None:
            return (
                f"One person’s requests may come to {bound} a day here, and "
                f"{money(judgement.used, venue)} was approved for {person(request.requester)} "
                f"today; with this it would be too much. That sum {_anew(venue)}. {_UNCHANGED}"
            )
        case (
            Ruling.SELF_APPROVAL_ABOVE
            | Ruling.BREAK_GLASS_ABOVE
            | Ruling.APPROVER_LIMIT
            | Ruling.REQUESTER_LIMIT
        ) if bound is None:
            return unnamed
    return ""


def _anew(venue: Venue) -> str:
    return f"begins anew at midnight{'' if venue.timezone else ' UTC'}"


def _quote(ruling: Ruling, request: Request) -> str:
    return {
        Ruling.QUOTE_CHANGED: (
            "The card changed since you saw it, so your click did not count. Look at the new "
            "amounts and decide again."
        ),
        Ruling.QUOTE_BLOCKED: (
            "This cannot be approved as it stands: something selected cannot be cancelled here. "
            f"{person(request.requester)} can use *Choose tickets* to leave it out."
        ),
    }.get(ruling, "")


def _barred(request: Request, venue: Venue, now: datetime) -> str:
    quote = request.quote
    found = bars(venue.policy, request, now) if quote else ()
    causes = dict.fromkeys(words.warning(item, quote, venue) for item in found if quote)
    said = ["The policy here does not let anybody approve this.", *causes, _UNCHANGED]
    if quote is not None:
        said.append(approvals.way_out(venue.policy, request, quote, now))
    return " ".join(said)


def moved_on(request: Request, venue: Venue) -> str:
    """Tell who got there first, and when."""
    order = foreign(request.order_label, 40)
    decision = request.decision
    if request.state is State.EXPIRED:
        return too_late(request, venue)
    if request.state is State.PENDING:
        return f"Order {order} is waiting for approval again. Look at its card, and decide."
    still = "yet" if request.state is State.REQUESTED else "any more"
    first = words.decided(decision) if decision else f"There is nothing to decide {still}"
    return f"{first}; order {order} {words.standing(request)}. Your click changed nothing."


def too_late(request: Request, venue: Venue) -> str:
    """Tell that the time to decide is over, whether or not the card shows it yet."""
    return (
        f"Too late: {words.undecided(request)} on order {foreign(request.order_label, 40)} in "
        f"time, so this request expired. {_UNCHANGED} {words.ask_again(request, venue)}"
    )
