"""Strangers who do not read what they asked for: they go, and make room before all others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from bot.connections import Room, Watch
from tests.unit.connections.calling import (
    GET,
    PATIENT,
    POST,
    Slow,
    door,
    says_ok,
    until,
)

pytestmark = pytest.mark.anyio


HURRIED = replace(PATIENT, reading_seconds=0.05)
# More than any buffer holds between a server and somebody without ears.
_HUGE = 8 * 1024 * 1024
ENDLESS = b"GET /endless HTTP/1.1\r\nHost: bot\r\n\r\n"
BRIMFUL = b"GET /brimful HTTP/1.1\r\nHost: bot\r\n\r\n"
HUGE = b"GET /huge HTTP/1.1\r\nHost: bot\r\n\r\n"
# The last of an answer's bytes, where it is sent in chunks.
END = b"0\r\n\r\n"


def closing(request: bytes) -> bytes:
    return request[:-2] + b"Connection: close\r\n\r\n"


class Talker:
    """Says "ok", or says so much that whoever does not read lets some of it lie.

    Under /brimful that is one piece, the last; under /endless there is more to come. Under /huge
    everything is said at once.
    """

    def __init__(self) -> None:
        self.unread = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            await says_ok(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/huge":
            await send(spoken(b"x" * _HUGE, more=False))
            self.unread += 1
            return
        uvicorns: Any = receive
        while not uvicorns.__self__.transport.get_write_buffer_size():
            await send(spoken(b"x" * 4096))
        self.unread += 1
        if scope["path"] == "/endless":
            await send(spoken(b"x" * _HUGE))
        await send(spoken(b"", more=False))


def spoken(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def cut(cause: str) -> float:
    name = "rescind_connections_cut_total"
    return REGISTRY.get_sample_value(name, {"cause": cause}) or 0.0


unread = pytest.mark.parametrize(
    "asked",
    [ENDLESS, BRIMFUL, HUGE, closing(BRIMFUL), closing(HUGE)],
    ids=["endless", "brimful", "huge", "brimful and the last", "huge and the last"],
)


@unread
async def test_who_does_not_read_the_answer_is_cut_off(
    protocol: type[asyncio.Protocol], asked: bytes
) -> None:
    before = cut("slow reader")
    async with door(protocol, Talker(), HURRIED) as opened:
        await opened.call_without_ears(asked)
        await until(lambda: cut("slow reader") == before + 1)
        await until(lambda: opened.is_empty)


async def test_what_follows_a_refusal_is_no_way_to_stay_either(
    protocol: type[asyncio.Protocol],
) -> None:
    async with door(protocol, Talker(), HURRIED) as opened:
        await opened.call_without_ears(HUGE, b"\x00\x01 junk\r\n\r\n")
        await until(lambda: opened.is_empty)


async def test_who_reads_need_not_hurry_and_neither_need_we(
    protocol: type[asyncio.Protocol],
) -> None:
    """What is taken at once has no time limit at all, however late it is said."""
    slow = Slow()
    async with door(protocol, slow, replace(PATIENT, reading_seconds=0)) as opened:
        caller = await opened.call(GET)
        await slow.reached.wait()
        other = await opened.call(GET)
        slow.answer.set()
        for _ in range(3):
            for each in (caller, other):
                assert b"200" in await each.hear()
                await each.say(GET)


@unread
async def test_who_does_not_read_makes_room_before_all_others(
    protocol: type[asyncio.Protocol], asked: bytes
) -> None:
    talker = Talker()
    async with door(protocol, talker, replace(PATIENT, connections=4)) as opened:
        idle = await opened.call(GET)
        await idle.hear()
        half = await opened.call(POST)
        for number in (1, 2):
            await opened.call_without_ears(asked)
            await until(lambda number=number: talker.unread == number)  # type: ignore[misc]
        ours = [await opened.call(GET) for _ in range(2)]
        await half.say(b"\r\n")
        await idle.say(GET)
        for each in (*ours, half, idle):
            assert b"200" in await each.hear()


async def test_the_longest_not_to_read_goes_first(protocol: type[asyncio.Protocol]) -> None:
    talker = Talker()
    async with door(protocol, talker, replace(PATIENT, connections=2)) as opened:
        longest = await opened.call_without_ears(BRIMFUL)
        await until(lambda: talker.unread == 1)
        other = await opened.call_without_ears(closing(BRIMFUL))
        await until(lambda: talker.unread == 2)
        assert b"200" in await (await opened.call(GET)).hear()
        assert not (await longest.hear_out()).endswith(END)
        assert (await other.hear_out()).endswith(END)


@pytest.mark.parametrize("asked", [BRIMFUL, HUGE], ids=["brimful", "huge"])
async def test_who_reads_after_all_is_like_all_others(
    protocol: type[asyncio.Protocol], asked: bytes
) -> None:
    talker = Talker()
    async with door(protocol, talker, replace(PATIENT, connections=2)) as opened:
        caught_up = await opened.call_without_ears(asked)
        await until(lambda: talker.unread == 1)
        assert (await caught_up.hear_to(END)).endswith(END)
        behind = await opened.call_without_ears(asked)
        await until(lambda: talker.unread == 2)
        assert b"200" in await (await opened.call(GET)).hear()
        assert not (await behind.hear_out()).endswith(END)
        await caught_up.say(GET)
        assert b"200" in await caught_up.hear()


@pytest.mark.parametrize("asked", [ENDLESS, closing(BRIMFUL)], ids=["endless", "the last"])
async def test_a_stop_does_not_wait_for_who_does_not_read(
    protocol: type[asyncio.Protocol], asked: bytes
) -> None:
    """Nor is anything cancelled: uvicorn says so with a line of an error, and a traceback."""
    talker = Talker()
    async with door(protocol, talker) as opened:
        caller = await opened.call_without_ears(asked)
        await until(lambda: talker.unread == 1)
        opened.hang_up = lambda: None  # type: ignore[method-assign]
    assert not (await caller.hear_out()).endswith(END)
    caller.writer.close()


class Line(asyncio.Transport):
    """Goes nowhere."""

    is_cut = False

    def abort(self) -> None:
        self.is_cut = True


@pytest.mark.parametrize("catches_up", [True, False])
async def test_the_time_to_catch_up_ends_with_catching_up(catches_up: bool) -> None:
    line = Line()
    watch = Watch(Room(replace(PATIENT, reading_seconds=0)), line)
    watch.fell_behind()
    if catches_up:
        watch.caught_up()
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0, passed.set)
    await passed.wait()
    assert line.is_cut is not catches_up
    watch.end()
