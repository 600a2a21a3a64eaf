"""The bot, doomed: `python -m tests.faults.crashing serve` in place of `python -m bot serve`.

CRASH_AT names a method, when and the how-manieth call of it is the last thing that this process
does, such as `RequestStore.claim_send:after:2`. `inside` is for methods that are handed the work of
a transaction: the work is done, and never committed. `frozen` is `after`, but the process does not
die: it stands still until somebody lets it go on, as on a machine that hangs.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

from bot.__main__ import main

_ROOMS = {
    "Database": "bot.store",
    "Engine": "bot.workflows",
    "PostStore": "bot.store",
    "RequestStore": "bot.store",
}

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

    wrappers: dict[str, Callable[[], Wrapper]] = {
        "before": lambda: _before(original, is_last),
        "after": lambda: _after(original, is_last, signal.SIGKILL),
        "frozen": lambda: _after(original, is_last, signal.SIGSTOP),
        "inside": lambda: _inside(original, is_last),
    }
    setattr(owner, name, wrappers[moment]())


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


def _inside(original: Wrapper, is_last: Callable[[], bool]) -> Wrapper:
    async def wrapped(self: object, work: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any work's
        if not is_last():
            return await original(self, work)

        def doomed(connection: object) -> None:
            work(connection)
            _end(signal.SIGKILL)

        return await original(self, doomed)

    return wrapped


def _end(by: signal.Signals) -> None:
    os.kill(os.getpid(), by)


if __name__ == "__main__":
    doom(os.environ["CRASH_AT"])
    main()
