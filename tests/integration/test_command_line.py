"""The command line as an operator meets it, each command in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
import yaml

from tests.integration.stage import Stage, run_bot, run_sql

NOTHING = {"PATH": os.defpath}
ENOUGH = NOTHING | {
    "SLACK_BOT_TOKEN": "xoxb-secret-token",
    "SLACK_SIGNING_SECRET": "secret-signing",
    "ACME_BASE_URL": "http://127.0.0.1:9",
    "ACME_API_KEY": "secret-key",
}
VENUE = """
[[venues]]
key = "riverside"
name = "Riverside"
system = "acme"
base_url = "https://api.example"
api_key_env = "ACME_API_KEY"
currency = "USD"
"""


def mistakes(cwd: Path, environment: dict[str, str], rescind_toml: str | None = None) -> list[str]:
    """Start the bot with wrong settings; return what it says, a line for each mistake."""
    if rescind_toml is not None:
        (cwd / "rescind.toml").write_text(rescind_toml, encoding="utf-8")
    ended = run_bot("serve", cwd=cwd, environment=environment)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr + ended.stdout
    for secret in ("secret-token", "secret-signing", "secret-key"):
        assert secret not in ended.stderr + ended.stdout
    first, *lines = ended.stderr.splitlines()
    assert first == "Rescind cannot start, its settings are wrong:"
    assert not (cwd / "var").exists()
    return lines


def test_every_missing_setting_is_named_on_a_line_of_its_own(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, NOTHING)
    assert [line.partition(":")[0] for line in lines] == [
        "ACME_BASE_URL",
        "ACME_API_KEY",
        "SLACK_SIGNING_SECRET",
        "SLACK_BOT_TOKEN",
    ]


def test_every_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    wrong = {
        "PORT": "eighty",
        "LOG_LEVEL": "loud",
        "ACME_CURRENCY": "dollars",
        "SLACK_API_URL": "slack",
    }
    lines = mistakes(tmp_path, ENOUGH | wrong)
    assert {line.partition(":")[0] for line in lines} >= set(wrong)


def test_every_mistake_in_the_file_is_named_on_a_line_of_its_own(tmp_path: Path) -> None:
    venue = """
[[venues]]
key = "River side"
name = ""
system = "excel"
base_url = "acme"
api_key_env = "ACME_API_KEY"
currency = "usd"
timezone = "Mars/Olympus"
locale = "xx_nowhere"
refund_path = "v2"
total_timeout = 0
colour = "blue"
"""
    lines = mistakes(tmp_path, ENOUGH, f"[policy]\nself_aproval = true\n[polcy]\n{venue}")
    named = {line.split(": ")[1] for line in lines}
    assert all(line.startswith("rescind.toml: ") for line in lines)
    fields = ("key", "name", "system", "base_url", "currency", "timezone", "locale")
    assert named == {
        "policy.self_aproval",
        "polcy",
        *(f"venues.0.{field}" for field in (*fields, "refund_path", "total_timeout", "colour")),
    }
    assert len(lines) == len(named)


@pytest.mark.parametrize(
    ("rescind_toml", "named"),
    [
        ("[policy\n", "not valid TOML"),
        ("[execution]\nsettle_pauses = [-1]\n", "settle_pauses"),
        (VENUE.replace("ACME_API_KEY", "NOT_SET") + VENUE, "NOT_SET is not set"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, rescind_toml: str, named: str) -> None:
    lines = mistakes(tmp_path, ENOUGH, rescind_toml)
    assert named in lines[0]
    assert len(lines) == 1 or "two venues have this key" in lines[1]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, ENOUGH | {"RESCIND_CONFIG": "elsewhere.toml"})
    assert line == "RESCIND_CONFIG: there is no file elsewhere.toml."


@pytest.mark.parametrize(
    "url", ["sqlite://", "mysql://localhost/x", "postgresql://127.0.0.1:9/x", "nonsense"]
)
def test_a_database_that_cannot_be_is_said_to_be(tmp_path: Path, url: str) -> None:
    ended = run_bot("serve", cwd=tmp_path, environment=ENOUGH | {"DATABASE_URL": url})
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "DATABASE_URL" in ended.stderr


def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    environment = ENOUGH | {"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}
    assert run_bot("migrate", cwd=tmp_path, environment=environment).returncode == 0
    run_sql(tmp_path / "x.db", "UPDATE alembic_version SET version_num = '9999'")
    for command in ("requests", "migrate", "serve"):
        ended = run_bot(command, cwd=tmp_path, environment=environment)
        assert ended.returncode == 2, ended.stderr
        assert "Traceback" not in ended.stderr
        assert "newer version" in ended.stderr


def test_migrate_makes_the_schema_and_may_be_repeated(tmp_path: Path) -> None:
    environment = NOTHING | {"DATABASE_URL": f"sqlite:///{tmp_path / 'fresh.db'}"}
    for _ in range(2):
        ended = run_bot("migrate", cwd=tmp_path, environment=environment)
        assert ended.returncode == 0, ended.stderr
        assert "up to date" in ended.stdout


def test_requests_of_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    environment = NOTHING | {"DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"}
    ended = run_bot("requests", cwd=tmp_path, environment=environment)
    assert ended.returncode == 2
    assert "run `rescind migrate` first" in ended.stderr


def test_requests_lists_the_latest_beside_the_running_bot(stage: Stage) -> None:
    case = stage.case()
    case.approved()
    ended = run_bot(
        "requests",
        *("--limit", "1"),
        cwd=stage.bot.folder,
        environment=stage.bot.environment | {"COLUMNS": "200"},
    )
    assert ended.returncode == 0, ended.stderr
    for shown in (case.request_id(), case.number, "done", "400.00 USD", "U0REQUEST"):
        assert shown in ended.stdout


def test_the_audit_log_tells_the_whole_story_in_order(stage: Stage) -> None:
    case = stage.case()
    case.approved('guest is ill, "really"\nso')
    exported = run_bot("audit", "export", cwd=stage.bot.folder, environment=stage.bot.environment)
    assert exported.returncode == 0, exported.stderr
    events = [json.loads(line) for line in exported.stdout.splitlines()]
    story = [event for event in events if event["order_id"] == case.order]
    assert [event["event"].rpartition(":")[2] for event in story] == [
        "requested",
        "quoted",
        "approved",
        "started",
        "sent",
        "answered",
        "done",
    ]
    assert [event["actor_user"] for event in story[:3]] == ["U0REQUEST", None, "U0APPROVE"]
    assert story[-1]["data"]["refund"] == "400.00 USD"
    assert story[0]["personal"]["reason"].startswith("guest is ill")
    assert "@acmeticketing.com" not in json.dumps(story)


def test_the_audit_log_comes_as_csv_too(stage: Stage) -> None:
    case = stage.case()
    case.approved()
    exported = run_bot(
        *("audit", "export", "--format", "csv", "--since", "2020-01-01"),
        cwd=stage.bot.folder,
        environment=stage.bot.environment,
    )
    assert exported.returncode == 0, exported.stderr
    rows = list(csv.DictReader(io.StringIO(exported.stdout)))
    assert [row["event"] for row in rows if row["order_id"] == case.order][-1].endswith("done")


def test_manifest_prints_the_address_that_slack_shall_call(tmp_path: Path) -> None:
    ended = run_bot(
        *("manifest", "--url", "https://bot.example.org"), cwd=tmp_path, environment=NOTHING
    )
    assert ended.returncode == 0, ended.stderr
    manifest = yaml.safe_load(ended.stdout)
    address = "https://bot.example.org/slack/events"
    assert manifest["settings"]["interactivity"]["request_url"] == address
    assert manifest["features"]["slash_commands"][0]["url"] == address


def test_manifest_for_socket_mode_names_no_address(tmp_path: Path) -> None:
    ended = run_bot("manifest", "--socket", cwd=tmp_path, environment=NOTHING)
    assert yaml.safe_load(ended.stdout)["settings"]["socket_mode_enabled"] is True
    assert "rescind.example.org" not in ended.stdout


@pytest.mark.parametrize("arguments", [("manifest", "--url", "ftp://x"), ("nonsense",)])
def test_a_wrong_argument_is_said_to_be(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run_bot(*arguments, cwd=tmp_path, environment=NOTHING)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_version_and_help(tmp_path: Path) -> None:
    assert run_bot("--version", cwd=tmp_path, environment=NOTHING).stdout.strip()
    text = run_bot("--help", cwd=tmp_path, environment=NOTHING).stdout
    for command in ("serve", "check", "requests", "audit", "manifest", "migrate", "demo"):
        assert command in text
