"""What Slack hands out for a short while: trigger ids (one use) and response URLs (five uses)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Source = Literal["command", "action", "message_action", "view"]
Exchange = Literal["ok", "invalid_trigger_id", "expired_trigger_id", "exchanged_trigger_id"]


@dataclass
class Trigger:
    id: str
    user: str
    channel: str | None
    view_id: str | None
    made_at: float
    used: bool = False


@dataclass
class ResponseUrl:
    """`original_ts` is the message an action came from; only that can be replaced or deleted."""

    token: str
    user: str
    channel: str
    source: Source
    made_at: float
    original_ts: str | None = None
    typed: str | None = None
    uses: int = 0


class Grants:
    def __init__(
        self, clock: Callable[[], float], *, trigger_seconds: float, url_seconds: float, uses: int
    ) -> None:
        self._clock = clock
        self._trigger_seconds = trigger_seconds
        self._url_seconds = url_seconds
        self._uses = uses
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def clear(self) -> None:
        self._triggers.clear()
        self._urls.clear()

    def new_trigger(
        self, user: str, *, channel: str | None = None, view_id: str | None = None
    ) -> str:
        trigger_id = (
            f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        )
        self._triggers[trigger_id] = Trigger(trigger_id, user, channel, view_id, self._clock())
        return trigger_id

    def trigger(self, trigger_id: str) -> tuple[Trigger | None, Exchange]:
        """The trigger behind an id, if it may still be used, and if not, why."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            return None, "invalid_trigger_id"
        if trigger.used:
            return None, "exchanged_trigger_id"
        if self._clock() - trigger.made_at > self._trigger_seconds:
            return None, "expired_trigger_id"
        return trigger, "ok"

    def new_response_url(
        self,
        user: str,
        channel: str,
        source: Source,
        *,
        original_ts: str | None = None,
        typed: str | None = None,
    ) -> str:
        """The token of a new response URL."""
        token = secrets.token_urlsafe(24)
        self._urls[token] = ResponseUrl(
            token, user, channel, source, self._clock(), original_ts, typed
        )
        return token

    def response_url(self, token: str) -> ResponseUrl:
        """The record behind a token that was just made. Raises KeyError for any other."""
        return self._urls[token]

    def use_response_url(self, token: str) -> tuple[ResponseUrl | None, str]:
        """The URL's record after counting this use, or why it cannot be used any more."""
        url = self._urls.get(token)
        if url is None or self._clock() - url.made_at > self._url_seconds:
            return None, "expired_url"
        if url.uses >= self._uses:
            return None, "used_url"
        url.uses += 1
        return url, "ok"
