"""Votes: several approve, and each of them counts once, for the quote it was given for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.judgement import Judgement, Ruling
from bot.domain.person import Person, Standing
from bot.domain.policy import Policy, Tier
from bot.domain.request import Actor, Request, State, Verdict
from bot.domain.ruling import Action
from bot.store import Database, RequestStore
from tests.examples import APPROVER, NOW, REQUESTER, member
from tests.unit.databases import Clock, store_on
from tests.unit.store.conftest import NewOrderId
from tests.unit.store.processes import Work, at_once
from tests.unit.store.steps import (
    SECOND,
    THIRD,
    allowed,
    approvers_noted,
    clicked,
    events,
    order_of,
    pending,
    quoted,
)

pytestmark = pytest.mark.anyio

TWO = Policy(tiers=(Tier(approvals=2),))
QUORUM = replace(TWO, rejections=2)


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, TWO)


@pytest.fixture
def quorum(database: Database, clock: Clock) -> RequestStore:
    """A store where two must approve, and two must reject."""
    return store_on(database, clock, QUORUM)


def given(request: Request) -> list[tuple[Verdict, str]]:
    return [(vote.verdict, vote.by.user) for vote in request.votes if vote.by]


def approved_by(*actors: Actor) -> list[tuple[Verdict, str]]:
    return [(Verdict.APPROVED, actor.user) for actor in actors]


async def test_the_first_of_two_approvals_leaves_a_request_waiting(
    store: RequestStore, database: Database, order_id: str
) -> None:
    before = await pending(store, order_id)
    judgement, after = await clicked(store, before, Action.APPROVE, note="fine by me")
    assert (judgement.ruling, judgement.missing) == (Ruling.ALLOWED, 1)
    assert (after.state, after.run, after.decision) == (State.PENDING, 0, None)
    (vote,) = after.votes
    assert (vote.verdict, vote.by, vote.revision) == (Verdict.APPROVED, APPROVER, 1)
    assert vote.note == "fine by me"
    assert after.version == before.version + 1
    assert await store.get(before.id) == after
    assert approvers_noted(database, after) == {APPROVER.user}
    assert events(database, before.id) == ["requested", "quoted", "approval_given"]


async def test_the_second_of_two_approvals_takes_effect(
    store: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(store, order_id)
    over = await allowed(store, waits, Action.APPROVE, APPROVER, SECOND)
    assert (over.state, over.run) == (State.APPROVED, 1)
    assert given(over) == approved_by(APPROVER, SECOND)
    assert over.decision == over.votes[1]
    assert await store.get(over.id) == over
    assert approvers_noted(database, over) == {APPROVER.user, SECOND.user}
    assert events(database, over.id)[2:] == ["approval_given", "approved"]


@pytest.mark.parametrize(
    ("who", "ruling"),
    [
        (APPROVER, Ruling.ALREADY_VOTED),
        (replace(APPROVER, team="T0OTHER"), Ruling.ALREADY_VOTED),
        (REQUESTER, Ruling.SELF_APPROVAL),
    ],
)
async def test_nobody_is_two_people(
    store: RequestStore, database: Database, order_id: str, who: Actor, ruling: Ruling
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    judgement, after = await clicked(store, once, Action.APPROVE, who)
    assert (judgement.ruling, after) == (ruling, once)
    assert approvers_noted(database, after) == {APPROVER.user}


async def test_an_approval_that_is_taken_back_is_missing_again(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    none = await allowed(store, once, Action.TAKE_BACK, APPROVER)
    assert (none.state, none.votes) == (State.PENDING, ())
    assert approvers_noted(database, none) == set()
    assert events(database, once.id)[2:] == ["approval_given", "vote_taken_back"]
    judgement, after = await clicked(store, none, Action.APPROVE, SECOND)
    assert (judgement.missing, given(after)) == (1, approved_by(SECOND))
    again = await allowed(store, after, Action.APPROVE, APPROVER)
    assert (again.state, given(again)) == (State.APPROVED, approved_by(SECOND, APPROVER))


async def test_what_took_effect_cannot_be_taken_back(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER, SECOND)
    judgement, after = await clicked(store, over, Action.TAKE_BACK, APPROVER)
    assert (judgement.ruling, after) == (Ruling.STATE_MOVED_ON, over)
    assert approvers_noted(database, over) == {APPROVER.user, SECOND.user}


async def test_there_is_nothing_of_others_to_take_back(store: RequestStore, order_id: str) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    judgement, after = await clicked(store, once, Action.TAKE_BACK, SECOND)
    assert (judgement.ruling, after) == (Ruling.NOTHING_TO_TAKE_BACK, once)


async def test_one_rejection_ends_it_whoever_approved_before(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    over = await allowed(store, once, Action.REJECT, SECOND)
    assert over.state is State.REJECTED
    assert given(over) == [*approved_by(APPROVER), (Verdict.REJECTED, SECOND.user)]
    assert over.decision is not None
    assert (over.decision.verdict, over.decision.by) == (Verdict.REJECTED, SECOND)
    assert events(database, over.id)[-1] == "rejected"


async def test_whoever_approved_may_still_reject(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    over = await allowed(store, once, Action.REJECT, APPROVER)
    assert (over.state, given(over)) == (State.REJECTED, [(Verdict.REJECTED, APPROVER.user)])
    assert approvers_noted(database, over) == set()


async def test_a_rejection_takes_the_place_of_the_same_persons_approval(
    quorum: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(quorum, await pending(quorum, order_id), Action.APPROVE, APPROVER)
    judgement, after = await clicked(quorum, once, Action.REJECT, APPROVER)
    assert (judgement.ruling, judgement.missing) == (Ruling.ALLOWED, 1)
    assert (after.state, after.decision) == (State.PENDING, None)
    assert given(after) == [(Verdict.REJECTED, APPROVER.user)]
    assert approvers_noted(database, after) == set()
    assert events(database, after.id)[-2:] == ["approval_given", "rejection_given"]


async def test_who_rejected_approves_only_after_taking_that_back(
    quorum: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(quorum, order_id)
    against = await allowed(quorum, waits, Action.REJECT, APPROVER)
    judgement, after = await clicked(quorum, against, Action.APPROVE, APPROVER)
    assert (judgement.ruling, after) == (Ruling.ALREADY_VOTED, against)
    none = await allowed(quorum, against, Action.TAKE_BACK, APPROVER)
    assert none.votes == ()
    once = await allowed(quorum, none, Action.APPROVE, APPROVER)
    assert (given(once), once.state) == (approved_by(APPROVER), State.PENDING)
    assert approvers_noted(database, once) == {APPROVER.user}


async def test_a_quorum_of_rejections_ends_a_request(
    quorum: RequestStore, database: Database, order_id: str
) -> None:
    waits = await pending(quorum, order_id)
    over = await allowed(quorum, waits, Action.REJECT, APPROVER, SECOND)
    assert over.state is State.REJECTED
    assert over.decision == over.votes[1]
    assert events(database, over.id)[2:] == ["rejection_given", "rejected"]
    judgement, _ = await clicked(quorum, over, Action.APPROVE, THIRD)
    assert judgement.ruling is Ruling.STATE_MOVED_ON


async def test_the_same_person_is_no_quorum(quorum: RequestStore, order_id: str) -> None:
    against = await allowed(quorum, await pending(quorum, order_id), Action.REJECT, APPROVER)
    judgement, after = await clicked(quorum, against, Action.REJECT, APPROVER)
    assert (judgement.ruling, after) == (Ruling.ALREADY_VOTED, against)


async def test_enough_approvals_overrule_a_rejection(
    quorum: RequestStore, database: Database, order_id: str
) -> None:
    against = await allowed(quorum, await pending(quorum, order_id), Action.REJECT, THIRD)
    over = await allowed(quorum, against, Action.APPROVE, APPROVER, SECOND)
    assert over.state is State.APPROVED
    assert given(over) == [(Verdict.REJECTED, THIRD.user), *approved_by(APPROVER, SECOND)]
    assert approvers_noted(database, over) == {APPROVER.user, SECOND.user}


async def test_another_selection_forgets_the_votes(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    found = await store.reselect(once.id, member(REQUESTER), once.revision, {"1": 1})
    assert found is not None
    assert (found[1].votes, approvers_noted(database, found[1])) == ((), set())
    over = await allowed(store, found[1], Action.APPROVE, SECOND, APPROVER)
    assert (over.state, given(over)) == (State.APPROVED, approved_by(SECOND, APPROVER))
    assert {vote.revision for vote in over.votes} == {2}
    assert approvers_noted(database, over) == {APPROVER.user, SECOND.user}


async def test_an_order_that_changed_forgets_the_votes(
    store: RequestStore, database: Database, order_id: str
) -> None:
    over = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER, SECOND)
    await store.claim(over.id)
    drifted = await store.drift(over.id, *quoted(order_of(over, 3, 2)))
    assert (drifted.state, drifted.votes, drifted.decision) == (State.PENDING, (), None)
    assert approvers_noted(database, drifted) == set()
    once = await allowed(store, drifted, Action.APPROVE, SECOND)
    assert (once.state, given(once)) == (State.PENDING, approved_by(SECOND))


async def test_who_may_no_longer_approve_is_not_counted_any_more(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    gone = replace(member(APPROVER), standing=Standing.DEACTIVATED)
    judgement, after = await clicked(store, once, Action.APPROVE, SECOND, voters=[gone])
    assert (judgement.ruling, judgement.missing) == (Ruling.ALLOWED, 1)
    assert (after.state, given(after)) == (State.PENDING, approved_by(SECOND))
    assert approvers_noted(database, after) == {SECOND.user}
    over = await allowed(store, after, Action.APPROVE, THIRD)
    assert (over.state, given(over)) == (State.APPROVED, approved_by(SECOND, THIRD))


async def test_who_was_taken_off_the_list_meanwhile_is_not_counted_any_more(
    store: RequestStore, database: Database, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    stricter = store_on(database, Clock(), replace(TWO, deny_approvers=frozenset({APPROVER.user})))
    judgement, after = await clicked(
        stricter, once, Action.APPROVE, SECOND, voters=[member(APPROVER)]
    )
    assert (judgement.missing, given(after)) == (1, approved_by(SECOND))
    assert approvers_noted(database, after) == {SECOND.user}


async def test_earlier_approvals_that_still_count_are_kept(
    store: RequestStore, clock: Clock, order_id: str
) -> None:
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    clock.advance(3600)
    over = await allowed(store, once, Action.APPROVE, SECOND, voters=[member(APPROVER)])
    assert (over.state, given(over)) == (State.APPROVED, approved_by(APPROVER, SECOND))


@pytest.mark.parametrize(
    "known", [[], [Person(APPROVER)], [Person(APPROVER, Standing.MEMBER, known_at=NOW)]]
)
async def test_earlier_approvals_that_cannot_be_checked_stop_the_click(
    store: RequestStore, database: Database, clock: Clock, order_id: str, known: list[Person]
) -> None:
    """Nobody looked, nobody could say, or what was said is an hour old."""
    once = await allowed(store, await pending(store, order_id), Action.APPROVE, APPROVER)
    clock.advance(3600)
    judgement, after = await clicked(store, once, Action.APPROVE, SECOND, voters=known)
    assert (judgement.ruling, after) == (Ruling.NOT_VERIFIED, once)
    assert approvers_noted(database, after) == {APPROVER.user}
    assert events(database, once.id)[2:] == ["approval_given"]


async def test_votes_change_nothing_of_how_a_request_waits(
    database: Database, clock: Clock, order_id: str
) -> None:
    quorum = store_on(database, clock, QUORUM)
    waits = await pending(quorum, order_id)
    clock.advance(1800)
    reminded = await quorum.overdue(waits.id)
    assert reminded is not None
    assert reminded.reminders == 1
    clock.advance(60)
    for action, actor in (
        (Action.APPROVE, APPROVER),
        (Action.TAKE_BACK, APPROVER),
        (Action.REJECT, APPROVER),
        (Action.APPROVE, SECOND),
    ):
        after = await allowed(quorum, waits, action, actor)
        assert _wait(after) == _wait(reminded)
        assert after.updated_at > reminded.updated_at


def _wait(request: Request) -> tuple[object, ...]:
    return request.reminders, request.due_at, request.escalates_at, request.expires_at


async def test_a_vote_on_a_card_that_has_been_replaced_does_not_count(
    store: RequestStore, database: Database, order_id: str
) -> None:
    seen = await pending(store, order_id)
    found = await store.reselect(seen.id, member(REQUESTER), 1, {"1": 1})
    assert found is not None
    refused = await store.decide(seen.id, Action.APPROVE, member(APPROVER), 1)
    assert refused == (Judgement(Ruling.QUOTE_CHANGED, "revision"), found[1])
    assert approvers_noted(database, found[1]) == set()


def _press(request: Request, action: Action, actor: Actor) -> Work[Judgement]:
    async def press(store: RequestStore) -> Judgement:
        return (await clicked(store, request, action, actor))[0]

    return press


async def test_of_many_approving_at_once_as_many_count_as_are_needed(
    database: Database, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    people = [Actor(f"U{number:08}", "T0MUSEUM") for number in range(12)]
    three = Policy(tiers=(Tier(approvals=3),))
    found = at_once(database, [_press(request, Action.APPROVE, who) for who in people], three)
    counted = Counter((judgement.ruling, judgement.missing) for judgement in found)
    assert counted == {
        (Ruling.ALLOWED, 2): 1,
        (Ruling.ALLOWED, 1): 1,
        (Ruling.ALLOWED, 0): 1,
        (Ruling.STATE_MOVED_ON, 0): 9,
    }
    over = await store.get(request.id)
    assert over is not None
    assert (over.state, over.run, len(set(given(over)))) == (State.APPROVED, 1, 3)
    assert approvers_noted(database, over) == {user for _, user in given(over)}


async def test_one_person_approving_many_times_at_once_counts_once(
    database: Database, store: RequestStore, order_id: str
) -> None:
    request = await pending(store, order_id)
    found = at_once(database, [_press(request, Action.APPROVE, APPROVER)] * 12, TWO)
    rulings = Counter(judgement.ruling for judgement in found)
    assert rulings == {Ruling.ALLOWED: 1, Ruling.ALREADY_VOTED: 11}
    after = await store.get(request.id)
    assert after is not None
    assert (after.state, given(after)) == (State.PENDING, approved_by(APPROVER))


async def test_taking_back_and_the_last_approval_at_once_leave_what_one_of_both_means(
    database: Database, store: RequestStore, another_order_id: NewOrderId
) -> None:
    for _ in range(5):
        once = await allowed(
            store, await pending(store, another_order_id()), Action.APPROVE, APPROVER
        )
        clicks = [(Action.TAKE_BACK, APPROVER), (Action.APPROVE, SECOND)]
        back, last = at_once(database, [_press(once, *click) for click in clicks], TWO)
        after = await store.get(once.id)
        assert after is not None
        assert last.is_allowed
        assert back.is_allowed == bool(last.missing) == (after.state is State.PENDING)
        assert given(after) == approved_by(*([] if back.is_allowed else [APPROVER]), SECOND)
        assert approvers_noted(database, after) == {user for _, user in given(after)}
