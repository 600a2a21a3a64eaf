"""The front door: an ASGI guard in front of Bolt that lets only Slack's own requests through.

Bolt and slack_sdk answer unauthenticated junk with tracebacks (facts/slack.md, traps 1), so
everything is checked here, over the raw bytes, and refused with an empty body. What comes a second
time is answered as it was the first time, and not carried out again.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024
BODY_SECONDS = 5.0
BUFFER_LIMIT = 32 * 1024 * 1024
TIMESTAMP_TOLERANCE_SECONDS = 300
# Slack delivers at most 30,000 requests an hour to an app in a workspace, and answers are short:
# this is enough for all of the ten minutes for which a signature can be good.
_MEMORY_LIMIT = 8 * 1024 * 1024
_ANSWER_OVERHEAD = 1024
_CONTENT_TYPES = (b"application/x-www-form-urlencoded", b"application/json")
# The headers that count, and what it costs to send one of them twice.
_JUDGED = {
    b"content-type": 400,
    b"content-length": 400,
    b"x-slack-request-timestamp": 401,
    b"x-slack-signature": 401,
}
_SIGNATURE = re.compile(rb"v0=([0-9a-f]{64})")

_REFUSALS = Counter("rescind_slack_refusals", "Requests refused at the door, by status", ["status"])
_REPLAYS = Counter("rescind_slack_replays", "Signed requests that came again and were not redone")
_SIGNATURES = Counter(
    "rescind_signatures", "Requests signed with the current or the previous secret", ["secret"]
)


class RefusedError(Exception):
    """A request that does not get in; `cause` is for the log and says nothing of its content."""

    def __init__(self, status: int, cause: str) -> None:
        super().__init__(cause)
        self.status = status
        self.cause = cause


class Guard:
    """Wrap `app`; `clock` returns seconds since the epoch.

    `previous` is the secret that is being replaced: both count. A body has to be there within
    `body_seconds`; `buffer_limit` bounds the bytes of all the bodies that are waited for.
    """

    def __init__(
        self,
        app: ASGIApp,
        signing_secret: SecretStr,
        previous: SecretStr | None = None,
        *,
        clock: Callable[[], float] = time.time,
        body_seconds: float = BODY_SECONDS,
        buffer_limit: int = BUFFER_LIMIT,
    ) -> None:
        named = {"current": signing_secret, "previous": previous}
        # Keyed once: preparing the key takes longer than hashing a usual body.
        self._secrets = [
            (_keyed(secret), _SIGNATURES.labels(name)) for name, secret in named.items() if secret
        ]
        self._clock = clock
        self._body_seconds = body_seconds
        self._buffer = Buffer(buffer_limit)
        self._deliveries = Deliveries(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is judged is what is handed on: a server may add trailers to its own list.
        scope = {**scope, "headers": tuple(scope["headers"])}
        try:
            seal = seal_of(scope["headers"], self._clock())
            body = await self._body(receive)
            self._verify(seal, body)
        except RefusedError as refused:
            await _refuse(refused, scope, receive, send)
            return
        await self._deliveries.take(seal, self._clock(), scope, _replay(body, receive), send)

    async def _body(self, receive: Receive) -> bytes:
        """Return the whole body. RefusedError if it is too long, too slow, or is cut off."""
        patience = asyncio.timeout(self._body_seconds)
        reading = Reading(patience)
        try:
            async with patience:
                while True:
                    chunk, more = await _chunk(receive)
                    if reading.crowded_out:
                        break
                    if len(reading.body) + len(chunk) > BODY_LIMIT:
                        raise RefusedError(413, "body too large")
                    if not more:
                        # As a rule everything is there at once, and nothing was kept.
                        return bytes(reading.body) + chunk if reading.body else chunk
                    self._buffer.keep(reading, chunk)
        except TimeoutError:
            if not reading.crowded_out:
                raise RefusedError(408, "body too slow") from None
        finally:
            self._buffer.release(reading)
        raise RefusedError(503, "too many bodies at once")

    def _verify(self, seal: Seal, body: bytes) -> None:
        """Count the secret that was used; all are compared, so that the time taken tells nothing.

        RefusedError if it was none of them.
        """
        matching = [
            counter
            for secret, counter in self._secrets
            if hmac.compare_digest(_digest(secret, seal.timestamp, body), seal.digest)
        ]
        if not matching:
            raise RefusedError(401, "signature")
        matching[0].inc()


def _keyed(secret: SecretStr) -> hmac.HMAC:
    return hmac.new(secret.get_secret_value().encode(), digestmod="sha256")


def _digest(secret: hmac.HMAC, timestamp: bytes, body: bytes) -> bytes:
    digest = secret.copy()
    digest.update(b"v0:%b:" % timestamp)
    digest.update(body)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Seal:
    """What a request says to be Slack's by.

    `timestamp` as it was sent, for it is part of what was signed. So is the body: once it has been
    verified, `digest` stands for the request as a whole.
    """

    timestamp: bytes
    digest: bytes

    @property
    def expires(self) -> float:
        return int(self.timestamp) + TIMESTAMP_TOLERANCE_SECONDS


def seal_of(headers: Iterable[tuple[bytes, bytes]], now: float) -> Seal:
    """Judge a request by its headers alone; RefusedError, before a byte of the body is read."""
    found = _judged(headers)
    if not found.get(b"content-type", b"").lower().startswith(_CONTENT_TYPES):
        raise RefusedError(400, "content type")
    timestamp = found.get(b"x-slack-request-timestamp", b"")
    if not timestamp.isdigit() or len(timestamp) > 12:
        raise RefusedError(401, "timestamp missing or not a number")
    if abs(now - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
        raise RefusedError(401, "timestamp too far from now")
    signature = _SIGNATURE.fullmatch(found.get(b"x-slack-signature", b""))
    if signature is None:
        raise RefusedError(401, "signature missing or malformed")
    length = found.get(b"content-length", b"0")
    if not length.isdigit():
        raise RefusedError(400, "content length")
    # By its digits first: Python refuses to read a number of thousands of them.
    if len(length) > 12 or int(length) > BODY_LIMIT:
        raise RefusedError(413, "body too large")
    return Seal(timestamp, bytes.fromhex(signature[1].decode()))


def _judged(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _JUDGED:
            if name in found:
                raise RefusedError(_JUDGED[name], "repeated header")
            found[name] = value
    return found


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise RefusedError(400, "cut off by its sender")
    return message.get("body", b""), message.get("more_body", False)


async def _refuse(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    _REFUSALS.labels(str(refused.status)).inc()
    log.warning("slack_request_refused", status=refused.status, cause=refused.cause)
    # Closed, or the server would go on reading a body that nobody wants.
    response = Response(status_code=refused.status, headers={"connection": "close"})
    await response(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand on the bytes that were checked, and nothing else."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


@dataclass(slots=True, eq=False)
class Reading:
    """A body that does not come all at once."""

    patience: asyncio.Timeout
    body: bytearray = field(default_factory=bytearray)
    crowded_out: bool = False


class Buffer:
    """The bodies being read, together never more than `limit` bytes: no signature is known yet.

    Where there is no more room, whoever has been at it longest makes some. Slack takes
    milliseconds, so strangers who sit on the whole of it do not keep Slack out.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._readings: dict[Reading, None] = {}

    def keep(self, reading: Reading, chunk: bytes) -> None:
        self._readings[reading] = None
        self._taken += len(chunk)
        reading.body += chunk
        while self._taken > self._limit:
            self._crowd_out(next(iter(self._readings)))

    def _crowd_out(self, reading: Reading) -> None:
        self.release(reading)
        reading.crowded_out = True
        if not reading.patience.expired():
            reading.patience.reschedule(0)

    def release(self, reading: Reading) -> None:
        if reading in self._readings:
            del self._readings[reading]
            self._taken -= len(reading.body)
            reading.body = bytearray()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app sent, kept until `expires`, when the signature is good no more."""

    expires: float
    messages: tuple[Message, ...]

    @property
    def size(self) -> int:
        return _ANSWER_OVERHEAD + sum(len(each.get("body", b"")) for each in self.messages)


class Deliveries:
    """Verified requests on their way to `app`, each once for as long as its signature is good.

    What comes again gets the first one's answer, word for word: a form whose answer was lost on
    the way must not be closed by an empty one when it had been refused. Only a 200 is an answer; a
    request that ended otherwise may come again. This process remembers its own, and forgets the
    oldest when they get too many: the store is what stands behind.
    """

    def __init__(self, app: ASGIApp, memory_limit: int = _MEMORY_LIMIT) -> None:
        self._app = app
        self._limit = memory_limit
        self._under_way: dict[bytes, asyncio.Event] = {}
        self._answers: dict[bytes, Answer] = {}
        self._size = 0

    async def take(
        self, seal: Seal, now: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        while (first := self._under_way.get(seal.digest)) is not None:
            await first.wait()
        answer = self._answers.get(seal.digest)
        if answer is None:
            await self._hand_over(seal, now, scope, receive, send)
            return
        _REPLAYS.inc()
        log.info("slack_request_replayed")
        for message in answer.messages:
            await send(message)

    async def _hand_over(
        self, seal: Seal, now: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        over = self._under_way[seal.digest] = asyncio.Event()
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)
            await send(message)

        try:
            await self._app(scope, receive, keep)
            if _is_acknowledgement(messages):
                self._remember(seal, Answer(seal.expires, tuple(messages)), now)
        finally:
            del self._under_way[seal.digest]
            over.set()

    def _remember(self, seal: Seal, answer: Answer, now: float) -> None:
        self._answers[seal.digest] = answer
        self._size += answer.size
        while True:
            oldest = next(iter(self._answers))
            if self._answers[oldest].expires >= now and self._size <= self._limit:
                break
            self._size -= self._answers.pop(oldest).size


def _is_acknowledgement(messages: list[Message]) -> bool:
    return (
        len(messages) > 1
        and messages[0].get("status") == 200
        and not messages[-1].get("more_body", False)
    )
