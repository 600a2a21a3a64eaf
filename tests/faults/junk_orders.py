"""Orders whose every text means something it should not."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.sandbox.acme.catalogue import example_orders
from bot.sandbox.acme.orders import Line, Order
from tests.faults.junk_texts import hostile

# Two lines; a discount; lines over two events; with a membership; with a donation and a fee.
_TEMPLATES = ("26644402", "26644431", "26644417", "26644485", "26644507")
_FIRST_ID = 29_000_001


def hostile_orders(chance: random.Random) -> Iterator[Order]:
    """Make orders without end, each with an id of its own."""
    examples = {order.id: order for order in example_orders(datetime.now(UTC))}
    line_ids = itertools.count(39_500_001)
    for order_id in itertools.count(_FIRST_ID):
        template = examples[chance.choice(_TEMPLATES)]
        order = template.renumbered(str(order_id), hostile(chance), lambda: str(next(line_ids)))
        _spoil(order, chance)
        yield order


def _spoil(order: Order, chance: random.Random) -> None:
    order.contact = {name: hostile(chance) for name in order.contact}
    order.organization = ("88213", hostile(chance))
    order.notes, order.payment_id = hostile(chance), hostile(chance)
    order.card_last_four = chance.choice(("4242", hostile(chance), None))
    # Two lines of one event stay of one event.
    names = {line.event.id: hostile(chance) for line in order.lines if line.event}
    for line in order.lines:
        _spoil_line(line, names, chance)


def _spoil_line(line: Line, names: dict[str, str], chance: random.Random) -> None:
    line.type_name, line.discount_name = hostile(chance), hostile(chance)
    if line.event is not None:
        line.event = dataclasses.replace(line.event, name=names[line.event.id])
