"""What `users.info` says of people: a full member is who is called one, and nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.person import Standing
from bot.domain.request import Actor
from bot.slack.directory import Directory, Home, standing
from tests.unit.slack.fake_posts import Clock
from tests.unit.slack.loopback import TEAM, Json, Reply, member, slack_and_client

ROBIN = "U0ROBIN"
HOME = Home(TEAM)
IN_GRID = Home(TEAM, "E0CHAIN")
OF_GRID = Home(TEAM, "E0CHAIN", is_whole_organisation=True)
FLAGS = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted")


def robin(**other: object) -> Json:
    return member(ROBIN, **other)


def without(field: str) -> Json:
    return {name: value for name, value in robin().items() if name != field}


# Slack leaves out most of an account that was deactivated, and nothing of Slackbot.
SHOWN = [
    (robin(), Standing.MEMBER),
    (robin(is_admin=True, is_owner=True), Standing.MEMBER),
    (robin(is_workflow_bot=False, is_stranger=False), Standing.MEMBER),
    (robin(is_restricted=True), Standing.GUEST),
    (robin(is_restricted=True, is_ultra_restricted=True), Standing.GUEST),
    (robin(is_bot=True), Standing.BOT),
    (robin(is_workflow_bot=True), Standing.BOT),
    (robin(deleted=True), Standing.DEACTIVATED),
    ({"id": ROBIN, "team_id": TEAM, "deleted": True}, Standing.DEACTIVATED),
    (robin(is_stranger=True), Standing.STRANGER),
    (robin(team_id="T0PARTNER"), Standing.STRANGER),
    (robin(team_id="T0PARTNER", is_restricted=True), Standing.STRANGER),
    ({}, Standing.UNKNOWN),
    (member("U0OTHER"), Standing.UNKNOWN),
    (robin(deleted=None), Standing.UNKNOWN),
    (robin(deleted="no"), Standing.UNKNOWN),
    (robin(is_restricted=None), Standing.UNKNOWN),
    (robin(is_restricted="no"), Standing.UNKNOWN),
    ({"id": ROBIN}, Standing.UNKNOWN),
    ({"id": ROBIN, "team_id": TEAM, "deleted": False}, Standing.UNKNOWN),
    *((without(flag), Standing.UNKNOWN) for flag in FLAGS),
]


@pytest.mark.parametrize(("user", "expected"), SHOWN)
@pytest.mark.anyio
async def test_slack_says_what_somebody_is(user: Json, expected: Standing) -> None:
    async with slack_and_client() as (slack, client):
        slack.replies["users.info"] = [Reply({"ok": True, "user": user})]
        found = await Directory(client, Clock()).person(Actor(ROBIN, TEAM), frozenset())
        assert found.standing is expected


def test_slackbot_does_not_call_itself_a_bot() -> None:
    assert standing("USLACKBOT", member("USLACKBOT"), HOME) is Standing.BOT


def test_whose_workspace_is_not_said_is_unknown() -> None:
    assert standing(ROBIN, without("team_id"), HOME) is Standing.UNKNOWN


def grid(enterprise: str, *teams: str, team: str = "T0OTHER") -> Json:
    """Somebody of an organisation; `team` is the workspace that Slack names first."""
    return robin(team_id=team, enterprise_user={"enterprise_id": enterprise, "teams": list(teams)})


ORGANISED = [
    (HOME, grid("E0CHAIN", "T0OTHER", TEAM), Standing.STRANGER),
    (IN_GRID, grid("E0CHAIN", TEAM, team=TEAM), Standing.MEMBER),
    (IN_GRID, grid("E0CHAIN", "T0OTHER", TEAM), Standing.MEMBER),
    (IN_GRID, grid("E0CHAIN", "T0OTHER"), Standing.STRANGER),
    (IN_GRID, grid("E0RIVAL", TEAM), Standing.STRANGER),
    (IN_GRID, robin(team_id="T0OTHER"), Standing.STRANGER),
    (OF_GRID, grid("E0CHAIN", "T0OTHER"), Standing.MEMBER),
    (OF_GRID, grid("E0CHAIN"), Standing.MEMBER),
    (OF_GRID, grid("E0RIVAL", TEAM, team=TEAM), Standing.STRANGER),
    (OF_GRID, robin(), Standing.STRANGER),
    (OF_GRID, grid("E0CHAIN") | {"is_restricted": True}, Standing.GUEST),
]


@pytest.mark.parametrize(("home", "user", "expected"), ORGANISED)
def test_in_an_organisation_people_may_be_of_several_workspaces(
    home: Home, user: Json, expected: Standing
) -> None:
    assert standing(ROBIN, user, home) is expected


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        (Actor(ROBIN, TEAM, "E0CHAIN"), Standing.MEMBER),
        (Actor(ROBIN, "T0OTHER", "E0CHAIN"), Standing.MEMBER),
        (Actor(ROBIN, "", "E0CHAIN"), Standing.MEMBER),
        (Actor(ROBIN, "T0OTHER", "E0RIVAL"), Standing.STRANGER),
        (Actor(ROBIN, "T0OTHER"), Standing.STRANGER),
    ],
)
@pytest.mark.anyio
async def test_somebody_of_the_organisation_may_act_from_any_workspace_of_it(
    actor: Actor, expected: Standing
) -> None:
    async with slack_and_client() as (slack, client):
        us = {"team_id": TEAM, "enterprise_id": "E0CHAIN", "is_enterprise_install": False}
        slack.replies["auth.test"] = [Reply({"ok": True} | us)]
        slack.people[ROBIN] = grid("E0CHAIN", "T0OTHER", TEAM)
        found = await Directory(client, Clock()).person(actor, frozenset())
        assert found.standing is expected


odd: st.SearchStrategy[object] = st.sampled_from((True, False, None, "", "false", 1, [], {}))
fields = ("team_id", *FLAGS, "is_workflow_bot", "is_stranger", "enterprise_user", "id")


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(fields), odd, max_size=3),
    st.frozensets(st.sampled_from(fields), max_size=2),
    st.sampled_from((HOME, IN_GRID, OF_GRID)),
)
def test_nobody_is_a_member_by_what_was_left_out_or_is_odd(
    changed: Json, left_out: frozenset[str], home: Home
) -> None:
    shown = robin(enterprise_user={"enterprise_id": "E0CHAIN", "teams": [TEAM]})
    user = {name: value for name, value in (shown | changed).items() if name not in left_out}
    if standing(ROBIN, user, home) is Standing.MEMBER:
        assert all(user[flag] is False for flag in FLAGS)
        assert not user.get("is_workflow_bot")
        assert not user.get("is_stranger")
        assert user["id"] == ROBIN
