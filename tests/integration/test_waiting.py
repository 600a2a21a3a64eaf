"""What happens when nobody decides: reminders, expiry, and their end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.stage import (
    APPROVER,
    QUICK,
    REQUESTER,
    Stage,
    buttons,
    headers,
    open_stage,
    words,
)

PATIENT = """
[policy]
remind_after_minutes = [0.01, 600]
expire_after_hours = 2
mentions = ["U0APPROVE", "S0BOXOFF"]
"""
IMPATIENT = """
[policy]
remind_after_minutes = []
expire_after_hours = 0.0005
"""


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("patient"), QUICK + PATIENT) as stage:
        yield stage


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("impatient"), QUICK + IMPATIENT) as stage:
        yield stage


def test_a_reminder_calls_those_who_are_to_be_called_and_the_channel_sees_it(
    patient: Stage,
) -> None:
    case = patient.case()
    card = case.asked("guest is ill")
    assert "Expires" in words(card)
    reminder = case.people.reply(card, "still waits")
    assert "<@U0APPROVE>" in reminder["text"]
    assert "<!subteam^S0BOXOFF>" in reminder["text"]
    assert "$400.00" in reminder["text"]
    assert reminder["broadcast"] is True


def test_after_a_reminder_the_card_is_still_good_for_a_decision(patient: Stage) -> None:
    case = patient.case()
    case.people.reply(case.asked(), "still waits")
    case.approve()
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_what_nobody_settles_is_reminded_of_as_well(patient: Stage) -> None:
    case = patient.case()
    case.asked()
    case.people.fault(case.order, "malformed_before", times=2)
    case.approve()
    card = case.card("needs attention")
    assert "Settle" in words(case.people.reply(card, "still needs attention"))


def test_a_request_expires_without_buttons_and_the_requester_is_told(impatient: Stage) -> None:
    case = impatient.case()
    waiting = case.asked()
    card = case.card("· expired")
    assert buttons(card) == {}
    assert "Nothing was cancelled or refunded" in headers(card)
    assert f"<@{REQUESTER}>" in case.reply("expired")["text"]
    assert impatient.outdated_click(waiting, "approve", APPROVER) == 200
    case.told("expired", APPROVER)
    assert case.changes() == []


def test_an_expired_order_can_be_asked_for_again(impatient: Stage) -> None:
    case = impatient.case()
    case.asked()
    case.card("· expired")
    assert "Reading order" in case.ask()
    case.people.wait_for("a second card", lambda: len(case.cards()) == 2)
