"""Several venues in rescind.toml: which one is meant, and that each keeps its own settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from tests.integration.stage import (
    QUICK,
    REQUESTER,
    Case,
    Stage,
    buttons,
    fields,
    free_port,
    headers,
    open_stage,
    words,
)

RIVERSIDE_CHANNEL, SHARED_CHANNEL = "C0REFUNDS", "C0BOXOFF"


@pytest.fixture(scope="module")
def other_acme() -> Iterator[RunningSandbox]:
    """A second upstream with a key of its own and the same order ids."""
    settings = SandboxSettings(port=0, acme_api_key="harbour-key")
    with RunningSandbox(settings) as running:
        yield running


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory, other_acme: RunningSandbox) -> Iterator[Stage]:
    rescind_toml = f"""{QUICK}
[[venues]]
key = "riverside"
name = "Riverside & Sons"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "USD"
timezone = "America/New_York"
channels = ["{RIVERSIDE_CHANNEL}", "{SHARED_CHANNEL}"]

[[venues]]
key = "harbour"
name = "Harbour Hall"
system = "acme"
base_url = "{other_acme.acme_base_url}"
api_key_env = "HARBOUR_KEY"
currency = "EUR"
locale = "de_DE"
timezone = "Europe/Berlin"
channels = ["{SHARED_CHANNEL}"]

[venues.policy]
self_approval = true

[[venues]]
key = "down"
name = "Closed House"
system = "acme"
base_url = "http://127.0.0.1:{free_port()}"
api_key_env = "ACME_API_KEY"
currency = "USD"

[[venues]]
key = "badkey"
name = "Locked House"
system = "acme"
base_url = "@ACME@"
api_key_env = "HARBOUR_KEY"
currency = "USD"
"""
    folder = tmp_path_factory.mktemp("venues")
    with open_stage(folder, rescind_toml, HARBOUR_KEY="harbour-key") as running:
        yield running


def test_the_venue_is_named_before_the_order(venues: Stage) -> None:
    case = venues.case(venue="riverside")
    card = case.asked()
    assert "Riverside &amp; Sons · order id" in words(card)
    case.approve()
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_a_venues_case_and_spaces_are_forgiven(venues: Stage) -> None:
    case = venues.case()
    answer = venues.people.command(f"RiverSide : #{case.order} guest is ill", channel=case.channel)
    assert f"Reading order {case.order}" in answer["response"]["text"]
    assert ">guest is ill" in words(case.card("waiting for approval"))


def test_a_channel_stands_for_its_venue(venues: Stage) -> None:
    case = venues.case(channel=RIVERSIDE_CHANNEL)
    assert "Riverside &amp; Sons" in words(case.asked())


def test_a_channel_of_two_venues_stands_for_neither(venues: Stage) -> None:
    answer = venues.people.command("26644388", channel=SHARED_CHANNEL)["response"]["text"]
    assert "Which venue?" in answer
    for key in ("`riverside`", "`harbour`"):
        assert key in answer
    assert "`/cancel-order riverside:26644388`" in answer


def test_a_channel_of_no_venue_asks_which(venues: Stage) -> None:
    case = venues.case()
    assert "Which venue?" in case.ask()
    assert case.cards() == []


def test_an_unknown_venue_is_answered_with_the_known_ones(venues: Stage) -> None:
    answer = venues.people.command("nowhere:26644388", channel=RIVERSIDE_CHANNEL)
    text = answer["response"]["text"]
    assert "There is no venue “nowhere”" in text
    assert "`riverside`, `harbour`" in text


def test_the_same_order_id_at_two_venues_is_two_orders(
    venues: Stage, other_acme: RunningSandbox
) -> None:
    here = venues.case(venue="riverside")
    there = Case(venues, here.order, here.number, venues.next_channel(), f"harbour:{here.order}")
    other_acme.sandbox.acme.copy_order("26644402")
    for _ in range(50):
        if other_acme.sandbox.acme.panel(here.order):
            break
        other_acme.sandbox.acme.copy_order("26644402")
    here.asked()
    assert headers(here.card())[1] == "Refund $400.00"
    assert headers(there.asked())[1] == "Refund 148,75\xa0€"
    there.approve()
    there.reply("Refunded 148,75\xa0€")
    panel = other_acme.sandbox.acme.panel(here.order)
    assert panel is not None
    assert panel["refunded"] == "148.75"
    assert here.changes() == []


def test_a_venue_has_its_currency_language_and_clock(
    venues: Stage, other_acme: RunningSandbox
) -> None:
    order, _ = other_acme.sandbox.acme.copy_order("26644533")
    case = Case(venues, order, "", venues.next_channel(), f"harbour:{order}")
    card = words(case.asked())
    assert "*2 × Erwachsene*  2 × 1.250,50\xa0€ = *2.501,00\xa0€*" in card
    assert "7:30" in card
    case.approve()
    details = case.reply("Refunded 3.126,25\xa0€")
    assert fields(details)["Refund"] == "3.126,25\xa0€"
    assert "$" not in card + words(details)
    panel = other_acme.sandbox.acme.panel(order)
    assert panel is not None
    assert panel["refunded"] == "3126.25"


def test_self_approval_is_a_setting_of_the_venue(venues: Stage, other_acme: RunningSandbox) -> None:
    order, _ = other_acme.sandbox.acme.copy_order("26644388")
    theirs = Case(venues, order, "", venues.next_channel(), f"harbour:{order}")
    theirs.asked()
    theirs.approve(REQUESTER)
    details = fields(theirs.reply("Refunded"))
    assert details["Asked by"] == details["Approved by"] == f"<@{REQUESTER}>"

    ours = venues.case(venue="riverside")
    ours.asked()
    ours.approve(REQUESTER)
    ours.told("You asked for this yourself")
    assert ours.changes() == []


def test_the_form_asks_for_the_venue_and_knows_the_channels(venues: Stage) -> None:
    venues.people.command("", channel=RIVERSIDE_CHANNEL)
    form = venues.people.form("cancel_order")
    field = form["blocks"][0]
    assert field["block_id"] == "venue"
    assert field["element"]["initial_option"]["value"] == "riverside"
    assert [option["value"] for option in field["element"]["options"]][:2] == [
        "riverside",
        "harbour",
    ]
    venues.people.dismiss(form)


def test_a_form_without_a_venue_is_asked_for_one(venues: Stage) -> None:
    case = venues.case()
    venues.people.command("", channel=case.channel)
    form = venues.people.form("cancel_order")
    answer = venues.people.submit(form, order_id=case.order)
    assert list(answer["errors"]) == ["venue"]
    assert venues.people.submit(form, order_id=case.order, venue="riverside")["ok"]
    assert buttons(case.card("waiting for approval"))["approve"]


def test_help_lists_the_venues(venues: Stage) -> None:
    text = venues.people.command("help", channel=venues.next_channel())["response"]["text"]
    assert "`riverside` (Riverside &amp; Sons)" in text
    assert "`harbour` (Harbour Hall)" in text


def test_a_system_that_is_down_is_said_to_be(venues: Stage) -> None:
    case = venues.case(venue="down")
    case.ask()
    told = case.told("cannot be reached right now")
    assert "Try again in a few minutes" in told
    assert "Nothing was changed" in told
    assert case.cards() == []


def test_a_key_that_is_refused_is_said_to_be(venues: Stage) -> None:
    case = venues.case(venue="badkey")
    case.ask()
    told = case.told("does not accept our key")
    assert "Ask whoever runs this bot" in told
    assert "harbour-key" not in told
    assert case.cards() == []
