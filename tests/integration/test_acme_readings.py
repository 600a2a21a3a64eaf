"""ACME under every reading of its documentation: the money is right, and no false alarm."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest

from bot.sandbox.acme import READINGS
from tests.integration.stage import Case, Stage, fields, words

TWO_EVENTS = "26644417"
ALL_UNUSUAL = {name: values[-1] for name, values in READINGS.items()}
WAYS = {
    **{f"{name} {value}": {name: value} for name, values in READINGS.items() for value in values},
    "all unusual": ALL_UNUSUAL,
}


def choose_everywhere(cases: Mapping[str, Case], *counts: int) -> None:
    """One step of several cancellations that go on side by side."""
    for case in cases.values():
        case.ask()
    for case in cases.values():
        case.card("waiting for approval")
        if counts:
            case.choose(*counts)
        case.approve()


@pytest.fixture(scope="module")
def two_steps(stage: Stage) -> Mapping[str, Case]:
    """Under every reading: one ticket of the first line, then everything that is left."""
    cases = {way: stage.case(TWO_EVENTS) for way in WAYS}
    for way, case in cases.items():
        stage.read_acme_as(case.order, **WAYS[way])
    choose_everywhere(cases, 1, 0, 0)
    for case in cases.values():
        case.reply("Refunded $38.00")
        assert case.upstream()["refunded"] == "38.00"
    choose_everywhere(cases)
    for case in cases.values():
        case.card("· cancelled")
    return cases


@pytest.mark.parametrize("way", WAYS)
def test_two_steps_come_out_right(two_steps: Mapping[str, Case], way: str) -> None:
    case = two_steps[way]
    details = case.reply("Refunded $133.00")
    assert ":warning:" not in words(details)
    assert ":warning:" not in words(case.card())
    assert case.upstream()["refunded"] == "171.00"
    assert len(case.changes()) == 2


def test_a_line_that_is_void_already_and_one_that_is_kept(stage: Stage) -> None:
    """What is kept is listed, what is void is not: right whatever ACME makes of either."""
    ways = list(product(READINGS["omitted_lines"], READINGS["void_again"]))
    cases = {str(way): stage.case(TWO_EVENTS) for way in ways}
    for (omitted, void_again), case in zip(ways, cases.values(), strict=True):
        stage.read_acme_as(case.order, omitted_lines=omitted, void_again=void_again)
    for counts in ((2, 0, 0), (2, 0)):
        choose_everywhere(cases, *counts)
        for case in cases.values():
            case.card("partly cancelled")
            case.reply("Refunded $76.00")
    for case in cases.values():
        assert [line["quantity"] for line in case.upstream()["lines"]] == [0, 0, 1]
        assert case.upstream()["refunded"] == "152.00"


def test_a_cumulative_figure_is_explained(two_steps: Mapping[str, Case]) -> None:
    details = two_steps["refund_amount cumulative"].reply("Refunded $133.00")
    assert "$171.00" in words(details)
    assert "earlier ones" in words(details)
    assert fields(details)["Refund"] == "$133.00"


def test_a_figure_that_disagrees_is_shown_and_flagged(stage: Stage) -> None:
    """An unpaid balance that the read does not tell of: ACME pays back less than expected."""
    case = stage.case("26644478")
    case.asked()
    case.approve()
    card = case.card("Figures do not agree")
    details = words(case.reply("$160.00"))
    assert ":warning:" in details
    assert "$360.00" in details
    assert "before telling the guest" in details
    assert "Refunded $360.00" not in details + words(card) + card["text"]
