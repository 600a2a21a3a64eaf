"""The change counter that the page listens to: it grows with every change anywhere."""

import asyncio
from contextlib import suppress


class Changes:
    """Counts changes and wakes whoever waits for the next one; safe to bump from any thread."""

    def __init__(self) -> None:
        self.version = 1
        self.closed = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def bump(self) -> None:
        self.version += 1
        self._wake()

    def close(self) -> None:
        """Let every listener go, so that a shutdown does not wait for open event streams."""
        self.closed = True
        self._wake()

    async def wait(self, seen: int, seconds: float) -> bool:
        """True once the version differs from `seen`; False after `seconds`, or when closed."""
        waiting = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.add(waiting)
        try:
            if self.version == seen and not self.closed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiting[1].wait(), seconds)
        finally:
            self._waiting.discard(waiting)
        return self.version != seen and not self.closed

    async def pause(self, seconds: float) -> None:
        """Let time pass, but not beyond the close."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self.closed and (left := end - loop.time()) > 0:
            await self.wait(self.version, left)

    def _wake(self) -> None:
        for loop, event in tuple(self._waiting):
            with suppress(RuntimeError):  # the listener's loop has ended meanwhile
                loop.call_soon_threadsafe(event.set)
