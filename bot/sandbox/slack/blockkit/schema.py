"""The small vocabulary in which the Block Kit rules are written.

A `Rule` looks at one JSON value and adds its objections to a list, each in Slack's own form:
`[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
"""

import re
from collections.abc import Callable, Mapping, Sequence

Problems = list[str]
Rule = Callable[[object, str, Problems], None]
Fields = Mapping[str, Rule]

_URL = re.compile(r"(?:https?|slack|mailto|tel):\S+", re.IGNORECASE)


def object_to(problems: Problems, pointer: str, reason: str) -> None:
    problems.append(f"[ERROR] {reason} [json-pointer:{pointer}]")


def string(most: int, least: int = 1) -> Rule:
    """A string of `least` to `most` characters."""

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            object_to(problems, pointer, "must provide a string")
        elif len(value) > most:
            object_to(problems, pointer, f"must be less than {most + 1} characters")
        elif len(value) < least:
            object_to(problems, pointer, f"must be more than {least - 1} characters")

    return rule


def url(value: object, pointer: str, problems: Problems) -> None:
    before = len(problems)
    string(3000)(value, pointer, problems)
    if len(problems) == before and not _URL.fullmatch(str(value)):
        object_to(problems, pointer, "must be a valid URL")


def matching(pattern: str, reason: str) -> Rule:
    """A string that `pattern` matches from end to end."""

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            object_to(problems, pointer, "must provide a string")
        elif not re.fullmatch(pattern, value):
            object_to(problems, pointer, reason)

    return rule


def flag(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, bool):
        object_to(problems, pointer, "must provide a boolean")


def whole(least: int, most: int) -> Rule:
    """An integer from `least` to `most`."""

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            object_to(problems, pointer, "must provide an integer")
        elif not least <= value <= most:
            object_to(problems, pointer, f"must be between {least} and {most}")

    return rule


def number(value: object, pointer: str, problems: Problems) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        object_to(problems, pointer, "must provide a number")


def one_of(*allowed: object) -> Rule:
    def rule(value: object, pointer: str, problems: Problems) -> None:
        if isinstance(value, dict | list) or value not in allowed:
            object_to(problems, pointer, "must be a valid enum value")

    return rule


def array(item: Rule, least: int, most: int) -> Rule:
    """A list of `least` to `most` items that all follow `item`."""

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            object_to(problems, pointer, "must provide an array")
            return
        if len(value) > most:
            object_to(problems, pointer, f"no more than {most} items allowed")
        if len(value) < least:
            object_to(problems, pointer, f"no fewer than {least} items allowed")
        for index, entry in enumerate(value):
            item(entry, f"{pointer}/{index}", problems)

    return rule


def nullable(inner: Rule) -> Rule:
    def rule(value: object, pointer: str, problems: Problems) -> None:
        if value is not None:
            inner(value, pointer, problems)

    return rule


def record(required: Fields, optional: Fields | None = None, *also: Rule) -> Rule:
    """An object with exactly these fields; `also` rules see it once the fields are sound."""
    known = {**required, **(optional or {})}

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            object_to(problems, pointer, "must provide an object")
            return
        before = len(problems)
        for name in required:
            if name not in value:
                object_to(problems, pointer, f"missing required field: {name}")
        for name, entry in value.items():
            if name in known:
                known[name](entry, f"{pointer}/{name}", problems)
            else:
                object_to(problems, pointer, f"invalid additional property: {name}")
        if len(problems) == before:
            for extra in also:
                extra(value, pointer, problems)

    return rule


def by_type(rules: Mapping[str, Rule]) -> Rule:
    """An object whose `type` decides which rule it has to follow."""

    def rule(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            object_to(problems, pointer, "must provide an object")
            return
        kind = value.get("type")
        if "type" not in value:
            object_to(problems, pointer, "missing required field: type")
        elif not isinstance(kind, str) or kind not in rules:
            object_to(problems, f"{pointer}/type", f"unsupported type: {kind}")
        else:
            rules[kind](value, pointer, problems)

    return rule


def only(rules: Mapping[str, Rule], kinds: Sequence[str]) -> Rule:
    """`by_type`, narrowed to some of the types."""
    return by_type({kind: rules[kind] for kind in kinds})


def exactly_one(*names: str) -> Rule:
    listed = " or ".join(f"`{name}`" for name in names)

    def rule(value: object, pointer: str, problems: Problems) -> None:
        given = [name for name in names if isinstance(value, dict) and name in value]
        if not given:
            object_to(problems, pointer, f"must define either {listed}")
        elif len(given) > 1:
            object_to(problems, pointer, f"must define only one of {listed}")

    return rule
