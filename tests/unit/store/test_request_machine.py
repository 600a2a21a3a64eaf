"""The stored request as a state machine: any calls in any order keep the promises of the table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import TypeVar

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.policy import Action, Ruling
from bot.domain.quote import quote
from bot.domain.request import (
    LIVE_STATES,
    TRANSITIONS,
    Actor,
    CreationResult,
    Failure,
    FailureCode,
    Request,
    StaleRequestError,
    State,
    TransitionError,
)
from bot.domain.selection import Selection
from bot.domain.sending import Answer
from bot.store import Database
from bot.store.rows import request_from_row
from bot.store.tables import audit_events, requests, sends
from tests.examples import APPROVER, NOW, REQUESTER, line, new_request, order
from tests.unit.databases import Clock, store_on
from tests.unit.store.steps import BODY, UNSETTLED, result_of, shown

T = TypeVar("T")

people = st.sampled_from((REQUESTER, APPROVER, replace(REQUESTER, team="T0OTHER")))
which = st.integers(0, 3)
revisions = st.sampled_from((None, 0, 0, 0, 1, -1))
lines_left = st.lists(st.integers(0, 3), min_size=2, max_size=2)
attempts = st.integers(1, 2)


class RequestMachine(RuleBasedStateMachine):
    """Two orders, a few requests, and anybody calling anything."""

    def __init__(self, database: Database, order_ids: Iterator[int], self_approval: bool) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = database
        self.store = store_on(database, Clock(), self_approval=self_approval)
        self.orders = [str(next(order_ids)) for _ in range(2)]
        self.known: dict[str, Request] = {}
        self.notes: dict[str, int] = {}
        self.claimed: set[tuple[str, int, int]] = set()

    def teardown(self) -> None:
        self.runner.close()

    def call(self, work: Coroutine[None, None, T]) -> T | None:
        """Make a call; None where it is refused as stale, or as no step of the table."""
        try:
            return self.runner.run(work)
        except (StaleRequestError, TransitionError):
            return None

    def pick(self, index: int) -> Request:
        return list(self.known.values())[index % len(self.known)]

    @initialize()
    def somebody_asks(self) -> None:
        self.create(0, REQUESTER, None)

    @rule(index=which, actor=people, key=st.none() | st.integers(0, 2))
    def create(self, index: int, actor: Actor, key: int | None) -> None:
        order_id = self.orders[index % len(self.orders)]
        delivery = None if key is None else f"{order_id}:{key}"
        new = new_request(order_id, requester=actor, delivery_key=delivery)
        created = self.call(self.store.create(new))
        assert created is not None
        result, request = created
        live = [
            known
            for known in self.known.values()
            if known.order_id == order_id and known.state.is_live
        ]
        if result is CreationResult.CREATED:
            assert not live
            self.known[request.id] = request
            self.notes[request.id] = 1
        elif result is CreationResult.OCCUPIED:
            assert [known.id for known in live] == [request.id]
        else:
            assert request.id in self.known

    @rule(index=which, steps=st.integers(1, 5), lost=st.booleans())
    def go_on(self, index: int, steps: int, lost: bool) -> None:
        """Take the natural next steps, so that the later states are reached as well."""
        for _ in range(steps):
            request = self.pick(index)
            match request.state:
                case State.REQUESTED:
                    self.quote_or_drift(index, [2, 1], drifts=False)
                case State.PENDING:
                    self.decide(index, Action.APPROVE, APPROVER, 0, State.DONE)
                case State.APPROVED:
                    self.claim(index)
                case State.EXECUTING if lost:
                    self.mark_unknown(index)
                case State.UNKNOWN if not lost:
                    self.decide(index, Action.RECHECK, APPROVER, 0, State.DONE)
                case _:
                    return
            self.every_change_is_one_step_of_the_table_with_one_event()

    @rule(index=which, left=lines_left, drifts=st.booleans())
    def quote_or_drift(self, index: int, left: list[int], drifts: bool) -> None:
        request = self.pick(index)
        some = order(line("1", left[0]), line("2", left[1]), order_id=request.order_id)
        wish = Selection.everything(some)
        fresh = quote(some, wish, NOW)
        act, expected = (
            (self.store.drift, State.EXECUTING)
            if drifts
            else (self.store.record_quote, State.REQUESTED)
        )
        done = self.call(act(request.id, some, wish, fresh))
        assert (done is not None) == (request.state is expected)

    @rule(
        index=which,
        action=st.sampled_from([action for action in Action if action is not Action.EDIT]),
        actor=people,
        seen=revisions,
        truth=st.sampled_from((State.DONE, State.FAILED)),
    )
    def decide(
        self, index: int, action: Action, actor: Actor, seen: int | None, truth: State
    ) -> None:
        request = self.pick(index)
        revision = None if seen is None else request.revision + seen
        found = self.call(
            self.store.decide(request.id, action, actor, revision, "a note", resolved_as=truth)
        )
        assert found is not None
        ruling, after = found
        assert (after.version > request.version) == (ruling is Ruling.ALLOWED)

    @rule(index=which, actor=people, seen=revisions, left=lines_left)
    def reselect(self, index: int, actor: Actor, seen: int | None, left: list[int]) -> None:
        request = self.pick(index)
        some = request.order
        if some is None:
            return
        counts = {item.id: min(item.quantity, n) for item, n in zip(some.lines, left, strict=True)}
        if not any(counts.values()):
            return
        revision = None if seen is None else request.revision + seen
        found = self.call(self.store.reselect(request.id, actor, revision, counts))
        assert found is not None
        assert (found[1].revision > request.revision) == (found[0] is Ruling.ALLOWED)

    @rule(index=which)
    def claim(self, index: int) -> None:
        request = self.pick(index)
        claimed = self.call(self.store.claim(request.id))
        assert (claimed is not None) == (request.state in {State.APPROVED, State.EXECUTING})

    @rule(index=which, attempt=attempts)
    def claim_send(self, index: int, attempt: int) -> None:
        request = self.pick(index)
        key = (request.id, request.revision, attempt)
        may_send = self.call(self.store.claim_send(request, attempt, BODY))
        if request.state is not State.EXECUTING:
            assert may_send is None
            return
        assert may_send == (key not in self.claimed)
        self.notes[request.id] += int(bool(may_send))
        self.claimed.add(key)

    @precondition(lambda self: self.claimed)
    @rule(index=which, answer=st.sampled_from(Answer))
    def record_answer(self, index: int, answer: Answer) -> None:
        request_id, revision, attempt = sorted(self.claimed)[index % len(self.claimed)]
        request = replace(self.known[request_id], revision=revision)
        self.runner.run(self.store.record_answer(request, attempt, answer))
        self.notes[request_id] += 1

    @rule(index=which)
    def finish(self, index: int) -> None:
        request = self.pick(index)
        if request.quote is None:
            return
        done = self.call(self.store.finish(request.id, result_of(request)))
        assert (done is not None) == (request.state is State.EXECUTING)

    @rule(index=which)
    def mark_unknown(self, index: int) -> None:
        request = self.pick(index)
        done = self.call(self.store.mark_unknown(request.id, UNSETTLED))
        assert (done is not None) == (request.state is State.EXECUTING)

    @rule(index=which, expected=st.sampled_from(State))
    def fail(self, index: int, expected: State) -> None:
        request = self.pick(index)
        done = self.call(self.store.fail(request.id, expected, Failure(FailureCode.INTERNAL)))
        possible = request.state is expected and State.FAILED in TRANSITIONS[expected]
        assert (done is not None) == possible

    @rule(index=which, behind=st.integers(0, 2))
    def deliver(self, index: int, behind: int) -> None:
        request = self.pick(index)
        self.runner.run(self.store.delivered(request.id, request.version - behind))

    @invariant()
    def every_change_is_one_step_of_the_table_with_one_event(self) -> None:
        now, told, attempted = self.database.run_here(self._read)
        changed = 0
        for request_id, before in self.known.items():
            after = now[request_id]
            if after.version == before.version:
                assert shown(after) == shown(before)
            else:
                assert after.version == before.version + 1
                assert after.state in TRANSITIONS[before.state]
                assert before.state.is_live
                changed += 1
                self.notes[request_id] += 1
            assert told[request_id] == self.notes[request_id]
        assert changed <= 1
        assert attempted == self.claimed
        live = [request.order_id for request in now.values() if request.state in LIVE_STATES]
        assert len(live) == len(set(live))
        self.known = {request_id: now[request_id] for request_id in self.known}

    def _read(
        self, connection: sa.Connection
    ) -> tuple[dict[str, Request], dict[str, int], set[tuple[str, int, int]]]:
        """All requests of this machine's orders, their numbers of events, their attempts."""
        rows = connection.execute(sa.select(requests).where(requests.c.order_id.in_(self.orders)))
        now = {row.id: request_from_row(row) for row in rows}
        counts = (
            sa.select(audit_events.c.request_id, sa.func.count())
            .where(audit_events.c.request_id.in_(now))
            .group_by(audit_events.c.request_id)
        )
        told = {row[0]: row[1] for row in connection.execute(counts)}
        made = sa.select(sends.c.request_id, sends.c.revision, sends.c.attempt)
        found = connection.execute(made.where(sends.c.request_id.in_(now)))
        return now, told, {(row[0], row[1], row[2]) for row in found}


def _machine(database: Database, *, self_approval: bool) -> type[RequestMachine]:
    order_ids = itertools.count(5_000_000 + 1_000_000 * self_approval)

    class Machine(RequestMachine):
        def __init__(self) -> None:
            super().__init__(database, order_ids, self_approval)

    return Machine


FEW = settings(max_examples=20, stateful_step_count=40)


def test_any_calls_in_any_order_keep_the_promises(database: Database) -> None:
    run_state_machine_as_test(_machine(database, self_approval=False), settings=FEW)


def test_they_do_so_where_requesters_may_approve(database: Database) -> None:
    run_state_machine_as_test(_machine(database, self_approval=True), settings=FEW)
