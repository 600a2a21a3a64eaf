"""The transition table: where a request may go, and that it always gets somewhere."""

from __future__ import annotations

import pytest

from bot.domain.request import LIVE_STATES, TRANSITIONS, State, TransitionError, check_transition
from tests.examples import request

ENDS = {State.DONE, State.FAILED, State.REJECTED, State.WITHDRAWN, State.EXPIRED}


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_the_ends_are_the_states_without_a_way_out() -> None:
    assert {state for state in State if not state.is_live} == ENDS
    assert set(State) - ENDS == LIVE_STATES


@pytest.mark.parametrize("source", State)
@pytest.mark.parametrize("target", State)
def test_only_steps_of_the_table_are_allowed(source: State, target: State) -> None:
    if target in TRANSITIONS[source]:
        check_transition(source, target)
        return
    with pytest.raises(TransitionError, match=f"from {source} to {target}"):
        check_transition(source, target)


@pytest.mark.parametrize("state", State)
def test_from_every_state_a_request_can_come_to_an_end(state: State) -> None:
    reached = {state}
    for _ in State:
        reached |= {target for source in reached for target in TRANSITIONS[source]}
    assert reached & ENDS


def test_nothing_is_sent_without_an_approval() -> None:
    before_executing = {source for source in State if State.EXECUTING in TRANSITIONS[source]}
    assert before_executing == {State.APPROVED, State.UNKNOWN}
    assert State.UNKNOWN not in TRANSITIONS[State.APPROVED] | TRANSITIONS[State.PENDING]


def test_done_is_reached_only_from_where_something_was_sent() -> None:
    before_done = {source for source in State if State.DONE in TRANSITIONS[source]}
    assert before_done == {State.EXECUTING, State.UNKNOWN}


@pytest.mark.parametrize("state", State)
def test_a_request_is_called_by_the_guests_number_once_the_order_was_read(state: State) -> None:
    subject = request(state)
    expected = "26644388" if state is State.REQUESTED else "100130807"
    assert subject.order_label == expected
