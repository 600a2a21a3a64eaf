"""Values to words: amounts, times, people, and other people's texts made harmless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.policy import GuestDetails
from bot.slack.cards.format import (
    clean,
    clock,
    deadline,
    duration,
    event_time,
    foreign,
    guest,
    initials,
    masked_email,
    money,
    roughly,
    said,
    tickets,
)
from bot.slack.cards.message import TEXT_LIMIT, clip, fields, mrkdwn, plain, sections
from tests.examples import VENUE, order
from tests.strategies import hostile
from tests.unit.slack.rendered import calls_nobody, steers_nothing

GERMAN = replace(VENUE, locale="de_DE", currency="EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "shown"),
    [
        ("400.00", "USD", "en_US", "$400.00"),
        ("0.00", "USD", "en_US", "$0.00"),
        ("1234567.89", "USD", "en_US", "$1,234,567.89"),
        ("400.00", "EUR", "de_DE", "400,00\u00a0€"),
        ("1200", "JPY", "en_US", "¥1,200"),
        ("1.250", "KWD", "en_US", "KWD1.250"),
        ("400.00", "GBP", "en_GB", "£400.00"),
    ],
)
def test_money_is_written_as_people_there_write_it(
    amount: str, currency: str, locale: str, shown: str
) -> None:
    venue = replace(VENUE, locale=locale)
    assert money(Money(Decimal(amount), currency), venue) == shown


EVENING = datetime(2026, 8, 1, 19, 0, tzinfo=timezone(timedelta(hours=-4)))


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/New_York", "Sat, Aug 1, 2026, 7:00"),
        ("Europe/Dublin", "Sun, Aug 2, 2026, 12:00"),
        (None, "Sat, Aug 1, 2026, 7:00"),
    ],
)
def test_an_event_is_told_in_the_venues_time(zone: str | None, shown: str) -> None:
    venue = replace(VENUE, timezone=ZoneInfo(zone) if zone else None)
    assert event_time(EVENING, venue).startswith(shown)


def test_a_moment_is_told_so_that_everybody_sees_their_own_time() -> None:
    moment = datetime(2026, 7, 14, 15, 0, tzinfo=UTC)
    assert clock(moment) == (
        "<!date^1784041200^{date_short_pretty} at {time}|2026-07-14 15:00 UTC>"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0 s"), (0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3725, "1 h 2 min")],
)
def test_durations_are_told_roughly(seconds: float, shown: str) -> None:
    assert duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize("text", ["```", "``````", "`\u200b``", "a ``` b", "````"])
def test_no_text_opens_a_block_of_code(text: str) -> None:
    assert "```" not in foreign(text)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("brad.clarke@example.com", "b•••@example.com"),
        ("b@example.com", "b•••@example.com"),
        ("@example.com", "•••"),
        ("no address", "•••"),
        ("<!here>@example.com", "•••"),
        (" brad.clarke@example.com ", "b•••@example.com"),
        ("brad@example.com, anna.clarke@example.org", "•••"),
        ("brad@example.com anna.clarke@example.org", "•••"),
        ("brad@anna.clarke@example.org", "•••"),
        ("", "•••"),
    ],
)
def test_an_address_can_be_recognised_but_not_written_to(address: str, shown: str) -> None:
    assert masked_email(address) == shown


UPSTREAM = "Refused: guest brad CLARKE <brad.clarke@example.com>, +1 (212) 555-0123, order 26644388"


@pytest.mark.parametrize("details", [GuestDetails.MASKED, GuestDetails.NONE])
def test_what_an_upstream_says_of_a_guest_is_hidden(details: GuestDetails) -> None:
    of = replace(order(), guest_name="Brad Clarke")
    assert said(UPSTREAM, 200, of, details) == "Refused: guest ••• &lt;•••&gt;, •••, order 26644388"
    unread = said(UPSTREAM, 200, None, details)
    assert "@" not in unread
    assert "555" not in unread
    assert said(UPSTREAM, 200, of, GuestDetails.FULL) == foreign(UPSTREAM, 200)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Brad Clarke", "B. C."),
        ("  anna   maria de la cruz ", "A. M. D. L."),
        ("Zoë", "Z."),
        ("Łukasz Żak", "Ł. Ż."),
        ("山田 太郎", "山. 太."),
        ("<!channel> Smith", "S."),
        ("\u202eelad", "E."),
        ("4711", "•••"),
        ("", "•••"),
    ],
)
def test_of_a_name_the_first_letters_can_be_compared(name: str, shown: str) -> None:
    assert initials(name) == shown


@given(hostile)
def test_initials_say_little_and_call_nobody(name: str) -> None:
    shown = initials(name)
    assert shown == "•••" or len(shown) <= 4 * 4
    assert calls_nobody(shown)
    assert steers_nothing(shown)


WHOSE = {
    GuestDetails.FULL: "Brad Clarke (brad.clarke@example.com)",
    GuestDetails.MASKED: "B. C. (b•••@example.com)",
    GuestDetails.NONE: "",
}


@pytest.mark.parametrize(("details", "shown"), WHOSE.items())
def test_whose_order_it_is_is_told_as_far_as_may_be(details: GuestDetails, shown: str) -> None:
    assert guest(order(), details) == shown
    nameless, nowhere = replace(order(), guest_name=None), replace(order(), guest_email=None)
    assert guest(nameless, details) == shown[shown.find("(") :]
    assert guest(nowhere, details) == shown.partition(" (")[0]
    assert guest(replace(nameless, guest_email=None), details) == ""


@given(hostile, hostile, st.sampled_from(GuestDetails))
def test_whoever_the_guest_claims_to_be_calls_nobody(
    name: str, email: str, details: GuestDetails
) -> None:
    shown = guest(replace(order(), guest_name=name, guest_email=email), details)
    assert calls_nobody(shown)
    assert steers_nothing(shown)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 minutes"),
        (29, "0 minutes"),
        (60, "1 minute"),
        (30 * 60, "30 minutes"),
        (119 * 60, "119 minutes"),
        (120 * 60, "2 hours"),
        (47.9 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (10 * 24 * 3600, "10 days"),
    ],
)
def test_an_age_is_told_in_one_unit(seconds: float, shown: str) -> None:
    assert roughly(timedelta(seconds=seconds)) == shown


def test_a_deadline_names_its_zone_where_the_venue_has_none() -> None:
    until = datetime(2026, 7, 14, 21, 0, tzinfo=timezone(timedelta(hours=2)))
    assert deadline(until, VENUE) == "Tue, Jul 14, 2026, 3:00 PM"
    assert deadline(until, replace(VENUE, timezone=None)) == "Tue, Jul 14, 2026, 7:00 PM UTC"


def test_tickets_are_counted_in_english() -> None:
    assert [tickets(n) for n in (0, 1, 2)] == ["0 tickets", "1 ticket", "2 tickets"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Night\n at\tthe\u2028Museum ", "Night at the Museum"),
        ("\u202e00.001$\u202c", "00.001$"),
        ("a\u2066b\u2069c\u200f", "abc"),
        ("\x00\x1b", ""),
        ("\u3164 \u2800\u200d", ""),
        ("Ro\u200bbin\ufeff\U000e0041", "Robin"),
        ("Ro\ufe00b\u180bin\U000e0100\u2065\ufff0", "Robin"),
        ("\ufe0f\u200d \ufe0f", ""),
        ("می\u200cنشین 👩\u200d🎤", "می\u200cنشین 👩\u200d🎤"),
        ("Ελληνικά 日本語 🎟️", "Ελληνικά 日本語 🎟️"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_other_peoples_text_is_one_visible_line(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(hostile, st.integers(1, 500))
def test_other_peoples_text_calls_nobody_and_keeps_its_length(text: str, limit: int) -> None:
    assert len(clean(text, limit)) <= limit
    assert calls_nobody(foreign(text, limit))
    assert steers_nothing(foreign(text, limit))
    assert "\n" not in foreign(text, limit)


def test_what_is_escaped_reads_as_it_was_written() -> None:
    assert foreign("R&B <Live>") == "R&amp;B &lt;Live&gt;"


@given(st.text(max_size=40), st.integers(1, 30))
def test_what_is_cut_shows_that_it_is(text: str, limit: int) -> None:
    cut = clip(text, limit)
    assert len(cut) <= limit
    assert cut == text or cut.endswith("…")
    assert plain(text, limit)["text"] == mrkdwn(text, limit)["text"] == cut


@given(st.lists(st.text(min_size=1, max_size=60) | st.just("x" * 2000) | st.just("y" * 4000)))
def test_lines_are_joined_into_few_sections_and_none_is_lost(lines: list[str]) -> None:
    found = [block["text"]["text"] for block in sections(lines)]
    assert all(len(text) <= TEXT_LIMIT for text in found)
    assert "\n".join(found) == "\n".join(clip(line, TEXT_LIMIT) for line in lines)


def test_many_values_are_shown_ten_to_a_section() -> None:
    blocks = fields([(str(n), str(n)) for n in range(23)])
    assert [len(block["fields"]) for block in blocks] == [10, 10, 3]
