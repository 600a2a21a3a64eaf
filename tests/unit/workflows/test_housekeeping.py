"""What happens by itself: the sweep, reminders, forgetting, round after round."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sa
import structlog

from bot.domain.policy import Ceiling, Policy
from bot.domain.request import (
    LedgerUnavailableError,
    Request,
    StaleRequestError,
    State,
)
from bot.store import Database, RequestStore
from bot.store.tables import requests
from bot.workflows.place import PlaceError
from bot.workflows.services import Pauses
from tests.examples import usd
from tests.unit.store.steps import executing, in_state, pending
from tests.unit.workflows.work import FakeEngine, Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def work(database: Database) -> Work:
    return Work(database)


@pytest.fixture
def store(work: Work) -> RequestStore:
    return work.store


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


async def test_a_request_that_cannot_be_read_keeps_no_other_waiting(
    work: Work, database: Database, order_id: str
) -> None:
    """Its row was changed by hand, say, or written by a version that this one does not know."""
    broken, sound = [await pending(work.store, f"{order_id}{number}") for number in range(2)]
    spoiled = sa.update(requests).where(requests.c.id == broken.id).values(votes='["nonsense"]')
    database.run_here(lambda connection: connection.execute(spoiled))
    for chore, begun in (
        (work.workflows.sweep, work.engine.started_anew),
        (work.workflows.remind, work.engine.started),
    ):
        work.clock.advance(1800)
        with structlog.testing.capture_logs() as logs:
            await chore()
        begun_for = {request_id for _, _, request_id in begun}
        assert (sound.id in begun_for, broken.id in begun_for) == (True, False)
        assert [line["event"] for line in logs if line.get("request") == broken.id] == [
            "request_passed_over"
        ]


async def test_while_the_ledger_is_away_no_request_is_passed_over(
    work: Work, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pending(work.store, order_id)
    work.clock.advance(1800)

    async def away(*_: object) -> None:
        raise LedgerUnavailableError

    for method, chore in (("get", work.workflows.sweep), ("overdue", work.workflows.remind)):
        monkeypatch.setattr(RequestStore, method, away)
        with structlog.testing.capture_logs() as logs, pytest.raises(LedgerUnavailableError):
            await chore()
        assert logs == []


async def test_while_the_engines_tables_are_away_the_sweep_stops_at_the_first(
    work: Work, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each of a thousand requests is a line in the log, at every round."""
    for number in range(2):
        await executing(work.store, f"{order_id}{number}")
    work.clock.advance(60)
    tried: list[str] = []

    async def away(_: FakeEngine, *what: str) -> None:
        tried.append(what[-1])
        raise sa.exc.OperationalError("insert", {}, Exception("database or disk is full"))

    monkeypatch.setattr(FakeEngine, "start_anew", away)
    with structlog.testing.capture_logs() as logs, pytest.raises(sa.exc.OperationalError):
        await work.workflows.sweep()
    assert len(tried) == 1
    assert logs == []


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


ROUNDS, SPECIAL_ROUND = 120, 60


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


@pytest.mark.parametrize(
    ("failing", "told"),
    [("keep_house", 1), ("prune", 1), ("scrub", 1), ("everything", 3)],
)
async def test_no_chore_keeps_another_from_being_done(
    work: Work, monkeypatch: pytest.MonkeyPatch, failing: str, told: int
) -> None:
    scrubbing: list[datetime] = []

    async def scrub(_: RequestStore, before: datetime, limit: int) -> int:  # noqa: ARG001
        scrubbing.append(before)
        if failing in {"scrub", "everything"}:
            raise RuntimeError("a mistake of ours")
        return 0

    async def adopt(_: FakeEngine) -> int:
        if failing in {"keep_house", "everything"} and work.engine.place.kept == SPECIAL_ROUND:
            raise RuntimeError("a mistake of ours")
        return 0

    monkeypatch.setattr(RequestStore, "scrub", scrub)
    monkeypatch.setattr(FakeEngine, "adopt", adopt)
    work.engine.pruning_fails = failing in {"prune", "everything"}
    with structlog.testing.capture_logs() as logs:
        pauses = Pauses(personal=timedelta(days=30))
        await keep_house_for(SPECIAL_ROUND, work, monkeypatch, pauses)
    assert (len(work.engine.pruned), len(scrubbing)) == (1, 1)
    assert [line["event"] for line in logs] == ["housekeeping_failed"] * told


@pytest.mark.parametrize("failing", ["reclaim", "adopt", "sweep"])
async def test_what_waits_expires_whatever_else_fails_in_a_round(
    work: Work, order_id: str, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    request = await pending(work.store, order_id)

    async def fail(*_: object) -> int:
        raise RuntimeError("a mistake of ours")

    owner = type(work.workflows) if failing == "sweep" else FakeEngine
    monkeypatch.setattr(owner, failing, fail)
    work.clock.advance(100 * 3600)
    with structlog.testing.capture_logs() as logs:
        await work.workflows.keep_house()
    after = await work.store.get(request.id)
    assert after is not None
    assert after.state is State.EXPIRED
    assert [line["event"] for line in logs].count("housekeeping_failed") == 1


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
