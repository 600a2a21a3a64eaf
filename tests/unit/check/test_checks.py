"""All checks together: each is made whatever becomes of the others, and no secret comes out."""

from __future__ import annotations

import json

import pytest

from bot.check import Grade, passed, run_checks
from bot.check.finding import ok, warning, wrong
from tests.unit.check.scene import ALL, APP_TOKEN, BOT_TOKEN, SECRETS, Given, the, welcome
from tests.unit.slack.loopback import Reply, refusal, slack_and_client

NOBODY = "http://127.0.0.1:9"


def test_only_what_is_wrong_fails() -> None:
    assert passed([ok("a", "b"), warning("a", "b", "c")])
    assert not passed([ok("a", "b"), wrong("a", "b", "c")])


@pytest.mark.anyio
async def test_with_everything_away_everything_is_still_said(given: Given) -> None:
    findings = await run_checks(
        given(DATABASE_URL="postgresql://rescind:hunter22@127.0.0.1:9/x", SLACK_API_URL=NOBODY)
    )
    wrong = {finding.what for finding in findings if finding.grade is Grade.WRONG}
    assert wrong == {"database", "Slack", "venue acme"}
    assert the(findings, "people, policies and channels").grade is Grade.WARNING
    assert the(findings, "settings").grade is Grade.OK
    assert all(finding.to_do for finding in findings if finding.grade is not Grade.OK)
    assert not any(secret in str(findings) for secret in (*SECRETS, "hunter22"))


@pytest.mark.anyio
async def test_tokens_are_not_sent_where_they_could_be_read_on_the_way(given: Given) -> None:
    findings = await run_checks(given(SLACK_API_URL="http://slack.invalid/api/"))
    assert the(findings, "Slack").grade is Grade.WRONG
    assert "slack.invalid was not asked" in the(findings, "Slack").text


@pytest.mark.anyio
async def test_what_slack_repeats_of_our_secrets_is_not_repeated(given: Given) -> None:
    async with slack_and_client() as (slack, _):
        slack.replies["auth.test"] = [welcome(*ALL, team=f"\x1b[2J{BOT_TOKEN}")]
        slack.replies["apps.connections.open"] = [refusal(f"no {APP_TOKEN}")]
        findings = await run_checks(given(SLACK_API_URL=slack.base, SLACK_APP_TOKEN=APP_TOKEN))
    assert "•••" in the(findings, "Slack").text
    assert "•••" in the(findings, "Socket Mode").text
    assert not any(secret in str(findings) for secret in SECRETS)
    assert all(finding.text.isprintable() for finding in findings)


@pytest.mark.anyio
async def test_slack_is_only_asked_what_changes_nothing(given: Given) -> None:
    toml = """
[policy]
approvers = ["U0APPROVE", "S0APPROVE"]
channels = ["C0REFUNDS"]
"""
    async with slack_and_client() as (slack, _):
        slack.replies["auth.test"] = [welcome(*ALL)]
        slack.groups["S0APPROVE"] = ["U0SECOND"]
        slack.replies["conversations.history"] = [Reply({"ok": True, "messages": []})]
        await run_checks(given(toml, SLACK_API_URL=slack.base, SLACK_APP_TOKEN=APP_TOKEN))
    assert set(slack.methods) == {
        "auth.test",
        "apps.connections.open",
        "users.info",
        "usergroups.users.list",
        "conversations.history",
    }


@pytest.mark.anyio
async def test_findings_travel_as_json_of_one_shape(given: Given) -> None:
    findings = await run_checks(given(SLACK_API_URL=NOBODY))
    shown = json.loads(json.dumps([finding.as_dict() for finding in findings]))
    assert all(list(each) == ["what", "grade", "text", "to_do"] for each in shown)
    assert {each["grade"] for each in shown} <= {"ok", "warning", "wrong"}
    assert all(isinstance(value, str) for each in shown for value in each.values())
