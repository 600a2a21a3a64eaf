"""Asking: one request per Slack delivery, one live request per order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.request import LIVE_STATES, CreationResult, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, REQUESTER, member, new_request
from tests.unit.store.steps import asked, events, in_state, order_of, pending, quoted

pytestmark = pytest.mark.anyio

STORED_ENDS = (State.DONE, State.REJECTED, State.WITHDRAWN)


async def test_a_request_begins_as_asked(
    store: RequestStore, database: Database, order_id: str
) -> None:
    new = new_request(order_id, delivery_key=f"v0={order_id}")
    request = await asked(store, new)
    assert (request.state, request.version, request.revision, request.run) == (
        State.REQUESTED,
        1,
        0,
        0,
    )
    assert request.requester == new.requester
    assert (request.reason, request.channel, request.notify) == (
        new.reason,
        new.channel,
        new.notify,
    )
    assert request.response_url == new.response_url
    assert request.delivered_version == request.version  # there is nothing to show yet
    assert events(database, request.id) == ["requested"]
    assert await store.get(request.id) == request


async def test_the_same_delivery_twice_makes_one_request(
    store: RequestStore, database: Database, order_id: str
) -> None:
    new = new_request(order_id, delivery_key=f"v0={order_id}")
    first = await asked(store, new)
    assert await store.create(new) == (CreationResult.REPEATED, first)
    assert events(database, first.id) == ["requested"]


async def test_a_delivery_repeated_after_the_end_still_makes_no_second_request(
    store: RequestStore, order_id: str
) -> None:
    new = new_request(order_id, delivery_key=f"v0={order_id}")
    first = await asked(store, new)
    await store.record_quote(first.id, *quoted(order_of(first)))
    await store.decide(first.id, Action.WITHDRAW, member(REQUESTER))
    result, again = await store.create(new)
    assert result is CreationResult.REPEATED
    assert (again.id, again.state) == (first.id, State.WITHDRAWN)


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
async def test_an_order_with_a_live_request_is_occupied(
    store: RequestStore, order_id: str, state: State
) -> None:
    first = await in_state(store, state, order_id)
    other = replace(new_request(order_id, requester=APPROVER), delivery_key=f"other={order_id}")
    assert await store.create(other) == (CreationResult.OCCUPIED, first)


@pytest.mark.parametrize("state", STORED_ENDS)
async def test_after_the_end_an_order_may_be_asked_for_again(
    store: RequestStore, order_id: str, state: State
) -> None:
    first = await in_state(store, state, order_id)
    second = await asked(store, new_request(order_id))
    assert second.id != first.id
    assert await store.get(first.id) == first


async def test_the_same_order_id_at_another_venue_is_another_order(
    store: RequestStore, order_id: str
) -> None:
    await asked(store, new_request(order_id))
    await asked(store, replace(new_request(order_id), venue="harbour"))


async def test_requests_without_a_delivery_key_do_not_repeat_each_other(
    store: RequestStore, order_id: str
) -> None:
    first = await asked(store, new_request(order_id))
    result, found = await store.create(new_request(order_id))
    assert (result, found.id) == (CreationResult.OCCUPIED, first.id)


async def test_many_asking_at_once_make_one_request(
    store: RequestStore, database: Database, order_id: str
) -> None:
    answers = await asyncio.gather(
        *(store.create(new_request(order_id, delivery_key=f"{n}={order_id}")) for n in range(12))
    )
    assert Counter(result for result, _ in answers) == {
        CreationResult.CREATED: 1,
        CreationResult.OCCUPIED: 11,
    }
    (request_id,) = {request.id for _, request in answers}
    assert events(database, request_id) == ["requested"]


async def test_one_delivery_arriving_many_times_at_once_makes_one_request(
    store: RequestStore, order_id: str
) -> None:
    new = new_request(order_id, delivery_key=f"v0={order_id}")
    answers = await asyncio.gather(*(store.create(new) for _ in range(12)))
    assert Counter(result for result, _ in answers) == {
        CreationResult.CREATED: 1,
        CreationResult.REPEATED: 11,
    }
    assert len({request.id for _, request in answers}) == 1


async def test_request_ids_can_be_neither_guessed_nor_confused(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    assert request.id.startswith("r")
    assert len(request.id) == 17
    assert request.id.isalnum()
    assert request.id == request.id.lower()
