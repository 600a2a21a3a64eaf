"""Rows: a request reads back exactly as it was written, and is shown the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa
from hypothesis import given, settings

from bot.domain.quote import fingerprint
from bot.domain.request import Request
from bot.slack.cards import card, reply
from bot.store import Database
from bot.store.rows import dump, load, request_from_row
from bot.store.tables import requests as table
from tests.examples import VENUE
from tests.examples import request as example
from tests.strategies import hostile, moments, requests

# PostgreSQL keeps no NUL in its texts; inside JSON it is written differently.
texts = hostile.filter(lambda text: "\x00" not in text)


def written_and_read(database: Database, request: Request) -> Request:
    values = {
        "id": request.id,
        "venue": request.venue,
        "order_id": request.order_id,
        "state": request.state.value,
        "version": request.version,
        "revision": request.revision,
        "run": request.run,
        "requester_user": request.requester.user,
        "requester_team": request.requester.team,
        "requester_enterprise": request.requester.enterprise,
        "channel": request.channel,
        "source": request.source.value,
        "response_url": request.response_url,
        "notify": request.notify.value,
        "reason": request.reason,
        "order_snapshot": dump(request.order),
        "selection": dump(request.selection),
        "quote": dump(request.quote),
        "previous_quote": dump(request.previous_quote),
        "decision": dump(request.decision),
        "failure": dump(request.failure),
        "outcome": dump(request.outcome),
        "card_channel": request.card.channel if request.card else None,
        "card_ts": request.card.ts if request.card else None,
        "result_channel": request.result.channel if request.result else None,
        "result_ts": request.result.ts if request.result else None,
        "delivered_version": request.delivered_version,
        "created_at": request.created_at,
        "updated_at": request.updated_at,
    }
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(table).values(values))
        row = connection.execute(sa.select(table).where(table.c.id == request.id)).one()
        transaction.rollback()
    return request_from_row(row)


@settings(max_examples=60)
@given(request=requests(texts=texts))
def test_a_request_reads_back_as_it_was_written(database: Database, request: Request) -> None:
    again = written_and_read(database, request)
    assert again == request
    if again.quote is None:
        return
    assert card(again, VENUE) == card(request, VENUE)
    assert reply(again, VENUE) == reply(request, VENUE)
    assert again.order is not None
    assert again.selection is not None
    assert fingerprint(again.order, again.selection) == again.quote.fingerprint


@settings(max_examples=60)
@given(request=requests(quoted=True))
def test_every_part_of_a_request_survives_as_json(request: Request) -> None:
    for part in (
        request.order,
        request.selection,
        request.quote,
        request.previous_quote,
        request.decision,
        request.failure,
        request.outcome,
    ):
        if part is not None:
            assert load(type(part), dump(part)) == part


def test_what_is_absent_stays_absent() -> None:
    assert dump(None) is None
    assert load(Request, None) is None


@settings(max_examples=30)
@given(moment=moments)
def test_moments_come_back_as_the_same_moments_in_utc(database: Database, moment: datetime) -> None:
    request = replace(example(), created_at=moment)
    again = written_and_read(database, request)
    assert again.created_at == moment
    assert again.created_at.tzinfo is UTC
