"""What should be an id or a time and is words instead does not stay, as it may name people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.store import Database, RequestStore
from bot.store.rows import idlike
from bot.store.tables import audit_events, requests, sends
from tests.examples import usd
from tests.unit.databases import Clock
from tests.unit.store.steps import BODY, executing, result_of

pytestmark = pytest.mark.anyio

WORDY = Receipt(
    refund=usd("400.00"),
    reference="opened by Zoe Quillfeather",
    updated_on="2026-07-14 by zoe.q@example.org",
)


async def test_words_in_place_of_a_reference_are_forgotten(
    database: Database, store: RequestStore, clock: Clock, order_id: str
) -> None:
    request = await executing(store, order_id)
    await store.claim_send(request, 1, BODY)
    await store.record_answer(request, 1, Answer.ACCEPTED, None, WORDY)
    await store.finish(request.id, replace(result_of(request), receipt=WORDY))
    clock.advance(400 * 86_400)
    assert await store.scrub(clock() - timedelta(days=365), 10) >= 1

    def everything(connection: sa.Connection) -> str:
        tables = (requests, sends, audit_events)
        return "".join(str(row) for each in tables for row in connection.execute(sa.select(each)))

    left = await database.read(everything)
    assert "400.00" in left
    assert "Quillfeather" not in left
    assert "zoe" not in left


@pytest.mark.parametrize(
    "text",
    ["881204", "INC-2026/07:14", "2026-07-14T11:00:00-04:00", "2026-07-14 11:00:00.123+02"],
)
def test_ids_and_times_stay(text: str) -> None:
    assert idlike(text) == text


@pytest.mark.parametrize(
    "text", [None, "", "Brad", "b@example.org", "1 Brad Clarke", "9" * 65, "2026 by Brad", "1\n2"]
)
def test_words_do_not(text: str | None) -> None:
    assert idlike(text) is None
