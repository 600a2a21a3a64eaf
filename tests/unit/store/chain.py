"""A long and mixed history, and what somebody with the keys to the database might do to its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from bot.domain.policy import Action
from bot.domain.request import Evidence
from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.store import Database, RequestStore, verification
from bot.store.tables import audit_events
from bot.store.verification import Flaw, Head
from tests.examples import APPROVER, REQUESTER, new_request, usd
from tests.unit.databases import Clock
from tests.unit.store.steps import (
    BODY,
    UNSETTLED,
    asked,
    executing,
    order_of,
    pending,
    quoted,
    result_of,
)

CLICK = Evidence("C0REFUNDS", "1784041200.000100", "1784041210.000300", "1.2.3", "ab" * 32)


async def long_history(store: RequestStore, clock: Clock, first: int) -> None:
    """Every event there is, of requests for orders from `first` on."""
    await asked(store, new_request(str(first)))
    drifts = await executing(store, str(first + 1))
    await store.drift(drifts.id, *quoted(order_of(drifts, 3, 2)))
    await store.decide(drifts.id, Action.REJECT, APPROVER, 2, "no — <b>ü</b>", evidence=CLICK)
    sent = await executing(store, str(first + 2))
    await store.claim_send(sent, 1, BODY)
    await store.record_answer(sent, 1, Answer.LOST, "no answer in time")
    await store.mark_unknown(sent.id, UNSETTLED)
    await store.decide(sent.id, Action.RECHECK, REQUESTER)
    await store.claim_send(await store.claim(sent.id), 2, BODY)
    await store.record_answer(sent, 2, Answer.ACCEPTED, None, Receipt(refund=usd("600.00")))
    await store.finish(sent.id, result_of(sent))
    waits = await pending(store, str(first + 3))
    await store.reselect(waits.id, REQUESTER, 1, {"1": 1})
    clock.advance(1800)
    await store.overdue(waits.id)
    clock.advance(90 * 3600)
    await store.overdue(waits.id)
    taken_back = await pending(store, str(first + 4))
    await store.decide(taken_back.id, Action.WITHDRAW, REQUESTER, note="found the tickets")


def verified(database: Database, known: Head | None = None) -> tuple[Head, Flaw | None]:
    with database.engine.connect() as connection:
        return verification.verify(connection, known)


def rows(database: Database) -> list[dict[str, Any]]:
    with database.engine.connect() as connection:
        found = connection.execute(sa.select(audit_events).order_by(audit_events.c.id))
        return [dict(row._mapping) for row in found]


@contextmanager
def tampering(database: Database) -> Iterator[sa.Connection]:
    """Write past the triggers; whatever is written is undone afterwards."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        for name in ("audit_events_no_update", "audit_events_no_delete"):
            where = "" if database.is_sqlite else " ON audit_events"
            connection.exec_driver_sql(f"DROP TRIGGER {name}{where}")
        yield connection
        transaction.rollback()
