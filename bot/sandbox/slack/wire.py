"""JSON as it travels, and narrow readers for values nobody has vouched for."""

import json
from typing import Any

Json = dict[str, Any]

_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", ""})
_MOST_NESTED = 100


def parse_json(raw: str | bytes) -> object:
    """The value of a JSON text, if it can also be written again.

    Raises ValueError for text that is no JSON, and for what would break whoever shows it later:
    numbers without a value, halves of surrogate pairs, hundreds of nested brackets.
    """
    try:
        value = json.loads(raw)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _is_deeper(value, _MOST_NESTED):
        raise ValueError("nested too deeply")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


def as_flag(value: object) -> bool | None:
    """A boolean, or one of the strings Slack takes for one; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else "?"
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def as_object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
