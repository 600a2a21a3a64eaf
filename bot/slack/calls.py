"""Calls of Slack's Web API, with their errors sorted into two kinds: later, or never."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError

C = TypeVar("C", AsyncWebClient, AsyncWebhookClient)

log = structlog.get_logger(__name__)

_ERROR_CODE = re.compile(r"[a-z0-9_]{1,80}")
_RETRY_AFTER_CAP = 60.0
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
# Slack's own troubles, as opposed to ours, that came up on the way: nobody can tell how far it got.
_IN_DOUBT = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# The same, but said before anything was done.
_PASSING = frozenset({"team_added_to_org"})
# The connection never came about, so nothing was sent.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


def leaving_proxies_to_session(client: C) -> C:
    """Take back what slack_sdk read from HTTPS_PROXY; the session honours NO_PROXY as well."""
    client.proxy = None
    return client


class Calls:
    """Makes calls; remembers for each method how long Slack wants to be left alone."""

    def __init__(self) -> None:
        self._not_before: dict[str, float] = {}

    async def make(
        self, method: str, call: Callable[[], Awaitable[AsyncSlackResponse]]
    ) -> AsyncSlackResponse:
        """Make one API call. DeliveryPostponedError: later; DeliveryImpossibleError: never."""
        wait = self._not_before.get(method, 0.0) - time.monotonic()
        if wait > 0:
            raise DeliveryPostponedError(wait, "ratelimited")
        try:
            return await call()
        except SlackApiError as error:
            trouble = _sorted_out(error)
            if isinstance(trouble, DeliveryPostponedError) and trouble.seconds:
                # Whoever else calls this method has to wait as well.
                self._not_before[method] = time.monotonic() + trouble.seconds
            raise trouble from error
        except _NOT_SENT as error:
            raise DeliveryPostponedError(None, type(error).__name__) from error
        except Exception as error:
            # Connections fail, and slack_sdk trips over answers that are not Slack's (a proxy's
            # page, say) with whatever exception that causes. None of it is the message's fault.
            raise DeliveryPostponedError(None, type(error).__name__, in_doubt=True) from error


def _sorted_out(
    error: SlackApiError,
) -> DeliveryPostponedError | DeliveryImpossibleError:
    response = error.response
    status = getattr(response, "status_code", None)
    found = getattr(response, "data", None)
    data: dict[str, Any] = found if isinstance(found, dict) else {}
    code = _code(data.get("error"))
    if status == 429 or code in _RATE_LIMITED:
        return DeliveryPostponedError(_retry_after(response), "ratelimited")
    if not code or code in _IN_DOUBT or (status or 0) >= 500:
        return DeliveryPostponedError(None, code or f"HTTP {status}", in_doubt=True)
    if code in _PASSING:
        return DeliveryPostponedError(None, code)
    if code == "invalid_blocks":
        log.error("slack_refused_blocks", reasons=_reasons(data))
    return DeliveryImpossibleError(code)


def _code(error: object) -> str:
    """Slack's word for what is wrong; a proxy could answer anything, names and tokens included."""
    text = "" if error is None else str(error)
    return text if not text or _ERROR_CODE.fullmatch(text) else "unreadable_error"


def _reasons(data: dict[str, Any]) -> list[str]:
    """Where blocks are wrong: pointers into them, of which Slack repeats no content."""
    metadata = data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    return [str(message)[:200] for message in messages or ()][:5]


def _retry_after(response: AsyncSlackResponse) -> float:
    value = next(
        (text for name, text in response.headers.items() if name.lower() == "retry-after"), "1"
    )
    try:
        return min(max(float(value), 0.0), _RETRY_AFTER_CAP)
    except ValueError:
        return 1.0
