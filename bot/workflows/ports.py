"""What the workflows need of the rest of the house; `app` hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.order import Order
from bot.domain.quote import Quote
from bot.domain.request import Failure, MessageRef, Request, State
from bot.domain.selection import Selection
from bot.domain.sending import Answer, Send
from bot.domain.settlement import Outcome, Receipt


class Ledger(Protocol):
    """Requests on disk (`store.RequestStore`, where the methods are described)."""

    async def get(self, request_id: str) -> Request | None: ...

    async def left_lying(self, since: datetime, limit: int) -> Sequence[Request]: ...

    async def record_quote(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request: ...

    async def fail(self, request_id: str, expected: State, failure: Failure) -> Request: ...

    async def claim(self, request_id: str) -> Request: ...

    async def drift(
        self, request_id: str, order: Order, selection: Selection, fresh: Quote
    ) -> Request: ...

    async def finish(self, request_id: str, outcome: Outcome) -> Request: ...

    async def mark_unknown(self, request_id: str, detail: str) -> Request: ...

    async def claim_send(self, request: Request, attempt: int) -> bool: ...

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
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a request is shown now."""

    card: MessageRef | None = None
    result: MessageRef | None = None


class DeliveryPostponedError(Exception):
    """People cannot be reached right now; try again after `seconds`, or when it seems best."""

    def __init__(self, seconds: float | None, cause: str) -> None:
        super().__init__(cause)
        self.seconds = seconds


class DeliveryImpossibleError(Exception):
    """The card cannot be shown where it was asked for; `cause` is the system's own word."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Desk(Protocol):
    """Where people look (`slack.desk`)."""

    async def show(self, request: Request) -> Delivery:
        """Bring what people see in line with `request`; showing twice does no harm.

        Raises DeliveryPostponedError or DeliveryImpossibleError.
        """
        ...
