"""What people type: understood forgivingly, or refused with a sentence that helps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.venue import Venue
from bot.slack.command_text import (
    ORDER_ID_DIGITS,
    REASON_LIMIT,
    Command,
    CommandError,
    Verb,
    order_id,
    order_ids_in,
    parse,
    venue_for,
)
from tests.examples import CHANNEL, VENUE

ONE = {"riverside": VENUE}
HARBOUR = replace(VENUE, key="harbour", name="Harbour Hall", channels=frozenset({"C0HARBOUR"}))
TWO = {"riverside": VENUE, "harbour": HARBOUR}


def wide(text: str) -> str:
    """The text in full-width characters, as Asian keyboards write it."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


def cancel(found: str, reason: str | None = None, venue: str = "riverside") -> Command:
    return Command(Verb.CANCEL, found, venue, reason)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Command(Verb.OPEN_FORM)),
        ("  \n ", Command(Verb.OPEN_FORM)),
        ("help", Command(Verb.HELP)),
        ("HELP me", Command(Verb.HELP)),
        ("?", Command(Verb.HELP)),
        ("--help", Command(Verb.HELP)),
        ("pending", Command(Verb.PENDING)),
        ("History", Command(Verb.HISTORY)),
        ("status 26644388", Command(Verb.STATUS, "26644388", "riverside")),
        ("STATUS  #26644388", Command(Verb.STATUS, "26644388", "riverside")),
        ("26644388", cancel("26644388")),
        ("  26644388  ", cancel("26644388")),
        ("#26644388", cancel("26644388")),
        ("# 26644388", cancel("26644388")),
        ("# 26644388 ill", cancel("26644388", "ill")),
        (wide("26644388"), cancel("26644388")),
        (wide("#26644388") + "\u3000guest is ill", cancel("26644388", "guest is ill")),
        ("26644388 guest is ill", cancel("26644388", "guest is ill")),
        ("26644388   guest  is ill ", cancel("26644388", "guest  is ill")),
        ("26644388 2 of 4 are ill", cancel("26644388", "2 of 4 are ill")),
        ("26644388 moved to order 26644389", cancel("26644388", "moved to order 26644389")),
        (
            "26644388 <@U0REQUEST> asked & <!here>",
            cancel("26644388", "<@U0REQUEST> asked & <!here>"),
        ),
        ("26644388 R&amp;B &lt;Live&gt;", cancel("26644388", "R&B <Live>")),
        ("26644388 &amp;lt;", cancel("26644388", "&lt;")),
        ("&lt;https://office.example/orders/26644388&gt;", cancel("26644388")),
        ("1", cancel("1")),
        ("²", cancel("2")),  # a digit to Unicode, and a plain 2 once normalised
        ("9" * ORDER_ID_DIGITS, cancel("9" * ORDER_ID_DIGITS)),
        ("riverside:26644388", cancel("26644388")),
        ("RiverSide : 26644388 ill", cancel("26644388", "ill")),
        ("riverside:#26644388", cancel("26644388")),
        ("https://office.example/orders/26644388", cancel("26644388")),
        ("https://office.example/orders/26644388/ ill", cancel("26644388", "ill")),
        ("<https://office.example/orders/26644388>", cancel("26644388")),
        (
            "<https://office.example/orders/26644388|office.example/orders/26644388> ill",
            cancel("26644388", "ill"),
        ),
        ("https://office.example/26644388?tab=2#payments", cancel("26644388")),
    ],
)
def test_what_is_typed_is_understood(text: str, command: Command) -> None:
    assert parse(text, ONE, CHANNEL) == command


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("order", "“order” is not an order id: an order id is made of digits only"),
        ("26644388x", "digits only"),
        ("26,644,388", "digits only"),
        ("-26644388", "digits only"),
        ("٢٦٦٤٤٣٨٨", "digits only"),
        ("9" * 40, "has 40 digits; an order id has at most 19"),
        ("9" * 5000, "has 5000 digits"),
        ("https://[office/26644388", "not an address"),
        ("0", "does not begin with 0"),
        ("0000", "does not begin with 0"),
        ("026644388", "does not begin with 0"),
        ("#", "An order id is missing"),
        ("status", "An order id is missing"),
        ("https://office.example/orders/", "does not end in an order id"),
        ("<https://office.example/orders/new|new>", "does not end in an order id"),
        ("26644388 26644389", "One order at a time"),
        ("26644388 #26644389 ill", "One order at a time"),
        ("26644388 " + "x" * (REASON_LIMIT + 1), "The reason is 501 characters long"),
        ("26\u202e44", "“2644” is not an order id"),
        ("elsewhere:26644388", "no venue “elsewhere”. Known venues: `riverside`"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        parse(text, ONE, CHANNEL)


def test_a_reason_of_the_full_length_is_kept_whole() -> None:
    reason = "x" * REASON_LIMIT
    assert parse(f"26644388 {reason}", ONE, CHANNEL).reason == reason


def test_a_channel_stands_for_its_venue() -> None:
    assert parse("26644388", TWO, "C0HARBOUR") == cancel("26644388", venue="harbour")
    assert parse("status 26644388", TWO, "C0HARBOUR").venue == "harbour"


def test_a_venue_that_is_named_counts_before_the_channels() -> None:
    assert parse("riverside:26644388", TWO, "C0HARBOUR") == cancel("26644388")


def test_where_nothing_names_the_venue_the_venues_are_named() -> None:
    with pytest.raises(CommandError, match=r"Which venue\?.*`riverside`, `harbour`.*riverside:2"):
        parse("26644388", TWO, CHANNEL)


def test_two_venues_in_one_channel_stand_for_neither() -> None:
    both = {key: replace(venue, channels=frozenset({CHANNEL})) for key, venue in TWO.items()}
    assert venue_for(CHANNEL, both) is None
    assert venue_for(CHANNEL, ONE) == "riverside"


@pytest.mark.parametrize("word", ["<!channel>", "<@U0REQUEST>", "a&b<c>", "<script>"])
def test_somebodys_own_word_comes_back_harmless(word: str) -> None:
    with pytest.raises(CommandError) as refused:
        parse(word, ONE, CHANNEL)
    assert "<" not in str(refused.value)
    assert "&" not in str(refused.value).replace("&amp;", "").replace("&lt;", "").replace(
        "&gt;", ""
    )


def test_a_long_word_comes_back_short() -> None:
    with pytest.raises(CommandError) as refused:
        parse("x" * 5000, ONE, CHANNEL)
    assert len(str(refused.value)) < 300


words = (
    st.text()
    | st.text(alphabet=wide("0123#") + "0123456789#:<>|/?&. \u00a0\n\tabchttps")
    | st.builds(
        " ".join, st.lists(st.sampled_from(("26644388", "status", "help", "#", "riverside:", "x")))
    )
)


@given(words, st.sampled_from((ONE, TWO)), st.sampled_from((CHANNEL, "C0HARBOUR")))
def test_any_text_is_a_command_or_a_sentence(
    text: str, venues: dict[str, Venue], channel: str
) -> None:
    try:
        command = parse(text, venues, channel)
    except CommandError:
        return
    if command.verb in {Verb.CANCEL, Verb.STATUS}:
        assert command.order_id is not None
        assert command.order_id.isascii()
        assert command.order_id.isdigit()
        assert len(command.order_id) <= ORDER_ID_DIGITS
        assert command.venue in venues
        assert len(command.reason or "") <= REASON_LIMIT
    else:
        assert command.order_id is None


@given(words)
def test_any_entry_is_an_order_id_or_a_sentence(text: str) -> None:
    try:
        found = order_id(text)
    except CommandError:
        return
    assert 0 < int(found) < 10**ORDER_ID_DIGITS


@given(st.integers(1, 10**ORDER_ID_DIGITS - 1), st.text(alphabet="abc #23,.", max_size=30))
def test_an_id_and_a_reason_come_through_as_typed(number: int, reason: str) -> None:
    told = f"because {reason}".strip()
    command = parse(f"{number} {told}", ONE, CHANNEL)
    assert command == cancel(str(number), told)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("please cancel 26644388, thanks", ["26644388"]),
        ("orders #26644388 and #26644389; again 26644388", ["26644388", "26644389"]),
        ("see <https://office.example/orders/26644388|the order>", ["26644388"]),
        ("(26644388)", ["26644388"]),
        (wide("26644388"), ["26644388"]),
        ("on 2026-07-14 at 19:00, room 1234", []),
        ("costs 12345.67", []),
        ("ticket AB26644388 or 26644388-1", []),
        ("9" * 20, []),
        ("", []),
    ],
)
def test_order_ids_are_found_in_a_message(text: str, found: list[str]) -> None:
    assert order_ids_in(text) == found


@pytest.mark.parametrize("text", ["26644388 \u200b", "26644388 \u2060\u3164"])
def test_a_reason_that_shows_nothing_is_none(text: str) -> None:
    assert parse(text, ONE, CHANNEL).reason is None
