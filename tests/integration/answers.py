"""Where private answers arrive: response URLs of a test's own, one for each click.

So an answer is known to be that of its click, however many are made at once.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from tests.integration.slack_wire import Json


class Answers:
    """`heard`: what was said to each response URL."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.heard: dict[str, list[Json]] = defaultdict(list)
        host, port = server.server_address[:2]
        self._urls = (f"http://{host!s}:{port}/{number}" for number in count(1))

    def new_url(self) -> str:
        return next(self._urls)

    def private(self, url: str) -> list[str]:
        """What was said there to one person; fails if anybody else could see it."""
        for said in self.heard[url]:
            assert said["response_type"] == "ephemeral", said
            assert not said["replace_original"], said
        return [said["text"] for said in self.heard[url]]


@contextmanager
def answers() -> Iterator[Answers]:
    """Listen on a port of its own."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.heard[f"http://{self.headers['Host']}{self.path}"].append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        found = Answers(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
