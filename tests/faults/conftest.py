"""Fault tests tell what they did: how often what was done to whom, and that nothing was lost."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.integration.stage import Stage, open_stage

_TOLD: list[str] = []


@pytest.fixture
def tell() -> Callable[[str, Mapping[str, object]], None]:
    """Add a line of counts to the summary at the end of the run."""

    def add(fault: str, counts: Mapping[str, object]) -> None:
        _TOLD.append(f"{fault}: " + ", ".join(f"{name}={n}" for name, n in counts.items()))

    return add


@pytest.fixture
def chance() -> random.Random:
    """Chance with a seed that is told, and can be given again as FAULTS_SEED."""
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
    _TOLD.append(f"seed {seed} (FAULTS_SEED={seed} repeats the plans)")
    return random.Random(seed)  # noqa: S311 - a plan, not a secret


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("faults")) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TOLD:
        terminalreporter.section("faults")
        for line in _TOLD:
            terminalreporter.write_line(line)
