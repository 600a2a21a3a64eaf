"""ACME Ticketing's B2B API: `client` speaks HTTP, `models` are its wire shapes, `adapter` the port.

What is known and unknown of the API: docs/acme.md.
"""

from bot.ticketing.acme.adapter import AcmeTicketing
from bot.ticketing.acme.client import AcmeClient, Timeouts

__all__ = ["AcmeClient", "AcmeTicketing", "Timeouts"]
