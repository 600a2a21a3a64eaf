"""The schema: migrations make what the tables say, and a wrong one stops the start in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bot.domain.request import LIVE_STATES
from bot.store import Database, DatabaseError
from bot.store.tables import metadata
from tests.unit.databases import postgres_database


@pytest.mark.postgres
def test_the_store_is_tested_on_postgresql_as_well() -> None:
    with postgres_database() as database, database.engine.connect() as connection:
        assert "PostgreSQL" in connection.execute(sa.text("select version()")).scalar_one()


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_database_itself_allows_one_live_request_per_order(database: Database) -> None:
    """Alembic does not compare what partial indexes are partial to."""
    with database.engine.connect() as connection:
        indexes = sa.inspect(connection).get_indexes("requests")
        live = next(index for index in indexes if index["name"] == "ux_requests_live")
        if database.is_sqlite:
            made = connection.execute(
                sa.text("select sql from sqlite_master where name = 'ux_requests_live'")
            ).scalar_one()
        else:
            made = connection.execute(
                sa.text("select indexdef from pg_indexes where indexname = 'ux_requests_live'")
            ).scalar_one()
    assert live["unique"]
    assert {state for state in LIVE_STATES if f"'{state.value}'" in made} == LIVE_STATES
    assert made.count("'") == 2 * len(LIVE_STATES)


def test_a_migrated_database_is_accepted(empty_database: Database) -> None:
    empty_database.migrate()
    empty_database.check_schema()


def test_migrating_twice_is_migrating_once(empty_database: Database) -> None:
    empty_database.migrate()
    empty_database.migrate()
    empty_database.check_schema()


def test_an_empty_database_says_what_to_run(empty_database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"schema is empty.*run `rescind migrate` first"):
        empty_database.check_schema()


def test_a_database_of_a_newer_version_says_which_version_to_start(
    empty_database: Database,
) -> None:
    empty_database.migrate()
    with empty_database.engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    for refused in (empty_database.check_schema, empty_database.migrate):
        with pytest.raises(DatabaseError, match=r"9999.*made by a newer version of Rescind"):
            refused()


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///:memory:", "", "rescind.db"),
        *("mysql://root@localhost/rescind", "postgresql://rescind@host:port/rescind"),
    ],
)
def test_a_database_that_is_neither_a_file_nor_postgresql_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match="must name a SQLite file"):
        Database(url)


@pytest.mark.parametrize("kind", ["no database", "no server"])
def test_a_database_that_cannot_be_used_says_so_in_a_sentence(tmp_path: Path, kind: str) -> None:
    url = "postgresql://rescind:a-password-nobody-sees@127.0.0.1:1/rescind?connect_timeout=2"
    if kind == "no database":
        path = tmp_path / "rescind.db"
        path.write_bytes(b"this is no database at all" * 100)
        url = f"sqlite:///{path}"
    database = Database(url)
    try:
        with pytest.raises(DatabaseError, match="DATABASE_URL cannot be used") as refused:
            database.check_schema()
        assert "nobody-sees" not in str(refused.value)
        assert "\n" not in str(refused.value)
    finally:
        database.close()


def test_the_directory_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "var" / "deep" / "rescind.db"
    database = Database(f"sqlite:///{path}")
    try:
        database.migrate()
        assert path.exists()
    finally:
        database.close()


def test_a_sqlite_file_survives_a_power_cut_not_only_a_crash(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'rescind.db'}")
    try:
        with database.engine.connect() as connection:

            def pragma(name: str) -> object:
                return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

            assert pragma("journal_mode") == "wal"
            assert pragma("synchronous") == 2  # FULL
            assert pragma("foreign_keys") == 1
            assert pragma("secure_delete") == 1
    finally:
        database.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_the_same_driver(scheme: str) -> None:
    database = Database(f"{scheme}://somebody@nowhere.invalid/rescind")
    try:
        assert database.engine.dialect.driver == "psycopg"
        assert not database.is_sqlite
    finally:
        database.close()


@pytest.mark.anyio
async def test_a_unit_of_work_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text("create table half_done (id int)"))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await database.run(work)
    await database.ping()
    with database.engine.connect() as connection:
        assert not sa.inspect(connection).has_table("half_done")
