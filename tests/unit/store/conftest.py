"""Every test of the store runs on SQLite, and on PostgreSQL where TEST_POSTGRES_URL is set.

Where it is not, one test says so (`test_schema`) instead of a hundred.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bot.store import Database, RequestStore
from tests.unit.databases import POSTGRES_URL, Clock, postgres_database, sqlite_database, store_on

_POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
BOTH = ["sqlite", _POSTGRES] if POSTGRES_URL else ["sqlite"]


def _database(kind: str, directory: Path, *, migrated: bool) -> AbstractContextManager[Database]:
    if kind == "postgres":
        return postgres_database(migrated=migrated)
    return sqlite_database(directory / "rescind.db", migrated=migrated)


@pytest.fixture(scope="module", params=BOTH)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """One database for all tests of a module; each test asks about orders of its own."""
    with _database(request.param, tmp_path_factory.mktemp("store"), migrated=True) as opened:
        yield opened


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database nobody has migrated yet."""
    with _database(request.param, tmp_path, migrated=False) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock)


@pytest.fixture(scope="session")
def order_ids() -> Iterator[int]:
    """Order ids that no other test uses."""
    return itertools.count(1_000_000)


@pytest.fixture
def order_id(order_ids: Iterator[int]) -> str:
    return str(next(order_ids))


NewOrderId = Callable[[], str]


@pytest.fixture
def another_order_id(order_ids: Iterator[int]) -> NewOrderId:
    return lambda: str(next(order_ids))
