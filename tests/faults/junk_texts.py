"""Hostile texts, and an ear for what the bot says: whom it calls, where its links lead.

What makes text hostile is that it means something to somebody: to Slack, to a terminal, to eyes.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]

LONGEST = 10_000
ANSWER = "an answer"
_CALLS = (
    *("<!channel>", "<!here>", "<!everyone>", "<!here|here>", "<!channel|x>", "@channel", "@here"),
    *("<@U0VICTIM>", "<@U0VICTIM|robin>", "<!subteam^S0VICTIM>", "<!subteam^S0VICTIM|@all>"),
    *("<#C0VICTIM>", "<#C0VICTIM|refunds>", "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;"),
    *(
        "\uff1c!channel\uff1e",
        "\ufe64!here\ufe65",
        "<\u200b!channel>",
        "<\u202e!channel>",
        "<!chan\u0000nel>",
    ),
    *("<!date^0^{date}^https://evil.example|today>", "<!channel", "!here>", "<<!channel>>"),
)
_LINKS = (
    *("<https://evil.example|https://bank.example>", "<https://evil.example|Approve>"),
    *("https://evil.example/?q=<!here>", "<mailto:a@evil.example|robin@example.org>"),
    *("[bank](https://evil.example)", "<javascript:alert(1)|click>", "<tel:+1|call>"),
)
_MARKUP = (
    *("*bold*", "_it_", "~gone~", "`code`", "```\nblock\n```", "> quote", ":tada:", "• item"),
    *("*", "_", "`", "```", "&", "<", ">", "&#60;", "&lt;", '"', "\\", "{0}", "%s", "${x}"),
    *("<b>x</b>", "<script>alert(1)</script>", "'; DROP TABLE requests; --", "../../etc/passwd"),
)
_DIRECTIONS = (
    *("\u202eecila\u202c", "\u202d00.001$\u202c", "\u2066x\u2069", "\u2067", "\u200f", "\u061c"),
    *("نور", "מקום", "\u202e$00.1 dnufer"),
)
_UNSEEN = (
    *("\u200b", "\u200c", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u3164", "\u115f", "\u180e"),
    *("\U000e0041\U000e007f", "\u2028", "\u2029", "\u0085", "\t", "\r\n", "\0", "\x1b[31m", "\x07"),
    *("\uffff", "\ufffd", "\ue000", "\U0010fffd"),
)
_MARKED = ("Z" + "\u0300\u0316\u0489" * 30, "e\u0301", "\u0301", "ﷺ", "ß", "İ", "ﬃ")
_PICTURES = (
    "🎭",
    "👩\u200d👩\u200d👧\u200d👦",
    "🇩🇪",
    "👍🏽",
    "🏴\U000e0067\U000e0062",
    "5\ufe0f\u20e3",
)
_KINDS = (_CALLS, _LINKS, _MARKUP, _DIRECTIONS, _UNSEEN, _MARKED, _PICTURES)

_DIRECTION_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TOKEN = re.compile(r"<[^>]*>?")
_DATE = re.compile(r"<!date\^\d+\^[^^|<>]*\|[^<>]*>")
_NAMED = re.compile(r"<(?:@|#|!subteam\^)([A-Z0-9]+)>")


def hostile(chance: random.Random) -> str:
    """A text that means something it should not; now and then as long as it gets."""
    words = [chance.choice(chance.choice(_KINDS)) for _ in range(chance.randrange(1, 6))]
    text = chance.choice(("", " ", "x")).join(words)
    if chance.random() < 0.15:
        return (text * LONGEST)[:LONGEST]
    return text


class Ear:
    """Hears what the bot says to Slack, and notes what could call or mislead somebody.

    `known`: people, groups and channels that it may name. `home`: where its links may lead.
    """

    def __init__(self, known: Sequence[str], home: str) -> None:
        self._known = frozenset(known)
        self._home = home
        self.heard: Counter[str] = Counter()
        self.wrong: list[str] = []

    def listen(self, calls: deque[Json]) -> deque[Json]:
        """Hear every call that is added to the log of them."""
        return _Heard(self, calls)

    def hear(self, what: str, said: Json) -> None:
        """Hear a call's arguments, or an answer."""
        self.heard[what] += 1
        for text, is_markup in _texts(said):
            # What answers a command at once quotes their own words to those who typed them.
            if what != ANSWER and _DIRECTION_CONTROLS.search(text):
                self._note(what, "overrides the direction", text)
            if is_markup:
                for token in _TOKEN.findall(text):
                    if not self._is_fine(token):
                        self._note(what, f"says {token[:60]!r}", text)
        for name in ("link_names", "unfurl_links", "unfurl_media"):
            if said.get(name) not in {None, False, "0", "false"}:
                self._note(what, f"asks for {name}", "")

    def _is_fine(self, token: str) -> bool:
        named = _NAMED.fullmatch(token)
        if named is not None:
            return named[1] in self._known
        return bool(_DATE.fullmatch(token)) or token.startswith(f"<{self._home}")

    def _note(self, what: str, mistake: str, text: str) -> None:
        if len(self.wrong) < 20:
            self.wrong.append(f"{what} {mistake}: {text[:200]!r}")


class _Heard(deque[Json]):
    """The sandbox's log of calls, overheard."""

    def __init__(self, ear: Ear, calls: deque[Json]) -> None:
        super().__init__(calls, calls.maxlen)
        self._ear = ear

    def append(self, call: Json, /) -> None:
        self._ear.hear(call["method"], call["args"])
        super().append(call)


# Nobody reads these: they say where something goes, or come back with a click.
_ADDRESSES = frozenset(
    {"private_metadata", "value", "channel", "ts", "thread_ts", "user", "users", "name"}
)


def _texts(said: Any, *, is_markup: bool = True) -> Iterator[tuple[str, bool]]:  # noqa: ANN401
    """Every text in what is said, and whether Slack looks for markup in it."""
    if isinstance(said, str):
        yield said, is_markup
    elif isinstance(said, list):
        for each in said:
            yield from _texts(each, is_markup=is_markup)
    elif isinstance(said, dict):
        for key, value in said.items():
            if key in {"blocks", "view"} and isinstance(value, str):
                yield from _texts(json.loads(value))
            elif key == "text" and isinstance(value, str):
                yield value, said.get("type") != "plain_text"
            elif isinstance(value, dict | list):
                yield from _texts(value)
            elif key not in _ADDRESSES:
                yield str(value), False
