"""What can go wrong with a ticketing system, by what the caller may conclude from it.

TicketingError
├── OrderNotFoundError   no such order; nothing was changed
├── NotPermittedError    key or rights; nothing was changed
├── RefusedError         the system said no, in its own words
├── UnavailableError     not reached, or it could not answer a read; certainly nothing was changed
├── UnreadableError      it answered a read with something that is not an order
└── OutcomeLostError     a change was sent and its outcome is unknown: only reading can tell
"""

from __future__ import annotations


class TicketingError(Exception):
    """`detail`: the upstream's own words or a short technical cause; never a secret."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or "")
        self.detail = detail


class OrderNotFoundError(TicketingError):
    pass


class NotPermittedError(TicketingError):
    pass


class RefusedError(TicketingError):
    pass


class UnavailableError(TicketingError):
    pass


class UnreadableError(TicketingError):
    pass


class OutcomeLostError(TicketingError):
    pass
