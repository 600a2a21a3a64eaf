"""What a body is wrapped in: no header is taken from it, and there is not much of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bot.connections import HttpToolsDoor
from tests.unit.connections.calling import (
    PATIENT,
    POST,
    door,
    refused,
    says_what_it_hears,
)

pytestmark = pytest.mark.anyio


NARROW = replace(PATIENT, head_bytes=4096)
CHUNKED = POST + b"Judged: first\r\nTransfer-Encoding: chunked\r\n\r\n"
TRAILERS = {
    "one that was judged": b"Judged: second\r\n",
    "two": b"A: b\r\nC: d\r\n",
    "an empty one": b"A:\r\n",
    "another length": b"Content-Length: 9\r\n",
}


class Ear:
    """Keeps the bodies that are all there, and answers with the headers as they are by then."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            self.bodies.append(await Request(scope, receive).body())
            headers = [name.decode() for name, _ in scope["headers"]]
            await JSONResponse(headers)(scope, receive, send)


@pytest.mark.parametrize("trailers", TRAILERS.values(), ids=TRAILERS.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in pieces"])
async def test_trailers_are_refused_and_nothing_is_acted_on(trailers: bytes, at_once: bool) -> None:
    ear = Ear()
    said = [CHUNKED, b"2\r\nok\r\n", b"0\r\n" + trailers + b"\r\n"]
    async with door(HttpToolsDoor, ear) as opened:
        heard = await (await opened.call(*([b"".join(said)] if at_once else said))).hear_out()
    assert heard.startswith(b"HTTP/1.1 400")
    assert ear.bodies == []


@pytest.mark.parametrize("trailers", TRAILERS.values(), ids=TRAILERS.keys())
async def test_no_trailer_comes_among_the_headers(
    protocol: type[asyncio.Protocol], trailers: bytes
) -> None:
    """h11 drops them, as RFC 9110 (6.5.1) allows."""
    head = CHUNKED.replace(b"Judged", b"Connection: close\r\nJudged")
    async with door(protocol, Ear()) as opened:
        caller = await opened.call(head, b"2\r\nok\r\n", b"0\r\n" + trailers + b"\r\n")
        heard = await caller.hear_out()
    known = b'["host","connection","judged","transfer-encoding"]'
    assert refused(heard) or heard.endswith(known)


def repeated(piece: bytes, size: int = 65536) -> list[bytes]:
    """As much of it as that, in pieces of a kilobyte."""
    return [piece * (1024 // len(piece))] * (size // 1024)


WRAPPINGS = {
    "a trailer without an end": [b"0\r\nA: ", *repeated(b"x")],
    "a name without an end": [b"0\r\n", *repeated(b"x")],
    "many trailers": [b"0\r\n", *repeated(b"a: b\r\n")],
    "a chunk that has much to say of itself": [b"1;", *repeated(b"x")],
    "a size of many zeros": repeated(b"0"),
    "one byte at a time": repeated(b"1\r\nx\r\n"),
    "a byte between": [b"1\r\nx\r\n0\r\nA: ", *repeated(b"x")],
}


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS.keys())
async def test_what_is_wrapping_and_no_body_comes_to_an_end(
    protocol: type[asyncio.Protocol], wrapping: list[bytes]
) -> None:
    """Cut off in the midst of it, for whoever says all that is not done."""
    ear = Ear()
    async with door(protocol, ear, NARROW) as opened:
        heard = await (await opened.call(CHUNKED, *wrapping)).hear_out()
    assert refused(heard)
    assert ear.bodies == []


async def test_a_body_of_what_is_allowed_earns_no_more_than_its_like(
    protocol: type[asyncio.Protocol],
) -> None:
    body = b"%x\r\n%b\r\n" % (20_000, b"x" * 20_000)
    trailer = [b"0\r\nA: ", *repeated(b"x", 20_000 + 2 * 4096)]
    async with door(protocol, Ear(), NARROW) as opened:
        assert refused(await (await opened.call(CHUNKED, body, *trailer)).hear_out())


@pytest.mark.parametrize(("size", "chunk"), [(65536, 8), (1024 * 1024, 1024)])
async def test_a_body_in_small_chunks_gets_in(
    protocol: type[asyncio.Protocol], size: int, chunk: int
) -> None:
    wrapped = b"%x\r\n%b\r\n" % (chunk, b"x" * chunk) * (size // chunk) + b"2\r\nok\r\n"
    pieces = [wrapped[i : i + 50_000] for i in range(0, len(wrapped), 50_000)]
    head = CHUNKED.replace(b"Judged", b"Connection: close\r\nJudged")
    async with door(protocol, says_what_it_hears, NARROW) as opened:
        heard = await (await opened.call(head, *pieces, b"0\r\n\r\n")).hear_out()
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.endswith(b"x" * size + b"ok")


async def test_every_body_has_the_whole_of_what_is_allowed(
    protocol: type[asyncio.Protocol],
) -> None:
    async with door(protocol, says_what_it_hears, NARROW) as opened:
        caller = await opened.call()
        for _ in range(3):
            await caller.say(CHUNKED, b"1\r\nx\r\n" * 700, b"2\r\nok\r\n", b"0\r\n\r\n")
            assert b"200" in await caller.hear()
