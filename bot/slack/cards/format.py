"""Values to words: money, times, people, and upstream strings made harmless."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime
from babel.numbers import format_currency

from bot.domain.money import Money
from bot.domain.request import Actor
from bot.domain.venue import Venue
from bot.slack.cards.message import clip

# Overrides of the writing direction could show an amount backwards; isolates are dropped as well.
_DIRECTION_CONTROLS = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def clean(text: str, limit: int = 200) -> str:
    """Somebody else's text for a plain_text object: one line, nothing invisible, not too long."""
    visible = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char
        for char in text.translate(_DIRECTION_CONTROLS)
    )
    return clip(re.sub(r"\s+", " ", visible).strip(), limit)


def foreign(text: str, limit: int = 200) -> str:
    """Somebody else's text for mrkdwn: the same, and escaped, so that it can call nobody."""
    return clean(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def money(amount: Money, venue: Venue) -> str:
    return str(format_currency(amount.amount, amount.currency, locale=venue.locale))


def event_time(moment: datetime, venue: Venue) -> str:
    """A time at the venue: in its zone if that is configured, else as the upstream stated it."""
    try:
        local = moment.astimezone(venue.timezone) if venue.timezone else moment
    except OverflowError:  # the ends of the calendar, which some systems use for "never"
        local = moment
    return str(
        format_datetime(local, "EEE, MMM d, y, h:mm a", tzinfo=local.tzinfo, locale=venue.locale)
    )


def deadline(moment: datetime, venue: Venue) -> str:
    """A time of our own at the venue; in UTC, and saying so, where no zone is configured."""
    if venue.timezone is None:
        return f"{event_time(moment.astimezone(UTC), venue)} UTC"
    return event_time(moment, venue)


def clock(moment: datetime) -> str:
    """A moment that everybody sees in their own zone."""
    stamp = int(moment.timestamp())
    fallback = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{stamp}^{{date_short_pretty}} at {{time}}|{fallback}>"


def duration(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def roughly(span: timedelta) -> str:
    """A span as people say it, in its largest unit of which there are two or more."""
    minutes = max(0, round(span.total_seconds() / 60))
    for unit, size in (("days", 24 * 60), ("hours", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def person(actor: Actor) -> str:
    return f"<@{actor.user}>"


def masked_email(address: str) -> str:
    """Enough to recognise, not enough to write to."""
    name, at, host = address.partition("@")
    return foreign(f"{name[:1]}•••{at}{host}") if at else "•••"


def tickets(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count} tickets"
