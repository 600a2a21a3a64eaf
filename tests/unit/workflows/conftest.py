"""The workflows' tests run on the real store over a SQLite file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from bot.store import Database
from tests.unit.databases import sqlite_database


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with sqlite_database(tmp_path_factory.mktemp("workflows") / "rescind.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def order_ids() -> Iterator[int]:
    """Order ids that no other test uses."""
    return itertools.count(1_000_000)


@pytest.fixture
def order_id(order_ids: Iterator[int]) -> str:
    return str(next(order_ids))
