"""A long and mixed history, and what somebody with the keys to the database might do to its log."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.request import Evidence, Failure, FailureCode, State
from bot.domain.ruling import Action
from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.store import Database, RequestStore, verification
from bot.store.tables import audit_events
from bot.store.verification import Flaw, Head
from tests.examples import APPROVER, REQUESTER, member, new_request, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.steps import (
    BODY,
    SECOND,
    UNSETTLED,
    allowed,
    asked,
    clicked,
    executing,
    order_of,
    pending,
    quoted,
    result_of,
)

CLICK = Evidence("C0REFUNDS", "1784041200.000100", "1784041210.000300", "1.2.3", "ab" * 32)


POLICY = Policy(
    tiers=(Tier(Ceiling((usd("600.00"),))), Tier(Ceiling((usd("900.00"),)), approvals=2)),
    rejections=2,
    break_glass=BreakGlass(frozenset({REQUESTER.user})),
    auto_approve_up_to=Ceiling((usd("100.00"),)),
    escalate_after=timedelta(hours=1),
    escalate_to=("S0DUTY",),
)


async def long_history(database: Database, clock: Clock, first: int) -> None:
    """Every event there is, of requests for orders from `first` on."""
    store = store_on(database, clock, POLICY)
    ids = map(str, itertools.count(first))
    await asked(store, new_request(next(ids)))
    await _withdrawn_and_scrubbed(store, next(ids))
    await _drifted_and_rejected(store, next(ids))
    await _lost_and_found(store, next(ids))
    await _waited_in_vain(store, clock, next(ids))
    await _broken_glass(store, next(ids))
    await _automatic_and_settled(store, next(ids))


async def _withdrawn_and_scrubbed(store: RequestStore, order_id: str) -> None:
    taken_back = await pending(store, order_id)
    await store.decide(taken_back.id, Action.WITHDRAW, member(REQUESTER), note="found the tickets")
    await store.scrub(store.now(), 1)


async def _drifted_and_rejected(store: RequestStore, order_id: str) -> None:
    drifts = await executing(store, order_id)
    await store.drift(drifts.id, *quoted(order_of(drifts, 3, 2)))
    await clicked(store, drifts, Action.REJECT, APPROVER, "no — <b>ü</b>", CLICK)
    await allowed(store, drifts, Action.REJECT, SECOND)


async def _lost_and_found(store: RequestStore, order_id: str) -> None:
    sent = await executing(store, order_id)
    await store.claim_send(sent, 1, BODY)
    await store.record_answer(sent, 1, Answer.LOST, "no answer in time")
    await store.mark_unknown(sent.id, UNSETTLED)
    await allowed(store, sent, Action.RECHECK, REQUESTER)
    await store.claim_send(await store.claim(sent.id), 2, BODY)
    await store.record_answer(sent, 2, Answer.ACCEPTED, None, Receipt(refund=usd("600.00")))
    await store.finish(sent.id, result_of(sent))


async def _waited_in_vain(store: RequestStore, clock: Clock, order_id: str) -> None:
    waits = await pending(store, order_id)
    await store.reselect(waits.id, member(REQUESTER), 1, {"1": 1})
    for hours in (0.5, 0.6, 90):
        clock.advance(hours * 3600)
        await store.overdue(waits.id)


async def _broken_glass(store: RequestStore, order_id: str) -> None:
    urgent = await pending(store, order_id, quantities=(7,))
    await allowed(store, urgent, Action.APPROVE, APPROVER)
    await allowed(store, urgent, Action.TAKE_BACK, APPROVER)
    await clicked(store, urgent, Action.BREAK_GLASS, REQUESTER, "fire alarm", CLICK)
    await store.claim(urgent.id)
    await store.fail(urgent.id, State.EXECUTING, Failure(FailureCode.REFUSED, "order is locked"))


async def _automatic_and_settled(store: RequestStore, order_id: str) -> None:
    small = await pending(store, order_id, quantities=(1,))
    await store.claim(small.id)
    await store.mark_unknown(small.id, UNSETTLED)
    await store.decide(small.id, Action.RESOLVE, member(APPROVER), resolved_as=State.DONE)


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
