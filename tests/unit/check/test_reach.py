"""Why an address was not reached: each cause in a sentence of its own, whichever client asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import web

from bot.check.reach import (
    Trouble,
    is_loopback,
    keeps_secrets,
    trouble_of,
    trouble_of_client,
)
from tests.unit.check.scene import certificate, served

Ask = Callable[[str], Awaitable[Trouble]]
NOBODY = "http://127.0.0.1:9"
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it


async def _httpx(url: str) -> Trouble:
    async with httpx.AsyncClient(timeout=2) as client:
        with pytest.raises(httpx.HTTPError) as failed:
            await client.get(url)
    return trouble_of(failed.value, url)


async def _aiohttp(url: str) -> Trouble:
    # aiohttp's own reads SSL_CERT_FILE once, when it is imported.
    context = ssl.create_default_context()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        with pytest.raises((aiohttp.ClientError, OSError)) as failed:
            await session.get(url, ssl=context)
    return trouble_of(failed.value, url)


@pytest.fixture(params=[_httpx, _aiohttp], ids=["httpx", "aiohttp"])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


async def _welcome(_: web.Request) -> web.Response:
    return web.Response(text="welcome")


@asynccontextmanager
async def _listening(*, hangs_up: bool) -> AsyncIterator[str]:
    """A server that says nothing: it hangs up, or lets people wait."""

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if hangs_up:
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.anyio
async def test_a_name_that_is_not_known(ask: Ask) -> None:
    trouble = await ask("https://nowhere.invalid/")
    assert "nowhere.invalid is not found in the DNS" in trouble.text


@pytest.mark.anyio
async def test_a_name_that_cannot_be_one() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(UnicodeError) as failed:
            await session.get("http://a..invalid/")
    trouble = trouble_of(failed.value, "http://a..invalid/")
    assert "a..invalid is not found in the DNS" in trouble.text


@pytest.mark.parametrize("key", ["go\u200bod", "good\u00a0", "good\r", "go\nod", " good\n"])
@pytest.mark.anyio
async def test_a_key_that_no_header_can_hold_is_not_the_networks_fault(key: str) -> None:
    async with served(_welcome) as url, httpx.AsyncClient(timeout=2) as client:
        with pytest.raises((httpx.HTTPError, UnicodeError)) as failed:
            await client.get(url, headers={"x-acme-api-key": key})
    trouble = trouble_of(failed.value, url)
    assert "nothing was sent to localhost, for the key or token" in trouble.text
    assert "anything around it" in trouble.to_do
    assert "good" not in trouble.text + trouble.to_do


@pytest.mark.anyio
async def test_a_proxys_address_that_is_none_is_not_the_others_fault() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError) as failed:
            await session.get(NOBODY, proxy="proxy.example:3128:x")
    assert "HTTPS_PROXY" in trouble_of(failed.value, NOBODY).text


@pytest.mark.anyio
async def test_nobody_listens(ask: Ask) -> None:
    assert "no connection" in (await ask(NOBODY)).text


@pytest.mark.anyio
async def test_somebody_hangs_up(ask: Ask) -> None:
    async with _listening(hangs_up=True) as url:
        assert "broke without an answer" in (await ask(url)).text


@pytest.mark.anyio
async def test_somebody_says_nothing(ask: Ask) -> None:
    async with _listening(hangs_up=False) as url:
        assert "no answer in time" in (await ask(url)).text


@pytest.mark.anyio
async def test_somebody_does_not_speak_tls(ask: Ask) -> None:
    async with served(_welcome) as url:
        trouble = await ask(url.replace("http:", "https:"))
    assert "does not speak TLS" in trouble.text


@pytest.mark.anyio
async def test_a_self_signed_certificate(ask: Ask, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "localhost")
    async with served(_welcome, context) as url:
        trouble = await ask(url)
    assert trouble.text == "the certificate of localhost is not valid: it is self-signed."
    assert "SSL_CERT_FILE" in trouble.to_do


@pytest.mark.anyio
async def test_an_expired_certificate(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path, "localhost", days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with served(_welcome, context) as url:
        trouble = await ask(url)
    assert trouble.text.endswith("is not valid: it has expired.")
    assert "clock" in trouble.to_do


@pytest.mark.anyio
async def test_a_certificate_of_another_host(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with served(_welcome, context) as url:
        trouble = await ask(url)
    assert trouble.text.endswith("is not valid: it was made out to another host name.")


def test_what_else_an_address_holds_is_not_repeated() -> None:
    trouble = trouble_of(httpx.ConnectError("x"), "https://user:password@api.example/key=secret")
    said = trouble.text + trouble.to_do
    assert "api.example" in said
    assert not any(word in said for word in ("user:", "password", "secret"))


def test_variables_are_named_and_what_they_say_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://user:hunter2@proxy.example")
    trouble = trouble_of_client(ImportError())
    assert "all_proxy" in trouble.text
    assert "hunter2" not in trouble.text + trouble.to_do


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://api.example", True),
        ("http://api.example", False),
        ("http://127.0.0.1:3100/acme", True),
        ("http://[::1]:3100", True),
        ("http://localhost:3100", True),
        ("http://bot.localhost", True),
        ("http://127.0.0.1.example", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_secrets_travel_by_tls_or_not_at_all(url: str, safe: bool) -> None:
    assert keeps_secrets(url) is safe


@pytest.mark.parametrize("host", [ANYWHERE, "::", "", "192.168.1.1", "bot"])
def test_these_are_not_this_machine_alone(host: str) -> None:
    assert not is_loopback(host)
