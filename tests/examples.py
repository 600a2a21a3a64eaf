"""Example domain values: one museum, an order of four tickets, and what people do with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.money import Money
from bot.domain.order import Destination, LineKind, Order, OrderLine
from bot.domain.person import Person, Standing
from bot.domain.quote import Notify, Quote, quote
from bot.domain.request import (
    Actor,
    Decision,
    Failure,
    FailureCode,
    MessageRef,
    NewRequest,
    Request,
    Source,
    State,
    Verdict,
)
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt, outcome
from bot.domain.venue import Venue

NOW = datetime(2026, 7, 14, 15, 0, tzinfo=UTC)
ORDER_ID = "26644388"
LINE_ID = "38042229"
CHANNEL = "C0REFUNDS"
REQUESTER = Actor("U0REQUEST", "T0MUSEUM")
APPROVER = Actor("U0APPROVE", "T0MUSEUM")
CARD = MessageRef(CHANNEL, "1784041200.000100")
REPLY = MessageRef(CHANNEL, "1784041260.000200")
VENUE = Venue(
    key="riverside",
    name="Riverside Museum",
    system="ACME Ticketing",
    currency="USD",
    timezone=ZoneInfo("America/New_York"),
)

# States in which somebody has decided, and what.
_VERDICTS = {
    State.APPROVED: Verdict.APPROVED,
    State.EXECUTING: Verdict.APPROVED,
    State.UNKNOWN: Verdict.APPROVED,
    State.DONE: Verdict.APPROVED,
    State.REJECTED: Verdict.REJECTED,
    State.WITHDRAWN: Verdict.WITHDRAWN,
}


def member(actor: Actor, *groups: str) -> Person:
    """A full member of the workspace, known to be one however far a test moves the clock."""
    return Person(actor, Standing.MEMBER, frozenset(groups), known_at=NOW + timedelta(days=3650))


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def line(
    line_id: str = LINE_ID,
    quantity: int = 4,
    price: str = "100.00",
    kind: LineKind = LineKind.TICKET,
    subtotal: str | None = None,
) -> OrderLine:
    unit = usd(price)
    return OrderLine(
        id=line_id,
        name="Adult",
        kind=kind,
        quantity=quantity,
        unit_price=unit,
        subtotal=unit * quantity if subtotal is None else usd(subtotal),
        event="Night at the Museum",
        event_at=datetime(2026, 8, 1, 23, 0, tzinfo=UTC),
    )


def order(*lines: OrderLine, order_id: str = ORDER_ID) -> Order:
    """The order of the seed (four tickets of $100, paid by card), or one of these lines."""
    return Order(
        venue=VENUE.key,
        id=order_id,
        currency="USD",
        lines=lines or (line(),),
        number="100130807",
        guest_name="Brad Clarke",
        guest_email="brad.clarke@example.com",
        destination=Destination(payment_method="CreditCard", last_four="4242"),
        balance=usd("0.00"),
        created_at=datetime(2026, 7, 1, 9, 0, tzinfo=UTC),
        updated_on="2026-07-01T05:00:00-04:00",
    )


def cancelled(before: Order, selection: Selection) -> Order:
    """The order as an upstream holds it after cancelling: fewer tickets, less worth, less owed."""
    value = Money.zero(before.currency)
    lines = []
    for old in before.lines:
        count = min(selection.count(old.id), old.quantity)
        amount = old.value_of(count) if count else Money.zero(before.currency)
        value += amount
        lines.append(replace(old, quantity=old.quantity - count, subtotal=old.subtotal - amount))
    balance = before.balance
    if balance is not None and balance.amount > 0:
        balance = balance - min(balance, value)
    return replace(before, lines=tuple(lines), balance=balance)


def new_request(
    order_id: str = ORDER_ID,
    *,
    requester: Actor = REQUESTER,
    notify: Notify = Notify.CONFIRMATION,
    reason: str | None = "guest is ill",
    delivery_key: str | None = None,
) -> NewRequest:
    return NewRequest(
        venue=VENUE.key,
        order_id=order_id,
        requester=requester,
        channel=CHANNEL,
        source=Source.COMMAND,
        notify=notify,
        reason=reason,
        response_url="https://hooks.slack.com/commands/T0MUSEUM/1/abc",
        delivery_key=delivery_key,
    )


def request(
    state: State = State.PENDING,
    of: Order | None = None,
    selection: Selection | None = None,
    *,
    notify: Notify = Notify.CONFIRMATION,
    receipt: Receipt | None = None,
) -> Request:
    """A request for `of` in `state`, with everything that such a request carries."""
    subject = of or order()
    wish = selection or Selection.everything(subject)
    bare = Request(
        id="rexample2request",
        venue=VENUE.key,
        order_id=subject.id,
        state=state,
        version=1,
        revision=0,
        run=0,
        requester=REQUESTER,
        channel=CHANNEL,
        source=Source.COMMAND,
        notify=notify,
        created_at=NOW,
        updated_at=NOW,
        reason="guest is ill",
    )
    if state is State.REQUESTED:
        return bare
    fresh = quote(subject, wish, NOW)
    quoted = replace(
        bare, version=3, revision=1, order=subject, selection=wish, quote=fresh, card=CARD
    )
    if state is State.FAILED:
        return replace(quoted, failure=Failure(FailureCode.REFUSED, "order is locked"))
    if state not in _VERDICTS:
        return quoted
    decision = Decision(_VERDICTS[state], APPROVER, NOW, 1, "as agreed")
    decided = replace(quoted, run=1, decision=decision)
    return _done(decided, subject, wish, fresh, receipt) if state is State.DONE else decided


def _done(
    decided: Request, subject: Order, wish: Selection, fresh: Quote, receipt: Receipt | None
) -> Request:
    after = cancelled(subject, wish)
    nothing = Money.zero(subject.currency)
    result = outcome(subject, fresh, after, receipt, nothing, decided.notify, NOW)
    return replace(decided, outcome=result)
