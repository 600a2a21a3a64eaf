"""Daily limits under many clicks at once, from several processes: not one approval too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from bot.domain.judgement import Ruling
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.request import Actor, Request, State
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import new_request, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import verified
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.processes import Work, at_once
from tests.unit.store.steps import approvers_noted, asked, clicked, order_of, pending, quoted

pytestmark = pytest.mark.anyio

FIVE = Ceiling((usd("500.00"),))
ONE = Ceiling((usd("100.00"),))
BOTH_LIMITED = Policy(approver_daily=FIVE, requester_daily=FIVE)
TWO_APPROVE = (Tier(approvals=2),)
REQUESTS = 24


def people(order_id: str, count: int) -> list[Actor]:
    """People whom no other test knows: what one may approve is added up over all requests."""
    return [Actor(f"U{order_id}N{number}", "T0MUSEUM") for number in range(count)]


async def waiting(
    store: RequestStore, new_order_id: NewOrderId, requesters: Sequence[Actor]
) -> list[Request]:
    """One request over 100.00 for each of `requesters`."""
    return [await pending(store, new_order_id(), who, (1,)) for who in requesters]


def click(request: Request, actor: Actor, action: Action = Action.APPROVE) -> Work[Ruling]:
    async def press(store: RequestStore) -> Ruling:
        return (await clicked(store, request, action, actor))[0].ruling

    return press


async def states(store: RequestStore, requests: Sequence[Request]) -> Counter[State]:
    newest = [await store.get(request.id) for request in requests]
    return Counter(request.state for request in newest if request)


async def test_one_approver_stays_within_the_limit_however_many_clicks_come_at_once(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    approver, *requesters = people(order_id, REQUESTS + 1)
    requests = await waiting(store, another_order_id, requesters)
    policy = Policy(approver_daily=FIVE)
    rulings = at_once(database, [click(request, approver) for request in requests], policy)
    assert Counter(rulings) == {Ruling.ALLOWED: 5, Ruling.APPROVER_LIMIT: REQUESTS - 5}
    assert await states(store, requests) == {State.APPROVED: 5, State.PENDING: REQUESTS - 5}


async def test_one_requester_stays_within_the_limit_whoever_approves(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    requester, *approvers = people(order_id, REQUESTS + 1)
    requests = await waiting(store, another_order_id, [requester] * REQUESTS)
    clicks = [click(request, who) for request, who in zip(requests, approvers, strict=True)]
    rulings = at_once(database, clicks, Policy(requester_daily=FIVE))
    assert Counter(rulings) == {Ruling.ALLOWED: 5, Ruling.REQUESTER_LIMIT: REQUESTS - 5}
    assert await states(store, requests) == {State.APPROVED: 5, State.PENDING: REQUESTS - 5}


async def test_who_asks_for_each_others_requests_never_waits_for_each_other_for_ever(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    """Each locks what the other one needs as well, in the other order."""
    one, other = people(order_id, 2)
    requests = await waiting(store, another_order_id, [one, other] * (REQUESTS // 2))
    clicks = [click(request, other if request.requester == one else one) for request in requests]
    rulings = Counter(at_once(database, clicks, BOTH_LIMITED))
    assert rulings[Ruling.ALLOWED] == 10
    assert await states(store, requests) == {State.APPROVED: 10, State.PENDING: REQUESTS - 10}


async def test_votes_that_are_not_decided_yet_use_up_an_approvers_limit(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    first, second, *requesters = people(order_id, 14)
    requests = await waiting(store, another_order_id, requesters)
    policy = Policy(tiers=TWO_APPROVE, approver_daily=FIVE)
    clicks = [click(request, who) for request in requests for who in (first, second)]
    rulings = Counter(at_once(database, clicks, policy))
    assert rulings == {Ruling.ALLOWED: 10, Ruling.APPROVER_LIMIT: 14}
    noted = [approvers_noted(database, request) for request in requests]
    assert Counter(who for each in noted for who in each) == {first.user: 5, second.user: 5}
    approved = (await states(store, requests))[State.APPROVED]
    assert approved == len([each for each in noted if len(each) == 2])


async def test_of_requests_that_two_approve_no_more_take_effect_than_their_requester_may_have(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    requester, first, second = people(order_id, 3)
    requests = await waiting(store, another_order_id, [requester] * 12)
    policy = Policy(tiers=TWO_APPROVE, requester_daily=FIVE)
    clicks = [click(request, who) for request in requests for who in (first, second)]
    rulings = at_once(database, clicks, policy)
    assert set(rulings) <= {Ruling.ALLOWED, Ruling.REQUESTER_LIMIT}
    assert (await states(store, requests))[State.APPROVED] == 5


def quote(request: Request) -> Work[State]:
    async def record(store: RequestStore) -> State:
        return (await store.record_quote(request.id, *quoted(order_of(request, 1)))).state

    return record


async def test_what_is_approved_by_itself_stays_within_the_requesters_limit(
    store: RequestStore, database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    (requester,) = people(order_id, 1)
    new = [new_request(another_order_id(), requester=requester) for _ in range(REQUESTS)]
    requests = [await asked(store, each) for each in new]
    policy = Policy(auto_approve_up_to=ONE, requester_daily=FIVE)
    found = at_once(database, [quote(request) for request in requests], policy)
    assert Counter(found) == {State.APPROVED: 5, State.PENDING: REQUESTS - 5}


async def test_quotes_and_clicks_at_once_share_the_limit_and_never_block_each_other(
    database: Database, order_id: str, another_order_id: NewOrderId
) -> None:
    """Both lock the requester's sum and the end of the audit log, and must do so in one order."""
    requester, *approvers = people(order_id, 13)
    policy = Policy(auto_approve_up_to=ONE, requester_daily=FIVE)
    by_people = store_on(database, Clock())
    clicks = [
        click(await pending(by_people, another_order_id(), requester, (1,)), who)
        for who in approvers
    ]
    new = [new_request(another_order_id(), requester=requester) for _ in range(12)]
    quotes = [quote(await asked(by_people, each)) for each in new]
    works: list[Work[object]] = [work for pair in zip(clicks, quotes, strict=True) for work in pair]
    found = Counter(at_once(database, works, policy))
    assert found[Ruling.ALLOWED] + found[State.APPROVED] == 5
    assert found.total() == 24
    assert verified(database)[1] is None
