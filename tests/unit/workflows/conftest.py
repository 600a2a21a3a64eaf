"""The workflows' tests run on the real store over a SQLite file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from bot.store import Database, RequestStore
from tests.unit.databases import Clock, sqlite_database, store_on
from tests.unit.workflows.fakes import FakeDesk
from tests.unit.workflows.post import Post, Posting


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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock)


@pytest.fixture
def post(store: RequestStore, clock: Clock) -> Posting:
    return lambda *troubles: Post(store, clock, FakeDesk(*troubles))
