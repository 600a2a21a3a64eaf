"""Who may ask for what: by whom, for what reason, in which channel, and who sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.offices import BOX_OFFICE, FAMILY
from tests.integration.stage import (
    APPROVER,
    MEMBER,
    QUICK,
    REQUESTER,
    Case,
    Json,
    Stage,
    open_stage,
    words,
)


@pytest.fixture(autouse=True)
def _no_form_is_left(offices: Stage) -> Iterator[None]:
    yield
    for view in offices.people.state(REQUESTER)["views"]:
        offices.people.dismiss(view, REQUESTER)


def test_a_reason_that_is_required_is_asked_for(offices: Stage) -> None:
    case = offices.case(FAMILY, "why")
    assert "A reason is required here" in case.ask()
    assert case.cards() == []
    assert "Reading order" in case.ask("guest is ill")
    assert ">guest is ill" in words(case.card("waiting for approval"))


def test_a_reason_that_is_not_on_the_list_is_answered_with_the_list(offices: Stage) -> None:
    case = offices.case(FAMILY, "listed")
    for reason in ("", "changed their mind", "guest is illness"):
        told = case.ask(reason)
        assert "“Guest is ill”, “Duplicate order”" in told
    assert case.cards() == []
    assert "Reading order" in case.ask("GUEST  is ill, called twice")
    assert ">GUEST is ill, called twice" in words(case.card("waiting for approval"))


def test_a_reason_that_is_not_on_the_list_is_said_beside_the_field(offices: Stage) -> None:
    case = offices.case(FAMILY, "listed")
    case.people.command("", channel=case.channel)
    form = case.people.form("cancel_order")
    entered = {"order_id": case.order, "venue": "listed"}
    answer = case.people.submit(form, **entered, reason="changed their mind")
    assert "“Guest is ill”" in answer["errors"]["reason"]
    assert case.people.submit(form, **entered, reason="Duplicate order")["ok"]
    case.card("waiting for approval")


def test_with_several_venues_only_those_that_want_a_reason_get_one(offices: Stage) -> None:
    case = offices.case(FAMILY, "plain")
    case.people.command("", channel=case.channel)
    form = case.people.form("cancel_order")
    answer = case.people.submit(form, order_id=case.order, venue="why")
    assert answer["errors"] == {
        "reason": "A reason is required here: Why House cancels nothing without one."
    }
    assert case.people.submit(form, order_id=case.order, venue="plain")["ok"]
    assert "\n>" not in words(case.card("waiting for approval"))


def test_with_one_venue_the_form_offers_the_reasons(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    toml = f'{QUICK}[policy]\nreasons = ["Guest is ill", "Duplicate order"]\n'
    with open_stage(tmp_path_factory.mktemp("reasons"), toml) as stage:
        case = stage.case(FAMILY)
        case.people.command("", channel=case.channel)
        form = case.people.form("cancel_order")
        assert options(form, "reason") == ["Guest is ill", "Duplicate order"]
        answer = case.people.submit(form, order_id=case.order)
        assert list(answer["errors"]) == ["reason"]
        assert case.people.submit(form, order_id=case.order, reason="Duplicate order")["ok"]
        assert ">Duplicate order" in words(case.card("waiting for approval"))


def options(form: Json, block_id: str) -> list[str]:
    (element,) = [b["element"] for b in form["blocks"] if b["block_id"] == block_id]
    return [option["text"]["text"] for option in element["options"]]


def test_where_cancellations_are_not_asked_for_the_right_channel_is_named(offices: Stage) -> None:
    case = offices.case(FAMILY, "here")
    told = case.ask()
    assert "are not asked for in this channel" in told
    assert f"<#{BOX_OFFICE}>" in told
    assert case.cards() == []
    there = Case(offices, case.order, case.number, BOX_OFFICE, case.typed)
    assert "Reading order" in there.ask()
    there.card("waiting for approval")


def test_a_channel_that_is_chosen_wrongly_is_said_beside_the_field(offices: Stage) -> None:
    case = offices.case(FAMILY, "here")
    case.people.shortcut("cancel_order_global")
    form = case.people.form("cancel_order")
    entered = {"order_id": case.order, "venue": "here", "reason": "guest is ill"}
    answer = case.people.submit(form, **entered, channel=case.channel)
    assert list(answer["errors"]) == ["channel"]
    assert case.people.submit(form, **entered, channel=BOX_OFFICE)["ok"]
    Case(offices, case.order, case.number, BOX_OFFICE, case.typed).card("waiting for approval")


def test_who_may_not_ask_is_told_who_may(offices: Stage) -> None:
    case = offices.case(FAMILY, "closed")
    told = case.ask(user=MEMBER)
    assert "You are not among those who may ask for cancellations at Closed House" in told
    assert f"<@{REQUESTER}>" in told
    assert case.cards() == []


def test_who_may_neither_ask_nor_approve_does_not_see_what_others_asked(offices: Stage) -> None:
    case = offices.case(FAMILY, "closed")
    case.asked()
    told = case.people.command(f"status {case.typed}", MEMBER, case.channel)["response"]["text"]
    assert "you cannot see what was asked for there" in told
    assert case.number in lately_asked(case, APPROVER)
    assert case.number not in lately_asked(case, MEMBER)


def lately_asked(case: Case, user: str) -> str:
    answer = case.people.command("history", user, case.channel)
    return str(answer["response"]["text"])
