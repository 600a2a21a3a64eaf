"""The bot, doomed: `python -m tests.faults.crashing serve` in place of `python -m bot serve`.

CRASH_AT names a method, a moment, and the how-manieth call is the last thing that this process
does, such as `RequestStore.claim_send:after:2`. Moments: `before`, `after`, `inside` its
transaction, with the work done and not committed. `frozen` and `frozen inside` are `after` and
`inside` for a process that does not die, but stands still until somebody lets it go on, as on a
machine that hangs.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import signal
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from bot.__main__ import main
from bot.store import Database

_ROOMS = {
    "Database": "bot.store",
    "Engine": "bot.workflows",
    "PostStore": "bot.store",
    "RequestStore": "bot.store",
}

_DOOMED = ContextVar("_DOOMED", default=False)

Wrapper = Callable[..., Any]


def method(point: str) -> tuple[type, str, Callable[..., Any]]:
    """Find the coroutine method a point names; an error if there is none (any more)."""
    owner_name, _, rest = point.partition(".")
    name = rest.partition(":")[0]
    owner: type = getattr(importlib.import_module(_ROOMS[owner_name]), owner_name)
    found = getattr(owner, name)
    if not inspect.iscoroutinefunction(found):
        raise TypeError(f"{point} is no coroutine")
    return owner, name, found


def doom(crash_at: str) -> None:
    """Arrange for this process to kill itself at `crash_at`."""
    point, _, count = crash_at.rpartition(":")
    moment = point.rpartition(":")[2]
    owner, name, original = method(point)
    calls = itertools.count(1)

    def is_last() -> bool:
        return next(calls) == int(count)

    by = signal.SIGSTOP if "frozen" in moment else signal.SIGKILL
    wrappers: dict[str, Callable[[], Wrapper]] = {
        "before": lambda: _before(original, is_last),
        "after": lambda: _after(original, is_last, by),
        "frozen": lambda: _after(original, is_last, by),
        "inside": lambda: _marked(original, is_last),
        "frozen inside": lambda: _marked(original, is_last),
    }
    setattr(owner, name, wrappers[moment]())
    Database.run = _doomed(Database.run, by)  # type: ignore[method-assign]


def _before(original: Wrapper, is_last: Callable[[], bool]) -> Wrapper:
    async def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any method's
        if is_last():
            _end(signal.SIGKILL)
        return await original(*arguments, **named)

    return wrapped


def _after(original: Wrapper, is_last: Callable[[], bool], by: signal.Signals) -> Wrapper:
    async def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any method's
        last = is_last()
        result = await original(*arguments, **named)
        if last:
            _end(by)
        return result

    return wrapped


def _marked(original: Wrapper, is_last: Callable[[], bool]) -> Wrapper:
    async def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any method's
        if is_last():
            _DOOMED.set(True)
        return await original(*arguments, **named)

    return wrapped


def _doomed(original: Wrapper, by: signal.Signals) -> Wrapper:
    """Let a transaction do its work, but not end, if it is the marked one's."""

    async def run(self: Database, work: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any work's
        if not _DOOMED.get():
            return await original(self, work)

        def doomed(connection: object) -> Any:  # noqa: ANN401 - any work's
            result = work(connection)
            _end(by)
            return result

        return await original(self, doomed)

    return run


def _end(by: signal.Signals) -> None:
    os.kill(os.getpid(), by)


if __name__ == "__main__":
    doom(os.environ["CRASH_AT"])
    main()
