"""Deciding: one click counts, the rest learn why theirs did not, and each leaves one event."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bot.domain.judgement import Judgement, Ruling
from bot.domain.request import Actor, Failure, FailureCode, MessageRef, Request, State, Verdict
from bot.domain.ruling import Action
from bot.domain.selection import SelectionError
from bot.store import Database, RequestStore
from tests.examples import APPROVER, CARD, REQUESTER, member, new_request
from tests.unit.store.processes import at_once
from tests.unit.store.steps import asked, events, in_state, pending, unknown

pytestmark = pytest.mark.anyio


async def decided(
    store: RequestStore, request: Request, action: Action, actor: Actor = APPROVER
) -> tuple[Ruling, Request]:
    found = await store.decide(request.id, action, member(actor), request.revision, "as agreed")
    assert found is not None
    return found[0].ruling, found[1]


@pytest.mark.parametrize(
    ("action", "actor", "state", "verdict", "event"),
    [
        (Action.APPROVE, APPROVER, State.APPROVED, Verdict.APPROVED, "approved"),
        (Action.REJECT, APPROVER, State.REJECTED, Verdict.REJECTED, "rejected"),
        (Action.WITHDRAW, REQUESTER, State.WITHDRAWN, Verdict.WITHDRAWN, "withdrawn"),
    ],
)
async def test_a_decision_is_recorded_with_who_and_why(
    store: RequestStore,
    database: Database,
    order_id: str,
    action: Action,
    actor: Actor,
    state: State,
    verdict: Verdict,
    event: str,
) -> None:
    before = await pending(store, order_id)
    ruling, after = await decided(store, before, action, actor)
    assert (ruling, after.state, after.version) == (Ruling.ALLOWED, state, before.version + 1)
    assert after.decision is not None
    assert (after.decision.verdict, after.decision.by) == (verdict, actor)
    assert (after.decision.note, after.decision.revision) == ("as agreed", before.revision)
    assert events(database, before.id) == ["requested", "quoted", event]


async def test_approving_twice_counts_once(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    ruling, approved = await decided(store, request, Action.APPROVE)
    again = await decided(store, request, Action.APPROVE, Actor("U0SECOND", "T0MUSEUM"))
    assert (ruling, again) == (Ruling.ALLOWED, (Ruling.STATE_MOVED_ON, approved))
    assert approved.run == 1
    assert events(database, request.id).count("approved") == 1


async def test_a_refused_click_changes_nothing(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    assert await decided(store, request, Action.APPROVE, REQUESTER) == (
        Ruling.SELF_APPROVAL,
        request,
    )
    assert await store.get(request.id) == request
    assert events(database, request.id) == ["requested", "quoted"]


async def test_many_approving_at_once_count_once(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    people = [Actor(f"U{n:08}", "T0MUSEUM") for n in range(16)]
    found = await asyncio.gather(
        *(decided(store, request, Action.APPROVE, person) for person in people)
    )
    rulings = Counter(ruling for ruling, _ in found)
    assert rulings == {Ruling.ALLOWED: 1, Ruling.STATE_MOVED_ON: 15}
    assert events(database, request.id) == ["requested", "quoted", "approved"]


async def test_approving_and_withdrawing_at_once_leave_one_of_both(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    found = await asyncio.gather(
        *(decided(store, request, Action.APPROVE) for _ in range(4)),
        *(decided(store, request, Action.WITHDRAW, REQUESTER) for _ in range(4)),
    )
    assert Counter(ruling for ruling, _ in found)[Ruling.ALLOWED] == 1
    assert len(events(database, request.id)) == 3


async def test_many_processes_approving_at_once_count_once(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)

    async def approve(another: RequestStore) -> Ruling:
        return (await decided(another, request, Action.APPROVE))[0]

    rulings = Counter(at_once(database, [approve] * 6))
    assert rulings == {Ruling.ALLOWED: 1, Ruling.STATE_MOVED_ON: 5}


async def test_a_click_on_a_card_that_has_been_replaced_does_not_count(
    store: RequestStore, order_id: str
) -> None:
    seen = await pending(store, order_id)
    assert await store.reselect(seen.id, member(REQUESTER), seen.revision, {"1": 1}) is not None
    assert (await decided(store, seen, Action.APPROVE))[0] is Ruling.QUOTE_CHANGED


async def test_another_selection_is_quoted_anew(
    store: RequestStore, database: Database, order_id: str
) -> None:
    before = await pending(store, order_id)
    found = await store.reselect(before.id, member(REQUESTER), before.revision, {"1": 1, "2": 0})
    assert found is not None
    judgement, after = found
    assert (judgement.ruling, after.state) == (Ruling.ALLOWED, State.PENDING)
    assert (after.revision, after.version) == (before.revision + 1, before.version + 1)
    assert after.selection is not None
    assert after.selection.counts == {"1": 1}
    assert after.quote is not None
    assert str(after.quote.refund) == "100.00 USD"
    assert after.order == before.order
    assert events(database, before.id) == ["requested", "quoted", "reselected"]


async def test_only_the_requester_selects_anew(store: RequestStore, order_id: str) -> None:
    request = await pending(store, order_id)
    found = await store.reselect(request.id, member(APPROVER), request.revision, {"1": 1})
    assert found == (Judgement(Ruling.REQUESTER_ONLY, "requester"), request)


async def test_a_selection_that_does_not_fit_changes_nothing(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    with pytest.raises(SelectionError):
        await store.reselect(request.id, member(REQUESTER), request.revision, {"1": 99})
    assert await store.get(request.id) == request
    assert events(database, request.id) == ["requested", "quoted"]


async def test_before_the_order_was_read_there_is_nothing_to_select(
    store: RequestStore, order_id: str
) -> None:
    request = await asked(store, new_request(order_id))
    assert await store.reselect(request.id, member(REQUESTER), None, {"1": 1}) is None


async def test_an_unknown_request_is_nobodys(store: RequestStore) -> None:
    assert await store.decide("rnosuch", Action.APPROVE, member(APPROVER)) is None
    assert await store.reselect("rnosuch", member(REQUESTER), 1, {"1": 1}) is None
    assert await store.get("rnosuch") is None


async def test_a_click_tells_where_the_card_is_if_nobody_else_could(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    found = await store.decide(request.id, Action.APPROVE, member(APPROVER), 1, clicked=CARD)
    assert found is not None
    assert found[1].card == CARD


async def test_a_click_does_not_move_a_card_that_is_known(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    await store.delivered(request.id, request.version, CARD)
    elsewhere = MessageRef("C0ELSEWHERE", "1.2")
    found = await store.decide(request.id, Action.APPROVE, member(APPROVER), 1, clicked=elsewhere)
    assert found is not None
    assert found[1].card == CARD


async def test_checking_again_is_a_new_run_of_the_same_decision(
    store: RequestStore, database: Database, order_id: str
) -> None:
    before = await unknown(store, order_id)
    _, after = await decided(store, before, Action.RECHECK, REQUESTER)
    assert (after.state, after.run) == (State.EXECUTING, before.run + 1)
    assert after.decision == before.decision
    assert events(database, before.id)[-1] == "rechecked"


@pytest.mark.parametrize("truth", [State.DONE, State.FAILED])
async def test_a_person_settles_what_could_not_be_settled(
    store: RequestStore, database: Database, order_id: str, truth: State
) -> None:
    before = await unknown(store, order_id)
    found = await store.decide(
        before.id, Action.RESOLVE, member(APPROVER), note="saw it", resolved_as=truth
    )
    assert found is not None
    judgement, after = found
    assert (judgement.ruling, after.state, after.outcome) == (Ruling.ALLOWED, truth, None)
    assert after.decision is not None
    assert (after.decision.verdict, after.decision.note) == (Verdict.RESOLVED, "saw it")
    if truth is State.FAILED:
        assert after.failure == Failure(FailureCode.SETTLED)
    assert events(database, before.id)[-1] == "resolved"


@pytest.mark.parametrize("truth", [None, State.PENDING, State.REJECTED, State.EXECUTING])
async def test_settling_knows_only_yes_and_no(
    store: RequestStore, database: Database, order_id: str, truth: State | None
) -> None:
    before = await unknown(store, order_id)
    with pytest.raises(ValueError, match="no consequence"):
        await store.decide(before.id, Action.RESOLVE, member(APPROVER), resolved_as=truth)
    assert await store.get(before.id) == before
    assert events(database, before.id)[-1] == "unknown"


@pytest.mark.parametrize("state", [State.DONE, State.REJECTED, State.WITHDRAWN])
@pytest.mark.parametrize("action", Action)
async def test_what_is_over_stays_over(
    store: RequestStore, order_id: str, state: State, action: Action
) -> None:
    request = await in_state(store, state, order_id)
    assert await decided(store, request, action) == (Ruling.STATE_MOVED_ON, request)
