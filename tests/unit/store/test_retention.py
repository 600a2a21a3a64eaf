"""Retention: what names people is taken out of what is over; ids, amounts and the chain stay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import structlog

from bot.domain.order import Destination, Order
from bot.domain.policy import Policy, Tier
from bot.domain.request import (
    Failure,
    FailureCode,
    LedgerUnavailableError,
    Request,
    State,
)
from bot.domain.ruling import Action
from bot.domain.sending import Answer
from bot.domain.settlement import Receipt
from bot.slack.cards import card, reply
from bot.slack.cards.answers import listing, status
from bot.store import Database, DatabaseError, RequestStore
from bot.store.tables import metadata, requests
from tests.examples import APPROVER, REQUESTER, VENUE, line, member, new_request, order, usd
from tests.unit.databases import Clock, postgres_database, sqlite_database, store_on
from tests.unit.store.chain import rows, verified
from tests.unit.store.conftest import BOTH
from tests.unit.store.processes import at_once
from tests.unit.store.steps import (
    BODY,
    SECOND,
    asked,
    clicked,
    events,
    in_state,
    quoted,
    result_of,
)

pytestmark = pytest.mark.anyio

TWO_APPROVE = Policy(tiers=(Tier(approvals=2),))
# Whatever of people or in people's words a request may hold, each to be recognised.
NAME, EMAIL, ORGANISATION = "Zoe Quillfeather", "zoe.q@example.org", "Quillfeather Academy"
FOUR, OTHER_FOUR = "XQ71", "XQ39"  # no digits that a hash might have in it
REASON, NOTE, OTHER_NOTE = "her dog ate the tickets", "I know her mother", "her father says so"
DETAIL, FAILED = "card of Z QUILL declined", "locked by Q. Feather"
URL = "https://hooks.slack.com/commands/T0MUSEUM/1/quill"
PERSONAL = {
    NAME, EMAIL, ORGANISATION, FOUR, OTHER_FOUR, REASON, NOTE, OTHER_NOTE, DETAIL, FAILED, URL,
}  # fmt: skip
RECEIPT = Receipt(refund=usd("400.00"), last_four=OTHER_FOUR, reference="881204")


@pytest.fixture(params=BOTH)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database of its own for each test: what is scrubbed is whatever is over."""
    path = tmp_path_factory.mktemp("retention") / "rescind.db"
    opened = postgres_database() if request.param == "postgres" else sqlite_database(path)
    with opened as made:
        yield made


@pytest.fixture
def store(database: Database, clock: Clock) -> RequestStore:
    return store_on(database, clock, TWO_APPROVE)


def persons(order_id: str, quantity: int = 4) -> Order:
    """An order of somebody whom it names wherever it can."""
    return replace(
        order(line("1", quantity=quantity), order_id=order_id),
        guest_name=NAME,
        guest_email=EMAIL,
        organisation=ORGANISATION,
        destination=Destination(payment_method="CreditCard", last_four=FOUR),
    )


async def waiting(store: RequestStore) -> Request:
    request = await asked(store, replace(new_request("1", reason=REASON), response_url=URL))
    return await store.record_quote(request.id, *quoted(persons("1")))


async def executing(store: RequestStore) -> Request:
    request = await waiting(store)
    await clicked(store, request, Action.APPROVE, APPROVER, NOTE)
    await clicked(store, request, Action.APPROVE, SECOND, OTHER_NOTE)
    return await store.claim(request.id)


async def done(store: RequestStore) -> Request:
    request = await executing(store)
    await store.claim_send(request, 1, BODY)
    await store.record_answer(request, 1, Answer.LOST, DETAIL)
    await store.claim_send(request, 2, BODY)
    await store.record_answer(request, 2, Answer.ACCEPTED, None, RECEIPT)
    return await store.finish(request.id, replace(result_of(request), receipt=RECEIPT))


async def rejected_after_a_change(store: RequestStore) -> Request:
    request = await executing(store)
    await store.drift(request.id, *quoted(persons("1", 3)))
    return (await clicked(store, request, Action.REJECT, APPROVER, NOTE))[1]


async def withdrawn(store: RequestStore) -> Request:
    return (await clicked(store, await waiting(store), Action.WITHDRAW, REQUESTER, NOTE))[1]


async def expired(store: RequestStore) -> Request:
    request = await waiting(store)
    await clicked(store, request, Action.APPROVE, APPROVER, NOTE)
    later = store_on(store.database, Clock(request.updated_at + timedelta(days=4)), TWO_APPROVE)
    found = await later.overdue(request.id)
    assert found is not None
    return found


async def refused(store: RequestStore) -> Request:
    request = await executing(store)
    await store.claim_send(request, 1, BODY)
    await store.record_answer(request, 1, Answer.REFUSED, DETAIL)
    failure = Failure(FailureCode.REFUSED, FAILED)
    return await store.fail(request.id, State.EXECUTING, failure)


async def settled(store: RequestStore) -> Request:
    request = await executing(store)
    await store.mark_unknown(request.id, Failure(FailureCode.UNSETTLED, FAILED))
    found = await store.decide(
        request.id, Action.RESOLVE, member(SECOND), None, NOTE, resolved_as=State.FAILED
    )
    assert found is not None
    return found[1]


End = Callable[[RequestStore], Awaitable[Request]]
ENDS: Mapping[str, tuple[End, set[str]]] = {
    "done": (done, PERSONAL - {FAILED}),
    "rejected": (rejected_after_a_change, PERSONAL - {OTHER_FOUR, DETAIL, FAILED}),
    "withdrawn": (withdrawn, PERSONAL - {OTHER_FOUR, OTHER_NOTE, DETAIL, FAILED}),
    "expired": (expired, PERSONAL - {OTHER_FOUR, OTHER_NOTE, DETAIL, FAILED}),
    "refused": (refused, PERSONAL - {OTHER_FOUR}),
    "settled": (settled, PERSONAL - {OTHER_FOUR, DETAIL}),
}


def found_in(database: Database) -> set[str]:
    """Which of the personal words stand anywhere in the database."""
    with database.engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        texts = [
            str(value)
            for table in tables
            for row in connection.execute(sa.select(sa.text("*")).select_from(sa.table(table)))
            for value in row
        ]
    return {word for word in PERSONAL if any(word in text for text in texts)}


def make_unreadable(database: Database, request: Request) -> None:
    """Put there what no version wrote, with a name in it."""
    broken = sa.update(requests).where(requests.c.id == request.id).values(votes=f'["{NAME}"]')
    database.run_here(lambda connection: connection.execute(broken))


def years_after(request: Request) -> datetime:
    return request.updated_at + timedelta(days=1000)


async def get(store: RequestStore, request: Request) -> Request:
    found = await store.get(request.id)
    assert found is not None
    return found


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_personal_is_left_anywhere_of_what_is_over(
    store: RequestStore, database: Database, end: str
) -> None:
    bring_about, words = ENDS[end]
    over = await bring_about(store)
    assert found_in(database) == words
    assert await store.scrub(years_after(over), 10) == 1
    assert found_in(database) == set()
    assert verified(database)[1] is None


@pytest.mark.parametrize("end", ENDS)
async def test_ids_amounts_and_everything_else_stay(
    store: RequestStore, database: Database, end: str
) -> None:
    before = await ENDS[end][0](store)
    told = rows(database)
    await store.scrub(years_after(before), 10)
    after = await get(store, before)
    assert _without_what_is_scrubbed(after) == _without_what_is_scrubbed(before)
    assert after.version == before.version
    assert after.updated_at == before.updated_at
    assert [vote.by for vote in after.votes] == [vote.by for vote in before.votes]
    kept = [row | {"personal": None} for row in told]
    assert rows(database)[:-1] == kept
    assert events(database, after.id)[-1] == "order:personal:scrubbed"


def _without_what_is_scrubbed(request: Request) -> Request:
    some = request.order
    quotes = [
        quote and replace(quote, destination=replace(quote.destination, last_four=None))
        for quote in (request.quote, request.previous_quote)
    ]
    decision, failure, outcome = request.decision, request.failure, request.outcome
    return replace(
        request,
        reason=None,
        response_url=None,
        order=some
        and replace(
            some,
            guest_name=None,
            guest_email=None,
            organisation=None,
            destination=replace(some.destination, last_four=None),
        ),
        quote=quotes[0],
        previous_quote=quotes[1],
        votes=tuple(replace(vote, note=None) for vote in request.votes),
        decision=decision and replace(decision, note=None),
        failure=failure and replace(failure, detail=None),
        outcome=outcome
        and replace(outcome, receipt=outcome.receipt and replace(outcome.receipt, last_four=None)),
    )


async def test_an_attempt_keeps_its_figures(store: RequestStore) -> None:
    over = await done(store)
    before = await store.last_send(over)
    await store.scrub(years_after(over), 10)
    after = await store.last_send(over)
    assert before is not None
    assert after == replace(before, receipt=replace(RECEIPT, last_four=None))


@pytest.mark.parametrize("end", ENDS)
async def test_what_was_scrubbed_can_still_be_shown(store: RequestStore, end: str) -> None:
    over = await ENDS[end][0](store)
    shown = f"{card(over, VENUE)} {reply(over, VENUE)} {_listed(over)}"
    await store.scrub(years_after(over), 10)
    after = await get(store, over)
    still_shown = f"{card(after, VENUE)} {reply(after, VENUE)} {_listed(after)}"
    assert any(word in shown for word in PERSONAL)
    assert not any(word in still_shown for word in PERSONAL)
    assert over.order_id in still_shown
    assert "400.00" in still_shown or "300.00" in still_shown


def _listed(request: Request) -> str:
    venues = {VENUE.key: VENUE}
    told = status(request, request.order_id, VENUE, lambda _: None)
    return told + listing([request], venues, lambda _: None, "nothing")


@pytest.mark.parametrize(
    ("code", "detail"),
    [(FailureCode.BLOCKED, "nothing_left"), (FailureCode.CARD_NOT_POSTED, "channel_not_found")],
)
async def test_details_in_words_of_our_own_stay(
    store: RequestStore, code: FailureCode, detail: str
) -> None:
    request = await waiting(store)
    over = await store.fail(request.id, State.PENDING, Failure(code, detail))
    await store.scrub(years_after(over), 10)
    after = await get(store, over)
    assert after.failure == Failure(code, detail)
    assert detail not in _listed(after)  # it is put into words, which needs it


async def test_a_request_that_never_got_a_quote_is_scrubbed_as_well(
    store: RequestStore, database: Database
) -> None:
    request = await asked(store, replace(new_request("1", reason=REASON), response_url=URL))
    failure = Failure(FailureCode.UNAVAILABLE, DETAIL)
    over = await store.fail(request.id, State.REQUESTED, failure)
    assert found_in(database) == {REASON, URL, DETAIL}
    assert await store.scrub(years_after(over), 10) == 1
    assert found_in(database) == set()
    assert (await get(store, over)).failure == Failure(FailureCode.UNAVAILABLE)


async def test_scrubbing_again_changes_nothing(store: RequestStore, database: Database) -> None:
    over = await done(store)
    await store.scrub(years_after(over), 10)
    after, told = await get(store, over), rows(database)
    assert await store.scrub(years_after(over), 10) == 0
    assert (await get(store, over), rows(database)) == (after, told)


async def test_many_processes_scrubbing_at_once_scrub_once(
    store: RequestStore, database: Database
) -> None:
    over = await done(store)
    moment = years_after(over)
    at_once(database, [lambda one: one.scrub(moment, 10)] * 6)
    assert events(database, over.id).count("order:personal:scrubbed") == 1
    assert verified(database)[1] is None


@pytest.mark.parametrize(
    "state",
    [State.REQUESTED, State.PENDING, State.APPROVED, State.EXECUTING, State.UNKNOWN],
)
async def test_what_is_still_going_on_is_left_alone(
    database: Database, clock: Clock, state: State
) -> None:
    store = store_on(database, clock)
    live = await in_state(store, state, "1")
    told = rows(database)
    assert await store.scrub(years_after(live), 10) == 0
    assert (await get(store, live), rows(database)) == (live, told)


async def test_what_ended_lately_is_left_alone_and_the_oldest_comes_first(
    database: Database, clock: Clock
) -> None:
    store = store_on(database, clock)
    ended = []
    for number in range(4):
        ended.append(await in_state(store, State.WITHDRAWN, str(number)))
        clock.advance(3600)
    assert await store.scrub(ended[0].updated_at, 10) == 0
    assert await store.scrub(ended[3].updated_at, 2) == 2
    assert [(await get(store, each)).reason for each in ended] == [None, None] + [
        "guest is ill"
    ] * 2
    assert await store.scrub(ended[3].updated_at, 2) == 1
    assert (await get(store, ended[3])).reason == "guest is ill"


@pytest.mark.parametrize("unreadable", [1, 3])
async def test_a_request_that_cannot_be_scrubbed_keeps_no_other_from_it(
    database: Database, clock: Clock, unreadable: int
) -> None:
    store = store_on(database, clock)
    bad = [await in_state(store, State.WITHDRAWN, str(number)) for number in range(unreadable)]
    for each in bad:
        make_unreadable(database, each)
    for order_id in ("7", "8"):  # one for each of two rounds, of which the bad ones come first
        good = await in_state(store, State.WITHDRAWN, order_id)
        with structlog.testing.capture_logs() as logs:
            assert await store.scrub(years_after(good), 1) == 1
            assert await store.scrub(years_after(good), 1) == 0
        assert (await get(store, good)).reason is None
        told = [(line["event"], line["request"]) for line in logs]
        assert told == [("scrub_failed", each.id) for each in bad] * 2
        assert NAME not in str(logs)
    assert verified(database)[1] is None


async def test_a_database_that_is_away_is_no_fault_of_a_request(
    store: RequestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = await withdrawn(store)

    async def away(_: RequestStore, request_id: str) -> None:
        raise LedgerUnavailableError(request_id)

    monkeypatch.setattr(RequestStore, "_scrub", away)
    with structlog.testing.capture_logs() as logs, pytest.raises(LedgerUnavailableError):
        await store.scrub(years_after(over), 10)
    assert logs == []


async def test_forgetting_an_order_tells_what_of_it_cannot_be_forgotten(
    store: RequestStore, database: Database
) -> None:
    bad, unheard_of = await withdrawn(store), await withdrawn(store)
    good = await withdrawn(store)
    make_unreadable(database, bad)
    newer = sa.update(requests).where(requests.c.id == unheard_of.id).values(state="newer")
    database.run_here(lambda connection: connection.execute(newer))
    with pytest.raises(DatabaseError, match=f"{bad.id}, {unheard_of.id}") as told:
        await store.forget(VENUE.key, "1")
    assert (await get(store, good)).reason is None
    assert not any(word in str(told.value) for word in PERSONAL)


async def test_an_answer_that_comes_after_scrubbing_leaves_no_words_behind(
    store: RequestStore, database: Database
) -> None:
    request = await executing(store)
    await store.claim_send(request, 1, BODY)
    await store.claim_send(request, 2, BODY)
    over = await store.finish(request.id, result_of(request))
    assert await store.forget(VENUE.key, "1") == (1, 0)
    await store.record_answer(request, 1, Answer.REFUSED, DETAIL)
    await store.record_answer(request, 2, Answer.ACCEPTED, FAILED, RECEIPT)
    assert found_in(database) == set()
    send = await store.last_send(over)
    assert send is not None
    assert (send.answer, send.detail) == (Answer.ACCEPTED, None)
    assert send.receipt == replace(RECEIPT, last_four=None)
    assert events(database, over.id)[-3:] == ["order:personal:scrubbed", "answered", "answered"]
    assert verified(database)[1] is None


def test_every_column_that_holds_words_was_thought_of() -> None:
    """What is neither scrubbed nor listed as ids and amounts would stay for ever."""
    scrubbed = {
        *("requests." + name for name in ("reason", "response_url", "order_snapshot", "quote")),
        *("requests." + name for name in ("previous_quote", "votes", "decision", "failure")),
        *("requests.outcome", "sends.detail", "sends.receipt", "audit_events.personal"),
    }
    ids_and_amounts = {"requests.selection", "audit_events.data"}
    words = {
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.Text)
    }
    assert words == scrubbed | ids_and_amounts


async def test_a_scrubbed_order_may_be_asked_for_again(
    store: RequestStore, database: Database
) -> None:
    """What was refunded before is still known, for that is an amount."""
    over = await done(store)
    await store.scrub(years_after(over), 10)
    again = await waiting(store)
    assert await store.refunded_before(again) == usd("400.00")
    assert events(database, again.id) == ["requested", "quoted"]


async def test_a_delivery_is_still_known_after_scrubbing(store: RequestStore) -> None:
    new = new_request("1", delivery_key="v0=abc")
    request = await asked(store, new)
    over = await store.fail(request.id, State.REQUESTED, Failure(FailureCode.INTERNAL))
    await store.scrub(years_after(over), 10)
    _, found = await store.create(new)
    assert found.id == request.id
