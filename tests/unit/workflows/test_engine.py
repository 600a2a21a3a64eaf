"""The engine's start on a database that goes away in the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from bot.workflows.engine import Engine
from bot.workflows.place import FilePlace, PlaceError

pytestmark = pytest.mark.anyio

GONE = "server closed the connection unexpectedly"


def _psycopg_breaks() -> None:
    raise psycopg.OperationalError(f"{GONE}\n\tThis probably means\n")


def _sqlalchemy_breaks() -> None:
    raise sa.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError(f"{GONE}\nor so"))


def _breaks_without_a_word() -> None:
    raise psycopg.OperationalError


@pytest.mark.parametrize(
    ("take", "cause"),
    [
        (_psycopg_breaks, GONE),
        (_sqlalchemy_breaks, GONE),
        (_breaks_without_a_word, "OperationalError"),
    ],
)
async def test_a_database_that_goes_away_at_the_start_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[], None], cause: str
) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path / 'rescind.db'}")
    place = FilePlace(url)
    monkeypatch.setattr(place, "take", take)
    engine = Engine(sa.create_engine(url), place)
    with pytest.raises(PlaceError) as refused:
        await engine.launch()
    assert str(refused.value) == f"the database of DATABASE_URL cannot be used: {cause}"
