"""What the workflows need of the rest of the house; `app` hands it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.domain.delivery import Delivery
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Quote
from bot.domain.request import Failure, MessageRef, Request, State
from bot.domain.selection import Selection
from bot.domain.sending import Answer, Send
from bot.domain.settlement import Outcome, Receipt


class Ledger(Protocol):
    """Requests on disk (`store.RequestStore`, where the methods are described)."""

    async def get(self, request_id: str) -> Request | None: ...

    async def left_lying(self, since: datetime, limit: int) -> Sequence[str]: ...

    async def due(self, limit: int) -> Sequence[str]: ...

    async def overdue(self, request_id: str) -> Request | None: ...

    async def record_quote(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request: ...

    async def fail(
        self, request_id: str, expected: State, failure: Failure, attempts: int | None = None
    ) -> Request: ...

    async def claim(self, request_id: str) -> Request: ...

    async def drift(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request: ...

    async def finish(self, request_id: str, outcome: Outcome) -> Request: ...

    async def mark_unknown(self, request_id: str, failure: Failure) -> Request: ...

    async def refunded_before(self, request: Request) -> Money: ...

    async def claim_send(self, request: Request, attempt: int, body: Mapping[str, Any]) -> bool: ...

    async def record_answer(
        self,
        request: Request,
        attempt: int,
        answer: Answer,
        detail: str | None = None,
        receipt: Receipt | None = None,
    ) -> None: ...

    async def last_send(self, request: Request) -> Send | None: ...

    async def delivered(
        self,
        request_id: str,
        version: int,
        card: MessageRef | None = None,
        result: MessageRef | None = None,
    ) -> int: ...

    async def scrub(self, before: datetime, limit: int) -> int: ...

    async def show_again(self, request_id: str) -> None: ...


class Desk(Protocol):
    """Where people look (`slack.desk`)."""

    async def show(self, request: Request) -> Delivery:
        """Bring what people see in line with `request`; showing twice does no harm.

        Raises DeliveryPostponedError or DeliveryImpossibleError.
        """
        ...
