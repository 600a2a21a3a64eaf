"""The outbox, before Slack's stand-in: each message once, whatever dies or gets lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.sandbox.server import RunningSandbox, SandboxSettings
from bot.sandbox.slack.faults import Fault
from bot.slack.cards import Message
from bot.slack.outbox import Outbox
from bot.slack.poster import Poster
from tests.unit.slack.fake_posts import Clock, FakePosts

pytestmark = pytest.mark.anyio

PUBLIC, PRIVATE, ARCHIVED = "C0REFUNDS", "C0BOXOFF", "C0ARCHIVE"
REQUESTER = "U0REQUEST"


class Crash(BaseException):
    """The process is gone: nothing after this runs."""


@dataclass
class Forgetful(FakePosts):
    """Dies between the posting of a message and the note of it, as long as it is `doomed`."""

    doomed: bool = True

    async def posted(self, request_id: str, kind: str, ref: MessageRef) -> None:
        if self.doomed:
            raise Crash
        await super().posted(request_id, kind, ref)


@dataclass
class Stage:
    slack: RunningSandbox
    session: aiohttp.ClientSession
    clock: Clock = field(default_factory=Clock)

    def outbox(self, posts: FakePosts) -> Outbox:
        """A process's outbox, with a poster of its own that remembers no limits."""
        client = AsyncWebClient(
            self.slack.settings.bot_token,
            self.slack.slack_api_url,
            session=self.session,
            retry_handlers=[],
        )
        return Outbox(Poster(client, self.session), posts, self.clock, self.clock.pause)

    def fault(self, method: str, kind: str, retry_after: int = 1) -> None:
        """Let the method's next call go wrong."""
        fault = Fault(kind, times=1, retry_after=retry_after, seconds=0.05)
        self.slack.sandbox.slack.faults.set(method, fault)

    def shown(self, channel: str = PUBLIC) -> list[str]:
        return [message.text for message in self.slack.sandbox.slack.messages.within(channel)]

    def calls(self, method: str) -> int:
        return [call["method"] for call in self.slack.sandbox.slack.calls].count(method)


@contextmanager
def sandbox(clock: Clock, *, optional_scopes: bool = True) -> Iterator[RunningSandbox]:
    settings = SandboxSettings(
        port=0,
        clock=lambda: clock().timestamp(),
        post_burst=50,
        optional_scopes=optional_scopes,
    )
    with RunningSandbox(settings) as running:
        yield running


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock = Clock()
    async with aiohttp.ClientSession() as session:
        with sandbox(clock) as running:
            yield Stage(running, session, clock)


@pytest.fixture
async def blind() -> AsyncIterator[Stage]:
    """A workspace that withheld the right to read messages."""
    clock = Clock()
    async with aiohttp.ClientSession() as session:
        with sandbox(clock, optional_scopes=False) as running:
            yield Stage(running, session, clock)


def message(kind: str = "card", text: str = "the card", request_id: str = "r1") -> Message:
    payload = {"request_id": request_id, "kind": kind, "version": 1}
    return Message(text, (), {"event_type": "rescind_request", "event_payload": payload})


async def test_a_message_is_posted_once(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    ref, is_new = await outbox.post_once("r1", "card", PUBLIC, message())
    assert is_new
    again, is_new = await outbox.post_once("r1", "card", PUBLIC, message(text="changed"))
    assert (again, is_new) == (ref, False)
    assert stage.shown() == ["the card"]
    assert stage.calls("conversations.history") == 0


@pytest.mark.parametrize("channel", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_crash_between_the_posting_and_its_note_doubles_nothing(
    stage: Stage, channel: str, in_thread: bool
) -> None:
    posts = FakePosts(stage.clock)
    root, _ = await stage.outbox(posts).post_once("r0", "card", channel, message(request_id="r0"))
    thread = root.ts if in_thread else None
    dying = Forgetful(stage.clock, rows=posts.rows, turns=posts.turns)
    stage.clock.moment += timedelta(seconds=2)
    with pytest.raises(Crash):
        await stage.outbox(dying).post_once("r1", "result", channel, message("result"), thread)

    stage.clock.moment += timedelta(minutes=3)
    found, is_new = await stage.outbox(posts.seen_by("two")).post_once(
        "r1", "result", channel, message("result"), thread
    )
    assert not is_new
    assert stage.shown(channel) == ["the card", "the card"]
    assert posts.rows["r1", "result"].ref == found
    (posted,) = stage.slack.sandbox.slack.messages.within(channel)[1:]
    assert found.ts == posted.ts
    assert posted.thread_ts == thread


async def test_without_the_scope_the_same_crash_says_it_twice_and_the_log_says_why(
    blind: Stage,
) -> None:
    dying = Forgetful(blind.clock)
    with pytest.raises(Crash):
        await blind.outbox(dying).post_once("r1", "card", PUBLIC, message())
    blind.clock.moment += timedelta(minutes=3)
    posts = FakePosts(blind.clock, "two", dying.rows, dying.turns)
    with structlog.testing.capture_logs() as logs:
        _, is_new = await blind.outbox(posts).post_once("r1", "card", PUBLIC, message())
    assert is_new
    assert blind.shown() == ["the card", "the card"]
    assert ("messages_cannot_be_found_again", "missing_scope") in {
        (entry["event"], entry.get("cause")) for entry in logs
    }
    assert not posts.in_doubt("r1", "card")


async def test_a_lost_answer_is_looked_for_at_once_by_the_process_that_lost_it(
    stage: Stage,
) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    stage.fault("chat.postMessage", "drop")
    with pytest.raises(DeliveryPostponedError):
        await outbox.post_once("r1", "card", PUBLIC, message())
    assert posts.in_doubt("r1", "card")
    _, is_new = await outbox.post_once("r1", "card", PUBLIC, message())
    assert not is_new
    assert stage.shown() == ["the card"]


@pytest.mark.parametrize("kind", ["drop_before", "http_500"])
async def test_what_got_lost_on_the_way_there_is_posted_after_all(stage: Stage, kind: str) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    stage.fault("chat.postMessage", kind)
    with pytest.raises(DeliveryPostponedError):
        await outbox.post_once("r1", "card", PUBLIC, message())
    assert posts.in_doubt("r1", "card")
    _, is_new = await outbox.post_once("r1", "card", PUBLIC, message())
    assert is_new
    assert stage.shown() == ["the card"]
    assert stage.calls("conversations.history") == 1


async def test_a_rate_limit_leaves_nothing_in_doubt(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    stage.fault("chat.postMessage", "ratelimited", retry_after=9)
    with pytest.raises(DeliveryPostponedError) as postponed:
        await stage.outbox(posts).post_once("r1", "card", PUBLIC, message())
    assert postponed.value.seconds == 9
    assert not posts.in_doubt("r1", "card")
    _, is_new = await stage.outbox(posts).post_once("r1", "card", PUBLIC, message())
    assert is_new
    assert stage.calls("conversations.history") == 0


async def test_a_refusal_leaves_nothing_in_doubt(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    with pytest.raises(DeliveryImpossibleError, match="is_archived"):
        await stage.outbox(posts).post_once("r1", "card", ARCHIVED, message())
    assert not posts.in_doubt("r1", "card")


async def test_an_attempt_that_was_called_off_stays_in_doubt(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    stage.fault("chat.postMessage", "slow")
    attempt = asyncio.create_task(outbox.post_once("r1", "card", PUBLIC, message()))
    await asyncio.sleep(0)
    attempt.cancel()
    with suppress(asyncio.CancelledError):
        await attempt
    assert posts.in_doubt("r1", "card")


async def test_a_look_that_fails_posts_nothing(stage: Stage) -> None:
    dying = Forgetful(stage.clock)
    with pytest.raises(Crash):
        await stage.outbox(dying).post_once("r1", "card", PUBLIC, message())
    stage.clock.moment += timedelta(minutes=1)
    posts = FakePosts(stage.clock, "two", dying.rows, dying.turns)
    stage.fault("conversations.history", "http_500")
    with pytest.raises(DeliveryPostponedError):
        await stage.outbox(posts).post_once("r1", "card", PUBLIC, message())
    assert posts.in_doubt("r1", "card")
    await stage.outbox(posts).post_once("r1", "card", PUBLIC, message())
    assert stage.shown() == ["the card"]


async def test_another_process_may_still_be_posting(stage: Stage) -> None:
    one = FakePosts(stage.clock)
    await one.take_turn("r1", "card", PUBLIC)
    stage.clock.moment += timedelta(seconds=4)
    two = stage.outbox(one.seen_by("two"))
    with pytest.raises(DeliveryPostponedError, match="being posted") as postponed:
        await two.post_once("r1", "card", PUBLIC, message())
    assert postponed.value.seconds == 11
    assert stage.calls("conversations.history") == 0
    stage.clock.moment += timedelta(seconds=11)
    _, is_new = await two.post_once("r1", "card", PUBLIC, message())
    assert is_new


async def test_a_process_whose_clock_is_ahead_holds_nobody_up_for_long(stage: Stage) -> None:
    one = FakePosts(Clock(stage.clock() + timedelta(hours=1)))
    await one.take_turn("r1", "card", PUBLIC)
    two = FakePosts(stage.clock, "two", one.rows, one.turns)
    with pytest.raises(DeliveryPostponedError) as postponed:
        await stage.outbox(two).post_once("r1", "card", PUBLIC, message())
    assert postponed.value.seconds == 15


async def test_two_processes_at_once_post_one_message(stage: Stage) -> None:
    one = FakePosts(stage.clock)
    attempts = [
        stage.outbox(posts).post_once("r1", "card", PUBLIC, message())
        for posts in (one, one.seen_by("two"))
    ]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "DeliveryPostponedError",
        "tuple",
    ]
    assert stage.shown() == ["the card"]


async def test_messages_to_one_channel_keep_their_distance(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    for number in range(3):
        await outbox.post_once(f"r{number}", "card", PUBLIC, message(request_id=f"r{number}"))
    await outbox.post_once("r0", "card:direct", REQUESTER, message())
    assert stage.clock.pauses == [1, 1]


async def test_a_long_queue_is_waited_for_elsewhere_and_survives_a_restart(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    for number in range(5):
        await posts.take_turn(f"r{number}", "card", PUBLIC)
    with pytest.raises(DeliveryPostponedError, match="turn") as postponed:
        await stage.outbox(posts).post_once("r9", "card", PUBLIC, message(request_id="r9"))
    assert postponed.value.seconds == 5
    stage.clock.moment += timedelta(seconds=3)
    later = stage.outbox(posts.seen_by("two"))
    with pytest.raises(DeliveryPostponedError) as postponed:
        await later.post_once("r9", "card", PUBLIC, message(request_id="r9"))
    assert postponed.value.seconds == 2
    stage.clock.moment += timedelta(seconds=2)
    _, is_new = await later.post_once("r9", "card", PUBLIC, message(request_id="r9"))
    assert is_new
    assert stage.clock.pauses == []


async def test_what_is_gone_is_posted_anew(stage: Stage) -> None:
    outbox = stage.outbox(FakePosts(stage.clock))
    first, _ = await outbox.post_once("r1", "card", PUBLIC, message())
    second, is_new = await outbox.post_once("r1", "card", PUBLIC, message(), gone=first)
    assert is_new
    assert second != first
    third, is_new = await outbox.post_once("r1", "card", PUBLIC, message(), gone=first)
    assert (third, is_new) == (second, False)


async def test_what_can_no_longer_be_updated_is_not_found_in_its_own_place(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    first, _ = await outbox.post_once("r1", "card", PUBLIC, message())
    stage.fault("chat.postMessage", "drop_before")
    stage.clock.moment += timedelta(seconds=1)
    with pytest.raises(DeliveryPostponedError):
        await outbox.post_once("r1", "card", PUBLIC, message(), gone=first)
    second, is_new = await outbox.post_once("r1", "card", PUBLIC, message(), gone=first)
    assert is_new
    assert second != first


async def test_a_direct_message_in_doubt_is_sent_again(stage: Stage) -> None:
    posts = FakePosts(stage.clock)
    outbox = stage.outbox(posts)
    stage.fault("chat.postMessage", "drop")
    with pytest.raises(DeliveryPostponedError):
        await outbox.post_once("r1", "card:direct", REQUESTER, message())
    ref, is_new = await outbox.post_once("r1", "card:direct", REQUESTER, message())
    assert is_new
    assert stage.shown(ref.channel) == ["the card", "the card"]
