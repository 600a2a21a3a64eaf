"""Private answers: a sentence for everything, harmless whatever is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.request import Failure, FailureCode, Request, State
from bot.domain.selection import SelectionError, SelectionProblem
from bot.slack.cards import answers
from tests.examples import VENUE, request
from tests.strategies import GUEST_EMAIL, requests
from tests.unit.slack.rendered import calls_nobody, steers_nothing

ONE = {VENUE.key: VENUE}
TWO = ONE | {"harbour": replace(VENUE, key="harbour", name="Harbour <!here>")}
LINK = "https://museum.slack.com/archives/C0REFUNDS/p1784041200000100"

links = st.sampled_from((None, LINK))


@settings(max_examples=100)
@given(requests(), links)
def test_no_answer_calls_anybody_or_shows_an_address(of: Request, link: str | None) -> None:
    said = [
        answers.occupied(of, link),
        answers.occupied_in_form(of),
        answers.outdated_copy(of, link),
        answers.status(of, of.order_id, VENUE, lambda _: link),
        answers.nothing_posted(of, VENUE),
        answers.reading(of.order_id, VENUE),
        answers.listing([of, of], ONE, lambda _: link, "none"),
    ]
    for text in said:
        assert calls_nobody(text)
        assert steers_nothing(text)
        assert GUEST_EMAIL not in text
        assert len(text) < 10_000


def test_an_occupied_order_points_to_its_card() -> None:
    text = answers.occupied(request(State.PENDING), LINK)
    assert "waiting for approval" in text
    assert f"<{LINK}|Open its card>" in text
    assert "<@U0REQUEST>" in text
    assert "https" not in answers.occupied(request(State.PENDING), None)


def test_the_status_tells_the_state_or_that_nobody_asked() -> None:
    assert "Nobody has asked for order 1" in answers.status(None, "1", VENUE, lambda _: None)
    text = answers.status(request(State.DONE), "26644388", VENUE, lambda _: LINK)
    assert "*cancelled*" in text
    assert "4 tickets, $400.00" in text
    failed = replace(
        request(State.FAILED), failure=Failure(FailureCode.ORDER_NOT_FOUND), quote=None
    )
    assert "has no order with the id" in answers.status(failed, "1", VENUE, lambda _: None)


def test_a_list_says_so_if_it_is_empty_and_leaves_out_venues_that_are_gone() -> None:
    assert answers.listing([], ONE, lambda _: None, "Nothing waits.") == "Nothing waits."
    gone = replace(request(), venue="closed")
    assert answers.listing([gone], ONE, lambda _: None, "Nothing waits.") == "Nothing waits."
    both = answers.listing([request(), request()], ONE, lambda _: None, "")
    assert both.count("• ") == 2


def test_the_help_shows_every_way_to_ask() -> None:
    text = answers.help_text(ONE)
    for way in ("/cancel-order 26644388`", "status", "pending", "history", "order id"):
        assert way in text
    assert "Venues:" not in text


def test_the_help_names_the_venues_where_there_are_several() -> None:
    text = answers.help_text(TWO)
    assert "`riverside` (Riverside Museum)" in text
    assert "`harbour` (Harbour &lt;!here&gt;)" in text
    assert "/cancel-order riverside:26644388" in text


@pytest.mark.parametrize("problem", SelectionProblem)
def test_every_problem_of_a_choice_is_said_beside_its_field(problem: SelectionProblem) -> None:
    text = answers.selection_problem(SelectionError(problem, "1"), 3)
    assert text.endswith(".")
    if problem is SelectionProblem.TOO_MANY:
        assert text == "Only 3 left on this line: enter 3 or fewer."


STANDINGS = {
    State.REQUESTED: ("26644388", "being read"),
    State.PENDING: ("100130807", "waiting for approval"),
    State.APPROVED: ("100130807", "approved, being cancelled"),
    State.EXECUTING: ("100130807", "being cancelled"),
    State.DONE: ("100130807", "cancelled"),
    State.FAILED: ("100130807", "not cancelled"),
    State.UNKNOWN: ("100130807", "needs attention"),
    State.REJECTED: ("100130807", "rejected"),
    State.WITHDRAWN: ("100130807", "withdrawn"),
    State.EXPIRED: ("100130807", "expired"),
}


@pytest.mark.parametrize("state", State)
def test_how_another_request_stands_is_said_so_that_it_reads_in_every_state(state: State) -> None:
    order, stands = STANDINGS[state]
    occupied = answers.occupied(request(state), None)
    assert occupied.startswith(
        f"There is already a request for order {order} ({stands}), asked by <@U0REQUEST> "
    )
    in_form = answers.occupied_in_form(request(state))
    assert in_form.startswith(f"There is already a request for this order ({stands}). Use ")
    outdated = answers.outdated_copy(request(state), None)
    assert outdated == f"An outdated copy of a card. Order {order}: {stands}."


def test_a_request_without_a_card_ends_with_the_reason() -> None:
    failed = replace(
        request(State.FAILED), failure=Failure(FailureCode.REFUSED, "<!channel> is locked")
    )
    text = answers.nothing_posted(failed, VENUE)
    assert "26644388" in text
    assert "&lt;!channel&gt; is locked" in text
    assert "Nothing was changed." in text


def test_a_request_that_expired_without_a_card_says_how_to_ask_again() -> None:
    text = answers.nothing_posted(request(State.EXPIRED), VENUE)
    assert "nobody could decide" in text
    assert "`/cancel-order riverside:26644388`" in text


def test_an_expired_request_is_told_by_its_status_and_on_a_copy_of_its_card() -> None:
    expired = request(State.EXPIRED)
    assert "*expired*" in answers.status(expired, "26644388", VENUE, lambda _: LINK)
    assert "Order 100130807: expired." in answers.outdated_copy(expired, None)


@pytest.mark.parametrize(
    "text",
    [answers.unknown(None), answers.not_found_in_message(), answers.form_failed()],
)
def test_an_answer_without_a_request_says_what_to_do(text: str) -> None:
    assert "/cancel-order" in text
