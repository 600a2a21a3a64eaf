"""One stage for all tests that need nothing special of the bot's settings, and one of policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.offices import open_offices
from tests.integration.stage import Stage, open_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="session")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_offices(tmp_path_factory.mktemp("offices")) as running:
        yield running
