"""Replays: a delivery that changed a request once never changes it again, whatever came between."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person
from bot.domain.policy import Policy, Tier
from bot.domain.request import Actor, Evidence, Request, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, REQUESTER, member, new_request
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import rows
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.processes import Work, at_once
from tests.unit.store.steps import (
    SECOND,
    UNSETTLED,
    asked,
    clicked,
    events,
    order_of,
    pending,
    quoted,
    unknown,
)

pytestmark = pytest.mark.anyio

TWO = Policy(tiers=(Tier(approvals=2),), rejections=2)
REPEATED = Judgement(Ruling.REPEATED, "evidence")


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, TWO)


def delivery(name: str) -> Evidence:
    return Evidence(payload_digest=hashlib.sha256(name.encode()).hexdigest())


def told_of(database: Database, request: Request) -> list[dict[str, object]]:
    return [row for row in rows(database) if row["request_id"] == request.id]


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_an_old_vote_does_not_count_again_once_it_was_taken_back(
    store: RequestStore, database: Database, order_id: str, action: Action
) -> None:
    request = await pending(store, order_id)
    first, second = delivery("first"), delivery("second")
    assert (await clicked(store, request, action, evidence=first))[0].is_allowed
    _, none = await clicked(store, request, Action.TAKE_BACK, evidence=second)
    told = told_of(database, request)
    assert await clicked(store, request, action, evidence=first) == (REPEATED, none)
    assert await clicked(store, request, Action.TAKE_BACK, evidence=second) == (REPEATED, none)
    assert (await store.get(request.id), told_of(database, request)) == (none, told)
    # A click of its own is another matter.
    assert (await clicked(store, request, action, evidence=delivery("third")))[0].is_allowed


async def test_a_decision_that_comes_again_is_known_after_the_end(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    await clicked(store, request, Action.APPROVE, APPROVER, evidence=delivery("one"))
    _, over = await clicked(store, request, Action.APPROVE, SECOND, evidence=delivery("two"))
    assert over.state is State.APPROVED
    for name, who in (("one", APPROVER), ("two", SECOND)):
        again = await clicked(store, request, Action.APPROVE, who, evidence=delivery(name))
        assert again == (REPEATED, over)
    judgement, _ = await clicked(store, request, Action.APPROVE, SECOND, evidence=delivery("new"))
    assert judgement.ruling is Ruling.STATE_MOVED_ON


async def test_a_check_that_comes_again_checks_once(
    database: Database, clock: Clock, order_id: str
) -> None:
    store = store_on(database, clock)
    request = await unknown(store, order_id)
    check = delivery("check")
    await clicked(store, request, Action.RECHECK, REQUESTER, evidence=check)
    still_open = await store.mark_unknown(request.id, UNSETTLED)
    again = await clicked(store, request, Action.RECHECK, REQUESTER, evidence=check)
    assert again == (REPEATED, still_open)


async def test_an_approval_from_before_a_change_does_not_approve_what_came_of_it(
    database: Database, clock: Clock, order_id: str
) -> None:
    """Not even if it were to name the new quote."""
    store = store_on(database, clock)
    request = await pending(store, order_id)
    await clicked(store, request, Action.APPROVE, evidence=delivery("click"))
    await store.claim(request.id)
    drifted = await store.drift(request.id, *quoted(order_of(request, 3, 2)))
    again = await clicked(store, request, Action.APPROVE, evidence=delivery("click"))
    assert again == (REPEATED, drifted)


async def test_an_edit_that_comes_again_does_not_undo_a_later_one(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    first, second = delivery("first"), delivery("second")
    await store.reselect(request.id, member(REQUESTER), 1, {"1": 1}, first)
    found = await store.reselect(request.id, member(REQUESTER), 2, {"1": 2}, second)
    assert found is not None
    judgement, after = found
    assert judgement.is_allowed
    told = told_of(database, request)
    for seen in (1, 3, None):
        again = await store.reselect(request.id, member(REQUESTER), seen, {"1": 1}, first)
        assert again == (REPEATED, after)
    assert (await store.get(request.id), told_of(database, request)) == (after, told)
    assert events(database, request.id) == ["requested", "quoted", "reselected", "reselected"]


async def test_what_was_refused_may_be_allowed_when_it_comes_again(
    store: RequestStore, order_id: str
) -> None:
    """It changed nothing, so nothing would happen twice."""
    request = await pending(store, order_id)
    click = delivery("click")
    refused = await store.decide(
        request.id, Action.APPROVE, Person(APPROVER), request.revision, evidence=click
    )
    assert refused is not None
    assert refused[0].ruling is Ruling.NOT_VERIFIED
    assert (await clicked(store, request, Action.APPROVE, evidence=click))[0].is_allowed


async def test_the_same_delivery_about_another_request_is_another_one(
    store: RequestStore, order_id: str, another_order_id: NewOrderId
) -> None:
    click = delivery("click")
    one, other = await pending(store, order_id), await pending(store, another_order_id())
    for request in (one, other):
        assert (await clicked(store, request, Action.APPROVE, evidence=click))[0].is_allowed


async def test_without_a_delivery_to_recognise_the_rules_alone_decide(
    store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    for evidence in (None, Evidence(), Evidence(trigger_id="1.2.3")):
        vote, _ = await clicked(store, request, Action.APPROVE, evidence=evidence)
        back, _ = await clicked(store, request, Action.TAKE_BACK, evidence=evidence)
        assert (vote.is_allowed, back.is_allowed) == (True, True)


async def test_the_delivery_that_asked_for_a_request_is_not_confused_with_a_click_on_it(
    store: RequestStore, database: Database, order_id: str
) -> None:
    """Its digest is in the log as well; a click has another body."""
    request = await asked(store, replace(new_request(order_id), evidence=delivery("command")))
    await store.record_quote(request.id, *quoted(order_of(request)))
    click = delivery("click")
    assert (await clicked(store, request, Action.WITHDRAW, REQUESTER, evidence=click))[0].is_allowed
    assert events(database, request.id) == ["requested", "quoted", "withdrawn"]


def _press(request: Request, action: Action, actor: Actor, evidence: Evidence) -> Work[Ruling]:
    async def press(store: RequestStore) -> Ruling:
        return (await clicked(store, request, action, actor, evidence=evidence))[0].ruling

    return press


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_one_delivery_arriving_at_many_processes_at_once_acts_once(
    store: RequestStore, database: Database, order_id: str, action: Action
) -> None:
    request = await pending(store, order_id)
    click = delivery("click")
    rulings = at_once(database, [_press(request, action, APPROVER, click)] * 12, TWO)
    assert Counter(rulings) == {Ruling.ALLOWED: 1, Ruling.REPEATED: 11}
    after = await store.get(request.id)
    assert after is not None
    assert len(after.votes) == 1


async def test_replays_that_cross_a_change_of_mind_bring_nothing_back(
    store: RequestStore, database: Database, order_id: str
) -> None:
    """The first approval arrives over and over while it is taken back."""
    request = await pending(store, order_id)
    first, back = delivery("first"), delivery("back")
    assert (await clicked(store, request, Action.APPROVE, evidence=first))[0].is_allowed
    works = [_press(request, Action.APPROVE, APPROVER, first)] * 8
    works.insert(3, _press(request, Action.TAKE_BACK, APPROVER, back))
    rulings = at_once(database, works, TWO)
    assert Counter(rulings) == {Ruling.REPEATED: 8, Ruling.ALLOWED: 1}
    after = await store.get(request.id)
    assert after is not None
    assert (after.state, after.votes) == (State.PENDING, ())


async def test_an_edit_arriving_at_many_processes_at_once_is_one_revision(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    form = delivery("form")

    async def submit(one: RequestStore) -> Ruling:
        found = await one.reselect(request.id, member(REQUESTER), None, {"1": 1}, form)
        assert found is not None
        return found[0].ruling

    rulings = at_once(database, [submit] * 12, TWO)
    assert Counter(rulings) == {Ruling.ALLOWED: 1, Ruling.REPEATED: 11}
    after = await store.get(request.id)
    assert after is not None
    assert after.revision == 2
