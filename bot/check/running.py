"""Making all checks and coming back, whatever threads of theirs hang.

Names are looked up in threads, which nothing can stop: one whose DNS server is silent goes on for
a minute or more after the check has given it up, and Python waits for threads before it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

from bot.check.checks import run_checks
from bot.check.finding import Finding
from bot.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


def all_findings(settings: Settings) -> list[Finding]:
    """Make the checks in an event loop of their own, and come back when their time is up."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_Unattended())
        return runner.run(run_checks(settings))


class _Unattended(ThreadPoolExecutor):
    """A thread for each piece of work, for which nobody waits at the end."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is whoever asked that must know
                future.set_exception(error)

        Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave what still works to itself."""
