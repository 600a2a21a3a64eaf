"""Fault tests tell what they did: how often what was done to whom, and that nothing was lost."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator, Mapping

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.campaign import FULL, SMOKE, Size
from tests.faults.servers import Postgres, own_postgres

_TOLD = "told"

Tell = Callable[[str, Mapping[str, object]], None]
Show = Callable[[Table], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--smoke", action="store_true", help="fault tests: a small campaign instead of the full one"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the smaller size has no time for."""
    if config.getoption("--smoke"):
        left_out = [item for item in items if item.get_closest_marker("full_size")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def size(pytestconfig: pytest.Config) -> Size:
    return SMOKE if pytestconfig.getoption("--smoke") else FULL


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Add a line of counts to the summary at the end of the run."""

    def add(what: str, counts: Mapping[str, object]) -> None:
        told = ", ".join(f"{name}={n}" for name, n in counts.items())
        _add(request.node, f"{what}: {told}")

    return add


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Show:
    """Add a table to the summary at the end of the run."""

    def add(table: Table) -> None:
        page = io.StringIO()
        Console(width=140, file=page).print("", table)
        request.node.user_properties.append((_TOLD, page.getvalue()))

    return add


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance with a seed that is told, and can be given again as FAULTS_SEED."""
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
    _add(request.node, f"seed {seed} (FAULTS_SEED={seed} repeats the plans)")
    return random.Random(seed)  # noqa: S311 - a plan, not a secret


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with own_postgres() as server:
        yield server


def _add(test: pytest.Item, line: str) -> None:
    """Note a line where it travels with the test's report, from another process if need be."""
    test.user_properties.append((_TOLD, f"{test.name}: {line}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ended = (report for reports in terminalreporter.stats.values() for report in reports)
    told = [
        str(line)
        for report in ended
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, line in report.user_properties
        if name == _TOLD
    ]
    if told:
        terminalreporter.section("faults")
        for line in told:
            terminalreporter.write_line(line)
