"""Whether a ticketing system answers, as itself, and takes the key: by a read of nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.check.finding import Finding, Grade
from bot.check.venues import about_venue
from tests.unit.check.scene import ACME_KEY, Given, certificate, grades, served, the

WHAT = "venue acme"
NOBODY = "http://127.0.0.1:9"
PAGE = "<!doctype html><title>Welcome</title>"


@dataclass
class Acme:
    """Answers with the key, and without it; keeps what it was asked."""

    status: int = 404
    body: object = field(default_factory=lambda: {"type": "NOT_FOUND"})
    status_without: int = 401
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path))
        if request.headers.get("x-acme-api-key") != ACME_KEY:
            return web.json_response({"type": "UNAUTHORIZED"}, status=self.status_without)
        page = isinstance(self.body, str)
        return web.Response(
            text=self.body if isinstance(self.body, str) else json.dumps(self.body),
            content_type="text/html" if page else "application/json",
            status=self.status,
            headers=self.headers,
        )


@asynccontextmanager
async def looked_at(given: Given, acme: Acme) -> AsyncIterator[list[Finding]]:
    async with served(acme.answer) as url:
        (config,) = given(ACME_BASE_URL=f"{url}/acme").venues
        yield await about_venue(config)


@pytest.mark.anyio
async def test_a_key_that_is_accepted_is_ok_and_nothing_is_changed(given: Given) -> None:
    acme = Acme()
    async with looked_at(given, acme) as findings:
        assert grades(findings) == {Grade.OK}
    assert acme.asked == [("GET", "/acme/v2/b2b/orders/detail/0")] * 2


@pytest.mark.parametrize(
    ("acme", "grade", "said"),
    [
        (Acme(400), Grade.OK, "accepts the key"),
        (Acme(200), Grade.OK, "accepts the key"),
        (Acme(401), Grade.WRONG, "refuses the key (HTTP 401)"),
        (Acme(403), Grade.WRONG, "refuses the key (HTTP 403)"),
        (Acme(403, PAGE), Grade.WRONG, "Something in front of localhost refuses"),
        (Acme(404, PAGE), Grade.WRONG, "not as ACME Ticketing does (HTTP 404"),
        (Acme(200, PAGE), Grade.WRONG, "not as ACME Ticketing does (HTTP 200"),
        (Acme(404, ""), Grade.WRONG, "not as ACME Ticketing does (HTTP 404"),
        (Acme(429), Grade.WARNING, "left alone"),
        (Acme(500), Grade.WRONG, "cannot answer now (HTTP 500)"),
        (Acme(502, PAGE), Grade.WRONG, "cannot answer now (HTTP 502)"),
        (Acme(404, status_without=404), Grade.WARNING, "cannot be told"),
    ],
)
@pytest.mark.anyio
async def test_each_answer_means_something(
    given: Given, acme: Acme, grade: Grade, said: str
) -> None:
    async with looked_at(given, acme) as findings:
        finding = the(findings, WHAT)
    assert finding.grade is grade
    assert said in finding.text
    assert bool(finding.to_do) == (grade is not Grade.OK)
    assert ACME_KEY not in str(findings)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://login.example/?key=abc", "redirects to login.example"),
        ("/elsewhere", "redirects to itself"),
    ],
)
@pytest.mark.anyio
async def test_a_redirect_is_said_and_not_followed(given: Given, location: str, said: str) -> None:
    acme = Acme(302, PAGE, headers={"Location": location})
    async with looked_at(given, acme) as findings:
        finding = the(findings, WHAT)
    assert finding.grade is Grade.WRONG
    assert said in finding.text
    assert "abc" not in finding.text
    assert len(acme.asked) == 1


@pytest.mark.anyio
async def test_a_key_is_not_sent_where_it_could_be_read_on_the_way(given: Given) -> None:
    (config,) = given(ACME_BASE_URL="http://acme.invalid").venues
    (finding,) = await about_venue(config)
    assert finding.grade is Grade.WRONG
    assert "acme.invalid was not asked" in finding.text
    assert "https://" in finding.to_do


@pytest.mark.anyio
async def test_a_key_with_a_stray_character_is_said_to_have_one(given: Given) -> None:
    acme = Acme()
    async with served(acme.answer) as url:
        (config,) = given(ACME_BASE_URL=url).venues
        config = config.model_copy(update={"api_key": SecretStr(f"{ACME_KEY}\u00a0")})
        (finding,) = await about_venue(config)
    assert finding.grade is Grade.WRONG
    assert "the key or token has a character in it" in finding.text
    assert acme.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/hunter2.pem"),
        ("SSL_CERT_FILE", "/"),
        ("SSL_CERT_FILE", __file__),
        ("ALL_PROXY", "socks5://user:hunter2@127.0.0.1:1080"),
        ("HTTPS_PROXY", "proxy.example:3128:hunter2"),
        ("HTTPS_PROXY", "ftp://hunter2@proxy.example"),
        ("NO_PROXY", "[::1],localhost"),
    ],
)
@pytest.mark.anyio
async def test_variables_that_keep_anything_from_being_asked_are_named(
    given: Given, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (config,) = given(ACME_BASE_URL=NOBODY).venues
    monkeypatch.setenv(name, value)
    (finding,) = await about_venue(config)
    assert finding.grade is Grade.WRONG
    assert "Not asked" in finding.text
    assert name in finding.text
    assert finding.to_do
    assert "hunter2" not in finding.text + finding.to_do


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_wrong(given: Given) -> None:
    (config,) = given(ACME_BASE_URL=NOBODY).venues
    (finding,) = await about_venue(config)
    assert finding.grade is Grade.WRONG
    assert "no connection" in finding.text


@pytest.mark.anyio
async def test_a_certificate_that_is_not_valid_is_said_to_be(given: Given, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "localhost")
    async with served(Acme().answer, context) as url:
        (config,) = given(ACME_BASE_URL=url).venues
        (finding,) = await about_venue(config)
    assert finding.grade is Grade.WRONG
    assert "certificate of localhost is not valid: it is self-signed" in finding.text


@pytest.mark.anyio
async def test_the_clock_is_compared_with_the_venues_too(given: Given) -> None:
    acme = Acme(headers={"Date": "Tue, 14 Jul 2020 15:00:00 GMT"})
    async with looked_at(given, acme) as findings:
        assert the(findings, f"clock, by {WHAT}").grade is Grade.WRONG
