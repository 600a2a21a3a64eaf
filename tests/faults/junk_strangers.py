"""What strangers send: no HTTP, half of it, too much of it, somebody else's signature, or slowly.

Wherever there is a body, it is one that would approve a refund if it got in as it should.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import itertools
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.faults.junk import CLOSED, LEFT, Shot
from tests.faults.junk_wire import Ending, Throw, throw
from tests.integration.slack_wire import SlackWire

PATH = "/slack/events"
# So that what is logged can be searched for what was sent.
CANARY = "xXjunkXx"
_LIMIT = 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_REFUSED = frozenset({"400", "401", "408", "413", "431", "503", CLOSED})
_NOT_OURS = frozenset({"404", "405"})
_TOLERANCE_SECONDS = 300

Headers = Sequence[tuple[str, str]]


def head(
    headers: Iterable[tuple[str, str]], method: str = "POST", path: str = PATH, version: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: bot"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Strangers:
    """`bodies` would each change something, signed by `wire`; nothing may come of what is sent."""

    port: int
    chance: random.Random
    wire: SlackWire
    bodies: Sequence[bytes]

    def malformed(self) -> Iterator[Shot]:
        """No HTTP, or none that anybody should send, without end."""
        expected = _REFUSED | _NOT_OURS | {"100", "200"}
        while True:
            for what, parts in self._malformed():
                yield self._shot("malformed", what, Throw(parts), expected)

    def truncated(self) -> Iterator[Shot]:
        """A click in good order, signed and all, of which the end is missing."""
        for ending in itertools.cycle(Ending):
            if ending is Ending.HEAR_OUT:
                continue  # is slow: waits for the bot to give up
            whole = self._whole()
            end = self.chance.randrange(1, len(whole))
            throw_ = Throw([whole[:end]], ending=ending)
            yield self._shot("truncated", f"{end} bytes, {ending.name}", throw_, _REFUSED | {LEFT})

    def oversized(self) -> Iterator[Shot]:
        """More than fits: heads, bodies, promises."""
        while True:
            for what, parts in self._oversized():
                yield self._shot("oversized", what, Throw(parts), _REFUSED)

    def wrongly_signed(self) -> Iterator[Shot]:
        """Whole requests whose signature is somebody else's, or about something else."""
        while True:
            body = self.chance.choice(self.bodies)
            variants = {**self._headers_amiss(body), **self._seals_amiss(body)}
            for what, headers in variants.items():
                rest = (("Content-Length", str(len(body))), ("Connection", "close"))
                throw_ = Throw([head([*headers, *rest]), body], ending=Ending.HEAR_OUT)
                yield self._shot("wrongly signed", what, throw_, _REFUSED - {CLOSED, "503"})

    def slow(self) -> Iterator[Shot]:
        """Who comes and does not get on with it."""
        while True:
            for what, throw_ in self._slow():
                yield self._shot("slow", what, throw_, _REFUSED | {LEFT})

    def _shot(self, kind: str, what: str, given: Throw, expected: frozenset[str]) -> Shot:
        return Shot(kind, what, partial(throw, self.port, given), expected)

    def _whole(self) -> bytes:
        body = self.chance.choice(self.bodies)
        return self._in_order(body) + body

    def _in_order(self, body: bytes, length: int | None = None) -> bytes:
        """The head that lets a body in, if it is as long as it says."""
        length = len(body) if length is None else length
        return head([*self.wire.signed(body).items(), ("Content-Length", str(length))])

    def _noise(self, length: int) -> bytes:
        return self.chance.randbytes(self.chance.randrange(1, length))

    def _malformed(self) -> Iterator[tuple[str, Sequence[bytes]]]:
        body = self.chance.choice(self.bodies)
        yield "noise", [self._noise(2000)]
        yield "noise in lines", [self._noise(500) + b"\r\n" + self._noise(500) + b"\r\n\r\n"]
        for what, greeting in _OTHER_PROTOCOLS.items():
            yield what, [greeting]
        for line in _REQUEST_LINES:
            yield f"line {line[:30]!r}", [line + b"\r\nHost: bot\r\nConnection: close\r\n\r\n"]
        for line in _HEADER_LINES:
            start = self._in_order(body)[:-2]
            # Without its last byte, for some of these are fair enough.
            yield f"header {line[:40]!r}", [start + line + b"\r\n\r\n" + body[:-1]]
        for what, chunks in _CHUNKS.items():
            start = head([*self.wire.signed(body).items(), ("Transfer-Encoding", "chunked")])
            yield what, [start + chunks.replace(b"BODY", body)]
        for method in ("GET", "HEAD", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "PROPFIND"):
            headers = [*self.wire.signed(body).items(), ("Content-Length", str(len(body)))]
            yield method, [head(headers, method) + body]
        for path in _PATHS:
            yield f"path {path[:30]!r}", [head([("Connection", "close")], "GET", path)]
        nowhere = head([], "GET", f"/{CANARY}")
        yield "many at once, then noise", [nowhere * 20 + self._noise(200) + b"\r\n\r\n"]
        yield "one, and its shadow", [head([], "GET", "/healthz") + self._whole()[:-1]]

    def _oversized(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        body = self.chance.choice(self.bodies)
        filler = CANARY.encode() * (_LIMIT // len(CANARY))
        padded = body + b"&x=" + filler + b"y" * len(CANARY)
        yield "a body too long, signed", [self._in_order(padded), padded]
        over = self.chance.choice((1, 1000, 10**6, 10**12))
        yield "a promise", [self._in_order(body, _LIMIT + over), body]
        yield "digits", [head([*self.wire.signed(body).items(), ("Content-Length", "9" * 5000)])]
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        start = head([*self.wire.signed(body).items(), ("Transfer-Encoding", "chunked")])
        yield "chunks without end", itertools.chain([start], itertools.repeat(chunk, 40))
        whole = start + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n"
        trailer = f"X-Trailer: {CANARY}\r\n".encode() * 500
        yield "trailers without end", itertools.chain([whole], itertools.repeat(trailer, 40))
        long = itertools.repeat(b"a" * 10_000, 40)
        yield "one trailer without end", itertools.chain([whole + b"X-Trailer: "], long)
        yield "all but the end of a megabyte", [self._in_order(body, _LIMIT), padded[: _LIMIT - 1]]
        yield "just not too long", [self._in_order(padded, _LIMIT), padded[:_LIMIT]]
        packed = gzip.compress(bytes(8 * _LIMIT))
        sizes = (("Content-Encoding", "gzip"), ("Content-Length", str(len(packed))))
        yield "a bomb", [head([*self.wire.signed(body).items(), *sizes]) + packed]
        size = self.chance.randrange(70_000, 400_000)
        yield "a long path", [head([], "GET", "/" + CANARY * (size // len(CANARY)))]
        yield "a long header", [head([("X-Long", CANARY * (size // len(CANARY)))])]
        yield "headers", [head([("X", CANARY)] * self.chance.randrange(300, 20_000))]
        yield (
            "one header without end",
            itertools.chain(
                [b"POST /slack/events HTTP/1.1\r\nX: "], itertools.repeat(b"a" * 10_000, 40)
            ),
        )
        yield "empty lines", itertools.repeat(b"\r\n" * 5000, 10)

    def _headers_amiss(self, body: bytes) -> Mapping[str, Headers]:
        """A header that is missing, there twice, or about something else."""
        good = self.wire.signed(body)
        found: dict[str, Headers] = {
            f"without {name}": [pair for pair in good.items() if pair[0] != name] for name in good
        }
        found |= {f"{name} twice": [*good.items(), (name, value)] for name, value in good.items()}
        for content_type in ("text/plain", "multipart/form-data; boundary=x", "", "*/*", CANARY):
            found[f"content type {content_type!r}"] = [
                *(good | {"Content-Type": content_type}).items()
            ]
        return found | {
            "form said to be JSON": [*(good | {"Content-Type": "application/json"}).items()]
        }

    def _seals_amiss(self, body: bytes) -> Mapping[str, Headers]:
        """Signatures of other keys, other bodies, other times, and what is none."""
        now = int(time.time())
        good = self.wire.signed(body)
        digest = good["X-Slack-Signature"].removeprefix("v0=")
        stale = _TOLERANCE_SECONDS + 5 + self.chance.randrange(10**6)
        guess = SlackWire("", self.chance.choice(("", CANARY, "a" * 32)))
        other = self.wire.signed(body + b"&x=y")
        found = {
            "another secret": guess.signed(body),
            "of another body": other,
            "of another time": good | {"X-Slack-Request-Timestamp": str(now - 7)},
            "too old": self.wire.signed(body, now - stale),
            "from the future": self.wire.signed(body, now + stale),
        }
        for signature in (
            *("", "v0=", f"v1={digest}", digest, digest.upper(), f"v0={digest.upper()}"),
            *(f"v0={digest[:-1]}", f"v0={digest}0", f"v0= {digest}", f'"v0={digest}"'),
            *("v0=" + "0" * 64, "v0=" + "é" * 64, f"v0={CANARY}", "v0=" + "a" * 5000),
            "v0=" + base64.b64encode(bytes.fromhex(digest)).decode(),
            f"v0={hashlib.sha256(body).hexdigest()}",
        ):
            found[f"signature {signature[:12]!r}"] = good | {"X-Slack-Signature": signature}
        for timestamp in (
            *("", "abc", "1e9", "-1", "0", "9" * 400, "NaN", f"{now}.0", f"+{now}", f"0x{now:x}"),
            *(f"{now}, {now}", f"{now} 1", "²" * 10, f"{now}_0", CANARY),
        ):
            found[f"timestamp {timestamp[:12]!r}"] = self._signed_at(body, timestamp)
        return {what: [*headers.items()] for what, headers in found.items()}

    def _signed_at(self, body: bytes, timestamp: str) -> dict[str, str]:
        """Sign with the right secret at a time that is none."""
        base = b"v0:" + timestamp.encode("latin-1", "replace") + b":" + body
        digest = hmac.digest(self.wire.secret.encode(), base, "sha256").hex()
        return {
            "Content-Type": _FORM,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    def _slow(self) -> Iterator[tuple[str, Throw]]:
        whole = self._whole()
        start, _, body = whole.partition(b"\r\n\r\n")
        pause = self.chance.uniform(0.3, 0.8)
        letters = [bytes([letter]) for letter in whole]
        drops = itertools.chain([start + b"\r\n\r\n"], (bytes([each]) for each in body))
        hear = Ending.HEAR_OUT
        yield "nothing", Throw([], ending=hear)
        yield "letter by letter", Throw(letters, pause, hear)
        yield "half a head", Throw([start[: len(start) // 2]], ending=hear)
        more = itertools.chain([start + b"\r\n"], itertools.repeat(b"X: y\r\n", 200))
        yield "headers for ever", Throw(more, pause, hear)
        yield "empty lines for ever", Throw(itertools.repeat(b"\r\n", 200), pause, hear)
        yield "no body", Throw([start + b"\r\n\r\n"], ending=hear)
        yield "all but the last byte", Throw([whole[:-1]], ending=hear)
        yield "body drop by drop", Throw(drops, pause, hear)
        large = self._in_order(body, _LIMIT) + bytes(_LIMIT - 1)
        yield "all but the last byte of a megabyte", Throw([large], ending=hear)
        asks = head([], "GET", "/healthz")
        yield "asks and does not listen", Throw(itertools.repeat(asks, 30), pause, Ending.RESET)


_OTHER_PROTOCOLS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "Redis": b"*1\r\n$7\r\nCOMMAND\r\n",
    "SMTP": b"EHLO junk.example\r\n",
    "SOCKS": b"\x05\x01\x00",
    "proxy v1": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n",
    "proxy v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    "PostgreSQL": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
}
_REQUEST_LINES = (
    *(b"", b"GET", b"GET /", b"POST  /slack/events HTTP/1.1", b" GET / HTTP/1.1", b"\0\0\0"),
    *(b"get / http/1.1", b"GET / HTTP/9.9", b"GET / HTTP/1", b"GET / HTTP/1.1.1", b"GET / FTP/1.1"),
    *(
        b"GET /\x00 HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /a b c HTTP/1.1",
        b"\xf0\x9f\x8e\xad",
    ),
    *(b"G\xc3\x89T / HTTP/1.1", b"CONNECT slack.com:443 HTTP/1.1", b"GET http://[ HTTP/1.1"),
    *(b"GET ../../etc/passwd HTTP/1.1", b"POST /slack/events HTTP/0.9", b"A" * 3000),
)
_HEADER_LINES = (
    *(b"no colon", b": no name", b" folded: line", b"a b: c", b"X: \x00", b"X: \x07\x1b[31m"),
    *(b"\xff\xfe: \xff", b"X:\ry", b"X: y\nX-Bare: newline", b"Content-Length: -1", b"X" * 3000),
    *(b"Content-Length: +5", b"Content-Length: 0x10", b"Content-Length: 1e3"),
    *(b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999", b"Content-Length:"),
    *(b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: \xef\xbc\x95"),
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding: gzip, x"),
    *(b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked, chunked", b"TE: trailers"),
    *(b"Expect: 100-continue", b"Expect: 200-ok", b"Upgrade: h2c\r\nConnection: Upgrade"),
    *(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13", b"Host: \x00"),
    *(b"X-Forwarded-For: [,,:9999999999", b"Forwarded: for=\xff", b"Range: bytes=-1-1"),
    *(
        b"Connection: close, keep-alive, \xff",
        b"Content-Encoding: gzip",
        b"Cookie: " + b"a=b; " * 9000,
    ),
    *(b"X-Slack-Bolt-Lazy-Only: 1\r\nX-Slack-Bolt-Lazy-Function-Name: x", b"X-Slack-Retry-Num: x"),
)
_CHUNKS = {
    "chunk size of words": b"zz\r\nBODY\r\n0\r\n\r\n",
    "negative chunk": b"-1\r\nBODY\r\n0\r\n\r\n",
    "chunk beyond numbers": b"FFFFFFFFFFFFFFFFF\r\nBODY",
    "chunk of another size": b"5\r\nBODY\r\n0\r\n\r\n",
    "chunk extensions": b"1;" + b"a=b;" * 5000 + b"\r\nx\r\n0\r\n\r\n",
    "chunk without end": b"1\r\nx\r\n",
    "trailers": b"1\r\nx\r\n0\r\n" + b"Trailer: x\r\n" * 300 + b"\r\n",
    "tiny chunks": b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n",
}
_PATHS = (
    *("/", "*", "//", "/slack/events/", "/slack//events", "/SLACK/EVENTS", "/slack/events;x=y"),
    *("/%zz", "/%00", "/%ff%fe", "/..%2f..%2fetc/passwd", "/slack/events%00", "/%2e%2e/%2e%2e"),
    *(f"/?{CANARY}", f"/{CANARY * 100}", "/ui/state", "/docs", "/admin", "/.env", "/slack/install"),
    *("/slack/oauth_redirect?code=x", "/healthz/x", "/metrics/../slack/events", "http://bot/"),
)
