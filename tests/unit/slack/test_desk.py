"""The desk: the card and its reply stand somewhere, whatever happens to messages and channels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from bot.domain.delivery import (
    Delivery,
    DeliveryImpossibleError,
    DeliveryPostponedError,
    Posting,
)
from bot.domain.request import Failure, FailureCode, MessageRef, Request, State
from bot.slack.cards import Message, card, reminder, reply
from bot.slack.cards.message import simplified
from bot.slack.poster import Recipient
from tests.examples import CARD, CHANNEL, REPLY, REQUESTER, VENUE, request
from tests.unit.slack.desks import desk, no
from tests.unit.slack.fake_posts import Clock, FakePosts

pytestmark = pytest.mark.anyio

DONE = replace(request(State.DONE), result=None)
SHOWN = replace(request(State.UNKNOWN), result=REPLY)


async def test_a_venue_taken_out_of_the_settings_is_said_to_be_so() -> None:
    poster, slack = desk()
    with pytest.raises(DeliveryImpossibleError, match="venue_not_configured"):
        await slack.show(replace(DONE, venue="closed"))
    assert poster.said == []


async def test_a_first_card_is_posted_where_it_was_asked_for() -> None:
    pending = replace(request(State.PENDING), card=None)
    poster, slack = desk()
    assert await slack.show(pending) == Delivery(MessageRef(CHANNEL, "1.0"))
    assert poster.said == [("post", CHANNEL, None, card(pending, VENUE))]


async def test_a_card_is_updated_in_place() -> None:
    approved = request(State.APPROVED)
    poster, slack = desk()
    assert await slack.show(approved) == Delivery(CARD)
    assert poster.said == [("update", CARD.channel, CARD.ts, card(approved, VENUE))]


async def test_the_result_stands_in_the_cards_thread() -> None:
    poster, slack = desk()
    shown = await slack.show(DONE)
    assert shown == Delivery(CARD, MessageRef(CHANNEL, "2.0"))
    assert poster.where == [("update", CARD.channel, CARD.ts), ("post", CHANNEL, CARD.ts)]
    assert poster.said[1][3] == reply(DONE, VENUE)


async def test_a_reply_is_updated_in_place_as_well() -> None:
    poster, slack = desk()
    assert await slack.show(SHOWN) == Delivery(CARD, REPLY)
    assert poster.where == [
        ("update", CARD.channel, CARD.ts),
        ("update", REPLY.channel, REPLY.ts),
    ]


GONE = ["message_not_found", "cant_update_message", "edit_window_closed"]


@pytest.mark.parametrize("cause", GONE)
async def test_a_card_that_is_gone_is_posted_anew_with_its_thread(cause: str) -> None:
    poster, slack = desk(no(cause))
    shown = await slack.show(DONE)
    assert poster.where == [("post", CHANNEL, None), ("post", CHANNEL, "1.0")]
    assert shown == Delivery(MessageRef(CHANNEL, "1.0"), MessageRef(CHANNEL, "2.0"))


@pytest.mark.parametrize("cause", GONE)
async def test_a_reply_that_is_gone_is_posted_anew(cause: str) -> None:
    poster, slack = desk(None, no(cause))
    shown = await slack.show(SHOWN)
    assert poster.where == [("update", CARD.channel, CARD.ts), ("post", CHANNEL, CARD.ts)]
    assert shown == Delivery(CARD, MessageRef(CHANNEL, "2.0"))


UNREACHABLE = ["is_archived", "channel_not_found", "not_in_channel", "restricted_action"]


@pytest.mark.parametrize("cause", UNREACHABLE)
async def test_where_the_channel_is_closed_the_requester_is_told_directly(cause: str) -> None:
    poster, slack = desk(no(cause))
    shown = await slack.show(DONE)
    direct = f"D{REQUESTER.user}"
    assert poster.where[0] == ("post", REQUESTER.user, None)
    assert poster.said[0][3].text == card(DONE, VENUE).text
    assert shown.card == MessageRef(direct, "1.0")
    assert poster.where[1] == ("post", direct, "1.0")


@pytest.mark.parametrize("cause", UNREACHABLE)
async def test_a_reply_that_cannot_stand_in_the_channel_goes_to_the_requester(cause: str) -> None:
    poster, slack = desk(None, no(cause))
    shown = await slack.show(DONE)
    assert poster.where[-1] == ("post", REQUESTER.user, None)
    answer = reply(DONE, VENUE)
    assert answer is not None
    assert poster.said[-1][3].text == answer.text
    assert shown.result == MessageRef(f"D{REQUESTER.user}", "2.0")


async def test_an_older_reply_in_a_closed_channel_does_not_swallow_the_result() -> None:
    poster, slack = desk(no("is_archived"), None, no("is_archived"))
    await slack.show(replace(DONE, result=REPLY))
    answer = reply(DONE, VENUE)
    assert answer is not None
    assert [message.text for *_, message in poster.said] == [card(DONE, VENUE).text, answer.text]


async def test_a_reply_that_slack_cannot_lay_out_arrives_as_text() -> None:
    poster, slack = desk(None, no("invalid_blocks"))
    await slack.show(DONE)
    answer = reply(DONE, VENUE)
    assert answer is not None
    assert poster.said[-1][3] == simplified(answer)
    assert poster.where[-1] == ("post", CHANNEL, CARD.ts)


async def test_a_card_that_slack_cannot_lay_out_any_more_is_updated_as_text() -> None:
    approved = request(State.APPROVED)
    poster, slack = desk(no("invalid_blocks"))
    assert await slack.show(approved) == Delivery(CARD)
    assert poster.said == [("update", CARD.channel, CARD.ts, simplified(card(approved, VENUE)))]


async def test_a_first_card_that_slack_cannot_lay_out_is_no_card() -> None:
    """Without its buttons nobody could decide on it."""
    _, slack = desk(no("invalid_blocks"))
    with pytest.raises(DeliveryImpossibleError, match="invalid_blocks"):
        await slack.show(replace(request(State.PENDING), card=None))


async def test_a_reply_that_is_gone_and_cannot_be_laid_out_arrives_all_the_same() -> None:
    poster, slack = desk(None, no("message_not_found"), no("invalid_blocks"), no("is_archived"))
    await slack.show(SHOWN)
    answer = reply(SHOWN, VENUE)
    assert answer is not None
    assert poster.said[-1] == ("post", REQUESTER.user, None, answer)


@pytest.mark.parametrize("cause", ["invalid_auth", "token_revoked", "missing_scope"])
async def test_a_refused_token_is_waited_out(cause: str) -> None:
    _, slack = desk(no(cause))
    with pytest.raises(DeliveryPostponedError) as postponed:
        await slack.show(DONE)
    assert postponed.value.seconds == 60


async def test_a_requester_who_cannot_be_told_either_ends_the_attempt() -> None:
    _, slack = desk(no("is_archived"), no("user_disabled"), no("user_disabled"))
    with pytest.raises(DeliveryImpossibleError, match="user_disabled"):
        await slack.show(DONE)


@pytest.mark.parametrize("at", [0, 1])
async def test_passing_trouble_is_passed_on(at: int) -> None:
    _, slack = desk(*[None] * at, DeliveryPostponedError(3, "ratelimited"))
    with pytest.raises(DeliveryPostponedError):
        await slack.show(DONE)


@pytest.mark.parametrize("state", [State.FAILED, State.WITHDRAWN])
async def test_a_request_that_ended_without_a_card_ends_privately(state: State) -> None:
    over = replace(
        request(State.REQUESTED), state=state, failure=Failure(FailureCode.ORDER_NOT_FOUND)
    )
    poster, slack = desk()
    assert await slack.show(over) == Delivery()
    ((recipient, text),) = poster.whispers
    assert recipient == Recipient(REQUESTER.user, CHANNEL, over.response_url)
    assert over.order_id in text
    assert poster.said == []


async def test_a_request_that_is_still_being_read_shows_nothing() -> None:
    poster, slack = desk()
    assert await slack.show(request(State.REQUESTED)) == Delivery()
    assert (poster.said, poster.whispers) == ([], [])


def due(state: State, reminders: int = 1) -> Request:
    shown = replace(request(state), reminders=reminders)
    return replace(shown, result=REPLY) if state is State.UNKNOWN else shown


def reminder_of(shown: Request) -> Message:
    message = reminder(shown, VENUE, None)
    assert message is not None
    return message


@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN])
async def test_a_reminder_stands_in_the_cards_thread_once(state: State) -> None:
    poster, slack = desk()
    for _ in range(3):
        await slack.show(due(state))
    reminders = [said for said in poster.said if said[0] == "post"]
    assert reminders == [("post", CHANNEL, CARD.ts, reminder_of(due(state)))]
    assert reminders[0][3].broadcast


async def test_every_further_reminder_is_a_message_of_its_own() -> None:
    poster, slack = desk()
    pending = due(State.PENDING)
    for shown in (pending, replace(pending, reminders=2), replace(pending, revision=2)):
        await slack.show(shown)
    stuck = due(State.UNKNOWN)
    for run in (1, 2):
        await slack.show(replace(stuck, run=run))
    assert len([said for said in poster.said if said[0] == "post"]) == 5


async def test_a_reminder_that_is_gone_or_impossible_is_let_go() -> None:
    poster, slack = desk(None, no("restricted_action_thread_locked"))
    with structlog.testing.capture_logs() as logs:
        assert await slack.show(due(State.PENDING)) == Delivery(CARD)
    assert [entry["event"] for entry in logs] == ["notice_impossible"]
    assert poster.where == [("update", CARD.channel, CARD.ts)]


async def test_a_reminder_that_has_to_wait_leaves_the_rest_shown() -> None:
    _, slack = desk(None, None, DeliveryPostponedError(3, "ratelimited"))
    with pytest.raises(DeliveryPostponedError) as postponed:
        await slack.show(due(State.UNKNOWN))
    assert postponed.value.shown == Delivery(CARD, REPLY)


async def test_the_card_knows_where_the_reminder_leads() -> None:
    poster, slack = desk()
    poster.workspace_url = "https://museum.slack.com/"
    await slack.show(due(State.PENDING))
    link = "https://museum.slack.com/archives/C0REFUNDS/p1784041200000100"
    assert poster.said[-1][3] == reminder(due(State.PENDING), VENUE, link)


async def test_what_was_posted_and_not_noted_is_brought_up_to_date() -> None:
    """The process died when the card stood and the request did not know yet where."""
    poster, slack = desk()
    pending = replace(request(State.PENDING), card=None)
    shown = await slack.show(pending)
    assert await slack.show(pending) == shown
    assert shown.card is not None
    assert poster.where == [("post", CHANNEL, None), ("update", CHANNEL, shown.card.ts)]


async def test_a_request_that_ended_on_a_card_that_cannot_stand_is_told_directly() -> None:
    """Its first card was perhaps posted; by now the channel is closed."""
    posts = FakePosts(Clock())
    await posts.take_turn(request(State.PENDING).id, "card", CHANNEL)
    poster, slack = desk(no("is_archived"), posts=posts)
    over = replace(request(State.REJECTED), card=None, result=None)
    shown = await slack.show(over)
    assert shown.card == MessageRef(f"D{REQUESTER.user}", "1.0")
    assert poster.said[0] == ("post", REQUESTER.user, None, card(over, VENUE))


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED])
async def test_a_request_that_ended_before_its_card_was_noted_ends_on_the_card(
    state: State,
) -> None:
    poster, slack = desk()
    shown = await slack.show(replace(request(State.PENDING), card=None))
    over = replace(request(state), card=None, result=None)
    assert (await slack.show(over)).card == shown.card
    assert shown.card is not None
    assert poster.said[1] == ("update", CHANNEL, shown.card.ts, card(over, VENUE))
    assert poster.whispers == []


async def test_a_card_whose_posting_got_lost_is_found_and_brought_up_to_date() -> None:
    poster, slack = desk(DeliveryPostponedError(None, "HTTP 500", in_doubt=True))
    pending = replace(request(State.PENDING), card=None)
    with pytest.raises(DeliveryPostponedError):
        await slack.show(pending)
    poster.said.append(("post", CHANNEL, None, card(pending, VENUE)))
    assert await slack.show(pending) == Delivery(MessageRef(CHANNEL, "1.0"))
    assert poster.where[1:] == [("update", CHANNEL, "1.0")]


async def test_a_result_noted_elsewhere_and_deleted_since_is_posted_anew() -> None:
    posts = FakePosts(Clock())
    _, slack = desk(posts=posts)
    first = (await slack.show(DONE)).result
    assert first is not None
    poster, slack = desk(None, no("message_not_found"), posts=posts)
    shown = await slack.show(DONE)
    assert shown.result == MessageRef(CHANNEL, "2.0")
    assert poster.where == [("update", CARD.channel, CARD.ts), ("post", CHANNEL, CARD.ts)]


async def test_messages_that_are_deleted_as_they_are_posted_wait() -> None:
    class Vandalised(FakePosts):
        async def take_turn(
            self, request_id: str, kind: str, channel: str, gone: MessageRef | None = None
        ) -> Posting:
            del request_id, kind, gone
            return Posting(MessageRef(channel, "9.9"))

    _, slack = desk(*[no("message_not_found")] * 9, posts=Vandalised(Clock()))
    with pytest.raises(DeliveryPostponedError):
        await slack.show(request(State.APPROVED))


async def test_a_direct_message_that_was_deleted_is_sent_again() -> None:
    """Its channel was closed and is still; the direct message in the card's place is gone too."""
    posts = FakePosts(Clock())
    approved = request(State.APPROVED)
    await posts.take_turn(approved.id, "card", CHANNEL)
    await posts.posted(approved.id, "card", CARD)
    _, slack = desk(no("is_archived"), posts=posts)
    direct = (await slack.show(approved)).card
    assert direct == MessageRef(f"D{REQUESTER.user}", "1.0")

    gone = no("message_not_found")
    poster, slack = desk(gone, no("is_archived"), gone, posts=posts)
    poster.said.append(("before", "", None, Message("")))
    shown = await slack.show(replace(approved, card=direct))
    assert shown.card == MessageRef(f"D{REQUESTER.user}", "2.0")
    assert poster.where[1:] == [("post", REQUESTER.user, None)]


async def test_an_unreachable_channel_is_logged() -> None:
    _, slack = desk(no("is_archived"))
    with structlog.testing.capture_logs() as logs:
        await slack.show(request(State.APPROVED))
    (entry,) = logs
    assert (entry["event"], entry["cause"]) == ("channel_unreachable", "is_archived")
