"""Carrying out: each step comes once and in order, and an attempt is noted before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bot.domain.request import (
    CreationResult,
    Failure,
    FailureCode,
    MessageRef,
    Request,
    StaleRequestError,
    State,
)
from bot.domain.ruling import Action
from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.store import Database, RequestStore
from tests.examples import APPROVER, CARD, REPLY, member, new_request, usd
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.steps import (
    BODY,
    UNSETTLED,
    approved,
    asked,
    events,
    executing,
    in_state,
    order_of,
    pending,
    quoted,
    result_of,
    unknown,
)

pytestmark = pytest.mark.anyio

REFUSED = Failure(FailureCode.REFUSED, "order is locked")


async def test_a_quote_makes_a_request_wait_for_a_decision(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await asked(store, new_request(order_id))
    order, selection, fresh = quoted(order_of(request))
    waiting = await store.record_quote(request.id, order, selection, fresh)
    assert (waiting.state, waiting.revision, waiting.version) == (State.PENDING, 1, 2)
    assert (waiting.order, waiting.selection, waiting.quote) == (order, selection, fresh)
    assert events(database, request.id) == ["requested", "quoted"]


async def test_taking_up_an_approved_request_twice_is_taking_it_up_once(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await approved(store, order_id)
    first = await store.claim(request.id)
    assert first.state is State.EXECUTING
    assert await store.claim(request.id) == first
    assert events(database, request.id)[-1] == "started"
    assert events(database, request.id).count("started") == 1


@pytest.mark.parametrize(
    "state", [State.REQUESTED, State.PENDING, State.UNKNOWN, State.DONE, State.WITHDRAWN]
)
async def test_only_what_was_approved_is_taken_up(
    store: RequestStore, order_id: str, state: State
) -> None:
    request = await in_state(store, state, order_id)
    with pytest.raises(StaleRequestError):
        await store.claim(request.id)


async def test_a_request_that_does_not_exist_is_a_defect(store: RequestStore) -> None:
    with pytest.raises(LookupError, match="rnosuch"):
        await store.claim("rnosuch")


Step = Callable[[RequestStore, Request], Awaitable[object]]


async def _finish(store: RequestStore, request: Request) -> Request:
    order, selection, fresh = quoted(order_of(request))
    carried_out = replace(request, order=order, selection=selection, quote=fresh)
    return await store.finish(request.id, result_of(carried_out))


LATE_STEPS: dict[str, tuple[Step, frozenset[State]]] = {
    "record_quote": (
        lambda store, request: store.record_quote(request.id, *quoted(order_of(request))),
        frozenset({State.REQUESTED}),
    ),
    "drift": (
        lambda store, request: store.drift(request.id, *quoted(order_of(request))),
        frozenset({State.EXECUTING}),
    ),
    "finish": (_finish, frozenset({State.EXECUTING})),
    "mark_unknown": (
        lambda store, request: store.mark_unknown(request.id, UNSETTLED),
        frozenset({State.EXECUTING}),
    ),
    "claim_send": (
        lambda store, request: store.claim_send(request, 1, BODY),
        frozenset({State.EXECUTING}),
    ),
}


@pytest.mark.parametrize(
    "state",
    [
        State.REQUESTED,
        State.PENDING,
        State.APPROVED,
        State.EXECUTING,
        State.UNKNOWN,
        State.DONE,
        State.REJECTED,
    ],
)
@pytest.mark.parametrize("name", LATE_STEPS)
async def test_a_step_that_comes_too_late_changes_nothing(
    store: RequestStore, database: Database, order_id: str, name: str, state: State
) -> None:
    step, allowed = LATE_STEPS[name]
    request = await in_state(store, state, order_id)
    if state in allowed:
        await step(store, request)
        return
    told = events(database, request.id)
    with pytest.raises(StaleRequestError):
        await step(store, request)
    assert await store.get(request.id) == request
    assert events(database, request.id) == told


async def test_a_drifted_request_asks_again_with_the_new_quote(
    store: RequestStore, database: Database, order_id: str
) -> None:
    before = await executing(store, order_id)
    order, selection, fresh = quoted(order_of(before, 3, 2))
    after = await store.drift(before.id, order, selection, fresh)
    assert (after.state, after.revision) == (State.PENDING, before.revision + 1)
    assert (after.quote, after.previous_quote) == (fresh, before.quote)
    assert (after.order, after.decision) == (order, None)
    assert events(database, before.id)[-1] == "drifted"


async def test_the_end_is_recorded_with_its_proof(
    store: RequestStore, database: Database, order_id: str
) -> None:
    running = await executing(store, order_id)
    result = result_of(running)
    over = await store.finish(running.id, result)
    assert (over.state, over.outcome) == (State.DONE, result)
    assert events(database, running.id)[-1] == "done"


async def test_what_could_not_be_settled_says_what_was_seen_until_it_is(
    store: RequestStore, database: Database, order_id: str
) -> None:
    open_one = await unknown(store, order_id)
    assert (open_one.state, open_one.failure) == (State.UNKNOWN, UNSETTLED)
    assert events(database, open_one.id)[-1] == "unknown"
    await store.decide(open_one.id, Action.RECHECK, member(APPROVER))
    over = await store.finish(open_one.id, result_of(open_one))
    assert (over.state, over.failure) == (State.DONE, None)


async def test_what_was_refunded_of_an_order_before_is_known(
    store: RequestStore, order_id: str, another_order_id: NewOrderId
) -> None:
    first = await executing(store, order_id)
    assert await store.refunded_before(first) == usd("0.00")
    await store.finish(first.id, result_of(first))
    unrelated = await executing(store, another_order_id())
    assert await store.refunded_before(unrelated) == usd("0.00")
    second = await executing(store, order_id)
    await store.mark_unknown(second.id, UNSETTLED)
    assert await store.refunded_before(second) == usd("600.00")


async def test_before_a_quote_nobody_knows_in_which_currency_to_add_up(
    store: RequestStore, order_id: str
) -> None:
    request = await asked(store, new_request(order_id))
    with pytest.raises(ValueError, match="no quote"):
        await store.refunded_before(request)


@pytest.mark.parametrize("state", [State.REQUESTED, State.PENDING, State.EXECUTING])
async def test_a_failure_is_recorded_with_its_reason(
    store: RequestStore, database: Database, order_id: str, state: State
) -> None:
    request = await in_state(store, state, order_id)
    failed = await store.fail(request.id, state, REFUSED)
    assert (failed.state, failed.failure) == (State.FAILED, REFUSED)
    assert events(database, request.id)[-1] == "failed"
    result, _ = await store.create(new_request(order_id))
    assert result is CreationResult.CREATED


async def test_a_failure_of_another_state_does_not_count(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    with pytest.raises(StaleRequestError):
        await store.fail(request.id, State.EXECUTING, REFUSED)
    assert await store.get(request.id) == request


async def test_an_attempt_is_claimed_once_however_many_try(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await executing(store, order_id)
    claims = await asyncio.gather(*(store.claim_send(request, 1, BODY) for _ in range(12)))
    assert sorted(claims) == [False] * 11 + [True]
    assert events(database, request.id).count("sent") == 1


async def test_an_attempt_without_an_answer_counts_as_open(
    store: RequestStore, order_id: str
) -> None:
    request = await executing(store, order_id)
    assert await store.last_send(request) is None
    await store.claim_send(request, 1, BODY)
    send = await store.last_send(request)
    assert send is not None
    assert (send.attempt, send.run, send.answer, send.is_open) == (1, 1, None, True)


@pytest.mark.parametrize("answer", Answer)
async def test_an_answer_is_kept_with_its_receipt(
    store: RequestStore, database: Database, order_id: str, answer: Answer
) -> None:
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    receipt = Receipt(refund=usd("500.00"), reference="881") if answer is Answer.ACCEPTED else None
    await store.record_answer(request, 1, answer, "in its own words", receipt)
    send = await store.last_send(request)
    assert send is not None
    assert (send.answer, send.detail, send.receipt) == (answer, "in its own words", receipt)
    assert send.is_open == (answer is Answer.LOST)
    assert events(database, request.id)[-2:] == ["sent", "answered"]


async def test_the_last_attempt_is_the_one_that_counts(store: RequestStore, order_id: str) -> None:
    request = await executing(store, order_id)
    for attempt in (1, 2):
        assert await store.claim_send(request, attempt, BODY)
        await store.record_answer(request, attempt, Answer.LOST, f"attempt {attempt}")
    send = await store.last_send(request)
    assert send is not None
    assert (send.attempt, send.detail) == (2, "attempt 2")


async def test_attempts_count_for_one_quote_and_forbid_another(
    store: RequestStore, order_id: str
) -> None:
    """A changed order is handed back only if nobody, in any process, has sent anything."""
    request = await executing(store, order_id)
    drifted = await store.drift(request.id, *quoted(order_of(request, 3, 2)))
    assert await store.last_send(drifted) is None
    await store.decide(request.id, Action.APPROVE, member(APPROVER), drifted.revision)
    again = await store.claim(request.id)
    assert await store.claim_send(again, 1, BODY)
    with pytest.raises(StaleRequestError):
        await store.drift(request.id, *quoted(order_of(request, 2, 2)))
    with pytest.raises(StaleRequestError):
        await store.fail(request.id, State.EXECUTING, Failure(FailureCode.CHANGED), 0)


async def test_a_check_keeps_the_attempts_and_knows_they_are_of_an_earlier_run(
    store: RequestStore, order_id: str
) -> None:
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    await store.mark_unknown(request.id, UNSETTLED)
    await store.decide(request.id, Action.RECHECK, member(APPROVER))
    again = await store.claim(request.id)
    send = await store.last_send(again)
    assert send is not None
    assert (send.run, again.run) == (1, 2)
    assert not await store.claim_send(again, 1, BODY)


async def test_what_is_shown_is_remembered_and_never_goes_back(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await unknown(store, order_id)
    told = events(database, request.id)
    assert await store.delivered(request.id, request.version, CARD, REPLY) == request.version
    # Whoever shows an old state learns that there is a newer one.
    assert await store.delivered(request.id, request.version - 2) == request.version
    shown = await store.get(request.id)
    assert shown is not None
    assert shown.delivered_version == request.version == shown.version
    assert (shown.card, shown.result) == (CARD, REPLY)
    assert events(database, request.id) == told


async def test_a_card_posted_anew_is_the_one_that_counts(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    await store.delivered(request.id, 1, CARD)
    anew = MessageRef("D0REQUEST", "9.9")
    await store.delivered(request.id, 2, anew)
    shown = await store.get(request.id)
    assert shown is not None
    assert shown.card == anew
