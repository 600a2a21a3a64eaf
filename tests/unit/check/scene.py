"""Settings as an operator gives them, and the services that `rescind check` asks, on loopback."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.check.finding import Finding, Grade
from bot.check.slack import Slack as Asker
from bot.settings import Settings
from tests.conftest import require
from tests.unit.slack.loopback import TEAM, Reply, Slack, slack_and_client

BOT_TOKEN = "xoxb-nobody-sees-this-token"
APP_TOKEN = "xapp-nobody-sees-this-token"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
ACME_KEY = "acme-key-nobody-sees"
SECRETS = (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, ACME_KEY)
SOUND = {
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    "SLACK_BOT_TOKEN": BOT_TOKEN,
    "ACME_BASE_URL": "http://127.0.0.1:9",
    "ACME_API_KEY": ACME_KEY,
    "ACME_CURRENCY": "USD",
}
NEEDED = ("commands", "chat:write", "im:write", "users:read")
OPTIONAL = ("usergroups:read", "channels:history", "groups:history")
ALL = (*NEEDED, *OPTIONAL)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Given(Protocol):
    """Settings of these environment variables beside (or, where empty, without) sound ones."""

    def __call__(self, toml: str | None = None, **environment: str) -> Settings: ...


def the(findings: Sequence[Finding], what: str) -> Finding:
    """The one finding about something."""
    about = [finding for finding in findings if finding.what == what]
    assert len(about) == 1, findings
    return about[0]


def grades(findings: Sequence[Finding]) -> set[Grade]:
    return {finding.grade for finding in findings}


def welcome(*scopes: str, **other: object) -> Reply:
    """What `auth.test` answers a bot with these scopes."""
    told = {
        "ok": True,
        "team": "Museum",
        "team_id": TEAM,
        "user": "rescind",
        "user_id": "U0RESCIND",
        "bot_id": "B0RESCIND",
    }
    return Reply(told | other, headers={"X-OAuth-Scopes": ",".join(scopes)})


@asynccontextmanager
async def asked_slack() -> AsyncIterator[tuple[Slack, Asker]]:
    """Slack on loopback, and what the checks ask it with."""
    async with slack_and_client() as (slack, client):
        yield slack, Asker(client, slack.base)


@asynccontextmanager
async def served(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that answers everything with `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app)
    await server.start_server(ssl=context)
    try:
        yield f"{server.scheme}://localhost:{server.port}"
    finally:
        await server.close()


def certificate(folder: Path, name: str, *, days: int = 2) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for a host name, and a server's use of it; `days` -1: expired."""
    require(shutil.which("openssl"), "openssl")
    key, request, made = (folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
    extension = folder / f"{name}.cnf"
    extension.write_text(f"subjectAltName=DNS:{name}\n", encoding="utf-8")
    _openssl(
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}"),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-signkey", str(key), "-days", str(days)),
        *("-extfile", str(extension), "-out", str(made)),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return made, context


def _openssl(*arguments: str) -> None:
    openssl = shutil.which("openssl")
    assert openssl
    subprocess.run([openssl, *arguments], check=True, capture_output=True)
