"""What the log never shows, and what it does show, through the real pipeline in both formats."""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.logs.redaction import LONGEST_TEXT, Redaction
from tests.unit.logs.scene import GUEST, PASSWORD, SECRET, Configure, Stream, failing, ours, theirs

PLACES: dict[str, Callable[[str], object]] = {
    "value": lambda text: ours().info("said", words=text),
    "sentence": lambda text: ours().info("said", words=f"before {text} after"),
    "event": lambda text: ours().info(f"said {text}"),
    "positional": lambda text: ours().info("said %s", text),
    "bound": lambda text: ours().bind(words=text).info("said"),
    "nested": lambda text: ours().info("said", body={"a": [{"b": (text, {text})}]}),
    "key": lambda text: ours().info("said", body={text: 1}),
    "bytes": lambda text: ours().info("said", body=text.encode()),
    "error": lambda text: ours().info("said", error=failing(text), errors=[failing(text)]),
    "cause": lambda text: ours().info("said", cause=str(failing(text))),
    "traceback": lambda text: ours().error("said", exc_info=failing(text)),
    "their message": lambda text: theirs().error(f"said {text}"),
    "their argument": lambda text: theirs().error("said %s", text),
    "their dictionary": lambda text: theirs().error("said %(words)s", {"words": text}),
    "their extra": lambda text: theirs().error("said", extra={"words": text}),
    "their error": lambda text: theirs().error("said %s", failing(text)),
    "their traceback": lambda text: theirs().error("said", exc_info=failing(text)),
    "warning": lambda text: warnings.warn(text, UserWarning, stacklevel=1),
}


# Each with a part of it that is the same however it is escaped.
HIDDEN = {
    "xapp-known": "known",
    SECRET: "k3y",
    "k3y%2Fwith%3Dodd%26%22char%27s%22-%C3%BC%C5%82": "k3y",
    "k3y/with%3dodd%26%22char%27s%22-%c3%bc%c5%82": "k3y",
    PASSWORD: "rd-9",
    "pa%3Ass/w%25rd-9": "rd-9",
    "pa%3ass%2fw%25rd-9": "rd-9",
    "xoxb-1-2-Abc": "2-Abc",
    "xoxe.xoxp-1-Mi0": "Mi0",
    "guest@mail.example.org": "mail",
    "+44 20 79460958": "79460958",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_is_secret_shows_nowhere(stream: Stream, place: Callable[[str], object]) -> None:
    for text in HIDDEN:
        place(text)
        place(json.dumps({"text": text}))
        place(f"{text.encode()!r} {text!r} {text!a} {quote(text, safe='')}")
    shown = stream.getvalue()
    assert shown.count("said") + shown.count("Warning") >= 3 * len(HIDDEN)
    assert not [part for part in HIDDEN.values() if part in shown]


@pytest.mark.parametrize(
    "name",
    [
        *("token", "slack_bot_token", "X-Acme-Api-Key", "apiKey", "session_key", "X-B2B-Session"),
        *("signature", "Authorization", "password", "guest_name", "contactLastName", "phone"),
    ],
)
def test_what_goes_by_a_private_name_is_not_shown(stream: Stream, name: str) -> None:
    ours().info("said", **{name: "Ann Lee"}, body={name.encode(): ["Ann Lee"]})
    ours().info("said", headers=[(name.encode(), b"Ann Lee"), (name, "Ann Lee")], number={name: 7})
    assert "Ann" not in stream.getvalue()
    assert stream.getvalue().count(name) == 5


def test_whether_there_is_a_token_may_be_said(configure: Configure) -> None:
    stream = configure()
    ours().info("said", token=None, has_token=True)
    assert stream.entry["token"] is None
    assert stream.entry["has_token"] is True


def test_a_secret_too_short_to_be_one_does_not_black_out_words(configure: Configure) -> None:
    stream = configure(secrets=["", "order", "a-key"])
    ours().info("order_read", cause="a-key fits")
    assert stream.entry["event"] == "order_read"
    assert stream.entry["cause"] == "a-key fits"


@given(st.integers(1, 10**19 - 1))
@example(4111111111111111)
def test_an_order_id_stays_readable_under_its_name_even_if_it_looks_like_a_card(
    number: int,
) -> None:
    redaction = Redaction()
    shown = redaction(None, "", {"event": "read", "order": str(number), "order_id": number})
    assert shown["order"] == str(number)
    assert shown["order_id"] == number


def test_under_an_orders_name_nothing_but_an_id_is_spared(configure: Configure) -> None:
    stream = configure()
    ours().info("read", order="guest@mail.example.org", order_id="4111 1111 1111 1111")
    assert stream.entry["order"] == stream.entry["order_id"] == "•••"


def test_a_card_number_is_none_the_less_one_for_being_a_number(configure: Configure) -> None:
    stream = configure()
    ours().info("paid", what=4111111111111111, whatever=10**30)
    assert (stream.entry["what"], stream.entry["whatever"]) == ("•••", "<int>")


def test_plain_values_stay_what_they_are(configure: Configure) -> None:
    stream = configure()
    ours().info("read", a=5, b=True, c=1.5, d=None, e=["x", 2], f={"g": "h"})
    entry = stream.entry
    assert [entry[key] for key in "abcdef"] == [5, True, 1.5, None, ["x", 2], {"g": "h"}]
    assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None
    assert (entry["event"], entry["level"]) == ("read", "info")


def test_objects_are_shown_by_their_type_unless_they_are_plain(configure: Configure) -> None:
    stream = configure()
    moment = datetime(2026, 7, 14, tzinfo=UTC)

    class Guest:
        def __repr__(self) -> str:
            return GUEST

    known = {"amount": Decimal("4.50"), "at": moment, "id": UUID(int=7)}
    ours().info("read", guest=Guest(), error=failing(GUEST), **known)
    entry = stream.entry
    assert entry["guest"].endswith("Guest>")
    assert entry["error"] == "ValueError"
    assert GUEST not in stream.getvalue()
    assert (entry["amount"], entry["at"], entry["id"]) == ("4.50", str(moment), str(UUID(int=7)))


def test_the_password_of_the_database_is_secret_and_its_host_is_not(configure: Configure) -> None:
    stream = configure()
    theirs("sqlalchemy.pool").error("postgresql://bot:%s@db.example/other", "pa%3Ass%2Fw%25rd-9")
    theirs("sqlalchemy.pool").error("no password %s", PASSWORD)
    assert PASSWORD not in stream.getvalue()
    assert [entry["event"] for entry in stream.entries] == [
        "postgresql://•••@db.example/other",
        "no password •••",
    ]


@pytest.mark.parametrize("length", [LONGEST_TEXT + 1, 100_000])
def test_a_long_text_is_cut_before_it_is_looked_at_and_leaves_no_half_of_a_secret(
    stream: Stream, length: int
) -> None:
    for at in range(LONGEST_TEXT - len(SECRET) - 2, LONGEST_TEXT + 2):
        text = "x " * (at // 2) + SECRET
        ours().info("said", words=text.ljust(length, "y"), raw=text.ljust(length, "y").encode())
    shown = stream.getvalue()
    assert SECRET[:5] not in shown
    assert f"({length} characters)" in shown
    assert max(map(len, shown.splitlines())) < 3 * LONGEST_TEXT


def test_no_container_is_too_large_or_too_deep(configure: Configure) -> None:
    stream = configure()
    ours().info("said", body={str(number): "x" * 50 for number in range(10_000)})
    ours().info("said", body=["x" * 5_000] * 10_000)
    endless: list[object] = []
    endless.append(endless)
    ours().info("said", body=endless)
    assert [entry["event"] for entry in stream.entries] == ["said"] * 3
    assert all("redaction_failed" not in entry for entry in stream.entries)
    many, long, deep = stream.getvalue().splitlines()
    assert max(len(many), len(long)) < 40_000
    assert len(deep) < 200


def test_what_is_below_the_level_costs_nothing(configure: Configure) -> None:
    stream = configure(level="WARNING")

    looked_at: list[object] = []

    class Costly:
        def __str__(self) -> str:
            looked_at.append(self)
            return ""

        __repr__ = __str__

    ours().info("said", words=Costly(), error=Costly())
    theirs("bot.other").info("said %s", Costly())
    assert stream.getvalue() == ""
    assert not looked_at


class Broken(str):
    """Fails when it is looked at."""

    __slots__ = ()

    def __str__(self) -> str:
        raise LookupError(GUEST)


def test_a_record_that_cannot_be_redacted_is_told_by_its_name(configure: Configure) -> None:
    stream = configure()
    ours().warning("answer_lost", words=Broken(GUEST))
    ours().warning(f"answer_lost of {GUEST}", words=Broken(GUEST))
    ours().warning(Broken(GUEST))
    theirs().error(f"lost {GUEST} %s", Broken(GUEST))
    theirs().error("lost %d of %s", GUEST)
    assert GUEST not in stream.getvalue()
    assert [(entry["event"], entry["redaction_failed"]) for entry in stream.entries] == [
        ("answer_lost", "LookupError"),
        *[("unreadable_record", "LookupError")] * 3,
        ("unreadable_record", "TypeError"),
    ]
    assert stream.entries[0]["level"] == "warning"
    assert stream.entries[3]["logger"] == "slack_sdk.web"
    assert stream.entries[3]["line"].startswith("test_redaction:")


def test_a_record_that_cannot_be_redacted_is_told_on_the_console(configure: Configure) -> None:
    stream = configure("console")
    ours().warning("answer_lost", words=Broken(GUEST))
    assert "answer_lost" in stream.getvalue()
    assert "redaction_failed=LookupError" in stream.getvalue()
    assert GUEST not in stream.getvalue()


def test_a_broken_stream_gets_no_raw_record(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = configure()

    def fail(_: str) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(stream, "write", fail)
    elsewhere = io.StringIO()
    monkeypatch.setattr(sys, "stderr", elsewhere)
    theirs().error("said %s", SECRET)
    assert elsewhere.getvalue() == ""
