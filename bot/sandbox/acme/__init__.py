"""A strict local stand-in for ACME Ticketing's B2B order endpoints, written from its documentation.

It imports nothing else of `bot`, so that it can bear witness to what the bot really did. What the
documentation leaves open is a switch (`READINGS`); what may go wrong on the way is a fault
(`FAULTS`). Everything lives in memory.
"""

from bot.sandbox.acme.faults import FAULTS
from bot.sandbox.acme.reading import READINGS
from bot.sandbox.acme.sandbox import AcmeSandbox

__all__ = ["FAULTS", "READINGS", "AcmeSandbox"]
