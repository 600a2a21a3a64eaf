"""Payloads bent out of shape: keys taken away, values of other kinds, foreign ids, broken JSON.

Nothing here knows anybody who may do something, so no accident makes a good click of a bad one.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus, urlencode

from tests.faults.junk_texts import hostile

Json = dict[str, Any]
_MOST_CHANGES = 4
_DEEP = 90  # Slack's own payloads go about ten levels deep; Python's reader some hundred

NO_REQUESTS = (
    *(
        "raaaaaaaaaaaaaaaa",
        "R" * 17,
        "r",
        "1",
        "*",
        "%",
        "../r",
        "r\0",
        "' OR 1=1 --",
        "r" * 10_000,
    ),
)
_FOREIGN = (
    *("T0OTHERS", "T0PARTNER", "E0OTHERS", "W0NOBODY", "U0NOBODY", "USLACKBOT", "B0RESCIND"),
    *("C0NOWHERE", "C0ARCHIVE", "C0GENERAL", "D0NOBODY", "G0FORMER", "A0OTHER", "V0NOVIEW"),
    *("approved", "celebrate", "view_closed", "decision:1:1", "1700000000.000100", "0", "-1"),
    *NO_REQUESTS,
)
_ADDRESSES = (
    *("http://127.0.0.1:9/x", "https://[::1", "//", "http://", "file:///etc/passwd", "data:,x"),
    *("http://127.0.0.1:9" + "/a" * 5000, "http://\ud800/", "http://a:b@127.0.0.1:9/", "ftp://x/y"),
    *("http://127.0.0.1:99999/", "http://127.0.0.1:9/\r\nX: y", "http://\uff41/", "", "\0", "1"),
)
_PLAIN: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10**30, -(2**63) - 1, 1.5, 1e308, float("nan"), float("inf")),
    *("", " ", "\0", "null", "\ud800", "a\udfffb", "\uffff", "٣", "²", "\uff11", "1e400"),
    *([], {}, [[]], [None], {"": ""}, {"id": None}, {"id": {"id": []}}, {"id": ["\ud800"]}),
    *({"value": []}, {"selected_option": "x"}, {"selected_option": {"value": {}}}, {"text": 1}),
    *("a" * 10_000, "\ud800" * 100, "9" * 5000, [0] * 1000, "\\ud800", "{", "}", "<>", "%00"),
    *("&", "=", "\r\n\r\n"),
)
_LITTER = ("\0", "]", "}", '"', "\\", ",", "\ufeff", "NaN", "/*", "\\ud800", "9" * 5000)


def weird(chance: random.Random) -> Any:  # noqa: ANN401 - any JSON
    """A value of the wrong kind, or of the right kind and of no sense."""
    match chance.randrange(6):
        case 0 | 1:
            return copy.deepcopy(chance.choice(_PLAIN))
        case 2:
            return chance.choice(_FOREIGN)
        case 3:
            return hostile(chance)
        case 4:
            return chance.choice(_ADDRESSES)
        case _:
            return nested(chance.randrange(1, _DEEP), chance.choice(("list", "object")))


def nested(levels: int, of: str) -> Any:  # noqa: ANN401
    value: Any = "deep"
    for _ in range(levels):
        value = [value] if of == "list" else {"id": value}
    return value


def bent(payload: Json, chance: random.Random) -> Json:
    """A copy with up to some changes, anywhere in it."""
    twisted = copy.deepcopy(payload)
    for _ in range(chance.randrange(1, _MOST_CHANGES + 1)):
        spots = list(_spots(twisted))
        if spots:
            container, key = chance.choice(spots)
            chance.choice(_CHANGES)(container, key, chance)
    return twisted


def broken(payload: Json, chance: random.Random) -> bytes:
    """A form whose JSON is cut, littered, or written as nobody writes it."""
    text = json.dumps(payload)
    at = chance.randrange(len(text))
    match chance.randrange(5):
        case 0:
            text = text[:at]
        case 1:
            text = text[:at] + chance.choice(_LITTER) + text[at:]
        case 2:
            text = text[:at] + text[at + chance.randrange(1, 9) :]
        case 3:
            text = f"[{text}]" if chance.random() < 0.5 else json.dumps(text)
        case _:
            return b"payload=" + quote_plus(text).encode()[: at + 8] + chance.randbytes(8)
    return urlencode({"payload": text}, errors="surrogatepass").encode()


def _spots(part: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Every place in a payload, as its container and the key to it."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in list(pairs):
        yield part, key
        if isinstance(value, dict | list):
            yield from _spots(value)


def _replace(container: Any, key: Any, chance: random.Random) -> None:  # noqa: ANN401
    container[key] = weird(chance)


def _remove(container: Any, key: Any, _: random.Random) -> None:  # noqa: ANN401
    del container[key]


def _wrap(container: Any, key: Any, chance: random.Random) -> None:  # noqa: ANN401
    container[key] = [container[key]] * chance.choice((1, 2, 50))


def _unwrap(container: Any, key: Any, _: random.Random) -> None:  # noqa: ANN401
    value = container[key]
    if isinstance(value, list) and value:
        container[key] = value[0]
    elif isinstance(value, dict) and value:
        container[key] = next(iter(value.values()))


def _spell_out(container: Any, key: Any, _: random.Random) -> None:  # noqa: ANN401
    container[key] = json.dumps(container[key])


def _add(container: Any, _: Any, chance: random.Random) -> None:  # noqa: ANN401
    if isinstance(container, dict):
        container[str(weird(chance))[:300]] = weird(chance)
    else:
        container.append(weird(chance))


_CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    *(_replace, _replace, _replace, _replace, _remove, _remove, _wrap, _unwrap, _spell_out, _add),
)
