"""`rescind forget`: what names people goes, the record stays, and says that it was scrubbed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.sandbox.story import REQUESTER
from tests.integration.stage import Stage, open_stage, run_bot

REASON = "Petronella is ill"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("forgetting"), channels=4) as opened:
        yield opened


def command(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    return run_bot(*words, cwd=stage.bot.folder, environment=stage.bot.environment)


def told_by(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump())


def test_one_order_is_forgotten_on_demand(stage: Stage) -> None:
    case, other = stage.case(), stage.case()
    case.approved(REASON)
    other.asked("Wilhelmina is ill")
    database = stage.bot.folder / "rescind.db"
    assert "Petronella" in told_by(database)
    done = command(stage, "forget", f"acme:{case.order}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "name nobody now: 1." in done.stdout
    left = told_by(database)
    assert "Petronella" not in left
    assert "Wilhelmina" in left
    assert "order:personal:scrubbed" in left
    verified = command(stage, "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "$400.00" in str(case.people.command(f"status {case.order}", REQUESTER, case.channel))


def test_what_is_still_open_is_not_forgotten_yet(stage: Stage) -> None:
    case = stage.case()
    case.asked(REASON)
    done = command(stage, "forget", f"acme:{case.order}")
    assert done.returncode == 2
    assert "Still open: 1." in done.stderr
    case.click("withdraw", REQUESTER)
    case.card("· withdrawn")


def test_an_order_without_its_venue_is_asked_for_again(stage: Stage) -> None:
    done = command(stage, "forget", "26644388")
    assert done.returncode == 2
    assert "riverside:26644388" in done.stderr
