"""What the bot needs of a ticketing system; adapters implement it, workflows call it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from bot.domain.order import Order
from bot.domain.quote import Notify
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt


class Ticketing(Protocol):
    """One venue's ticketing system."""

    async def read_order(self, order_id: str) -> Order:
        """Read an order as it is now.

        Raises OrderNotFoundError, NotPermittedError, RefusedError, UnavailableError or
        UnreadableError.
        """
        ...

    async def cancel(self, order: Order, selection: Selection, notify: Notify) -> Receipt:
        """Cancel `selection` of `order`, which was read just before, in one attempt.

        Raises OrderNotFoundError, NotPermittedError, RefusedError or UnavailableError where the
        upstream certainly changed nothing, OutcomeLostError where that is unknown.
        """
        ...

    def outgoing(self, order: Order, selection: Selection, notify: Notify) -> Mapping[str, Any]:
        """What `cancel` would send for the same arguments, without secrets: for the audit log."""
        ...

    @property
    def gives_up_after(self) -> timedelta:
        """How long `cancel` takes at most: later, none of its attempts is under way any more."""
        ...

    def may_resend(self, notify: Notify) -> bool:
        """Whether sending the same cancellation twice has the effect of sending it once."""
        ...

    async def close(self) -> None: ...
