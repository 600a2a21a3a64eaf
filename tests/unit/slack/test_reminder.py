"""The reminder: who is called, what waits since when, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.electorate import Problem, ProblemCode
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.quote import BlockCode, QuoteBlock
from bot.domain.request import Request, State
from bot.slack.cards import Message, reminder
from bot.slack.cards.message import simplified
from bot.slack.cards.reminder import reminder_kind
from tests.examples import NOW, VENUE, request, usd
from tests.strategies import GUEST_EMAIL, requests
from tests.unit.slack.rendered import calls_nobody, everything, objections, steers_nothing

LINK = "https://museum.slack.com/archives/C0REFUNDS/p1784041200000100"
CALLED = ("U0APPROVE", "W0CHIEF", "S0APPROVERS")
CALLING = replace(VENUE, policy=Policy(mentions=CALLED))


def waiting(state: State = State.PENDING, hours: float = 2) -> Request:
    return replace(
        request(state),
        reminders=1,
        updated_at=NOW + timedelta(hours=hours),
        expires_at=NOW + timedelta(hours=72) if state is State.PENDING else None,
    )


def shown(due: Request, link: str | None = LINK) -> Message:
    message = reminder(due, CALLING, link)
    assert message is not None
    return message


def test_it_calls_the_approvers_and_says_what_waits_since_when() -> None:
    text = shown(waiting()).text
    for detail in (
        "<@U0APPROVE> <@W0CHIEF> <!subteam^S0APPROVERS> :bell:",
        "Order 100130807 still waits for a decision",
        "cancel 4 tickets and refund $400.00",
        "Asked by <@U0REQUEST>",
        ", 2 hours ago.",
        f"*Approve* or *Reject* it on <{LINK}|its card>.",
        "It expires Fri, Jul 17, 2026, 11:00",
    ):
        assert detail in text


def test_it_says_what_to_do_about_what_is_not_known() -> None:
    text = shown(waiting(State.UNKNOWN)).text
    for detail in (
        "<!subteam^S0APPROVERS>",
        "Order 100130807 still needs attention",
        "it is not known whether ACME Ticketing cancelled 4 tickets and refunded $400.00",
        "*Check again* or *Settle*",
    ):
        assert detail in text
    assert "expires" not in text


def test_it_is_shown_in_the_channel_and_names_itself() -> None:
    due = waiting()
    message = shown(due)
    assert message.broadcast
    assert simplified(message).broadcast
    assert message.metadata["event_payload"] == {
        "request_id": due.id,
        "kind": reminder_kind(due),
        "version": due.version,
    }


def test_without_an_address_it_points_to_the_card() -> None:
    assert "its card, the first message of this thread" in shown(waiting(), link=None).text


def test_what_cannot_be_approved_is_not_waited_for_by_approvers() -> None:
    due = waiting()
    assert due.quote is not None
    blocked = replace(due.quote, blocks=(QuoteBlock(BlockCode.NOTHING_LEFT),))
    text = shown(replace(due, quote=blocked)).text
    assert "cannot be approved as it is" in text
    assert "*Approve*" not in text
    assert "<@U0REQUEST> can *Choose tickets* or *Withdraw*" in text


def test_what_the_policy_bars_is_not_waited_for_by_approvers_either() -> None:
    policy = Policy(mentions=CALLED, max_order_age=timedelta(days=5))
    message = reminder(waiting(), replace(VENUE, policy=policy), LINK)
    assert message is not None
    assert "cannot be approved as it is" in message.text
    assert "*Approve*" not in message.text
    assert "<@U0REQUEST> can *Withdraw* on" in message.text
    assert not any(each in message.text for each in CALLED)
    partly = replace(policy, max_order_age=None, tiers=(Tier(Ceiling((usd("300.00"),))),))
    message = reminder(waiting(), replace(VENUE, policy=partly), LINK)
    assert message is not None
    assert "<@U0REQUEST> can *Choose tickets* or *Withdraw* on" in message.text


NOBODY = Problem(ProblemCode.NO_APPROVER, "approvers")
UNREAD = Problem(ProblemCode.GROUP_UNREADABLE, "user groups", "S0APPROVERS")


def reminded(due: Request, policy: Policy, *problems: Problem) -> str:
    message = reminder(due, replace(VENUE, policy=policy), LINK, problems)
    assert message is not None
    assert objections(message) == []
    return message.text


def test_what_nobody_can_approve_calls_no_approver_and_says_where_to_look() -> None:
    text = reminded(waiting(), CALLING.policy, NOBODY)
    assert text.startswith(":bell: *Order 100130807 still waits for a decision*")
    assert "nobody can approve it as things are" in text
    assert f"Why, and who has to change what, stands on <{LINK}|its card>." in text
    assert "*Approve*" not in text
    assert reminded(waiting(), CALLING.policy, NOBODY, UNREAD).startswith("<@U0APPROVE> ")
    assert reminded(waiting(), CALLING.policy, UNREAD) == shown(waiting()).text


def test_whoever_is_called_late_hears_of_what_nobody_can_approve() -> None:
    policy = replace(CALLING.policy, escalate_to=("S0BOARD",))
    late = replace(waiting(), escalates_at=waiting().updated_at)
    assert reminded(late, policy, NOBODY).startswith("<!subteam^S0BOARD> :bell:")


def test_who_could_approve_it_is_no_matter_once_it_is_not_known_what_happened() -> None:
    stuck = waiting(State.UNKNOWN)
    assert reminded(stuck, CALLING.policy, NOBODY) == shown(stuck).text


def test_when_it_takes_long_more_people_are_called_first() -> None:
    policy = Policy(mentions=CALLED, escalate_to=("S0BOARD", "W0CHIEF"))
    due = waiting()
    for moment, called in (
        (
            due.updated_at,
            "<!subteam^S0BOARD> <@W0CHIEF> <@U0APPROVE> <!subteam^S0APPROVERS> :bell:",
        ),
        (due.updated_at + timedelta(seconds=1), "<@U0APPROVE> <@W0CHIEF> <!subteam^S0APPROVERS>"),
    ):
        message = reminder(replace(due, escalates_at=moment), replace(VENUE, policy=policy), LINK)
        assert message is not None
        assert message.text.startswith(called)


@pytest.mark.parametrize("state", State)
def test_only_what_waits_is_reminded_of(state: State) -> None:
    assert reminder(request(state), CALLING, LINK) is None
    due = replace(request(state), reminders=1)
    waits = state in {State.PENDING, State.UNKNOWN}
    assert (reminder(due, CALLING, LINK) is not None) == waits


def test_every_reminder_has_a_name_of_its_own() -> None:
    due = waiting()
    others = [
        replace(due, reminders=2),
        replace(due, revision=2),
        # Counted anew when it got stuck, and once more after a check in vain.
        replace(due, state=State.UNKNOWN, run=1),
        replace(due, state=State.UNKNOWN, run=2),
    ]
    assert len({reminder_kind(each) for each in (due, *others)}) == 5
    assert all(len(reminder_kind(each)) <= 32 for each in others)


@settings(max_examples=100)
@given(requests(st.sampled_from((State.PENDING, State.UNKNOWN)), quoted=True), st.integers(1, 3))
def test_slack_takes_every_reminder_and_nothing_of_an_order_calls_anybody(
    of: Request, reminders: int
) -> None:
    message = reminder(replace(of, reminders=reminders), VENUE, LINK)
    assert message is not None
    assert objections(message) == []
    assert calls_nobody(message.text)
    assert steers_nothing(message.text)
    assert GUEST_EMAIL not in everything(message)
