"""One check among others: it has a time limit, and its failure is a finding like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import structlog

from bot.check.finding import Finding, wrong

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 30.0


async def carried_out(
    what: str, check: Awaitable[list[Finding]], seconds: float = LIMIT_SECONDS
) -> list[Finding]:
    """Carry out a check. It never raises, so that no check keeps others from being made."""
    try:
        async with asyncio.timeout(seconds):
            return await check
    except TimeoutError:
        return [
            wrong(
                what,
                f"Not checked: it took longer than {seconds:.0f} s.",
                "See whether what it is about is slow or out of reach, then run this again.",
            )
        ]
    except Exception as error:
        log.exception("check_failed", check=what)
        return [
            wrong(
                what,
                f"Not checked: the check itself failed ({type(error).__name__}).",
                "That is a mistake in Rescind: report it with what was logged just now.",
            )
        ]
