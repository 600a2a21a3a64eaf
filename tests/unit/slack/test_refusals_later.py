"""Refusals after time, votes or limits have changed who or what could help."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.policy import Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Verdict
from bot.domain.ruling import Action, Circumstances, rule
from bot.slack.cards import refusals
from tests.examples import APPROVER, NOW, REQUESTER, line, member, order, request
from tests.unit.slack.refused import NOTHING_USED, UP_TO_300, said, venue, voted


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (Policy(approver_daily=UP_TO_300), "Nobody may approve more than $300.00 a day here"),
        (Policy(requester_daily=UP_TO_300), "may come to $300.00 a day at most"),
    ],
)
def test_an_amount_that_is_above_a_daily_limit_by_itself_can_never_be_approved(
    policy: Policy, sentence: str
) -> None:
    text = said(policy, usage=NOTHING_USED)
    assert sentence in text
    assert "tickets worth $400.00 cannot be approved at all" in text
    assert "Somebody else" not in text
    assert "midnight" not in text


def test_who_decided_already_is_not_named_as_somebody_to_ask() -> None:
    two = Policy(
        approvers=frozenset({APPROVER.user, "U0SECOND", "U0THIRD"}), tiers=(Tier(None, 2),)
    )
    stranger = member(Actor("U0NOBODY", "T0MUSEUM"))
    text = said(two, of=voted(Verdict.APPROVED), who=stranger)
    assert "Ask one of them: <@U0SECOND> or <@U0THIRD>." in text
    text = said(replace(two, rejections=2), of=voted(Verdict.REJECTED), who=stranger)
    assert "Ask one of them: <@U0SECOND> or <@U0THIRD>." in text


def test_the_requester_is_not_named_above_their_own_ceiling() -> None:
    own = Policy(
        approvers=frozenset({APPROVER.user, REQUESTER.user}),
        self_approval=True,
        self_approval_up_to=UP_TO_300,
    )
    text = said(own, who=member(Actor("U0NOBODY", "T0MUSEUM")))
    assert "Ask one of them: <@U0APPROVE>." in text


def test_a_bar_that_came_true_a_moment_ago_is_named() -> None:
    """Also where what is known of the person is from before."""
    began = replace(line(), event_at=NOW)
    policy, of = Policy(block_on=frozenset({WarningCode.PAST_EVENT})), request(of=order(began))
    who = replace(member(APPROVER), known_at=NOW - timedelta(seconds=20))
    now = NOW + timedelta(seconds=20)
    judgement = rule(policy, Action.APPROVE, of, Circumstances(who, now, 1))
    text = refusals.refusal(judgement, Action.APPROVE, of, venue(policy), who, now)
    assert "is already over or has begun" in text


def test_after_the_expiry_it_is_too_late_also_where_nobody_noted_it_yet() -> None:
    of = replace(request(), expires_at=NOW)
    text = said(Policy(), of=of)
    assert text.startswith("Too late: nobody decided on order 100130807 in time")
    voted_on = replace(of, votes=voted(Verdict.APPROVED).votes)
    assert said(Policy(), of=voted_on).startswith("Too late: not enough people decided on order")
