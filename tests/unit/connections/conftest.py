"""The loop, both of uvicorn's protocols, and that nothing breaks whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bot.connections import H11Door, HttpToolsDoor
from tests.unit.connections.calling import assert_quiet


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that the bot runs on: writing to what is closed is an error there."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(autouse=True)
def _nothing_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is sent, no traceback and nothing worse than a warning is logged."""
    yield
    assert_quiet(caplog.get_records("call"))


@pytest.fixture(params=[HttpToolsDoor, H11Door])
def protocol(request: pytest.FixtureRequest) -> type[asyncio.Protocol]:
    chosen: type[asyncio.Protocol] = request.param
    return chosen
