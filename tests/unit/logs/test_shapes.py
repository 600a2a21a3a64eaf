"""What is found by its shape alone, what must stay readable, and how long it takes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs.shapes import without_shapes


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://hooks.slack.com/actions/T0/12/aBc done", "https://hooks.slack.com/••• done"),
        ("https://hooks.slack-gov.com/services/T0/B0/x", "https://hooks.slack-gov.com/•••"),
        ("u=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT", "u=https%3A%2F%2Fhooks.slack.com/•••"),
        ("wss://wss-primary.slack.com/link/?ticket=12", "wss://wss-primary.slack.com/•••"),
        ("https://bot:hunter2@acme.example/v2", "https://•••@acme.example/v2"),
        ("postgresql://bot:p@ss@db.example/x", "postgresql://•••@db.example/x"),
        ("Authorization: Bearer abc.def\r\nAccept: a/b", "Authorization: •••\r\nAccept: a/b"),
        ("it sent Bearer abcdefghijkl12 twice", "it sent ••• twice"),
        ("('x-acme-api-key', 'abc'), ('accept', 'a')", "('x-acme-api-key', •••), ('accept', 'a')"),
        ("{b'X-B2B-Session': b'abc', 'a': 1}", "{b'X-B2B-Session': •••, 'a': 1}"),
        ('{"sessionKey": "a\\"b", "order": "5"}', '{"sessionKey": •••, "order": "5"}'),
        ('"{\\"api_key\\": \\"abc\\", \\"a\\": 1}"', '"{\\"api_key\\": •••\\", \\"a\\": 1}"'),
        ("GET /x?TOKEN=abc&order=5", "GET /x?TOKEN=•••&order=5"),
        ("u=/x%3Ftoken%3Dabc order=5", "u=/x%3Ftoken%3D••• order=5"),
        ("password = hunter2 order=5", "password = ••• order=5"),
        ("X-Slack-Signature: v0=abc", "X-Slack-Signature: •••"),
        ("secrets=['abc', 'def'], order=5", "secrets=•••, order=5"),
        ("{'contactFirstName': \"O'Hara\", 'id': 5}", "{'contactFirstName': •••, 'id': 5}"),
        ("guest_name=Ann Lee, order=5", "guest_name=•••, order=5"),
        ("write to ann.o'hara+x@mail.example.co.uk.", "write to •••."),
        ("ann%2Bx%40example.com&order=5", "•••&order=5"),
        ("call +1 (212) 555-0100, or 212.555.0101", "call •••, or •••"),
        ("call 020 7946 0958 or (020) 7946 0958", "call ••• or •••"),
        ("call 07700 900123 or 030/1234567 now", "call ••• or ••• now"),
        ("paid with 4111 1111 1111 1111 today", "paid with ••• today"),
        ("paid with 3782-822463-10005", "paid with •••"),
        ("paid with 5555555555554444", "paid with •••"),
    ],
)
def test_what_has_a_telling_shape_is_taken_out_and_no_more(said: str, shown: str) -> None:
    assert without_shapes(said) == shown


LOCAL = st.from_regex(r"[a-z0-9_][a-z0-9_.+'-]{0,40}[a-z0-9_]", fullmatch=True)
DOMAIN = st.from_regex(r"([a-z0-9][a-z0-9-]{0,20}\.){1,3}[a-z]{2,6}", fullmatch=True)
AFTER = st.sampled_from(["", " ", "'", '"', ">", ")", ": ", ".", "&", ", "])
AROUND = st.sampled_from(["", " ", "'", '"', "<", "(", ": ", "mailto:", "=", ", "])


@given(LOCAL, DOMAIN, st.sampled_from(["@", "%40"]), AROUND, AFTER)
def test_no_address_is_readable(local: str, domain: str, at: str, before: str, after: str) -> None:
    shown = without_shapes(f"{before}{local}{at}{domain}{after}")
    assert domain not in shown
    assert len(local) == 1 or local not in shown


def _grouped(sizes: tuple[int, ...], number: int, separator: str) -> str:
    digits, groups = str(number).zfill(sum(sizes)), []
    for size in sizes:
        groups.append(digits[:size])
        digits = digits[size:]
    return separator.join(groups)


@given(
    st.sampled_from([(3, 4, 4), (2, 4, 4), (2, 3, 3, 3), (1, 2, 2, 2, 2), (9,), (4, 6)]),
    st.integers(0, 10**12 - 1),
    st.sampled_from([" ", "-", ".", " (0)", ""]),
    st.sampled_from(["+44", "+1", "+49 ", "+358-", "%2B33"]),
    AROUND,
)
def test_no_international_telephone_number_is_readable(
    sizes: tuple[int, ...], number: int, separator: str, country: str, before: str
) -> None:
    local = _grouped(sizes, number % 10 ** sum(sizes), separator)
    assert local not in without_shapes(f"{before}{country}{local} and")


def _with_check_digit(digits: str) -> str:
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return digits + str(-sum(each // 10 + each % 10 for each in doubled) % 10)


CARDS = st.one_of(
    st.from_regex(r"(4\d|5[1-5]|6[05]|35)\d{13}", fullmatch=True),
    st.from_regex(r"3[47]\d{12}", fullmatch=True),
).map(_with_check_digit)


@given(CARDS, st.sampled_from(["", " ", "-"]), AROUND, AFTER)
def test_no_card_number_is_readable(card: str, separator: str, before: str, after: str) -> None:
    sizes = (4, 4, 4, 4) if len(card) == 16 else (4, 6, 5)
    number = _grouped(sizes, int(card), separator)
    assert without_shapes(f"{before}{number}{after}") == f"{before}•••{after}"


IDS = st.one_of(
    st.integers(1, 10**14 - 1).map(str),
    st.integers(10**16, 10**19 - 1).map(str),
    st.from_regex(r"r[a-z2-7]{16}", fullmatch=True),
    st.from_regex(r"(quote|execute|deliver):r[a-z2-7]{16}:\d{1,3}", fullmatch=True),
    st.from_regex(r"[UWCTE]0[A-Z0-9]{6,10}", fullmatch=True),
    st.uuids().map(str),
    st.binary(min_size=16, max_size=32).map(bytes.hex),
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2032, 1, 1)).flatmap(  # noqa: DTZ001
    lambda moment: st.sampled_from(
        [
            moment.isoformat(),
            f"{moment.isoformat()}Z",
            moment.replace(tzinfo=UTC).isoformat(),
            moment.strftime("%Y-%m-%dT%H:%M:%S-0700"),
            moment.strftime("%Y-%m-%d %H:%M:%S,%f"),
            moment.strftime("%d/%m/%Y %H:%M"),
            moment.strftime("%m-%d-%Y"),
            moment.strftime("%d.%m.%Y"),
            moment.strftime("%H:%M:%S.%f"),
            f"{moment.replace(tzinfo=UTC).timestamp():.6f}",
            f"p{moment.replace(tzinfo=UTC).timestamp() * 10**6:.0f}",
            f"{moment.replace(tzinfo=UTC).timestamp() * 1000:.0f}",
        ]
    )
)
AMOUNTS = st.decimals(Decimal(-(10**9)), Decimal(10**9), places=2).flatmap(
    lambda amount: st.sampled_from(
        [f"{amount}", f"+{abs(amount)}", f"${amount:,}", f"{amount:,} USD", f"{amount:.0f}"]
    )
)
PLACES_AND_TIMES = st.one_of(
    st.ip_addresses(v=4).map(lambda address: f"{address}:8080"),
    st.ip_addresses(v=6).map(str),
    st.floats(0, 10**6).map(str),
    st.floats(0, 10**4).map(lambda seconds: f"{seconds:.3f}s"),
    st.timedeltas().map(str),
    st.builds("{}.{}.{}".format, *[st.integers(0, 99)] * 3),
)


@given(
    st.one_of(IDS, MOMENTS, AMOUNTS, PLACES_AND_TIMES),
    st.sampled_from(["{}", "for {}, and", "'{}'", "order={}", "(id {})"]),
)
def test_ids_moments_and_amounts_stay_readable(value: str, sentence: str) -> None:
    said = sentence.format(value)
    assert without_shapes(said) == said


@pytest.mark.parametrize(
    "said",
    [
        *("1784041200.000100", "p1784041200000100", "1784041200000", "2026-07-14T10:20:30+1000"),
        *("02/07/2026 10:20", "02-07-2026", "02.07.2026, noon", "2026-07-14 10:20:02.1234567"),
        *("+1234567.89", "-12 345 678,90 EUR", "1,234,567.00", "00:00:02.123456"),
        *("12345678-1234-1234-1234-123456789012", "9000-4111-1111-1111-1111"),
        *("4111111111111112", "4111 1111 1111 1112", "f4111111111111111", "1234567890123456789"),
        *("acme@1.2.3", "someone@home", "the token (xoxb-…)", "cause=signature", "bearer of news"),
        *("https://acme.example/v2/orders?id=5#top", "https://hooks.slack.com", "a key: none"),
    ],
)
def test_what_only_resembles_a_secret_stays(said: str) -> None:
    assert without_shapes(said) == said


HOSTILE = (
    *(
        "a",
        "@",
        "a@",
        "a.",
        "a@a.",
        "%40",
        "a%40",
        "%",
        "é",
        " ",
        "-",
        "'",
        "\\",
        '"',
        "://",
        "://a",
    ),
    *("+", "+1 ", "+1(", "0 ", "01 2", "(012)", "212-555-", "4", "1234 ", "4111-"),
    *("xoxb", "xoxb-", "hooks.slack.com", "hooks.slack.com/", "wss-a", "bearer ", "bearer a"),
    *(
        "token",
        "token=",
        "token\\",
        "token='\\",
        "token=[",
        "('token',",
        "session",
        "phone ",
        "key",
    ),
    *("authorization ", "authorization:", 'password"', "first name:", "token" + " " * 9),
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_sixteen_times_the_text_takes_about_sixteen_times_as_long(piece: str) -> None:
    short, long = (piece * 16_000)[:1_000], (piece * 16_000)[:16_000]
    without_shapes(long)
    ratio = min(_seconds(long) for _ in range(3)) / min(_seconds(short) for _ in range(9))
    # Backtracking over the whole text would make it 256.
    assert ratio < 80


def _seconds(text: str) -> float:
    """Seconds of this thread's own work, so that others on the machine do not count."""
    begun = time.thread_time()
    without_shapes(text)
    return time.thread_time() - begun
