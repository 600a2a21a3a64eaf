"""The reminder in the card's thread: what still waits, for whoever may have forgotten it."""

from __future__ import annotations

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


def reminder(request: Request, venue: Venue, link: str | None) -> Message | None:
    """Render the newest reminder; None where none is due. `link` leads to the card.

    It is posted once and never updated, so it says nothing that soon becomes untrue.
    """
    if not request.reminders or request.quote is None:
        return None
    match request.state:
        case State.PENDING:
            lines = _waiting(request, request.quote, venue, link)
        case State.UNKNOWN:
            lines = _unsettled(request, request.quote, venue, link)
        case _:
            return None
    called = mentions(_called(request, venue))
    text = "\n".join([f"{called} {lines[0]}" if called else lines[0], *lines[1:]])
    return Message(
        text=text,
        blocks=(section(text),),
        metadata=metadata(request, reminder_kind(request)),
        broadcast=True,
    )


def _called(request: Request, venue: Venue) -> tuple[str, ...]:
    """Those who are always called, and after a time more people."""
    policy = venue.policy
    if request.state is State.PENDING and is_escalated(request, request.updated_at):
        return (*policy.escalate_to, *policy.mentions)
    return policy.mentions


def _waiting(request: Request, quote: Quote, venue: Venue, link: str | None) -> list[str]:
    order = foreign(request.order_label, 40)
    what = f"cancel {tickets(quote.tickets)} and refund {money(quote.refund, venue)}"
    if quote.blocks or approvals.hindrances(request, quote, venue):
        what = f"{tickets(quote.tickets)}; it cannot be approved as it is"
        todo = f"{person(request.requester)} can *Choose tickets* or *Withdraw* on {_card(link)}."
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
