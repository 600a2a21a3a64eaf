"""How much of a guest a channel gets to see: all, enough to recognise them, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.judgement import Judgement, Ruling
from bot.domain.policy import GuestDetails, Policy
from bot.domain.request import Decision, Request, State, Verdict
from bot.domain.ruling import Action
from bot.domain.venue import Venue
from bot.slack.cards import Message, alarm, answers, card, refusals, reminder, reply
from tests.examples import APPROVER, NOW, VENUE, member, order, request
from tests.unit.slack.rendered import everything

STATES = [state for state in State if state is not State.REQUESTED]
OF_A_SCHOOL = replace(order(), organisation="Harbour School")


def venue(details: GuestDetails) -> Venue:
    return replace(VENUE, policy=Policy(guest_details=details))


def posted(of: Request, at: Venue) -> list[Message]:
    """Everything that stands in the channel, as if all of it were due."""
    broken = Decision(Verdict.BROKE_GLASS, APPROVER, NOW, 1)
    messages = [
        card(of, at),
        reply(of, at),
        alarm(replace(of, decision=broken), at),
        reminder(replace(of, reminders=1), at, None),
    ]
    return [message for message in messages if message is not None]


def told(of: Request, at: Venue) -> list[str]:
    """What one person or other is told privately."""
    return [
        answers.status(of, of.order_id, at, lambda _: None),
        answers.listing([of], {at.key: at}, lambda _: None, ""),
        answers.occupied(of, None),
        answers.outdated_copy(of, None),
        answers.nothing_posted(of, at),
        *(
            refusals.refusal(Judgement(ruling), Action.APPROVE, of, at, member(APPROVER), NOW)
            for ruling in Ruling
        ),
    ]


@pytest.mark.parametrize("state", STATES)
def test_a_guest_is_masked_unless_something_else_is_set(state: State) -> None:
    of = request(state, OF_A_SCHOOL)
    assert Policy().guest_details is GuestDetails.MASKED
    assert "of B. C. (b•••@example.com), for Harbour School" in everything(card(of, VENUE))
    for message in posted(of, VENUE):
        assert not any(word in everything(message) for word in ("Brad", "Clarke", "brad."))


@pytest.mark.parametrize("state", STATES)
def test_a_guest_can_be_left_out_altogether(state: State) -> None:
    for message in posted(request(state, OF_A_SCHOOL), venue(GuestDetails.NONE)):
        text = everything(message)
        hidden = ("Brad", "Clarke", "B. C.", "@example.com", "•••@", "Harbour School")
        assert not any(word in text for word in hidden)


@pytest.mark.parametrize("state", STATES)
def test_a_guest_is_shown_in_full_where_that_is_set_and_only_on_the_card(state: State) -> None:
    shown, *others = posted(request(state), venue(GuestDetails.FULL))
    assert "of Brad Clarke (brad.clarke@example.com)" in everything(shown)
    assert not any("Clarke" in everything(message) for message in others)


@pytest.mark.parametrize("details", GuestDetails)
@pytest.mark.parametrize("state", STATES)
def test_private_answers_tell_nothing_of_a_guest(state: State, details: GuestDetails) -> None:
    for text in told(request(state, OF_A_SCHOOL), venue(details)):
        assert not any(word in text for word in ("Brad", "Clarke", "example.com"))


@pytest.mark.parametrize("details", GuestDetails)
def test_a_notification_tells_nothing_of_a_guest(details: GuestDetails) -> None:
    for state in STATES:
        for message in posted(request(state, OF_A_SCHOOL), venue(details)):
            assert not any(word in message.text for word in ("Brad", "Clarke", "example.com"))
