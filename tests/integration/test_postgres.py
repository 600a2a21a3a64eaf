"""The same behaviour over PostgreSQL: the main path, crashes, and one process at a time."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from tests.conftest import require
from tests.integration.stage import APPROVER, QUICK, SECOND, Bot, Stage, run_bot, words

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with fresh_database() as url:
        yield url


@contextmanager
def fresh_database() -> Iterator[str]:
    """A database of our own on the server that TEST_POSTGRES_URL names."""
    given = os.environ.get("TEST_POSTGRES_URL", "")
    require(given, "a PostgreSQL server in TEST_POSTGRES_URL")
    server = sa.make_url(given).set(drivername="postgresql")
    name = f"rescind_test_{secrets.token_hex(4)}"
    plain = server.render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def postgres(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("postgres")
    (folder / "rescind.toml").write_text(QUICK, encoding="utf-8")
    settings = SandboxSettings(port=0)
    with (
        RunningSandbox(settings) as sandbox,
        Bot(sandbox, folder, DATABASE_URL=database_url) as bot,
    ):
        sandbox.bot_url = bot.url
        unmigrated = run_bot("serve", cwd=folder, environment=bot.environment)
        assert unmigrated.returncode == 2
        assert "run `rescind migrate` first" in unmigrated.stderr
        migrated = run_bot("migrate", cwd=folder, environment=bot.environment)
        assert migrated.returncode == 0, migrated.stderr
        bot.start()
        yield Stage(sandbox, bot)
        assert bot.stop() == 0
        assert "Traceback" not in bot.log(), bot.log()


def test_the_main_path(postgres: Stage) -> None:
    case = postgres.case(channel="C0REFUNDS")
    card = case.asked("guest is ill")
    case.approve()
    assert postgres.outdated_click(card, "approve", SECOND) == 200
    case.told("approved this already", SECOND)
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_choosing_rejecting_and_asking_again(postgres: Stage) -> None:
    case = postgres.case(channel="C0BOXOFF")
    case.asked()
    assert "There is already a request" in case.ask()
    case.choose(1)
    case.click("reject")
    form = case.people.form("reject_reason", APPROVER)
    case.people.submit(form, APPROVER, reason="no")
    case.card("· rejected")
    case.asked()
    case.approve()
    case.reply("Refunded $400.00")


def test_a_kill_in_the_middle_is_taken_up_again(postgres: Stage) -> None:
    case = postgres.case(channel="C0REFUNDS")
    case.asked()
    case.people.fault(case.order, "slow", seconds=1, times=2)
    case.approve()
    case.people.wait_for("the read", lambda: len(case.people.upstream_requests(case.order)) > 1)
    postgres.bot.kill()
    postgres.bot.start()
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
    assert len(case.cards()) == 1


def test_a_kill_before_the_card_is_shown_loses_nothing(postgres: Stage) -> None:
    case = postgres.case(channel="C0BOXOFF")
    case.people.fault(case.order, "slow", seconds=1, times=1)
    case.ask()
    postgres.bot.kill()
    postgres.bot.start()
    case.card("waiting for approval")
    assert len(case.cards()) == 1


def test_connections_that_were_cut_are_replaced(postgres: Stage, database_url: str) -> None:
    """A cut connection is replaced; the card of a request made afterwards comes."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND query NOT LIKE '%advisory%'"
        )
    case = postgres.case(channel="C0REFUNDS")
    case.asked()
    case.approve()
    assert "Refunded $400.00" in words(case.reply("Refunded"))


def is_ready(bot: Bot) -> bool:
    return httpx.get(f"{bot.url}/readyz").status_code == 200


def test_processes_that_start_at_once_on_a_new_database_share_the_work(tmp_path: Path) -> None:
    """The engine's tables are set up by one of them, and any of them may be asked."""
    (tmp_path / "rescind.toml").write_text(QUICK, encoding="utf-8")
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database())
        sandbox = stack.enter_context(RunningSandbox(SandboxSettings(port=0)))
        bots = [stack.enter_context(Bot(sandbox, tmp_path, DATABASE_URL=url)) for _ in range(3)]
        first, second, worker = bots
        migrated = run_bot("migrate", cwd=tmp_path, environment=first.environment)
        assert migrated.returncode == 0, migrated.stderr
        for bot, command in ((first, "serve"), (second, "serve"), (worker, "worker")):
            bot.launch(command)
        for bot in (first, second):
            bot.wait_until(partial(is_ready, bot))

        stage = Stage(sandbox, first)
        sandbox.bot_url = first.url
        case = stage.case(channel="C0REFUNDS")
        case.asked()
        sandbox.bot_url = second.url
        case.approve()
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1
        assert len(case.cards()) == 1
        assert [bot.stop() for bot in bots] == [0, 0, 0]
        assert "Traceback" not in first.log(), first.log()
