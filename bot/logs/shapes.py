"""What a log must not show, found by its shape: tokens, addresses that are keys, people's data.

Nobody's name has a shape: names are kept out by not logging other people's words. Digits without
any grouping are order ids unless they are a card's, and a telephone number needs a plus or groups.
"""

from __future__ import annotations

import functools
import re

MARK = "•••"

# Every repetition is bounded or possessive: the time a text takes is in proportion to its length.

_SLACK = r"(?P<slack>(?:xox[a-z]|xapp|xwfp)[.-]\w[\w.-]*+)"
# Slack's own ways in: response_urls, webhooks, Socket Mode's address. The host is worth reading.
_ADDRESS = (
    r"(?P<host>(?:hooks|wss-[\w-]{1,40})\.slack(?:-gov)?\.com(?::\d{1,5})?)"
    r"""(?:/|\\/|%2[fF])[^\s"'<>|]*+"""
)
_LOGIN = r"""(?P<login>(?<=://)[^\s/?#"'<>]{1,256}@)"""
_BEARER = r"(?P<bearer>(?i:bearer)\s{1,4}+[\w.~+/-]{12,}+=*+)"

_HEADERS = ("(?:proxy-)?authorization", "(?:set-)?cookie")
_SECRETS = (
    "token",
    "secret",
    "passw(?:or)?d",
    "passphrase",
    "pwd",
    "(?:api|session|secret|access|private|signing)[ _-]?key",
    "session",
    "signature",
    "credential",
    "card[ _-]?number",
    "cv[cv]2?",
)
_PEOPLE = (
    "(?:first|last|full|guest|customer|contact|billing)[ _-]?name",
    "phone(?:[ _-]?number)?",
)
# What stands between a name and its value: in code, JSON, JSON within JSON, headers, pairs, URLs.
_GAP = (
    r"""(?:\\{0,4}+["'\]]{0,2}+\s{0,4}+(?:[:=]{1,2}+>?|%3[adAD])"""
    r"""|["']\s{0,4}+,(?=\s{0,4}+b?["']))\s{0,4}+"""
)
_QUOTED = (
    r"""b?"(?:[^"\\]|\\.)*+"?|b?'(?:[^'\\]|\\.)*+'?"""
    r"""|\\{1,4}+"[^"\\]*+|\\{1,4}+'[^'\\]*+"""
)
_LISTED = r"[\[({][^\])}]*+[\])}]?"
_WORD = r"""[^\s&"'<>\\]++(?:"[^"]*+"|'[^']*+')?"""


def _named(kind: str, names: tuple[str, ...], value: str) -> str:
    return rf"(?P<{kind}>(?i:{'|'.join(names)})s?{_GAP})(?:{_QUOTED}|{value})"


_NAMED = (
    _named("header", _HEADERS, rf"{_LISTED}|[^\r\n\"']++"),
    _named("secret", _SECRETS, rf"{_LISTED}|{_WORD}"),
    _named("person", _PEOPLE, r"""[^\r\n,;&"'<>{}=|]{1,80}+"""),
)

_EMAIL = (
    r"(?P<email>(?:\w[\w.+'-]{0,63}+@|\w[\w.+%-]{0,63}?%40)"
    r"(?:[\w-]{1,63}+\.){1,20}[^\W\d_][\w-]{1,62}+)"
)
# Grouped as cards are, or bare: 15 and 16 digits that begin as the schemes' do. Luhn decides.
_CARD = (
    r"(?P<card>(?<![\w.])(?<!\d-)(?:"
    r"(?:[3-6]\d|2[2-7])\d\d(?P<c>[ -])\d{4}(?P=c)\d{4}(?P=c)\d{1,7}(?:(?P=c)\d{1,3})?"
    r"|3\d{3}(?P<d>[ -])\d{6}(?P=d)\d{4,5}"
    r"|3[47]\d{13}|(?:4\d|5[0-8]|6\d|2[2-7]|35)\d{14}"
    r")(?!\w|[.-]\d))"
)
_ABROAD = (
    r"(?P<abroad>(?<!\w)(?:\+|%2[bB])(?!\d{1,12}+\.\d\d(?![\d.]))"
    r"[1-9(](?:(?:[ ().\u00a0/-]|%20){0,3}+\d){7,17}+)"
)
_NOT_WITHIN = r"(?<![\w.+/-])(?<!\d:)"
_AT_HOME = (
    rf"(?P<trunk>{_NOT_WITHIN}(?:\(0\d{{1,5}}\) ?\d{{2,8}}(?:[ .-]\d{{2,8}}){{0,5}}+"
    r"|0\d{1,5}(?P<t>[ ./-])\d{2,8}(?:(?P=t)\d{2,8}){0,5}+)(?![\w:]|[.,]\d))"
)
_AMERICAN = (
    rf"(?P<american>{_NOT_WITHIN}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}"
    r"(?![\w:]|[.,-]\d))"
)

_SHAPES = re.compile(
    "|".join(
        (_SLACK, _ADDRESS, _LOGIN, _BEARER, *_NAMED, _EMAIL, _CARD, _ABROAD, _AT_HOME, _AMERICAN)
    ),
    re.DOTALL,
)
_NAMES = re.compile(rf"(?i:{'|'.join((*_HEADERS, *_SECRETS, *_PEOPLE))})s?\Z")


def without_shapes(text: str) -> str:
    # A word without punctuation, as most values are, has none of the shapes but bare digits'.
    return text if text.isidentifier() else _SHAPES.sub(_replaced, text)


@functools.lru_cache(maxsize=1024)
def is_private(name: str) -> bool:
    """Whether what goes by this name (a key, a header) is nobody's business, whatever it is."""
    return bool(_NAMES.search(name))


def _replaced(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "host":
        return f"{match['host']}/{MARK}"
    if kind in {"header", "secret", "person"}:
        return f"{match[kind]}{MARK}"
    if kind == "login":
        return f"{MARK}@"
    if kind == "card" and not _passes_luhn(match[0]):
        return match[0]
    # A date has eight digits.
    if kind == "trunk" and sum(map(str.isdigit, match[0])) < 9:
        return match[0]
    return MARK


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number) if digit.isdecimal()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
