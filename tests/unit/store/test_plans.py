"""Looking is cheap however many requests there are: every query of the store uses an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.request import State
from bot.store import RequestStore
from tests.examples import NOW, VENUE, request
from tests.unit.databases import Clock, sqlite_database, store_on

pytestmark = pytest.mark.anyio

LOOKS: dict[str, tuple[Callable[[RequestStore], Awaitable[object]], set[str]]] = {
    "due": (lambda store: store.due(200), {"ix_requests_due_at"}),
    "left_lying": (
        lambda store: store.left_lying(NOW, 200),
        {"ix_requests_state", "ix_requests_undelivered"},
    ),
    "waiting": (lambda store: store.waiting(20), {"ix_requests_oldest"}),
    "recent": (lambda store: store.recent(20), {"ix_requests_created_at"}),
    "latest_for_order": (
        lambda store: store.latest_for_order(VENUE.key, "1"),
        {"ix_requests_order"},
    ),
    "refunded_before": (
        lambda store: store.refunded_before(request(State.EXECUTING)),
        {"ix_requests_order"},
    ),
    "last_send": (
        lambda store: store.last_send(request(State.EXECUTING)),
        {"sqlite_autoindex_sends_1"},
    ),
    "count_live": (lambda store: store.count_live(), {"ix_requests_oldest"}),
}


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[RequestStore]:
    with sqlite_database(tmp_path / "rescind.db") as database:
        yield store_on(database, clock)


@pytest.mark.parametrize("name", LOOKS)
async def test_no_look_reads_the_whole_table(store: RequestStore, name: str) -> None:
    look, wanted = LOOKS[name]
    plans: list[str] = []

    def explain(
        _: sa.Connection,
        cursor: sa.engine.interfaces.DBAPICursor,
        statement: str,
        given: Mapping[str, Any],
        *__: object,
    ) -> None:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given)
        plans.extend(str(row[3]) for row in cursor.fetchall())

    sa.event.listen(store.database.engine, "before_cursor_execute", explain)
    await look(store)
    assert plans
    used = {index for index in wanted if any(f"INDEX {index}" in plan for plan in plans)}
    assert used == wanted, plans
    assert all("INDEX" in plan or "TEMP B-TREE" in plan for plan in plans), plans
