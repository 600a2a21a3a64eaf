"""The forms: Slack takes them, and their ids are the ones everybody relies on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.policy import GuestDetails, Policy
from bot.domain.quote import Notify
from bot.domain.request import Request, State
from bot.domain.selection import Selection
from bot.domain.venue import Venue
from bot.slack.cards import modals
from bot.slack.payloads import FormContext
from tests.examples import VENUE, line, order, request
from tests.strategies import HOSTILE, requests
from tests.unit.slack.rendered import calls_nobody, steers_nothing, texts, view_objections

Json = dict[str, Any]

ONE = {VENUE.key: VENUE}
TWO = ONE | {"harbour": replace(VENUE, key="harbour", name="Harbour Hall")}
CONTEXT = FormContext(
    request_id="rk3xq7ha2mzb4n6tw",
    revision=3,
    channel="C0REFUNDS",
    response_url="https://hooks.slack.com/actions/T0MUSEUM/1234567890/abcdefghijklmnop",
).dump()

pending = requests(states=st.just(State.PENDING))
large = requests(states=st.just(State.PENDING), most_lines=120)


def inputs(view: Json) -> dict[str, Json]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def every_form(of: Request) -> list[Json]:
    return [
        modals.choose_tickets(of, VENUE, CONTEXT),
        modals.reject_reason(of, CONTEXT),
        modals.break_glass(of, VENUE, CONTEXT),
        modals.resolve(of, VENUE, CONTEXT),
    ]


@settings(max_examples=100)
@given(pending)
def test_slack_takes_every_form_about_a_request(of: Request) -> None:
    for view in every_form(of):
        assert view_objections(view) == []
        assert steers_nothing(view)
        assert all(calls_nobody(text) for text in texts(view["blocks"]))
        assert all(block["element"]["action_id"] == "value" for block in inputs(view).values())
        assert FormContext.load(view["private_metadata"]).request_id == "rk3xq7ha2mzb4n6tw"


@settings(max_examples=30)
@given(large)
def test_orders_of_many_lines_fit_into_a_form(of: Request) -> None:
    assert view_objections(modals.choose_tickets(of, VENUE, CONTEXT)) == []


@pytest.mark.parametrize("venues", [ONE, TWO])
@pytest.mark.parametrize("ids", [[], ["26644388"], [str(n) for n in range(26644388, 26644408)]])
@pytest.mark.parametrize("ask_channel", [False, True])
def test_slack_takes_the_entry_form(
    venues: dict[str, Venue], ids: list[str], ask_channel: bool
) -> None:
    first = ids[0] if ids else None
    view = modals.cancel_order(venues, CONTEXT, first, ids, "harbour", ask_channel)
    assert view_objections(view) == []
    assert view["callback_id"] == "cancel_order"
    expected = ["order_id", "reason", "notify"]
    if len(venues) > 1:
        expected = ["venue", *expected]
    if ask_channel:
        expected = [*expected, "channel"]
    assert list(inputs(view)) == expected
    assert {block["element"]["action_id"] for block in inputs(view).values()} == {"value"}


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 75, "x" * 76])
def test_any_venues_name_fits_into_the_entry_form(name: str) -> None:
    venues = ONE | {"odd": replace(VENUE, key="odd", name=f"Hall {name}")}
    assert view_objections(modals.cancel_order(venues, CONTEXT, venue="odd")) == []


def test_the_entry_form_offers_what_the_guest_may_be_sent() -> None:
    element = inputs(modals.cancel_order(ONE, ""))["notify"]["element"]
    assert {option["value"] for option in element["options"]} == {each.value for each in Notify}
    assert element["initial_option"]["value"] == Notify.CONFIRMATION.value


def test_the_entry_form_is_filled_in_from_a_message() -> None:
    fields = inputs(modals.cancel_order(TWO, "", "26644388", ["26644388", "26644389"], "harbour"))
    assert fields["order_id"]["element"]["initial_value"] == "26644388"
    assert "26644388, 26644389" in fields["order_id"]["hint"]["text"]
    assert fields["venue"]["element"]["initial_option"]["value"] == "harbour"
    assert fields["reason"]["optional"]
    assert not fields["order_id"]["optional"]


def test_a_venue_that_is_not_known_is_not_preset() -> None:
    element = inputs(modals.cancel_order(TWO, "", venue=None))["venue"]["element"]
    assert "initial_option" not in element
    assert [option["value"] for option in element["options"]] == ["riverside", "harbour"]


MIXED = order(
    line("1", quantity=4),
    replace(line("2", quantity=2), part_of_combo=True),
    line("gone", quantity=0),
)


def test_tickets_are_chosen_per_line_as_so_many_of_so_many() -> None:
    of = request(of=MIXED, selection=Selection({"1": 3}))
    view = modals.choose_tickets(of, VENUE, CONTEXT)
    assert view["callback_id"] == "choose_tickets"
    assert list(inputs(view)) == ["line:1"]
    element = inputs(view)["line:1"]["element"]
    assert element["type"] == "number_input"
    assert (element["min_value"], element["max_value"], element["initial_value"]) == (
        "0",
        "4",
        "3",
    )
    assert not element["is_decimal_allowed"]
    assert inputs(view)["line:1"]["label"]["text"] == "Adult: 4 tickets at $100.00"


def test_a_line_that_must_stay_is_named_without_a_field() -> None:
    view = modals.choose_tickets(request(of=MIXED), VENUE, CONTEXT)
    notes = [
        element["text"]
        for block in view["blocks"]
        if block["type"] == "context"
        for element in block["elements"]
    ]
    assert notes[1:] == ["Adult: cannot be cancelled from here, stays on the order."]


def test_a_line_that_was_not_chosen_begins_at_nought() -> None:
    of = request(of=order(line("1"), line("2")), selection=Selection({"1": 1}))
    fields = inputs(modals.choose_tickets(of, VENUE, CONTEXT))
    assert [block["element"]["initial_value"] for block in fields.values()] == ["1", "0"]


def test_lines_beyond_what_a_form_holds_are_counted() -> None:
    of = request(of=order(*(line(str(n), quantity=1) for n in range(120))))
    view = modals.choose_tickets(of, VENUE, CONTEXT)
    assert len(inputs(view)) == 90
    assert view["blocks"][-1]["elements"][0]["text"] == ("30 more lines keep what is chosen now.")


def test_there_is_nothing_to_choose_before_the_order_was_read() -> None:
    with pytest.raises(ValueError, match="no order to choose from"):
        modals.choose_tickets(request(State.REQUESTED), VENUE, CONTEXT)


def test_rejecting_asks_why() -> None:
    view = modals.reject_reason(request(), CONTEXT)
    assert view["callback_id"] == "reject_reason"
    assert list(inputs(view)) == ["reason"]
    assert not inputs(view)["reason"]["optional"]


def test_approving_alone_asks_why_and_says_what_it_does() -> None:
    view = modals.break_glass(request(), VENUE, CONTEXT)
    assert view["callback_id"] == "break_glass"
    assert list(inputs(view)) == ["reason"]
    assert not inputs(view)["reason"]["optional"]
    (text,) = texts(view["blocks"])
    for warned in ("order 100130807 *alone*", "cannot be undone", "is told", "with your name"):
        assert warned in text


LISTED = replace(VENUE, policy=Policy(reasons=("Guest is ill", "R&B <Live> moved")))


@pytest.mark.parametrize("venue", [None, VENUE.key])
def test_reasons_are_offered_as_a_list_where_there_is_one(venue: str | None) -> None:
    view = modals.cancel_order({LISTED.key: LISTED}, CONTEXT, venue=venue)
    assert view_objections(view) == []
    field = inputs(view)["reason"]
    assert field["element"]["type"] == "static_select"
    assert [option["value"] for option in field["element"]["options"]] == [
        "Guest is ill",
        "R&B <Live> moved",
    ]
    assert "initial_option" not in field["element"]
    assert not field["optional"]


def reason_field(*policies: Policy) -> Json:
    """The reason's field where there are a Riverside Museum, a Harbour Hall, a Quay House."""
    names = ("Riverside Museum", "Harbour Hall", "Quay House")
    venues = {
        name: replace(VENUE, key=name, name=name, policy=policy)
        for name, policy in zip(names, policies, strict=False)
    }
    view = modals.cancel_order(venues, CONTEXT)
    assert view_objections(view) == []
    return inputs(view)["reason"]


def hint(field: Json) -> str | None:
    return field["hint"]["text"] if "hint" in field else None


REQUIRED, FREE = Policy(reason_required=True), Policy()
ILL, MOVED = Policy(reasons=("Guest is ill",)), Policy(reasons=("Event moved", "Weather"))


def test_one_list_for_all_venues_is_offered() -> None:
    field = reason_field(MOVED, MOVED)
    assert [option["value"] for option in field["element"]["options"]] == ["Event moved", "Weather"]
    assert not field["optional"]


@pytest.mark.parametrize(
    ("policies", "optional", "expected"),
    [
        ((FREE, FREE), True, None),
        ((REQUIRED, REQUIRED), False, None),
        ((REQUIRED, FREE), True, "Required at Riverside Museum."),
        ((REQUIRED, REQUIRED, FREE), True, "Required at Riverside Museum and Harbour Hall."),
        ((ILL, FREE), True, "At Riverside Museum begin with “Guest is ill”."),
        ((ILL, REQUIRED), False, "At Riverside Museum begin with “Guest is ill”."),
        (
            (ILL, MOVED, FREE),
            True,
            (
                "At Riverside Museum begin with “Guest is ill”. "
                "At Harbour Hall begin with “Event moved” or “Weather”."
            ),
        ),
        (
            (REQUIRED, MOVED, FREE),
            True,
            "Required at Riverside Museum. At Harbour Hall begin with “Event moved” or “Weather”.",
        ),
    ],
)
def test_what_only_some_venues_want_is_said_and_does_not_hold_up_the_others(
    policies: tuple[Policy, ...], optional: bool, expected: str | None
) -> None:
    field = reason_field(*policies)
    assert field["element"]["type"] == "plain_text_input"
    assert field["optional"] is optional
    assert hint(field) == expected


def test_of_a_long_list_the_hint_tells_some() -> None:
    many = Policy(reasons=tuple("abcdefg"))
    assert hint(reason_field(many, FREE)) == (
        "At Riverside Museum begin with “a”, “b”, “c”, “d”, “e” or 2 more."
    )


@pytest.mark.parametrize("required", [False, True])
def test_a_reason_may_be_left_out_where_none_is_wanted(required: bool) -> None:
    venue = replace(VENUE, policy=Policy(reason_required=required))
    field = inputs(modals.cancel_order({venue.key: venue}, ""))["reason"]
    assert field["optional"] is not required


def test_as_long_a_list_as_can_be_set_fits_into_the_form() -> None:
    reasons = tuple(f"{n:03}" + "x" * 72 for n in range(100))
    venue = replace(VENUE, policy=Policy(reasons=reasons))
    assert view_objections(modals.cancel_order({venue.key: venue}, CONTEXT)) == []


@pytest.mark.parametrize("details", GuestDetails)
def test_whoever_chooses_tickets_sees_whose_order_it_is(details: GuestDetails) -> None:
    """Whatever a channel may see: only the person who opens the form sees it."""
    venue = replace(VENUE, policy=Policy(guest_details=details))
    shown = " ".join(texts(modals.choose_tickets(request(), venue, "")["blocks"]))
    assert "Order of Brad Clarke (brad.clarke@example.com). Only you see this form." in shown


def test_no_other_form_tells_whose_order_it_is() -> None:
    venue = replace(VENUE, policy=Policy(guest_details=GuestDetails.FULL))
    of = request()
    for view in (
        modals.cancel_order({venue.key: venue}, "", of.order_id, [of.order_id]),
        modals.reject_reason(of, ""),
        modals.break_glass(of, VENUE, ""),
        modals.resolve(of, venue, ""),
    ):
        assert not any(word in str(view) for word in ("Brad", "Clarke", "example.com"))


def test_an_order_of_nobody_is_said_to_be_nobodys() -> None:
    nameless = replace(order(), guest_name=None, guest_email=None)
    view = modals.choose_tickets(request(of=nameless), VENUE, "")
    assert not any("Order of" in text for text in texts(view["blocks"]))


def test_settling_asks_what_happened_and_how_it_is_known() -> None:
    view = modals.resolve(request(State.UNKNOWN), VENUE, CONTEXT)
    assert view["callback_id"] == "resolve_outcome"
    assert list(inputs(view)) == ["truth", "reason"]
    options = inputs(view)["truth"]["element"]["options"]
    assert [option["value"] for option in options] == ["done", "failed"]
    assert "initial_option" not in inputs(view)["truth"]["element"]
