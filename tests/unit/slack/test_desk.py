"""The desk: the card and its reply stand somewhere, whatever happens to messages and channels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.delivery import Delivery, DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import Failure, FailureCode, MessageRef, State
from bot.slack.cards import Message, card, reply
from bot.slack.cards.message import simplified
from bot.slack.desk import SlackDesk
from bot.slack.poster import Poster, Recipient
from tests.examples import CARD, CHANNEL, REPLY, REQUESTER, VENUE, request

pytestmark = pytest.mark.anyio

Trouble = DeliveryImpossibleError | DeliveryPostponedError
DONE = replace(request(State.DONE), result=None)
SHOWN = replace(request(State.UNKNOWN), result=REPLY)


class FakePoster(Poster):
    """Keeps what is said; `troubles` come up in turn, None for none."""

    def __init__(self, *troubles: Trouble | None) -> None:
        self.said: list[tuple[str, str, str | None, Message]] = []
        self.whispers: list[tuple[Recipient, str]] = []
        self._troubles = list(troubles)

    def _trouble(self) -> None:
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble:
            raise trouble

    async def post(self, channel: str, message: Message, thread: str | None = None) -> MessageRef:
        self._trouble()
        self.said.append(("post", channel, thread, message))
        return MessageRef(f"D{channel}" if channel[0] == "U" else channel, f"{len(self.said)}.0")

    async def update(self, ref: MessageRef, message: Message) -> None:
        self._trouble()
        self.said.append(("update", ref.channel, ref.ts, message))

    async def whisper(self, recipient: Recipient, text: str) -> None:
        self._trouble()
        self.whispers.append((recipient, text))

    @property
    def where(self) -> list[tuple[str, str, str | None]]:
        return [(how, channel, ts) for how, channel, ts, _ in self.said]


def desk(*troubles: Trouble | None) -> tuple[FakePoster, SlackDesk]:
    poster = FakePoster(*troubles)
    return poster, SlackDesk(poster, {VENUE.key: VENUE})


def no(cause: str) -> DeliveryImpossibleError:
    return DeliveryImpossibleError(cause)


async def test_a_venue_taken_out_of_the_settings_is_said_to_be_so() -> None:
    poster, _ = desk()
    with pytest.raises(DeliveryImpossibleError, match="venue_not_configured"):
        await SlackDesk(poster, {}).show(DONE)
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
