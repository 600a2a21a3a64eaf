"""A check among others: neither its slowness nor its failure is another's."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest
import structlog

from bot.check.attempt import carried_out
from bot.check.finding import Finding, Grade, ok

FOUND = [ok("this", "fine")]


async def _fine() -> list[Finding]:
    return FOUND


async def _for_ever() -> list[Finding]:
    await asyncio.Event().wait()
    return FOUND


async def _mistaken() -> NoReturn:
    raise RuntimeError("xoxb-secret")


@pytest.mark.anyio
async def test_what_a_check_found_is_what_it_found() -> None:
    assert await carried_out("this", _fine()) == FOUND


@pytest.mark.anyio
async def test_a_check_that_does_not_end_is_ended() -> None:
    (finding,) = await carried_out("this", _for_ever(), 0.01)
    assert (finding.what, finding.grade) == ("this", Grade.WRONG)
    assert "took longer" in finding.text


@pytest.mark.anyio
async def test_a_check_that_fails_is_a_finding_and_keeps_what_failed_to_itself() -> None:
    with structlog.testing.capture_logs() as logged:
        (finding,) = await carried_out("this", _mistaken())
    assert (finding.what, finding.grade) == ("this", Grade.WRONG)
    assert "RuntimeError" in finding.text
    assert "secret" not in finding.text + finding.to_do
    assert [entry["event"] for entry in logged] == ["check_failed"]
