"""Whether the bot can work in the channels that the settings name, as far as its scopes tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.check.channels import about_channels
from bot.check.finding import Finding, Grade
from bot.domain.policy import Policy
from tests.examples import VENUE
from tests.unit.check.scene import ALL, NEEDED, asked_slack, grades, the
from tests.unit.slack.loopback import CUT, Reply, refusal

CHANNEL = "C0TICKETS"
NAMING = replace(VENUE, channels=frozenset({CHANNEL}))
READING = frozenset((*ALL, "channels:read"))
EMPTY = Reply({"ok": True, "messages": [], "has_more": False})


def described(**flags: object) -> Reply:
    channel = {"id": CHANNEL, "is_member": True, "is_archived": False, "is_ext_shared": False}
    return Reply({"ok": True, "channel": channel | flags})


async def findings_of(scopes: frozenset[str] | None, **replies: Reply) -> list[Finding]:
    """Look at the channel; what Slack answers is named by the last part of the method."""
    async with asked_slack() as (slack, asker):
        for name, reply in replies.items():
            family = "chat" if name == "getPermalink" else "conversations"
            slack.replies[f"{family}.{name}"] = [reply]
        findings = await about_channels(asker, [NAMING], scopes)
        assert set(slack.methods) <= {
            "conversations.info",
            "conversations.history",
            "chat.getPermalink",
        }
        return findings


@pytest.mark.anyio
async def test_without_named_channels_nobody_is_asked() -> None:
    async with asked_slack() as (slack, asker):
        assert grades(await about_channels(asker, [VENUE], READING)) == {Grade.OK}
        assert slack.calls == []


@pytest.mark.anyio
async def test_a_channel_of_ours_is_ok() -> None:
    assert grades(await findings_of(READING, info=described())) == {Grade.OK}


@pytest.mark.parametrize(
    ("reply", "grade", "said"),
    [
        (described(is_member=False), Grade.WRONG, "not a member"),
        (described(is_archived=True), Grade.WRONG, "archived"),
        (described(is_ext_shared=True), Grade.WARNING, "another organisation"),
        (described(is_pending_ext_shared=True), Grade.WARNING, "another organisation"),
        (refusal("channel_not_found"), Grade.WRONG, "sees no such channel"),
        (refusal("ratelimited", 429), Grade.WARNING, "left alone"),
        (refusal("team_access_not_granted"), Grade.WARNING, "team_access_not_granted"),
        (Reply(None, CUT), Grade.WARNING, "Not checked"),
    ],
)
@pytest.mark.anyio
async def test_what_is_wrong_with_a_channel_is_said(reply: Reply, grade: Grade, said: str) -> None:
    finding = the(await findings_of(READING, info=reply), f"channel {CHANNEL}")
    assert finding.grade is grade
    assert said in finding.text
    assert finding.to_do


@pytest.mark.parametrize(
    ("reply", "grade"),
    [(EMPTY, Grade.OK), (refusal("not_in_channel"), Grade.WRONG)],
)
@pytest.mark.anyio
async def test_the_history_tells_membership_and_that_it_tells_no_more(
    reply: Reply, grade: Grade
) -> None:
    findings = await findings_of(frozenset(ALL), history=reply)
    assert the(findings, f"channel {CHANNEL}").grade is grade
    finding = the(findings, "channels")
    assert finding.grade is Grade.WARNING
    assert "archived" in finding.text
    assert "channels:read" in finding.text


@pytest.mark.anyio
async def test_no_message_is_read_to_learn_of_membership() -> None:
    async with asked_slack() as (slack, asker):
        slack.replies["conversations.history"] = [EMPTY]
        await about_channels(asker, [NAMING], frozenset(ALL))
        ((_, asked),) = slack.calls
    assert asked["oldest"] == asked["latest"]
    assert asked["limit"] == "1"


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        (refusal("message_not_found"), Grade.WARNING),
        (refusal("channel_not_found"), Grade.WRONG),
    ],
)
@pytest.mark.anyio
async def test_without_any_scope_for_it_only_its_existence_is_told(
    reply: Reply, grade: Grade
) -> None:
    blind = frozenset(NEEDED)
    missing = refusal("missing_scope")
    findings = await findings_of(blind, history=missing, getPermalink=reply)
    finding = the(findings, f"channel {CHANNEL}")
    assert finding.grade is grade
    assert ("cannot be checked without" in finding.text) == (grade is Grade.WARNING)


@pytest.mark.anyio
async def test_a_scope_for_the_other_kind_of_channel_is_no_scope() -> None:
    missing = refusal("missing_scope")
    findings = await findings_of(READING, info=missing, history=EMPTY)
    assert the(findings, f"channel {CHANNEL}").grade is Grade.OK
    assert the(findings, "channels").grade is Grade.WARNING


@pytest.mark.anyio
async def test_a_channel_of_a_policy_is_looked_at_once_and_named_by_both_places() -> None:
    both = replace(NAMING, policy=Policy(channels=frozenset({CHANNEL})))
    async with asked_slack() as (slack, asker):
        slack.replies["conversations.info"] = [described(is_archived=True)]
        findings = await about_channels(asker, [both], READING)
        assert len(slack.calls) == 1
    finding = the(findings, f"channel {CHANNEL}")
    assert "channels (riverside); policy.channels (riverside)" in finding.text
