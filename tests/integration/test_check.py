"""`rescind check` as an operator runs it, against the sandbox: green when all is well, else red."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.check import passed, run_checks
from bot.sandbox.demo import bot_environment
from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack.cast import BOT_USER, first_users
from bot.settings import Environment, load
from tests.conftest import ROOT
from tests.integration.stage import Stage, free_port, run_bot, run_sql

SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
SETTINGS = SandboxSettings(port=0, signing_secret=SIGNING_SECRET)
READING = (*SETTINGS.scopes, "channels:read", "groups:read")
POLICY = """
[policy]
requesters = ["U0REQUEST", "U0MEMBER", "S0APPROVE"]
approvers = ["S0APPROVE", "U0MEMBER"]
deny_approvers = ["U0GUEST"]
channels = ["C0REFUNDS", "C0BOXOFF"]
mentions = ["S0APPROVE"]
"""
READS = {
    "auth.test",
    "users.info",
    "usergroups.users.list",
    "conversations.info",
    "conversations.history",
    "chat.getPermalink",
}


@dataclass(frozen=True)
class Told:
    """What one run said."""

    code: int
    findings: list[dict[str, str]]

    def named(self, *grades: str) -> set[str]:
        return {each["what"] for each in self.findings if each["grade"] in grades}

    def text(self, what: str) -> str:
        return " ".join(each["text"] for each in self.findings if each["what"] == what)


class House:
    """A sandbox, and a folder with a migrated database and a policy."""

    def __init__(self, sandbox: RunningSandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.environment = bot_environment(sandbox, folder, free_port())

    def set_up(self, rescind_toml: str = POLICY) -> None:
        (self.folder / "rescind.toml").write_text(rescind_toml, encoding="utf-8")
        ended = run_bot("migrate", cwd=self.folder, environment=self.environment)
        assert ended.returncode == 0, ended.stderr

    def change(self, where: str, **change: Any) -> None:  # noqa: ANN401 - JSON
        answer = httpx.post(f"{self.sandbox.base_url}/ui/{where}", json=change).json()
        assert answer["ok"], answer

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own, as an operator does."""
        given = self.environment | environment
        ended = run_bot("check", *arguments, cwd=self.folder, environment=given)
        assert "Traceback" not in ended.stderr
        assert_discreet(ended.stdout + ended.stderr, given)
        return ended

    def check(self, **environment: str) -> Told:
        """Do in this process what the command does, for what would take too many of them."""
        given = self.environment | environment
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name in Environment.model_fields:
                patch.delenv(name.upper(), raising=False)
            for name, value in given.items():
                patch.setenv(name, value)
            findings = asyncio.run(run_checks(load()))
        assert_discreet(str(findings), given)
        return Told(0 if passed(findings) else 1, [finding.as_dict() for finding in findings])


def assert_discreet(said: str, given: dict[str, str]) -> None:
    """Neither secrets nor people's names are told, whatever is wrong."""
    secrets = [given[name] for name in given if name.endswith(("TOKEN", "SECRET", "KEY"))]
    people = [user for user in first_users() if user.role not in {"app", "bot"}]
    names = [name for user in people for name in (user.name, user.real_name)]
    for private in (*secrets, *names):
        assert private not in said


def opened(folder: Path, scopes: tuple[str, ...]) -> Iterator[House]:
    settings = SandboxSettings(port=0, signing_secret=SIGNING_SECRET, granted_scopes=scopes)
    with RunningSandbox(settings) as sandbox:
        yield House(sandbox, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for house in opened(tmp_path_factory.mktemp("check"), READING):
        house.set_up()
        yield house


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """Everything in order, as it is again afterwards."""
    yield shared
    shared.change("reset")
    (shared.folder / "rescind.toml").write_text(POLICY, encoding="utf-8")


def test_all_is_well(house: House) -> None:
    ended = house.run("--json")
    assert ended.returncode == 0, ended.stdout
    told = Told(0, json.loads(ended.stdout))
    assert [each["what"] for each in told.findings] == [
        "settings",
        "signing secret",
        "metrics",
        "database",
        "schema",
        "disk space",
        "Slack",
        "scopes",
        "clock, by Slack",
        "Socket Mode",
        "policy of acme",
        "channel C0BOXOFF",
        "channel C0REFUNDS",
        "venue acme",
        "clock, by venue acme",
    ]
    assert told.named("ok") == {each["what"] for each in told.findings}
    assert all(list(each) == ["what", "grade", "text", "to_do"] for each in told.findings)


def test_nothing_is_said_sent_or_written(house: House) -> None:
    before = {each.name: each.read_bytes() for each in house.folder.iterdir()}
    house.check()
    assert {each.name: each.read_bytes() for each in house.folder.iterdir()} == before
    calls = httpx.get(f"{house.sandbox.base_url}/ui/slack/calls").json()["calls"]
    assert {call["method"] for call in calls} <= READS
    received = httpx.get(f"{house.sandbox.base_url}/ui/acme/requests").json()["requests"]
    assert {request["method"] for request in received} == {"GET"}


def test_people_get_lines_that_a_pipe_can_carry(house: House) -> None:
    house.change("slack/people", user="U0MEMBER", deleted=True)
    ended = house.run(COLUMNS="40")
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("warning  user U0MEMBER: "))
    assert "deactivated" in lines[at]
    assert lines[at + 1].strip().startswith("To do: ")
    assert lines[-1] == "0 wrong, 1 warning."
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize(
    ("where", "change", "named", "code"),
    [
        ("slack/people", {"user": "U0MEMBER", "deleted": True}, {"user U0MEMBER"}, 0),
        ("slack/people", {"user": "U0MEMBER", "is_restricted": True}, {"user U0MEMBER"}, 0),
        ("slack/people", {"user": "U0MEMBER", "is_bot": True}, {"user U0MEMBER"}, 0),
        (
            "slack/people",
            {"user": "U0MEMBER", "team_id": "T0PARTNER"},
            {"user U0MEMBER", "channel C0BOXOFF", "channel C0REFUNDS"},
            0,
        ),
        ("slack/groups", {"group": "S0APPROVE", "users": []}, {"user group S0APPROVE"}, 0),
        ("slack/groups", {"group": "S0APPROVE", "disabled": True}, {"user group S0APPROVE"}, 1),
        (
            "members",
            {"channel": "C0BOXOFF", "user": BOT_USER, "present": False},
            {"channel C0BOXOFF"},
            1,
        ),
        (
            "members",
            {"channel": "C0REFUNDS", "user": BOT_USER, "present": False},
            {"channel C0REFUNDS"},
            1,
        ),
        (
            "members",
            {"channel": "C0REFUNDS", "user": "U0PARTNER", "present": True},
            {"channel C0REFUNDS"},
            0,
        ),
    ],
)
def test_what_is_changed_in_slack_is_found_by_name(
    house: House, where: str, change: dict[str, Any], named: set[str], code: int
) -> None:
    house.change(where, **change)
    told = house.check()
    assert told.named("warning", "wrong") == named
    assert told.code == code
    assert all(each["to_do"] for each in told.findings if each["what"] in named)


def test_what_the_policy_names_in_vain_is_wrong(house: House) -> None:
    (house.folder / "rescind.toml").write_text(
        """
[policy]
approvers = ["U0NOBODY", "S0FORMER", "S0DISABLED", "S0NOWHERE"]
channels = ["C0ARCHIVE", "C0NOWHERE"]
[policy.break_glass]
who = ["U0LEFT"]
[[policy.tiers]]
up_to = { EUR = 100 }
""",
        encoding="utf-8",
    )
    told = house.check()
    assert told.code == 1
    assert told.named("wrong") == {
        "policy of acme",
        "user U0NOBODY",
        "user group S0DISABLED",
        "user group S0NOWHERE",
        "channel C0ARCHIVE",
        "channel C0NOWHERE",
    }
    assert told.named("warning") == {"user U0LEFT", "user group S0FORMER"}
    for said in ("no amount in USD", "nobody is left who may approve", "break the glass"):
        assert said in told.text("policy of acme")


def test_an_organisation_is_told(house: House) -> None:
    house.change("slack/organisation", id="E0MUSEUMS", is_installed_on_all=True)
    told = house.check()
    assert "whole organisation" in told.text("Slack")
    assert told.code == 0


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"method": "auth.test", "kind": "error", "error": "account_inactive"}, "account_inactive"),
        ({"method": "auth.test", "kind": "drop_before"}, "broke without an answer"),
    ],
)
def test_slack_in_trouble_leaves_the_other_checks_alone(
    house: House, fault: dict[str, str], named: str
) -> None:
    house.change("slack/fault", **fault)
    told = house.check()
    assert told.code == 1
    assert told.named("wrong") == {"Slack"}
    assert named in told.text("Slack")
    assert {"database", "venue acme"} <= told.named("ok")


@pytest.mark.parametrize(
    "fault", [{"kind": "http_500"}, {"kind": "error", "error": "internal_error"}]
)
def test_slacks_own_trouble_is_nobodys_mistake(house: House, fault: dict[str, str]) -> None:
    house.change("slack/fault", method="auth.test", **fault)
    told = house.check()
    assert told.code == 0
    assert told.named("warning") == {"Slack", "people, policies and channels"}
    assert "cannot answer now" in told.text("Slack")


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("SSL_CERT_FILE", "/nowhere.pem", {"venue acme"}),
        ("ALL_PROXY", "socks5://127.0.0.1:9", {"venue acme"}),
        ("HTTPS_PROXY", "http://proxy.example:3128:x", {"venue acme", "Slack"}),
        ("NO_PROXY", "[::1],localhost", {"venue acme"}),
    ],
)
def test_a_broken_environment_is_told_by_the_variables_name(
    house: House, name: str, value: str, wrong: set[str]
) -> None:
    told = house.check(**{name: value})
    assert told.named("wrong") == wrong
    assert all(name in told.text(what) for what in wrong)


def test_one_slack_method_in_trouble_leaves_the_others_alone(house: House) -> None:
    house.change("slack/fault", method="users.info", kind="ratelimited", retry_after=30)
    told = house.check()
    assert told.named("warning") == {"people"}
    assert {"channel C0REFUNDS", "policy of acme"} <= told.named("ok")


def test_wrong_secrets_are_wrong_each_by_name(house: House) -> None:
    ended = house.run(
        "--json",
        SLACK_BOT_TOKEN="xoxb-wrong",
        SLACK_SIGNING_SECRET="too-short",
        ACME_API_KEY="not-the-key",
    )
    assert ended.returncode == 1
    told = Told(1, json.loads(ended.stdout))
    assert told.named("wrong") == {"signing secret", "Slack", "venue acme"}
    assert "invalid_auth" in told.text("Slack")
    assert "refuses the key" in told.text("venue acme")


def test_addresses_where_nobody_is_are_wrong_each_by_name(house: House) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    told = house.check(ACME_BASE_URL=nobody, SLACK_API_URL=nobody, DATABASE_URL="sqlite://")
    assert told.code == 1
    assert told.named("wrong") == {"database", "Slack", "venue acme"}
    for what in ("Slack", "venue acme"):
        assert "no connection" in told.text(what)


def test_an_address_of_something_else_is_not_taken_for_acme(house: House) -> None:
    told = house.check(ACME_BASE_URL=f"{house.sandbox.base_url}/static")
    assert told.named("wrong") == {"venue acme"}
    assert "not as ACME Ticketing does (HTTP 404" in told.text("venue acme")


def test_the_scopes_of_the_manifest_cannot_tell_all_of_channels(tmp_path: Path) -> None:
    for house in opened(tmp_path, SETTINGS.scopes):
        house.set_up()
        told = house.check()
        assert told.code == 0
        assert told.named("warning", "wrong") == {"channels"}
        house.change("members", channel="C0REFUNDS", user=BOT_USER, present=False)
        told = house.check()
        assert told.named("wrong") == {"channel C0REFUNDS"}


def test_scopes_that_were_not_granted_are_named(tmp_path: Path) -> None:
    for house in opened(tmp_path, ("commands", "chat:write", "im:write")):
        house.set_up()
        told = house.check()
        assert told.code == 1
        assert told.named("wrong") == {
            "scopes",
            "scope usergroups:read",
            "user group S0APPROVE",
        }
        assert "users:read" in told.text("scopes")
        assert {"scope channels:history", "people", "channels"} <= told.named("warning")


def test_a_first_look_before_the_first_start(house: House, tmp_path: Path) -> None:
    database = tmp_path / "var" / "rescind.db"
    told = house.check(DATABASE_URL=f"sqlite:///{database}")
    assert told.code == 0
    assert told.named("warning") == {"database"}
    assert not database.parent.exists()


def test_a_schema_of_another_version_is_told_and_left_alone(house: House, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    environment = house.environment | {"DATABASE_URL": url}
    run_bot("migrate", cwd=tmp_path, environment=environment)
    for revision, grade, code in (("0001", "warning", 0), ("9999", "wrong", 1)):
        run_sql(tmp_path / "x.db", "UPDATE alembic_version SET version_num = ?", revision)
        told = house.check(DATABASE_URL=url)
        assert told.named(grade) == {"schema"}
        assert revision in told.text("schema")
        assert told.code == code


def test_what_strangers_could_read_is_warned_of(house: House) -> None:
    anywhere = "0.0.0.0"  # noqa: S104 - nothing is bound to it
    assert house.check(HOST=anywhere).named("warning") == {"metrics"}
    assert house.check(HOST=anywhere, ADMIN_PORT="off").named("warning") == set()


def test_secrets_are_not_sent_in_the_clear(house: House) -> None:
    told = house.check(ACME_BASE_URL="http://acme.invalid", SLACK_API_URL="http://slack.invalid")
    assert told.named("wrong") == {"Slack", "venue acme"}
    for what in ("Slack", "venue acme"):
        assert "was not asked: without TLS" in told.text(what)


def test_settings_that_cannot_be_loaded_are_another_matter(house: House) -> None:
    ended = house.run("--json", PORT="eighty")
    assert ended.returncode == 2
    assert ended.stdout == ""


def test_it_ends_although_a_dns_server_is_silent(house: House) -> None:
    """Python waits for threads before it ends: this one would say so on standard error."""
    silent = """
import socket, sys, time
def getaddrinfo(*_, **__):
    time.sleep(50)
    print("the DNS server spoke after all", file=sys.stderr)
    raise socket.gaierror
socket.getaddrinfo = getaddrinfo
from bot.__main__ import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", silent, "check", "--json"],
        cwd=house.folder,
        env=house.environment | {"ACME_BASE_URL": "https://acme.example", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = Told(ended.returncode, json.loads(ended.stdout))
    assert told.code == 1
    assert "gives no answer in time" in told.text("venue acme")
    assert ended.stderr == ""


def test_it_may_be_run_beside_the_running_bot(stage: Stage) -> None:
    environment = stage.bot.environment | {"SLACK_SIGNING_SECRET": SIGNING_SECRET}
    ended = run_bot("check", "--json", cwd=stage.bot.folder, environment=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = Told(0, json.loads(ended.stdout))
    assert told.named("warning", "wrong") == {"policy of acme"}
    assert "default" in told.text("policy of acme")
