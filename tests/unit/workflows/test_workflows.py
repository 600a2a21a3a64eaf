"""From states to work: what is started when, what the sweep finds, what a defect ends in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from bot.domain.policy import Ceiling, Policy
from bot.domain.request import (
    Failure,
    FailureCode,
    LedgerUnavailableError,
    Request,
    StaleRequestError,
    State,
)
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from bot.workflows import Engine, Workflows
from bot.workflows.engine import Workflow
from bot.workflows.place import FilePlace, PlaceError
from bot.workflows.services import Pauses, Services
from tests.examples import APPROVER, CARD, VENUE, member, order, usd
from tests.unit.databases import DEFAULT, Clock, store_on
from tests.unit.store.steps import BODY, UNSETTLED, executing, in_state, pending
from tests.unit.workflows.fakes import BoxOffice, FakeDesk

pytestmark = pytest.mark.anyio

Rescue = Callable[[str], Awaitable[None]]


class FakePlace(FilePlace):
    """A place that may be lost, or not be the leader's."""

    def __init__(self) -> None:
        self.is_leader = True
        self.kept = 0
        self.troubles: list[Exception] = []

    def leads(self) -> bool:
        return self.is_leader

    def keep(self) -> None:
        self.kept += 1
        if self.troubles:
            raise self.troubles.pop(0)


class FakeEngine(Engine):
    """Keeps what it is told; runs nothing."""

    def __init__(self) -> None:
        self.rescues: dict[str, Rescue | None] = {}
        self.patient: set[str] = set()
        self.started: list[tuple[str, str, str]] = []
        self.started_anew: list[tuple[str, str, str]] = []
        self.place: FakePlace = FakePlace()
        self.adopted = 0
        self.pruned: list[datetime] = []

    def register(
        self,
        name: str,
        workflow: Workflow,  # noqa: ARG002
        rescue: Rescue | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        self.rescues[name] = rescue
        if is_patient:
            self.patient.add(name)

    async def start(self, name: str, workflow_id: str, request_id: str) -> None:
        self.started.append((name, workflow_id, request_id))

    async def start_anew(self, name: str, workflow_id: str, request_id: str) -> None:
        self.started_anew.append((name, workflow_id, request_id))

    async def adopt(self) -> int:
        self.adopted += 1
        return 0

    async def reclaim(self) -> int:
        return 0

    async def prune(self, before: datetime) -> int:
        self.pruned.append(before)
        return 0


class Work:
    def __init__(self, database: Database, policy: Policy = DEFAULT) -> None:
        self.clock = Clock()
        self.engine = FakeEngine()
        self.store = store_on(database, self.clock, policy)
        self.office = BoxOffice(self.clock, order())
        self.workflows = self.with_pauses(Pauses(sweep=0))

    def with_pauses(self, pauses: Pauses) -> Workflows:
        systems = {VENUE.key: self.office}
        return Workflows(self.engine, Services(self.store, systems, FakeDesk(), self.clock, pauses))

    async def rescue(self, name: str, request: Request) -> Request:
        """Let the workflow `name` end in an error nobody foresaw."""
        rescue = self.engine.rescues[name]
        assert rescue is not None
        self.office.order = replace(self.office.order, id=request.order_id)
        await rescue(request.id)
        found = await self.store.get(request.id)
        assert found is not None
        return found

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.engine.started]


@pytest.fixture
def work(database: Database) -> Work:
    return Work(database)


@pytest.fixture
def store(work: Work) -> RequestStore:
    return work.store


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State.REQUESTED, ["quote"]),
        (State.PENDING, ["deliver"]),
        (State.APPROVED, ["execute", "deliver"]),
        (State.EXECUTING, ["execute", "deliver"]),
        (State.UNKNOWN, ["deliver"]),
        (State.DONE, ["deliver"]),
        (State.REJECTED, ["deliver"]),
        (State.WITHDRAWN, ["deliver"]),
    ],
)
async def test_each_state_has_its_work(
    work: Work, order_id: str, state: State, due: list[str]
) -> None:
    request = await in_state(work.store, state, order_id)
    await work.workflows.advance(request)
    assert work.names == due
    assert {request_id for _, _, request_id in work.engine.started} == {request.id}


async def test_what_is_shown_already_is_not_delivered_again(work: Work, order_id: str) -> None:
    request = await in_state(work.store, State.APPROVED, order_id)
    await work.store.delivered(request.id, request.version, CARD)
    shown = await work.store.get(request.id)
    assert shown is not None
    await work.workflows.advance(shown)
    assert work.names == ["execute"]


async def test_the_same_work_has_the_same_name_and_new_work_another(
    work: Work, order_id: str
) -> None:
    request = await executing(work.store, order_id)
    await work.workflows.advance(request)
    await work.workflows.advance(request)
    first, again = work.engine.started[:2], work.engine.started[2:]
    assert first == again
    await work.store.mark_unknown(request.id, UNSETTLED)
    checked = await recheck(work.store, request)
    await work.workflows.advance(checked)
    assert set(work.engine.started[4:]).isdisjoint(first)


async def recheck(store: RequestStore, request: Request) -> Request:
    found = await store.decide(request.id, Action.RECHECK, member(APPROVER))
    assert found is not None
    return found[1]


async def test_the_sweep_starts_what_a_crash_left(work: Work, order_id: str) -> None:
    request = await executing(work.store, order_id)
    work.clock.advance(60)
    assert await work.workflows.sweep() >= 1
    mine = [name for name, _, request_id in work.engine.started_anew if request_id == request.id]
    assert mine == ["execute", "deliver"]


async def test_the_sweep_leaves_alone_what_has_just_been_touched(work: Work, order_id: str) -> None:
    request = await executing(work.store, order_id)
    work.workflows = work.with_pauses(Pauses())
    work.clock.advance(1)
    await work.workflows.sweep()
    assert request.id not in {request_id for _, _, request_id in work.engine.started_anew}


async def test_the_sweep_carries_out_what_nobody_had_to_approve(
    database: Database, order_id: str
) -> None:
    """The process died between the quote, which approved it, and starting what follows."""
    work = Work(database, Policy(auto_approve_up_to=Ceiling((usd("600.00"),))))
    request = await pending(work.store, order_id)
    assert request.state is State.APPROVED
    work.clock.advance(60)
    await work.workflows.sweep()
    mine = [each for each in work.engine.started_anew if each[2] == request.id]
    assert mine == [
        ("execute", f"execute:{request.id}:1", request.id),
        ("deliver", f"deliver:{request.id}:3", request.id),
    ]


async def test_a_defect_in_quoting_ends_the_request(work: Work, order_id: str) -> None:
    request = await in_state(work.store, State.REQUESTED, order_id)
    over = await work.rescue("quote", request)
    assert (over.state, over.failure) == (State.FAILED, Failure(FailureCode.INTERNAL))


@pytest.mark.parametrize("state", [State.APPROVED, State.EXECUTING])
async def test_a_defect_before_anything_was_sent_ends_the_request(
    work: Work, order_id: str, state: State
) -> None:
    request = await in_state(work.store, state, order_id)
    over = await work.rescue("execute", request)
    assert (over.state, over.failure) == (State.FAILED, Failure(FailureCode.INTERNAL))


async def test_a_defect_after_something_may_have_been_sent_leaves_it_open(
    work: Work, order_id: str
) -> None:
    request = await executing(work.store, order_id)
    await work.store.claim_send(request, 1, BODY)
    work.office.read_errors = {1: RuntimeError("a defect of the adapter")}
    over = await work.rescue("execute", request)
    assert over.state is State.UNKNOWN
    assert over.failure is not None
    assert over.failure.code is FailureCode.UNSETTLED
    assert over.failure.detail is None


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("quote", [State.PENDING, State.APPROVED, State.EXECUTING, State.DONE]),
        ("execute", [State.REQUESTED, State.PENDING, State.UNKNOWN, State.DONE]),
    ],
)
async def test_a_defect_that_comes_too_late_changes_nothing(
    work: Work, order_ids: Iterator[int], name: str, states: list[State]
) -> None:
    for state in states:
        request = await in_state(work.store, state, str(next(order_ids)))
        assert await work.rescue(name, request) == request


async def test_a_defect_in_showing_never_touches_the_request(work: Work) -> None:
    assert work.engine.rescues["deliver"] is None


async def test_every_workflow_is_known_by_its_name(work: Work) -> None:
    """Recovery finds workflows by these names, also those an older version started."""
    assert set(work.engine.rescues) == {"quote", "execute", "deliver", "deliver_in_doubt"}
    # Deliveries wait for Slack: they must not keep money from moving meanwhile.
    assert work.engine.patient == {"deliver", "deliver_in_doubt"}


async def test_what_is_due_is_reminded_of_and_shown(work: Work, order_id: str) -> None:
    request = await pending(work.store, order_id)
    work.clock.advance(1800)
    assert await work.workflows.remind() >= 1
    mine = [each for each in work.engine.started if each[2] == request.id]
    assert mine == [("deliver", f"deliver:{request.id}:{request.version + 1}", request.id)]
    await work.workflows.remind()
    assert [each for each in work.engine.started if each[2] == request.id] == mine


async def test_what_somebody_decides_in_the_moment_of_its_reminder_is_left_to_them(
    work: Work, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await pending(work.store, order_id)

    async def overtaken(_: RequestStore, request_id: str) -> Request | None:
        raise StaleRequestError(request_id)

    monkeypatch.setattr(RequestStore, "overdue", overtaken)
    work.clock.advance(1800)
    assert await work.workflows.remind() >= 1
    assert request.id not in {request_id for _, _, request_id in work.engine.started}


async def test_only_the_leader_sweeps_and_reminds(work: Work, order_id: str) -> None:
    request = await executing(work.store, order_id)
    work.clock.advance(60)
    work.engine.place.is_leader = False
    await work.workflows.keep_house()
    assert (work.engine.place.kept, work.engine.adopted) == (1, 1)
    assert work.engine.started_anew == []
    work.engine.place.is_leader = True
    await work.workflows.keep_house()
    assert request.id in {request_id for _, _, request_id in work.engine.started_anew}


@pytest.mark.parametrize(
    ("days", "later", "is_forgotten"), [(30, 31, True), (30, 29, False), (None, 3000, False)]
)
async def test_what_names_people_is_forgotten_after_as_many_days_as_are_set(
    work: Work, order_id: str, days: int | None, later: int, is_forgotten: bool
) -> None:
    request = await in_state(work.store, State.WITHDRAWN, order_id)
    work.clock.advance(later * 24 * 3600)
    personal = None if days is None else timedelta(days=days)
    forgotten = await work.with_pauses(Pauses(personal=personal)).forget()
    after = await work.store.get(request.id)
    assert after is not None
    assert (after.reason is None) == is_forgotten == (forgotten > 0)


ROUNDS = 120


@pytest.mark.parametrize(("leads", "times"), [(True, 2), (False, 0)])
async def test_only_the_leader_forgets_and_only_now_and_then(
    work: Work, monkeypatch: pytest.MonkeyPatch, leads: bool, times: int
) -> None:
    forgotten: list[tuple[datetime, int]] = []

    async def scrub(_: RequestStore, before: datetime, limit: int) -> int:
        forgotten.append((before, limit))
        return 0

    monkeypatch.setattr(RequestStore, "scrub", scrub)
    work.engine.place.is_leader = leads
    await keep_house_for(ROUNDS, work, monkeypatch, Pauses(personal=timedelta(days=30)))
    assert len(forgotten) == times
    assert len(work.engine.pruned) == 2  # which is every process's own business
    for before, limit in forgotten:
        assert timedelta(days=29) < work.clock.moment - before < timedelta(days=31)
        assert limit > 0


async def keep_house_for(
    rounds: int, work: Work, monkeypatch: pytest.MonkeyPatch, pauses: Pauses
) -> list[float]:
    """Keep house so many rounds long, without resting; return how long the rests would be."""
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == rounds:
            work.engine.place.troubles = [PlaceError("another process took it")]

    # In place of the module's own name: others in this process, such as a server, sleep as well.
    own = SimpleNamespace(sleep=rest, to_thread=asyncio.to_thread, Lock=asyncio.Lock)
    monkeypatch.setattr("bot.workflows.workflows.asyncio", own)
    with pytest.raises(PlaceError):
        await work.with_pauses(pauses).keep_house_forever()
    return rests


async def test_housekeeping_survives_everything_but_the_loss_of_its_place(work: Work) -> None:
    work.engine.place.troubles = [
        LedgerUnavailableError("OperationalError"),
        psycopg.OperationalError("gone"),
        RuntimeError("a mistake of ours"),
        PlaceError("another process took it"),
    ]
    with pytest.raises(PlaceError):
        await work.workflows.keep_house_forever()
    assert work.engine.place.kept == 4
    assert work.engine.adopted == 0


async def test_housekeeping_rests_between_its_rounds(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.engine.place.troubles = [RuntimeError("a mistake of ours")]
    rests = await keep_house_for(3, work, monkeypatch, Pauses())
    assert rests == [Pauses().sweep] * 3
