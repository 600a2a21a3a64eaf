"""Findings as people read them: on a terminal of any width, without colours, in a file."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.report import report

FINDINGS = [
    ok("settings", "Complete."),
    warning("policy of riverside", "tiers[0]: [red]only[/red] one may approve.", "Name more."),
    wrong("channel C0REFUNDS", "The bot is not a member. " * 5, "Invite it."),
]
CODES = re.compile(r"\x1b\[[0-9;]*m")
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


def told(findings: list[Finding], *, terminal: bool, width: int = 80, colour: bool = True) -> str:
    stream = io.StringIO()
    environment = {"TERM": "xterm-256color"} | ({} if colour else {"NO_COLOR": "1"})
    report(
        findings,
        Console(file=stream, force_terminal=terminal, width=width, _environ=environment),
    )
    return stream.getvalue()


def test_a_file_gets_a_line_for_each_and_no_colours() -> None:
    lines = told(FINDINGS, terminal=False, width=20).splitlines()
    assert lines[0] == "ok       settings: Complete."
    assert lines[1].startswith("warning  policy of riverside: tiers[0]: [red]only[/red] one")
    assert lines[2] == "         To do: Name more."
    assert lines[3].startswith("wrong    channel C0REFUNDS: The bot is not")
    assert lines[-1] == "1 wrong, 1 warning."
    assert not CODES.search("".join(lines))


def test_a_terminal_gets_a_table_in_colours() -> None:
    shown = told(FINDINGS, terminal=True)
    assert COLOURS.search(shown)
    assert "│" in shown
    assert "To do: Invite it." in shown


def test_brackets_are_text_and_not_markup() -> None:
    assert "tiers[0]: [red]only[/red] one" in told(FINDINGS, terminal=True, width=120)


def test_grades_are_words_where_there_are_no_colours() -> None:
    shown = told(FINDINGS, terminal=True, colour=False)
    assert not COLOURS.search(shown)
    for grade in ("ok", "warning", "wrong"):
        assert f"│ {grade} " in CODES.sub("", shown)


@given(st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    shown = CODES.sub("", told(FINDINGS, terminal=True, width=width))
    assert all(len(line) <= width for line in shown.splitlines())


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
def test_letters_that_the_output_does_not_know_stop_nothing(encoding: str, terminal: bool) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding)
    findings = [ok("Slack", "In Музей …"), wrong("database", "No \udcff.db.", "Name \udcff it.")]
    report(findings, Console(file=stream, force_terminal=terminal, width=80))
    stream.flush()
    shown = written.getvalue().decode(encoding)
    assert ("Музей" if encoding == "utf-8" else r"\u041c") in shown
    assert r"\udcff.db" in shown


def test_that_nothing_is_wrong_is_said() -> None:
    assert told(FINDINGS[:1], terminal=False).splitlines()[-1] == "Nothing is wrong."
