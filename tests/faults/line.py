"""The line between Slack and the bot, made bad: deliveries that come twice, or break off."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

PASS, TWICE, CUT_BEFORE, CUT_AFTER = "pass", "twice", "cut_before", "cut_after"
_HANDED_ON = ("Content-Type", "X-Slack-Request-Timestamp", "X-Slack-Signature", "User-Agent")


class Line:
    """Hands every request on as `choose` says: as it is, twice at once, or with a cut.

    `cut_before` loses the request, `cut_after` the answer to it.
    """

    def __init__(self, bot_url: str, choose: Callable[[], str]) -> None:
        self._bot_url = bot_url
        self._choose = choose
        self.done: Counter[str] = Counter()
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[Line]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _deliver(
        self, path: str, body: bytes, headers: dict[str, str], what: str
    ) -> httpx.Response:
        """Send on, once or twice at the same moment; the first copy's answer counts."""
        copies = [
            threading.Thread(target=self._send, args=(path, body, headers))
            for _ in range(1 if what == TWICE else 0)
        ]
        for copy in copies:
            copy.start()
        answer = self._send(path, body, headers)
        for copy in copies:
            copy.join()
        return answer

    def _send(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(self._bot_url + path, content=body, headers=headers, timeout=10)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: self.headers[name] for name in _HANDED_ON}
                what = line._choose()
                line.done[what] += 1
                self.close_connection = True
                if what == CUT_BEFORE:
                    return
                answer = line._deliver(self.path, body, headers, what)
                if what == CUT_AFTER:
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Stay quiet: what happens here is counted."""

        return Handler
