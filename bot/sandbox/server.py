"""The sandbox as one HTTP server on loopback: Slack, ACME, and the page to watch and drive them.

`create_app` is the ASGI app, `serve` runs it in the foreground, `RunningSandbox` in a thread.
"""

import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.acme import AcmeSandbox
from bot.sandbox.changes import Changes
from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack.api import api_endpoint
from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.response_url import response_url_endpoint
from bot.sandbox.slack.workspace import SlackSandbox
from bot.sandbox.ui import PageApi

__all__ = ["RunningSandbox", "Sandbox", "SandboxSettings", "create_app", "run_in_thread", "serve"]

_PAGE = Path(__file__).resolve().parent / "page"
_START_SECONDS = 15.0


class Sandbox:
    """Everything one sandbox consists of, wired together."""

    def __init__(
        self, settings: SandboxSettings, bot_transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        self.changes = Changes()
        self.slack = SlackSandbox(settings, self.changes.bump, self.changes.pause)
        self.acme = AcmeSandbox(api_key=settings.acme_api_key, on_change=self.changes.bump)
        self.delivery = Delivery(
            bot_url=settings.bot_url,
            signing_secret=settings.signing_secret,
            ack_seconds=settings.ack_seconds,
            transport=bot_transport,
        )
        self.app = self._app()

    def _app(self) -> Starlette:
        page = PageApi(self.slack, self.acme, self.delivery, self.changes)
        app = Starlette(
            routes=[
                Route("/api/{method}", self._web_api, methods=["GET", "POST"]),
                Route("/response/{token}", self._response_url, methods=["POST"]),
                Mount("/acme", app=self.acme.app),
                Mount("/ui", routes=page.routes()),
                Mount("/static", app=StaticFiles(directory=_PAGE, check_dir=False)),
                Route("/", _index, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )
        app.state.sandbox = self
        return app

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.changes.close()
            await self.delivery.close()

    async def _web_api(self, request: Request) -> Response:
        return await api_endpoint(request, self.slack)

    async def _response_url(self, request: Request) -> Response:
        return await response_url_endpoint(request, self.slack)


async def _index(_: Request) -> Response:
    index = _PAGE / "index.html"
    if not index.is_file():
        return PlainTextResponse("The page is not part of this installation.", 404)
    return FileResponse(index, headers={"Cache-Control": "no-store"})


def create_app(
    settings: SandboxSettings | None = None,
    bot_transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """The whole sandbox as an ASGI app; its parts are at `app.state.sandbox`."""
    return Sandbox(settings or SandboxSettings(), bot_transport).app


class _Server(uvicorn.Server):
    """Ends the event streams first: uvicorn waits for them, and by themselves they never end."""

    def __init__(self, config: uvicorn.Config, changes: Changes) -> None:
        super().__init__(config)
        self._changes = changes
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._changes.close()
        await super().shutdown(sockets)


class RunningSandbox:
    """A sandbox on a port of its own, in a thread; a context manager for tests and the demo.

    The port is bound in the constructor, so `base_url` is known before the bot starts; `bot_url`
    may be set at any time. With port 0 in the settings the system picks a free one.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        bot_transport: httpx.AsyncBaseTransport | None = None,
        log_level: str = "warning",
    ) -> None:
        self.settings = settings or SandboxSettings(port=0)
        self.sandbox = Sandbox(self.settings, bot_transport)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((self.settings.host, self.settings.port))
        except OSError:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        self.base_url = f"http://{self.settings.host}:{self.port}"
        self.sandbox.slack.base_url = self.base_url
        config = uvicorn.Config(
            self.sandbox.app, log_level=log_level, access_log=False, timeout_graceful_shutdown=2
        )
        self._server = _Server(config, self.sandbox.changes)
        self._thread: threading.Thread | None = None

    @property
    def slack_api_url(self) -> str:
        """The bot's SLACK_API_URL."""
        return f"{self.base_url}/api/"

    @property
    def acme_base_url(self) -> str:
        """The bot's ACME_BASE_URL."""
        return f"{self.base_url}/acme"

    @property
    def bot_url(self) -> str:
        return self.sandbox.delivery.bot_url

    @bot_url.setter
    def bot_url(self, url: str) -> None:
        self.sandbox.delivery.bot_url = url

    def run(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Serve in a thread. Raises RuntimeError if it does not come up."""
        self._thread = threading.Thread(target=self.run, name="sandbox", daemon=True)
        self._thread.start()
        if not (self._server.ready.wait(_START_SECONDS) and self._server.started):
            raise RuntimeError("the sandbox did not start")

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_START_SECONDS)
        self._socket.close()

    def __enter__(self) -> "RunningSandbox":
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@contextmanager
def run_in_thread(settings: SandboxSettings | None = None) -> Iterator[str]:
    """A running sandbox for the length of the block; gives its base URL."""
    with RunningSandbox(settings) as running:
        yield running.base_url


def serve(settings: SandboxSettings | None = None) -> None:
    """Run a sandbox in the foreground until interrupted."""
    running = RunningSandbox(settings or SandboxSettings(), log_level="info")
    logging.getLogger("uvicorn.error").info("The sandbox is at %s", running.base_url)
    with suppress(KeyboardInterrupt):
        running.run()


if __name__ == "__main__":
    serve()
