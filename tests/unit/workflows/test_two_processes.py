"""Two processes with the same request, one of which is only thought to be dead: one effect."""

from __future__ import annotations

import pytest

from bot.domain.order import Order
from bot.domain.quote import Notify
from bot.domain.request import State
from bot.store import Database
from bot.ticketing import UnavailableError
from tests.examples import line, order
from tests.unit.workflows.fakes import BoxOffice
from tests.unit.workflows.house import House
from tests.unit.workflows.workers import Worker, in_turn

pytestmark = pytest.mark.anyio


@pytest.fixture
def some(order_id: str) -> Order:
    return order(line("1", quantity=4), line("2", quantity=2), order_id=order_id)


class Pair:
    """An approved request, its owner, and a thief who has seen that nothing was sent yet."""

    def __init__(self, database: Database, some: Order, notify: Notify = Notify.CONFIRMATION):
        self.house = House(database, some, notify=notify)
        self.office = BoxOffice(self.house.clock, some, meanwhile=in_turn)
        self.house.office = self.office
        self.owner, self.thief = (
            Worker(database, self.house.clock, self.office, self.house.desk) for _ in range(2)
        )

    async def begin(self, counts: dict[str, int] | None = None) -> None:
        await self.house.ask()
        await self.house.quote()
        if counts:
            await self.house.choose(counts)
        request = await self.house.approve()
        self.thief.start(request.id)
        await self.thief.go_on()  # up to the step
        await self.thief.go_on()  # up to the read, having found no attempt
        self.owner.start(request.id)


@pytest.mark.parametrize("notify", Notify)
@pytest.mark.parametrize("counts", [None, {"1": 1, "2": 0}])
async def test_an_order_that_the_other_one_changed_has_not_drifted(
    database: Database, some: Order, notify: Notify, counts: dict[str, int] | None
) -> None:
    """The order is no longer as it was quoted: because what was approved is being done."""
    pair = Pair(database, some, notify)
    await pair.begin(counts)
    for _ in range(4):  # up to the answer of the call that changes the order
        await pair.owner.go_on()
    assert len(pair.office.effects) == 1
    await pair.thief.finish()
    await pair.owner.finish()
    over = await pair.house.request()
    assert over.state is State.DONE
    assert len(pair.office.calls) == 1


async def test_an_order_that_cannot_be_read_does_not_fail_what_the_other_one_sent(
    database: Database, some: Order
) -> None:
    pair = Pair(database, some)
    await pair.begin()
    for _ in range(4):
        await pair.owner.go_on()
    assert len(pair.office.effects) == 1
    pair.office.read_errors = {pair.office.reads + 1: UnavailableError("HTTP 503")}
    await pair.thief.finish()
    await pair.owner.finish()
    over = await pair.house.request()
    assert over.state is State.DONE
    assert len(pair.office.calls) == 1


async def test_who_finds_an_attempt_under_way_waits_until_it_must_be_over(
    database: Database, some: Order
) -> None:
    """Nothing is sent again while the first call may still be on its way."""
    pair = Pair(database, some)
    await pair.begin()
    for _ in range(4):
        await pair.owner.go_on()
    sent_at = pair.house.clock.moment
    await pair.thief.finish()
    assert len(pair.office.calls) == 1
    assert (await pair.house.request()).state is State.DONE
    assert pair.house.clock.moment >= sent_at
