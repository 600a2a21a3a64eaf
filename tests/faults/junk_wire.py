"""Bytes on raw connections, broken off in every way there is, and what the bot says to them."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from tests.faults.junk import CLOSED, ENDLESS, LEFT, Came

# Longer than the bot gives anybody for anything.
_PATIENCE_SECONDS = 60.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_OF_OURS = re.compile(rb'Traceback|File "|\.py\b|Exception|Error\b')
# What is refused is refused without a word, but for the router's own "Not Found" and the like.
_WITH_WORDS = frozenset({"200", "404", "405"})


class Ending(Enum):
    """What a sender does after the last byte."""

    HEAR_OUT = auto()
    HALF_CLOSE = auto()
    LEAVE = auto()
    RESET = auto()


@dataclass(frozen=True, slots=True)
class Throw:
    """What goes into one connection: `parts`, with `pause` seconds between them."""

    parts: Iterable[bytes]
    pause: float = 0.0
    ending: Ending = Ending.HALF_CLOSE


@dataclass(slots=True)
class _Sent:
    bytes: int = 0


async def throw(port: int, given: Throw) -> Came:
    """Send it; tell each status that came back, or how it ended otherwise."""
    sent = _Sent()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            back = await _throw(port, given, sent)
    except TimeoutError:
        back = [ENDLESS]
    except ConnectionError:
        back = [CLOSED]
    return Came(back, sent.bytes)


async def _throw(port: int, given: Throw, sent: _Sent) -> Sequence[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = bytearray()
    hearing = asyncio.create_task(_hear(reader, heard))
    try:
        with suppress(OSError):  # also what is no longer connected cannot be closed
            await _say(writer, hearing, given, sent)
            if given.ending is Ending.HALF_CLOSE:
                writer.write_eof()
        if given.ending in {Ending.LEAVE, Ending.RESET}:
            return [LEFT]
        await hearing
        return understood(bytes(heard))
    finally:
        hearing.cancel()
        if given.ending is Ending.RESET:
            _reset(writer)
        writer.close()


async def _say(
    writer: asyncio.StreamWriter, hearing: asyncio.Task[None], given: Throw, sent: _Sent
) -> None:
    for part in given.parts:
        writer.write(part)
        await writer.drain()
        sent.bytes += len(part)
        if given.pause:
            await asyncio.wait({hearing}, timeout=given.pause)
        if hearing.done():
            return


async def _hear(reader: asyncio.StreamReader, heard: bytearray) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            heard += chunk


def _reset(writer: asyncio.StreamWriter) -> None:
    """Make closing throw away what is on its way, in both directions."""
    taken = writer.get_extra_info("socket")
    with suppress(OSError):
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def understood(answer: bytes) -> Sequence[str]:
    """Return the statuses in what came back, and what should not be in it."""
    statuses = [status.decode() for status in _STATUS.findall(answer)]
    if _OF_OURS.search(answer):
        return [*statuses, "a traceback"]
    if answer and not statuses:
        return ["no HTTP"]
    if statuses and not _WITH_WORDS & set(statuses) and not answer.endswith(b"\r\n\r\n"):
        return [*statuses, "words with a refusal"]
    return statuses or [CLOSED]
