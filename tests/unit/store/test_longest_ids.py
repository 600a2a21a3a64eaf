"""Ids as long as Slack's payloads may have them fit everywhere; PostgreSQL refuses longer ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.domain.request import Actor, CreationResult, Evidence, MessageRef, State
from bot.domain.ruling import Action
from bot.slack.payloads import Id, SlashCommand
from bot.store import Database, PostStore, RequestStore
from tests.examples import member, new_request
from tests.unit.databases import Clock
from tests.unit.store.steps import order_of, quoted

pytestmark = pytest.mark.anyio

IDS = TypeAdapter(Id)
LONGEST = "é" * 32  # which PostgreSQL counts in characters, too
TRIGGER = "1" * 240
ASKER = Actor(LONGEST, LONGEST, LONGEST)
DECIDER = Actor("U" * 32, LONGEST, LONGEST)
CLICK = Evidence(LONGEST, LONGEST, LONGEST, TRIGGER, "ab" * 32)


def command(**changes: str) -> SlashCommand:
    known = {"user_id": LONGEST, "channel_id": LONGEST, "trigger_id": TRIGGER}
    return SlashCommand.model_validate(known | changes)


@pytest.mark.parametrize("name", ["user_id", "team_id", "enterprise_id", "channel_id"])
def test_an_id_that_is_longer_comes_no_further_than_the_payload(name: str) -> None:
    assert IDS.validate_python(LONGEST) == LONGEST
    command(**{name: LONGEST})
    with pytest.raises(ValidationError):
        command(**{name: LONGEST + "x"})
    with pytest.raises(ValidationError):
        command(trigger_id=TRIGGER + "1")


async def test_the_longest_ids_are_kept_whole(
    store: RequestStore, database: Database, clock: Clock, order_id: str
) -> None:
    new = replace(
        new_request(order_id, requester=ASKER, delivery_key=f"trigger:{TRIGGER}"),
        channel=LONGEST,
        evidence=CLICK,
    )
    created, request = await store.create(new)
    assert created is CreationResult.CREATED
    request = await store.record_quote(request.id, *quoted(order_of(request)))
    card = MessageRef(LONGEST, LONGEST)
    found = await store.decide(
        request.id, Action.APPROVE, member(DECIDER), 1, clicked=card, evidence=CLICK
    )
    assert found is not None
    assert found[1].state is State.APPROVED
    posts = PostStore.of_this_process(database, clock)
    await posts.take_turn(request.id, "card", LONGEST)
    await posts.posted(request.id, "card", card)
    await store.delivered(request.id, found[1].version, card, card)
    kept = await store.get(request.id)
    assert kept is not None
    assert (kept.requester, kept.channel, kept.card, kept.result) == (ASKER, LONGEST, card, card)
    assert kept.decision is not None
    assert kept.decision.by == DECIDER
    assert await store.shown_by(card) == request.id
