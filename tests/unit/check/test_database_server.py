"""A PostgreSQL server as `rescind check` finds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from bot.check.database import about_database
from bot.check.database_server import Server, judged
from bot.check.finding import Finding, Grade
from bot.domain.request import MessageRef, State
from bot.domain.sending import Answer
from bot.store import Database, PostStore
from tests.unit.check.scene import grades, the
from tests.unit.databases import Clock, postgres_database, store_on
from tests.unit.store.steps import BODY, executing, in_state, result_of

SOUND = Server(
    version=170002,
    host="db.example",
    is_encrypted=True,
    is_read_only=False,
    may_make_schema=True,
    missing=(),
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
        ({"missing": ("UPDATE on requests", "DELETE on x")}, "UPDATE on requests; DELETE on x"),
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


# What each of our tables is used for; of audit_events nothing changes but what names people.
USES = {
    "alembic_version": ("SELECT",),
    "approvals": ("SELECT", "INSERT", "DELETE"),
    "audit_events": ("SELECT", "INSERT", "UPDATE (personal)"),
    "channel_turns": ("SELECT", "INSERT", "UPDATE"),
    "posts": ("SELECT", "INSERT", "UPDATE"),
    "requests": ("SELECT", "INSERT", "UPDATE"),
    "sends": ("SELECT", "INSERT", "UPDATE"),
}


@dataclass(frozen=True)
class Bot:
    """A role that owns nothing; `tell` is what the owner of everything says to the server."""

    database: Database
    role: str

    @property
    def url(self) -> str:
        return self.database.url.set(username=self.role, password=None).render_as_string()

    def tell(self, *statements: str) -> None:
        with self.database.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def grant(self, *rights: str) -> None:
        self.tell(*(f'GRANT {right} TO "{self.role}"' for right in rights))

    def revoke(self, right: str) -> None:
        self.tell(f'REVOKE {right} FROM "{self.role}"')

    async def finding(self) -> Finding:
        return the(await about_database(self.url), "database")


@pytest.fixture
def bot() -> Iterator[Bot]:
    """A role with every right that is used, in a database of its own with the engine's schema."""
    with postgres_database() as database:
        made = Bot(database, f"bot_{database.url.database}")
        made.tell(
            f'CREATE ROLE "{made.role}" LOGIN',
            "CREATE SCHEMA dbos",
            "CREATE TABLE dbos.workflow_status (id text)",
        )
        try:
            made.grant(*(f"{right} ON {table}" for table in USES for right in USES[table]))
            made.grant("USAGE ON SCHEMA dbos", "ALL ON dbos.workflow_status")
            yield made
        finally:
            made.tell(f'DROP OWNED BY "{made.role}"', f'DROP ROLE "{made.role}"')


@pytest.mark.postgres
@pytest.mark.anyio
async def test_a_role_with_the_rights_that_are_used_is_ok(bot: Bot) -> None:
    assert (await bot.finding()).grade is Grade.OK


@pytest.mark.postgres
@pytest.mark.anyio
async def test_each_right_that_a_role_lacks_is_named(bot: Bot) -> None:
    for table, rights in USES.items():
        for right in rights if table != "alembic_version" else ():
            bot.revoke(f"{right} ON {table}")
            finding = await bot.finding()
            assert finding.grade is Grade.WRONG
            assert f"rights: {right.split()[0]} on {table}." in finding.text
            bot.grant(f"{right} ON {table}")


@pytest.mark.parametrize(
    ("right", "where", "said"),
    [
        ("USAGE", "SCHEMA dbos", "USAGE on the schema dbos"),
        ("UPDATE", "dbos.workflow_status", "UPDATE on dbos.workflow_status"),
    ],
)
@pytest.mark.postgres
@pytest.mark.anyio
async def test_the_engines_schema_has_to_be_usable_too(
    bot: Bot, right: str, where: str, said: str
) -> None:
    bot.revoke(f"{right} ON {where}")
    finding = await bot.finding()
    assert finding.grade is Grade.WRONG
    assert f"rights: {said}." in finding.text


@pytest.mark.postgres
@pytest.mark.anyio
async def test_without_the_engines_schema_it_has_to_be_made(bot: Bot) -> None:
    bot.tell("DROP SCHEMA dbos CASCADE")
    assert "may not make the schema dbos" in (await bot.finding()).text
    bot.grant(f'CREATE ON DATABASE "{bot.database.url.database}"')
    assert (await bot.finding()).grade is Grade.OK


@pytest.mark.postgres
@pytest.mark.anyio
async def test_the_rights_that_are_asked_for_are_enough_for_the_store(bot: Bot) -> None:
    database, clock = Database(bot.url), Clock()
    try:
        database.check_schema()
        store, posts = store_on(database, clock), PostStore(database, clock, "one")
        request = await executing(store, "1")
        for kind in ("card", "result"):
            await posts.take_turn(request.id, kind, "C0REFUNDS")
        await posts.posted(request.id, "card", MessageRef("C0REFUNDS", "1.1"))
        await store.claim_send(request, 1, BODY)
        await store.record_answer(request, 1, Answer.ACCEPTED, None, None)
        await store.finish(request.id, result_of(request))
        await in_state(store, State.WITHDRAWN, "2")
        clock.advance(1)
        assert await store.scrub(clock(), 10) == 2
    finally:
        database.close()
