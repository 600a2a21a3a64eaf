"""How far this machine's clock is off, by other people's answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.clock import about_clock
from bot.check.finding import Grade

NOW = datetime(2026, 7, 14, 15, 0, tzinfo=UTC)


def graded(seconds: float, took: float = 0) -> Grade:
    """What is said when theirs is ahead of ours by so much, and the answer took so long."""
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    return about_clock("Slack", date, NOW, NOW + timedelta(seconds=took)).grade


@pytest.mark.parametrize(
    ("seconds", "grade"),
    [
        (0, Grade.OK),
        (60, Grade.OK),
        (62, Grade.WARNING),
        (240, Grade.WARNING),
        (242, Grade.WRONG),
        (-60, Grade.OK),
        (-63, Grade.WARNING),
        (-243, Grade.WRONG),
        (86400, Grade.WRONG),
    ],
)
def test_a_clock_that_is_off_is_said_to_be(seconds: float, grade: Grade) -> None:
    assert graded(seconds) is grade


def test_a_slow_answer_is_not_held_against_the_clock() -> None:
    assert graded(100, took=100) is Grade.OK
    assert graded(0, took=100) is Grade.OK
    assert graded(1, took=100) is Grade.OK


@given(st.integers(-100_000, 100_000), st.integers(0, 30))
def test_the_further_off_the_worse(seconds: int, took: int) -> None:
    order = list(Grade)
    further = seconds + (60 if seconds > 0 else -60)
    assert order.index(graded(seconds, took)) <= order.index(graded(further, took))


def test_which_way_it_is_off_is_said() -> None:
    late = format_datetime(NOW - timedelta(seconds=100), usegmt=True)
    early = format_datetime(NOW + timedelta(seconds=100), usegmt=True)
    assert "99 s ahead of theirs" in about_clock("Slack", late, NOW, NOW).text
    assert "100 s behind theirs" in about_clock("Slack", early, NOW, NOW).text
    assert "NTP" in about_clock("Slack", early, NOW, NOW).to_do


@pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Jul 2026 15:00:00 GMT"])
def test_an_answer_without_a_time_is_not_taken_for_a_right_clock(date: str | None) -> None:
    finding = about_clock("Slack", date, NOW, NOW)
    assert finding.grade is Grade.WARNING
    assert finding.to_do
