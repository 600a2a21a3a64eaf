"""Posting once: whose turn it is, who began, and what is known after a crash."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from bot.domain.request import MessageRef
from bot.store import Database, PostStore, RequestStore
from tests.unit.databases import Clock
from tests.unit.store.steps import pending

pytestmark = pytest.mark.anyio


@pytest.fixture
def channel(order_id: str) -> str:
    """A channel that no other test posts to."""
    return f"C{order_id}"


@pytest.fixture
async def request_id(store: RequestStore, order_id: str) -> str:
    return (await pending(store, order_id)).id


@pytest.fixture
def posts(database: Database, clock: Clock) -> PostStore:
    return PostStore(database, clock, "one")


@pytest.fixture
def other(database: Database, clock: Clock) -> PostStore:
    """Another process on the same database."""
    return PostStore(database, clock, "two")


async def test_a_first_message_may_be_posted_at_once(
    posts: PostStore, request_id: str, channel: str
) -> None:
    turn = await posts.take_turn(request_id, "card", channel)
    assert (turn.ref, turn.begun_at, turn.wait) == (None, None, 0)


async def test_what_was_posted_is_known_to_everybody_for_ever(
    posts: PostStore, other: PostStore, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    stands = MessageRef(channel, "1.1")
    await posts.posted(request_id, "card", stands)
    for store in (posts, other, PostStore(posts.database, posts.now, "three")):
        found = await store.take_turn(request_id, "card", channel)
        assert (found.ref, found.begun_at) == (stands, None)


async def test_messages_of_one_channel_have_their_turns_a_second_apart(
    posts: PostStore, other: PostStore, request_id: str, channel: str
) -> None:
    kinds = [f"kind {number}" for number in range(6)]
    turns = [
        await (posts, other)[number % 2].take_turn(request_id, kind, channel)
        for number, kind in enumerate(kinds)
    ]
    waits = [turn.wait for turn in turns]
    assert waits[0] == 0
    gaps = [late - early for early, late in itertools.pairwise(waits)]
    assert all(gap == pytest.approx(1, abs=0.1) for gap in gaps)


async def test_turns_taken_at_once_by_two_processes_are_a_second_apart(
    posts: PostStore, other: PostStore, request_id: str, channel: str
) -> None:
    turns = await asyncio.gather(
        *((posts, other)[n % 2].take_turn(request_id, f"kind {n}", channel) for n in range(8))
    )
    waits = sorted(turn.wait for turn in turns)
    assert [round(wait) for wait in waits] == list(range(8))


async def test_channels_do_not_wait_for_each_other(
    posts: PostStore, request_id: str, channel: str
) -> None:
    turns = [await posts.take_turn(request_id, f"in {n}", f"{channel}{n}") for n in range(4)]
    assert [turn.wait for turn in turns] == [0] * 4


async def test_only_one_of_two_processes_begins(
    posts: PostStore, other: PostStore, request_id: str, channel: str
) -> None:
    turns = await asyncio.gather(
        *(store.take_turn(request_id, "card", channel) for store in (posts, other))
    )
    begins = [turn for turn in turns if turn.begun_at is None]
    (late,) = [turn for turn in turns if turn.begun_at is not None]
    assert len(begins) == 1
    assert not late.begun_here


async def test_who_began_knows_it_and_the_next_process_does_not_take_it_for_its_own(
    posts: PostStore, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    again = await posts.take_turn(request_id, "card", channel)
    assert again.begun_at is not None
    assert again.begun_here
    next_one = PostStore(posts.database, posts.now, "next")
    after_a_crash = await next_one.take_turn(request_id, "card", channel)
    assert (after_a_crash.begun_at, after_a_crash.begun_here) == (again.begun_at, False)


async def test_who_waits_keeps_the_turn_and_begins_when_it_has_come(
    posts: PostStore, clock: Clock, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    waits = await posts.take_turn(request_id, "reply", channel)
    assert waits.wait == pytest.approx(1, abs=0.1)
    assert waits.begun_at is None
    sooner = await posts.take_turn(request_id, "reply", channel)
    assert 0 < sooner.wait < waits.wait
    clock.advance(1)
    assert (await posts.take_turn(request_id, "reply", channel)).wait == 0
    third = await posts.take_turn(request_id, "third", channel)
    assert third.wait == pytest.approx(1, abs=0.1)


async def test_a_turn_that_passed_unused_is_taken_anew(
    posts: PostStore, clock: Clock, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    await posts.take_turn(request_id, "reply", channel)
    clock.advance(60)
    assert (await posts.take_turn(request_id, "third", channel)).wait == 0
    late = await posts.take_turn(request_id, "reply", channel)
    assert late.wait == pytest.approx(1, abs=0.1)


async def test_an_attempt_that_posted_nothing_may_be_made_again(
    posts: PostStore, other: PostStore, clock: Clock, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    await posts.not_posted(request_id, "card")
    clock.advance(30)
    again = await other.take_turn(request_id, "card", channel)
    assert (again.ref, again.begun_at, again.wait) == (None, None, 0)


async def test_a_message_may_stand_from_its_first_attempt_on(
    posts: PostStore, other: PostStore, request_id: str, channel: str
) -> None:
    assert not await posts.is_begun(request_id, "card")
    await posts.take_turn(request_id, "card", channel)
    assert (await posts.take_turn(request_id, "result", channel)).wait > 0
    assert not await other.is_begun(request_id, "result")
    assert await other.is_begun(request_id, "card")
    await posts.not_posted(request_id, "card")
    assert not await other.is_begun(request_id, "card")
    await posts.posted(request_id, "card", MessageRef(channel, "1.1"))
    assert await other.is_begun(request_id, "card")


async def test_only_one_of_two_processes_begins_anew_what_left_no_message(
    posts: PostStore, other: PostStore, clock: Clock, request_id: str, channel: str
) -> None:
    await PostStore(posts.database, clock, "dead").take_turn(request_id, "card", channel)
    clock.advance(30)
    found = await posts.take_turn(request_id, "card", channel)
    assert found.begun_at is not None
    begun_at = found.begun_at
    began = await asyncio.gather(
        *(store.begin_anew(request_id, "card", begun_at) for store in (posts, other))
    )
    assert sorted(began) == [False, True]
    own = [
        (await store.take_turn(request_id, "card", channel)).begun_here for store in (posts, other)
    ]
    assert own == began


async def test_a_message_that_somebody_deleted_is_posted_anew_once(
    posts: PostStore, clock: Clock, request_id: str, channel: str
) -> None:
    await posts.take_turn(request_id, "card", channel)
    gone = MessageRef(channel, "1.1")
    await posts.posted(request_id, "card", gone)
    clock.advance(5)
    anew = await posts.take_turn(request_id, "card", channel, gone=gone)
    assert (anew.ref, anew.begun_at, anew.wait) == (None, None, 0)
    stands = MessageRef(channel, "2.2")
    await posts.posted(request_id, "card", stands)
    assert (await posts.take_turn(request_id, "card", channel, gone=gone)).ref == stands


async def test_a_message_may_have_to_go_elsewhere(
    posts: PostStore, request_id: str, channel: str
) -> None:
    """A turn counts for the channel it was taken in."""
    await posts.take_turn(request_id, "card", channel)
    await posts.not_posted(request_id, "card")
    elsewhere = f"D{channel}"
    assert (await posts.take_turn(request_id, "card", elsewhere)).wait == 0
    stands = MessageRef(elsewhere, "3.3")
    await posts.posted(request_id, "card", stands)
    assert (await posts.take_turn(request_id, "card", channel)).ref == stands


async def test_what_an_earlier_process_began_is_over_where_there_is_only_one(
    database: Database, clock: Clock, request_id: str, channel: str
) -> None:
    """So it is on SQLite; on PostgreSQL the other one may be alive."""
    await PostStore.of_this_process(database, clock).take_turn(request_id, "card", channel)
    found = await PostStore.of_this_process(database, clock).take_turn(request_id, "card", channel)
    assert found.begun_at is not None
    assert found.begun_here == database.is_sqlite
