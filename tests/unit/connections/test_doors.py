"""Strangers on our connections: slow, too large, too many, or not speaking HTTP at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.connections import H11Door, HttpToolsDoor
from tests.unit.connections.calling import (
    GET,
    LONG,
    PATIENCE_SECONDS,
    PATIENT,
    POST,
    QUICK,
    Slow,
    door,
    refused,
    says_what_it_hears,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: bot\r\nA:"])
async def test_who_does_not_finish_a_head_is_cut_off(
    protocol: type[asyncio.Protocol], said: bytes
) -> None:
    async with door(protocol, limits=QUICK) as opened:
        assert await (await opened.call(said)).hear_out() == b""


@pytest.mark.parametrize(
    ("first", "drop"),
    [(b"GET / HTTP/1.1\r\nA:", b"a"), (GET + b"GET / HTTP/1.1\r\nA:", b"a"), (GET, b"\r\n")],
)
async def test_who_sends_drop_by_drop_is_cut_off_as_well(
    protocol: type[asyncio.Protocol], first: bytes, drop: bytes
) -> None:
    """A drop starts no new time limit, and empty lines between requests are drops."""
    async with door(protocol, limits=QUICK) as opened:
        caller = await opened.call(first)
        hung_up = asyncio.create_task(caller.hear_out())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not hung_up.done():
                await caller.say(drop)


async def test_who_is_idle_between_two_requests_may_be_so_for_longer(
    protocol: type[asyncio.Protocol],
) -> None:
    """The next caller to be cut off shows that more than a head's time has passed."""
    async with door(protocol, limits=QUICK) as opened:
        idle = await opened.call(GET)
        assert b"200" in await idle.hear()
        assert await (await opened.call()).hear_out() == b""
        await idle.say(GET)
        assert b"200" in await idle.hear()


async def test_a_slow_answer_has_nothing_to_do_with_a_slow_head(
    protocol: type[asyncio.Protocol],
) -> None:
    slow = Slow()
    async with door(protocol, slow, QUICK) as opened:
        waiting = await opened.call(GET)
        await slow.reached.wait()
        assert await (await opened.call(b"GET /")).hear_out() == b""
        slow.answer.set()
        assert b"200" in await waiting.hear()


@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_head_that_is_too_large_is_refused(
    protocol: type[asyncio.Protocol], pieces: int
) -> None:
    limits = replace(PATIENT, head_bytes=4096)
    head = LONG + b"x" * 8192
    size = len(head) // pieces + 1
    async with door(protocol, limits=limits) as opened:
        caller = await opened.call(*[head[i : i + size] for i in range(0, len(head), size)])
        assert refused(await caller.hear_out())


async def test_a_head_that_is_too_large_is_refused_even_when_it_is_all_there() -> None:
    async with door(limits=replace(PATIENT, head_bytes=4096)) as opened:
        caller = await opened.call(LONG + b"x" * 8192 + b"\r\n\r\n")
        assert refused(await caller.hear_out())


async def test_a_head_of_what_is_allowed_is_not_refused_for_what_comes_with_it(
    protocol: type[asyncio.Protocol],
) -> None:
    """The body is no part of it, nor is the next one."""
    limits = replace(PATIENT, head_bytes=4096)
    head = POST + b"A: " + b"x" * 3900 + b"\r\nContent-Length: 20002\r\n\r\n"
    whole = head + b"x" * 20000 + b"ok"
    for pieces in ([whole], [whole[:4000], whole[4000:]]):
        async with door(protocol, says_what_it_hears, limits) as opened:
            caller = await opened.call(*pieces)
            for _ in range(3):
                assert b"200" in await caller.hear()
                await caller.say(*pieces)


async def test_every_head_has_the_whole_of_what_is_allowed(
    protocol: type[asyncio.Protocol],
) -> None:
    async with door(protocol, limits=replace(PATIENT, head_bytes=4096)) as opened:
        caller = await opened.call()
        for _ in range(3):
            await caller.say(GET[:-2] + b"A: " + b"x" * 3000, b"\r\n\r\n")
            assert b"200" in await caller.hear()


@pytest.mark.parametrize("end", [b"", b"\r\n"])
async def test_a_head_of_too_many_headers_is_refused(end: bytes) -> None:
    limits = replace(PATIENT, headers=50)
    async with door(limits=limits) as opened:
        caller = await opened.call(b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 60 + end)
        assert refused(await caller.hear_out())


async def test_nobody_reads_on_where_the_answer_did_not_wait_for_the_body(
    protocol: type[asyncio.Protocol],
) -> None:
    async with door(protocol) as opened:
        caller = await opened.call(POST + b"Content-Length: 1000000\r\n\r\nbeginning")
        assert (await caller.hear_out()).endswith(b"ok")


async def test_the_longest_to_wait_for_makes_room(protocol: type[asyncio.Protocol]) -> None:
    async with door(protocol, limits=replace(PATIENT, connections=3)) as opened:
        longest, other, third = [await opened.call(GET[:-2]) for _ in range(3)]
        ours = await opened.call(GET)
        assert b"200" in await ours.hear()
        assert await longest.hear_out() == b""
        for spared in (other, third):
            await spared.say(b"\r\n")
            assert b"200" in await spared.hear()


async def test_half_a_body_holds_no_room_either(protocol: type[asyncio.Protocol]) -> None:
    limits = replace(PATIENT, connections=1)
    async with door(protocol, says_what_it_hears, limits) as opened:
        half = await opened.call(POST + b"Content-Length: 9\r\n\r\nabc")
        ours = await opened.call(POST + b"Content-Length: 2\r\n\r\nok")
        assert b"200" in await ours.hear()
        assert await half.hear_out() == b""


async def test_from_head_to_body_nobody_loses_the_place_in_the_line(
    protocol: type[asyncio.Protocol],
) -> None:
    limits = replace(PATIENT, connections=2)
    async with door(protocol, says_what_it_hears, limits) as opened:
        longest = await opened.call(POST)
        other = await opened.call(POST)
        await longest.say(b"Content-Length: 9\r\n\r\nabc")
        ours = await opened.call(POST + b"Content-Length: 2\r\n\r\nok")
        assert b"200" in await ours.hear()
        assert await longest.hear_out() == b""
        await other.say(b"Content-Length: 2\r\n\r\nok")
        assert b"200" in await other.hear()


async def test_who_has_gone_takes_no_room(protocol: type[asyncio.Protocol]) -> None:
    async with door(protocol, limits=replace(PATIENT, connections=2)) as opened:
        stays = await opened.call(GET)
        await stays.hear()
        for _ in range(5):
            leaves = await opened.call(GET[:-2] + b"Connection: close\r\n\r\n")
            assert (await leaves.hear_out()).endswith(b"ok")
        await stays.say(GET)
        assert b"200" in await stays.hear()


async def test_idle_connections_make_room_only_after_those_who_keep_us_waiting(
    protocol: type[asyncio.Protocol],
) -> None:
    async with door(protocol, limits=replace(PATIENT, connections=2)) as opened:
        idle = await opened.call(GET)
        await idle.hear()
        slow = await opened.call(b"GET /")
        ours = await opened.call(GET)
        assert b"200" in await ours.hear()
        assert await slow.hear_out() == b""
        await idle.say(GET)
        assert b"200" in await idle.hear()
        # Nobody keeps us waiting now; the one that has been idle for longest goes.
        last = await opened.call(GET)
        assert b"200" in await last.hear()
        assert await ours.hear_out() == b""


async def test_who_is_being_answered_never_makes_room(protocol: type[asyncio.Protocol]) -> None:
    slow = Slow()
    async with door(protocol, slow, replace(PATIENT, connections=2)) as opened:
        served_first = [await opened.call(GET) for _ in range(2)]
        await slow.reached.wait()
        assert await (await opened.call(GET)).hear_out() == b""
        slow.answer.set()
        for each in served_first:
            assert b"200" in await each.hear()


async def test_one_request_at_a_time_the_rest_is_dropped_with_the_connection() -> None:
    async with door() as opened:
        answer = await (await opened.call(GET * 1000)).hear_out()
        assert answer.count(b"HTTP/1.1") == 1
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer


async def test_what_comes_before_its_turn_is_not_even_read() -> None:
    slow = Slow()
    async with door(app=slow) as opened:
        caller = await opened.call(GET)
        await slow.reached.wait()
        transport = slow.receive.__self__.transport
        assert transport.is_reading()
        await caller.say(LONG)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while transport.is_reading():
                await caller.say(b"x")
        slow.answer.set()
        await caller.hear()
        assert transport.is_reading()


async def test_junk_after_a_request_does_not_take_its_answer_away() -> None:
    slow = Slow()
    async with door(app=slow) as opened:
        caller = await opened.call(GET)
        await slow.reached.wait()
        await caller.say(b"\x00\x01 junk\r\n\r\n")
        slow.answer.set()
        answer = await caller.hear_out()
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"ok")


async def test_a_request_that_came_too_early_is_answered_in_its_turn(
    protocol: type[asyncio.Protocol],
) -> None:
    slow = Slow()
    async with door(protocol, slow) as opened:
        caller = await opened.call(GET)
        await slow.reached.wait()
        await caller.say(GET[:10])
        slow.answer.set()
        await caller.hear()
        await caller.say(GET[10:])
        assert b"200" in await caller.hear()


async def test_who_hangs_up_early_is_nobodys_trouble(protocol: type[asyncio.Protocol]) -> None:
    slow = Slow()
    async with door(protocol, slow) as opened:
        caller = await opened.call(GET * 3)
        await slow.reached.wait()
        caller.writer.transport.abort()
        await caller.hear_out()
        slow.answer.set()
        slow.reached.clear()
        await opened.call(GET)
        await slow.reached.wait()


async def test_a_stop_waits_a_moment_for_half_a_body_and_then_no_more(
    protocol: type[asyncio.Protocol],
) -> None:
    """Cancelling what reads it would be uvicorn's way, with a traceback and a 500."""
    async with door(protocol, says_what_it_hears) as opened:
        half = await opened.call(POST + b"Content-Length: 9\r\n\r\nabc")
        heard = asyncio.create_task(half.hear_out())
        await (await opened.call(POST + b"Content-Length: 2\r\n\r\nok")).hear()
        opened.hang_up = lambda: None  # type: ignore[method-assign]
    assert await heard == b""


JUNK = {
    "no method of HTTP": b"FOO / HTTP/1.1\r\n\r\n",
    "small letters": b"get / HTTP/1.1\r\n\r\n",
    "CONNECT": b"CONNECT bot:443 HTTP/1.1\r\nHost: bot\r\n\r\n",
    "an address without a path": b"GET ?x HTTP/1.1\r\n\r\n",
    "an address that is none": b"GET http://[::1 HTTP/1.1\r\n\r\n",
    "bytes for a path": b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    "a zero in the path": b"GET /\x00 HTTP/1.1\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(50) + b"\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: bot\r\nabc\r\n\r\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nHost: bot\r\nA: b\x00c\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "a length below zero": POST + b"Content-Length: -3\r\n\r\n",
    "a length of 40 digits": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a chunk without a size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n\r\n",
    "a chunk of all the world": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "another encoding": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
}


# h11 takes them for what they say they are.
UNDERSTOOD = {"small letters", "CONNECT", "HTTP/2", "HTTP/9.9", "an address that is none"}
UNDERSTOOD |= {"no method of HTTP", "an address without a path", "a length of 40 digits"}


@pytest.mark.parametrize(
    ("protocol", "names"), [(HttpToolsDoor, set(JUNK)), (H11Door, set(JUNK) - UNDERSTOOD)]
)
async def test_what_is_no_http_is_refused_without_a_word(
    protocol: type[asyncio.Protocol], names: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with door(protocol, says_what_it_hears) as opened:
        for name in sorted(names):
            caplog.clear()
            answer = await (await opened.call(JUNK[name])).hear_out()
            said = [record.getMessage() for record in caplog.records]
            assert (name, answer.split(b" ")[1]) == (name, b"400")
            assert (name, answer[-4:]) == (name, b"\r\n\r\n")
            assert (name, said) == (name, ["Invalid HTTP request received."])
        assert b"200" in await (await opened.call(POST + b"Content-Length: 2\r\n\r\nok")).hear()


UPGRADE = b"Connection: Upgrade\r\nUpgrade: %b\r\nHost: bot\r\n\r\n"


@pytest.mark.parametrize("to", [b"websocket", b"h2c", b"\xff"])
async def test_a_wish_to_upgrade_is_passed_over(
    protocol: type[asyncio.Protocol], to: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(protocol) as opened:
        caller = await opened.call(b"GET / HTTP/1.1\r\n" + UPGRADE % to)
        assert b"200" in await caller.hear()
        await caller.say(b"\x81\x00 what a websocket says\r\n\r\n")
        await caller.hear_out()
    assert len(caplog.records) <= 1


async def test_an_old_client_is_answered_and_let_go(protocol: type[asyncio.Protocol]) -> None:
    async with door(protocol) as opened:
        assert (await (await opened.call(b"GET / HTTP/1.0\r\n\r\n")).hear_out()).endswith(b"ok")


async def test_who_asks_to_go_on_is_told_to(protocol: type[asyncio.Protocol]) -> None:
    async with door(protocol, says_what_it_hears) as opened:
        caller = await opened.call(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        await caller.say(b"ok")
        answer = await caller.hear()
        assert answer.startswith(b"HTTP/1.1 100")
        assert b"200" in answer
