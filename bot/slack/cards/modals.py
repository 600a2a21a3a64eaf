"""The forms: ask for a cancellation, choose tickets, reject, settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.policy import GuestDetails
from bot.domain.quote import Notify
from bot.domain.request import Request, State
from bot.domain.venue import Venue
from bot.slack.cards.format import clean, event_time, foreign, guest, money, tickets
from bot.slack.cards.message import Block, context, plain, section

CANCEL_ORDER = "cancel_order"
CHOOSE_TICKETS = "choose_tickets"
REJECT_REASON = "reject_reason"
RESOLVE = "resolve_outcome"
BREAK_GLASS = "break_glass"
VALUE = "value"
LINE_PREFIX = "line:"
# A hundred blocks a view; the rest are the introduction and its like.
_LINES_SHOWN = 90
# A hint is read, not searched; the whole list is told where a reason is refused.
_REASONS_SHOWN = 5
_NOTIFY_TEXTS = {
    Notify.CONFIRMATION: "Order confirmation e-mail",
    Notify.REFUND: "Refund e-mail",
    Notify.NONE: "No e-mail",
}


def cancel_order(
    venues: Mapping[str, Venue],
    private_metadata: str,
    order_id: str | None = None,
    order_ids: Sequence[str] = (),
    venue: str | None = None,
    ask_channel: bool = False,
) -> dict[str, Any]:
    """The entry form. `order_ids`, found in a message, become its hint.

    Reasons are offered as a list where all venues have the same one. Which venue it will be is not
    known: what only some of them want is refused beside its field when the form is sent.
    """
    blocks: list[Block] = []
    if len(venues) > 1:
        options = [_option(clean(item.name, 75), key) for key, item in venues.items()]
        chosen = next((item for item in options if item["value"] == venue), None)
        blocks.append(_input("venue", "Venue", _select(options, chosen)))
    blocks.append(
        _input(
            "order_id",
            "Order id",
            _text(order_id, "26644388", 200),
            hint=_order_hint(order_ids),
        )
    )
    blocks.append(_reason(venues))
    notify = [_option(text, kind.value) for kind, text in _NOTIFY_TEXTS.items()]
    blocks.append(_input("notify", "What the guest is sent", _select(notify, notify[0])))
    if ask_channel:
        element = {
            "type": "conversations_select",
            "action_id": VALUE,
            "default_to_current_conversation": True,
            "filter": {"include": ["public", "private"], "exclude_bot_users": True},
        }
        blocks.append(_input("channel", "Channel for the card", element))
    return _modal(CANCEL_ORDER, "Cancel an order", "Show the quote", blocks, private_metadata)


def _reason(venues: Mapping[str, Venue]) -> Block:
    """The reason: a list where there is one for all; it may be left out unless all want it."""
    lists = {venue.policy.reasons for venue in venues.values()}
    listed = next(iter(lists)) if len(lists) == 1 else ()
    if listed:
        options = [_option(clean(each, 75), each) for each in listed]
        return _input("reason", "Reason", _select(options, None))
    wanting = [venue for venue in venues.values() if _wants_reason(venue)]
    is_optional = len(wanting) < len(venues)
    hint = _reason_hint(wanting, is_optional)
    element = _text(None, "Guest is ill", 500, multiline=True)
    return _input("reason", "Reason", element, hint, is_optional)


def _wants_reason(venue: Venue) -> bool:
    return venue.policy.reason_required or bool(venue.policy.reasons)


def _reason_hint(wanting: Sequence[Venue], is_optional: bool) -> str | None:
    """Which venues want what; None where all want any reason, or none does."""
    free = [clean(venue.name, 60) for venue in wanting if not venue.policy.reasons]
    parts = [f"Required at {_joined(free, 'and')}."] if free and is_optional else []
    for venue in wanting:
        if venue.policy.reasons:
            listed = [f"“{clean(each, 75)}”" for each in venue.policy.reasons[:_REASONS_SHOWN]]
            hidden = len(venue.policy.reasons) - len(listed)
            listed += [f"{hidden} more"] if hidden else []
            parts.append(f"At {clean(venue.name, 60)} begin with {_joined(listed, 'or')}.")
    return " ".join(parts) or None


def _joined(parts: Sequence[str], word: str) -> str:
    *others, last = parts
    return f"{', '.join(others)} {word} {last}" if others else last


def choose_tickets(request: Request, venue: Venue, private_metadata: str) -> dict[str, Any]:
    """How many of which line to cancel: "cancel n of m", as everywhere."""
    order, selection = request.order, request.selection
    if order is None or selection is None:
        raise ValueError(f"request {request.id} has no order to choose from")
    blocks = [section("How many tickets of each line shall be *cancelled*?")]
    whose = guest(order, GuestDetails.FULL)
    if whose:
        blocks.append(context(f"Order of {whose}. Only you see this form."))
    left = [line for line in order.lines if line.quantity]
    for line in left[:_LINES_SHOWN]:
        name = clean(line.name, 80)
        event = " · ".join(
            part
            for part in (
                clean(line.event, 100) if line.event else "",
                event_time(line.event_at, venue) if line.event_at else "",
            )
            if part
        )
        if not line.is_cancellable:
            harmless = foreign(line.name, 80)
            blocks.append(
                context(f"{harmless}: cannot be cancelled from here, stays on the order.")
            )
            continue
        element = {
            "type": "number_input",
            "action_id": VALUE,
            "is_decimal_allowed": False,
            "min_value": "0",
            "max_value": str(line.quantity),
            "initial_value": str(min(selection.count(line.id), line.quantity)),
        }
        label = f"{name}: {tickets(line.quantity)} at {money(line.unit_price, venue)}"
        blocks.append(_input(f"{LINE_PREFIX}{line.id}", label, element, hint=event or None))
    if len(left) > _LINES_SHOWN:
        blocks.append(context(f"{len(left) - _LINES_SHOWN} more lines keep what is chosen now."))
    return _modal(CHOOSE_TICKETS, "Choose tickets", "Show the quote", blocks, private_metadata)


def reject_reason(request: Request, private_metadata: str) -> dict[str, Any]:
    blocks = [
        section(f"Order {foreign(request.order_label, 40)} stays as it is. The reason is posted."),
        _input("reason", "Reason", _text(None, "Tickets were used", 500, multiline=True)),
    ]
    return _modal(REJECT_REASON, "Reject the request", "Reject", blocks, private_metadata)


def break_glass(request: Request, venue: Venue, private_metadata: str) -> dict[str, Any]:
    amount = money(request.quote.refund, venue) if request.quote else "the amount on the card"
    told = (
        "Everybody who is named as an approver is told, and your"
        if venue.policy.named_approvers or venue.policy.mentions
        else "The channel is told, and your"
    )
    blocks = [
        section(
            f"This approves the refund of *{amount}* for order {foreign(request.order_label, 40)} "
            "*alone*, without waiting for anybody else. The refund is made at once and cannot be "
            f"undone. {told} reason is posted and recorded with your name."
        ),
        _input(
            "reason",
            "Why it cannot wait for the others",
            _text(None, "The guest leaves in an hour, and nobody answers", 500, multiline=True),
        ),
    ]
    return _modal(BREAK_GLASS, "Approve alone", "Approve alone", blocks, private_metadata)


def resolve(request: Request, venue: Venue, private_metadata: str) -> dict[str, Any]:
    options = [
        _option("Yes, it was cancelled and refunded", State.DONE.value),
        _option("No, nothing was changed", State.FAILED.value),
    ]
    blocks = [
        section(
            f"Look at order {foreign(request.order_label, 40)} in {venue.system} first. What you "
            "state here is recorded with your name."
        ),
        _input("truth", "Did the cancellation happen?", _select(options, None)),
        _input("reason", "What you checked", _text(None, "Payments tab of…", 500, multiline=True)),
    ]
    return _modal(RESOLVE, "Settle the outcome", "Record", blocks, private_metadata)


def _modal(
    callback_id: str, title: str, submit: str, blocks: Sequence[Block], private_metadata: str
) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain("Cancel", 24),
        "private_metadata": private_metadata,
        "blocks": list(blocks),
    }


def _input(
    block_id: str, label: str, element: Block, hint: str | None = None, optional: bool = False
) -> Block:
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, 2000)
    return block


def _text(initial: str | None, example: str, most: int, multiline: bool = False) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "multiline": multiline,
        "max_length": most,
        "placeholder": plain(example, 150),
    }
    if initial:
        element["initial_value"] = initial
    return element


def _select(options: Sequence[Block], initial: Block | None) -> Block:
    element: Block = {"type": "static_select", "action_id": VALUE, "options": list(options)}
    if initial:
        element["initial_option"] = initial
    return element


def _option(text: str, value: str) -> Block:
    return {"text": plain(text, 75), "value": value}


def _order_hint(order_ids: Sequence[str]) -> str:
    if len(order_ids) > 1:
        return f"Found in the message: {', '.join(order_ids[:10])}. Ask for one at a time."
    return "The number at the end of the order’s address in the back office."
