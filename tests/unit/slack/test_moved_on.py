"""A click on a card that has moved on: who was first, and how it stands now, in every state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.request import Decision, Failure, FailureCode, Request, State, Verdict
from bot.domain.ruling import Action, Circumstances, rule
from bot.domain.selection import Selection
from bot.slack.cards import refusals
from tests.examples import APPROVER, NOW, VENUE, line, member, request


def said(action: Action, of: Request) -> str:
    """What somebody who clicks is told."""
    person = member(APPROVER)
    judgement = rule(VENUE.policy, action, of, Circumstances(person, NOW, of.revision))
    return refusals.refusal(judgement, action, of, VENUE, person, NOW)


CLOCK = "<!date^1784041200^{date_short_pretty} at {time}|2026-07-14 15:00 UTC>"
APPROVED = f"<@U0APPROVE> approved this already {CLOCK}; order 100130807"
UNTOUCHED = "Your click changed nothing."
MOVED_ON = {
    State.REQUESTED: (
        f"There is nothing to decide yet; order 26644388 is still being read. {UNTOUCHED}"
    ),
    State.PENDING: ("Order 100130807 is waiting for approval again. Look at its card, and decide."),
    State.APPROVED: f"{APPROVED} is about to be cancelled. {UNTOUCHED}",
    State.EXECUTING: f"{APPROVED} is being cancelled. {UNTOUCHED}",
    State.DONE: f"{APPROVED} is cancelled. {UNTOUCHED}",
    State.FAILED: (
        "There is nothing to decide any more; order 100130807 is not cancelled: its card says "
        f"why. {UNTOUCHED}"
    ),
    State.UNKNOWN: f"{APPROVED} needs attention: its card says what to do. {UNTOUCHED}",
    State.REJECTED: (
        f"<@U0APPROVE> rejected this already {CLOCK}; order 100130807 stays as it is. {UNTOUCHED}"
    ),
    State.WITHDRAWN: (
        f"<@U0APPROVE> withdrew this already {CLOCK}; order 100130807 stays as it is. {UNTOUCHED}"
    ),
    State.EXPIRED: (
        "Too late: nobody decided on order 100130807 in time, so this request expired. Nothing "
        "was changed. If it is still wanted, ask again with `/cancel-order riverside:26644388`."
    ),
}


@pytest.mark.parametrize("state", State)
def test_a_click_that_came_second_learns_how_it_stands(state: State) -> None:
    assert refusals.moved_on(request(state), VENUE) == MOVED_ON[state]
    action = Action.RECHECK if state is State.PENDING else Action.APPROVE
    assert said(action, request(state)) == MOVED_ON[state]


def test_a_click_that_came_second_learns_what_is_special_about_it() -> None:
    checked = replace(request(State.EXECUTING), failure=Failure(FailureCode.UNSETTLED))
    assert f"{APPROVED} is being checked again. " in refusals.moved_on(checked, VENUE)
    part = request(State.DONE, selection=Selection({line().id: 1}))
    assert f"{APPROVED} is partly cancelled. " in refusals.moved_on(part, VENUE)
    settled = Decision(Verdict.RESOLVED, APPROVER, NOW, 1)
    by_hand = refusals.moved_on(replace(request(State.FAILED), decision=settled), VENUE)
    assert by_hand.startswith(f"<@U0APPROVE> settled this already {CLOCK}; order 100130807 is not")


def test_an_approval_by_the_policy_itself_is_nobodys() -> None:
    decision = Decision(Verdict.AUTOMATIC, None, NOW, 1)
    text = refusals.moved_on(replace(request(State.APPROVED), decision=decision), VENUE)
    assert text.startswith("The policy approved this by itself")
    alone = replace(decision, verdict=Verdict.BROKE_GLASS, by=APPROVER)
    text = refusals.moved_on(replace(request(State.DONE), decision=alone), VENUE)
    assert text.startswith("<@U0APPROVE> approved this already")
