"""How showing a request to people can end; Slack's side raises it, the workflows decide on it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.request import MessageRef


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a request is shown now."""

    card: MessageRef | None = None
    result: MessageRef | None = None


class DeliveryError(Exception):
    """Not everything could be shown; `shown` is what could."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.shown = Delivery()


class DeliveryPostponedError(DeliveryError):
    """People cannot be reached right now; try again after `seconds`, or when it seems best."""

    def __init__(self, seconds: float | None, cause: str) -> None:
        super().__init__(cause)
        self.seconds = seconds


class DeliveryImpossibleError(DeliveryError):
    """It cannot be shown where it was asked for; `cause` is the system's own word."""
