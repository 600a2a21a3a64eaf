"""Sentences for one person only: help, lists, what went wrong. Never a stack trace or a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.domain.request import Decision, Request, State
from bot.domain.selection import SelectionError, SelectionProblem
from bot.domain.venue import Venue
from bot.slack.cards import words
from bot.slack.cards.format import clock, foreign, money, person, tickets

Link = Callable[[Request], str | None]


def help_text(venues: Mapping[str, Venue]) -> str:
    lines = [
        "*Cancel and refund a ticket order, with a second pair of eyes*",
        (
            "• `/cancel-order 26644388` asks to cancel an order; a reason may follow: "
            "`/cancel-order 26644388 guest is ill`"
        ),
        "• `/cancel-order` opens a form",
        "• `/cancel-order status 26644388` tells how the latest request for an order stands",
        "• `/cancel-order pending` lists what waits, `/cancel-order history` what was asked last",
        "",
        (
            "You see a card with the order and the exact refund. Somebody else approves it there; "
            "then the order is cancelled, read again as proof, and the refund details are posted."
        ),
        (
            "Use the *order id* (the number at the end of the order’s address in the back office), "
            "not the order number on the guest’s confirmation."
        ),
    ]
    if len(venues) > 1:
        keys = ", ".join(f"`{key}` ({foreign(venue.name, 60)})" for key, venue in venues.items())
        lines.append(
            f"Venues: {keys}. Name one like `/cancel-order {next(iter(venues))}:26644388`."
        )
    return "\n".join(lines)


def reading(order_id: str, venue: Venue) -> str:
    return f"Reading order {order_id} from {venue.system}… The card follows in this channel."


def occupied(request: Request, link: str | None) -> str:
    """The answer to a second request for an order that has a live one."""
    order = foreign(request.order_label, 40)
    state = words.state_title(request)
    where = f" <{link}|Open its card>." if link else ""
    return (
        f"There is already a request for order {order} ({state}), asked by "
        f"{person(request.requester)} {clock(request.created_at)}.{where}"
    )


def occupied_in_form(request: Request) -> str:
    """The same beside a form's field, where no links or mentions work."""
    return (
        f"There is already a request for this order ({words.state_title(request)}). "
        f"Use /cancel-order status {request.order_id} to find it."
    )


def outdated_copy(request: Request, link: str | None) -> str:
    """What replaces a second copy of a card, such as a crash can leave behind."""
    where = f" <{link}|Open the card>." if link else ""
    return (
        f"An outdated copy of a card. Order {foreign(request.order_label, 40)}: "
        f"{words.state_title(request)}.{where}"
    )


def unknown(request: Request | None) -> str:
    """Of a request that is not there, or, where it is, of its venue."""
    if request is None:
        return (
            "This card belongs to a request that this bot does not know, perhaps from another "
            "installation. Nothing was changed. Run `/cancel-order` again."
        )
    return (
        "This card belongs to a venue that was taken out of this bot’s settings, so nothing can be "
        "decided here. Nothing was changed. Tell whoever runs this bot."
    )


def lapsed(votes: Sequence[Decision]) -> str:
    """To whoever approved: whose earlier approvals their givers could not give any more."""
    givers = ", ".join(person(vote.by) for vote in votes)
    return (
        f"Your approval counts, but an earlier one does not any more, because whoever gave it may "
        f"not approve this by now: {givers}. The card shows how many are missing."
    )


def selection_problem(error: SelectionError, left: int | None) -> str:
    """Say beside a field of the form what is wrong with the number in it."""
    return {
        SelectionProblem.NOT_A_COUNT: "Enter a whole number, 0 or more.",
        SelectionProblem.UNKNOWN_LINE: "This line is no longer on the order. Open the form again.",
        SelectionProblem.TOO_MANY: f"Only {left} left on this line: enter {left} or fewer.",
        SelectionProblem.NOT_CANCELLABLE: "This line cannot be cancelled from here.",
        SelectionProblem.EMPTY: "Choose at least one ticket, or close the form.",
    }[error.problem]


def status(request: Request | None, order_id: str, venue: Venue, link: Link) -> str:
    if request is None:
        return f"Nobody has asked for order {order_id} of {foreign(venue.name, 60)} yet."
    return _row(request, venue, link)


def listing(requests: Sequence[Request], venues: Mapping[str, Venue], link: Link, none: str) -> str:
    rows = [
        _row(request, venues[request.venue], link)
        for request in requests
        if request.venue in venues
    ]
    return "\n".join(f"• {row}" for row in rows) or none


def _row(request: Request, venue: Venue, link: Link) -> str:
    quote = request.quote
    what = f", {tickets(quote.tickets)}, {money(quote.refund, venue)}" if quote else ""
    failure = (
        f" {words.failure(request, request.failure, venue)}"
        if request.state is State.FAILED and request.failure
        else ""
    )
    address = link(request)
    where = f" <{address}|Open the card>" if address else ""
    return (
        f"Order {foreign(request.order_label, 40)}{what}: *{words.state_title(request)}*, asked by "
        f"{person(request.requester)} {clock(request.created_at)}.{failure}{where}"
    )


def not_found_in_message() -> str:
    return (
        "There is no order id in that message (a number of five digits or more). Use "
        "`/cancel-order` and type it in."
    )


def form_failed() -> str:
    return "The form could not be opened. Use `/cancel-order 26644388` instead, or try again."


def nothing_posted(request: Request, venue: Venue) -> str:
    """The private end of a request that never got a card."""
    if request.state is State.EXPIRED:
        return (
            f"Order {foreign(request.order_id, 40)} was not cancelled: its card could not be shown "
            f"in time, so nobody could decide. Nothing was changed. "
            f"{words.ask_again(request, venue)}"
        )
    if request.failure is None:
        return f"Order {foreign(request.order_id, 40)} was not cancelled."
    why = words.failure(request, request.failure, venue)
    order = foreign(request.order_id, 40)
    number = request.order.number if request.order else None
    known_as = f" (number {foreign(number, 40)})" if number and number != request.order_id else ""
    return f"Order {order}{known_as} was not cancelled. {why} Nothing was changed."
