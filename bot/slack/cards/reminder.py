"""The reminder in the card's thread: what still waits, for whoever may have forgotten it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.electorate import Problem
from bot.domain.quote import Quote
from bot.domain.request import Request, State
from bot.domain.tiers import is_escalated
from bot.domain.venue import Venue
from bot.slack.cards import approvals
from bot.slack.cards.card import metadata
from bot.slack.cards.format import clock, deadline, foreign, money, person, roughly, tickets
from bot.slack.cards.mentions import mentions
from bot.slack.cards.message import Message, section


def reminder_kind(request: Request) -> str:
    """Name the newest reminder within its request.

    With the run, because the count begins anew when a request gets stuck after its approval.
    """
    return f"reminder:{request.revision}:{request.run}:{request.reminders}"


def reminder(
    request: Request, venue: Venue, link: str | None, problems: Sequence[Problem] = ()
) -> Message | None:
    """Render the newest reminder; None where none is due. `link` leads to the card.

    It is posted once and never updated, so it says nothing that soon becomes untrue. `problems`:
    why nobody may be able to approve the request.
    """
    if not request.reminders or request.quote is None:
        return None
    match request.state:
        case State.PENDING:
            lines = _waiting(request, request.quote, venue, link, problems)
        case State.UNKNOWN:
            lines = _unsettled(request, request.quote, venue, link)
        case _:
            return None
    called = mentions(_called(request, request.quote, venue, problems))
    text = "\n".join([f"{called} {lines[0]}" if called else lines[0], *lines[1:]])
    return Message(
        text=text,
        blocks=(section(text),),
        metadata=metadata(request, reminder_kind(request)),
        broadcast=True,
    )


def _called(
    request: Request, quote: Quote, venue: Venue, problems: Sequence[Problem]
) -> tuple[str, ...]:
    """Those who are always called, unless it is in vain, and after a time more people."""
    policy = venue.policy
    if request.state is not State.PENDING:
        return policy.mentions
    in_vain = _is_barred(request, quote, venue) or approvals.is_hopeless(problems)
    always = () if in_vain else policy.mentions
    late = policy.escalate_to if is_escalated(request, request.updated_at) else ()
    return (*late, *always)


def _is_barred(request: Request, quote: Quote, venue: Venue) -> bool:
    return bool(quote.blocks or approvals.hindrances(request, quote, venue))


def _waiting(
    request: Request, quote: Quote, venue: Venue, link: str | None, problems: Sequence[Problem]
) -> list[str]:
    order = foreign(request.order_label, 40)
    what = f"cancel {tickets(quote.tickets)} and refund {money(quote.refund, venue)}"
    if _is_barred(request, quote, venue):
        what = f"{tickets(quote.tickets)}; it cannot be approved as it is"
        now, policy = request.updated_at, venue.policy
        helps = approvals.other_tickets_may_do(policy, request, quote, now)
        can = "*Choose tickets* or *Withdraw*" if helps else "*Withdraw*"
        todo = f"{person(request.requester)} can {can} on {_card(link)}."
    elif approvals.is_stuck(problems):
        what += "; nobody can approve it as things are"
        todo = f"Why, and who has to change what, stands on {_card(link)}."
    else:
        todo = f"*Approve* or *Reject* it on {_card(link)}."
    lines = [
        f":bell: *Order {order} still waits for a decision*: {what}.",
        f"Asked by {person(request.requester)} {clock(request.created_at)}, {_age(request)} ago.",
        todo,
    ]
    if request.expires_at is not None:
        lines.append(
            f"It expires {deadline(request.expires_at, venue)}; then nothing is changed, and it "
            "has to be asked for again."
        )
    return lines


def _unsettled(request: Request, quote: Quote, venue: Venue, link: str | None) -> list[str]:
    order = foreign(request.order_label, 40)
    return [
        (
            f":rotating_light: *Order {order} still needs attention*: it is not known whether "
            f"{venue.system} cancelled {tickets(quote.tickets)} and refunded "
            f"{money(quote.refund, venue)}."
        ),
        f"Asked by {person(request.requester)} {clock(request.created_at)}, {_age(request)} ago.",
        (
            f"Look at the order in {venue.system}, then use *Check again* or *Settle* on "
            f"{_card(link)}. Do not cancel it by hand before you know."
        ),
    ]


def _card(link: str | None) -> str:
    return f"<{link}|its card>" if link else "its card, the first message of this thread"


def _age(request: Request) -> str:
    """How long ago it was asked for, when this reminder fell due."""
    return roughly(request.updated_at - request.created_at)
