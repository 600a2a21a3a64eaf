"""From Slack's payloads to what is stored: verify, parse, one transaction, acknowledge.

Nothing here waits for Slack's API or for a ticketing system; that is spawned after the commit.
"""

from bot.slack.listeners.app import build_app
from bot.slack.listeners.front import Front

__all__ = ["Front", "build_app"]
