"""The example orders: the one of the published sample, and invented ones with well-spread facts.

Invented people only. Dates are relative to the moment the examples are made, so that what is to
come stays to come. Orders with a past were given it with the same arithmetic the endpoints use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

from bot.sandbox.acme.orders import TICKET_TYPES, ZERO, Event, Line, Order, Ticket

SEED_ORDER = "26644388"

_PACIFIC = ZoneInfo("America/Los_Angeles")
_BERLIN = ZoneInfo("Europe/Berlin")
_STAFF = "2258"


def example_orders(now: datetime) -> list[Order]:
    """Make every example anew, the seed's order first."""
    now = now.astimezone(_PACIFIC)
    return [
        _seed_order(now),
        _family(now),
        _two_events(now),
        _cent_off(now),
        _partly_cancelled(now),
        _wholly_cancelled(now),
        _partly_checked_in(now),
        _school_with_balance(now),
        _membership_and_tickets(now),
        _combo(now),
        _donation_and_fee(now),
        _past_event(now),
        _hostile_names(now),
        _euro(now),
        _free(now),
        _voucher(now),
        _cash(now),
        _sixty_lines(now),
    ]


def _seed_order(now: datetime) -> Order:
    created = datetime.fromisoformat("2020-05-29T16:15:15-07:00")
    order = _order(
        *(SEED_ORDER, "100130807", "Seed order: 4 × $100.00"),
        buyer=("Brad", "Clarke", "michele+bradClarke@acmeticketing.com"),
        lines=[_line("General Admission", 4, "100.00", _event("Riverside Gala Night", now, 30))],
        created=created,
        first_line=38042229,
        card="4242",
    )
    order.customer_id, order.visitor_id = 4762835, "1076467"
    order.first_cancel_at = datetime.fromisoformat("2020-06-01T19:19:09-07:00")
    order.shows_card = False
    return order


def _family(now: datetime) -> Order:
    event = _event("The Paper Lantern Circus", now, 12, at=time(15, 0))
    return _order(
        *("26644402", "100130821", "Family: 2 adults and 3 children on two lines"),
        buyer=("Nadia", "Okafor", "nadia.okafor@example.org"),
        lines=[_line("Adult", 2, "42.50", event), _line("Child", 3, "21.25", event)],
        created=now - timedelta(days=9),
        card="1881",
    )


def _two_events(now: datetime) -> Order:
    first, second = _event("String Quartet I", now, 20), _event("String Quartet II", now, 27)
    return _order(
        *("26644417", "100130836", "Two events: a pair of concerts, 2 tickets each and a student"),
        buyer=("Tomas", "Lindqvist", "tomas.lindqvist@example.org"),
        lines=[
            _line("Adult", 2, "38.00", first),
            _line("Adult", 2, "38.00", second),
            _line("Student", 1, "19.00", second),
        ],
        created=now - timedelta(days=15),
        card="0077",
    )


def _cent_off(now: datetime) -> Order:
    event = _event("Jazz on the Pier", now, 18)
    line = _line("Adult", 3, "40.00", event, discounted="33.33", discounted_total="100.00")
    line.discount_name = "Three for one hundred"
    return _order(
        *("26644431", "100130850", "Discount: 3 × $33.33 sold for $100.00, one cent apart"),
        buyer=("Priya", "Raman", "priya.raman@example.org"),
        lines=[line],
        created=now - timedelta(days=4),
        card="5100",
    )


def _partly_cancelled(now: datetime) -> Order:
    order = _order(
        *("26644446", "100130865", "Partly cancelled already: 2 of 4 tickets left"),
        buyer=("Marek", "Dvorsky", "marek.dvorsky@example.org"),
        lines=[_line("Adult", 4, "55.00", _event("A Winter's Tale", now, 24))],
        created=now - timedelta(days=21),
        card="9405",
    )
    order.lower({order.lines[0].id: 2}, at=order.created_on + timedelta(days=5), by=_STAFF)
    return order


def _wholly_cancelled(now: datetime) -> Order:
    order = _order(
        *("26644459", "100130878", "Cancelled already: nothing left"),
        buyer=("Lena", "Brandt", "lena.brandt@example.org"),
        lines=[_line("Adult", 2, "61.00", _event("The Glass Orchard", now, 16))],
        created=now - timedelta(days=30),
        card="3222",
    )
    order.lower({order.lines[0].id: 0}, at=order.created_on + timedelta(days=2), by=_STAFF)
    return order


def _partly_checked_in(now: datetime) -> Order:
    doors = now + timedelta(hours=6)
    event = Event(_hex("Open Air Festival"), "Open Air Festival", doors.replace(microsecond=0))
    line = _line("Day Pass", 4, "75.00", event)
    for ticket in line.tickets[:2]:
        ticket.checked_in_at = now - timedelta(minutes=20)
    return _order(
        *("26644463", "100130882", "2 of 4 tickets checked in"),
        buyer=("Hugo", "Salas", "hugo.salas@example.org"),
        lines=[line],
        created=now - timedelta(days=40),
        card="7006",
    )


def _school_with_balance(now: datetime) -> Order:
    event = _event("Science Morning", now, 35, at=time(9, 30))
    order = _order(
        *("26644478", "100130897", "Organisation order: $360.00, of which $200.00 unpaid"),
        buyer=("Grace", "Mbeki", "office@fernhill-school.example.org"),
        lines=[_line("Pupil", 30, "11.00", event), _line("Teacher", 3, "10.00", event)],
        created=now - timedelta(days=11),
        method="Check",
        payment_id="004417",
        paid="160.00",
    )
    order.organization = ("88213", "Fernhill Primary School")
    order.sale_channel = "insideSalesIndividual"
    return order


def _membership_and_tickets(now: datetime) -> Order:
    event = _event("Members' Preview", now, 8, at=time(18, 0))
    return _order(
        *("26644485", "100130904", "A membership and 2 tickets"),
        buyer=("Ines", "Carvalho", "ines.carvalho@example.org"),
        lines=[
            _line("Household Membership", 1, "120.00", item_type="MembershipPurchase"),
            _line("Member", 2, "15.00", event),
        ],
        created=now - timedelta(days=3),
        card="6111",
    )


def _combo(now: datetime) -> Order:
    tour = _event("Backstage Tour", now, 14, at=time(11, 0))
    show = _event("Evening Show", now, 14)
    combo = _line("Tour and Show", 2, "64.00", tour, item_type="Combo")
    parts = [
        _line("Tour part", 2, "0.00", tour, item_type="ComboInventory"),
        _line("Show part", 2, "0.00", show, item_type="ComboInventory"),
    ]
    for part in parts:
        part.parent_id = combo.id
    return _order(
        *("26644490", "100130909", "Combo: 2 × tour and show"),
        buyer=("Oskar", "Nyman", "oskar.nyman@example.org"),
        lines=[combo, *parts],
        created=now - timedelta(days=6),
        card="2020",
    )


def _donation_and_fee(now: datetime) -> Order:
    event = _event("Harbour Lights", now, 22)
    return _order(
        *("26644507", "100130926", "3 tickets with a donation and a rebooking fee"),
        buyer=("Yuki", "Tanabe", "yuki.tanabe@example.org"),
        lines=[
            _line("Adult", 3, "28.00", event),
            _line("Rebooking Fee", 1, "5.00", event, item_type="RebookingFee"),
            _line("Annual Fund", 1, "25.00", item_type="Donation"),
        ],
        created=now - timedelta(days=13),
        card="8431",
    )


def _past_event(now: datetime) -> Order:
    return _order(
        *("26644512", "100130931", "Past event: 2 tickets for a show of nine days ago"),
        buyer=("Aoife", "Brennan", "aoife.brennan@example.org"),
        lines=[_line("Adult", 2, "47.00", _event("Last Summer's Revue", now, -9))],
        created=now - timedelta(days=60),
        card="1117",
    )


def _hostile_names(now: datetime) -> Order:
    event = _event("<!channel> *Gala* <https://evil.example|click here> & ~more~", now, 19)
    return _order(
        *("26644526", "100130945", "Hostile names: mentions, links, emoji, right-to-left text"),
        buyer=("*Zoë* \u202eecila <@U0APPROVE>", "نور 🎭 `code`", "zoe.noor@example.org"),
        lines=[
            _line("VIP <!here> :tada: _all_ access", 2, "90.00", event),
            _line("مقعد 🪑\nsecond line", 1, "30.00", event),
        ],
        created=now - timedelta(days=2),
        card="4111",
    )


def _euro(now: datetime) -> Order:
    event = _event("Orgelkonzert im Dom", now, 17, zone=_BERLIN)
    order = _order(
        *("26644533", "100130952", "In euro: ACME's data does not say so"),
        buyer=("Jonas", "Weber", "jonas.weber@example.org"),
        lines=[_line("Erwachsene", 2, "1250.50", event), _line("Ermäßigt", 1, "625.25", event)],
        created=(now - timedelta(days=7)).astimezone(_BERLIN),
        card="3742",
    )
    order.currency = "EUR"
    return order


def _free(now: datetime) -> Order:
    return _order(
        *("26644548", "100130967", "Free: 2 × $0.00"),
        buyer=("Samir", "Haddad", "samir.haddad@example.org"),
        lines=[_line("Open Day Pass", 2, "0.00", _event("Open Day", now, 10, at=time(10, 0)))],
        created=now - timedelta(days=1),
        method="Cash",
    )


def _voucher(now: datetime) -> Order:
    order = _order(
        *("26644566", "100130985", "Paid by voucher, sold by a reseller"),
        buyer=("Clara", "Petit", "clara.petit@example.org"),
        lines=[_line("Adult", 2, "33.00", _event("Sky Deck", now, 6, at=time(14, 0)))],
        created=now - timedelta(days=5),
        method="Voucher",
        payment_id="V-55120",
    )
    order.sale_channel = "reseller"
    return order


def _cash(now: datetime) -> Order:
    return _order(
        *("26644570", "100130989", "Paid in cash at the box office"),
        buyer=("Walt", "Ferris", "walt.ferris@example.org"),
        lines=[_line("Senior", 2, "18.00", _event("Matinee Classics", now, 5, at=time(14, 30)))],
        created=now - timedelta(days=2),
        method="Cash",
    )


def _sixty_lines(now: datetime) -> Order:
    weeks = [_event(f"Course Evening {week}", now, 7 * week) for week in range(1, 16)]
    kinds = (("Adult", "24.00"), ("Student", "12.00"), ("Child", "8.50"), ("Companion", "0.00"))
    return _order(
        *("26644551", "100130970", "Big: 60 lines over 15 events"),
        buyer=("Ruth", "Abernathy", "ruth.abernathy@example.org"),
        lines=[_line(kind, 1, price, event) for event in weeks for kind, price in kinds],
        created=now - timedelta(days=18),
        card="9090",
    )


def _order(
    order_id: str,
    number: str,
    title: str,
    *,
    buyer: tuple[str, str, str],
    lines: Sequence[Line],
    created: datetime,
    first_line: int | None = None,
    method: str = "CreditCard",
    card: str | None = None,
    payment_id: str | None = None,
    paid: str | None = None,
) -> Order:
    first, last, email = buyer
    total = sum((line.discounted_sub_total for line in lines), ZERO)
    order = Order(
        id=order_id,
        number=number,
        title=title,
        contact={
            "email": email,
            "billingEmail": email,
            "contactFirstName": first,
            "contactLastName": last,
            "billingFirstName": first,
            "billingLastName": last,
        },
        lines=list(lines),
        created_on=created,
        paid=total if paid is None else Decimal(paid),
        currency="USD",
        payment_method=method,
        payment_id=payment_id,
        card_last_four=card,
        sale_channel="Customer Rep",
        customer_id=4_000_000 + int(order_id) % 1_000_000,
        visitor_id=str(1_000_000 + int(order_id) % 100_000),
        created_by=_STAFF,
    )
    numbers = count(first_line or 38_000_000 + (int(order_id) - int(SEED_ORDER)) * 1000)
    return order.renumbered(order_id, number, lambda: str(next(numbers)))


def _line(
    name: str,
    quantity: int,
    price: str,
    event: Event | None = None,
    *,
    item_type: str = "Event",
    discounted: str | None = None,
    discounted_total: str | None = None,
) -> Line:
    unit, discounted_unit = Decimal(price), Decimal(discounted or price)
    tickets = quantity if item_type in TICKET_TYPES else 0
    return Line(
        id=f"{name} {event.id if event else ''}",  # `renumbered` puts the real one in its place
        item_type=item_type,
        type_id=_hex(f"{item_type} {name}"),
        type_name=name,
        quantity=quantity,
        unit_price=unit,
        discounted_unit_price=discounted_unit,
        sub_total=unit * quantity,
        discounted_sub_total=(
            Decimal(discounted_total) if discounted_total else discounted_unit * quantity
        ),
        event=event,
        tickets=[Ticket(id="") for _ in range(tickets)],
    )


def _event(
    name: str, now: datetime, days: int, *, at: time = time(19, 30), zone: ZoneInfo = _PACIFIC
) -> Event:
    day = (now.astimezone(zone) + timedelta(days=days)).date()
    return Event(_hex(name), name, datetime.combine(day, at, tzinfo=zone))


def _hex(text: str) -> str:
    """Give the 24 hexadecimal digits that ACME's event and type ids have."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
