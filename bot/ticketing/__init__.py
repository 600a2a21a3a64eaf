"""The port to ticketing systems, and one package per system behind it."""

from bot.ticketing.errors import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)
from bot.ticketing.port import Ticketing

__all__ = [
    "NotPermittedError",
    "OrderNotFoundError",
    "OutcomeLostError",
    "RefusedError",
    "Ticketing",
    "TicketingError",
    "UnavailableError",
    "UnreadableError",
]
