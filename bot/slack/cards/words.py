"""Sentences shared by cards, results and private answers: warnings, blocks, failures."""

from __future__ import annotations

from bot.domain.money import Money
from bot.domain.order import Destination, DestinationKind
from bot.domain.quote import BlockCode, Notify, Quote, QuoteBlock, QuoteWarning, WarningCode
from bot.domain.request import Decision, Failure, FailureCode, Request, State, Verdict
from bot.domain.venue import Venue
from bot.slack.cards.format import clock, foreign, money, person, said, tickets

STATE_TITLES = {
    State.REQUESTED: "being read",
    State.PENDING: "waiting for approval",
    State.APPROVED: "approved, being cancelled",
    State.EXECUTING: "being cancelled",
    State.DONE: "cancelled",
    State.FAILED: "not cancelled",
    State.UNKNOWN: "needs attention",
    State.REJECTED: "rejected",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
}


def state_title(request: Request) -> str:
    """The state in words; a cancellation that leaves tickets on the order says so."""
    if request.state is State.EXECUTING and request.failure is not None:
        return "being checked again"
    partly = request.quote is not None and not request.quote.cancels_order
    if partly and request.state is State.DONE:
        return "partly cancelled"
    return STATE_TITLES[request.state]


def standing(request: Request) -> str:
    """What is the matter with the order now, in words that follow its number."""
    title = state_title(request)
    return {
        State.REQUESTED: "is still being read",
        State.APPROVED: "is about to be cancelled",
        State.FAILED: "is not cancelled: its card says why",
        State.UNKNOWN: "needs attention: its card says what to do",
        State.REJECTED: "stays as it is",
        State.WITHDRAWN: "stays as it is",
        State.EXPIRED: "stays as it is",
    }.get(request.state, f"is {title}")


def decided(decision: Decision) -> str:
    """Who decided what, and when, to somebody who came too late."""
    if decision.by is None:
        return f"The policy approved this by itself {clock(decision.at)}"
    verb = {
        Verdict.APPROVED: "approved",
        Verdict.BROKE_GLASS: "approved",
        Verdict.AUTOMATIC: "approved",
        Verdict.REJECTED: "rejected",
        Verdict.WITHDRAWN: "withdrew",
        Verdict.RESOLVED: "settled",
    }[decision.verdict]
    return f"{person(decision.by)} {verb} this already {clock(decision.at)}"


def ask_again(request: Request, venue: Venue) -> str:
    """Say how to ask for the same once more; with the venue's key, which is right everywhere."""
    command = f"/cancel-order {foreign(venue.key, 40)}:{foreign(request.order_id, 40)}"
    return f"If it is still wanted, ask again with `{command}`."


def warning(item: QuoteWarning, quote: Quote, venue: Venue) -> str:
    line = next((line for line in quote.lines if line.line_id == item.line_id), None)
    name = foreign(line.name, 80) if line else ""
    amount = "" if item.amount is None else money(item.amount, venue)
    system = venue.system
    return {
        WarningCode.CHECKED_IN: (
            f"{tickets(item.count or 0)} of *{name}* already checked in: the guest has been inside."
        ),
        WarningCode.PAST_EVENT: f"The event of *{name}* is already over or has begun.",
        WarningCode.UNPAID_BALANCE: (
            f"{amount} of this order was never paid. We assume that this is lowered first, and "
            f"only the rest is refunded; {system} does not say so."
        ),
        WarningCode.ORGANISATION: (
            "This order belongs to an organisation. It may be unpaid in part, which "
            f"{system} does not tell when it is read; then less is refunded, or nothing."
        ),
        WarningCode.NOT_CARD: (
            "This order was not paid by card. How such a payment is given back is not documented: "
            "check it at the till or in the back office."
        ),
        WarningCode.OLD_ORDER: (
            f"The order is {item.count} days old. Some card processors refuse refunds after 45 "
            "days; then the money needs help from the vendor."
        ),
        WarningCode.FREE: "These tickets cost nothing, so nothing is refunded.",
        WarningCode.CONTRADICTION: (
            f"*{name}*: price times quantity is not the line's total of {amount}; the lower figure "
            "counts."
        ),
        WarningCode.HOLDS_MEMBERSHIP: (
            "The order also holds a membership, which stays. Check that it does not depend on "
            "these tickets."
        ),
        WarningCode.TOO_OLD: _too_old(item.count, venue),
        WarningCode.CONVERTED: (
            f"*{name}* was converted (into a membership, perhaps): check what that means first."
        ),
    }[item.code]


def _too_old(days: int | None, venue: Venue) -> str:
    """Name the setting that bars it: where the age is not known, no choice of tickets helps."""
    if days is None:
        return (
            "The order’s age is not known, and the policy sets a limit to it "
            f"(`max_order_age_days`): {venue.system} does not state when the order was made."
        )
    age = f"The order is more than {days} {'day' if days == 1 else 'days'} old"
    most = venue.policy.max_order_age
    limit = "less" if most is None else f"at most {most.days} (`max_order_age_days`)"
    return f"{age}; the policy allows {limit}."


def above_all_tiers(value: Money | None, bound: Money | None, venue: Venue) -> str:
    what = f"Tickets worth {money(value, venue)} are" if value else "This is"
    most = f" (at most {money(bound, venue)})" if bound else ""
    return (
        f"{what} more than may be cancelled through this bot{most}: that is done in "
        f"{venue.system} itself, by somebody who may do it there."
    )


def no_amount_in(currency: str, rule: str) -> str:
    return (
        f"The policy names no amount in {currency} (`{rule}`), so nothing in that currency can be "
        "approved here until whoever runs this bot adds one."
    )


def above_daily_limit(rule: str, value: Money, bound: Money | None, venue: Venue) -> str:
    """Say that no day will do: `value` alone is above the limit `rule`."""
    if bound is None:
        return no_amount_in(value.currency, rule)
    limit = (
        f"Nobody may approve more than {money(bound, venue)} a day here"
        if rule == "approver_daily_limit"
        else f"What one person asks for may come to {money(bound, venue)} a day at most"
    )
    what = f"tickets worth {money(value, venue)} cannot be approved at all"
    return f"{limit} (`{rule}`), so {what}."


def undecided(request: Request) -> str:
    """What to say of a request that expired."""
    return "not enough people decided" if request.votes else "nobody decided"


def block(item: QuoteBlock, venue: Venue) -> str:
    elsewhere = f"Cancel it in {venue.system} itself."
    return {
        BlockCode.NOTHING_LEFT: (
            "Nothing is left to cancel: all tickets of this order are cancelled already."
        ),
        BlockCode.NOTHING_CANCELLABLE: (
            "Nothing on this order can be cancelled from here: it holds only memberships, "
            f"donations, combos or fees. Cancel them in {venue.system} itself."
        ),
        BlockCode.MEMBERSHIP: f"A membership cannot be cancelled from here. {elsewhere}",
        BlockCode.DONATION: f"A donation cannot be given back from here. {elsewhere}",
        BlockCode.COMBO: f"A combo, or a part of one, cannot be cancelled from here. {elsewhere}",
        BlockCode.FEE: f"A fee cannot be given back from here. {elsewhere}",
        BlockCode.OTHER_KIND: f"A line of a kind we do not know is selected. {elsewhere}",
    }[item.code]


def destination(where: Destination) -> str:
    if where.kind is DestinationKind.ON_ACCOUNT:
        return "goes On Account"
    paid_with = payment(where.payment_method, where.last_four)
    return "goes back the way it was paid" + (f" ({paid_with})" if paid_with else "")


def payment(method: str | None, last_four: str | None) -> str:
    """Name a means of payment as far as it is known; "" where nothing is."""
    names = {"creditcard": "credit card", "cash": "cash", "check": "check", "voucher": "voucher"}
    name = names.get(method.lower(), foreign(method, 40)) if method else ""
    digits = f"•••• {last_four}" if last_four else ""
    return " ".join(part for part in (name, digits) if part)


def notification(notify: Notify, venue: Venue) -> str:
    return {
        Notify.NONE: "The guest gets no e-mail.",
        Notify.CONFIRMATION: (
            f"The guest gets {venue.system}’s order confirmation e-mail (not its refund e-mail)."
        ),
        Notify.REFUND: f"The guest gets {venue.system}’s refund e-mail.",
    }[notify]


def email(notify: Notify) -> str:
    """Name the e-mail that the ticketing system sends, in a word or two."""
    return {
        Notify.NONE: "none",
        Notify.CONFIRMATION: "order confirmation",
        Notify.REFUND: "refund e-mail",
    }[notify]


def failure(request: Request, item: Failure, venue: Venue) -> str:
    """Say why a request failed and what to do next, in one or two sentences."""
    system = venue.system
    order = foreign(request.order_id, 40)
    details = venue.policy.guest_details
    words = f": “{said(item.detail, 300, request.order, details)}”" if item.detail else ""
    if item.code is FailureCode.BLOCKED:
        return block(QuoteBlock(BlockCode(item.detail or "")), venue)
    if item.code is FailureCode.CARD_NOT_POSTED:
        return _undeliverable(item.detail or "", direct=request.channel.startswith("D"))
    return {
        FailureCode.ORDER_NOT_FOUND: (
            f"{system} has no order with the id {order}. Use the order id (the number at the end "
            "of the order’s address in the back office), not the order number on the guest’s "
            "confirmation."
        ),
        FailureCode.NOT_PERMITTED: (
            f"{system} does not accept our key, or the key’s user lacks the right{words}. Ask "
            "whoever runs this bot to check the venue’s API key and permissions."
        ),
        FailureCode.UNAVAILABLE: (
            f"{system} cannot be reached right now{words}. Try again in a few minutes."
        ),
        FailureCode.REFUSED: f"{system} refused{words}.",
        FailureCode.UNREADABLE: (
            f"{system} answered something that is not this order{words}. Look at the order there, "
            "and tell whoever runs this bot."
        ),
        FailureCode.CHANGED: (
            "The order was changed by somebody else after the approval, and nothing of what was "
            "approved is left to cancel. Nothing was sent."
        ),
        FailureCode.NOT_APPLIED: (
            f"{system} shows the order unchanged: nothing was cancelled and nothing refunded."
        ),
        FailureCode.SETTLED: "Somebody looked and states that nothing was cancelled.",
        FailureCode.UNSETTLED: f"It is not known whether {system} did it.",
        FailureCode.INTERNAL: (
            f"Something went wrong on our side before anything was sent to {system}. Tell whoever "
            f"runs this bot, with the request id {request.id}."
        ),
    }[item.code]


def _undeliverable(cause: str, direct: bool) -> str:
    if direct:
        return (
            "The bot cannot post in this conversation. Run the command in a channel that it has "
            "been invited to."
        )
    invite = "Invite it with `/invite @rescind` and run the command again."
    sentences = {
        "not_in_channel": f"The bot is not in this channel. {invite}",
        "channel_not_found": f"The bot cannot see this channel or conversation. {invite}",
        "is_archived": "This channel is archived. Run the command in another one.",
        "restricted_action": "The bot is not allowed to post in this channel. Use another one.",
    }
    return sentences.get(
        cause, f"The card could not be posted here (Slack says “{foreign(cause, 80)}”)."
    )
