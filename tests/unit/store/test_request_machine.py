"""The stored request as a state machine: any calls in any order keep the promises of the table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
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

from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.quote import quote
from bot.domain.request import (
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
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.sending import Answer
from bot.store import Database
from bot.store.limits import NOBODY
from tests.examples import APPROVER, NOW, REQUESTER, line, member, new_request, order, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store import promises
from tests.unit.store.promises import look
from tests.unit.store.steps import BODY, SECOND, THIRD, UNSETTLED, result_of, shown

T = TypeVar("T")

people = st.sampled_from((REQUESTER, APPROVER, SECOND, THIRD, replace(REQUESTER, team="T0OTHER")))
# What is known of those who voted before: mostly that they may still.
gone = st.sampled_from((None, None, None, APPROVER, SECOND))
which = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3))
VOTES = (Action.APPROVE, Action.REJECT, Action.TAKE_BACK, Action.BREAK_GLASS)
revisions = st.sampled_from((None, 0, 0, 0, 1, -1))
lines_left = st.lists(st.integers(0, 3), min_size=2, max_size=2)
attempts = st.integers(1, 2)


class RequestMachine(RuleBasedStateMachine):
    """Two orders, a few requests, and anybody calling anything."""

    def __init__(self, database: Database, order_ids: Iterator[int], policy: Policy) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = database
        self.clock = Clock()
        self.policy = policy
        self.store = store_on(database, self.clock, policy)
        self.orders = [str(next(order_ids)) for _ in range(2)]
        self.known: dict[str, Request] = {}
        self.notes: dict[str, int] = {}
        # Whose approvals of a request's present quote stand.
        self.standing: dict[str, set[str]] = {}
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
        """One of the requests, mostly one of the latest: the others are over."""
        return list(self.known.values())[-1 - index % len(self.known)]

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
            self.standing[request.id] = set()
        elif result is CreationResult.OCCUPIED:
            assert [known.id for known in live] == [request.id]
        else:
            assert request.id in self.known

    @rule(index=which, left=lines_left, steps=st.integers(1, 6), lost=st.booleans(), gone=gone)
    def go_on(
        self, index: int, left: list[int], steps: int, lost: bool, gone: Actor | None
    ) -> None:
        """Take the natural next steps, so that the later states are reached as well."""
        for _ in range(steps):
            request = self.pick(index)
            match request.state:
                case State.REQUESTED:
                    self.quote_or_drift(index, left, drifts=False)
                case State.PENDING:
                    self.vote(index, Action.APPROVE, self._next_approver(request), gone)
                case State.APPROVED:
                    self.claim(index)
                case State.EXECUTING if lost:
                    self.mark_unknown(index)
                case State.EXECUTING:
                    self.claim_send(index, 1)
                case State.UNKNOWN if not lost:
                    self.decide(index, Action.RECHECK, APPROVER, 0, State.DONE, None)
                case _:
                    return
            self.every_promise_is_kept()

    def _next_approver(self, request: Request) -> Actor:
        voted = {vote.by for vote in request.votes}
        return next((who for who in (APPROVER, SECOND, THIRD) if who not in voted), APPROVER)

    @rule(
        index=which,
        action=st.sampled_from(VOTES),
        actor=st.sampled_from((APPROVER, SECOND, THIRD, REQUESTER)),
        gone=gone,
    )
    def vote(self, index: int, action: Action, actor: Actor, gone: Actor | None) -> None:
        """Press a button of the newest card."""
        self.decide(self._brought_to_a_vote(index), action, actor, 0, State.DONE, gone)

    def _brought_to_a_vote(self, index: int) -> int:
        """Let there be a request that waits for a decision, if that is possible."""
        if not self.pick(index).state.is_live:
            self.create(index, REQUESTER, None)
            self.every_promise_is_kept()
            index = 0
        if self.pick(index).state is State.REQUESTED:
            self.quote_or_drift(index, [3, 2], drifts=False)
            self.every_promise_is_kept()
        return index

    @rule(
        index=which,
        actor=st.sampled_from((APPROVER, SECOND)),
        actions=st.lists(st.sampled_from(VOTES), min_size=2, max_size=4),
    )
    def change_mind(self, index: int, actor: Actor, actions: list[Action]) -> None:
        """One person presses one button after the other."""
        index = self._brought_to_a_vote(index)
        for action in actions:
            self.decide(index, action, actor, 0, State.DONE, None)
            self.every_promise_is_kept()

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
        if done is not None:
            self.standing[request.id] = {NOBODY} if done.state is State.APPROVED else set()
        # What was sent is settled by reading, never handed back.
        is_sent = any(key[:2] == (request.id, request.revision) for key in self.claimed)
        assert (done is not None) == (request.state is expected and not (drifts and is_sent))

    @rule(
        index=which,
        action=st.sampled_from([action for action in Action if action is not Action.EDIT]),
        actor=people,
        seen=revisions,
        truth=st.sampled_from((State.DONE, State.FAILED)),
        gone=gone,
    )
    def decide(
        self,
        index: int,
        action: Action,
        actor: Actor,
        seen: int | None,
        truth: State,
        gone: Actor | None,
    ) -> None:
        request = self.pick(index)
        revision = None if seen is None else request.revision + seen
        voters = [
            replace(member(one), standing=Standing.GUEST) if one == gone else member(one)
            for one in (REQUESTER, APPROVER, SECOND, THIRD)
        ]
        found = self.call(
            self.store.decide(
                request.id,
                action,
                member(actor),
                revision,
                "a note",
                resolved_as=truth,
                voters=voters,
            )
        )
        assert found is not None
        judgement, after = found
        assert (after.version > request.version) == judgement.is_allowed
        if judgement.is_allowed:
            self._voted(request.id, action, actor, judgement)

    def _voted(self, request_id: str, action: Action, actor: Actor, judgement: Judgement) -> None:
        standing = self.standing[request_id]
        match action:
            case Action.APPROVE:
                counted = {vote.by.user for vote in judgement.counted if vote.by}
                assert counted <= standing
                assert actor.user not in standing
                self.standing[request_id] = counted | {actor.user}
            case Action.BREAK_GLASS:
                standing.add(actor.user)
            case Action.REJECT | Action.TAKE_BACK:
                standing.discard(actor.user)

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
        found = self.call(self.store.reselect(request.id, member(actor), revision, counts))
        assert found is not None
        assert (found[1].revision > request.revision) == (found[0].ruling is Ruling.ALLOWED)
        if found[0].is_allowed:
            assert found[1].state is State.PENDING
            self.standing[request.id] = set()

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

    @rule(index=which, hours=st.sampled_from((0.01, 0.01, 0.5, 2, 40)))
    def time_passes(self, index: int, hours: float) -> None:
        self.clock.advance(hours * 3600)
        request = self.pick(index)
        moved = self.call(self.store.overdue(request.id))
        is_due = request.due_at is not None and request.due_at <= self.clock.moment
        assert (moved is not None) == is_due

    @rule(index=which, behind=st.integers(0, 2))
    def deliver(self, index: int, behind: int) -> None:
        request = self.pick(index)
        self.runner.run(self.store.delivered(request.id, request.version - behind))

    @invariant()
    def every_promise_is_kept(self) -> None:
        """Every change is one step of the table with one event, and votes are what they say."""
        seen = self.database.run_here(lambda connection: look(connection, self.orders))
        changed = 0
        for request_id, before in self.known.items():
            after = seen.requests[request_id]
            if after.version == before.version:
                assert shown(after) == shown(before)
            else:
                changed += 1
                self.notes[request_id] += promises.steps_between(before, after, self.policy)
            assert seen.events[request_id] == self.notes[request_id]
            self._check_votes(after, seen.approvers.get((after.id, after.revision), set()))
        assert changed <= 1
        assert seen.attempts == self.claimed
        live = [request.order_id for request in seen.requests.values() if request.state.is_live]
        assert len(live) == len(set(live))
        self.known = {request_id: seen.requests[request_id] for request_id in self.known}

    def _check_votes(self, request: Request, noted: set[str]) -> None:
        promises.votes_are_of_the_present_quote_and_one_per_person(request, self.policy)
        standing = self.standing[request.id]
        promises.limits_add_up_the_approvals_that_stand(request, noted, standing)
        promises.as_many_approved_as_were_asked_for(request, self.policy)


POLICIES = {
    "default": Policy(),
    "self-approval": Policy(self_approval=True),
    "several": Policy(
        tiers=(Tier(Ceiling((usd("300.00"),))), Tier(approvals=2)),
        rejections=2,
        break_glass=BreakGlass(frozenset({REQUESTER.user, SECOND.user})),
        auto_approve_up_to=Ceiling((usd("100.00"),)),
        escalate_after=timedelta(hours=1),
    ),
    "three, and self-approval": Policy(
        tiers=(Tier(approvals=3),), rejections=2, self_approval=True, expire_after=None
    ),
}


def _machine(database: Database, name: str) -> type[RequestMachine]:
    first = 5_000_000 + 1_000_000 * list(POLICIES).index(name)
    order_ids = itertools.count(first)

    class Machine(RequestMachine):
        def __init__(self) -> None:
            super().__init__(database, order_ids, POLICIES[name])

    return Machine


@pytest.mark.parametrize("name", POLICIES)
def test_any_calls_in_any_order_keep_the_promises(database: Database, name: str) -> None:
    few = 30 if database.is_sqlite else 10  # a server is further away
    settings_of_it = settings(max_examples=few, stateful_step_count=40)
    run_state_machine_as_test(_machine(database, name), settings=settings_of_it)
