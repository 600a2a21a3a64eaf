"""What every test may rely on: asyncio, hypothesis without a stopwatch, loud skips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
_EVERYTHING = bool(os.environ.get("REQUIRE_ALL_TESTS"))

# No deadline: how fast a shared machine is says nothing about the code. Where everything must
# pass, the same examples are tried each time, so that a failure is always somebody's change.
settings.register_profile(
    "rescind",
    deadline=None,
    max_examples=60,
    derandomize=_EVERYTHING,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("rescind")


def require(condition: object, what: str) -> None:
    """Skip the test that needs `what`, by name; fail it where REQUIRE_ALL_TESTS is set."""
    if condition:
        return
    if _EVERYTHING:
        pytest.fail(f"{what} is missing, and REQUIRE_ALL_TESTS is set")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
