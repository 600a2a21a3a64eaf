"""What a venue's policy makes a no of, though a quote only warns of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.bars import bars
from bot.domain.order import Order
from bot.domain.policy import Policy
from bot.domain.quote import PROCESSOR_AGE_LIMIT, QuoteWarning, WarningCode
from tests.examples import NOW, line, order, request, usd

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAST = Policy(block_on=frozenset({WarningCode.PAST_EVENT}))
YOUNG = Policy(max_order_age=30 * DAY)


def codes(policy: Policy, of: Order, now: datetime = NOW) -> list[WarningCode]:
    return [warning.code for warning in bars(policy, request(of=of), now)]


def made(created_at: datetime | None) -> Order:
    return replace(order(), created_at=created_at)


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        (WarningCode.CHECKED_IN, order(replace(line(), checked_in=1))),
        (WarningCode.PAST_EVENT, order(replace(line(), event_at=NOW - HOUR))),
        (WarningCode.UNPAID_BALANCE, replace(order(), balance=usd("1.00"))),
        (WarningCode.ORGANISATION, replace(order(), organisation="Riverside School")),
        (WarningCode.CONVERTED, order(replace(line(), converted=True))),
        (WarningCode.OLD_ORDER, made(NOW - 46 * DAY)),
    ],
)
def test_what_a_quote_warns_of_bars_the_approval_only_where_the_policy_says_so(
    code: WarningCode, subject: Order
) -> None:
    assert codes(Policy(), subject) == []
    assert codes(Policy(block_on=frozenset({code})), subject) == [code]
    others = frozenset(set(WarningCode) - {code})
    assert code not in codes(Policy(block_on=others), subject)
    assert codes(Policy(block_on=frozenset({code})), order()) == []


def test_an_event_that_begins_after_the_quote_bars_the_approval() -> None:
    begins = NOW + HOUR
    subject = order(replace(line("1"), event_at=begins), replace(line("2"), event_at=NOW + DAY))
    assert codes(PAST, subject, begins) == []
    late = bars(PAST, request(of=subject), begins + timedelta(seconds=1))
    assert late == (QuoteWarning(WarningCode.PAST_EVENT, "1"),)
    assert codes(Policy(), subject, begins + HOUR) == []


def test_an_event_that_was_over_at_the_quote_is_named_once() -> None:
    subject = order(replace(line(), event_at=NOW - HOUR))
    assert codes(PAST, subject, NOW + HOUR) == [WarningCode.PAST_EVENT]


def test_an_order_that_becomes_too_old_for_the_processor_bars_the_approval() -> None:
    policy = Policy(block_on=frozenset({WarningCode.OLD_ORDER}))
    subject = made(NOW - PROCESSOR_AGE_LIMIT)
    assert codes(policy, subject) == []
    assert codes(policy, subject, NOW + DAY) == [WarningCode.OLD_ORDER]


@pytest.mark.parametrize(
    ("age", "is_too_old"),
    [(-HOUR, False), (29 * DAY, False), (30 * DAY, False), (31 * DAY, True), (90 * DAY, True)],
)
def test_an_order_older_than_the_policy_allows_bars_the_approval(
    age: timedelta, is_too_old: bool
) -> None:
    found = bars(YOUNG, request(of=made(NOW - age)), NOW)
    assert found == ((QuoteWarning(WarningCode.TOO_OLD, count=age.days),) if is_too_old else ())


@pytest.mark.parametrize("limit", [30 * DAY, 12 * HOUR])
def test_an_order_is_too_old_as_soon_as_it_is_older(limit: timedelta) -> None:
    policy = Policy(max_order_age=limit)
    assert codes(policy, made(NOW - limit)) == []
    assert codes(policy, made(NOW - limit - HOUR)) == [WarningCode.TOO_OLD]


def test_an_order_grows_too_old_while_its_request_waits() -> None:
    subject = made(NOW - 29 * DAY)
    assert codes(YOUNG, subject) == []
    assert codes(YOUNG, subject, NOW + 3 * DAY) == [WarningCode.TOO_OLD]


def test_an_order_of_unknown_age_is_too_old() -> None:
    assert bars(YOUNG, request(of=made(None)), NOW) == (QuoteWarning(WarningCode.TOO_OLD),)
    assert codes(Policy(), made(None)) == []
    unread = replace(request(), order=None)
    assert [each.code for each in bars(YOUNG, unread, NOW)] == [WarningCode.TOO_OLD]


def test_without_a_quote_there_is_nothing_to_bar() -> None:
    policy = replace(YOUNG, block_on=frozenset(WarningCode))
    assert bars(policy, replace(request(), quote=None), NOW) == ()
