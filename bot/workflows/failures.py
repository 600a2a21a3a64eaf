"""From a ticketing system's error to the reason a request failed."""

from __future__ import annotations

from bot.domain.request import Failure, FailureCode
from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)

_CODES: dict[type[TicketingError], FailureCode] = {
    OrderNotFoundError: FailureCode.ORDER_NOT_FOUND,
    NotPermittedError: FailureCode.NOT_PERMITTED,
    RefusedError: FailureCode.REFUSED,
    UnavailableError: FailureCode.UNAVAILABLE,
    UnreadableError: FailureCode.UNREADABLE,
}


def failure_of(error: TicketingError) -> Failure:
    """Classify an error that certainly changed nothing upstream; KeyError for any other."""
    return Failure(_CODES[type(error)], error.detail)
