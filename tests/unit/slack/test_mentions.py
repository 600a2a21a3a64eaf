"""Mentions: nothing but an id becomes one, and not too many at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.cards.mentions import all_mentions, either, mentions
from tests.strategies import hostile
from tests.unit.slack.rendered import calls_nobody

ids = st.from_regex(r"[USW][A-Z0-9]{2,30}", fullmatch=True)


@pytest.mark.parametrize(
    "nobody",
    [
        "channel",
        "here",
        "!channel",
        "<!channel>",
        "@robin",
        "robin",
        "u0approve",
        "C0REFUNDS",
        "B0RESCIND",
        "U",
        "U0APPROVE> <!here",
        "U0APPROVE|robin",
        "U0APPROVE\n",
        "S0^X",
        "S0APPROVE|<!here>",
        "",
        "U" * 100,
    ],
)
def test_nothing_but_an_id_becomes_a_mention(nobody: str) -> None:
    assert mentions([nobody]) == ""
    assert mentions([nobody, "U0APPROVE", nobody]) == "<@U0APPROVE>"


@given(st.lists(hostile | st.text()))
def test_no_setting_calls_everybody(ids: list[str]) -> None:
    called = mentions(ids)
    assert "<!channel" not in called
    assert "<!here" not in called
    assert calls_nobody(called.replace("<!subteam^S", "<@U"))


def test_everybody_is_called_once_and_not_too_many() -> None:
    assert mentions(["U0APPROVE", "U0APPROVE"]) == "<@U0APPROVE>"
    assert mentions(f"U0PERSON{n}" for n in range(50)).count("<@") == 20


@given(st.lists(hostile | st.text() | ids, max_size=60))
def test_whoever_is_named_in_a_sentence_is_named_by_an_id(named: list[str]) -> None:
    for text in (either(named), *all_mentions(named)):
        assert "<!channel" not in text
        assert "<!here" not in text
        assert calls_nobody(text)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ([], "nobody"),
        (["channel"], "nobody"),
        (["U0APPROVE"], "<@U0APPROVE>"),
        (["U0APPROVE", "S0FINANCE"], "<!subteam^S0FINANCE> or <@U0APPROVE>"),
        (["W0CHIEF", "U0B", "U0A"], "<@U0A>, <@U0B> or <@W0CHIEF>"),
    ],
)
def test_of_several_one_is_meant(named: list[str], sentence: str) -> None:
    assert either(named) == sentence


@pytest.mark.parametrize(("count", "end"), [(20, "<@U0P19>"), (21, "1 other"), (25, "5 others")])
def test_a_long_list_is_not_passed_off_as_a_short_one(count: int, end: str) -> None:
    text = either(f"U0P{n:02}" for n in range(count))
    assert text.count("<@") == 20
    assert text.endswith(f" or {end}")


def test_everybody_can_be_called_in_lines_of_their_own() -> None:
    lines = list(all_mentions(f"U0PERSON{n}" for n in [*range(45), 0]))
    assert [line.count("<@") for line in lines] == [20, 20, 5]
    assert list(all_mentions(["robin"])) == []
