"""The audit log's chain: whoever changes or takes out a row is found out, at that row."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.events import Event
from bot.store import Database, RequestStore, verification
from bot.store.audit import row_hash
from bot.store.tables import audit_events, requests
from bot.store.verification import Head
from tests.examples import new_request
from tests.unit.databases import Clock
from tests.unit.store.chain import long_history, rows, tampering, verified
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import asked, executing

COLUMNS = [column.name for column in audit_events.columns]


@pytest.fixture(scope="module")
def history(database: Database) -> Database:
    """The database with a long history, which every test leaves as it is."""
    asyncio.run(long_history(database, Clock(), 100))
    return database


def test_a_long_history_is_whole_and_tells_of_everything(history: Database) -> None:
    head, flaw = verified(history)
    told = rows(history)
    assert flaw is None
    assert head == Head(len(told), told[-1]["hash"])
    assert [row["id"] for row in told] == list(range(1, len(told) + 1))
    assert {row["event"] for row in told} == {event.value for event in Event}


def _other(value: Any) -> Any:  # noqa: ANN401 - a column's value
    if value is None or isinstance(value, str):
        return f"{value or ''}x"[-30:] if value is None or len(value) < 30 else value[:-1] + "~"
    return value + 1 if isinstance(value, int) else value + timedelta(microseconds=1)


@pytest.mark.parametrize("column", sorted(set(COLUMNS) - {"id", "personal"}))
def test_a_change_of_any_column_of_any_row_is_found_at_that_row(
    history: Database, column: str
) -> None:
    for row in rows(history):
        with tampering(history) as connection:
            if column == "request_id":
                others = sa.select(requests.c.id).where(requests.c.id != row["request_id"])
                value = connection.scalar(others.limit(1))
            else:
                value = _other(row[column])
            connection.execute(
                sa.update(audit_events)
                .where(audit_events.c.id == row["id"])
                .values({column: value})
            )
            _, flaw = verification.verify(connection)
            assert flaw is not None
            assert flaw.row == row["id"], flaw


def test_a_change_of_what_people_wrote_is_found_at_that_row(history: Database) -> None:
    for row in rows(history):
        with tampering(history) as connection:
            connection.execute(
                sa.update(audit_events)
                .where(audit_events.c.id == row["id"])
                .values(personal='{"reason": "another"}')
            )
            _, flaw = verification.verify(connection)
            assert flaw is not None
            assert (flaw.row, flaw.text) == (row["id"], "has other words in it than were written")


def test_a_row_taken_out_of_the_middle_is_found_at_the_next(history: Database) -> None:
    for row in rows(history)[:-1]:
        with tampering(history) as connection:
            connection.execute(sa.delete(audit_events).where(audit_events.c.id == row["id"]))
            _, flaw = verification.verify(connection)
            assert flaw is not None
            assert flaw.row == row["id"] + 1


def test_rows_cut_off_the_end_are_missed_by_their_request(history: Database) -> None:
    total = len(rows(history))
    for cut in (1, 2, 7, total):
        with tampering(history) as connection:
            kept = total - cut
            connection.execute(sa.delete(audit_events).where(audit_events.c.id > kept))
            head, flaw = verification.verify(connection)
            assert head.id == kept
            assert flaw is not None
            assert flaw.row is None
            assert "rows at its end are missing" in flaw.text


def test_rows_that_changed_places_are_found_at_the_first(history: Database) -> None:
    told = rows(history)
    for one, other in itertools.pairwise(told):
        with tampering(history) as connection:
            for number, row in ((one["id"], other), (other["id"], one)):
                values = {name: row[name] for name in COLUMNS if name != "id"}
                connection.execute(
                    sa.update(audit_events).where(audit_events.c.id == number).values(values)
                )
            _, flaw = verification.verify(connection)
            assert flaw is not None
            assert flaw.row == one["id"]


def test_a_row_forged_with_its_hash_is_found_at_the_next(history: Database) -> None:
    for row in rows(history)[:-1]:
        with tampering(history) as connection:
            _forge(connection, row)
            _, flaw = verification.verify(connection)
            assert flaw is not None
            assert (flaw.row, flaw.text) == (
                row["id"] + 1,
                "does not follow from the row before it",
            )


def _forge(connection: sa.Connection, row: dict[str, Any]) -> None:
    forged = row | {"data": '{"refund": "1000000.00 USD"}'}
    values = {"data": forged["data"], "hash": row_hash(forged)}
    connection.execute(sa.update(audit_events).where(audit_events.c.id == row["id"]).values(values))


def test_a_last_row_forged_with_its_hash_is_found_by_who_noted_the_head(history: Database) -> None:
    head, _ = verified(history)
    last = rows(history)[-1]
    with tampering(history) as connection:
        _forge(connection, last)
        _, flaw = verification.verify(connection, head)
        assert flaw is not None
        assert (flaw.row, flaw.text) == (head.id, "is not the row that was noted earlier")


def test_a_head_noted_earlier_stays_part_of_the_log(history: Database) -> None:
    for row in rows(history):
        assert verified(history, Head(row["id"], row["hash"]))[1] is None


def test_a_log_that_ends_before_the_head_noted_earlier_was_cut(history: Database) -> None:
    head, _ = verified(history)
    _, flaw = verified(history, Head(head.id + 1, "0" * 64))
    assert flaw is not None
    assert flaw.row is None
    assert f"ends at row {head.id}" in flaw.text


def test_a_request_changed_by_hand_is_noticed(history: Database) -> None:
    with tampering(history) as connection:
        some = connection.execute(sa.select(requests).limit(1)).one()
        connection.execute(
            sa.update(requests).where(requests.c.id == some.id).values(version=some.version + 1)
        )
        _, flaw = verification.verify(connection)
        assert flaw is not None
        assert some.id in flaw.text


def test_words_taken_out_leave_the_chain_whole_and_the_rest_as_it_was(history: Database) -> None:
    before = rows(history)
    assert any(row["personal"] for row in before)
    with history.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.update(audit_events).values(personal=None))  # past no trigger
        _, flaw = verification.verify(connection)
        after = connection.execute(sa.select(audit_events).order_by(audit_events.c.id)).all()
        transaction.rollback()
    assert flaw is None
    assert [dict(row._mapping) for row in after] == [row | {"personal": None} for row in before]


@pytest.fixture
def refusing(history: Database) -> Iterator[sa.Connection]:
    with history.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("column", COLUMNS)
def test_the_database_itself_refuses_to_change_a_row(refusing: sa.Connection, column: str) -> None:
    old = rows_of(refusing)[4]
    values = {column: _other(old[column]) if column != "id" else 10_000}
    change = sa.update(audit_events).where(audit_events.c.id == old["id"]).values(values)
    with pytest.raises(sa.exc.DBAPIError, match="the audit log is append-only"):
        refusing.execute(change)


def rows_of(connection: sa.Connection) -> list[dict[str, Any]]:
    found = connection.execute(sa.select(audit_events).order_by(audit_events.c.id))
    return [dict(row._mapping) for row in found]


def test_the_database_itself_refuses_to_delete_rows(refusing: sa.Connection) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="the audit log is append-only"):
        refusing.execute(sa.delete(audit_events).where(audit_events.c.id == 3))


def test_the_database_itself_refuses_to_empty_the_log(
    history: Database, refusing: sa.Connection
) -> None:
    how = "DELETE FROM audit_events" if history.is_sqlite else "TRUNCATE audit_events"
    with pytest.raises(sa.exc.DBAPIError, match="the audit log is append-only"):
        refusing.exec_driver_sql(how)


@pytest.mark.anyio
async def test_many_who_append_at_once_make_one_chain(
    store: RequestStore, another_order_id: NewOrderId
) -> None:
    before, _ = verified(store.database)
    made = await asyncio.gather(
        *(asked(store, new_request(another_order_id())) for _ in range(40)),
        *(executing(store, another_order_id()) for _ in range(10)),
    )
    assert len(made) == 50
    after, flaw = verified(store.database, before)
    assert flaw is None
    assert after.id == before.id + 40 + 10 * 4


def test_a_log_without_rows_is_whole(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'rescind.db'}")
    try:
        database.migrate()
        assert verified(database) == (Head(0, "0" * 64), None)
    finally:
        database.close()
