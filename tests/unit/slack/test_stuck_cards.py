"""A card that nobody may be able to approve: what it says first, whom it calls, what it offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.electorate import Problem, ProblemCode
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Decision, Request, State, Verdict
from bot.slack.cards import Message, approvals, card
from tests.examples import APPROVER, NOW, VENUE, request, usd
from tests.unit.slack.rendered import buttons, everything, objections

FRONT, FINANCE = "S0FRONT", "S0FINANCE"
UP_TO_300 = Ceiling((usd("300.00"),))
PROBLEMS = [
    (
        Problem(ProblemCode.GROUP_UNREADABLE, "", FRONT),
        "The user group <!subteam^S0FRONT> cannot be read",
    ),
    (Problem(ProblemCode.GROUP_EMPTY, "", FRONT), "The user group <!subteam^S0FRONT> is empty"),
    (Problem(ProblemCode.NO_APPROVER, ""), "*Nobody can approve this*: of those who may, none"),
    (
        Problem(ProblemCode.TOO_FEW_APPROVERS, "", None, 3, 1),
        "*This cannot be approved as things are*: it needs 3 different people, and only 1 could.",
    ),
    (
        Problem(ProblemCode.ONLY_REQUESTER, "", None, 1),
        "*Nobody can approve this*: <@U0REQUEST>, who asked, is the only one who may",
    ),
    (
        Problem(ProblemCode.CURRENCY_MISSING, "tiers[0].up_to"),
        "The policy names no amount in the venue’s currency for `tiers[0].up_to`",
    ),
    (
        Problem(ProblemCode.TOO_FEW_REJECTERS, "", None, 3, 1),
        "A rejection needs 3 different people, and only 1 could",
    ),
]


@pytest.mark.parametrize(("problem", "sentence"), PROBLEMS)
def test_a_problem_is_said_by_name_while_it_waits(problem: Problem, sentence: str) -> None:
    found = card(request(), VENUE, [problem])
    assert f":warning: {sentence}" in everything(found)
    assert objections(found) == []
    for state in (State.APPROVED, State.DONE, State.EXPIRED):
        assert everything(card(request(state), VENUE, [problem])) == everything(
            card(request(state), VENUE)
        )


def test_every_problem_has_its_sentence() -> None:
    assert {problem.code for problem, _ in PROBLEMS} == set(ProblemCode)
    for problem, _ in PROBLEMS:
        for in_doubt in (False, True):
            assert approvals.problem(problem, request(), in_doubt).endswith(".")


CALLING = Policy(
    approvers=frozenset({FRONT}),
    mentions=("U0CHIEF",),
    rejections=2,
    tiers=(Tier(approvals=2),),
    break_glass=BreakGlass(frozenset({FINANCE})),
)
FATAL = [problem for problem, _ in PROBLEMS if problem.is_fatal]
UNREAD, EMPTY = PROBLEMS[0][0], PROBLEMS[1][0]


def stuck(*problems: Problem, policy: Policy = CALLING, of: Request | None = None) -> Message:
    found = card(of or request(), replace(VENUE, policy=policy), problems)
    assert objections(found) == []
    return found


@pytest.mark.parametrize("problem", FATAL)
def test_what_nobody_can_approve_says_that_first_and_calls_nobody(problem: Problem) -> None:
    found = stuck(problem, EMPTY)
    first = found.blocks[1]["text"]["text"]
    assert first.startswith(f":warning: {approvals.problem(problem, request())}")
    assert f":warning: {approvals.problem(EMPTY, request())}" in first
    assert "As soon as that is mended, *Approve* works, on this card too." in first
    assert found.text.endswith(". Nobody can approve it as things are.")
    text = everything(found)
    assert text.count(approvals.problem(problem, request())) == 1
    assert "Needs" not in text
    assert ":bell:" not in text
    assert "U0CHIEF" not in text


@pytest.mark.parametrize("problem", FATAL)
def test_approving_what_nobody_can_is_offered_without_being_urged(problem: Problem) -> None:
    """Groups change; who may is decided on the click."""
    offered = buttons(stuck(problem))
    assert [(button["action_id"], button.get("style")) for button in offered] == [
        ("approve", None),
        ("edit", None),
        ("reject", "danger"),
        ("withdraw", None),
        ("break_glass", "danger"),
    ]
    text = everything(stuck(problem))
    assert "*Emergency: approve alone* stays open to those who may." in text
    without = replace(CALLING, break_glass=None)
    assert "Emergency" not in everything(stuck(problem, policy=without))


@pytest.mark.parametrize("problem", [EMPTY, UNREAD])
def test_what_others_can_still_approve_waits_as_always(problem: Problem) -> None:
    found = stuck(problem)
    text = everything(found)
    assert "Needs 2 approvals" in text
    assert ":bell: <@U0CHIEF>" in text
    assert buttons(found)[0]["style"] == "primary"
    assert "Nobody can approve" not in text
    assert text.count(approvals.problem(problem, request())) == 1


def test_where_nobody_can_tell_who_may_people_are_called_all_the_same() -> None:
    """Slack may have been silent for a moment, and a card calls people only when it is posted."""
    found = stuck(Problem(ProblemCode.NO_APPROVER, "", None, 2), UNREAD)
    text = everything(found)
    assert ":warning: *Nobody can approve this right now*, as far as the bot can tell." in text
    assert "none is left" not in text
    assert ":bell: <@U0CHIEF>" in text
    assert "Needs" not in text
    assert "style" not in buttons(found)[0]
    few = stuck(Problem(ProblemCode.TOO_FEW_APPROVERS, "", None, 2, 1), UNREAD)
    assert "it needs 2 different people, and the bot can find only 1." in everything(few)


def test_a_card_that_nobody_can_approve_says_when_more_people_may() -> None:
    late = NOW + timedelta(hours=2)
    policy = replace(CALLING, escalate_to=("S0BOARD",), escalate_after=timedelta(hours=2))
    waiting = replace(request(), escalates_at=late)
    said = "From Tue, Jul 14, 2026, 1:00"
    assert said in everything(stuck(FATAL[0], policy=policy, of=waiting))
    assert "S0BOARD" not in everything(stuck(FATAL[0], policy=policy, of=waiting))
    own = replace(policy, tiers=(Tier(approvers=frozenset({FRONT})),))
    passed = replace(waiting, updated_at=late)
    for text in (
        everything(stuck(FATAL[0], of=waiting)),
        everything(stuck(FATAL[0], policy=own, of=waiting)),
        everything(stuck(FATAL[0], policy=policy, of=passed)),
    ):
        assert "more people may approve" not in text


def test_somebody_else_can_ask_only_where_that_makes_enough() -> None:
    alone = everything(stuck(Problem(ProblemCode.ONLY_REQUESTER, "", None, 1)))
    assert "*Withdraw* it and let somebody else ask" in alone
    two = everything(stuck(Problem(ProblemCode.ONLY_REQUESTER, "", None, 2)))
    assert "let somebody else ask" not in two
    assert "Whoever runs this bot has to name 2 others in the policy." in two


def test_rejections_end_what_nobody_can_approve() -> None:
    rejected = replace(request(), votes=(Decision(Verdict.REJECTED, APPROVER, NOW, 1),))
    assert "1 more rejection ends it." in everything(stuck(FATAL[0], of=rejected))
    assert "unless" in everything(stuck(of=rejected))


def test_what_the_policy_bars_is_not_said_to_lack_people_as_well() -> None:
    barred = replace(CALLING, tiers=(Tier(UP_TO_300, 2),))
    text = everything(stuck(FATAL[0], policy=barred))
    assert "does not let anybody approve this as it is" in text
    assert "Nobody can approve" not in text
