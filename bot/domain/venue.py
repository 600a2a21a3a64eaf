"""A venue: whose orders these are, and what is configured for it. No secrets, no connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from bot.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue as the settings describe it.

    `key` is what people type before the colon; in `channels` (Slack ids) it need not be named;
    `timezone` None shows times as the upstream states them.
    """

    key: str
    name: str
    system: str
    currency: str
    timezone: ZoneInfo | None = None
    locale: str = "en_US"
    channels: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
