"""The money path as a state machine: people, staff, the upstream, power cuts and thieves."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.judgement import Ruling
from bot.domain.money import Money
from bot.domain.order import Order
from bot.domain.quote import Notify, fingerprint
from bot.domain.request import (
    TRANSITIONS,
    WAITING_STATES,
    Actor,
    Request,
    State,
    Verdict,
)
from bot.domain.ruling import Action
from bot.domain.selection import Selection
from bot.domain.settlement import Effect, Receipt, effect
from bot.store import verification
from bot.store.tables import sends
from bot.ticketing import OutcomeLostError, RefusedError, UnavailableError
from bot.workflows.delivery import deliver
from bot.workflows.quoting import quote_request
from bot.workflows.services import Services
from tests.examples import APPROVER, REQUESTER, VENUE, cancelled, line, member, new_request, order
from tests.unit.databases import Clock, sqlite_database, store_on
from tests.unit.workflows.fakes import BoxOffice, FakeDesk, FakeDurable, Reaction
from tests.unit.workflows.workers import Worker, in_turn

T = TypeVar("T")

SECOND_APPROVER = Actor("U0SECOND", "T0MUSEUM")
ANYBODY = st.sampled_from((REQUESTER, APPROVER, SECOND_APPROVER))
# What an upstream may do: take effect at once or late, but none later than `Pauses.late` rests on,
# and say so, say nothing, or say no to what it does not do.
DELAYS = (0.0, 0.0, 0.5, 3.0, 15.3, 25.0, 55.0)
REACTIONS = st.one_of(
    st.builds(Reaction, st.none(), st.sampled_from((*DELAYS, None))),
    st.builds(Reaction, st.just(OutcomeLostError), st.sampled_from((*DELAYS, None, None))),
    st.builds(Reaction, st.sampled_from((RefusedError, UnavailableError)), st.none()),
)
WORKERS = st.integers(0, 1)


@dataclass(frozen=True)
class Approval:
    """What somebody approved: the quote of one revision of one request."""

    request: str
    revision: int
    fingerprint: str
    value: Money


class Office(BoxOffice):
    """A box office that remembers on whose approval each change was asked for."""

    def __init__(self, clock: Clock, some: Order) -> None:
        super().__init__(clock, some, meanwhile=in_turn)
        self.approvals: list[Approval] = []
        self.moved: Counter[Approval] = Counter()
        self._asked: dict[tuple[str, ...], Approval] = {}

    async def cancel(self, order: Order, selection: Selection, notify: Notify) -> Receipt:
        asked = fingerprint(order, selection)
        approval = next((one for one in self.approvals[::-1] if one.fingerprint == asked), None)
        assert approval is not None, "what is sent was approved"
        assert self.is_current(approval), "what is sent was approved last"
        self._asked[_lines_after(order, selection)] = approval
        return await super().cancel(order, selection, notify)

    def is_current(self, approval: Approval) -> bool:
        latest = next(one for one in self.approvals[::-1] if one.request == approval.request)
        return latest == approval

    def settle(self) -> None:
        known = len(self.effects)
        super().settle()
        for amount in self.effects[known:]:
            approval = self._asked[tuple(str(line.quantity) for line in self.order.lines)]
            assert amount == approval.value, "what is moved was approved"
            self.moved[approval] += 1

    def moved_for(self, request: Request) -> int:
        return sum(times for one, times in self.moved.items() if one.request == request.id)


def _lines_after(order: Order, selection: Selection) -> tuple[str, ...]:
    return tuple(str(line.quantity - selection.count(line.id)) for line in order.lines)


class MoneyMachine(RuleBasedStateMachine):
    """One order, one request for it after the other, and two processes that carry them out."""

    def __init__(self, directory: Path, number: int) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        path = directory / f"{number}.db"
        shutil.copy(directory / "migrated.db", path)
        self._opened = sqlite_database(path, migrated=False)
        self.database = self._opened.__enter__()
        self.clock = Clock()
        self.people = store_on(self.database, self.clock)
        self.seen: dict[str, Request] = {}
        self.by_staff: set[str] = set()
        self.order_touched = 0

    def do(self, work: Coroutine[None, None, T]) -> T:
        return self.runner.run(work)

    @initialize(first=st.integers(1, 4), second=st.integers(0, 2), notify=st.sampled_from(Notify))
    def open(self, first: int, second: int, notify: Notify) -> None:
        self.notify = notify
        self.office = Office(self.clock, order(line("1", first), line("2", second)))
        self.do(self._open())

    async def _open(self) -> None:
        self.desk = FakeDesk()
        self.workers = [Worker(self.database, self.clock, self.office, self.desk) for _ in range(2)]
        await self._ask()

    async def _ask(self) -> None:
        _, request = await self.people.create(new_request(self.office.order.id, notify=self.notify))
        self.id = request.id
        await quote_request(self._services(), FakeDurable(self.clock), self.id)

    def _services(self) -> Services:
        return Services(self.people, {VENUE.key: self.office}, self.desk, self.clock)

    @property
    def request(self) -> Request:
        return self.seen[self.id]

    def state_is(self, *states: State) -> bool:
        return self.request.state in states

    # What people do. One rule for much of it, so that what processes do has its share.

    @rule(
        what=st.sampled_from(("approve", "approve together", "take back", "choose")),
        actor=ANYBODY,
        behind=st.sampled_from((0, 0, 0, 1)),
        action=st.sampled_from((Action.REJECT, Action.WITHDRAW)),
        counts=st.tuples(st.integers(0, 4), st.integers(0, 2)),
    )
    def somebody_decides(
        self, what: str, actor: Actor, behind: int, action: Action, counts: tuple[int, int]
    ) -> None:
        if what == "approve":
            self.approve(actor, behind)
        elif what == "approve together":
            self.two_approve_at_once(behind)
        elif self.state_is(State.PENDING) and what == "take back":
            self.take_back(action, actor)
        elif self.state_is(State.PENDING):
            self.choose_other_tickets(counts)

    @precondition(lambda self: not self.request.state.is_live)
    @rule()
    def ask_again(self) -> None:
        self.do(self._ask())

    @precondition(lambda self: self.state_is(State.PENDING))
    @rule()
    def the_natural_thing_happens(self) -> None:
        """Two processes take up what somebody approved, so that the later states are reached."""
        self.approve(APPROVER, behind=0)
        self._look()
        for which in range(2):
            if self.state_is(State.APPROVED, State.EXECUTING):
                self.a_process_takes_it_up(which)

    def approve(self, actor: Actor, behind: int) -> None:
        before = self.request
        found = self.do(
            self.people.decide(self.id, Action.APPROVE, member(actor), before.revision - behind)
        )
        assert found is not None
        judgement, after = found
        if not judgement.is_allowed:
            return
        assert actor != REQUESTER
        assert not behind
        assert before.quote is not None
        quote = before.quote
        self.office.approvals.append(
            Approval(self.id, after.revision, quote.fingerprint, quote.value)
        )

    def two_approve_at_once(self, behind: int) -> None:
        before = self.request
        revision = before.revision - behind
        people = (APPROVER, SECOND_APPROVER)

        async def both() -> list[Ruling]:
            clicks = (
                self.people.decide(self.id, Action.APPROVE, member(who), revision) for who in people
            )
            return [found[0].ruling for found in await asyncio.gather(*clicks) if found]

        rulings = self.do(both())
        assert rulings.count(Ruling.ALLOWED) <= 1
        if Ruling.ALLOWED in rulings:
            assert before.quote is not None
            quote = before.quote
            self.office.approvals.append(
                Approval(self.id, before.revision, quote.fingerprint, quote.value)
            )

    def take_back(self, action: Action, actor: Actor) -> None:
        self.do(self.people.decide(self.id, action, member(actor)))

    def choose_other_tickets(self, counts: tuple[int, int]) -> None:
        known = self.request.order
        assert known is not None
        wish = {one.id: min(one.quantity, n) for one, n in zip(known.lines, counts, strict=True)}
        if any(wish.values()):
            revision = self.request.revision
            self.do(self.people.reselect(self.id, member(REQUESTER), revision, wish))

    @precondition(lambda self: self.state_is(State.UNKNOWN))
    @rule()
    def check_again(self) -> None:
        self.do(self.people.decide(self.id, Action.RECHECK, member(REQUESTER)))

    @precondition(lambda self: self.state_is(State.UNKNOWN) and self.office.is_quiet)
    @rule()
    def a_person_looks_and_says(self) -> None:
        """Settle by hand, truthfully: whether the order is as it was meant to become."""
        truth = State.DONE if self.is_as_intended(self.request) else State.FAILED
        self.do(
            self.people.decide(
                self.id, Action.RESOLVE, member(APPROVER), note="saw it", resolved_as=truth
            )
        )

    # What the upstream does, whoever else works there, and time.

    @rule(
        what=st.sampled_from(("reaction", "reaction", "no reads", "staff", "time")),
        reaction=REACTIONS,
        reads=st.integers(1, 6),
        sells=st.booleans(),
        seconds=st.sampled_from((1, 20, 61, 3600, 80 * 3600)),
    )
    def something_happens_elsewhere(
        self, what: str, reaction: Reaction, reads: int, sells: bool, seconds: int
    ) -> None:
        if what == "reaction":
            self.the_upstream_reacts_otherwise(reaction)
        elif what == "no reads":
            self.reads_fail(reads)
        elif what == "staff":
            self.staff_change_the_order(sells)
        else:
            self.time_passes(seconds)

    def the_upstream_reacts_otherwise(self, reaction: Reaction) -> None:
        self.office.reactions = [reaction]

    def reads_fail(self, count: int) -> None:
        first = self.office.reads + 1
        self.office.read_errors = dict.fromkeys(
            range(first, first + count), UnavailableError("HTTP 503")
        )

    def staff_change_the_order(self, sells: bool) -> None:
        """Never between a read of ours and what is sent after it, which nothing could notice."""
        if not self.office.is_quiet or self.is_within_call:
            return
        now = self.office.order
        first = next((one for one in now.lines if one.quantity), None)
        if first is not None and sells:
            self.office.order = cancelled(now, Selection({first.id: 1}))
        else:
            self.order_touched += 1
            self.office.order = replace(now, updated_on=f"touched {self.order_touched}")

    @property
    def is_within_call(self) -> bool:
        return any(worker.is_within_call for worker in self.workers)

    # What processes do, and what becomes of them.

    @precondition(lambda self: self.state_is(State.APPROVED, State.EXECUTING))
    @rule(which=WORKERS)
    def a_process_takes_it_up(self, which: int) -> None:
        worker = self.workers[which]
        if worker.is_idle and not worker.is_dead:
            self.do(self._start(worker))

    async def _start(self, worker: Worker) -> None:
        worker.start(self.id)
        await worker.go_on()

    @precondition(lambda self: any(not worker.is_idle for worker in self.workers))
    @rule(which=WORKERS, times=st.integers(1, 8))
    def a_process_goes_on(self, which: int, times: int) -> None:
        for _ in range(times):
            self.do(self.workers[which].go_on())

    @precondition(lambda self: any(not worker.is_idle for worker in self.workers))
    @rule(which=WORKERS)
    def a_process_goes_on_to_its_end(self, which: int) -> None:
        self.do(self.workers[which].finish())

    @rule(which=WORKERS, moments=st.integers(1, 25))
    def the_power_will_fail(self, which: int, moments: int) -> None:
        self.workers[which].power.cut_after(moments)

    @precondition(lambda self: any(worker.is_dead for worker in self.workers))
    @rule(forgetful=st.booleans())
    def what_died_resumes(self, forgetful: bool) -> None:
        self.do(self._resume(forgetful))

    async def _resume(self, forgetful: bool) -> None:
        for worker in self.workers:
            if worker.is_dead:
                worker.resume(forgetful=forgetful)
                await worker.go_on()

    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.office.settle()
        self.do(self._remind())

    async def _remind(self) -> None:
        for request_id in await self.people.due(10):
            await self.people.overdue(request_id)

    # What must hold after each of these.

    @invariant()
    def every_promise_is_kept(self) -> None:
        self._look()
        assert all(times <= 1 for times in self.office.moved.values())
        for request in self.seen.values():
            moved = self.office.moved_for(request)
            by_hand = request.decision is not None and (
                request.decision.verdict is Verdict.RESOLVED
            )
            if request.state is State.DONE:
                assert moved == 1 or request.id in self.by_staff or by_hand
            elif request.state is not State.UNKNOWN:
                was_sent = request.state is State.EXECUTING or by_hand
                assert not moved or was_sent, f"{request.state}, and money has moved"

    @invariant()
    def the_log_is_whole_and_knows_every_attempt(self) -> None:
        with self.database.engine.connect() as connection:
            _, flaw = verification.verify(connection)
            attempts = connection.scalar(sa.select(sa.func.count()).select_from(sends))
        assert flaw is None
        assert attempts is not None
        assert len(self.office.calls) <= attempts

    def _look(self) -> None:
        """Look at every request; none has gone where the table does not lead."""
        for after in self.do(self.people.recent(100)):
            before = self.seen.get(after.id)
            if before is not None and after.version != before.version:
                reached = {before.state}
                for _ in range(after.version - before.version):
                    reached = {target for state in reached for target in TRANSITIONS[state]}
                assert after.state in reached
                if after.state is State.DONE and self.is_as_intended(after):
                    self.by_staff.add(after.id)
            self.seen[after.id] = after

    def is_as_intended(self, request: Request) -> bool:
        """Whether the order is as it was meant to become, whoever saw to it."""
        assert request.order is not None
        assert request.selection is not None
        return effect(request.order, request.selection, self.office.order) is Effect.APPLIED

    def teardown(self) -> None:
        try:
            if hasattr(self, "id"):
                self._to_the_end()
        finally:
            self._opened.__exit__(None, None, None)
            self.runner.close()

    def _to_the_end(self) -> None:
        """Let everything finish: it is over, or it waits where people see it."""
        self.do(self._finish())
        self.clock.advance(3600)
        self.office.settle()
        self.every_promise_is_kept()
        for request in self.seen.values():
            assert not request.state.is_live or request.state in WAITING_STATES
            assert request.delivered_version == request.version
        event(f"ends as {self.request.state}")
        event(f"{len(self.office.calls)} calls")

    async def _finish(self) -> None:
        for worker in self.workers:
            await worker.finish()
        for request in await self.people.recent(100):  # as the sweep would
            if request.state in {State.APPROVED, State.EXECUTING}:
                self.workers[0].start(request.id)
                await self.workers[0].finish()
            await deliver(self._services(), FakeDurable(self.clock), request.id)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("money")
    with sqlite_database(made / "migrated.db"):
        pass
    return made


def test_money_moves_once_and_only_as_approved_whatever_happens(directory: Path) -> None:
    numbers = iter(range(1_000_000))

    class Machine(MoneyMachine):
        def __init__(self) -> None:
            super().__init__(directory, next(numbers))

    run_state_machine_as_test(Machine, settings=settings(max_examples=80, stateful_step_count=40))
