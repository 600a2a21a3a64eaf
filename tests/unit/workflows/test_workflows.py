"""From states to work: what is started when, and what a defect ends in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain.request import (
    Failure,
    FailureCode,
    Request,
    State,
)
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, CARD, member
from tests.unit.store.steps import BODY, UNSETTLED, executing, in_state
from tests.unit.workflows.work import Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def work(database: Database) -> Work:
    return Work(database)


@pytest.fixture
def store(work: Work) -> RequestStore:
    return work.store


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State.REQUESTED, ["quote"]),
        (State.PENDING, ["deliver"]),
        (State.APPROVED, ["execute", "deliver"]),
        (State.EXECUTING, ["execute", "deliver"]),
        (State.UNKNOWN, ["deliver"]),
        (State.DONE, ["deliver"]),
        (State.REJECTED, ["deliver"]),
        (State.WITHDRAWN, ["deliver"]),
    ],
)
async def test_each_state_has_its_work(
    work: Work, order_id: str, state: State, due: list[str]
) -> None:
    request = await in_state(work.store, state, order_id)
    await work.workflows.advance(request)
    assert work.names == due
    assert {request_id for _, _, request_id in work.engine.started} == {request.id}


async def test_what_is_shown_already_is_not_delivered_again(work: Work, order_id: str) -> None:
    request = await in_state(work.store, State.APPROVED, order_id)
    await work.store.delivered(request.id, request.version, CARD)
    shown = await work.store.get(request.id)
    assert shown is not None
    await work.workflows.advance(shown)
    assert work.names == ["execute"]


async def test_the_same_work_has_the_same_name_and_new_work_another(
    work: Work, order_id: str
) -> None:
    request = await executing(work.store, order_id)
    await work.workflows.advance(request)
    await work.workflows.advance(request)
    first, again = work.engine.started[:2], work.engine.started[2:]
    assert first == again
    await work.store.mark_unknown(request.id, UNSETTLED)
    checked = await recheck(work.store, request)
    await work.workflows.advance(checked)
    assert set(work.engine.started[4:]).isdisjoint(first)


async def recheck(store: RequestStore, request: Request) -> Request:
    found = await store.decide(request.id, Action.RECHECK, member(APPROVER))
    assert found is not None
    return found[1]


async def test_a_defect_in_quoting_ends_the_request(work: Work, order_id: str) -> None:
    request = await in_state(work.store, State.REQUESTED, order_id)
    over = await work.rescue("quote", request)
    assert (over.state, over.failure) == (State.FAILED, Failure(FailureCode.INTERNAL))


@pytest.mark.parametrize("state", [State.APPROVED, State.EXECUTING])
async def test_a_defect_before_anything_was_sent_ends_the_request(
    work: Work, order_id: str, state: State
) -> None:
    request = await in_state(work.store, state, order_id)
    over = await work.rescue("execute", request)
    assert (over.state, over.failure) == (State.FAILED, Failure(FailureCode.INTERNAL))


async def test_a_defect_after_something_may_have_been_sent_leaves_it_open(
    work: Work, order_id: str
) -> None:
    request = await executing(work.store, order_id)
    await work.store.claim_send(request, 1, BODY)
    work.office.read_errors = {1: RuntimeError("a defect of the adapter")}
    over = await work.rescue("execute", request)
    assert over.state is State.UNKNOWN
    assert over.failure is not None
    assert over.failure.code is FailureCode.UNSETTLED
    assert over.failure.detail is None


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("quote", [State.PENDING, State.APPROVED, State.EXECUTING, State.DONE]),
        ("execute", [State.REQUESTED, State.PENDING, State.UNKNOWN, State.DONE]),
    ],
)
async def test_a_defect_that_comes_too_late_changes_nothing(
    work: Work, order_ids: Iterator[int], name: str, states: list[State]
) -> None:
    for state in states:
        request = await in_state(work.store, state, str(next(order_ids)))
        assert await work.rescue(name, request) == request


async def test_a_defect_in_showing_never_touches_the_request(work: Work) -> None:
    assert work.engine.rescues["deliver"] is None


async def test_every_workflow_is_known_by_its_name(work: Work) -> None:
    """Recovery finds workflows by these names, also those an older version started."""
    assert set(work.engine.rescues) == {"quote", "execute", "deliver", "deliver_in_doubt"}
    # Deliveries wait for Slack: they must not keep money from moving meanwhile.
    assert work.engine.patient == {"deliver", "deliver_in_doubt"}
