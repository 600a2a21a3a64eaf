"""How showing a request to people can end; Slack's side raises it, the workflows decide on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.request import MessageRef


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a request is shown now."""

    card: MessageRef | None = None
    result: MessageRef | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """How far a message that must be posted once has come.

    `ref`: where it stands, if it does. `begun_at`: when an attempt began of which nobody knows
    whether it succeeded; `begun_here`: by this very process, so that it is certainly over.
    `wait`: otherwise, the seconds until its channel's turn; at 0 the attempt counts as begun.
    """

    ref: MessageRef | None = None
    begun_at: datetime | None = None
    begun_here: bool = False
    wait: float = 0.0


class DeliveryError(Exception):
    """Not everything could be shown; `shown` is what could."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.shown = Delivery()


class DeliveryPostponedError(DeliveryError):
    """People cannot be reached right now; try again after `seconds`, or when it seems best.

    `in_doubt`: the answer was lost, so what was to be said may have been said.
    """

    def __init__(self, seconds: float | None, cause: str, *, in_doubt: bool = False) -> None:
        super().__init__(cause)
        self.seconds = seconds
        self.in_doubt = in_doubt


class DeliveryImpossibleError(DeliveryError):
    """It cannot be shown where it was asked for; `cause` is the system's own word."""
