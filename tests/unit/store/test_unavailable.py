"""A database that is away or full is told from a mistake of ours, and all is well afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.request import LedgerUnavailableError
from bot.store import Database, RequestStore
from tests.examples import new_request
from tests.unit.databases import Clock, postgres_database, sqlite_database, store_on
from tests.unit.store.chain import verified
from tests.unit.store.steps import asked

pytestmark = pytest.mark.anyio


@pytest.fixture
def on_sqlite(tmp_path: Path, clock: Clock) -> Iterator[RequestStore]:
    with sqlite_database(tmp_path / "rescind.db") as database:
        yield store_on(database, clock)


@pytest.fixture
def on_postgres(clock: Clock) -> Iterator[RequestStore]:
    with postgres_database() as database:
        yield store_on(database, clock)


async def works_again(store: RequestStore, order_id: str) -> None:
    request = await asked(store, new_request(order_id))
    assert await store.get(request.id) == request
    assert verified(store.database)[1] is None


async def test_a_full_disk_is_no_mistake_of_ours(on_sqlite: RequestStore) -> None:
    await asked(on_sqlite, new_request("1"))

    def limit(connection: sa.Connection, pages: int) -> int:
        found: int = connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar_one()
        return found

    full = await on_sqlite.database.run(lambda connection: limit(connection, 1))
    filler = new_request("2", reason="x" * 200_000)
    with pytest.raises(LedgerUnavailableError):
        await on_sqlite.create(filler)
    many = await asyncio.gather(
        *(on_sqlite.create(new_request(str(n), reason="x" * 200_000)) for n in range(3, 9)),
        return_exceptions=True,
    )
    assert {type(answer) for answer in many} == {LedgerUnavailableError}
    assert len(await on_sqlite.recent(10)) == 1
    await on_sqlite.database.run(lambda connection: limit(connection, full + 10_000))
    await works_again(on_sqlite, "2")


async def test_a_file_that_became_read_only_is_no_mistake_of_ours(on_sqlite: RequestStore) -> None:
    def only_read(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=1")

    await on_sqlite.database.run(only_read)
    with pytest.raises(LedgerUnavailableError):
        await on_sqlite.create(new_request("1"))
    assert await on_sqlite.recent(10) == []
    on_sqlite.database.engine.dispose()  # so that new connections are made
    await works_again(on_sqlite, "1")


@pytest.mark.postgres
async def test_a_server_that_cuts_a_connection_off_is_no_mistake_of_ours(
    on_postgres: RequestStore,
) -> None:
    def cut_off(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(LedgerUnavailableError):
        await on_postgres.database.run(cut_off)
    with pytest.raises(LedgerUnavailableError):
        await on_postgres.database.read(cut_off)
    await works_again(on_postgres, "1")


@pytest.mark.postgres
async def test_connections_cut_off_while_nobody_used_them_are_not_noticed(
    on_postgres: RequestStore,
) -> None:
    await asyncio.gather(*(on_postgres.count_live() for _ in range(8)))
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await on_postgres.database.run(lambda connection: connection.exec_driver_sql(others))
    await asyncio.gather(*(on_postgres.count_live() for _ in range(8)))
    await works_again(on_postgres, "1")


async def test_a_server_that_is_not_there_is_no_mistake_of_ours(tmp_path: Path) -> None:
    database = Database(f"postgresql://rescind@/rescind?host={tmp_path}")
    try:
        with pytest.raises(LedgerUnavailableError, match="OperationalError"):
            await database.ping()
        with pytest.raises(LedgerUnavailableError):
            await database.run(lambda connection: connection.exec_driver_sql("SELECT 1"))
    finally:
        database.close()


async def test_a_mistake_of_ours_stays_one(on_sqlite: RequestStore) -> None:
    def mistaken(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO sends (request_id) VALUES (NULL)")

    with pytest.raises(sa.exc.IntegrityError):
        await on_sqlite.database.run(mistaken)


async def test_a_server_that_says_nothing_is_given_up_in_time_for_a_click() -> None:
    """It takes connections, and is not there: a machine that hangs, say, or a balancer."""
    taken: list[asyncio.StreamWriter] = []

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"postgresql://rescind@127.0.0.1:{port}/rescind?sslmode=disable")
    try:
        with pytest.raises(LedgerUnavailableError, match="OperationalError"):
            await database.ping()
        assert taken
    finally:
        database.close()
        server.close()
        for writer in taken:
            writer.close()
