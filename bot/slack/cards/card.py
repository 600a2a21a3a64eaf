"""The card: one message per request, updated in place from the first quote to the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.electorate import Problem
from bot.domain.policy import GuestDetails
from bot.domain.quote import Quote, QuoteLine
from bot.domain.request import FailureCode, Request, State
from bot.domain.venue import Venue
from bot.slack.cards import approvals, words
from bot.slack.cards.format import (
    clean,
    clock,
    deadline,
    event_time,
    foreign,
    guest,
    money,
    person,
    said,
    tickets,
)
from bot.slack.cards.message import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    fields,
    header,
    section,
    sections,
)

METADATA_EVENT = "rescind_request"
CARD = "card"
_BLOCK_PREFIX = "decision"
# Fifty blocks a message: what is listed line by line must leave room for the rest.
_LINES_SHOWN = 40
_WARNINGS_SHOWN = 12
# States in which the order is as it was before.
_UNCHANGED = frozenset({State.FAILED, State.REJECTED, State.WITHDRAWN, State.EXPIRED})


def card(request: Request, venue: Venue, problems: Sequence[Problem] = ()) -> Message:
    """Render a request that has a quote, in whatever state it is.

    `problems`: why nobody may be able to approve it.
    """
    if request.quote is None:
        raise ValueError(f"request {request.id} has no quote to show")
    return Message(
        text=_summary(request, request.quote, venue, problems),
        blocks=tuple(_blocks(request, request.quote, venue, problems)),
        metadata=metadata(request, CARD),
    )


def metadata(request: Request, kind: str) -> dict[str, object]:
    """Tell which message of which request this is, so that it is found again after a crash.

    Ids only: anyone with access to the history can read it.
    """
    payload = {"request_id": request.id, "kind": kind, "version": request.version}
    return {"event_type": METADATA_EVENT, "event_payload": payload}


def block_id(request: Request) -> str:
    """Tell a click which quote its card showed. New on every update, as Slack asks."""
    return f"{_BLOCK_PREFIX}:{request.revision}:{request.version}"


def seen_revision(clicked_block_id: str) -> int | None:
    """Read the revision back from a click; None if the block is not one of ours."""
    prefix, _, rest = clicked_block_id.partition(":")
    revision = rest.partition(":")[0]
    return int(revision) if prefix == _BLOCK_PREFIX and revision.isdecimal() else None


def _summary(request: Request, quote: Quote, venue: Venue, problems: Sequence[Problem]) -> str:
    amount = _amount(request, quote, venue)
    is_stuck = _can_be_approved(request, quote, venue) and approvals.is_stuck(problems)
    return (
        f"Order {foreign(request.order_label, 40)}, {words.state_title(request)}: "
        f"{tickets(quote.tickets)}, asked by {person(request.requester)}. {amount}."
        + (" Nobody can approve it as things are." if is_stuck else "")
    )


def _can_be_approved(request: Request, quote: Quote, venue: Venue) -> bool:
    """Whether it waits for an approval that neither quote nor policy forbid to everybody."""
    is_open = request.state is State.PENDING and not quote.blocks
    return is_open and not approvals.hindrances(request, quote, venue)


def _blocks(
    request: Request, quote: Quote, venue: Venue, problems: Sequence[Problem]
) -> Iterator[Block]:
    yield header(f"Order {clean(request.order_label, 40)} · {words.state_title(request)}")
    is_stuck = _can_be_approved(request, quote, venue) and approvals.is_stuck(problems)
    if is_stuck:
        yield from sections(approvals.stuck_texts(problems, request, quote, venue))
    yield section(_who_and_why(request, quote, venue))
    if request.state is State.PENDING and request.previous_quote is not None:
        yield from _drift(request.previous_quote, quote, venue)
    yield from sections(_line_texts(quote, venue))
    yield header(_amount(request, quote, venue))
    if request.state not in _UNCHANGED:
        yield context(_terms(request, quote, venue))
    if request.state is State.PENDING:
        yield from sections(_cautions(request, quote, venue))
        if quote.blocks:
            yield section("Use *Choose tickets* to leave out what cannot be cancelled here.")
        elif approvals.hindrances(request, quote, venue):
            yield section(
                "The policy of this venue does not let anybody approve this as it is. "
                f"{approvals.way_out(venue.policy, request, quote, request.updated_at)}"
            )
        elif not is_stuck:
            yield from sections(approvals.problem_texts(problems, request))
    yield from sections(_state_texts(request, venue, problems))
    if request.state is State.PENDING and request.expires_at is not None:
        yield context(f"Expires {deadline(request.expires_at, venue)}, unless somebody decides.")
    buttons = _buttons(request, quote, venue, problems)
    if buttons:
        yield actions(block_id(request), buttons)
    yield context(
        f"{foreign(venue.name)} · order id {foreign(request.order_id, 40)} · asked "
        f"{clock(request.created_at)} · request {request.id}"
    )


def _cautions(request: Request, quote: Quote, venue: Venue) -> list[str]:
    """What forbids the approval, then what an approver should know; each said once."""
    barred = approvals.hindrances(request, quote, venue)
    warnings = [words.warning(item, quote, venue) for item in quote.warnings]
    return (
        _some([f":no_entry: {words.block(item, venue)}" for item in quote.blocks])
        + _some([f":no_entry: {text}" for text in barred])
        + _some([f":warning: {text}" for text in warnings if text not in barred])
    )


def _who_and_why(request: Request, quote: Quote, venue: Venue) -> str:
    order = request.order
    what = "the whole order" if quote.cancels_order else "a part of the order"
    text = f"{person(request.requester)} asks to cancel *{tickets(quote.tickets)}*, {what}"
    if order is not None:
        details = venue.policy.guest_details
        whose = guest(order, details)
        text += f", of {whose}" if whose else ""
        if order.organisation and details is not GuestDetails.NONE:
            text += f", for {foreign(order.organisation, 80)}"
    return f"{text}.\n>{foreign(request.reason, 500)}" if request.reason else f"{text}."


def _line_texts(quote: Quote, venue: Venue) -> Iterator[str]:
    for line in quote.lines[:_LINES_SHOWN]:
        yield _line_text(line, venue)
    hidden = quote.lines[_LINES_SHOWN:]
    if hidden:
        count = tickets(sum(line.cancelled for line in hidden))
        yield f"• and {len(hidden)} more lines with {count}, included in the amount"


def _line_text(line: QuoteLine, venue: Venue) -> str:
    count = (
        str(line.cancelled)
        if line.cancelled == line.quantity
        else (f"{line.cancelled} of {line.quantity}")
    )
    event = " · ".join(
        part
        for part in (
            foreign(line.event, 120) if line.event else "",
            event_time(line.event_at, venue) if line.event_at else "",
        )
        if part
    )
    price = f"{line.cancelled} × {money(line.unit_price, venue)} = *{money(line.amount, venue)}*"
    if line.amount != line.unit_price * line.cancelled:
        price += " (as the line’s total)"
    return f"• *{count} × {foreign(line.name, 80)}*  {price}" + (f"\n   {event}" if event else "")


def _amount(request: Request, quote: Quote, venue: Venue) -> str:
    outcome = request.outcome
    if request.state is State.DONE and outcome is not None and outcome.needs_a_person:
        return "Cancelled; the refund needs a check"
    if request.state is State.DONE and outcome is not None:
        return f"Refunded {money(outcome.refund, venue)}"
    if request.state is State.PENDING and quote.blocks:
        return "Cannot be approved as selected"
    if request.state is State.DONE:
        return "Settled by hand"
    if request.failure is not None and request.failure.code is FailureCode.SETTLED:
        return "Settled by hand: not cancelled"
    if request.state in _UNCHANGED:
        return "Nothing was cancelled or refunded"
    return f"Refund {money(quote.refund, venue)}"


def _terms(request: Request, quote: Quote, venue: Venue) -> str:
    parts = [f"The refund {words.destination(quote.destination)}."]
    if quote.refund != quote.value:
        parts.append(f"The tickets are worth {money(quote.value, venue)}.")
    if quote.fees_kept:
        parts.append(f"Fees of {money(quote.fees_kept, venue)} are kept.")
    if not quote.cancels_order:
        parts.append(f"{money(quote.total_after, venue)} stays on the order.")
    parts.append(words.notification(request.notify, venue))
    return " ".join(parts)


def _drift(before: Quote, now: Quote, venue: Venue) -> Iterator[Block]:
    yield section(
        ":arrows_counterclockwise: *The order changed after it was approved.* Nothing was sent. "
        "Please decide again on what it is now."
    )
    yield from fields(
        [
            ("Approved before", f"{tickets(before.tickets)}, {money(before.refund, venue)}"),
            ("The order now", f"{tickets(now.tickets)}, {money(now.refund, venue)}"),
        ]
    )


def _state_texts(request: Request, venue: Venue, problems: Sequence[Problem]) -> Iterator[str]:
    yield from approvals.decisions(request)
    match request.state:
        case State.PENDING if request.quote is not None and not request.quote.blocks:
            yield from approvals.needed(request, request.quote, venue, problems)
        case State.EXECUTING if request.failure is not None:
            yield f":mag: The order is being read again in {venue.system}; nothing is sent."
        case State.APPROVED | State.EXECUTING:
            yield f":hourglass_flowing_sand: {venue.system} is being asked, then checked."
        case State.DONE if request.outcome is None:
            yield ":white_check_mark: Done, as settled by a person. Amounts were not confirmed."
        case State.DONE:
            yield f":white_check_mark: {venue.system} shows it done. Details are in the thread."
            if request.outcome is not None and request.outcome.needs_a_person:
                yield ":warning: *Figures do not agree*: see the thread before telling the guest."
        case State.FAILED if request.failure is not None:
            yield f":x: {words.failure(request, request.failure, venue)}"
        case State.EXPIRED:
            yield (
                f":hourglass: {words.undecided(request).capitalize()} in time, so nothing was "
                f"changed. {words.ask_again(request, venue)}"
            )
        case State.UNKNOWN:
            yield unknown_text(request, venue)


def unknown_text(request: Request, venue: Venue) -> str:
    """What to check when nobody can tell whether the cancellation happened."""
    seen = request.failure.detail if request.failure else None
    details = venue.policy.guest_details
    shown = (
        f" When last read, it showed: {said(seen, 600, request.order, details)}." if seen else ""
    )
    return (
        f":rotating_light: *It is not known whether {venue.system} did it.* Its answer was lost or "
        f"contradicts the order.{shown} Look at order {foreign(request.order_label, 40)} there: "
        "are the tickets cancelled, was the refund made? Do not cancel it by hand before you know. "
        "*Check again* reads the order once more; *Settle* records what you found."
    )


def _buttons(
    request: Request, quote: Quote, venue: Venue, problems: Sequence[Problem]
) -> list[Block]:
    if request.state is State.UNKNOWN:
        return [
            button("Check again", "recheck", request.id, "primary"),
            button("Settle…", "resolve", request.id),
        ]
    if request.state is not State.PENDING:
        return []
    order = clean(request.order_label, 40)
    withdraw = confirm(
        "Withdraw this request?",
        f"Order {order} stays as it is.",
        "Withdraw",
        "Keep it",
        "danger",
    )
    can_be_approved = _can_be_approved(request, quote, venue)
    # Groups change, and the click decides: where nobody could, it is offered, but not urged.
    style = None if approvals.is_stuck(problems) else "primary"
    found = [_approve(request, quote, venue, style)] if can_be_approved else []
    if request.votes:
        found.append(button("Take back mine", "take_back", request.id))
    found += [
        button("Choose tickets…", "edit", request.id),
        button("Reject…", "reject", request.id, "danger"),
        button("Withdraw", "withdraw", request.id, None, withdraw),
    ]
    if can_be_approved and approvals.may_break_glass(request, quote, venue):
        found.append(button("Emergency: approve alone…", "break_glass", request.id, "danger"))
    return found


def _approve(request: Request, quote: Quote, venue: Venue, style: str | None) -> Block:
    refund = money(quote.refund, venue)
    short = f"Refund {refund}" if quote.refund else f"Cancel {tickets(quote.tickets)}"
    sure = confirm(
        f"{short}?",
        f"Cancel {tickets(quote.tickets)} of order {clean(request.order_label, 40)} and refund "
        f"{refund}. This cannot be undone.",
        short,
        "Not yet",
    )
    label = f"Approve refund of {refund}" if quote.refund else "Approve cancellation"
    return button(label, "approve", request.id, style, sure)


def _some(texts: list[str]) -> list[str]:
    """Each once, and no more than a card can hold."""
    distinct = list(dict.fromkeys(texts))
    hidden = len(distinct) - _WARNINGS_SHOWN
    if hidden <= 0:
        return distinct
    return [*distinct[:_WARNINGS_SHOWN], f":warning: and {hidden} more of the kind"]
