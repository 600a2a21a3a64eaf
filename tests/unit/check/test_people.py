"""Whether the people and user groups that a policy names can do what they are named for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.check.finding import Finding, Grade
from bot.check.people import about_people
from bot.domain.policy import BreakGlass, Policy, Tier
from bot.slack.directory import Home
from tests.examples import VENUE
from tests.unit.check.scene import asked_slack, grades, the
from tests.unit.slack.loopback import CUT, TEAM, Reply, Slack, member, refusal

HOME = Home(TEAM)
ANN, BEN = "U0ANN", "U0BEN"
GROUP = "S0APPROVE"
ODD: dict[str, dict[str, Any]] = {
    "a guest": member(ANN, is_restricted=True),
    "a bot": member(ANN, is_bot=True),
    "deactivated": member(ANN, deleted=True),
    "of another workspace": member(ANN, team_id="T0ELSE"),
}


class Asked:
    """A venue's policy, looked at with what Slack says of people and groups."""

    def __init__(self, **policy: Any) -> None:  # noqa: ANN401 - a policy's fields
        self.venue = replace(VENUE, policy=Policy(**policy))
        self.slack = Slack()

    def group(self, *members: str, name: str = GROUP) -> Asked:
        self.slack.groups[name] = list(members)
        return self

    def shown(self, shown: dict[str, Any], user: str = ANN) -> Asked:
        self.slack.people[user] = shown
        return self

    def replying(self, method: str, *replies: Reply) -> Asked:
        self.slack.replies[method] = list(replies)
        return self

    async def findings(self) -> list[Finding]:
        async with asked_slack() as (slack, asker):
            for name in ("groups", "people", "replies"):
                getattr(slack, name).update(getattr(self.slack, name))
            return await about_people(asker, HOME, [self.venue])


def ids(*each: str) -> frozenset[str]:
    return frozenset(each)


@pytest.mark.anyio
async def test_people_and_groups_who_can_are_ok() -> None:
    asked = Asked(approvers=ids(ANN, GROUP), mentions=(BEN,)).group(BEN)
    findings = await asked.findings()
    assert [finding.what for finding in findings] == ["policy of riverside"]
    assert grades(findings) == {Grade.OK}


@pytest.mark.anyio
async def test_a_default_policy_asks_nobody_and_is_not_called_fine() -> None:
    assert await Asked(is_default=True).findings() == []


@pytest.mark.parametrize("how", ODD)
@pytest.mark.anyio
async def test_an_approver_who_could_not_act_is_named_by_id(how: str) -> None:
    findings = await Asked(approvers=ids(ANN, BEN)).shown(ODD[how]).findings()
    finding = the(findings, f"user {ANN}")
    assert finding.grade is Grade.WARNING
    assert f"Named in approvers (riverside), but {how}" in finding.text
    assert the(findings, "policy of riverside").grade is Grade.OK


@pytest.mark.parametrize("how", ODD)
@pytest.mark.anyio
async def test_a_policy_with_nobody_left_to_approve_is_wrong(how: str) -> None:
    findings = await Asked(approvers=ids(ANN)).shown(ODD[how]).findings()
    finding = the(findings, "policy of riverside")
    assert finding.grade is Grade.WRONG
    assert finding.text == "approvers: nobody is left who may approve."


@pytest.mark.anyio
async def test_somebody_who_does_not_exist_is_wrong_even_on_a_deny_list() -> None:
    asked = Asked(approvers=ids(BEN), deny_approvers=ids(ANN))
    asked.replying("users.info", refusal("user_not_found"))
    findings = await asked.findings()
    assert the(findings, f"user {ANN}").grade is Grade.WRONG
    assert "deny_approvers (riverside), but Slack shows nobody" in the(findings, f"user {ANN}").text


@pytest.mark.anyio
async def test_who_is_denied_need_not_be_able_to_act() -> None:
    asked = Asked(approvers=ids(BEN), deny_approvers=ids(ANN)).shown(ODD["deactivated"])
    assert grades(await asked.findings()) == {Grade.OK}


@pytest.mark.anyio
async def test_somebody_of_whom_slack_says_too_little_is_warned_of() -> None:
    findings = (
        await Asked(approvers=ids(ANN, BEN))
        .shown({"id": ANN, "team_id": TEAM, "deleted": False})
        .findings()
    )
    assert the(findings, f"user {ANN}").grade is Grade.WARNING
    assert "does not say" in the(findings, f"user {ANN}").text


@pytest.mark.anyio
async def test_too_few_for_a_tier_is_wrong_with_the_numbers() -> None:
    tiers = (Tier(), Tier(approvals=3, approvers=ids(GROUP)))
    findings = await Asked(tiers=tiers, approvers=ids(ANN)).group(ANN, BEN).findings()
    finding = the(findings, "policy of riverside")
    assert finding.grade is Grade.WRONG
    assert finding.text == "tiers[1]: 3 different people have to approve, and 2 may."


@pytest.mark.anyio
async def test_a_rule_that_whoever_asks_is_needed_for_is_wrong() -> None:
    both = ids(ANN, BEN)
    asked = Asked(requesters=both, approvers=both, tiers=(Tier(approvals=2),))
    finding = the(await asked.findings(), "policy of riverside")
    assert finding.grade is Grade.WRONG
    assert finding.text.startswith("tiers[0]: whoever may ask is needed to approve it as well")
    assert "2 must approve, and with whoever asked 2 may" in finding.text


@pytest.mark.parametrize(
    "other", [{"self_approval": True}, {"requesters": None}, {"approvers": ids(ANN, BEN, "U0CAT")}]
)
@pytest.mark.anyio
async def test_a_rule_that_others_can_satisfy_is_ok(other: dict[str, Any]) -> None:
    policy = {"requesters": ids(ANN, BEN), "approvers": ids(ANN, BEN)} | other
    findings = await Asked(tiers=(Tier(approvals=2),), **policy).findings()
    assert grades(findings) == {Grade.OK}


@pytest.mark.anyio
async def test_more_rejections_than_people_are_warned_of() -> None:
    asked = Asked(approvers=ids(ANN, BEN), rejections=3)
    finding = the(await asked.findings(), "policy of riverside")
    assert finding.grade is Grade.WARNING
    assert finding.text == "rejections: 3 different people have to reject, and 2 may."
    assert finding.to_do


@pytest.mark.anyio
async def test_as_many_rejections_as_people_are_ok() -> None:
    assert grades(await Asked(approvers=ids(ANN, BEN), rejections=2).findings()) == {Grade.OK}


@pytest.mark.anyio
async def test_members_of_a_group_who_could_not_act_do_not_count() -> None:
    findings = await Asked(approvers=ids(GROUP)).group(ANN).shown(ODD["deactivated"]).findings()
    assert "no full member" in the(findings, f"user group {GROUP}").text
    assert the(findings, "policy of riverside").grade is Grade.WRONG


@pytest.mark.anyio
async def test_the_members_of_a_large_group_are_not_all_looked_up() -> None:
    crowd = [f"U0{number:03}" for number in range(200)]
    async with asked_slack() as (slack, asker):
        slack.groups[GROUP] = crowd
        venue = replace(VENUE, policy=Policy(approvers=ids(GROUP)))
        assert grades(await about_people(asker, HOME, [venue])) == {Grade.OK}
        assert slack.methods == ["usergroups.users.list"]


@pytest.mark.anyio
async def test_an_empty_group_is_warned_of_by_name() -> None:
    findings = await Asked(approvers=ids(ANN, GROUP)).group().findings()
    finding = the(findings, f"user group {GROUP}")
    assert finding.grade is Grade.WARNING
    assert "nobody is in it" in finding.text


@pytest.mark.anyio
async def test_an_empty_group_of_people_who_are_denied_is_fine() -> None:
    asked = Asked(approvers=ids(ANN), deny_approvers=ids(GROUP)).group()
    assert grades(await asked.findings()) == {Grade.OK}


@pytest.mark.anyio
async def test_a_group_that_does_not_exist_is_wrong() -> None:
    findings = await Asked(approvers=ids(ANN, GROUP)).findings()
    assert the(findings, f"user group {GROUP}").grade is Grade.WRONG
    assert "no such user group" in the(findings, f"user group {GROUP}").text
    assert the(findings, "policy of riverside").grade is Grade.OK


@pytest.mark.anyio
async def test_a_disabled_group_is_told_from_one_that_does_not_exist() -> None:
    asked = Asked(approvers=ids(GROUP))
    listed = Reply({"ok": True, "users": [ANN]})
    asked.replying("usergroups.users.list", refusal("no_such_subteam"), listed)
    findings = await asked.findings()
    assert "disabled" in the(findings, f"user group {GROUP}").text
    assert the(findings, "policy of riverside").grade is Grade.WRONG


@pytest.mark.anyio
async def test_a_group_that_cannot_be_read_names_the_scope() -> None:
    asked = Asked(approvers=ids(ANN, GROUP))
    findings = await asked.replying("usergroups.users.list", refusal("missing_scope")).findings()
    finding = the(findings, f"user group {GROUP}")
    assert finding.grade is Grade.WRONG
    assert "usergroups:read" in finding.text


@pytest.mark.anyio
async def test_a_denied_group_that_cannot_be_read_lets_nobody_approve() -> None:
    asked = Asked(approvers=ids(ANN), deny_approvers=ids(GROUP))
    findings = await asked.replying("usergroups.users.list", refusal("missing_scope")).findings()
    assert the(findings, "policy of riverside").grade is Grade.WRONG


@pytest.mark.anyio
async def test_a_group_that_is_only_mentioned_stops_nobody() -> None:
    asked = Asked(approvers=ids(ANN), mentions=(GROUP,))
    findings = await asked.replying("usergroups.users.list", refusal("missing_scope")).findings()
    assert the(findings, f"user group {GROUP}").grade is Grade.WARNING
    assert Grade.WRONG not in grades(findings)


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        ({"requesters": ids(ANN)}, "requesters"),
        ({"requesters": ids(BEN), "deny_requesters": ids(BEN)}, "requesters"),
        ({"break_glass": BreakGlass(ids(ANN))}, "break_glass.who"),
        ({"escalate_to": (ANN,)}, "escalate_to"),
    ],
)
@pytest.mark.anyio
async def test_a_list_that_nobody_is_left_on_is_wrong(policy: dict[str, Any], rule: str) -> None:
    findings = await Asked(approvers=ids(BEN), **policy).shown(ODD["deactivated"]).findings()
    finding = the(findings, "policy of riverside")
    assert finding.grade is Grade.WRONG
    assert finding.text.startswith(f"{rule}: nobody is left")


@pytest.mark.anyio
async def test_what_keeps_slack_from_telling_is_said_once_for_all() -> None:
    asked = Asked(approvers=ids(ANN, BEN))
    findings = await asked.replying("users.info", refusal("missing_scope")).findings()
    finding = the(findings, "people")
    assert finding.grade is Grade.WARNING
    assert finding.text == "2 could not be looked up: missing_scope"


@pytest.mark.anyio
async def test_slack_falling_silent_is_not_held_against_people() -> None:
    asked = Asked(approvers=ids(ANN)).replying("users.info", Reply(None, CUT))
    assert grades(await asked.findings()) == {Grade.WARNING, Grade.OK}


@pytest.mark.anyio
async def test_without_knowing_our_workspace_nobody_is_judged() -> None:
    async with asked_slack() as (slack, asker):
        (finding,) = await about_people(asker, None, [VENUE])
        assert slack.calls == []
    assert finding.grade is Grade.WARNING


@pytest.mark.anyio
async def test_nobodys_name_is_repeated() -> None:
    shown = ODD["a guest"] | {"name": "ann.archer", "real_name": "Ann Archer"}
    findings = await Asked(approvers=ids(ANN)).shown(shown).findings()
    assert "rcher" not in str(findings)
