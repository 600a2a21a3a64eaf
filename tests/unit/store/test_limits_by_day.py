"""Daily limits: a day begins at the venue's midnight, wherever that is, whenever clocks change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.policy import Ceiling, Policy
from bot.domain.request import Actor, Decision, Request, Verdict
from bot.store import Database, limits
from tests.examples import request as example
from tests.examples import usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.steps import approved

SOMEBODY = Actor("U0SOMEBODY", "T0MUSEUM")
# Where days begin at odd moments: clocks set back or forward at midnight, by half an hour, or over
# a whole day; and where nothing ever happens.
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "America/New_York",
        "America/Havana",
        "America/Santiago",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Auckland",
    )
]


@pytest.fixture(scope="module")
def carried_out(database: Database) -> Request:
    return asyncio.run(approved(store_on(database, Clock()), "1"))


def counts(
    database: Database, request: Request, given_at: datetime, now: datetime, zone: ZoneInfo
) -> bool:
    """Whether an approval of `request` that was given at one moment counts at another."""
    policy = Policy(approver_daily=Ceiling((usd("500.00"),)), timezone=zone)
    vote = Decision(Verdict.APPROVED, SOMEBODY, given_at, request.revision)
    with database.engine.connect() as connection, connection.begin() as transaction:
        limits.note_approval(connection, request, vote)
        usage = limits.usage(connection, policy, example(), SOMEBODY.user, now)
        transaction.rollback()
    assert usage is not None
    assert usage.by_approver in {usd("0.00"), usd("600.00")}
    return bool(usage.by_approver)


@pytest.mark.parametrize(
    ("zone", "last_of_the_day_before", "now"),
    [
        ("UTC", "2026-07-13T23:59:59.999", "2026-07-14T15:00"),
        ("America/New_York", "2026-07-14T03:59:59.999", "2026-07-14T15:00"),
        ("America/New_York", "2026-07-13T03:59:59.999", "2026-07-14T03:59"),
        ("Pacific/Auckland", "2026-07-14T11:59:59.999", "2026-07-14T15:00"),
        ("Asia/Kathmandu", "2026-07-13T18:14:59.999", "2026-07-14T15:00"),
        # A day of 23 hours, and one of 25.
        ("America/New_York", "2026-03-08T04:59:59.999", "2026-03-09T03:59"),
        ("America/New_York", "2026-11-01T03:59:59.999", "2026-11-02T04:59"),
        # There are two midnights, of which the first counts, also at half past the second.
        ("America/Havana", "2026-11-01T03:59:59.999", "2026-11-01T05:30"),
        # There is no midnight: the day begins at one o'clock.
        ("America/Havana", "2026-03-08T04:59:59.999", "2026-03-08T12:00"),
    ],
)
def test_a_day_begins_at_midnight_where_the_venue_is(
    database: Database, carried_out: Request, zone: str, last_of_the_day_before: str, now: str
) -> None:
    before = datetime.fromisoformat(last_of_the_day_before).replace(tzinfo=UTC)
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    first = before + timedelta(milliseconds=1)
    assert not counts(database, carried_out, before, at, ZoneInfo(zone))
    assert counts(database, carried_out, first, at, ZoneInfo(zone))


def _changes(zone: ZoneInfo) -> list[tuple[ZoneInfo, datetime]]:
    """The days (UTC) in which a zone's clocks change, each with the zone."""
    days = [_DAY + timedelta(days=number) for number in range(30 * 365)]
    offsets = [zone.utcoffset(day) for day in days]
    changed = [
        day for day, one, other in zip(days, offsets, offsets[1:], strict=False) if one != other
    ]
    return [(zone, day) for day in changed or days[:1]]


_DAY = datetime(2006, 1, 1, tzinfo=UTC)


@settings(max_examples=200)
@given(
    change=st.one_of(*(st.sampled_from(_changes(zone)) for zone in ZONES)),
    later=st.integers(-24 * 60, 48 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    ago=st.timedeltas(timedelta(0), timedelta(hours=50)),
)
def test_what_counts_was_given_on_the_same_date(
    database: Database,
    carried_out: Request,
    change: tuple[ZoneInfo, datetime],
    later: timedelta,
    ago: timedelta,
) -> None:
    zone, day = change
    now = day + later
    given_at = now - ago
    is_same_date = given_at.astimezone(zone).date() == now.astimezone(zone).date()
    assert counts(database, carried_out, given_at, now, zone) == is_same_date
