"""Enterprise Grid: one person in several workspaces is one person, and strangers stay strangers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.sandbox.server import RunningSandbox
from bot.sandbox.slack.cast import TEAM_ID, Organisation, User
from tests.integration.stage import APPROVER, QUICK, REQUESTER, Case, Stage, open_stage, words

CHAIN, BRANCH = "E0CHAIN", "T0BRANCH"
# Of our workspace and of another one of the organisation; of the other one only; of none.
TRAVELLER, COUSIN, PARTNER, TOURING = "U0TRAVEL", "U0COUSIN", "U0PARTNER", "C0PARTNER"
STRANGER = "This belongs to another workspace than yours"


def organise(sandbox: RunningSandbox, *, as_a_whole: bool, names: str | None) -> None:
    """Put the workspace into an organisation; `names`: what payloads call everybody's team."""
    slack = sandbox.sandbox.slack
    slack.organisation = Organisation(CHAIN, "Chain", (TEAM_ID, BRANCH), names, as_a_whole)
    for user, teams in ((TRAVELLER, (BRANCH, TEAM_ID)), (COUSIN, (BRANCH,))):
        slack.users[user] = User(
            user, user.lower(), user, "member", "#445566", team_id=BRANCH, teams=teams
        )
    for channel in slack.channels.values():
        if channel.name.startswith("c0case"):
            channel.members |= {TRAVELLER, COUSIN}


@pytest.fixture(scope="module", params=[None, BRANCH, CHAIN], ids=lambda name: f"calls-{name}")
def workspace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The app is installed in one workspace of an organisation.

    Slack sends another workspace of somebody's, or the organisation, where their own is expected.
    """
    folder = tmp_path_factory.mktemp("workspace")

    def prepare(sandbox: RunningSandbox) -> None:
        organise(sandbox, as_a_whole=False, names=request.param)

    with open_stage(folder, QUICK, prepare=prepare) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The app is installed on the whole organisation."""

    def prepare(sandbox: RunningSandbox) -> None:
        organise(sandbox, as_a_whole=True, names=None)

    with open_stage(tmp_path_factory.mktemp("whole"), QUICK, prepare=prepare) as running:
        yield running


def approve_and_see(case: Case, user: str) -> None:
    case.approve(user)
    assert f"Approved by <@{user}>" in words(case.card("· cancelled"))


def test_members_of_a_workspace_in_an_organisation_ask_and_approve(workspace: Stage) -> None:
    case = workspace.case()
    case.asked()
    approve_and_see(case, APPROVER)


def test_who_asked_is_the_same_person_whatever_their_team_is_called(workspace: Stage) -> None:
    case = workspace.case()
    case.asked()
    case.click("approve", REQUESTER)
    case.told("You asked for this yourself")
    assert "waiting for approval" in words(case.card())
    case.click("withdraw", REQUESTER)
    case.card("· withdrawn")


def test_somebody_of_two_workspaces_is_let_in(workspace: Stage) -> None:
    case = workspace.case()
    case.asked()
    approve_and_see(case, TRAVELLER)


def test_the_organisations_other_workspaces_are_others(workspace: Stage) -> None:
    case = workspace.case()
    case.asked()
    case.click("approve", COUSIN)
    case.told(STRANGER, COUSIN)
    assert "waiting for approval" in words(case.card())


def test_a_partner_of_no_workspace_of_it_is_a_stranger(workspace: Stage) -> None:
    case = workspace.case(channel=TOURING)
    case.asked()
    case.click("approve", PARTNER)
    case.told(STRANGER, PARTNER)
    assert "waiting for approval" in words(case.card())


def test_who_acts_is_written_down_with_the_organisation(workspace: Stage) -> None:
    case = workspace.case()
    case.asked()
    approve_and_see(case, APPROVER)
    with closing(sqlite3.connect(workspace.bot.folder / "rescind.db")) as connection:
        acted = connection.execute(
            "SELECT DISTINCT actor_enterprise, actor_user FROM audit_events "
            "WHERE order_id = ? AND actor_user IS NOT NULL ORDER BY actor_user",
            (case.order,),
        ).fetchall()
    assert acted == [(CHAIN, APPROVER), (CHAIN, REQUESTER)]


@pytest.mark.parametrize("user", [APPROVER, TRAVELLER, COUSIN])
def test_on_a_whole_organisation_all_its_members_are_members(whole: Stage, user: str) -> None:
    case = whole.case()
    case.asked()
    approve_and_see(case, user)


@pytest.mark.parametrize("user", [REQUESTER, TRAVELLER, COUSIN])
def test_on_a_whole_organisation_nobody_approves_their_own(whole: Stage, user: str) -> None:
    case = whole.case()
    case.ask(user=user)
    case.card("waiting for approval")
    case.click("approve", user)
    case.told("You asked for this yourself", user)
    case.click("withdraw", user)
    case.card("· withdrawn")


def test_on_a_whole_organisation_a_partner_is_a_stranger(whole: Stage) -> None:
    case = whole.case(channel=TOURING)
    case.asked()
    case.click("approve", PARTNER)
    case.told(STRANGER, PARTNER)
    assert "waiting for approval" in words(case.card())


def test_a_form_from_anywhere_in_the_organisation_makes_a_request(whole: Stage) -> None:
    """Its payload names no workspace at all."""
    case = whole.case()
    assert case.people.shortcut("cancel_order_global", COUSIN)["ok"]
    form = case.people.form("cancel_order", COUSIN)
    entered = {"order_id": case.order, "channel": case.channel}
    assert case.people.submit(form, COUSIN, **entered)["ok"]
    case.card("waiting for approval")
    case.click("approve", COUSIN)
    case.told("You asked for this yourself", COUSIN)
    approve_and_see(case, APPROVER)
