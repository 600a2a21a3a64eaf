"""The reply in the card's thread: the refund details, or why there are none."""

from __future__ import annotations

from bot.domain.money import Money
from bot.domain.request import Request, State, Verdict
from bot.domain.settlement import Agreement, Outcome
from bot.domain.venue import Venue
from bot.slack.cards import approvals, words
from bot.slack.cards.card import metadata, unknown_text
from bot.slack.cards.format import clock, duration, foreign, money, person, tickets
from bot.slack.cards.message import Block, Message, context, fields, section, sections

RESULT = "result"


def reply(request: Request, venue: Venue) -> Message | None:
    """Render the thread's reply; None in states that the card tells well enough alone."""
    if request.state is State.DONE and request.outcome is not None:
        return _refund_details(request, request.outcome, venue)
    text = _sentence(request, venue)
    if text is None:
        return None
    return Message(text=text, blocks=(section(text),), metadata=metadata(request, RESULT))


def _sentence(request: Request, venue: Venue) -> str | None:
    asker = person(request.requester)
    order = foreign(request.order_label, 40)
    decision = request.decision
    match request.state:
        case State.FAILED if decision is not None and decision.verdict is Verdict.RESOLVED:
            note = f"\n>{foreign(decision.note, 500)}" if decision.note else ""
            return (
                f"{asker} {person(decision.by)} settled this by hand: order {order} was *not* "
                f"cancelled. {venue.system} was not asked again.{note}"
            )
        case State.FAILED if request.failure is not None:
            why = words.failure(request, request.failure, venue)
            return f"{asker} order {order} was *not* cancelled. {why}"
        case State.REJECTED if decision is not None:
            note = f"\n>{foreign(decision.note, 500)}" if decision.note else ""
            return f"{asker} {person(decision.by)} rejected this. Nothing was changed.{note}"
        case State.EXPIRED:
            return (
                f"{asker} {words.undecided(request)} on order {order} in time, so this request "
                "expired. "
                f"Nothing was changed. {words.ask_again(request, venue)}"
            )
        case State.UNKNOWN:
            return f"{asker} {_approvers(request)}{unknown_text(request, venue)}"
        case State.DONE if decision is not None:
            note = f"\n>{foreign(decision.note, 500)}" if decision.note else ""
            return (
                f"{asker} {person(decision.by)} settled this by hand: order {order} was "
                f"cancelled. Amounts were not confirmed by {venue.system}.{note}"
            )
        case State.PENDING if request.previous_quote is not None:
            return (
                f"{asker} order {order} changed after it was approved, so nothing was sent. The "
                "card shows what it is now and needs a new decision."
            )
        case _:
            return None


def _approvers(request: Request) -> str:
    """Call those who approved it, so that they look."""
    decision = request.decision
    if decision is None or not decision.verdict.is_approval or decision.by is None:
        return ""
    return f"{approvals.approvers(request)} "


def _refund_details(request: Request, outcome: Outcome, venue: Venue) -> Message:
    quote = request.quote
    count = tickets(quote.tickets) if quote else "tickets"
    order = foreign(request.order_label, 40)
    amount = money(outcome.refund, venue)
    # Two figures that do not agree are two claims; neither is announced as the refund.
    headline = "The refund needs a check" if outcome.needs_a_person else f"Refunded {amount}"
    blocks: list[Block] = [
        section(f"*{headline}* · {count} of order {order} cancelled"),
        *sections(_cautions(outcome, venue)),
        *fields(_figures(request, outcome, venue)),
        context(_provenance(outcome, venue)),
    ]
    return Message(
        text=f"{headline}: {count} of order {order} cancelled.",
        blocks=tuple(blocks),
        metadata=metadata(request, RESULT),
    )


def _cautions(outcome: Outcome, venue: Venue) -> list[str]:
    lines = []
    if outcome.receipt is None:
        lines.append(
            f":information_source: {venue.system}’s answer was lost. The order, read afterwards, "
            "no longer has the tickets; the amount is their worth."
        )
    if outcome.refund != outcome.expected:
        lines.append(
            f":warning: *Expected {money(outcome.expected, venue)}*, but the order lost "
            f"{money(outcome.refund, venue)}. Compare in {venue.system} before telling the guest."
        )
    if outcome.agreement is Agreement.DIFFERS and outcome.claimed is not None:
        lines.append(
            f":warning: *{venue.system} states a refund of {money(outcome.claimed, venue)}*, the "
            f"cancelled tickets add up to {money(outcome.refund, venue)}. Compare there before "
            "telling the guest."
        )
    return lines


def _figures(request: Request, outcome: Outcome, venue: Venue) -> list[tuple[str, str]]:
    """The refund details, in the order in which support reads them out."""
    receipt = outcome.receipt
    order = request.order
    paid_with = words.payment(
        order.destination.payment_method if order else None,
        (receipt.last_four if receipt else None)
        or (order.destination.last_four if order else None),
    )
    total_after = receipt.total if receipt and receipt.total is not None else outcome.total_after
    return [
        ("Order number", foreign(request.order_label, 40)),
        ("Cancelled", _cancelled(request)),
        ("Refund", _refund(outcome, venue)),
        ("New order total", money(total_after, venue)),
        ("Paid", _stated(receipt.paid if receipt else None, venue)),
        ("Balance", _stated(receipt.balance if receipt else None, venue)),
        ("Payment method", paid_with or "not stated"),
        ("E-mail to the guest", words.email(outcome.notified or request.notify)),
        ("Asked by", person(request.requester)),
        ("Approved by", approvals.approvers(request)),
        ("Took", _took(request, outcome)),
        ("Upstream reference", _reference(request, outcome)),
        ("Request", request.id),
    ]


def _refund(outcome: Outcome, venue: Venue) -> str:
    amount = money(outcome.refund, venue)
    if not outcome.needs_a_person:
        return amount
    return f"{amount} by the tickets, {_stated(outcome.claimed, venue)} by {venue.system}"


def _cancelled(request: Request) -> str:
    if request.quote is None:
        return "not recorded"
    lines = [f"{line.cancelled} × {foreign(line.name, 60)}" for line in request.quote.lines]
    shown = lines[:20]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more lines")
    return "\n".join(shown)


def _stated(amount: Money | None, venue: Venue) -> str:
    return "not stated" if amount is None else money(amount, venue)


def _took(request: Request, outcome: Outcome) -> str:
    since_asked = duration(outcome.completed_at - request.created_at)
    if request.decision is None:
        return since_asked
    since_approved = duration(outcome.completed_at - request.decision.at)
    return f"{since_approved} from the approval, {since_asked} in all"


def _reference(request: Request, outcome: Outcome) -> str:
    receipt = outcome.receipt
    parts = [f"order id {foreign(request.order_id, 40)}"]
    if receipt and receipt.reference:
        parts.insert(0, foreign(receipt.reference, 60))
    if receipt and receipt.updated_on:
        parts.append(f"updated {foreign(receipt.updated_on, 40)}")
    return ", ".join(parts)


def _provenance(outcome: Outcome, venue: Venue) -> str:
    """Say which figure is proven and which is only stated."""
    agreement = {
        Agreement.STEP: f"{venue.system} states the same refund.",
        Agreement.CUMULATIVE: (
            f"{venue.system} states {_claimed(outcome, venue)}, the order’s refunds so far "
            "with the earlier ones made through this bot."
        ),
        Agreement.DIFFERS: f"{venue.system} states {_claimed(outcome, venue)}.",
        Agreement.NOT_STATED: f"{venue.system} did not state a refund amount.",
    }[outcome.agreement]
    return (
        "The refund is the worth of the tickets that the order, read again afterwards, no longer "
        f"has. {agreement} Completed {clock(outcome.completed_at)}. When the money arrives "
        "depends on the bank."
    )


def _claimed(outcome: Outcome, venue: Venue) -> str:
    return _stated(outcome.claimed, venue)
