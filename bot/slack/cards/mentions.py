"""People and user groups, called or named by their ids. Nothing else ever becomes a mention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_USER_GROUP = re.compile(r"S[A-Z0-9]{2,30}")
# What calls everybody calls nobody.
MOST_MENTIONS = 20


def mentions(ids: Iterable[str]) -> str:
    """Call people and user groups by their ids."""
    return " ".join(_tokens(ids)[:MOST_MENTIONS])


def all_mentions(ids: Iterable[str]) -> Iterator[str]:
    """Call each of them, however many there are, in lines that fit into a message."""
    tokens = _tokens(ids)
    for start in range(0, len(tokens), MOST_MENTIONS):
        yield " ".join(tokens[start : start + MOST_MENTIONS])


def either(ids: Iterable[str]) -> str:
    """Name people and user groups of whom one is meant, in a sentence."""
    tokens = _tokens(sorted(ids))
    hidden = len(tokens) - MOST_MENTIONS
    if hidden > 0:
        tokens = [*tokens[:MOST_MENTIONS], "1 other" if hidden == 1 else f"{hidden} others"]
    *others, last = tokens or ["nobody"]
    return f"{', '.join(others)} or {last}" if others else last


def _tokens(ids: Iterable[str]) -> list[str]:
    called = []
    for each in dict.fromkeys(ids):
        if _USER.fullmatch(each):
            called.append(f"<@{each}>")
        elif _USER_GROUP.fullmatch(each):
            called.append(f"<!subteam^{each}>")
    return called
