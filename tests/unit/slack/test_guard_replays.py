"""What comes a second time gets the first answer, and is not carried out again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from bot.slack.guard import (
    TIMESTAMP_TOLERANCE_SECONDS,
    Deliveries,
    Seal,
)
from bot.slack.listeners.front import delivery_key
from tests.unit.slack.knocking import (
    BODY,
    HEADERS,
    NOW,
    Sent,
    deliver,
    guarding,
    piece,
    signature,
    signed,
    whole,
)

pytestmark = pytest.mark.anyio


class Book:
    """An app that keeps what it is told, and answers with the number of the line."""

    def __init__(self, *troubles: Callable[[], Awaitable[Response | None]]) -> None:
        self.lines = 0
        self._troubles = list(troubles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.lines += 1
        number = self.lines
        trouble = self._troubles.pop(0) if self._troubles else None
        response = await trouble() if trouble else None
        await (response or PlainTextResponse(f"line {number}"))(scope, receive, send)


def text(sent: Sent) -> tuple[int, bytes]:
    return int(sent[0]["status"]), b"".join(message.get("body", b"") for message in sent)


async def test_a_replay_gets_the_first_answer_and_is_not_carried_out() -> None:
    book = Book()
    guard = guarding(book)
    first, second, third = [text(await deliver(guard, whole())) for _ in range(3)]
    assert first == second == third == (200, b"line 1")
    assert book.lines == 1


async def test_what_is_signed_anew_is_no_replay() -> None:
    book = Book()
    guard = guarding(book)
    for timestamp in (str(NOW), str(NOW + 1)):
        headers = signed(timestamp=timestamp)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await deliver(guard, whole(), raw)
    assert book.lines == 2


class Recorder:
    """An app that keeps the headers, and the name of the delivery, that Bolt would see."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.key: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request({**scope, "query_string": b""}, receive)
        self.headers = list(request.headers.raw)
        self.key = delivery_key(to_async_bolt_request(request, await request.body()), "1.2")
        await PlainTextResponse("in")(scope, receive, send)


@pytest.mark.parametrize("name", [b"x-slack-signature", b"x-slack-retry-num", b"content-type"])
@pytest.mark.parametrize("where", [0, 100])
async def test_what_was_judged_is_what_bolt_sees(name: bytes, where: int) -> None:
    """A server may go on adding to the headers while the body comes: trailers."""
    recorder = Recorder()
    live = list(HEADERS)

    async def adding() -> Message:
        live.insert(where, (name, b"v0=" + b"b" * 64))
        return piece(BODY, more=False)

    assert (await deliver(guarding(recorder), adding, live))[0]["status"] == 200
    assert recorder.headers == HEADERS
    assert recorder.key == signature(BODY)


class Gate:
    """Holds whoever comes until it is opened, and then does what it was told."""

    def __init__(self, outcome: Response | Exception | None = None) -> None:
        self._outcome = outcome
        self._open = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self) -> Response | None:
        self.reached.set()
        await self._open.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def open(self) -> None:
        self._open.set()


async def turns(count: int = 10) -> None:
    """Let the others run as far as they get by themselves."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_replays_of_what_is_under_way_wait_for_its_answer() -> None:
    gate = Gate()
    book = Book(gate)
    guard = guarding(book)
    first = asyncio.create_task(deliver(guard, whole()))
    await gate.reached.wait()
    replays = [asyncio.create_task(deliver(guard, whole())) for _ in range(5)]
    await turns()
    assert not any(replay.done() for replay in replays)
    gate.open()
    answers = {text(await each) for each in (first, *replays)}
    assert answers == {(200, b"line 1")}
    assert book.lines == 1


@pytest.mark.parametrize(
    "outcome",
    [Response(status_code=500), Response(status_code=400), RuntimeError("no"), OSError("lost")],
)
async def test_where_the_first_one_fails_a_waiting_replay_goes_through_itself(
    outcome: Response | Exception,
) -> None:
    gate, next_gate = Gate(outcome), Gate()
    book = Book(gate, next_gate)
    guard = guarding(book)
    first = asyncio.create_task(deliver(guard, whole()))
    await gate.reached.wait()
    replays = [asyncio.create_task(deliver(guard, whole())) for _ in range(3)]
    await turns()
    gate.open()
    await next_gate.reached.wait()
    await turns()
    assert book.lines == 2
    next_gate.open()
    assert {text(await replay) for replay in replays} == {(200, b"line 2")}
    assert book.lines == 2
    with suppress(RuntimeError, OSError):
        assert text(await first)[0] >= 400


async def test_where_the_first_one_is_cancelled_a_waiting_replay_goes_through_itself() -> None:
    gate = Gate()
    book = Book(gate)
    guard = guarding(book)
    first = asyncio.create_task(deliver(guard, whole()))
    await gate.reached.wait()
    replay = asyncio.create_task(deliver(guard, whole()))
    await turns()
    first.cancel()
    assert text(await replay) == (200, b"line 2")
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_failed_may_be_tried_again() -> None:
    async def broken() -> Response:
        return Response(status_code=503)

    book = Book(broken)
    guard = guarding(book)
    assert [text(await deliver(guard, whole()))[0] for _ in range(2)] == [503, 200]


START: Message = {"type": "http.response.start", "status": 200, "headers": []}
PART: Message = {"type": "http.response.body", "body": b"li", "more_body": True}


@pytest.mark.parametrize("messages", [(), (START,), (START, PART)])
async def test_an_answer_without_an_end_is_none(messages: tuple[Message, ...]) -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        counted.append(1)
        for message in messages:
            await send(message)

    counted: list[int] = []
    guard = guarding(half)
    for _ in range(2):
        await deliver(guard, whole())
    assert len(counted) == 2


def seal(number: int, timestamp: int = NOW) -> Seal:
    return Seal(str(timestamp).encode(), number.to_bytes(32, "big"))


async def taken(deliveries: Deliveries, seal: Seal, now: float = NOW) -> None:
    async def send(_: Message) -> None: ...

    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await deliveries.take(seal, now, scope, whole(), send)


async def test_so_many_answers_are_kept_and_no_more_the_oldest_going_first() -> None:
    book = Book()
    deliveries = Deliveries(book, memory_limit=5000)
    for number in range(20):
        await taken(deliveries, seal(number))
    assert book.lines == 20
    await taken(deliveries, seal(19))
    assert book.lines == 20
    await taken(deliveries, seal(0))
    assert book.lines == 21


async def test_an_answer_is_kept_for_as_long_as_its_signature_is_good() -> None:
    """Signed in our future, it is good for twice the tolerance from now."""
    book = Book()
    deliveries = Deliveries(book)
    ahead = seal(1, NOW + TIMESTAMP_TOLERANCE_SECONDS)
    await taken(deliveries, ahead)
    for later in (299, 300, 599, 600):
        await taken(deliveries, seal(later, NOW + later), NOW + later)
        await taken(deliveries, ahead, NOW + later)
    assert book.lines == 5
    await taken(deliveries, seal(2, NOW + 601), NOW + 601)
    await taken(deliveries, ahead, NOW + 601)
    assert book.lines == 7
