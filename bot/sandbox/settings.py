"""What a sandbox can be told: addresses, secrets, granted scopes, and how strict its clocks are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.manifest import Manifest, load_manifest


@dataclass(frozen=True)
class SandboxSettings:
    """All times are seconds. Tests shorten them, replace `clock`, or take a scope away."""

    bot_url: str = "http://127.0.0.1:3000"
    signing_secret: str = "5a7d00b0c5ac1e5a11d0c0ffee15900d"
    bot_token: str = "xoxb-sandbox-token"
    acme_api_key: str = "sandbox-acme-key"
    host: str = "127.0.0.1"
    port: int = 3100
    manifest: Manifest = field(default_factory=load_manifest)
    granted_scopes: tuple[str, ...] | None = None
    optional_scopes: bool = True
    clock: Callable[[], float] = time.time
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    post_burst: int = 4
    posts_per_second: float = 1.0

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes the bot's token has: those of the manifest unless told otherwise.

        Without `optional_scopes`, whoever installed the app withheld all that the manifest lets
        them.
        """
        if self.granted_scopes is not None:
            return self.granted_scopes
        withheld = () if self.optional_scopes else self.manifest.optional_scopes
        return tuple(scope for scope in self.manifest.scopes if scope not in withheld)
