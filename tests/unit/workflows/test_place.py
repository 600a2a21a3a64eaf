"""A place of one's own: taken once, kept through a cut, and vacant only when its holder is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from bot.store import Database
from bot.workflows import place as module
from bot.workflows.place import FilePlace, PlaceError, SlotPlace, place_for
from tests.unit.databases import postgres_database

Opening = Callable[[], SlotPlace]


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with postgres_database(migrated=False) as database:
        yield database


@pytest.fixture
def taken(server: Database) -> Iterator[Opening]:
    """Takes places for one process after the other."""
    opened: list[SlotPlace] = []

    def take() -> SlotPlace:
        place = SlotPlace(server.url)
        opened.append(place)
        place.take()
        return place

    yield take
    for place in opened:
        place.leave()


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that vacancy is measured with: its only element."""
    now = [1000.0]
    monkeypatch.setattr("bot.workflows.place.time.monotonic", lambda: now[0])
    return now


def cut_off(server: Database) -> None:
    """End the connections of all places, as a server that restarts does."""
    _until_gone(server, "SELECT pg_terminate_backend(pid)", "true")


def gone(server: Database, place: SlotPlace) -> None:
    """Let a process die."""
    pid = place._held.info.backend_pid
    place.leave()
    _until_gone(server, "SELECT 1", f"pid = {pid}")


def _until_gone(server: Database, act: str, which: str) -> None:
    of_places = (
        "FROM pg_stat_activity WHERE application_name = 'rescind slot' "
        f"AND datname = current_database() AND {which}"
    )
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"{act} {of_places}")
        while connection.exec_driver_sql(f"SELECT count(*) {of_places}").scalar_one():
            pass


def test_a_file_has_one_place(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path / 'rescind.db'}")
    first, second = place_for(url), place_for(url)
    assert isinstance(first, FilePlace)
    first.take()
    with pytest.raises(PlaceError, match=r"already uses rescind\.db.*use PostgreSQL"):
        second.take()
    assert first.leads()
    assert first.vacant(frozenset({"slot-7"})) == []
    first.keep()
    first.leave()
    second.take()
    second.leave()


@pytest.mark.postgres
def test_every_process_has_a_place_of_its_own(taken: Opening) -> None:
    places = [taken() for _ in range(4)]
    assert sorted(place.executor_id for place in places) == [f"slot-{n}" for n in range(4)]


@pytest.mark.postgres
def test_a_place_that_was_left_is_free(server: Database, taken: Opening) -> None:
    first, _ = taken(), taken()
    gone(server, first)
    assert taken().executor_id == first.executor_id


@pytest.mark.postgres
def test_there_are_only_so_many_places(taken: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLOTS", 2)
    taken(), taken()
    with pytest.raises(PlaceError, match="2 rescind processes already work"):
        taken()


@pytest.mark.postgres
def test_a_place_is_vacant_once_it_was_seen_empty_for_long_enough(
    server: Database, taken: Opening, monotonic: list[float]
) -> None:
    mine, other = taken(), taken()
    others = frozenset({other.executor_id})
    assert mine.vacant(others) == []  # it is held
    monotonic[0] += 1000
    assert mine.vacant(others) == []
    gone(server, other)
    assert mine.vacant(others) == []  # seen empty for the first time
    monotonic[0] += module._VACANT_SECONDS - 0.1
    assert mine.vacant(others) == []
    monotonic[0] += 0.1
    assert mine.vacant(others) == [other.executor_id]


@pytest.mark.postgres
def test_whoever_comes_back_in_time_keeps_its_work(
    server: Database, taken: Opening, monotonic: list[float]
) -> None:
    mine, other = taken(), taken()
    others = frozenset({other.executor_id})
    gone(server, other)
    assert mine.vacant(others) == []
    again = taken()
    assert again.executor_id == other.executor_id
    monotonic[0] += 1000
    assert mine.vacant(others) == []
    gone(server, again)
    assert mine.vacant(others) == []  # the count begins anew


@pytest.mark.postgres
def test_a_vacant_place_is_nobodys_until_its_work_is_taken_over(
    server: Database, taken: Opening, monotonic: list[float]
) -> None:
    mine, other = taken(), taken()
    others = frozenset({other.executor_id})
    gone(server, other)
    mine.vacant(others)
    monotonic[0] += 1000
    assert mine.vacant(others) == [other.executor_id]
    assert taken().executor_id == "slot-2"
    mine.release(other.executor_id)
    assert taken().executor_id == other.executor_id


@pytest.mark.postgres
def test_a_vacant_place_that_was_not_taken_over_at_once_is_free_after_one_release(
    server: Database, taken: Opening, monotonic: list[float]
) -> None:
    """Taking over fails while the database is away; the next round tries again."""
    mine, other = taken(), taken()
    others = frozenset({other.executor_id})
    gone(server, other)
    mine.vacant(others)
    monotonic[0] += 1000
    assert mine.vacant(others) == [other.executor_id]
    assert mine.vacant(others) == [other.executor_id]
    mine.release(other.executor_id)
    assert taken().executor_id == other.executor_id


@pytest.mark.postgres
def test_after_a_cut_the_same_place_is_taken_anew(server: Database, taken: Opening) -> None:
    places = [taken() for _ in range(3)]
    before = [place.executor_id for place in places]
    cut_off(server)
    for place in reversed(places):
        place.keep()
    assert [place.executor_id for place in places] == before
    assert taken().executor_id == "slot-3"


@pytest.mark.postgres
def test_whose_place_was_taken_meanwhile_must_stop(server: Database, taken: Opening) -> None:
    first = taken()
    cut_off(server)
    assert taken().executor_id == first.executor_id
    with pytest.raises(PlaceError, match="took this one's place"):
        first.keep()


@pytest.mark.postgres
def test_while_the_server_is_away_nobody_can_tell(server: Database, taken: Opening) -> None:
    mine = taken()
    cut_off(server)
    url, mine._url = mine._url, "postgresql://rescind@/nowhere?host=/nonexistent"
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            mine.keep()
    mine._url = url
    mine.keep()
    assert taken().executor_id != mine.executor_id


@pytest.mark.postgres
def test_one_leads_and_when_it_leaves_another(server: Database, taken: Opening) -> None:
    first, second, third = taken(), taken(), taken()
    assert [place.leads() for place in (first, second, third)] == [True, False, False]
    assert first.leads()
    gone(server, first)
    assert [place.leads() for place in (second, third)] == [True, False]
    cut_off(server)
    third.keep()
    assert third.leads()
    second.keep()
    assert not second.leads()


@pytest.mark.postgres
def test_setting_up_is_done_by_one_at_a_time(server: Database, taken: Opening) -> None:
    place = taken()
    ask = "SELECT pg_try_advisory_lock(%(namespace)s, %(number)s)"
    values = {"namespace": module._NAMESPACE, "number": module._SETUP}
    with server.engine.connect() as connection:
        place.begin_setup()
        assert connection.exec_driver_sql(ask, values).scalar_one() is False
        place.end_setup()
        assert connection.exec_driver_sql(ask, values).scalar_one() is True
        connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
