"""What a log shows of an error: where it came from and of which type, never what it says.

A message may quote a guest's name or an upstream's words; so may local variables.
"""

from __future__ import annotations

import linecache
import sys
from collections import deque
from collections.abc import Iterator
from traceback import walk_tb
from types import TracebackType

_MOST_ERRORS = 12
_MOST_FRAMES = 40
_FEWEST_LETTERS = 3
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def raised(exc_info: object) -> BaseException | None:
    """Return the error that a record's `exc_info` means, in any of the forms it may have."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, error, _):
            return error if isinstance(error, BaseException) else None
        case _:
            return sys.exc_info()[1] if exc_info else None


def traceback_of(error: BaseException) -> list[str]:
    """Return the lines: as Python prints them, oldest error first, without their messages."""
    return list(_chain(error, set()))


def type_of(error: BaseException) -> str:
    kind = type(error)
    prefix = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return prefix + kind.__qualname__


def said_by(error: BaseException) -> str:
    """Return an error in a few words: its message only where the operating system wrote it."""
    if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.errno:
        return f"{type_of(error)}: {error}"
    return type_of(error)


def without_words(text: str, error: BaseException | None) -> str:
    """Put an error's type where somebody else's sentence quotes its message."""
    for each in _all(error):
        kind = said_by(each)
        if str(each) in kind:
            continue
        for words in _words(each):
            text = text.replace(words, kind)
    return text


def _words(error: BaseException) -> list[str]:
    """Return the ways to quote an error, longest first."""
    message = str(error)
    arguments = (each for each in error.args if isinstance(each, str))
    quotes = {repr(error), message, *arguments, *message.splitlines()[:_MOST_FRAMES]}
    long_enough = {quote.strip() for quote in quotes if len(quote.strip()) >= _FEWEST_LETTERS}
    return sorted(long_enough, key=len, reverse=True)


def _all(error: BaseException | None) -> list[BaseException]:
    """Return an error with those behind and within it."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _MOST_ERRORS:
        each = waiting.pop(0)
        if each is None or any(each is known for known in found):
            continue
        found.append(each)
        waiting += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return found


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    links: list[tuple[BaseException, str]] = []
    current: BaseException | None = error
    link = ""
    while current is not None and id(current) not in seen and len(seen) < _MOST_ERRORS:
        seen.add(id(current))
        links.append((current, link))
        if current.__cause__ is not None:
            current, link = current.__cause__, _CAUSE
        else:
            current = None if current.__suppress_context__ else current.__context__
            link = _CONTEXT
    for each, leads_to in reversed(links):
        yield from _one(each, seen)
        if leads_to:
            yield from ("", leads_to, "")


def _one(error: BaseException, seen: set[int]) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        yield from _frames(error.__traceback__)
    yield type_of(error)
    if isinstance(error, BaseExceptionGroup):
        for number, each in enumerate(error.exceptions[:_MOST_ERRORS], 1):
            yield f"  ---- {number} of {len(error.exceptions)} ----"
            yield from (f"  {line}" for line in _chain(each, seen))


def _frames(traceback: TracebackType) -> Iterator[str]:
    for frame, number in deque(walk_tb(traceback), _MOST_FRAMES):
        code = frame.f_code
        yield f'  File "{code.co_filename}", line {number}, in {code.co_qualname}'
        # What is not a file (`<string>`) may be made of data.
        source = "" if code.co_filename.startswith("<") else _source(code.co_filename, number)
        if source:
            yield f"    {source}"


def _source(file: str, number: int) -> str:
    return linecache.getline(file, number).strip()
