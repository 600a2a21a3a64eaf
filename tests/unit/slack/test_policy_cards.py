"""What is shown under whatever policy: Slack takes it, and it calls nobody by chance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.electorate import Problem, ProblemCode
from bot.domain.policy import BreakGlass, GuestDetails, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.venue import Venue
from bot.slack.cards import Message, alarm, card, modals, reminder, reply
from bot.slack.cards.message import FALLBACK_LIMIT, TEXT_LIMIT
from tests.examples import NOW, VENUE, line, order, request
from tests.scenes import policies
from tests.strategies import GUEST_EMAIL, HOSTILE, requests
from tests.unit.slack.rendered import (
    buttons,
    calls_nobody,
    everything,
    objections,
    steers_nothing,
    texts,
    view_objections,
)

PEOPLE = frozenset(f"U0PERSON{n}" for n in range(20))
MANY = frozenset(f"S{n:030}" for n in range(200))
LINK = "https://museum.slack.com/archives/C0REFUNDS/p1784041200000100"
problems = st.lists(
    st.builds(
        Problem,
        st.sampled_from(ProblemCode),
        st.just("approvers"),
        st.sampled_from((None, "S0FRONT")),
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    max_size=40,
)


def shown(of: Request, venue: Venue, found: list[Problem]) -> list[Message]:
    messages = [
        card(of, venue, found),
        reply(of, venue),
        alarm(of, venue),
        reminder(replace(of, reminders=1), venue, LINK, found),
    ]
    return [message for message in messages if message is not None]


@settings(max_examples=200)
@given(requests(quoted=True, voted=True), policies, problems, st.sampled_from(GuestDetails))
def test_slack_takes_it_and_it_is_harmless(
    of: Request, policy: Policy, found: list[Problem], details: GuestDetails
) -> None:
    venue = replace(VENUE, policy=replace(policy, guest_details=details))
    for message in shown(of, venue, found):
        assert objections(message) == []
        assert all(calls_nobody(text) for text in (message.text, *texts(message.blocks)))
        assert steers_nothing(message.blocks)
        assert steers_nothing(message.text)
        if details is not GuestDetails.FULL:
            assert GUEST_EMAIL not in everything(message)


@settings(max_examples=150)
@given(requests(states=st.just(State.PENDING), voted=True), policies)
def test_what_can_be_pressed_can_be_done_by_somebody(of: Request, policy: Policy) -> None:
    """Approving and doing so alone stand and fall with what the policy lets anybody do."""
    found = card(of, replace(VENUE, policy=policy))
    offered = [button["action_id"] for button in buttons(found)]
    assert {"edit", "reject", "withdraw"} <= set(offered)
    assert ("take_back" in offered) == bool(of.votes)
    if "approve" in offered:
        assert ":no_entry: " not in everything(found)
    else:
        assert ":no_entry: " in everything(found)
        assert "break_glass" not in offered
    assert len(offered) == len(set(offered))


def worst(state: State) -> Request:
    """As long as everything can become at once."""
    names = [text for text in HOSTILE if len(text) >= 10_000]
    lines = [
        replace(
            line(str(n), quantity=1, price="1.00", subtotal="9.00"),
            name=names[n % 3],
            event=names[n % 3],
            checked_in=1,
            converted=True,
        )
        for n in range(80)
    ]
    whole = replace(
        order(*lines), guest_name="& " * 99, guest_email="&" * 500, organisation="&" * 99
    )
    pending = request(state, of=whole)
    verdicts = (Verdict.APPROVED, Verdict.REJECTED)
    votes = tuple(
        Decision(verdicts[n % 2], Actor(f"U{n:030}", "T0MUSEUM"), NOW, 1, "&" * 10_000)
        for n in range(300)
    )
    decision = replace(pending.decision, note="&" * 10_000) if pending.decision else None
    return replace(
        pending,
        votes=votes,
        decision=decision,
        reason="&" * 10_000,
        escalates_at=NOW,
        previous_quote=pending.quote,
        expires_at=NOW,
    )


STRICT = Policy(
    approvers=MANY | PEOPLE,
    tiers=(Tier(approvals=20, approvers=PEOPLE | MANY),),
    rejections=20,
    break_glass=BreakGlass(MANY),
    mentions=tuple(sorted(MANY)),
    escalate_to=tuple(sorted(MANY)),
    guest_details=GuestDetails.FULL,
)
BARRING = replace(STRICT, block_on=frozenset(WarningCode) - {WarningCode.TOO_OLD})


@pytest.mark.parametrize("state", [state for state in State if state is not State.REQUESTED])
@pytest.mark.parametrize("policy", [STRICT, BARRING])
def test_as_much_as_there_can_be_fits_into_a_message(state: State, policy: Policy) -> None:
    found = [Problem(ProblemCode.GROUP_EMPTY, "user groups", group) for group in sorted(MANY)]
    for message in shown(worst(state), replace(VENUE, policy=policy), found):
        assert objections(message) == []
        assert all(calls_nobody(text) for text in texts(message.blocks))
        assert all(len(text) <= TEXT_LIMIT for text in texts(message.blocks))


def test_twenty_approvers_are_all_named_and_their_votes_all_shown() -> None:
    policy = Policy(tiers=(Tier(approvals=20, approvers=PEOPLE),))
    waiting = everything(card(request(), replace(VENUE, policy=policy)))
    assert all(f"<@{each}>" in waiting for each in PEOPLE)
    votes = tuple(
        Decision(Verdict.APPROVED, Actor(each, "T0MUSEUM"), NOW, 1) for each in sorted(PEOPLE)
    )
    done = replace(request(State.DONE), votes=votes, decision=votes[-1])
    answer = reply(done, VENUE)
    assert answer is not None
    for text in (everything(card(done, VENUE)), everything(answer)):
        assert all(f"<@{each}>" in text for each in PEOPLE)


def test_votes_beyond_what_a_card_holds_are_counted() -> None:
    text = everything(card(worst(State.PENDING), replace(VENUE, policy=STRICT)))
    assert "Earlier decisions that are not shown: 280." in text
    assert f"<@U{299:030}>" in text
    assert f"<@U{279:030}>" not in text


@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN])
def test_the_longest_notice_keeps_within_a_notification(state: State) -> None:
    venue = replace(VENUE, policy=STRICT)
    due = reminder(replace(worst(state), reminders=1), venue, LINK)
    assert due is not None
    assert len(due.text) <= FALLBACK_LIMIT


@settings(max_examples=60)
@given(requests(states=st.just(State.PENDING)), policies)
def test_slack_takes_every_form(of: Request, policy: Policy) -> None:
    venue = replace(VENUE, policy=policy)
    for view in (
        modals.cancel_order({venue.key: venue}, ""),
        modals.choose_tickets(of, venue, ""),
        modals.reject_reason(of, ""),
        modals.break_glass(of, VENUE, ""),
        modals.resolve(of, venue, ""),
    ):
        assert view_objections(view) == []
        assert steers_nothing(view)
        assert all(calls_nobody(text) for text in texts(view["blocks"]))
