"""Looking: lists for people, and what the sweep finds lying."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.request import LIVE_STATES, State
from bot.store import RequestStore, audit
from tests.examples import NOW, new_request
from tests.unit.databases import Clock, sqlite_database, store_on
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import UNSETTLED, asked, executing, in_state, pending, unknown

pytestmark = pytest.mark.anyio

STATES = [
    State.REQUESTED,
    State.PENDING,
    State.APPROVED,
    State.EXECUTING,
    State.UNKNOWN,
    State.DONE,
    State.REJECTED,
    State.WITHDRAWN,
]


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> Iterator[RequestStore]:
    """A store that holds only what this test puts there."""
    with sqlite_database(tmp_path / "alone.db") as database:
        yield store_on(database, clock)


async def test_the_latest_request_for_an_order_is_found(
    store: RequestStore, order_id: str, another_order_id: NewOrderId
) -> None:
    await in_state(store, State.WITHDRAWN, order_id)
    latest = await pending(store, order_id)
    await pending(store, another_order_id())
    assert await store.latest_for_order(latest.venue, order_id) == latest
    assert await store.latest_for_order("harbour", order_id) is None


async def test_what_waits_for_people_is_listed_oldest_first(alone: RequestStore) -> None:
    for number, state in enumerate(STATES):
        await in_state(alone, state, str(number))
    waiting = await alone.waiting(10)
    assert [request.state for request in waiting] == [State.PENDING, State.UNKNOWN]
    assert len(await alone.waiting(1)) == 1


async def test_history_is_listed_newest_first(alone: RequestStore) -> None:
    for number in range(4):
        await asked(alone, new_request(str(number)))
    assert [request.order_id for request in await alone.recent(3)] == ["3", "2", "1"]


async def test_live_requests_are_counted_by_state(alone: RequestStore) -> None:
    assert await alone.count_live() == {state.value: 0 for state in LIVE_STATES}
    for number, state in enumerate([*STATES, State.PENDING]):
        await in_state(alone, state, str(number))
    counted = await alone.count_live()
    assert counted["pending"] == 2
    assert sum(counted.values()) == len(LIVE_STATES) + 1
    assert set(counted) == {state.value for state in LIVE_STATES}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("behind", [0, 1])
async def test_unfinished_work_is_found_once_nobody_has_touched_it_for_a_while(
    alone: RequestStore, clock: Clock, state: State, behind: int
) -> None:
    request = await in_state(alone, state, "1")
    shown = request.version - behind
    works = state in {State.REQUESTED, State.APPROVED, State.EXECUTING}
    # A request that has just been stored has nothing to show yet.
    is_behind = bool(behind) and state is not State.REQUESTED
    await alone.delivered(request.id, shown)
    assert await alone.left_lying(request.updated_at, 10) == []
    clock.advance(5)
    found = await alone.left_lying(clock(), 10)
    assert found == ([request.id] if works or is_behind else [])


async def test_what_has_been_lying_longest_is_found_first(
    alone: RequestStore, clock: Clock
) -> None:
    first, *others = [(await executing(alone, str(number))).id for number in range(3)]
    await alone.mark_unknown(first, UNSETTLED)
    assert await alone.left_lying(clock(), 2) == others


async def test_the_audit_log_tells_the_story_in_order(alone: RequestStore, clock: Clock) -> None:
    request = await unknown(alone, "1")
    with alone.database.engine.connect() as connection:
        told = list(audit.events(connection, None))
        recent = list(audit.events(connection, clock()))
    story = [event["event"].removeprefix("order:cancel:") for event in told]
    assert story == ["requested", "quoted", "approved", "started", "unknown"]
    assert recent == []
    assert {event["request_id"] for event in told} == {request.id}
    assert [event["actor_user"] for event in told] == ["U0REQUEST", None, "U0APPROVE", None, None]
    assert [event["state"] for event in told][-1] == "unknown"
    assert told[1]["data"]["refund"] == "600.00 USD"
    assert {name: one["cancelled"] for name, one in told[1]["data"]["lines"].items()} == {
        "1": 4,
        "2": 2,
    }
    assert (told[-1]["data"], told[-1]["personal"]["detail"]) == ({}, UNSETTLED.detail)
    assert all(event["at"] >= NOW for event in told)
