"""What the audit log keeps of each event: who, how it is known, the figures; words stand apart."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.policy import Policy, Tier
from bot.domain.request import Evidence, Failure, FailureCode, NewRequest, State
from bot.domain.ruling import Action
from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.store import Database, RequestStore
from bot.store.audit import digest
from bot.store.rows import storable
from tests.examples import APPROVER, REQUESTER, member, new_request, usd
from tests.unit.databases import Clock, store_on
from tests.unit.store.chain import CLICK, rows
from tests.unit.store.steps import (
    BODY,
    SECOND,
    UNSETTLED,
    approved,
    asked,
    clicked,
    executing,
    order_of,
    pending,
    quoted,
    result_of,
    unknown,
)

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


def last(database: Database, request_id: str) -> Row:
    row = [row for row in rows(database) if row["request_id"] == request_id][-1]
    personal = row["personal"]
    if personal is not None:
        assert digest(personal) == row["personal_digest"]
    return row | {"data": json.loads(row["data"]), "personal": json.loads(personal or "{}")}


def evidence(row: Row) -> Evidence:
    return Evidence(
        row["channel"],
        row["message_ts"],
        row["action_ts"],
        row["trigger_id"],
        row["payload_digest"],
    )


def with_evidence(order_id: str, **changes: Any) -> NewRequest:  # noqa: ANN401
    new = new_request(order_id)
    return NewRequest(
        **{name: getattr(new, name) for name in new.__slots__} | {"evidence": CLICK} | changes
    )


async def test_asking_keeps_the_command_and_the_reason_apart(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await asked(store, with_evidence(order_id, reason="guest is ill"))
    row = last(database, request.id)
    assert evidence(row) == CLICK
    assert (row["actor_user"], row["actor_team"]) == (REQUESTER.user, REQUESTER.team)
    assert row["data"] == {
        "channel": "C0REFUNDS",
        "notify": "confirmation",
        "source": "command",
        "rule": None,
    }
    assert row["personal"].keys() == {"reason", "salt"}
    assert row["personal"]["reason"] == "guest is ill"


async def test_asking_keeps_the_rule_that_allowed_it(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await asked(store, with_evidence(order_id, allowed_by="requesters"))
    assert last(database, request.id)["data"]["rule"] == "requesters"


async def test_a_reason_that_was_not_given_is_not_kept(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await asked(store, with_evidence(order_id, reason=None))
    row = last(database, request.id)
    assert (row["personal"], row["personal_digest"]) == ({}, None)


async def test_the_same_words_have_another_digest_each_time(
    store: RequestStore, database: Database, order_id: str
) -> None:
    """Or a digest would give away a word that somebody guesses."""
    first = await pending(store, order_id)
    for _ in range(2):
        await store.decide(first.id, Action.WITHDRAW, member(REQUESTER), note="ill")
        first = await pending(store, order_id)
    told = [row["personal_digest"] for row in rows(database) if row["event"].endswith("withdrawn")]
    assert len(set(told)) == len(told) >= 2


async def test_an_approval_keeps_the_click_and_the_quote_it_was_made_on(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    await store.decide(request.id, Action.APPROVE, member(APPROVER), 1, evidence=CLICK)
    row = last(database, request.id)
    assert evidence(row) == CLICK
    assert (row["actor_user"], row["state"], row["revision"]) == (APPROVER.user, "approved", 1)
    assert row["request_version"] == request.version + 1
    assert request.quote is not None
    assert row["data"]["seen_revision"] == 1
    assert row["data"]["rule"] == "default: one approval, default of approvers: any full member"
    assert row["data"]["missing"] == 0
    assert row["data"]["refund"] == "600.00 USD"
    assert row["data"]["fingerprint"] == request.quote.fingerprint
    assert row["data"]["lines"]["2"] == {
        "cancelled": 2,
        "of": 2,
        "unit_price": "100.00 USD",
        "amount": "200.00 USD",
    }


async def test_each_vote_keeps_the_rule_it_rests_on_and_how_many_are_missing(
    database: Database, clock: Clock, order_id: str
) -> None:
    tier = Tier(approvals=2, approvers=frozenset({APPROVER.user, SECOND.user}))
    store = store_on(database, clock, Policy(tiers=(tier,), rejections=2))
    request = await pending(store, order_id)
    told = []
    for number, action in enumerate(
        (Action.REJECT, Action.TAKE_BACK, Action.APPROVE, Action.APPROVE), start=1
    ):
        actor = SECOND if number == 4 else APPROVER
        click = replace(CLICK, payload_digest=f"{number:064}")
        await clicked(store, request, action, actor, "a private word", click)
        row = last(database, request.id)
        assert (evidence(row), row["actor_user"]) == (click, actor.user)
        assert row["personal"]["note"] == "a private word"
        event = row["event"].removeprefix("order:cancel:")
        told.append((event, row["data"]["rule"], row["data"]["missing"]))
    assert told == [
        ("rejection_given", "approvers", 1),
        ("vote_taken_back", "own vote", 0),
        ("approval_given", "tiers[0], tiers.approvers", 1),
        ("approved", "tiers[0], tiers.approvers", 0),
    ]


@pytest.mark.parametrize("action", [Action.REJECT, Action.WITHDRAW])
async def test_a_note_stands_apart(
    store: RequestStore, database: Database, order_id: str, action: Action
) -> None:
    request = await pending(store, order_id)
    actor = APPROVER if action is Action.REJECT else REQUESTER
    await store.decide(request.id, action, member(actor), 1, "a private word", evidence=CLICK)
    row = last(database, request.id)
    assert row["personal"]["note"] == "a private word"
    assert "private" not in json.dumps(row["data"])
    assert evidence(row) == CLICK


async def test_another_selection_keeps_its_click_and_its_quote(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await pending(store, order_id)
    await store.reselect(request.id, member(REQUESTER), 1, {"1": 1}, evidence=CLICK)
    row = last(database, request.id)
    assert (evidence(row), row["revision"]) == (CLICK, 2)
    assert row["data"]["refund"] == "100.00 USD"


async def test_what_nobody_clicked_has_no_evidence_and_no_actor(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await executing(store, order_id)
    row = last(database, request.id)
    assert (row["event"], row["actor_user"]) == ("order:cancel:started", None)
    assert evidence(row) == Evidence()


async def test_what_is_sent_is_kept_word_for_word(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    row = last(database, request.id)
    assert row["data"] == {"attempt": 1, "body": BODY}
    assert row["request_version"] == request.version


async def test_an_answer_keeps_its_figures_but_no_digits_of_a_card(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    receipt = Receipt(
        refund=usd("600.00"),
        total=usd("0.00"),
        paid=usd("600.00"),
        last_four="4242",
        reference="881204",
    )
    await store.record_answer(request, 1, Answer.ACCEPTED, "Brad Clarke is refunded", receipt)
    row = last(database, request.id)
    assert row["data"]["receipt"] == {
        "refund": "600.00 USD",
        "total": "0.00 USD",
        "paid": "600.00 USD",
        "balance": None,
        "reference": "881204",
        "updated_on": None,
    }
    assert (row["data"]["answer"], row["data"]["attempt"]) == ("accepted", 1)
    assert row["personal"]["detail"] == "Brad Clarke is refunded"
    assert "4242" not in json.dumps(row["data"])
    assert "Brad" not in json.dumps(row["data"])


async def test_ends_keep_their_figures_and_codes(
    store: RequestStore, database: Database, order_id: str
) -> None:
    done = await executing(store, order_id)
    await store.finish(done.id, result_of(done))
    assert last(database, done.id)["data"] == {
        "refund": "600.00 USD",
        "expected": "600.00 USD",
        "claimed": None,
        "agreement": "not_stated",
    }
    failed = await approved(store, order_id)
    await store.claim(failed.id)
    failure = Failure(FailureCode.REFUSED, "Brad Clarke's order is locked")
    await store.fail(failed.id, State.EXECUTING, failure)
    row = last(database, failed.id)
    assert (row["data"], row["personal"]["detail"]) == ({"code": "refused"}, failure.detail)
    open_one = await unknown(store, order_id)
    row = last(database, open_one.id)
    assert (row["data"], row["personal"]["detail"]) == ({}, UNSETTLED.detail)
    assert row["software"]


async def test_a_drifted_order_keeps_the_new_quote(
    store: RequestStore, database: Database, order_id: str
) -> None:
    request = await executing(store, order_id)
    await store.drift(request.id, *quoted(order_of(request, 3, 2)))
    row = last(database, request.id)
    assert (row["data"]["refund"], row["revision"]) == ("500.00 USD", 2)


@pytest.mark.parametrize("words", ["nul \x00 byte", "half a \ud83d pair"])
async def test_whatever_people_write_can_be_kept(
    store: RequestStore, database: Database, order_id: str, words: str
) -> None:
    """What a signed delivery holds need not be text that a database takes."""
    request = await asked(store, with_evidence(order_id, reason=words))
    assert await store.get(request.id) == request
    await store.record_quote(request.id, *quoted(order_of(request)))
    over = (await clicked(store, request, Action.REJECT, APPROVER, words))[1]
    assert await store.get(request.id) == over
    assert over.decision is not None
    assert over.decision.note == request.reason == storable(words)
    assert last(database, request.id)["personal"]["note"] == storable(words)


@pytest.mark.parametrize("detail", ["nul \x00 byte", "half a \ud83d pair", "🎟️ <!channel>"])
async def test_whatever_an_upstream_says_can_be_kept(
    store: RequestStore, database: Database, order_id: str, detail: str
) -> None:
    """Its JSON may hold what a database or an encoding refuses."""
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    await store.record_answer(request, 1, Answer.REFUSED, detail)
    await store.fail(request.id, State.EXECUTING, Failure(FailureCode.REFUSED, detail))
    assert last(database, request.id)["event"] == "order:cancel:failed"
