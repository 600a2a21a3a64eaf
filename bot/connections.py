"""The connections of a server, under watch: no stranger sits on them for long, or on all of them.

uvicorn knows no time limit for a request's head, none for its size or number, none for the reading
of an answer, and takes any number of connections. Here are those limits, and uvicorn's protocols
with them.
"""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus

import structlog
from prometheus_client import Counter
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

log = structlog.get_logger(__name__)

# What a stop leaves to a request that is half there, or to an answer that nobody takes: less than
# to those being answered, or uvicorn would cancel their tasks, with a traceback.
_LAST_SECONDS = 1.0

_CUT = Counter("rescind_connections_cut", "Connections ended by us, by cause", ["cause"])


def _most_connections() -> int:
    """Half of the files this process may open, for it needs the others to work; 512 at most."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 512 if files == resource.RLIM_INFINITY else min(512, files // 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What senders may take. `head_seconds` count from connecting, or from the head's first byte.

    A small header takes fifty times its size in memory, so bytes alone are no bound.

    What a body is wrapped in (sizes of chunks, trailers) may be as long as the body itself, which
    whoever reads it bounds, and by `head_bytes` longer.

    `reading_seconds` count from when a peer does not take at once what we say. Answers are short:
    whoever reads at all has them in a fraction of that, even over a bad line.
    """

    head_seconds: float = 10.0
    reading_seconds: float = 10.0
    head_bytes: int = 64 * 1024
    headers: int = 200
    connections: int = field(default_factory=_most_connections)


class Stage(Enum):
    """Whose turn it is: the sender's in HEAD and BODY, ours in ANSWERING, nobody's in IDLE."""

    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()
    IDLE = auto()


class Watch:
    """One connection under watch: how long its peer takes to say and hear, its place in line."""

    def __init__(self, room: Room, transport: asyncio.Transport) -> None:
        self.stage = Stage.HEAD
        self.head_bytes = 0
        self.limits = room.limits
        self._surplus = 0
        self._room = room
        self._transport = transport
        self._head_alarm: asyncio.TimerHandle | None = None
        self._reading_alarm: asyncio.TimerHandle | None = None
        self._wait_for_head()
        room.enter(self)

    def received(self, size: int, stage: Stage) -> None:
        """Note that bytes came, and what they left the connection in."""
        if stage is Stage.HEAD:
            self.head_bytes += size
        self.turn(stage)

    def unwrapped(self, size: int, body: int) -> None:
        """Note that of `size` bytes in the midst of a body `body` were its own.

        Parsers keep what is not at its end yet, such as a trailer, and tell nobody how much.
        """
        wrapping = size - body
        self._surplus += wrapping - body
        if self._surplus > self.limits.head_bytes:
            self.refuse(413)

    def turn(self, stage: Stage) -> None:
        if stage is Stage.HEAD:
            self._wait_for_head()
        else:
            self._head_is_over()
        if stage is not self.stage:
            self.stage = stage
            self._surplus = 0
            self._room.sort(self)

    @property
    def is_behind(self) -> bool:
        """Whether its peer leaves lying what we said."""
        return self._reading_alarm is not None

    def fell_behind(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = self.limits.reading_seconds
        self._reading_alarm = loop.call_later(seconds, self.cut, "slow reader")
        self._room.sort(self)

    def caught_up(self) -> None:
        self._reading_is_over()
        self._room.sort(self)

    def end(self) -> None:
        self._head_is_over()
        self._reading_is_over()
        self._room.leave(self)

    def cut(self, cause: str) -> None:
        """End the connection at once, whatever is left to send."""
        _CUT.labels(cause).inc()
        log.info("connection_cut", cause=cause)
        self._transport.abort()

    def refuse(self, status: int) -> None:
        """Answer with nothing but `status`, and close."""
        line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
        empty = "connection: close\r\ncontent-length: 0"
        self._transport.write(f"{line}\r\n{empty}\r\n\r\n".encode())
        self._transport.close()

    def _wait_for_head(self) -> None:
        if self._head_alarm is None:
            loop = asyncio.get_running_loop()
            self._head_alarm = loop.call_later(self.limits.head_seconds, self.cut, "slow head")

    def _head_is_over(self) -> None:
        self.head_bytes = 0
        if self._head_alarm is not None:
            self._head_alarm.cancel()
            self._head_alarm = None

    def _reading_is_over(self) -> None:
        if self._reading_alarm is not None:
            self._reading_alarm.cancel()
            self._reading_alarm = None


class Room:
    """A server's connections, never more than `limits` says.

    Where there is no room, whoever has kept us waiting longest goes, for an answer to be taken
    before all, for a request next: strangers who hold all of it do not keep Slack out, whose
    requests arrive in one go. (uvicorn's own limit answers 503 to whoever comes last.)
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._count = 0
        self._behind: dict[Watch, None] = {}
        self._unfinished: dict[Watch, None] = {}
        self._idle: dict[Watch, None] = {}

    def enter(self, watch: Watch) -> None:
        if self._count >= self.limits.connections:
            self._make_room(watch)
        self._count += 1
        self.sort(watch)

    def sort(self, watch: Watch) -> None:
        """Put it in its line; from head to body nobody loses the place in it."""
        line = self._line(watch)
        if line is None or watch not in line:
            self._drop(watch)
            if line is not None:
                line[watch] = None

    def leave(self, watch: Watch) -> None:
        self._count -= 1
        self._drop(watch)

    def _line(self, watch: Watch) -> dict[Watch, None] | None:
        if watch.is_behind:
            return self._behind
        if watch.stage is Stage.ANSWERING:
            return None
        return self._idle if watch.stage is Stage.IDLE else self._unfinished

    def _make_room(self, newcomer: Watch) -> None:
        longest = next(iter(self._behind or self._unfinished or self._idle), newcomer)
        self._drop(longest)
        longest.cut("crowded out")

    def _drop(self, watch: Watch) -> None:
        for line in (self._behind, self._unfinished, self._idle):
            line.pop(watch, None)


class State(ServerState):
    """What the connections of one server share: uvicorn's own, and their room."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.room = Room(limits)


class _Watched(asyncio.Protocol):
    """What uvicorn's protocols have in common, under watch."""

    transport: asyncio.Transport
    server_state: ServerState

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Whatever is left lying counts: a connection does not close before its last byte is taken.
        self.transport.set_write_buffer_limits(high=0)
        state = self.server_state
        room = state.room if isinstance(state, State) else Room(Limits())
        self._watch = Watch(room, self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._watch.end()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch.fell_behind()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch.caught_up()

    def data_received(self, data: bytes) -> None:
        is_midst = self._watch.stage is Stage.BODY
        before = self._body_waiting() if is_midst else 0
        super().data_received(data)
        if self.transport.is_closing():
            return
        stage = self._stage()
        # Bytes that begin nothing, such as empty lines, are those of somebody who is slow.
        self._watch.received(len(data), Stage.HEAD if stage is Stage.IDLE else stage)
        if is_midst and stage is Stage.BODY:
            self._watch.unwrapped(len(data), self._body_waiting() - before)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's
        """Refuse what is no HTTP, after the answer that is due; uvicorn has logged one line."""
        if self._stage() is Stage.ANSWERING:
            self._answer_no_more()
        else:
            self._watch.refuse(400)

    def _stage(self) -> Stage:
        raise NotImplementedError

    def _body_waiting(self) -> int:
        """Return how many bytes of the body under way nobody has asked for yet."""
        raise NotImplementedError

    def _answer_no_more(self) -> None:
        """Close as soon as the request under way is answered."""
        raise NotImplementedError

    def _answered(self, *, whole: bool) -> None:
        """Go on to the next request; nobody reads on where the last was answered half-way."""
        if not whole:
            self.transport.close()
        elif not self.transport.is_closing():
            self._watch.turn(self._stage())

    def _stopping(self) -> None:
        asyncio.get_running_loop().call_later(_LAST_SECONDS, self._stop_waiting)

    def _stop_waiting(self) -> None:
        if self._watch.is_behind or self._watch.stage is Stage.BODY:
            self.transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a wish to upgrade may be passed over, and anybody can send one."""


class H11Door(_Watched, H11Protocol):
    """For machines without httptools. h11 bounds a head's size itself, and takes one at a time."""

    def _stage(self) -> Stage:
        # None before the first request.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            return Stage.HEAD if self.conn.trailing_data[0] else Stage.IDLE
        return Stage.BODY if self.cycle.more_body else Stage.ANSWERING

    def _body_waiting(self) -> int:
        return len(self.cycle.body)

    def _answer_no_more(self) -> None:
        self.flow.pause_reading()
        self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        whole = not self.cycle.more_body
        super().on_response_complete()
        self._answered(whole=whole)

    def shutdown(self) -> None:
        super().shutdown()
        self._stopping()


PROTOCOL: type[asyncio.Protocol] = H11Door
with suppress(ImportError):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class HttpToolsDoor(_Watched, HttpToolsProtocol):
        """The usual one."""

        _head_is_open = False

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if not self._head_is_open or self.transport.is_closing():
                return
            if self._watch.stage is Stage.ANSWERING:
                # Read on when it is the next one's turn.
                self.flow.pause_reading()
            elif self._is_too_large(self._watch.head_bytes):
                self._watch.refuse(431)

        def on_message_begin(self) -> None:
            self._head_is_open = True
            super().on_message_begin()

        def on_header(self, name: bytes, value: bytes) -> None:
            """Take a header; ValueError, for the parser to stop, if it comes after the head.

            uvicorn puts trailers among the headers, any number of them, while somebody may have
            judged by these already.
            """
            if not self._head_is_open:
                raise ValueError
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            """Go on with the request; ValueError, for the parser to stop, if it is none for us.

            One at a time, as RFC 9112 (9.3.2) allows: uvicorn keeps as many as are sent, and of
            those forgets all but the last when the connection is lost.
            """
            self._head_is_open = False
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if self._is_too_large(size) or self._stage() is not Stage.IDLE:
                raise ValueError
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            whole = not self.cycle.more_body
            super().on_response_complete()
            self._answered(whole=whole)

        def shutdown(self) -> None:
            super().shutdown()
            self._stopping()

        def _stage(self) -> Stage:
            # None before the first request.
            if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
                return Stage.HEAD if self._head_is_open else Stage.IDLE
            return Stage.BODY if self.cycle.more_body else Stage.ANSWERING

        def _body_waiting(self) -> int:
            return len(self.cycle.body)

        def _answer_no_more(self) -> None:
            self.flow.pause_reading()
            self.cycle.keep_alive = False

        def _is_too_large(self, size: int) -> bool:
            limits = self._watch.limits
            return size > limits.head_bytes or len(self.headers) > limits.headers

    PROTOCOL = HttpToolsDoor
