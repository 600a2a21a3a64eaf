"""A PostgreSQL server as `rescind check` finds it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from bot.check.database import about_database
from bot.check.database_server import Server, judged
from bot.check.finding import Finding, Grade
from tests.unit.check.scene import grades, the
from tests.unit.databases import postgres_database

SOUND = Server(
    version=170002,
    host="db.example",
    is_encrypted=True,
    is_read_only=False,
    may_make_schema=True,
    unwritable=(),
    revision=None,
)


def judgement(what: str, **changes: object) -> Finding:
    return the(list(judged(replace(SOUND, **changes))), what)  # type: ignore[arg-type]


def test_a_sound_server_is_ok() -> None:
    for what in ("database", "database version", "database connection"):
        assert judgement(what).grade is Grade.OK
    assert judgement("database version").text == "PostgreSQL 17.2."


@pytest.mark.parametrize("host", [None, "127.0.0.1", "::1", "localhost"])
def test_a_server_on_this_machine_needs_no_encryption(host: str | None) -> None:
    assert judgement("database connection", host=host, is_encrypted=False).grade is Grade.OK


def test_a_server_elsewhere_should_be_spoken_to_in_private() -> None:
    finding = judgement("database connection", is_encrypted=False)
    assert finding.grade is Grade.WARNING
    assert "sslmode" in finding.to_do


def test_an_old_server_is_warned_of() -> None:
    assert judgement("database version", version=120022).grade is Grade.WARNING


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_read_only": True}, "takes no changes"),
        ({"unwritable": ("requests", "sends")}, "requests, sends"),
        ({"may_make_schema": False}, "schema dbos"),
    ],
)
def test_a_server_that_cannot_be_written_to_is_wrong(changes: dict[str, object], said: str) -> None:
    finding = judgement("database", **changes)
    assert finding.grade is Grade.WRONG
    assert said in finding.text
    assert finding.to_do


def test_without_its_tables_nothing_starts() -> None:
    finding = judgement("schema")
    assert finding.grade is Grade.WRONG
    assert "rescind migrate" in finding.to_do


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_wrong_and_the_password_stays_secret() -> None:
    (finding,) = await about_database("postgresql://rescind:hunter2@127.0.0.1:9/x")
    assert (finding.what, finding.grade) == ("database", Grade.WRONG)
    assert "refused" in finding.text
    assert "hunter2" not in finding.text + finding.to_do


@pytest.mark.postgres
@pytest.mark.anyio
async def test_a_migrated_database_is_ok() -> None:
    with postgres_database() as database:
        findings = await about_database(database.url.render_as_string(hide_password=False))
    assert grades(findings) == {Grade.OK}


@pytest.mark.postgres
@pytest.mark.anyio
async def test_a_database_without_tables_is_not_migrated_by_a_look_at_it() -> None:
    with postgres_database(migrated=False) as database:
        for _ in range(2):
            findings = await about_database(database.url.render_as_string(hide_password=False))
            assert the(findings, "schema").grade is Grade.WRONG
            assert "no tables yet" in the(findings, "schema").text
        assert sa.inspect(database.engine).get_table_names() == []


@pytest.mark.postgres
@pytest.mark.anyio
async def test_a_role_that_may_not_write_is_wrong() -> None:
    with postgres_database() as database:
        role = f"reader_{database.url.database}"
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE ROLE "{role}" LOGIN')
            connection.exec_driver_sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
        try:
            url = database.url.set(username=role, password=None)
            findings = await about_database(url.render_as_string())
        finally:
            with database.engine.begin() as connection:
                connection.exec_driver_sql(f'DROP OWNED BY "{role}"')
                connection.exec_driver_sql(f'DROP ROLE "{role}"')
    finding = the(findings, "database")
    assert finding.grade is Grade.WRONG
    assert "may not write to" in finding.text
    assert "requests" in finding.text
