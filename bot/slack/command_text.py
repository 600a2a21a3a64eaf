"""What people type after `/cancel-order`, understood forgivingly or refused with a reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from bot.domain.venue import Venue
from bot.slack.cards.format import foreign, is_blank

# ACME's order ids are digit strings of unstated length; the longest 64-bit number has 19 digits.
ORDER_ID_DIGITS = 19
REASON_LIMIT = 500
EXAMPLE = "`/cancel-order 26644388 guest is ill`"

_VENUE_PREFIX = re.compile(r"^([A-Za-z][\w-]*)\s*:\s*(?=[#\d])")
_URL = re.compile(r"^<?(https?://[^\s|>]+)(?:\|[^>]*)?>?$")
_LAST_SEGMENT = re.compile(r"/(\d+)/*$")
_LOOKS_LIKE_AN_ID = re.compile(r"^#?\d{5,}$")
_ORDER_IDS = re.compile(r"(?<![\w.-])#?(\d{5,19})(?![\w-]|\.\d)")


class Verb(StrEnum):
    OPEN_FORM = "open_form"
    CANCEL = "cancel"
    HELP = "help"
    STATUS = "status"
    PENDING = "pending"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Command:
    """`venue` is None where nothing names it and several are possible for what was typed."""

    verb: Verb
    order_id: str | None = None
    venue: str | None = None
    reason: str | None = None


class CommandError(ValueError):
    """The message is a sentence for the person who typed it."""


def parse(text: str, venues: Mapping[str, Venue], channel: str) -> Command:
    """Understand a command; CommandError says what was wrong and gives an example."""
    words = unicodedata.normalize("NFKC", _unescaped(text)).replace("\0", "").strip()
    if not words:
        return Command(Verb.OPEN_FORM)
    first, rest = _first_word(words)
    match first.lower():
        case "help" | "?" | "-h" | "--help":
            return Command(Verb.HELP)
        case "pending" | "history":
            return Command(Verb(first.lower()))
        case "status":
            venue, order_id, _ = _order(rest, venues, channel)
            return Command(Verb.STATUS, order_id, venue)
        case _:
            venue, order_id, reason = _order(words, venues, channel)
            return Command(Verb.CANCEL, order_id, venue, reason)


def order_id(text: str) -> str:
    """Understand what should be one order id; CommandError says what is wrong with it."""
    word = unicodedata.normalize("NFKC", text).strip()
    url = _URL.match(word)
    if url:
        word = _id_in_address(url[1])
    digits = word.removeprefix("#").strip()
    if not digits:
        raise CommandError(f"An order id is missing. For example: {EXAMPLE}")
    if not (digits.isascii() and digits.isdigit()):
        raise CommandError(
            f"“{foreign(word, 40)}” is not an order id: an order id is made of digits only. For "
            f"example: {EXAMPLE}"
        )
    if digits.startswith("0"):
        # Two spellings of one order would be two requests for it.
        raise CommandError(
            "An order id does not begin with 0: type it as it stands at the end of the order’s "
            f"address in the back office. For example: {EXAMPLE}"
        )
    if len(digits) > ORDER_ID_DIGITS:
        raise CommandError(
            f"That number has {len(digits)} digits; an order id has at most {ORDER_ID_DIGITS}. "
            f"Please check it. For example: {EXAMPLE}"
        )
    return digits


def _id_in_address(address: str) -> str:
    """Find the order id in a pasted address: the number it ends in, or the only long one."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise CommandError(f"That is not an address. For example: {EXAMPLE}") from error
    rest = "/".join(part for part in (parts.path, parts.query, parts.fragment) if part)
    last = _LAST_SEGMENT.search(rest)
    candidates: set[str] = set(re.findall(r"\d{5,}", rest)) or ({last[1]} if last else set())
    if len(candidates) > 1 and last:
        candidates = {last[1]}
    if len(candidates) != 1:
        raise CommandError(
            "That address does not end in an order id, or holds several. Type the id itself, for "
            f"example: {EXAMPLE}"
        )
    return candidates.pop()


def order_ids_in(text: str) -> list[str]:
    """Find what looks like order ids in somebody's message, in order, each once."""
    words = unicodedata.normalize("NFKC", text)
    return list(dict.fromkeys(_ORDER_IDS.findall(words)))


def venue_for(channel: str, venues: Mapping[str, Venue]) -> str | None:
    """Return the one venue a channel stands for: the only one, or the one that lists it."""
    if len(venues) == 1:
        return next(iter(venues))
    here = [key for key, venue in venues.items() if channel in venue.channels]
    return here[0] if len(here) == 1 else None


def _unescaped(text: str) -> str:
    """Undo Slack's escaping of what was typed (docs.slack.dev, "Escaping text")."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _order(words: str, venues: Mapping[str, Venue], channel: str) -> tuple[str, str, str | None]:
    venue, rest = _named_venue(words.strip(), venues)
    head = re.match(r"^#\s+(?=\d)", rest)
    if head:
        rest = rest[head.end() :]
    word, reason = _first_word(rest)
    found = order_id(word)
    if reason and _LOOKS_LIKE_AN_ID.match(reason.split()[0]):
        raise CommandError(
            "One order at a time, please: run the command once for each. If the second number is "
            "part of the reason, put a word before it."
        )
    if len(reason) > REASON_LIMIT:
        raise CommandError(
            f"The reason is {len(reason)} characters long; please keep it to {REASON_LIMIT}."
        )
    venue = venue or venue_for(channel, venues)
    if venue is None:
        keys = ", ".join(f"`{key}`" for key in venues)
        first = next(iter(venues))
        raise CommandError(
            f"Which venue? This channel stands for none or for several. Put one of {keys} before "
            f"the order id, for example `/cancel-order {first}:{found}`."
        )
    return venue, found, None if is_blank(reason) else reason


def _first_word(words: str) -> tuple[str, str]:
    """Split off the first word, whatever white space follows it."""
    first, *rest = words.split(None, 1) or [""]
    return first, rest[0].strip() if rest else ""


def _named_venue(words: str, venues: Mapping[str, Venue]) -> tuple[str | None, str]:
    prefix = _VENUE_PREFIX.match(words)
    if prefix is None:
        return None, words
    key = prefix[1].lower()
    if key not in venues:
        known = ", ".join(f"`{venue}`" for venue in venues)
        raise CommandError(f"There is no venue “{foreign(prefix[1], 40)}”. Known venues: {known}.")
    return key, words[prefix.end() :]
