"""Break glass: alone, even for an own request, named as what it is, and only where allowed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.judgement import Ruling
from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Request, State, Verdict
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, NOW, REQUESTER, member, new_request, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import CLICK, rows
from tests.unit.store.processes import Work, at_once
from tests.unit.store.steps import (
    SECOND,
    allowed,
    approvers_noted,
    asked,
    clicked,
    events,
    in_state,
    order_of,
    pending,
    quoted,
)

pytestmark = pytest.mark.anyio

WHO = frozenset({REQUESTER.user, APPROVER.user, "S0DUTY"})
GLASS = Policy(tiers=(Tier(approvals=2),), rejections=2, break_glass=BreakGlass(WHO))
NOTE = "fire alarm, the museum is closed"


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, GLASS)


async def test_one_approves_alone_even_an_own_request(
    store: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(store, order_id)
    judgement, over = await clicked(store, waits, Action.BREAK_GLASS, REQUESTER, NOTE)
    assert (judgement.ruling, judgement.rule) == (Ruling.ALLOWED, "break_glass.who")
    assert (over.state, over.run) == (State.APPROVED, 1)
    assert over.decision is not None
    assert (over.decision.verdict, over.decision.by) == (Verdict.BROKE_GLASS, REQUESTER)
    assert (over.decision.note, over.decision.revision) == (NOTE, 1)
    assert (over.due_at, over.escalates_at, over.expires_at) == (None, None, None)
    assert await store.get(over.id) == over
    assert approvers_noted(database, over) == {REQUESTER.user}
    assert events(database, over.id)[-1] == "broke_glass"
    assert (await store.claim(over.id)).state is State.EXECUTING


async def test_the_log_tells_who_broke_it_and_keeps_the_reason_apart(
    store: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(store, order_id)
    await clicked(store, waits, Action.BREAK_GLASS, REQUESTER, NOTE, evidence=CLICK)
    row = [row for row in rows(database) if row["request_id"] == waits.id][-1]
    data = json.loads(row["data"])
    assert (row["actor_user"], row["trigger_id"]) == (REQUESTER.user, CLICK.trigger_id)
    assert (data["rule"], data["missing"], data["refund"]) == ("break_glass.who", 0, "600.00 USD")
    assert json.loads(row["personal"])["note"] == NOTE
    assert NOTE not in row["data"]


async def test_a_member_of_a_group_may_as_well(store: RequestStore, order_id: str) -> None:
    waits = await pending(store, order_id)
    person = member(SECOND, "S0DUTY")
    found = await store.decide(waits.id, Action.BREAK_GLASS, person, waits.revision, NOTE)
    assert found is not None
    assert found[1].state is State.APPROVED


async def test_an_own_vote_before_is_no_second_approval(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    over = await allowed(store, once, Action.BREAK_GLASS, APPROVER)
    assert over.state is State.APPROVED
    assert approvers_noted(database, over) == {APPROVER.user}


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
async def test_what_others_voted_stays_on_record(
    store: RequestStore, database: Database, order_id: str, action: Action
) -> None:
    once = await allowed(store, await pending(store, order_id), action, SECOND)
    over = await allowed(store, once, Action.BREAK_GLASS, APPROVER)
    assert (over.state, over.votes) == (State.APPROVED, once.votes)
    others = {SECOND.user} if action is Action.APPROVE else set()
    assert approvers_noted(database, over) == {APPROVER.user} | others


UP_TO_500 = BreakGlass(WHO, Ceiling((usd("500.00"),)))
REFUSED: dict[str, tuple[Policy, Person, Ruling]] = {
    "nobody may": (replace(GLASS, break_glass=None), member(APPROVER), Ruling.NO_BREAKING_GLASS),
    "somebody else may": (GLASS, member(SECOND), Ruling.NO_BREAKING_GLASS),
    "above its amount": (
        replace(GLASS, break_glass=UP_TO_500),
        member(APPROVER),
        Ruling.BREAK_GLASS_ABOVE,
    ),
    "above all amounts": (
        replace(GLASS, tiers=(Tier(Ceiling((usd("500.00"),))),)),
        member(APPROVER),
        Ruling.ABOVE_ALL_TIERS,
    ),
    "denied": (
        replace(GLASS, deny_approvers=frozenset({APPROVER.user})),
        member(APPROVER),
        Ruling.DENIED,
    ),
    "barred": (
        replace(GLASS, block_on=frozenset({WarningCode.ORGANISATION})),
        member(APPROVER),
        Ruling.BARRED,
    ),
    "a guest": (GLASS, replace(member(APPROVER), standing=Standing.GUEST), Ruling.GUEST),
    "not looked up": (GLASS, Person(APPROVER), Ruling.NOT_VERIFIED),
    "looked up a while ago": (
        GLASS,
        Person(APPROVER, Standing.MEMBER, known_at=NOW),
        Ruling.NOT_VERIFIED,
    ),
}


@pytest.mark.parametrize("why", REFUSED)
async def test_whoever_may_not_changes_nothing(
    database: Database, clock: Clock, order_id: str, why: str
) -> None:
    policy, person, ruling = REFUSED[why]
    store = store_on(database, clock, policy)
    request = await asked(store, new_request(order_id))
    theirs = replace(order_of(request), organisation="Academy")
    waits = await store.record_quote(request.id, *quoted(theirs))
    clock.advance(30)
    found = await store.decide(waits.id, Action.BREAK_GLASS, person, waits.revision, NOTE)
    assert found is not None
    assert (found[0].ruling, found[1]) == (ruling, waits)
    assert approvers_noted(database, waits) == set()
    assert "broke_glass" not in events(database, waits.id)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DONE, State.REJECTED, State.WITHDRAWN])
async def test_only_what_waits_can_be_approved_so(
    database: Database, clock: Clock, order_id: str, state: State
) -> None:
    store = store_on(database, clock, Policy(break_glass=BreakGlass(WHO)))
    request = await in_state(store, state, order_id)
    judgement, after = await clicked(store, request, Action.BREAK_GLASS, APPROVER)
    assert (judgement.ruling, after) == (Ruling.STATE_MOVED_ON, request)


def _press(request: Request, actor: Actor) -> Work[Ruling]:
    async def press(store: RequestStore) -> Ruling:
        return (await clicked(store, request, Action.BREAK_GLASS, actor, NOTE))[0].ruling

    return press


async def test_it_breaks_once_however_many_break_it_at_once(
    store: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(store, order_id)
    works = [_press(waits, REQUESTER), _press(waits, APPROVER)] * 4
    assert Counter(at_once(database, works, GLASS)) == {
        Ruling.ALLOWED: 1,
        Ruling.STATE_MOVED_ON: 7,
    }
    over = await store.get(waits.id)
    assert over is not None
    assert over.decision is not None
    assert over.decision.by is not None
    assert (over.run, approvers_noted(database, over)) == (1, {over.decision.by.user})
    assert events(database, waits.id).count("broke_glass") == 1
