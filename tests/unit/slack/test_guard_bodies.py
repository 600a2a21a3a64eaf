"""Bodies at the front door: slow, endless, cut off, and too many of them at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive

from bot.slack.guard import (
    BODY_LIMIT,
    Buffer,
    Reading,
)
from tests.unit.slack.knocking import (
    BODY,
    HEADERS,
    SHAPED,
    Inner,
    deliver,
    guarding,
    in_pieces,
    piece,
    refusal,
    whole,
)

pytestmark = pytest.mark.anyio


async def test_a_body_in_pieces_is_one_body() -> None:
    inner = Inner()
    pieces = [piece(BODY[:5], more=True), piece(b"", more=True), piece(BODY[5:], more=False)]
    sent = await deliver(guarding(inner), in_pieces(*pieces))
    assert (sent[0]["status"], inner.reached) == (200, [BODY])


async def test_a_sender_that_goes_away_gets_nothing_in() -> None:
    inner = Inner()
    gone = in_pieces(piece(BODY, more=True), {"type": "http.disconnect"})
    assert refusal(await deliver(guarding(inner), gone)) == 400
    assert inner.reached == []


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    inner = Inner()
    chunk = piece(b"x" * (BODY_LIMIT // 2), more=True)
    assert refusal(await deliver(guarding(inner), in_pieces(*[chunk] * 3))) == 413
    assert inner.reached == []


async def silence() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def drops() -> Message:
    """A sender that is never silent for long, and never done."""
    await asyncio.sleep(0.001)
    return piece(b"", more=True)


@pytest.mark.parametrize("receive", [silence, drops])
async def test_a_slow_sender_is_cut_off(receive: Receive) -> None:
    inner = Inner()
    assert refusal(await deliver(guarding(inner, seconds=0.02), receive)) == 408
    assert inner.reached == []


class Sender:
    """Sends the first half of its body; the other half when it is told to."""

    def __init__(self, body: bytes) -> None:
        half = len(body) // 2
        self._halves = [piece(body[half:], more=False), piece(body[:half], more=True)]
        self.has_sent_half = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> Message:
        message = self._halves.pop()
        if not self._halves:
            self.has_sent_half.set()
            await self.go_on.wait()
        return message


async def test_where_too_much_is_half_sent_the_longest_goes_and_the_latest_gets_in() -> None:
    inner = Inner()
    guard = guarding(inner, buffer_limit=len(BODY))
    longest, latest = Sender(BODY * 2), Sender(BODY)
    strangers = asyncio.create_task(deliver(guard, longest))
    await longest.has_sent_half.wait()
    ours = asyncio.create_task(deliver(guard, latest))
    assert refusal(await strangers) == 503
    latest.go_on.set()
    assert (await ours)[0]["status"] == 200
    assert inner.reached == [BODY]


async def test_a_body_that_needs_more_room_than_there_is_makes_none_but_its_own() -> None:
    guard = guarding(Inner(), buffer_limit=10)
    at_once = in_pieces(piece(BODY[:20], more=True), piece(BODY[20:], more=False))
    for sender in (Sender(BODY), at_once):
        assert refusal(await deliver(guard, sender)) == 503
    assert (await deliver(guard, whole()))[0]["status"] == 200


async def test_what_was_read_for_nothing_leaves_its_room_to_others() -> None:
    """A hundred times what fits, one after the other, of every kind of end."""
    inner = Inner()
    guard = guarding(inner, buffer_limit=len(BODY))
    forged = [*HEADERS[:2], (b"x-slack-signature", SHAPED.encode())]
    half = piece(BODY[:20], more=True)
    for _ in range(100):
        await deliver(guard, in_pieces(half, {"type": "http.disconnect"}))
        await deliver(guard, in_pieces(half, piece(BODY[20:], more=False)), forged)
    sent = await deliver(guard, in_pieces(half, piece(BODY[20:], more=False)))
    assert (sent[0]["status"], inner.reached) == (200, [BODY])


@given(
    limit=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.booleans()), max_size=40),
)
async def test_bodies_that_are_waited_for_never_exceed_their_bound(
    limit: int, steps: list[tuple[int, int, bool]]
) -> None:
    buffer = Buffer(limit)
    patience = await run_out()
    readings = [Reading(patience) for _ in range(6)]
    for who, size, done in steps:
        buffer.keep(readings[who], b"x" * size)
        if done:
            buffer.release(readings[who])
        assert sum(len(reading.body) for reading in readings) <= limit


async def run_out() -> asyncio.Timeout:
    with suppress(TimeoutError):
        async with asyncio.timeout(0) as patience:
            await asyncio.Event().wait()
    return patience


async def test_somebody_whose_time_is_just_up_can_be_crowded_out() -> None:
    buffer = Buffer(10)
    with suppress(TimeoutError):
        async with asyncio.timeout(0) as patience:
            reading = Reading(patience)
            buffer.keep(reading, b"x" * 10)
            try:
                await asyncio.Event().wait()
            finally:
                buffer.keep(Reading(asyncio.timeout(None)), b"x")
    assert reading.crowded_out
    assert reading.body == b""
