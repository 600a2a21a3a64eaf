"""How the Web API is made to misbehave on purpose, and how fast it lets a bot post."""

from collections.abc import Callable
from dataclasses import dataclass

_INSTEAD = ("ratelimited", "http_500", "drop_before", "error", "hollow")
KINDS = (*_INSTEAD, "slow", "drop")
_OF_METHODS = ("error", "hollow")


@dataclass
class Fault:
    """`drop` does the work and loses the answer; `drop_before` loses the call itself.

    `error` is an answer with `ok: false`, `hollow` one with `ok: true` and nothing else.
    """

    kind: str
    times: int | None
    retry_after: int = 1
    seconds: float = 5.0
    error: str = "internal_error"

    @property
    def is_instead(self) -> bool:
        """Whether the call is not carried out at all."""
        return self.kind in _INSTEAD


class Faults:
    def __init__(self) -> None:
        self._by_method: dict[str, Fault] = {}

    def set(self, method: str, fault: Fault | None) -> None:
        """Arm or clear one method's fault. Raises ValueError for a kind that does not exist.

        A response URL answers "ok" or an HTTP error, hence with neither of `_OF_METHODS`.
        """
        if fault is None:
            self._by_method.pop(method, None)
        elif fault.kind not in KINDS:
            raise ValueError(f"{fault.kind} is not one of {', '.join(KINDS)}")
        elif method == "response_url" and fault.kind in _OF_METHODS:
            raise ValueError(f"response URLs do not answer with {fault.kind}")
        else:
            self._by_method[method] = fault

    def clear(self) -> None:
        self._by_method.clear()

    def take(self, method: str, *, alone: bool = False) -> Fault | None:
        """The fault this call suffers, counted down; a method's own comes before that of `*`.

        `alone`: not a Web API method, so `*` does not mean it.
        """
        for name in (method,) if alone else (method, "*"):
            fault = self._by_method.get(name)
            if fault is None:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._by_method[name]
            return fault
        return None


class PostingLimit:
    """A bucket per channel: about one message a second, with a short burst."""

    def __init__(self, clock: Callable[[], float], *, burst: int, per_second: float) -> None:
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, channel: str) -> bool:
        """Take one from the channel's bucket; False when it is empty."""
        now = self._clock()
        left, since = self._buckets.get(channel, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._per_second)
        allowed = left >= 1
        self._buckets[channel] = (left - 1 if allowed else left, now)
        return allowed

    def clear(self) -> None:
        self._buckets.clear()
