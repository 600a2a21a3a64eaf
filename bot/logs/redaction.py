"""A log record without secrets and personal data: a structlog processor, just before rendering.

Plain values are kept, texts redacted, containers looked through. Of any other object only the type
is shown, for a repr may hold anything: log `str(money)`, not `money`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TypeAlias
from urllib.parse import quote, unquote
from uuid import UUID

from structlog.types import EventDict, WrappedLogger

from bot.logs.shapes import MARK, is_private, without_shapes
from bot.logs.tracebacks import raised, said_by, traceback_of

Plain: TypeAlias = "str | int | float | bool | dict[str, Plain] | list[Plain] | None"

LONGEST_TEXT = 4_000
# For one record, so that a large container is no more work than a large text.
_MOST_CHARACTERS = 16_000
_COST_OF_A_VALUE = 16
_DEEPEST = 8
# Where a long text is cut, half of an address or a token would not be known as one.
_HALVES = 512
# Shorter ones would black out ordinary words.
_SHORTEST_SECRET = 8
_PASSWORD_IN_URL = re.compile(r"[\w.+-]+://[^:/?#]*:([^@]+)@")
_LARGEST_NUMBER_BITS = 64
_LONGEST_NAME = 100
# An order id may look like a card's number; whatever else stands under these names is redacted.
_ORDER_KEYS = frozenset({"order", "order_id"})
_ORDER_ID = re.compile(r"\d{1,19}")
# Whatever else there is must not use up what may be spent.
_FIRST = ("event", "level")
_PRINTED = (Decimal, date, time, timedelta, UUID, PurePath)


class Redaction:
    """`secrets`: values that must never be shown; of a URL also the password within it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = sorted(_values(secrets), key=len, reverse=True)
        patterns = ["".join(map(_anyhow, value)) for value in values]
        self._known = re.compile("|".join(patterns)) if patterns else None
        self._cut = max([_HALVES, *(2 * len(quote(value)) for value in values)])

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG002
        error = raised(event_dict.pop("exc_info", None))
        # Ours, and of one form in every record: nothing else can be in it.
        shown: EventDict = {"timestamp": event_dict.pop("timestamp", None)}
        first = {key: event_dict[key] for key in _FIRST if key in event_dict}
        shown.update(_Walk(self).named({**first, **event_dict}.items()))
        if error is not None:
            shown["exception"] = "\n".join(map(self.text, traceback_of(error)))
        return shown

    def text(self, text: str) -> str:
        """Return a text without what must not be shown, cut short before any pattern sees it."""
        if len(text) <= LONGEST_TEXT:
            return self._whole(text)
        shown = self._whole(text[:LONGEST_TEXT])[: -self._cut]
        return f"{shown}… ({len(text)} characters)"

    def _whole(self, text: str) -> str:
        return without_shapes(self._known.sub(MARK, text) if self._known else text)


@dataclass(slots=True)
class _Walk:
    """One way through one record, with what is left to spend on it."""

    redaction: Redaction
    left: int = _MOST_CHARACTERS

    def named(self, pairs: Iterable[tuple[object, object]], depth: int = 0) -> dict[str, Plain]:
        shown: dict[str, Plain] = {}
        for key, value in pairs:
            if self.left <= 0:
                shown["…"] = "…"
                break
            shown[self._text(_spelled(key))] = self._value(value, key, depth)
        return shown

    def _listed(self, values: Iterable[object], depth: int) -> list[Plain]:
        shown: list[Plain] = []
        for value in values:
            if self.left <= 0:
                shown.append("…")
                break
            shown.append(self._value(value, "", depth))
        return shown

    def _value(self, value: object, key: object, depth: int) -> Plain:
        self.left -= _COST_OF_A_VALUE
        if value is None or isinstance(value, bool):
            return value
        if key in _ORDER_KEYS and isinstance(value, str | int) and _ORDER_ID.fullmatch(str(value)):
            return value
        if _is_private(key):
            return MARK
        if depth == _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return self.named(value.items(), depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth + 1)
        return self._single(value)

    def _sequence(self, values: Collection[object], depth: int) -> list[Plain]:
        """Look through a sequence, which may be a header: its name and its value."""
        match values:
            case [str() | bytes() as name, _] if _is_private(name):
                return [self._text(_spelled(name)), MARK]
            case _:
                return self._listed(values, depth)

    def _single(self, value: object) -> Plain:
        match value:
            case float():
                return value
            case str() | Enum():
                return self._text(str(value))
            case int():
                return self._number(value)
            case bytes() | bytearray():
                start = bytes(value[: LONGEST_TEXT + 1])
                return self._text(start.decode("utf-8", "backslashreplace"))
            case BaseException():
                return self._text(said_by(value))
            case _ if isinstance(value, _PRINTED):
                return self._text(str(value))
            case _:
                return f"<{type(value).__qualname__}>"

    def _number(self, number: int) -> Plain:
        if number.bit_length() > _LARGEST_NUMBER_BITS:
            return "<int>"
        digits = str(number)
        return number if self._text(digits) == digits else MARK

    def _text(self, text: str) -> str:
        self.left -= min(len(text), LONGEST_TEXT)
        return self.redaction.text(text)


def _is_private(key: object) -> bool:
    return is_private(_spelled(key)[-_LONGEST_NAME:])


def _spelled(key: object) -> str:
    match key:
        case str():
            return key
        case bytes():
            return key.decode("latin-1")
        case int() | float() | None:
            return str(key)
        case _:
            return f"<{type(key).__qualname__}>"


def _values(secrets: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for secret in secrets:
        url = _PASSWORD_IN_URL.match(secret)
        found |= {secret.strip(), *((url[1], unquote(url[1])) if url else ())}
    return {value for value in found if len(value) >= _SHORTEST_SECRET}


def _anyhow(character: str) -> str:
    """Match a character of a secret as it is, or escaped for URLs, in JSON, or in a repr."""
    if character.isascii() and (character.isalnum() or character in "-_.~"):
        return re.escape(character)
    octets = character.encode("utf-8", "surrogateescape")
    ways = [
        re.escape(character),
        "".join(f"%(?:25){{0,4}}{octet:02x}" for octet in octets),
        "".join(rf"\\{{1,8}}x{octet:02x}" for octet in octets),
        rf"\\{{1,8}}(?:x{ord(character):02x}|u{ord(character):04x})",
        *([r"\+"] if character == " " else []),
    ]
    return rf"\\{{0,8}}(?i:{'|'.join(ways)})"
