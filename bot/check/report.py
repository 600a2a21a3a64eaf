"""Findings for people: a table on a terminal, a line each where a program or a file reads them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.check.finding import Finding, Grade

_STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.WRONG: "bold red"}


def report(findings: Sequence[Finding], console: Console) -> None:
    """Print findings and their count; letters that the output's encoding lacks, as escapes."""
    if isinstance(console.file, io.TextIOWrapper):
        console.file.reconfigure(errors="backslashreplace")
    if console.is_terminal:
        console.print(_table(findings))
    else:
        for finding in findings:
            _print_lines(finding, console)
    _print(console, _summary(findings))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("", "What", "Finding", show_lines=True)
    table.columns[0].no_wrap = True
    table.columns[1].max_width = 24
    for finding in findings:
        told = Text(finding.text, overflow="fold")
        if finding.to_do:
            told.append(f"\nTo do: {finding.to_do}", style="italic")
        grade = Text(finding.grade.value, style=_STYLES[finding.grade])
        table.add_row(grade, Text(finding.what, overflow="fold"), told)
    return table


def _print_lines(finding: Finding, console: Console) -> None:
    _print(console, f"{finding.grade.value:8} {finding.what}: {finding.text}")
    if finding.to_do:
        _print(console, f"{'':8} To do: {finding.to_do}")


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _summary(findings: Sequence[Finding]) -> str:
    wrong = sum(finding.grade is Grade.WRONG for finding in findings)
    warned = sum(finding.grade is Grade.WARNING for finding in findings)
    if not (wrong or warned):
        return "Nothing is wrong."
    return f"{wrong} wrong, {warned} {'warning' if warned == 1 else 'warnings'}."
