"""The start, on a database that goes away in the middle of it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from bot.__main__ import cli
from bot.workflows.engine import Engine

GONE = "server closed the connection unexpectedly"
TOLD = f"{GONE}\n\tThis probably means the server terminated abnormally\n"
ENVIRONMENT = {
    "SLACK_BOT_TOKEN": "xoxb-start",
    "SLACK_SIGNING_SECRET": "0123456789abcdef",
    "ACME_BASE_URL": "http://127.0.0.1:9",
    "ACME_API_KEY": "a-key",
}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (psycopg.OperationalError(TOLD), GONE),
        (sa.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError(TOLD)), GONE),
        (psycopg.OperationalError(), "OperationalError"),
    ],
)
def test_a_database_that_goes_away_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str
) -> None:
    async def launch(_: Engine) -> None:
        raise error

    monkeypatch.setattr(Engine, "launch", launch)
    monkeypatch.setattr("sys.setswitchinterval", lambda _: None)
    # It would outlast this test, with a stream that the runner closes.
    monkeypatch.setattr("bot.logs.configure", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["worker"], env=ENVIRONMENT)
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert said.endswith(f"the database of DATABASE_URL cannot be used: {cause}")
    assert "Traceback" not in said
