"""How far this machine's clock is off, by the time that others put on their answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.check.finding import Finding, ok, warning, wrong

# Slack's requests are refused from five minutes on (facts/slack.md, Signing).
_WORTH_A_WORD = timedelta(seconds=60)
_TOO_MUCH = timedelta(seconds=240)
_TO_DO = (
    "Switch on time synchronisation (NTP) on this machine: from 300 s on, every request of "
    "Slack's is refused."
)


def about_clock(source: str, date: str | None, asked: datetime, answered: datetime) -> Finding:
    """Compare with `date`, an HTTP header of an answer that came between two (aware) moments."""
    what = f"clock, by {source}"
    theirs = _moment(date)
    if theirs is None:
        return warning(
            what,
            f"{source} does not say what time it is, so nothing was compared.",
            "See that time synchronisation (NTP) is on on this machine.",
        )
    behind = _behind(theirs, asked, answered)
    if abs(behind) <= _WORTH_A_WORD:
        return ok(what, "This machine's clock is right to within a minute.")
    direction = "behind" if behind > timedelta() else "ahead of"
    text = f"This machine's clock is {abs(behind).total_seconds():.0f} s {direction} theirs."
    return (wrong if abs(behind) > _TOO_MUCH else warning)(what, text, _TO_DO)


def _moment(date: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _behind(theirs: datetime, asked: datetime, answered: datetime) -> timedelta:
    """By how much our clock is behind at least: a header has whole seconds, answers take time."""
    if theirs > answered:
        return theirs - answered
    return min(theirs + timedelta(seconds=1) - asked, timedelta())
