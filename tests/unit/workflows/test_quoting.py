"""Quoting: a new request gets its price, or its end with the reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.delivery import DeliveryPostponedError
from bot.domain.order import LineKind, Order, OrderLine
from bot.domain.policy import Ceiling, Policy
from bot.domain.quote import BlockCode
from bot.domain.request import Failure, FailureCode, State
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.store import Database
from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)
from bot.workflows.quoting import quote_request
from tests.examples import REQUESTER, line, member, order, usd
from tests.unit.databases import DEFAULT
from tests.unit.workflows.fakes import FakeDesk, FakeDurable, Power
from tests.unit.workflows.house import House

pytestmark = pytest.mark.anyio


AUTOMATIC = Policy(auto_approve_up_to=Ceiling((usd("400.00"),)))


async def quoted(
    database: Database, some: Order, power: Power | None = None, policy: Policy = DEFAULT
) -> House:
    house = House(database, some, power=power, policy=policy)
    await house.ask()
    await house.quote()
    return house


async def test_a_request_is_quoted_and_shown(database: Database, order_id: str) -> None:
    some = order(line("1", quantity=4), order_id=order_id)
    house = await quoted(database, some)
    request = await house.request()
    assert (request.state, request.revision) == (State.PENDING, 1)
    assert (request.order, request.selection) == (some, Selection({"1": 4}))
    assert request.quote is not None
    assert request.quote.refund == usd("400.00")
    assert [shown.version for shown in house.desk.shown] == [request.version]
    assert house.office.calls == []


@pytest.mark.parametrize(
    ("lines", "block"),
    [
        ([line("1", quantity=0)], BlockCode.NOTHING_LEFT),
        ([line("1", kind=LineKind.DONATION)], BlockCode.NOTHING_CANCELLABLE),
        ([line("1", kind=LineKind.FEE)], BlockCode.NOTHING_CANCELLABLE),
        ([replace(line("1"), part_of_combo=True)], BlockCode.NOTHING_CANCELLABLE),
    ],
)
async def test_an_order_of_which_nothing_can_be_cancelled_ends_at_once(
    database: Database, order_id: str, lines: list[OrderLine], block: BlockCode
) -> None:
    house = await quoted(database, order(*lines, order_id=order_id))
    request = await house.request()
    assert request.state is State.FAILED
    assert request.failure == Failure(FailureCode.BLOCKED, block.value)
    assert [shown.state for shown in house.desk.shown] == [State.FAILED]


async def test_an_order_of_which_some_can_be_cancelled_waits_for_a_choice(
    database: Database, order_id: str
) -> None:
    mixed = order(line("1"), line("2", kind=LineKind.DONATION), order_id=order_id)
    request = await (await quoted(database, mixed)).request()
    assert request.state is State.PENDING
    assert request.quote is not None
    assert [block.line_id for block in request.quote.blocks] == ["2"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OrderNotFoundError(), FailureCode.ORDER_NOT_FOUND),
        (NotPermittedError("bad key"), FailureCode.NOT_PERMITTED),
        (RefusedError("no"), FailureCode.REFUSED),
        (UnavailableError("HTTP 503"), FailureCode.UNAVAILABLE),
        (UnreadableError("not JSON"), FailureCode.UNREADABLE),
    ],
)
async def test_an_order_that_cannot_be_read_ends_the_request_with_the_reason(
    database: Database, order_id: str, error: TicketingError, code: FailureCode
) -> None:
    house = House(database, order(order_id=order_id))
    house.office.read_errors = {1: error}
    await house.ask()
    request = await house.quote()
    assert request.state is State.FAILED
    assert request.failure == Failure(code, error.detail)
    assert len(house.desk.shown) == 1


async def test_quoting_again_changes_nothing(database: Database, order_id: str) -> None:
    house = await quoted(database, order(order_id=order_id))
    before = await house.request()
    await house.quote()
    assert await house.request() == before
    assert house.office.reads == 1


async def test_two_workflows_for_one_request_quote_it_once(
    database: Database, order_id: str
) -> None:
    house = House(database, order(order_id=order_id))
    request = await house.ask()
    services = house.services
    await asyncio.gather(
        *(quote_request(services, FakeDurable(house.clock), request.id) for _ in range(3))
    )
    quoted = await house.request()
    assert (quoted.state, quoted.revision) == (State.PENDING, 1)


async def test_a_request_that_is_over_is_not_quoted(database: Database, order_id: str) -> None:
    house = await quoted(database, order(order_id=order_id))
    request = await house.request()
    await house.people.decide(request.id, Action.WITHDRAW, member(REQUESTER))
    assert (await house.quote()).state is State.WITHDRAWN
    assert house.office.reads == 1


async def test_a_request_nobody_knows_is_no_work(database: Database, order_id: str) -> None:
    house = House(database, order(order_id=order_id))
    await quote_request(house.services, FakeDurable(house.clock), "rnosuch")
    assert house.office.reads == 0


@pytest.mark.parametrize("cut", range(1, 14))
async def test_dying_at_any_moment_leads_to_one_quote(
    database: Database, order_id: str, cut: int
) -> None:
    house = await quoted(database, order(order_id=order_id), Power({cut}))
    request = await house.request()
    assert (request.state, request.revision, request.version) == (State.PENDING, 1, 2)
    assert request.delivered_version == request.version


async def test_what_needs_nobody_is_shown_and_carried_out(
    database: Database, order_id: str
) -> None:
    house = await quoted(database, order(order_id=order_id), policy=AUTOMATIC)
    request = await house.request()
    assert (request.state, request.run, request.version) == (State.APPROVED, 1, 3)
    assert [(shown.state, shown.version) for shown in house.desk.shown] == [(State.APPROVED, 3)]
    assert house.durable.handed_over == [("execute", f"execute:{request.id}:1", request.id)]
    assert (await house.execute()).state is State.DONE
    assert len(house.office.calls) == 1


async def test_what_needs_somebody_is_shown_and_no_more(database: Database, order_id: str) -> None:
    some = order(line("1", quantity=5), order_id=order_id)
    house = await quoted(database, some, policy=AUTOMATIC)
    assert (await house.request()).state is State.PENDING
    assert len(house.desk.shown) == 1
    assert house.durable.handed_over == []


async def test_what_cannot_be_shown_now_is_carried_out_all_the_same(
    database: Database, order_id: str
) -> None:
    house = House(database, order(order_id=order_id), policy=AUTOMATIC)
    house.desk = FakeDesk(DeliveryPostponedError(None, "HTTP 503"))
    await house.ask()
    request = await house.quote()
    names = [name for name, _, _ in house.durable.handed_over]
    assert (request.state, names) == (State.APPROVED, ["deliver", "execute"])


@pytest.mark.parametrize("cut", range(1, 17))
async def test_dying_at_any_moment_starts_what_needs_nobody_once(
    database: Database, order_id: str, cut: int
) -> None:
    power = Power({cut})
    house = await quoted(database, order(order_id=order_id), power, AUTOMATIC)
    request = await house.request()
    assert power.cuts == 1
    assert (request.state, request.run, request.version) == (State.APPROVED, 1, 3)
    assert request.delivered_version == request.version
    started = [each for each in house.durable.handed_over if each[0] == "execute"]
    assert started == [("execute", f"execute:{request.id}:1", request.id)]


async def test_what_was_approved_before_a_crash_is_started_by_who_resumes(
    database: Database, order_id: str
) -> None:
    """The quote was stored, and nothing else remembered."""
    house = await quoted(database, order(order_id=order_id), policy=AUTOMATIC)
    first = house.durable.handed_over
    await house.quote()
    assert house.durable.handed_over == first
    assert (await house.request()).version == 3


async def test_two_workflows_for_what_needs_nobody_ask_for_one_execution(
    database: Database, order_id: str
) -> None:
    house = House(database, order(order_id=order_id), policy=AUTOMATIC)
    request = await house.ask()
    workers = [FakeDurable(house.clock) for _ in range(3)]
    services = house.services
    await asyncio.gather(*(quote_request(services, worker, request.id) for worker in workers))
    handed_over = {each for worker in workers for each in worker.handed_over}
    assert handed_over == {("execute", f"execute:{request.id}:1", request.id)}
    assert (await house.request()).version == 3
