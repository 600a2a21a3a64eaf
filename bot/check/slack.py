"""Calls of Slack's Web API for the checks: each answer with its headers and times, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.check.reach import Trouble, UnreachableError, host_of, trouble_of, trouble_of_proxies
from bot.settings import Settings
from bot.slack.calls import leaving_proxies_to_session

CALL_SECONDS = 10
# A running bot of the same app shares Slack's rate limits with us.
_MOST_AT_ONCE = 5
# Slack's own troubles, as opposed to ours: the bot tries again after the same ones.
_OWN_TROUBLES = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_POSTED = frozenset({"auth.test", "apps.connections.open"})


@dataclass(frozen=True, slots=True)
class Answer:
    """`error`: Slack's own word for its no, None for a yes. Moments are aware."""

    error: str | None
    data: Mapping[str, Any]
    headers: Mapping[str, str]
    asked_at: datetime
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Slack:
    client: AsyncWebClient
    url: str
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_AT_ONCE))

    async def ask(
        self, method: str, *, token: SecretStr | None = None, **arguments: str | int | bool
    ) -> Answer:
        """Call a method that changes nothing; UnreachableError if no answer of Slack's comes.

        `token`: whose, if not the bot's.
        """
        own = {} if token is None else {"token": token.get_secret_value()}
        async with self.gate:
            asked_at = datetime.now(UTC)
            try:
                response: Any = await self.client.api_call(
                    method,
                    http_verb="POST" if method in _POSTED else "GET",
                    params={**arguments, **own},
                )
            except SlackApiError as error:
                response = error.response
            except Exception as error:
                raise UnreachableError(_what_broke(error, self.url)) from error
        return self._read(response, asked_at)

    def _read(self, response: Any, asked_at: datetime) -> Answer:  # noqa: ANN401
        """Read slack_sdk's response, or aiohttp's own where the body was not even JSON."""
        status = getattr(response, "status_code", None) or getattr(response, "status", None)
        if status and status >= 500:
            raise UnreachableError(_cannot_answer(self.url, f"HTTP {status}"))
        data = getattr(response, "data", None)
        if not isinstance(data, dict) or "ok" not in data:
            raise UnreachableError(_not_slack(self.url, status))
        error = None if data["ok"] is True else str(data.get("error") or f"HTTP {status}")
        if error in _OWN_TROUBLES:
            raise UnreachableError(_cannot_answer(self.url, error))
        return Answer(error, data, response.headers, asked_at, datetime.now(UTC))


def _what_broke(error: Exception, url: str) -> Trouble:
    """slack_sdk trips over answers that are not Slack's with anything, aiohttp over proxies."""
    is_of_the_answer = isinstance(error, UnicodeDecodeError)
    if isinstance(error, aiohttp.ClientError | OSError | UnicodeError) and not is_of_the_answer:
        return trouble_of(error, url)
    return trouble_of_proxies() or _not_slack(url, None)


def _cannot_answer(url: str, why: str) -> Trouble:
    return Trouble(
        f"{host_of(url)} cannot answer now ({why}).", "Run this again later.", is_passing=True
    )


def _not_slack(url: str, status: int | None) -> Trouble:
    said = f" (HTTP {status})" if status else ""
    return Trouble(
        f"{host_of(url)} answers, but not as Slack does{said}.",
        "Correct SLACK_API_URL (as a rule it is left out); see that no proxy answers instead.",
    )


@asynccontextmanager
async def connection(settings: Settings) -> AsyncIterator[Slack]:
    """A connection like the bot's own, for the length of the block."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        client = leaving_proxies_to_session(
            AsyncWebClient(
                token=settings.slack_bot_token.get_secret_value(),
                base_url=settings.slack_api_url,
                session=session,
                timeout=CALL_SECONDS,
                retry_handlers=[],
            )
        )
        yield Slack(client, settings.slack_api_url)
