"""Whether a venue's ticketing system answers, as itself, and takes our key: by a read of nothing.

The client that the bot works with turns answers into what they mean for an order; here it matters
who answers at all. So the question is asked anew, once with the key and, where the answer leaves
it open, once without.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from bot.check.clock import about_clock
from bot.check.finding import Finding, ok, warning, wrong
from bot.check.reach import host_of, keeps_secrets, trouble_of, trouble_of_client
from bot.settings import VenueConfig

_LONGEST_SECONDS = 10.0
_REFUSED = frozenset({401, 403})
_CORRECT_URL = "Correct base_url (ACME_BASE_URL): the ticketing system's operator knows it."


@dataclass(frozen=True, slots=True)
class _Read:
    """A read of an order that no order can be, and the header that the key goes into."""

    path: str
    key_header: str


_READS = {"acme": _Read("v2/b2b/orders/detail/0", "x-acme-api-key")}


async def about_venue(config: VenueConfig) -> list[Finding]:
    source, what = config.source, f"venue {config.venue.key}"
    url = str(source.base_url)
    if not keeps_secrets(url):
        return [
            wrong(
                what,
                f"{host_of(url)} was not asked: without TLS, whoever is on the way can read the "
                "API key.",
                "Set base_url (ACME_BASE_URL) to an address that begins with https://.",
            )
        ]
    try:
        client = _client(config)
    except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
        trouble = trouble_of_client(error)
        return [wrong(what, f"Not asked: {trouble.text}", trouble.to_do)]
    async with client:
        try:
            return await _asked(client, config, what)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            trouble = trouble_of(error, url)
            return [wrong(what, f"Not reached: {trouble.text}", trouble.to_do)]


def _client(config: VenueConfig) -> httpx.AsyncClient:
    """Make a client, which reads certificates and proxies from the environment."""
    source = config.source
    timeout = httpx.Timeout(
        min(source.read_timeout, _LONGEST_SECONDS),
        connect=min(source.connect_timeout, _LONGEST_SECONDS),
    )
    return httpx.AsyncClient(base_url=str(source.base_url), timeout=timeout)


async def _asked(client: httpx.AsyncClient, config: VenueConfig, what: str) -> list[Finding]:
    read = _READS[config.source.system]
    asked_at = datetime.now(UTC)
    answer = await client.get(
        read.path, headers={read.key_header: config.api_key.get_secret_value()}
    )
    clock = about_clock(what, answer.headers.get("date"), asked_at, datetime.now(UTC))
    name, host = config.venue.system, host_of(str(config.source.base_url))
    finding = _without_doubt(answer, what, name, host)
    if finding is None:
        nameless = await client.get(read.path)
        finding = _key_counts(nameless.status_code in _REFUSED, what, name)
    return [finding, clock]


def _without_doubt(answer: httpx.Response, what: str, name: str, host: str) -> Finding | None:
    """Judge an answer to the read with the key; None if it may be that of an accepted key."""
    status = answer.status_code
    if answer.is_redirect:
        target = host_of(answer.headers.get("location", ""))
        where = "itself" if target in {"?", host} else target
        return wrong(what, f"{host} redirects to {where} instead of answering.", _CORRECT_URL)
    if status >= 500:
        return wrong(
            what,
            f"{host} cannot answer now (HTTP {status}).",
            "Wait a little, then run this again; if it stays so, ask its operator.",
        )
    if status == 429:
        return warning(
            what,
            f"{host} wants to be left alone for now (HTTP 429); the key was not checked.",
            "Run this again later.",
        )
    if not _is_json(answer):
        return _somebody_else(status, what, name, host)
    if status in _REFUSED:
        return wrong(
            what,
            f"{name} refuses the key (HTTP {status}).",
            "Correct the key: it belongs to one venue and one environment (sandbox or live), and "
            "its user needs the right to read and change orders.",
        )
    return None


def _somebody_else(status: int, what: str, name: str, host: str) -> Finding:
    if status in _REFUSED:
        return wrong(
            what,
            f"Something in front of {host} refuses: HTTP {status}, but not as {name} says it.",
            "See whether a firewall or proxy is in the way, or whether this machine's address has "
            "to be allowed there.",
        )
    return wrong(
        what,
        f"{host} answers, but not as {name} does (HTTP {status}, and no JSON).",
        _CORRECT_URL,
    )


def _key_counts(refuses_without: bool, what: str, name: str) -> Finding:
    if refuses_without:
        return ok(what, f"{name} accepts the key.")
    return warning(
        what,
        f"Whether {name} accepts the key cannot be told: the same question without a key is not "
        "refused either.",
        "See that base_url is right, then ask in Slack for an order that you know; nothing is "
        "cancelled until somebody approves.",
    )


def _is_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except (ValueError, RecursionError):
        return False
    return True
