"""Waiting for people: reminders, an escalation, then the expiry, and an end in any case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Policy
from bot.domain.request import WAITING_STATES, Request, State
from bot.domain.tiers import is_escalated
from bot.domain.waiting import Wait, escalates_now, is_expired, reminded, unchanged, wait_from
from tests.examples import NOW, request

HOUR = timedelta(hours=1)
spans = st.integers(1, 10_000).map(lambda minutes: timedelta(minutes=minutes))
policies = st.builds(
    Policy,
    remind_after=st.lists(spans, max_size=5).map(tuple),
    expire_after=st.none() | spans,
    escalate_after=st.none() | spans,
)


def waiting(state: State, wait: Wait) -> Request:
    return replace(
        request(state),
        reminders=wait.reminders,
        due_at=wait.due_at,
        escalates_at=wait.escalates_at,
        expires_at=wait.expires_at,
    )


def moments(policy: Policy, state: State) -> list[datetime]:
    """When something is due, each time dealt with at once; an expiry is the last."""
    wait = wait_from(policy, state, NOW)
    found: list[datetime] = []
    while wait.due_at is not None and len(found) < 20:  # a wait without an end shall fail, not hang
        found.append(wait.due_at)
        subject = waiting(state, wait)
        if is_expired(subject, wait.due_at):
            break
        wait = reminded(policy, subject, wait.due_at)
    return found


def after(*hours: float) -> list[datetime]:
    return [NOW + hour * HOUR for hour in hours]


def test_unless_told_otherwise_people_are_reminded_three_times_within_three_days() -> None:
    assert moments(Policy(), State.PENDING) == after(0.5, 2.5, 10.5, 72)


def test_each_pause_is_counted_from_the_reminder_before() -> None:
    policy = Policy(remind_after=(HOUR, 4 * HOUR), expire_after=None)
    assert moments(policy, State.PENDING) == after(1, 5)


@pytest.mark.parametrize(
    ("expire_after", "due"),
    [(0.5, (0.5,)), (1, (1,)), (3, (1, 3)), (5, (1, 5)), (9, (1, 5, 9)), (None, (1, 5))],
)
def test_the_expiry_comes_when_it_is_due_whatever_reminders_are_left(
    expire_after: float | None, due: tuple[float, ...]
) -> None:
    limit = None if expire_after is None else expire_after * HOUR
    policy = Policy(remind_after=(HOUR, 4 * HOUR), expire_after=limit)
    assert moments(policy, State.PENDING) == after(*due)


def test_without_reminders_only_the_expiry_is_due() -> None:
    assert moments(Policy(remind_after=()), State.PENDING) == after(72)
    assert wait_from(Policy(remind_after=(), expire_after=None), State.PENDING, NOW) == Wait()


def test_what_is_unsettled_never_expires() -> None:
    assert moments(Policy(), State.UNKNOWN) == after(0.5, 2.5, 10.5)
    forever = replace(request(State.UNKNOWN), expires_at=NOW)
    assert not is_expired(forever, NOW + 1000 * HOUR)


@pytest.mark.parametrize("state", sorted(set(State) - WAITING_STATES))
def test_what_waits_for_nobody_is_never_due(state: State) -> None:
    assert wait_from(Policy(), state, NOW) == Wait()
    assert not is_expired(replace(request(state), expires_at=NOW), NOW + HOUR)


def test_a_reminder_after_a_long_night_is_one_reminder() -> None:
    """What was missed while nothing ran is not made up for."""
    late = NOW + 20 * HOUR
    wait = reminded(Policy(), waiting(State.PENDING, wait_from(Policy(), State.PENDING, NOW)), late)
    assert (wait.reminders, wait.due_at) == (1, late + 2 * HOUR)


@pytest.mark.parametrize(
    ("escalate_after", "due"),
    [
        (0.5, (0.5, 4.5, 9)),  # it is the first reminder, so the second one's pause begins
        (1, (1, 5, 9)),
        (3, (1, 3, 9)),
        (6, (1, 5, 6, 9)),
        (9, (1, 5, 9)),
        (20, (1, 5, 9)),
        (None, (1, 5, 9)),
    ],
)
def test_an_escalation_is_a_reminder_at_a_time_of_its_own(
    escalate_after: float | None, due: tuple[float, ...]
) -> None:
    later = None if escalate_after is None else escalate_after * HOUR
    policy = Policy(remind_after=(HOUR, 4 * HOUR), expire_after=9 * HOUR, escalate_after=later)
    assert moments(policy, State.PENDING) == after(*due)


def test_without_reminders_an_escalation_is_still_due() -> None:
    policy = Policy(remind_after=(), expire_after=None, escalate_after=HOUR)
    assert moments(policy, State.PENDING) == after(1)
    subject = waiting(State.PENDING, wait_from(policy, State.PENDING, NOW))
    assert not is_escalated(subject, NOW + HOUR - timedelta(seconds=1))
    assert is_escalated(subject, NOW + HOUR)


def test_an_escalation_that_was_slept_through_is_not_made_up_for_but_stands() -> None:
    policy = Policy(remind_after=(2 * HOUR, 8 * HOUR), escalate_after=HOUR)
    late = NOW + 5 * HOUR
    subject = waiting(State.PENDING, wait_from(policy, State.PENDING, NOW))
    wait = reminded(policy, subject, late)
    assert wait.due_at == late + 8 * HOUR
    assert is_escalated(waiting(State.PENDING, wait), late)


def test_an_escalation_comes_when_it_is_due_and_not_with_a_reminder_before_or_after() -> None:
    policy = Policy(remind_after=(HOUR, 4 * HOUR), escalate_after=3 * HOUR, expire_after=None)
    wait = wait_from(policy, State.PENDING, NOW)
    found = []
    for moment in after(1, 3, 7):
        subject = waiting(State.PENDING, wait)
        found.append(escalates_now(subject, moment))
        wait = reminded(policy, subject, moment)
    assert found == [False, True, False]
    assert not escalates_now(request(State.PENDING), NOW)


def test_only_what_waits_for_a_decision_is_escalated() -> None:
    policy = Policy(escalate_after=HOUR)
    for state in set(State) - {State.PENDING}:
        assert wait_from(policy, state, NOW).escalates_at is None
    assert not is_escalated(request(State.UNKNOWN), NOW + 1000 * HOUR)


def test_an_approval_of_several_changes_nothing_of_the_wait() -> None:
    policy = Policy(escalate_after=4 * HOUR)
    first = wait_from(policy, State.PENDING, NOW)
    second = reminded(policy, waiting(State.PENDING, first), NOW + HOUR)
    for wait in (first, second):
        assert unchanged(waiting(State.PENDING, wait)) == wait


@given(policies, st.sampled_from(sorted(WAITING_STATES)))
def test_a_wait_ends_and_nothing_is_due_after_the_expiry(policy: Policy, state: State) -> None:
    begun = wait_from(policy, state, NOW)
    found = moments(policy, state)
    assert len(found) <= len(policy.remind_after) + 2
    assert found == sorted(set(found))
    assert all(moment > NOW for moment in found)
    if begun.expires_at is not None:
        assert found[-1] == begun.expires_at
    elif begun.escalates_at is None and found:
        assert found[-1] == NOW + sum(policy.remind_after, timedelta())


@given(policies)
def test_an_escalation_is_due_at_its_very_time_unless_the_request_expires_before(
    policy: Policy,
) -> None:
    begun = wait_from(policy, State.PENDING, NOW)
    is_in_time = begun.expires_at is None or (
        begun.escalates_at is not None and begun.escalates_at <= begun.expires_at
    )
    if begun.escalates_at is not None:
        assert (begun.escalates_at in moments(policy, State.PENDING)) is is_in_time


@given(policies, st.lists(st.integers(0, 5_000), min_size=8, max_size=8))
def test_an_escalation_comes_once_however_late_anybody_looks(
    policy: Policy, delays: list[int]
) -> None:
    wait = wait_from(policy, State.PENDING, NOW)
    last, seen = NOW, []
    for delay in delays:
        subject = waiting(State.PENDING, wait)
        late = wait.due_at and wait.due_at + timedelta(minutes=delay)
        if late is None or is_expired(subject, late):
            break
        last = late
        if escalates_now(subject, last):
            seen.append(last)
        wait = reminded(policy, subject, last)
    moment = wait.escalates_at
    assert len(seen) == (moment is not None and moment <= last)
    assert all(moment is not None and moment <= each for each in seen)


@given(policies, st.integers(0, 9), st.integers(0, 20_000))
def test_whatever_was_missed_the_next_is_due_later_and_never_after_the_expiry(
    policy: Policy, reminders: int, minutes: int
) -> None:
    begun = wait_from(policy, State.PENDING, NOW)
    now = NOW + timedelta(minutes=minutes)
    subject = waiting(State.PENDING, replace(begun, reminders=reminders))
    wait = reminded(policy, subject, now)
    kept = (wait.escalates_at, wait.expires_at)
    assert (wait.reminders, *kept) == (reminders + 1, begun.escalates_at, begun.expires_at)
    if wait.due_at is not None and wait.expires_at is not None:
        assert wait.due_at <= wait.expires_at
    if wait.due_at is not None and not is_expired(subject, now):
        assert wait.due_at > now
