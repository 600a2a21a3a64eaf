"""The line between Slack and the bot, made bad: deliveries that come twice, or break off."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.faults.points import ANSWERED, HANDED_OVER

PASS, TWICE, CUT_BEFORE, CUT_AFTER = "pass", "twice", "cut_before", "cut_after"
_HANDED_ON = ("Content-Type", "X-Slack-Request-Timestamp", "X-Slack-Signature", "User-Agent")
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Exit:
    """Where a delivery can go: a process of the bot and its port."""

    process: str
    port: int


class Line:
    """Hands every request on as `choose` says: as it is, twice at once, or with a cut.

    `cut_before` loses the request, `cut_after` the answer to it. Each copy goes to one of `exits`,
    two copies to two different ones where there are. `happened(process, point)` is told when a
    process has been handed a delivery, and when it has answered it.
    """

    def __init__(
        self,
        exits: Callable[[], Sequence[Exit]],
        choose: Callable[[], str],
        chance: random.Random,
        happened: Callable[[str, str], None] = lambda _process, _point: None,
    ) -> None:
        self.exits = exits
        self._choose = choose
        self._chance = chance
        self.happened = happened
        self.done: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[Line]:
        server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def deliver(self, path: str, body: bytes, headers: dict[str, str]) -> _Answer | None:
        """Pass on, once or twice at the same moment; the first copy's answer counts."""
        what = self._choose()
        self.done[what] += 1
        if what == CUT_BEFORE:
            return None
        count = 2 if what == TWICE else 1
        exits = list(self.exits())
        ways = self._chance.sample(exits, min(count, len(exits)))
        ways += ways[: count - len(ways)]
        copies = [
            threading.Thread(target=self._send, args=(way, path, body, headers), daemon=True)
            for way in ways[1:]
        ]
        for copy in copies:
            copy.start()
        answer = self._send(ways[0], path, body, headers) if ways else None
        for copy in copies:
            copy.join()
        return None if what == CUT_AFTER else answer

    def _send(self, way: Exit, path: str, body: bytes, headers: dict[str, str]) -> _Answer | None:
        connection = http.client.HTTPConnection("127.0.0.1", way.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            self.happened(way.process, HANDED_OVER)
            response = connection.getresponse()
            answer = _Answer(
                response.status, response.headers.get("Content-Type", "text/plain"), response.read()
            )
        except (OSError, http.client.HTTPException) as error:
            self.answers[type(error).__name__] += 1
            return None
        finally:
            connection.close()
        self.answers[str(answer.status)] += 1
        self.happened(way.process, ANSWERED)
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: self.headers[name] for name in _HANDED_ON}
                self.close_connection = True
                answer = line.deliver(self.path, body, headers)
                if answer is None:
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Stay quiet: what happens here is counted."""

        return Handler


@dataclass(frozen=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: Slack hangs up after three seconds, and that is what is tested."""
