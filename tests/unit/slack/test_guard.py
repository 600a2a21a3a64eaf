"""The front door: only what Slack itself signed gets in, byte for byte; the rest gets nothing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from bot.slack.guard import (
    BODY_LIMIT,
    TIMESTAMP_TOLERANCE_SECONDS,
    Buffer,
    Deliveries,
    Guard,
    Reading,
    Seal,
)

pytestmark = pytest.mark.anyio

SECRET = "a-test-secret"
PREVIOUS = "the-secret-before"
NOW = 1_784_041_200
FORM = "application/x-www-form-urlencoded"
BODY = b"command=%2Fcancel-order&text=26644388"


class Inner:
    """The app behind the door; keeps the bodies that reach it."""

    def __init__(self) -> None:
        self.reached: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(await Request(scope, receive).body())
        await PlainTextResponse("in")(scope, receive, send)


def signature(body: bytes, timestamp: str = str(NOW), secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def signed(
    body: bytes = BODY, timestamp: str = str(NOW), kind: str = FORM, secret: str = SECRET
) -> dict[str, str]:
    return {
        "content-type": kind,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature(body, timestamp, secret),
    }


async def knock(
    headers: dict[str, str] | list[tuple[str, str]],
    body: bytes = BODY,
    previous: SecretStr | None = None,
) -> tuple[httpx.Response, list[bytes]]:
    inner = Inner()
    guard = Guard(inner, SecretStr(SECRET), previous, clock=lambda: NOW)
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        answer = await client.post("/slack/events", content=body, headers=headers)
    return answer, inner.reached


async def test_what_slack_signed_gets_in_byte_for_byte() -> None:
    answer, reached = await knock(signed())
    assert (answer.status_code, answer.text) == (200, "in")
    assert reached == [BODY]


@settings(max_examples=50)
@given(body=st.binary(max_size=200))
async def test_any_signed_bytes_get_in_unchanged(body: bytes) -> None:
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, reached) == (200, [body])


@pytest.mark.parametrize(
    "kind", [FORM, f"{FORM}; charset=utf-8", "application/json", "Application/JSON; charset=utf-8"]
)
async def test_slacks_content_types_get_in(kind: str) -> None:
    assert (await knock(signed(kind=kind)))[0].status_code == 200


@pytest.mark.parametrize("skew", [0, 1, -1, 299, -299, 300, -300])
async def test_clocks_may_differ_a_little(skew: int) -> None:
    assert (await knock(signed(timestamp=str(NOW + skew))))[0].status_code == 200


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


OTHER_BODY = b"command=%2Fcancel-order&text=26644389"
REFUSED = {
    "no timestamp": (without("x-slack-request-timestamp"), BODY, 401),
    "empty timestamp": (signed() | {"x-slack-request-timestamp": ""}, BODY, 401),
    "timestamp of letters": (signed(timestamp="abc"), BODY, 401),
    "timestamp as a power": (signed(timestamp="1e9"), BODY, 401),
    "negative timestamp": (signed(timestamp="-1784041200"), BODY, 401),
    "fractional timestamp": (signed(timestamp=f"{NOW}.0"), BODY, 401),
    "endless timestamp": (signed(timestamp="1" * 5000), BODY, 401),
    "stale": (signed(timestamp=str(NOW - TIMESTAMP_TOLERANCE_SECONDS - 1)), BODY, 401),
    "from the future": (signed(timestamp=str(NOW + TIMESTAMP_TOLERANCE_SECONDS + 1)), BODY, 401),
    "no signature": (without("x-slack-signature"), BODY, 401),
    "empty signature": (signed() | {"x-slack-signature": ""}, BODY, 401),
    "signature of another secret": (
        signed() | {"x-slack-signature": signature(BODY, secret="guessed")},
        BODY,
        401,
    ),
    "signature of another body": (signed(OTHER_BODY), BODY, 401),
    "signature of another moment": (
        signed() | {"x-slack-request-timestamp": str(NOW - 1)},
        BODY,
        401,
    ),
    "signature of another version": (
        signed() | {"x-slack-signature": signature(BODY).replace("v0=", "v1=")},
        BODY,
        401,
    ),
    "signature in capitals": (
        signed() | {"x-slack-signature": "v0=" + signature(BODY)[3:].upper()},
        BODY,
        401,
    ),
    "signature that is too long": (
        signed() | {"x-slack-signature": signature(BODY) + "0"},
        BODY,
        401,
    ),
    "signature without its version": (
        signed() | {"x-slack-signature": signature(BODY).removeprefix("v0=")},
        BODY,
        401,
    ),
    "unsigned and not UTF-8": (signed(b""), b"payload=\xff\xfe", 401),
    "unsigned and not JSON": (signed(b""), b"payload={bad", 401),
    "no content type": (without("content-type"), BODY, 400),
    "plain text": (signed(kind="text/plain"), BODY, 400),
    "a form of files": (signed(kind="multipart/form-data; boundary=x"), BODY, 400),
    "oversize": (signed(b"x" * (BODY_LIMIT + 1)), b"x" * (BODY_LIMIT + 1), 413),
}


@pytest.mark.parametrize(("headers", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_everything_else_is_refused_without_a_word(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    answer, reached = await knock(headers, body)
    assert answer.status_code == status
    assert answer.content == b""
    assert reached == []


async def test_a_body_of_exactly_the_limit_gets_in() -> None:
    body = b"x" * BODY_LIMIT
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, len(reached[0])) == (200, BODY_LIMIT)


JUDGED = ["content-type", "content-length", "x-slack-request-timestamp", "x-slack-signature"]


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("where", [0, 100])
async def test_a_header_that_counts_is_sent_once_or_not_at_all(name: str, where: int) -> None:
    """Neither the first nor the last of two: whoever is in front of us may have read the other."""
    headers = list((signed() | {"content-length": str(len(BODY))}).items())
    headers.insert(where, (name, dict(headers)[name]))
    answer, reached = await knock(headers)
    assert (answer.status_code, reached) == (401 if name.startswith("x-") else 400, [])


def refusals(status: int) -> float:
    name = "rescind_slack_refusals_total"
    return REGISTRY.get_sample_value(name, {"status": str(status)}) or 0.0


async def test_a_refusal_is_counted_and_takes_one_line_that_repeats_nothing() -> None:
    before = refusals(401)
    with capture_logs() as lines:
        await knock(signed(OTHER_BODY))
    assert refusals(401) == before + 1
    (line,) = lines
    assert line == {
        "event": "slack_request_refused",
        "log_level": "warning",
        "status": 401,
        "cause": "signature",
    }


def signatures(secret: str) -> float:
    return REGISTRY.get_sample_value("rescind_signatures_total", {"secret": secret}) or 0.0


@pytest.mark.parametrize(("secret", "name"), [(SECRET, "current"), (PREVIOUS, "previous")])
async def test_while_the_secret_is_changed_both_count_and_are_told_apart(
    secret: str, name: str
) -> None:
    before = {each: signatures(each) for each in ("current", "previous")}
    answer, reached = await knock(signed(secret=secret), previous=SecretStr(PREVIOUS))
    assert (answer.status_code, reached) == (200, [BODY])
    before[name] += 1
    assert before == {each: signatures(each) for each in before}


async def test_a_third_secret_does_not_count_and_neither_does_the_previous_one_for_ever() -> None:
    third, _ = await knock(signed(secret="guessed"), previous=SecretStr(PREVIOUS))
    forgotten, _ = await knock(signed(secret=PREVIOUS))
    assert third.status_code == forgotten.status_code == 401


Sent = list[Message]
HEADERS = [(key.encode(), value.encode()) for key, value in signed().items()]


async def deliver(
    guard: ASGIApp, receive: Receive, headers: list[tuple[bytes, bytes]] | None = None
) -> Sent:
    """Call the guard as a server would; return what it sends."""
    sent: Sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    chosen = HEADERS if headers is None else headers
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": chosen}
    await guard(scope, receive, send)
    return sent


def refusal(sent: Sent) -> int:
    """Return the status of an answer that is empty and closes the connection."""
    start, body = sent
    assert body["body"] == b""
    assert (b"connection", b"close") in start["headers"]
    return int(start["status"])


def in_pieces(*messages: Message) -> Receive:
    waiting = list(messages)

    async def receive() -> Message:
        return waiting.pop(0)

    return receive


async def nobody_reads() -> Message:
    raise AssertionError("the body was read")


def whole(body: bytes = BODY) -> Receive:
    return in_pieces(piece(body, more=False))


def piece(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def guarding(inner: ASGIApp, buffer_limit: int = BODY_LIMIT, seconds: float = 60) -> Guard:
    return Guard(
        inner,
        SecretStr(SECRET),
        clock=lambda: NOW,
        body_seconds=seconds,
        buffer_limit=buffer_limit,
    )


SHAPED = "v0=" + "a" * 64


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        *((headers, status) for headers, body, status in REFUSED.values() if len(headers) < 3),
        (signed() | {"content-type": "text/plain"}, 400),
        (signed() | {"x-slack-request-timestamp": str(NOW - 301)}, 401),
        (signed() | {"x-slack-signature": SHAPED[:-1]}, 401),
        (signed() | {"content-length": "1e3"}, 400),
        (signed() | {"content-length": str(BODY_LIMIT + 1)}, 413),
        (signed() | {"content-length": "9" * 5000}, 413),
    ],
)
async def test_what_the_headers_give_away_is_refused_before_the_body_is_read(
    headers: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    inner = Inner()
    assert refusal(await deliver(guarding(inner), nobody_reads, raw)) == status
    assert inner.reached == []


values = st.binary(max_size=80) | st.sampled_from(
    [FORM.encode(), b"application/json", str(NOW).encode(), SHAPED.encode(), b"17"]
)
names = st.binary(max_size=20) | st.sampled_from([name.encode() for name in JUDGED])


@given(headers=st.lists(st.tuples(names, values), max_size=12))
async def test_whatever_the_headers_are_nothing_gets_in_and_nothing_breaks(
    headers: list[tuple[bytes, bytes]],
) -> None:
    inner = Inner()
    assert refusal(await deliver(guarding(inner), whole(), headers)) in {400, 401, 413}
    assert inner.reached == []


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
