"""Policies that nobody can satisfy, or nobody any more: said at the start, and on the card."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.offices import FAMILY, SHIFT
from tests.integration.stage import APPROVER, MEMBER, REQUESTER, SECOND, Stage, buttons, words

NOBODY = "Nobody can approve this"
A_MINUTE = 60


@pytest.fixture(autouse=True)
def _groups_are_as_before(offices: Stage) -> Iterator[None]:
    yield
    offices.people.slack_fault("usergroups.users.list", None)
    offices.group(SHIFT, users=[APPROVER, SECOND], disabled=False)
    offices.put_forward(A_MINUTE)


@pytest.mark.parametrize(
    ("venue", "sentences"),
    [
        ("empty", [NOBODY, "The user group <!subteam^S0EMPTY> is empty"]),
        ("disabled", [NOBODY, "The user group <!subteam^S0DISABLED> cannot be read"]),
        ("gone", [NOBODY, "none is left"]),
        ("oneself", [NOBODY, f"<@{REQUESTER}>, who asked, is the only one who may"]),
        ("few", ["cannot be approved as things are", "needs 2 different people, and only 1"]),
        ("former", [NOBODY]),
    ],
)
def test_a_card_that_nobody_can_approve_says_so_and_why(
    offices: Stage, venue: str, sentences: list[str]
) -> None:
    case = offices.case(FAMILY, venue)
    card = words(case.asked())
    for sentence in sentences:
        assert sentence in card


@pytest.mark.parametrize("venue", ["plain", "tiers", "shift"])
def test_a_card_that_somebody_can_approve_warns_of_nobody(offices: Stage, venue: str) -> None:
    assert ":warning:" not in words(offices.case(FAMILY, venue).asked())


@pytest.mark.parametrize(
    ("venue", "problem"),
    [
        ("empty", "problem=no_approver"),
        ("empty", "group=S0EMPTY"),
        ("disabled", "problem=group_unreadable"),
        ("gone", "problem=no_approver"),
        ("few", "problem=too_few_approvers"),
        pytest.param("former", "problem=no_approver"),
    ],
)
def test_the_log_tells_an_operator_at_the_start(offices: Stage, venue: str, problem: str) -> None:
    told = [line for line in offices.bot.log().splitlines() if f"venue={venue}" in line]
    assert any("policy_problem" in line and problem in line for line in told)


@pytest.mark.parametrize("venue", ["plain", "tiers", "shift", "glass"])
def test_the_log_tells_nothing_of_what_is_sound(offices: Stage, venue: str) -> None:
    assert f"venue={venue}" not in offices.bot.log()


def test_a_bot_without_a_policy_says_that_it_has_the_default(stage: Stage) -> None:
    (told,) = [line for line in stage.bot.log().splitlines() if "policy_is_default" in line]
    assert "any other one may approve any amount" in told
    assert "rescind.toml" in told


def test_who_leaves_the_group_cannot_approve_any_more(offices: Stage) -> None:
    case = offices.case(FAMILY, "shift")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    offices.group(SHIFT, users=[APPROVER])
    offices.put_forward(A_MINUTE)
    case.click("approve", SECOND)
    case.told("You are not among those who may decide on this", SECOND)
    assert "Needs 1 more approval" in words(case.card())
    assert case.changes() == []


def test_an_approval_of_somebody_who_left_the_group_does_not_count(offices: Stage) -> None:
    case = offices.case(FAMILY, "shift")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    offices.group(SHIFT, users=[SECOND, MEMBER])
    offices.put_forward(A_MINUTE)
    case.approve(SECOND)
    card = words(case.card(f"Approved by <@{SECOND}>"))
    assert f"Approved by <@{APPROVER}>" not in card
    assert "Needs 1 more approval" in card
    assert case.changes() == []
    case.approve(MEMBER)
    done = words(case.card("· cancelled"))
    assert f"Approved by <@{APPROVER}>" not in done


def test_a_group_that_loses_too_many_is_said_on_the_card(offices: Stage) -> None:
    case = offices.case(FAMILY, "shift")
    assert "cannot be approved" not in words(case.asked())
    offices.group(SHIFT, users=[APPROVER])
    offices.put_forward(A_MINUTE)
    case.approve()
    card = words(case.card(f"Approved by <@{APPROVER}>"))
    assert "needs 2 different people, and only 1" in card
    assert "Needs" not in card
    assert case.changes() == []


def test_a_card_that_nobody_could_approve_works_once_somebody_can(offices: Stage) -> None:
    offices.group(SHIFT, users=[APPROVER])
    offices.put_forward(A_MINUTE)
    case = offices.case(FAMILY, "shift")
    asked = case.asked()
    assert "cannot be approved as things are" in words(asked)
    assert "<!subteam^S0FINANCE>" not in words(asked)
    assert "style" not in buttons(asked)["approve"]
    offices.group(SHIFT, users=[APPROVER, SECOND])
    offices.put_forward(A_MINUTE)
    case.approve()
    card = case.card("Needs 1 more approval")
    assert "cannot be approved" not in words(card)
    assert "<!subteam^S0FINANCE>" in words(card)
    assert buttons(card)["approve"]["style"] == "primary"
    case.approve(SECOND)
    case.card("· cancelled")


@pytest.mark.parametrize("kind", ["error", "http_500", "hollow"])
def test_who_may_be_in_a_denied_group_is_not_let_in(offices: Stage, kind: str) -> None:
    case = offices.case(FAMILY, "denied")
    case.asked()
    offices.put_forward(A_MINUTE)
    assert offices.people.post("/ui/slack/fault", method="usergroups.users.list", kind=kind)["ok"]
    case.click("approve", SECOND)
    case.people.wait_for("what comes of it", lambda: case.private(SECOND) or case.changes())
    assert case.changes() == []
    assert "The bot could not find out from Slack" in case.private(SECOND)[-1]


def test_a_group_that_cannot_be_read_lets_nobody_in_until_it_can(offices: Stage) -> None:
    case = offices.case(FAMILY, "shift")
    case.asked()
    case.approve()
    case.card("Needs 1 more approval")
    fault = {"method": "usergroups.users.list", "kind": "error", "error": "internal_error"}
    assert offices.people.post("/ui/slack/fault", **fault)["ok"]
    offices.put_forward(A_MINUTE)
    case.click("approve", SECOND)
    case.told("The bot could not find out from Slack", SECOND)
    assert case.changes() == []
    offices.people.slack_fault("usergroups.users.list", None)
    case.approve(SECOND)
    case.card("· cancelled")
