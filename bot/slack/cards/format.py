"""Values to words: money, times, people, and upstream strings made harmless."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime
from babel.numbers import format_currency

from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.policy import GuestDetails
from bot.domain.request import Actor
from bot.domain.venue import Venue
from bot.slack.cards.message import clip

# Letters, marks and symbols that show nothing: fillers, and the blank of braille.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'“”]+@[^\s@<>()\[\],;:\"'“”]+")
_FENCE = re.compile("`{3,}")
_TELEPHONE = re.compile(r"\+\d(?:[ ().-]{0,2}\d){6,14}")
_HIDDEN = "•••"
# Some scripts and many emoji are put together with these.
_JOINERS = "\u200c\u200d\ufe0f"
# Variation selectors, and code points that are set apart for what shows nothing (Unicode's
# Default_Ignorable_Code_Point, as far as categories do not tell).
_SELECTORS = re.compile(
    "[\u180b-\u180d\u180f\u2065\ufe00-\ufe0e\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def clean(text: str, limit: int = 200) -> str:
    """Somebody else's text for a plain_text object: one line, nothing invisible, not too long."""
    visible = "".join(_shown(char) for char in _SELECTORS.sub("", text))
    line = re.sub(r"\s+", " ", visible).strip(" \u200c\u200d")
    return clip(line, limit) if line.strip(" " + _JOINERS) else ""


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    # Among the format characters are those that could show an amount backwards.
    is_hidden = char in _BLANKS or (category == "Cf" and char not in _JOINERS)
    return "" if is_hidden else char


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of it."""
    return not clean(text)


def foreign(text: str, limit: int = 200) -> str:
    """Somebody else's text for mrkdwn: the same, and escaped, so that it can call nobody.

    Without fences of code, which would take in what stands between two such texts.
    """
    unfenced = _FENCE.sub("'''", clean(text, limit))
    return unfenced.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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


def person(actor: Actor | None) -> str:
    """A mention; None is whoever decides nothing in person, the policy."""
    return f"<@{actor.user}>" if actor else "the policy"


def masked_email(address: str) -> str:
    """Enough to recognise, not enough to write to; of what is not one plain address, nothing."""
    if not _ADDRESS.fullmatch(address.strip()):
        return _HIDDEN
    name, at, host = address.strip().partition("@")
    return foreign(f"{name[:1]}{_HIDDEN}{at}{host}")


def said(text: str, limit: int, order: Order | None, details: GuestDetails) -> str:
    """What an upstream says in its own words, for a channel: guests' addresses may be in it.

    Hidden with them: telephone numbers with a country's code, and the name on the order.
    """
    if details is GuestDetails.FULL:
        return foreign(text, limit)
    hidden = _TELEPHONE.sub(_HIDDEN, _ADDRESS.sub(_HIDDEN, text))
    name = order.guest_name if order else None
    if name and len(name.strip()) > 1:
        hidden = re.sub(re.escape(name.strip()), _HIDDEN, hidden, flags=re.IGNORECASE)
    return foreign(hidden, limit)


def guest(order: Order, details: GuestDetails) -> str:
    """Whose order it is, as far as the policy lets a channel know; "" where it does not."""
    if details is GuestDetails.NONE:
        return ""
    is_full = details is GuestDetails.FULL
    name, email = order.guest_name, order.guest_email
    shown_name = (foreign(name, 80) if is_full else initials(name)) if name else ""
    shown_email = (foreign(email, 120) if is_full else masked_email(email)) if email else ""
    return " ".join(part for part in (shown_name, f"({shown_email})" if email else "") if part)


def initials(name: str) -> str:
    """The first letters of a name: enough to compare with what a caller says."""
    letters = [word[0] for word in clean(name, 80).split() if word[0].isalpha()]
    return " ".join(f"{letter.upper()}." for letter in letters[:4]) or _HIDDEN


def tickets(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count} tickets"
