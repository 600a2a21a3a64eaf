"""Hypothesis strategies for domain values: money, lines, orders, selections, requests, people."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal

from hypothesis import strategies as st

from bot.domain.money import Money, minor_digits
from bot.domain.order import Destination, DestinationKind, LineKind, Order, OrderLine
from bot.domain.quote import BlockCode, Notify, quote
from bot.domain.request import (
    Actor,
    Decision,
    Failure,
    FailureCode,
    Request,
    Source,
    State,
    Verdict,
)
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt, outcome
from tests.examples import CARD, NOW, REPLY, VENUE, cancelled

GUEST_EMAIL = "guest.of.the.house@example.com"
CURRENCIES = ("USD", "EUR", "JPY", "KWD")  # two, two, none and three decimals

# What an upstream string, or a person, may try on whoever reads the card.
HOSTILE = (
    "<!channel>",
    "<!here|here> <@U0REQUEST> <https://evil.example|refund>",
    "&amp;&lt;!everyone&gt;",
    "\u202e00.001$ refund\u202c",
    "\u2066isolate\u2069 \u200fmark\u200e",
    "🎟️👩‍👩‍👧‍👦" * 30,
    "*bold* _it_ ~no~ `code` ```block```",
    "two\nlines\r\n> quoted\x00\x1b[2J",
    "\u2028\u2029\u0085",
    "x" * 10_000,
    "<" * 10_000,
    "&" * 10_000,
    "R&B <Live>",
    " ",
)

currencies = st.sampled_from(CURRENCIES)
digits = st.integers(1, 10**18).map(str)
user_ids = st.sampled_from(("U0REQUEST", "U0APPROVE", "U0CLICKER", "W0ANYBODY"))
names = st.sampled_from(("Adult", "Child", "Student (with card)", "Member’s guest", "R&B Night"))
hostile = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=60), names)
actors = st.builds(
    Actor,
    user=user_ids,
    team=st.sampled_from(("T0MUSEUM", "T0PARTNER")),
    enterprise=st.sampled_from((None, None, "E0CHAIN", "E0OTHER")),
)
_ZONES = [timezone(timedelta(minutes=minutes)) for minutes in (-480, -240, 0, 60, 345, 720)]
moments = st.builds(
    lambda minutes, zone: (NOW + timedelta(minutes=minutes)).astimezone(zone),
    st.integers(-4_000_000, 4_000_000),
    st.sampled_from(_ZONES),
)


@functools.cache
def amounts(currency: str, most: int = 100_000, least: int = 0) -> st.SearchStrategy[Money]:
    """Amounts from `least` to `most`, both counted in the currency's minor unit."""

    def of(minor: int) -> Money:
        return Money(Decimal(minor).scaleb(-minor_digits(currency)), currency)

    return st.integers(least, most).map(of)


tickets_only = st.just(LineKind.TICKET)
any_kind = st.sampled_from([LineKind.TICKET] * 6 + [LineKind.ADD_ON, *LineKind])


@functools.cache
def lines(
    currency: str,
    kinds: st.SearchStrategy[LineKind] = any_kind,
    texts: st.SearchStrategy[str] = names,
) -> st.SearchStrategy[OrderLine]:
    """Lines of one id; a subtotal is quantity × price, or (rounding, discounts) something else."""

    def worth(line: OrderLine, subtotal: Money | None) -> OrderLine:
        exact = line.unit_price * line.quantity
        checked_in = min(line.checked_in, line.quantity)
        told = exact if subtotal is None else subtotal
        return replace(line, subtotal=told, checked_in=checked_in)

    rarely = st.sampled_from((False, False, False, True))
    plain = st.builds(
        OrderLine,
        id=st.just("1"),
        name=texts,
        kind=kinds,
        quantity=st.integers(0, 6),
        unit_price=amounts(currency),
        subtotal=st.just(Money.zero(currency)),
        event=st.none() | texts,
        event_at=st.none() | moments,
        checked_in=st.integers(0, 3),
        part_of_combo=rarely,
        converted=rarely,
    )
    return st.builds(worth, plain, st.none() | amounts(currency, 300_000))


@functools.cache
def orders(
    kinds: st.SearchStrategy[LineKind] = any_kind,
    texts: st.SearchStrategy[str] = names,
    most_lines: int = 5,
    currency: str | None = None,
) -> st.SearchStrategy[Order]:
    if currency is None:
        each = [orders(kinds, texts, most_lines, code) for code in CURRENCIES]
        return st.one_of(each)

    def with_lines(order: Order, lines: list[OrderLine], first_id: int) -> Order:
        numbered = (replace(line, id=str(first_id + n)) for n, line in enumerate(lines))
        return replace(order, lines=tuple(numbered))

    bare = st.builds(
        Order,
        venue=st.just(VENUE.key),
        id=digits,
        currency=st.just(currency),
        lines=st.just(()),
        number=st.none() | digits | texts,
        guest_name=st.none() | texts,
        guest_email=st.sampled_from((None, GUEST_EMAIL)),
        organisation=st.none() | texts,
        destination=destinations(texts),
        balance=st.none() | amounts(currency, 200_000),
        created_at=st.none() | moments,
        updated_on=st.sampled_from((None, "2026-07-01T05:00:00-04:00")),
    )
    some_lines = st.lists(lines(currency, kinds, texts), min_size=1, max_size=most_lines)
    return st.builds(with_lines, bare, some_lines, st.integers(1, 10**9))


@functools.cache
def destinations(texts: st.SearchStrategy[str] = names) -> st.SearchStrategy[Destination]:
    return st.builds(
        Destination,
        kind=st.sampled_from(DestinationKind),
        payment_method=st.sampled_from((None, "CreditCard", "Cash", "Voucher")) | texts,
        last_four=st.sampled_from((None, "4242", "0000")),
    )


def selections(order: Order, *, cancellable: bool = False) -> st.SearchStrategy[Selection]:
    """Some of what is left, perhaps nothing; `cancellable`: only what may be cancelled."""
    left = [
        line for line in order.lines if line.quantity and (line.is_cancellable or not cancellable)
    ]
    counts = st.fixed_dictionaries({line.id: st.integers(0, line.quantity) for line in left})
    return counts.map(lambda chosen: Selection({key: n for key, n in chosen.items() if n}))


@functools.cache
def orders_with_selections(
    kinds: st.SearchStrategy[LineKind] = tickets_only,
) -> st.SearchStrategy[tuple[Order, Selection]]:
    """An order, of tickets only if nothing else is asked for, and some of them."""
    return orders(kinds).flatmap(lambda order: st.tuples(st.just(order), selections(order)))


@functools.cache
def receipts(currency: str, texts: st.SearchStrategy[str] = names) -> st.SearchStrategy[Receipt]:
    figure = st.none() | amounts(currency)
    return st.builds(
        Receipt,
        refund=figure,
        total=figure,
        paid=figure,
        balance=figure,
        last_four=st.sampled_from((None, "4242")),
        reference=st.none() | texts,
        updated_on=st.none() | texts,
    )


@functools.cache
def failures(texts: st.SearchStrategy[str] = names) -> st.SearchStrategy[Failure]:
    blocked = [Failure(FailureCode.BLOCKED, code.value) for code in BlockCode]
    other = [code for code in FailureCode if code is not FailureCode.BLOCKED]
    said = st.builds(Failure, st.sampled_from(other), st.none() | texts)
    return said | st.sampled_from(blocked)


_DECIDED = {
    State.APPROVED: st.just(Verdict.APPROVED),
    State.EXECUTING: st.just(Verdict.APPROVED),
    State.UNKNOWN: st.just(Verdict.APPROVED),
    State.DONE: st.sampled_from((Verdict.APPROVED, Verdict.RESOLVED)),
    State.FAILED: st.sampled_from((Verdict.APPROVED, Verdict.RESOLVED)),
    State.REJECTED: st.just(Verdict.REJECTED),
    State.WITHDRAWN: st.just(Verdict.WITHDRAWN),
}


@functools.cache
def requests(
    states: st.SearchStrategy[State] = st.sampled_from(State),  # noqa: B008
    texts: st.SearchStrategy[str] = hostile,
    most_lines: int = 5,
    *,
    quoted: bool = False,
    voted: bool = False,
) -> st.SearchStrategy[Request]:
    """Requests in any state with what they carry there; `quoted`: each of them with a quote.

    `voted`: with what a policy brings about: votes, an escalation, every way to approve.
    """
    few = orders(texts=texts, most_lines=min(most_lines, 5), currency=VENUE.currency)
    subjects = few if most_lines <= 5 else st.builds(_lengthened, few, st.integers(6, most_lines))

    @st.composite
    def request(draw: st.DrawFn) -> Request:
        state = draw(states)
        order = draw(subjects)
        bare = replace(draw(_bare(texts)), state=state, order_id=order.id)
        unread = state is State.REQUESTED or (state is State.FAILED and draw(_coin))
        if unread and not quoted:
            failed = state is State.FAILED
            return replace(bare, failure=draw(failures(texts)) if failed else None)
        settled = _settled(draw, _quoted(draw, bare, order), order, texts)
        return _voted(draw, settled, texts) if voted else settled

    return request()


_coin = st.booleans()


def _lengthened(order: Order, count: int) -> Order:
    """The order with its lines over and over again, `count` in all."""
    many = itertools.islice(itertools.cycle(order.lines), count)
    lines = tuple(replace(line, id=str(10**10 + n)) for n, line in enumerate(many))
    return replace(order, lines=lines)


@functools.cache
def _bare(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Request]:
    return st.builds(
        Request,
        id=st.just("rk3xq7ha2mzb4n6tw"),
        venue=st.just(VENUE.key),
        order_id=digits,
        state=st.just(State.REQUESTED),
        version=st.integers(1, 40),
        revision=st.just(0),
        run=st.just(0),
        requester=actors,
        channel=st.just(CARD.channel),
        source=st.sampled_from(Source),
        notify=st.sampled_from(Notify),
        created_at=st.integers(0, 10_000_000).map(lambda age: NOW - timedelta(seconds=age)),
        updated_at=st.just(NOW),
        reason=st.none() | texts,
        response_url=st.sampled_from((None, "https://hooks.slack.com/commands/T0/1/x")),
    )


def _quoted(draw: st.DrawFn, bare: Request, order: Order) -> Request:
    wish = Selection.everything(order) if draw(_coin) else draw(selections(order))
    request = replace(
        bare,
        revision=draw(_revisions),
        order=order,
        selection=wish,
        quote=quote(order, wish, NOW),
        card=CARD if draw(_coin) else None,
        result=REPLY if draw(_coin) else None,
    )
    if request.state is State.PENDING and draw(_coin):
        earlier = quote(order, Selection.everything(order), NOW)
        request = replace(request, previous_quote=earlier)
    return request


_revisions = st.integers(1, 9)


def _settled(
    draw: st.DrawFn, request: Request, order: Order, texts: st.SearchStrategy[str]
) -> Request:
    """Add what somebody decided, and how it ended."""
    if request.state in _DECIDED:
        verdict = draw(_DECIDED[request.state])
        decision = Decision(verdict, draw(actors), NOW, request.revision, draw(_notes(texts)))
        request = replace(request, run=1, decision=decision)
    if request.state is State.FAILED:
        return replace(request, failure=draw(failures(texts)))
    by_hand = request.decision is not None and request.decision.verdict is Verdict.RESOLVED
    if request.state is not State.DONE or by_hand or not (request.quote and request.selection):
        return request
    receipt = draw(receipts(order.currency, texts)) if draw(_coin) else None
    gone = request.selection if draw(_coin) else Selection.everything(order)
    after = cancelled(order, gone)
    earlier = draw(amounts(order.currency)) if draw(_coin) else Money.zero(order.currency)
    result = outcome(order, request.quote, after, receipt, earlier, request.notify, NOW)
    return replace(request, outcome=result)


def _voted(draw: st.DrawFn, request: Request, texts: st.SearchStrategy[str]) -> Request:
    """Add the votes, who was called when it took long, and how else it may have been approved."""
    decision = request.decision
    if decision and decision.verdict is Verdict.APPROVED:
        verdict = draw(st.sampled_from([each for each in Verdict if each.is_approval]))
        by = None if verdict is Verdict.AUTOMATIC else decision.by
        decision = replace(decision, verdict=verdict, by=by)
    is_pending = request.state is State.PENDING
    return replace(
        request,
        votes=tuple(draw(st.lists(votes(texts), max_size=3, unique_by=lambda vote: vote.by))),
        decision=decision,
        escalates_at=draw(st.none() | moments) if is_pending else None,
    )


@functools.cache
def votes(texts: st.SearchStrategy[str] = names) -> st.SearchStrategy[Decision]:
    return st.builds(
        Decision,
        verdict=st.sampled_from((Verdict.APPROVED, Verdict.APPROVED, Verdict.REJECTED)),
        by=actors,
        at=moments,
        revision=_revisions,
        note=_notes(texts),
    )


@functools.cache
def _notes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | texts
