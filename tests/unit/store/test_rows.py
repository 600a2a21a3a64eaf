"""Rows: a request reads back exactly as it was written, and is shown the same."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from hypothesis import given, settings

from bot.domain.quote import fingerprint
from bot.domain.request import Request
from bot.slack.cards import card, reply
from bot.store import Database
from bot.store.rows import columns_of, dump, load, request_from_row
from bot.store.tables import requests as table
from tests.examples import VENUE
from tests.examples import request as example
from tests.strategies import hostile, moments, requests

# PostgreSQL keeps no NUL in its texts; inside JSON it is written differently.
texts = hostile.filter(lambda text: "\x00" not in text)

# A request's attributes, but for those that never change, which are written in words of their own.
NAMES = [
    field.name for field in fields(Request) if field.name not in {"requester", "source", "notify"}
]


def written_and_read(database: Database, request: Request) -> Request:
    values = columns_of(request, NAMES) | {
        "requester_user": request.requester.user,
        "requester_team": request.requester.team,
        "requester_enterprise": request.requester.enterprise,
        "source": request.source.value,
        "notify": request.notify.value,
    }
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(table).values(values))
        row = connection.execute(sa.select(table).where(table.c.id == request.id)).one()
        transaction.rollback()
    return request_from_row(row)


@settings(max_examples=60)
@given(request=requests(texts=texts, voted=True))
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
@given(request=requests(quoted=True, voted=True))
def test_every_part_of_a_request_survives_as_json(request: Request) -> None:
    for part in (
        request.order,
        request.selection,
        request.quote,
        request.previous_quote,
        request.decision,
        request.failure,
        request.outcome,
        *request.votes,
    ):
        if part is not None:
            assert load(type(part), dump(part)) == part


def test_what_is_absent_stays_absent() -> None:
    assert dump(None) is None
    assert load(Request, None) is None


def test_a_request_without_votes_keeps_none(database: Database) -> None:
    """So that what an older version wrote, and what nobody voted on, are the same."""
    assert columns_of(example(), ["votes"]) == {"votes": None}
    assert written_and_read(database, example()).votes == ()


@settings(max_examples=30)
@given(moment=moments)
def test_moments_come_back_as_the_same_moments_in_utc(database: Database, moment: datetime) -> None:
    request = replace(example(), created_at=moment)
    again = written_and_read(database, request)
    assert again.created_at == moment
    assert again.created_at.tzinfo is UTC
