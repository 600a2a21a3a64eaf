"""Who is who in the Slack stand-in: what it says of people, groups and organisations, and to whom.

Shapes: docs.slack.dev, users.info and "Understanding Slack Connect"; bolt-python's own tests.
"""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.slack_desk import (
    AVERY,
    COURIER,
    EVERYTHING,
    EZRA,
    GALE,
    KAI,
    LIN,
    NOOR,
    REFUNDS,
    ROBIN,
    SAM,
    TOURING,
    Desk,
    Json,
    actions,
    button,
    desk,
    modal,
)

ORGANISATION = {"id": "E0ARTS", "name": "Arts Council"}


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def shown(at: Desk, user: str) -> Json:
    """What `users.info` says of somebody."""
    answer = at.api("users.info", user=user)
    assert answer["ok"], answer
    described: Json = answer["user"]
    return described


def administer(at: Desk, what: str, **given: object) -> Json:
    """Change people, groups or the organisation."""
    answer: Json = at.http.post(f"/ui/slack/{what}", json=given).json()
    return answer


def flags(at: Desk, user: str) -> set[str]:
    names = ("is_restricted", "is_ultra_restricted", "is_bot", "is_app_user", "deleted")
    return {name for name in names if shown(at, user).get(name)}


def click(at: Desk, user: str, channel: str = REFUNDS, **given: object) -> Json:
    """Click on a fresh card."""
    ts = at.post("card", channel=channel, blocks=[actions(button())])
    place = {"channel": channel, "message_ts": ts, "block_id": "buttons", "action_id": "approve"}
    return at.ui("action", user=user, **place, **given)


def members(at: Desk, group: str, **more: object) -> Json:
    return at.api("usergroups.users.list", usergroup=group, **more)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (ROBIN, set()),
        (NOOR, set()),
        (GALE, {"is_restricted"}),
        (LIN, {"is_restricted", "is_ultra_restricted"}),
        (COURIER, {"is_bot"}),
        ("U0RESCIND", {"is_bot"}),
        ("USLACKBOT", set()),
        (EZRA, {"deleted"}),
    ],
)
def test_everybody_is_told_apart_by_their_flags(at: Desk, user: str, expected: set[str]) -> None:
    assert flags(at, user) == expected
    assert shown(at, user)["team_id"] == "T0SANDBOX"
    assert "is_stranger" not in shown(at, user)
    assert "enterprise_user" not in shown(at, user)


def test_nobody_is_found_under_an_unknown_id(at: Desk) -> None:
    assert at.api("users.info", user="U0NOBODY") == {"ok": False, "error": "user_not_found"}


def test_of_deactivated_people_slack_says_little(at: Desk) -> None:
    assert set(shown(at, EZRA)) == {
        *("id", "team_id", "name", "deleted", "profile", "is_bot", "is_app_user", "updated")
    }


def test_of_another_workspaces_people_slack_says_neither_guest_nor_time_zone(at: Desk) -> None:
    outsider = shown(at, KAI)
    assert (outsider["team_id"], outsider["profile"]["team"]) == ("T0PARTNER", "T0PARTNER")
    assert {"is_restricted", "is_ultra_restricted", "is_admin", "tz"}.isdisjoint(outsider)


def test_a_stranger_is_only_who_shares_no_channel_with_the_bot(at: Desk) -> None:
    assert shown(at, KAI)["is_stranger"] is False
    at.ui("members", channel=TOURING, user="U0RESCIND", present=False)
    assert shown(at, KAI)["is_stranger"] is True
    administer(at, "people", user=KAI, is_stranger=False)
    assert shown(at, KAI)["is_stranger"] is False


def test_an_e_mail_address_needs_its_own_scope(at: Desk) -> None:
    assert "email" not in shown(at, ROBIN)["profile"]
    with desk(granted_scopes=(*EVERYTHING, "users:read.email")) as other:
        assert "@" in shown(other, ROBIN)["profile"]["email"]


def test_a_channel_with_outsiders_in_it_is_a_shared_one(at: Desk) -> None:
    def shared(channel: str) -> tuple[bool, list[str]]:
        described = at.api("conversations.info", channel=channel)["channel"]
        return described["is_ext_shared"], described["connected_team_ids"]

    assert shared(TOURING) == (True, ["T0PARTNER"])
    assert shared(REFUNDS) == (False, [])
    at.ui("members", channel=REFUNDS, user=KAI, present=True)
    assert shared(REFUNDS) == (True, ["T0PARTNER"])


def test_an_outsiders_click_bears_their_team_beside_the_one_of_the_app(at: Desk) -> None:
    assert click(at, KAI, TOURING)["ok"]
    sent = at.bot.last
    assert (sent["user"]["team_id"], sent["team"]["id"]) == ("T0PARTNER", "T0SANDBOX")
    ts = at.ui("message", user=KAI, channel=TOURING, text="hello")["ts"]
    read = at.api("conversations.history", channel=TOURING, latest=ts, inclusive="1", limit=1)
    assert read["messages"][0]["team"] == "T0PARTNER"


def test_only_the_view_of_an_outsiders_form_tells_where_the_app_is_installed(at: Desk) -> None:
    click(at, KAI, TOURING)
    view = at.api("views.open", trigger_id=at.bot.last["trigger_id"], view=modal())["view"]
    values = {"reason": {"value": {"value": "ill"}}}
    at.ui("submit", user=KAI, view_id=view["id"], values=values)
    sent = at.bot.last
    assert sent["team"] == {"id": "T0PARTNER", "domain": "lakeside-hall"}
    assert sent["user"]["team_id"] == "T0PARTNER"
    assert sent["view"]["team_id"] == "T0PARTNER"
    assert sent["view"]["app_installed_team_id"] == "T0SANDBOX"


def test_outsiders_have_neither_the_apps_commands_nor_its_shortcuts(at: Desk) -> None:
    ts = at.post("card", channel=TOURING)
    typed = at.command(user=KAI, channel=TOURING)
    assert (typed["error"], typed["message"]) == (
        "unknown_command",
        "/cancel-order is not a valid command.",
    )
    for callback_id in ("cancel_order_global", "cancel_order_message"):
        used = at.ui("shortcut", user=KAI, channel=TOURING, message_ts=ts, callback_id=callback_id)
        assert used["error"] == "unknown_shortcut"
    state = at.state(KAI, TOURING)
    assert (state["commands"], state["shortcuts"], at.bot.received) == ([], [], [])


def test_deactivated_people_do_only_what_was_already_under_way(at: Desk) -> None:
    assert click(at, EZRA)["error"] == "user_deactivated"
    assert at.command(user=EZRA)["error"] == "user_deactivated"
    assert at.bot.received == []
    assert click(at, EZRA, in_flight=True)["ok"]
    assert at.bot.last["user"]["id"] == EZRA


def test_nobody_can_write_to_deactivated_people(at: Desk) -> None:
    private = at.api("chat.postEphemeral", channel=REFUNDS, user=EZRA, text="you may not")
    assert private["error"] == "user_not_in_channel"
    assert at.api("conversations.open", users=EZRA)["error"] == "user_disabled"


def test_another_apps_bot_can_be_used_by_somebody_but_not_written_to(at: Desk) -> None:
    assert click(at, COURIER)["ok"]
    assert at.bot.last["user"]["id"] == COURIER
    assert at.api("conversations.open", users=COURIER)["error"] == "cannot_dm_bot"
    assert at.ui("message", user="U0RESCIND", channel=REFUNDS, text="x")["error"] == (
        "user_not_found"
    )


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("S0APPROVE", [AVERY, SAM]),
        ("S0FINANCE", [SAM]),
        ("S0EMPTY", []),
        ("S0FORMER", [EZRA]),
    ],
)
def test_a_user_group_lists_its_members_even_those_who_left(
    at: Desk, group: str, expected: list[str]
) -> None:
    assert members(at, group) == {"ok": True, "users": expected}


def test_a_user_group_that_is_not_there_has_no_members(at: Desk) -> None:
    gone = {"ok": False, "error": "no_such_subteam"}
    assert members(at, "S0NONE") == members(at, "S0DISABLED") == gone
    assert members(at, "S0DISABLED", include_disabled="1")["users"] == [AVERY, SAM]


def test_a_user_group_can_be_changed_made_and_disabled(at: Desk) -> None:
    made = {"id": "S0NEW", "handle": "new", "users": [NOOR], "disabled": False}
    answer = administer(at, "groups", group="S0NEW", handle="new", users=[NOOR])
    assert answer == {"ok": True, "group": made}
    administer(at, "groups", group="S0APPROVE", users=[NOOR])
    assert members(at, "S0APPROVE")["users"] == members(at, "S0NEW")["users"] == [NOOR]
    administer(at, "groups", group="S0APPROVE", disabled=True)
    assert members(at, "S0APPROVE")["error"] == "no_such_subteam"


def test_a_person_can_become_somebody_else(at: Desk) -> None:
    answer = administer(at, "people", user=AVERY, is_ultra_restricted=True)
    assert answer["user"] == shown(at, AVERY)
    assert flags(at, AVERY) == {"is_restricted", "is_ultra_restricted"}
    administer(at, "people", user=AVERY, is_ultra_restricted=False, is_bot=True)
    assert flags(at, AVERY) == {"is_bot"}
    administer(at, "people", user=AVERY, team_id="T0PARTNER")
    click(at, AVERY)
    assert at.bot.last["user"]["team_id"] == shown(at, AVERY)["team_id"] == "T0PARTNER"
    administer(at, "people", user=AVERY, deleted=True)
    assert click(at, AVERY)["error"] == "user_deactivated"


@pytest.mark.parametrize(
    ("path", "given", "error"),
    [
        ("people", {"user": "U0NOBODY", "deleted": True}, "user_not_found"),
        ("people", {"user": "U0RESCIND", "deleted": True}, "user_not_found"),
        ("people", {"user": AVERY, "is_owner": True}, "unknown_change"),
        ("people", {"user": AVERY, "deleted": "yes"}, "invalid_deleted"),
        ("people", {"user": AVERY, "teams": "T0PARTNER"}, "invalid_teams"),
        ("people", {"user": AVERY, "team_id": ""}, "invalid_team_id"),
        ("groups", {"group": "S0NONE", "users": []}, "group_not_found"),
        ("groups", {"group": "S0APPROVE", "users": ["U0NOBODY"]}, "user_not_found"),
        ("groups", {"group": "S0APPROVE", "users": [7]}, "invalid_users"),
        ("organisation", {"id": "T0SANDBOX"}, "invalid_id"),
        ("organisation", {"id": "E0ARTS", "teams": ["T0ANNEX"]}, "invalid_teams"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    at: Desk, path: str, given: Json, error: str
) -> None:
    before = dict(at.sandbox.slack.users), dict(at.sandbox.slack.user_groups)
    answer = administer(at, path, **given)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert (at.sandbox.slack.users, at.sandbox.slack.user_groups) == before
    assert at.sandbox.slack.organisation is None


def organise(at: Desk, **more: object) -> None:
    answer = administer(at, "organisation", **ORGANISATION, **more)
    assert answer == {"ok": True}


def test_an_organisation_is_named_wherever_slack_names_it(at: Desk) -> None:
    organise(at)
    bot = at.api("auth.test")
    assert (bot["team_id"], bot["enterprise_id"]) == ("T0SANDBOX", "E0ARTS")
    assert bot["is_enterprise_install"] is False
    assert shown(at, ROBIN)["enterprise_user"] == {
        "id": ROBIN,
        "enterprise_id": "E0ARTS",
        "enterprise_name": "Arts Council",
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "teams": ["T0SANDBOX"],
    }
    at.command()
    assert (at.bot.last["enterprise_id"], at.bot.last["enterprise_name"]) == (
        "E0ARTS",
        "Arts Council",
    )
    click(at, ROBIN)
    assert at.bot.last["enterprise"] == ORGANISATION
    assert at.bot.last["team"]["enterprise_id"] == "E0ARTS"
    assert at.bot.last["user"]["team_id"] == "T0SANDBOX"


def test_without_an_organisation_none_is_named(at: Desk) -> None:
    organise(at)
    administer(at, "organisation", id=None)
    assert "enterprise_id" not in at.api("auth.test")
    click(at, ROBIN)
    assert at.bot.last["enterprise"] is None
    assert "enterprise_id" not in at.bot.last["team"]


@pytest.mark.parametrize("team", ["E0ARTS", "T0ANNEX"])
def test_in_an_organisation_a_click_may_bear_another_team_than_the_workspaces(
    at: Desk, team: str
) -> None:
    organise(at, teams=["T0SANDBOX", "T0ANNEX"], user_team_id=team)
    click(at, AVERY)
    assert (at.bot.last["user"]["team_id"], at.bot.last["team"]["id"]) == (team, "T0SANDBOX")
    click(at, KAI, TOURING)
    assert at.bot.last["user"]["team_id"] == "T0PARTNER"


def test_people_of_a_sister_workspace_belong_to_the_organisation(at: Desk) -> None:
    administer(at, "people", user=AVERY, team_id="T0ANNEX")
    assert "enterprise_user" not in shown(at, AVERY)
    organise(at, teams=["T0SANDBOX", "T0ANNEX"])
    assert shown(at, AVERY)["enterprise_user"]["teams"] == ["T0ANNEX"]
    assert at.command(user=AVERY)["error"] == "unknown_command"
    administer(at, "people", user=AVERY, teams=["T0ANNEX", "T0SANDBOX"])
    assert shown(at, AVERY)["enterprise_user"]["teams"] == ["T0ANNEX", "T0SANDBOX"]
    assert at.command(user=AVERY)["ok"]
    assert "enterprise_user" not in shown(at, KAI)


def test_an_app_installed_on_all_workspaces_is_told_none(at: Desk) -> None:
    organise(at, is_installed_on_all=True)
    bot = at.api("auth.test")
    assert (bot["team_id"], bot["is_enterprise_install"]) == ("E0ARTS", True)
    view = at.open_modal(modal())
    assert (at.bot.last["team"], at.bot.last["is_enterprise_install"]) == (None, True)
    at.ui("submit", view_id=view["id"], values={"reason": {"value": {"value": "ill"}}})
    assert (at.bot.last["team"], at.bot.last["view"]["app_installed_team_id"]) == (None, "E0ARTS")
    at.command()
    assert at.bot.last["is_enterprise_install"] == "true"


def test_a_reset_brings_everybody_back(at: Desk) -> None:
    organise(at)
    administer(at, "people", user=AVERY, deleted=True)
    administer(at, "groups", group="S0APPROVE", users=[])
    at.ui("reset")
    assert "enterprise_id" not in at.api("auth.test")
    assert members(at, "S0APPROVE")["users"] == [AVERY, SAM]
    assert click(at, AVERY)["ok"]


def test_the_page_is_told_who_may_not_act_and_which_groups_there_are(at: Desk) -> None:
    people = {user["id"]: user for user in at.state()["users"]}
    assert [user for user in people if people[user]["deleted"]] == [EZRA]
    assert [user for user in people if people[user]["is_outsider"]] == [KAI]
    assert people[LIN]["is_ultra_restricted"]
    assert {"id": "S0FINANCE", "handle": "finance"} in at.state()["groups"]
