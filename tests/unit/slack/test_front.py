"""What is said, and to whom, after somebody decided or tried to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from bot.domain.judgement import Judgement, Ruling
from bot.domain.policy import BreakGlass, Ceiling, Policy
from bot.domain.request import Decision, LedgerUnavailableError, Request, State, Verdict
from bot.domain.ruling import Action
from bot.domain.venue import Venue
from bot.slack.background import Background
from bot.slack.cards.card import block_id
from bot.slack.directory import Directory
from bot.slack.listeners.clicks import Clicks
from bot.slack.listeners.failures import answer_failure
from bot.slack.listeners.front import Front
from bot.slack.payloads import Click
from bot.slack.ports import Ledger, Work
from bot.slack.poster import Poster, Recipient
from tests.examples import APPROVER, NOW, REQUESTER, VENUE, member, request, usd

pytestmark = pytest.mark.anyio

THEM = Recipient("U0APPROVE", "C0REFUNDS", None)


@dataclass
class Said:
    """A poster that only remembers, and the work that would follow."""

    private: list[str] = field(default_factory=list)
    advanced: list[str] = field(default_factory=list)

    async def whisper(self, recipient: Recipient, text: str) -> None:
        assert recipient.user == "U0APPROVE"
        self.private.append(text)

    async def advance(self, of: Request) -> None:
        self.advanced.append(of.id)


@pytest.fixture
def said() -> Said:
    return Said()


def front(said: Said, *venues: Venue) -> Front:
    return Front(
        ledger=cast("Ledger", None),
        work=cast("Work", said),
        poster=cast("Poster", said),
        venues={venue.key: venue for venue in venues},
        background=Background(),
        directory=cast("Directory", None),
        now=lambda: NOW,
    )


async def conclude(
    said: Said, found: tuple[Judgement, Request] | None, *venues: Venue
) -> list[str]:
    desk = front(said, *venues)
    desk.conclude(found, Action.APPROVE, member(APPROVER), THEM)
    await desk.background.drain(5)
    return said.private


async def test_a_card_of_nobody_and_one_of_a_venue_that_is_gone_are_told_apart(said: Said) -> None:
    await conclude(said, None, VENUE)
    refused = Judgement(Ruling.NOT_AN_APPROVER)
    await conclude(said, (refused, request()))
    unknown, gone = said.private
    assert "a request that this bot does not know" in unknown
    assert "a venue that was taken out of this bot’s settings" in gone
    assert "Run `/cancel-order` again" not in gone


async def test_who_approves_is_told_whose_earlier_approval_lapsed(said: Said) -> None:
    lapsed = (Decision(Verdict.APPROVED, REQUESTER, NOW, 1),)
    counted = Judgement(Ruling.ALLOWED, "tiers[0], approvers", 1, (), lapsed)
    (text,) = await conclude(said, (counted, request()), VENUE)
    assert text.startswith("Your approval counts, but an earlier one does not any more")
    assert "<@U0REQUEST>" in text
    # Where it took effect nothing is missing.
    await conclude(said, (counted, request(State.APPROVED)), VENUE)
    await conclude(said, (replace(counted, lapsed=()), request()), VENUE)
    assert said.private == [text]
    assert len(said.advanced) == 3


def test_of_several_refusals_the_one_that_another_channel_mends_is_told(said: Said) -> None:
    denied = Policy(deny_requesters=frozenset({APPROVER.user}))
    elsewhere = Policy(channels=frozenset({"C0OTHER"}))
    one = replace(VENUE, policy=denied)
    two = replace(VENUE, key="harbour", name="Harbour Hall", policy=elsewhere)
    for venues in ((one, two), (two, one)):
        text = front(said, *venues).cannot_ask(member(APPROVER), "C0REFUNDS")
        assert text.endswith("Ask in <#C0OTHER>.")
    assert "does not let you ask" in front(said, one).cannot_ask(member(APPROVER), "C0REFUNDS")
    two = replace(two, policy=Policy())
    assert front(said, one, two).cannot_ask(member(APPROVER), "C0REFUNDS") == ""


def test_a_form_says_nothing_of_a_days_sum_that_nobody_added_up(said: Said) -> None:
    glass = BreakGlass(frozenset({APPROVER.user}))
    policy = Policy(break_glass=glass, approver_daily=Ceiling((usd("500.00"),)))
    of = request()
    action = {"action_id": "break_glass", "block_id": block_id(of), "value": of.id}
    click = Click.model_validate({"user": {"id": APPROVER.user}, "actions": [action]})
    venue = replace(VENUE, policy=policy)
    foreseen = Clicks(front(said, venue))._foresee(
        Action.BREAK_GLASS, of, venue, member(APPROVER), click
    )
    assert foreseen.is_allowed


@pytest.mark.parametrize("error", [LedgerUnavailableError("OperationalError"), None])
async def test_after_an_error_it_is_not_claimed_that_nothing_counted(
    said: Said, error: LedgerUnavailableError | None
) -> None:
    """A commit whose answer got lost counts."""
    desk = front(said, VENUE)
    body = {
        "type": "block_actions",
        "user": {"id": APPROVER.user},
        "channel": {"id": "C0REFUNDS"},
    }
    raised: Exception
    try:
        # Out of code of ours: what other code raises over a payload is the payload's fault.
        desk.conclude((cast("Judgement", None),) * 1, Action.APPROVE, member(APPROVER), THEM)  # type: ignore[arg-type]
        raise AssertionError
    except ValueError as unforeseen:
        raised = error.with_traceback(unforeseen.__traceback__) if error else unforeseen
    answer = await answer_failure(desk)(raised, body)
    await desk.background.drain(5)
    assert answer.status == 500
    (text,) = said.private
    assert "It is not certain whether this counted" in text
