"""The money path: what was approved happens upstream once, and what is not known is not said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.order import Order
from bot.domain.quote import Notify
from bot.domain.request import FailureCode, Request, State
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.sending import Answer
from bot.store import Database
from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)
from bot.workflows.execution import execute
from bot.workflows.services import Pauses
from tests.examples import REQUESTER, cancelled, line, member, order, usd
from tests.unit.store.steps import BODY
from tests.unit.workflows.fakes import GIVES_UP_AFTER, FakeDurable, Power, Reaction
from tests.unit.workflows.house import House

pytestmark = pytest.mark.anyio

QUIET = list(Pauses().settle)
LOST = Reaction(OutcomeLostError, after=None)
LOST_BUT_DONE = Reaction(OutcomeLostError)


@pytest.fixture
def some(order_id: str) -> Order:
    return order(line("1", quantity=4), line("2", quantity=2), order_id=order_id)


@pytest.fixture
def house(database: Database, some: Order) -> House:
    return House(database, some)


@pytest.fixture
def refunding(database: Database, some: Order) -> House:
    """A house whose request goes through the Refund API, where twice is twice."""
    return House(database, some, notify=Notify.REFUND)


async def test_what_was_approved_is_done_once_and_proven(house: House, some: Order) -> None:
    over = await house.carry_out()
    assert over.state is State.DONE
    assert house.office.calls == [(some, Selection.everything(some))]
    assert house.office.effects == [usd("600.00")]
    assert over.outcome is not None
    assert (over.outcome.refund, over.outcome.expected) == (usd("600.00"), usd("600.00"))
    assert over.outcome.receipt is not None
    assert over.outcome.receipt.reference == "881204"
    send = await house.last_send()
    assert send is not None
    assert send.answer is Answer.ACCEPTED
    assert house.durable.sleeps == []


async def test_a_part_is_cancelled_as_chosen(house: House, some: Order) -> None:
    await house.ask()
    await house.quote()
    await house.choose({"1": 1, "2": 0})
    await house.approve()
    over = await house.execute()
    assert over.state is State.DONE
    assert house.office.calls == [(some, Selection({"1": 1}))]
    assert house.office.effects == [usd("100.00")]


@pytest.mark.parametrize("taken_back", [False, True])
async def test_what_was_not_approved_is_never_sent(house: House, taken_back: bool) -> None:
    request = await house.ask()
    await house.quote()
    if taken_back:
        await house.people.decide(request.id, Action.WITHDRAW, member(REQUESTER))
    over = await house.execute()
    assert over.state is (State.WITHDRAWN if taken_back else State.PENDING)
    assert house.office.calls == []


@pytest.mark.parametrize(
    ("error", "code", "answer"),
    [
        (RefusedError, FailureCode.REFUSED, Answer.REFUSED),
        (NotPermittedError, FailureCode.NOT_PERMITTED, Answer.REFUSED),
        (OrderNotFoundError, FailureCode.ORDER_NOT_FOUND, Answer.REFUSED),
        (UnavailableError, FailureCode.UNAVAILABLE, Answer.NOT_SENT),
    ],
)
async def test_a_definite_no_ends_the_request_with_the_upstreams_words(
    house: House, error: type[TicketingError], code: FailureCode, answer: Answer
) -> None:
    house.office.reactions = [Reaction(error, after=None)]
    over = await house.carry_out()
    assert over.state is State.FAILED
    assert over.failure is not None
    assert (over.failure.code, over.failure.detail) == (code, "in its own words")
    assert len(house.office.calls) == 1
    send = await house.last_send()
    assert send is not None
    assert send.answer is answer


async def test_a_refusal_that_the_order_contradicts_is_not_believed(house: House) -> None:
    house.office.reactions = [Reaction(RefusedError, after=0.0)]
    over = await house.carry_out()
    assert over.state is State.DONE


async def test_a_lost_answer_is_settled_by_reading(house: House) -> None:
    house.office.reactions = [LOST_BUT_DONE]
    over = await house.carry_out()
    assert over.state is State.DONE
    assert over.outcome is not None
    assert (over.outcome.refund, over.outcome.receipt) == (usd("600.00"), None)
    assert len(house.office.calls) == 1


async def test_a_change_that_shows_late_is_waited_for(house: House) -> None:
    house.office.reactions = [Reaction(OutcomeLostError, after=6.0)]
    over = await house.carry_out()
    assert over.state is State.DONE
    assert len(house.office.calls) == 1
    assert house.durable.sleeps == QUIET[:3]


async def test_a_lost_update_that_did_nothing_is_sent_once_more(house: House) -> None:
    house.office.reactions = [LOST, Reaction()]
    over = await house.carry_out()
    assert over.state is State.DONE
    assert len(house.office.calls) == 2
    assert house.office.effects == [usd("600.00")]
    assert house.durable.sleeps == QUIET


async def test_it_is_not_sent_a_third_time(house: House) -> None:
    house.office.reactions = [LOST]
    over = await house.carry_out()
    assert over.state is State.UNKNOWN
    assert len(house.office.calls) == 2
    assert house.durable.sleeps == QUIET + QUIET


async def test_both_attempts_taking_effect_is_one_effect(house: House) -> None:
    house.office.reactions = [Reaction(OutcomeLostError, after=40.0), LOST_BUT_DONE]
    over = await house.carry_out()
    house.clock.advance(60)
    house.office.settle()
    assert over.state is State.DONE
    assert len(house.office.calls) == 2
    assert house.office.effects == [usd("600.00")]


async def test_a_lost_refund_is_never_sent_again(refunding: House) -> None:
    refunding.office.reactions = [LOST]
    over = await refunding.carry_out()
    assert over.state is State.UNKNOWN
    assert len(refunding.office.calls) == 1


@pytest.mark.parametrize("second", [RefusedError, NotPermittedError, UnavailableError])
async def test_a_no_to_the_second_attempt_says_nothing_about_the_first(
    house: House, second: type[TicketingError]
) -> None:
    house.office.reactions = [LOST, Reaction(second, after=None)]
    assert (await house.carry_out()).state is State.UNKNOWN


async def test_success_that_the_order_does_not_show_is_not_believed_and_not_repeated(
    house: House,
) -> None:
    house.office.reactions = [Reaction(after=None)]
    over = await house.carry_out()
    assert over.state is State.UNKNOWN
    assert len(house.office.calls) == 1


async def test_an_order_that_somebody_else_changed_meanwhile_is_left_to_people(
    house: House,
) -> None:
    house.office.reactions = [LOST]
    house.office.staff = {4: lambda now: cancelled(now, Selection({"2": 1}))}
    over = await house.carry_out()
    assert over.state is State.UNKNOWN
    assert len(house.office.calls) == 1


async def test_a_drifted_order_is_handed_back_and_nothing_is_sent(
    house: House, some: Order
) -> None:
    house.office.staff = {2: lambda now: cancelled(now, Selection({"1": 3}))}
    over = await house.carry_out()
    assert (over.state, over.revision) == (State.PENDING, 2)
    assert house.office.calls == []
    assert over.selection == Selection({"1": 1, "2": 2})
    assert over.quote is not None
    assert over.quote.refund == usd("300.00")
    assert over.previous_quote is not None
    assert over.previous_quote.refund == usd("600.00")
    await house.approve()
    assert (await house.execute()).state is State.DONE
    assert house.office.effects == [usd("300.00")]
    assert house.office.calls[0][0].lines != some.lines


async def test_a_check_in_after_the_approval_asks_again(house: House) -> None:
    house.office.staff = {2: _check_in}
    over = await house.carry_out()
    assert over.state is State.PENDING
    assert over.quote is not None
    assert [warning.count for warning in over.quote.warnings] == [1]
    assert house.office.calls == []


def _check_in(now: Order) -> Order:
    first, *rest = now.lines
    return replace(now, lines=(replace(first, checked_in=1), *rest))


async def test_an_order_somebody_else_has_cancelled_needs_nothing_any_more(house: House) -> None:
    house.office.staff = {2: lambda now: cancelled(now, Selection.everything(now))}
    over = await house.carry_out()
    assert over.state is State.FAILED
    assert over.failure is not None
    assert over.failure.code is FailureCode.CHANGED
    assert house.office.calls == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnavailableError("HTTP 503"), FailureCode.UNAVAILABLE),
        (UnreadableError("not JSON"), FailureCode.UNREADABLE),
        (OrderNotFoundError(), FailureCode.ORDER_NOT_FOUND),
        (NotPermittedError(), FailureCode.NOT_PERMITTED),
        (RefusedError("no"), FailureCode.REFUSED),
    ],
)
async def test_an_order_that_cannot_be_read_is_not_cancelled(
    house: House, error: TicketingError, code: FailureCode
) -> None:
    house.office.read_errors = {2: error}
    over = await house.carry_out()
    assert over.state is State.FAILED
    assert over.failure is not None
    assert (over.failure.code, over.failure.detail) == (code, error.detail)
    assert house.office.calls == []


async def test_reading_back_goes_on_after_a_failed_read(house: House) -> None:
    house.office.read_errors = {3: UnavailableError("HTTP 503"), 4: UnreadableError("HTML")}
    over = await house.carry_out()
    assert over.state is State.DONE
    assert house.durable.sleeps == QUIET[:2]


async def test_checking_again_finds_what_has_happened_since(refunding: House) -> None:
    refunding.office.reactions = [Reaction(OutcomeLostError, after=30.0)]
    assert (await refunding.carry_out()).state is State.UNKNOWN
    over = await refunding.check_again(after=20)
    assert over.state is State.DONE
    assert over.run == 2
    assert len(refunding.office.calls) == 1


async def test_checking_again_soon_does_not_guess(house: House) -> None:
    house.office.reactions = [LOST]
    await house.carry_out()
    assert (await house.check_again(after=1)).state is State.UNKNOWN
    assert len(house.office.calls) == 2


async def test_checking_again_late_settles_that_nothing_happened(refunding: House) -> None:
    refunding.office.reactions = [LOST]
    await refunding.carry_out()
    over = await refunding.check_again(after=90)
    assert over.state is State.FAILED
    assert over.failure is not None
    assert over.failure.code is FailureCode.NOT_APPLIED
    assert len(refunding.office.calls) == 1


async def test_a_change_that_was_confirmed_but_does_not_show_stays_unknown_however_late(
    house: House,
) -> None:
    house.office.reactions = [Reaction(after=None)]
    assert (await house.carry_out()).state is State.UNKNOWN
    assert (await house.check_again(after=9000)).state is State.UNKNOWN
    assert len(house.office.calls) == 1


async def test_checking_again_never_sends(house: House) -> None:
    house.office.reactions = [LOST]
    house.office.read_errors = dict.fromkeys(range(3, 60), UnavailableError("HTTP 503"))
    assert (await house.carry_out()).state is State.UNKNOWN
    sent = len(house.office.calls)
    for _ in range(3):
        assert (await house.check_again(after=5)).state is State.UNKNOWN
    assert len(house.office.calls) == sent


async def test_checking_again_sends_nothing_even_if_a_second_attempt_was_never_made(
    house: House,
) -> None:
    house.office.reactions = [LOST, Reaction()]
    house.office.read_errors = dict.fromkeys(range(3, 10), UnavailableError("HTTP 503"))
    assert (await house.carry_out()).state is State.UNKNOWN
    assert (await house.check_again(after=5)).state is State.UNKNOWN
    assert house.office.reads > 10
    assert len(house.office.calls) == 1


async def test_two_workflows_for_one_request_send_once(refunding: House) -> None:
    request = await refunding.ask()
    await refunding.quote()
    await refunding.approve()
    services = refunding.services
    await asyncio.gather(
        *(execute(services, FakeDurable(refunding.clock), request.id) for _ in range(3))
    )
    assert (await refunding.request()).state is State.DONE
    assert len(refunding.office.calls) == 1


async def test_a_workflow_that_runs_again_after_the_end_changes_nothing(house: House) -> None:
    over = await house.carry_out()
    await execute(house.services, FakeDurable(house.clock), over.id)
    assert await house.request() == over
    assert len(house.office.calls) == 1


@pytest.mark.parametrize("notify", Notify)
async def test_dying_between_the_note_and_the_call_sends_nothing_by_itself(
    database: Database, some: Order, notify: Notify
) -> None:
    """The note says that it may have been sent, so it counts as sent until reading tells."""
    house = House(database, some, notify=notify)
    await house.ask()
    await house.quote()
    request = await house.approve()
    running = await house.people.claim(request.id)
    assert await house.people.claim_send(running, 1, BODY)
    over = await house.execute()
    resent = notify is not Notify.REFUND
    assert over.state is (State.DONE if resent else State.UNKNOWN)
    assert len(house.office.calls) == int(resent)
    assert house.durable.sleeps[: len(QUIET)] == QUIET


async def unanswered(house: House) -> Request:
    """A request whose process died right after it noted its first attempt."""
    await house.ask()
    await house.quote()
    running = await house.people.claim((await house.approve()).id)
    assert await house.people.claim_send(running, 1, BODY)
    return running


async def test_an_attempt_nobody_saw_the_end_of_is_given_the_time_it_may_take(
    house: House,
) -> None:
    """Its process may only be thought dead: nothing is sent while its call may be under way."""
    await unanswered(house)
    sent_at = house.clock.moment
    over = await house.execute()
    assert over.state is State.DONE
    assert len(house.office.calls) == 1
    quiet, patience, again = (
        house.durable.sleeps[:4],
        house.durable.sleeps[4],
        house.durable.sleeps[5:],
    )
    assert (quiet, again) == (QUIET, QUIET)
    assert sum(quiet) + patience == pytest.approx(GIVES_UP_AFTER.total_seconds(), abs=2)
    assert (house.clock.moment - sent_at) > GIVES_UP_AFTER


async def test_an_attempt_that_shows_its_effect_meanwhile_is_not_made_again(house: House) -> None:
    request = await unanswered(house)
    assert request.order is not None
    done = cancelled(request.order, Selection.everything(request.order))
    house.office.staff = {house.office.reads + len(QUIET) + 2: lambda _: done}
    over = await house.execute()
    assert over.state is State.DONE
    assert house.office.calls == []
    assert len(house.durable.sleeps) == len(QUIET) + 1


async def test_an_attempt_long_ago_needs_no_more_patience(house: House) -> None:
    await unanswered(house)
    house.clock.advance(GIVES_UP_AFTER.total_seconds())
    assert (await house.execute()).state is State.DONE
    assert house.durable.sleeps == QUIET


@pytest.mark.parametrize("cut", range(40, 110))
async def test_dying_around_the_second_attempt_makes_no_third(
    database: Database, some: Order, cut: int
) -> None:
    house = House(database, some, power=Power({cut}))
    house.office.reactions = [LOST]
    await house.carry_out()
    assert len(house.office.calls) <= 2
    assert house.power.cuts == (1 if house.power.moments >= cut else 0)


@pytest.mark.parametrize("cut", range(1, 40))
@pytest.mark.parametrize("forgetful", [False, True])
async def test_dying_at_any_moment_refunds_once_or_says_that_it_does_not_know(
    database: Database, some: Order, cut: int, forgetful: bool
) -> None:
    house = House(database, some, notify=Notify.REFUND, power=Power({cut}))
    await house.ask()
    await house.quote(forgetful=forgetful)
    await house.approve()
    over = await house.execute(forgetful=forgetful)
    assert len(house.office.calls) <= 1
    assert over.state is (State.DONE if house.office.effects else State.UNKNOWN)
    if over.state is State.UNKNOWN:
        assert (await house.check_again(after=90)).state is State.FAILED
