"""What goes out to Slack, and how its troubles are sorted: later, or never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.request import MessageRef
from bot.slack.calls import leaving_proxies_to_session
from bot.slack.cards import Message
from bot.slack.cards.message import FALLBACK_LIMIT, section
from bot.slack.poster import Poster, Recipient
from bot.slack.socket import socket_handler
from tests.unit.slack.loopback import CUT, Json, Reply, Slack, refusal, slack_and_poster

pytestmark = pytest.mark.anyio

CARD = MessageRef("C0REFUNDS", "1784041200.000100")
MESSAGE = Message("Order 1", (section("Order 1"),), {"event_type": "x", "event_payload": {}})
Both = tuple[Slack, Poster]


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    async with slack_and_poster() as pair:
        yield pair


async def test_a_message_is_posted_quietly_and_its_place_returned(both: Both) -> None:
    slack, poster = both
    assert await poster.post("C0REFUNDS", MESSAGE, thread="1.2") == CARD
    ((method, sent),) = slack.calls
    assert method == "chat.postMessage"
    assert (sent["channel"], sent["text"], sent["thread_ts"]) == ("C0REFUNDS", "Order 1", "1.2")
    assert (sent["blocks"], sent["metadata"]) == (list(MESSAGE.blocks), MESSAGE.metadata)
    assert {str(sent["unfurl_links"]).lower(), str(sent["unfurl_media"]).lower()} <= {"false", "0"}


@pytest.mark.parametrize(
    ("thread", "broadcast", "sent"),
    [("1.2", True, True), ("1.2", False, False), (None, True, False)],
)
async def test_only_a_reply_can_be_shown_in_the_channel_as_well(
    both: Both, thread: str | None, broadcast: bool, sent: bool
) -> None:
    slack, poster = both
    await poster.post("C0REFUNDS", replace(MESSAGE, broadcast=broadcast), thread)
    assert ("reply_broadcast" in slack.calls[0][1]) is sent


async def test_a_message_to_a_person_stands_where_slack_says(both: Both) -> None:
    slack, poster = both
    slack.replies["chat.postMessage"] = [Reply({"ok": True, "ts": "1.2", "channel": "D0ROBIN"})]
    assert await poster.post("U0REQUEST", MESSAGE) == MessageRef("D0ROBIN", "1.2")


async def test_a_message_is_updated_where_it_stands(both: Both) -> None:
    slack, poster = both
    await poster.update(CARD, MESSAGE)
    ((method, sent),) = slack.calls
    assert (method, sent["channel"], sent["ts"]) == ("chat.update", CARD.channel, CARD.ts)
    assert sent["blocks"] == list(MESSAGE.blocks)


async def test_a_plain_update_takes_the_old_blocks_away(both: Both) -> None:
    slack, poster = both
    await poster.update(CARD, Message("plain"))
    assert slack.calls[0][1]["blocks"] == []


async def test_a_text_too_long_for_slack_is_cut(both: Both) -> None:
    slack, poster = both
    await poster.post("C0REFUNDS", Message("x" * 10_000))
    await poster.update(CARD, Message("x" * 10_000))
    assert [len(sent["text"]) for _, sent in slack.calls] == [FALLBACK_LIMIT] * 2


LIMITED = [
    (refusal("ratelimited"), 1.0),
    (refusal("rate_limited", 429), 1.0),
    (refusal("ratelimited", 429, Retry_After="7"), 7.0),
    (refusal("ratelimited", 429, Retry_After="9999"), 60.0),
    (refusal("ratelimited", 429, Retry_After="soon"), 1.0),
    (Reply("<html>slow down</html>", 429, {"Retry-After": "3"}), 3.0),
    (refusal("team_added_to_org"), None),
]
LOST = [
    refusal("internal_error"),
    refusal("fatal_error"),
    refusal("request_timeout"),
    refusal("service_unavailable", 503),
    refusal("channel_not_found", 500),
    Reply("<html>Bad gateway</html>", 502),
    Reply("<html>Log in to the hotel’s network</html>"),
    Reply(["not", "Slack"]),
    Reply({"ok": False}),
    Reply(None),
    Reply({}, status=CUT),
]


@pytest.mark.parametrize(("reply", "seconds"), LIMITED)
async def test_what_slack_puts_off_is_done_later(
    both: Both, reply: Reply, seconds: float | None
) -> None:
    slack, poster = both
    slack.replies["chat.postMessage"] = [reply]
    with pytest.raises(DeliveryPostponedError) as postponed:
        await poster.post("C0REFUNDS", MESSAGE)
    assert postponed.value.seconds == seconds
    assert not postponed.value.in_doubt
    assert slack.methods == ["chat.postMessage"]


@pytest.mark.parametrize("reply", LOST)
async def test_where_the_answer_is_lost_nobody_knows_what_became_of_it(
    both: Both, reply: Reply
) -> None:
    slack, poster = both
    slack.replies["chat.postMessage"] = [reply]
    with pytest.raises(DeliveryPostponedError) as postponed:
        await poster.post("C0REFUNDS", MESSAGE)
    assert postponed.value.seconds is None
    assert postponed.value.in_doubt
    assert slack.methods == ["chat.postMessage"]


async def test_a_slack_that_cannot_be_reached_is_tried_later() -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            "xoxb-test", "http://127.0.0.1:1/", session=session, retry_handlers=[]
        )
        with pytest.raises(DeliveryPostponedError) as postponed:
            await Poster(client, session).post("C0REFUNDS", MESSAGE)
        assert not postponed.value.in_doubt


@pytest.mark.parametrize(
    "error",
    [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "message_not_found",
        "invalid_blocks",
        "invalid_auth",
        "missing_scope",
        "an_error_nobody_has_heard_of",
    ],
)
async def test_what_slack_refuses_is_refused_for_good(both: Both, error: str) -> None:
    slack, poster = both
    slack.replies["chat.update"] = [refusal(error)]
    with pytest.raises(DeliveryImpossibleError) as impossible:
        await poster.update(CARD, MESSAGE)
    assert impossible.value.cause == error


async def test_a_message_without_a_place_may_have_been_anything(both: Both) -> None:
    slack, poster = both
    slack.replies["chat.postMessage"] = [Reply({"ok": True})]
    with pytest.raises(DeliveryPostponedError) as postponed:
        await poster.post("C0REFUNDS", MESSAGE)
    assert postponed.value.in_doubt


async def test_a_method_that_is_limited_is_left_alone_by_everybody(both: Both) -> None:
    slack, poster = both
    slack.replies["chat.update"] = [refusal("ratelimited", 429, Retry_After="30")]
    for _ in range(3):
        with pytest.raises(DeliveryPostponedError) as postponed:
            await poster.update(CARD, MESSAGE)
        assert postponed.value.seconds is not None
        assert 25 < postponed.value.seconds <= 30
        assert not postponed.value.in_doubt
    await poster.post("C0REFUNDS", MESSAGE)
    assert slack.methods == ["chat.update", "chat.postMessage"]


async def test_a_form_is_opened_by_its_trigger(both: Both) -> None:
    slack, poster = both
    view = {"type": "modal", "callback_id": "cancel_order"}
    await poster.open_view("1.2.3", view)
    ((method, sent),) = slack.calls
    assert (method, sent["trigger_id"], sent["view"]) == ("views.open", "1.2.3", view)


async def test_a_form_whose_trigger_is_spent_cannot_be_opened(both: Both) -> None:
    slack, poster = both
    slack.replies["views.open"] = [refusal("expired_trigger_id")]
    with pytest.raises(DeliveryImpossibleError, match="expired_trigger_id"):
        await poster.open_view("1.2.3", {})


def robin(slack: Slack, channel: str | None = "C0REFUNDS", respond: bool = True) -> Recipient:
    return Recipient("U0REQUEST", channel, f"{slack.base}respond" if respond else None)


async def test_a_private_answer_goes_by_slacks_own_way_back(both: Both) -> None:
    slack, poster = both
    await poster.whisper(robin(slack), "Not allowed.")
    ((method, sent),) = slack.calls
    assert (method, sent["text"]) == ("respond", "Not allowed.")
    assert (sent["response_type"], sent["replace_original"]) == ("ephemeral", False)


@pytest.mark.parametrize("reply", [Reply("expired_url", 404), Reply("no", 500), Reply("", CUT)])
async def test_where_that_way_is_spent_it_is_said_in_the_channel(both: Both, reply: Reply) -> None:
    slack, poster = both
    slack.replies["respond"] = [reply]
    await poster.whisper(robin(slack), "Not allowed.")
    assert slack.methods == ["respond", "chat.postEphemeral"]
    sent = slack.calls[1][1]
    assert (sent["channel"], sent["user"], sent["text"]) == (
        "C0REFUNDS",
        "U0REQUEST",
        "Not allowed.",
    )


@pytest.mark.parametrize("error", ["channel_not_found", "user_not_in_channel", "is_archived"])
async def test_where_the_channel_is_closed_it_is_said_directly(both: Both, error: str) -> None:
    slack, poster = both
    slack.replies["chat.postEphemeral"] = [refusal(error)]
    slack.replies["conversations.open"] = [Reply({"ok": True, "channel": {"id": "D0ROBIN"}})]
    await poster.whisper(robin(slack, respond=False), "Not allowed.")
    assert slack.methods == ["chat.postEphemeral", "conversations.open", "chat.postMessage"]
    assert slack.calls[2][1]["channel"] == "D0ROBIN"


async def test_without_a_channel_it_is_said_directly(both: Both) -> None:
    slack, poster = both
    slack.replies["conversations.open"] = [Reply({"ok": True, "channel": {"id": "D0ROBIN"}})]
    await poster.whisper(robin(slack, channel=None, respond=False), "Not allowed.")
    assert slack.methods == ["conversations.open", "chat.postMessage"]


async def test_a_passing_trouble_is_no_reason_to_write_directly(both: Both) -> None:
    slack, poster = both
    slack.replies["chat.postEphemeral"] = [refusal("ratelimited", 429)]
    with pytest.raises(DeliveryPostponedError):
        await poster.whisper(robin(slack, respond=False), "Not allowed.")


async def test_links_to_messages_are_known_once_slack_knows_us(both: Both) -> None:
    slack, poster = both
    assert poster.permalink(CARD) is None
    slack.replies["auth.test"] = [Reply({"ok": True, "url": "https://museum.slack.com/"})]
    await poster.introduce()
    link = "https://museum.slack.com/archives/C0REFUNDS/p1784041200000100"
    assert poster.permalink(CARD) == link
    assert poster.permalink(None) is None


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive", "token_revoked"])
async def test_a_token_that_slack_refuses_is_told_apart(both: Both, error: str) -> None:
    slack, poster = both
    slack.replies["auth.test"] = [refusal(error)]
    with pytest.raises(DeliveryImpossibleError, match=error):
        await poster.introduce()


SINCE = datetime(2026, 7, 14, 15, 0, tzinfo=UTC)


def ours(
    ts: str, kind: str = "card", request_id: str = "r1", event: str = "rescind_request"
) -> Json:
    payload = {"request_id": request_id, "kind": kind, "version": 3}
    return {"ts": ts, "metadata": {"event_type": event, "event_payload": payload}}


def page(*messages: Json, cursor: str = "") -> Reply:
    more = {"response_metadata": {"next_cursor": cursor}}
    return Reply({"ok": True, "messages": list(messages), **more})


OTHERS: list[Json] = [
    {"ts": "1.1", "text": "hello"},
    {"ts": "1.2", "metadata": {"event_type": "rescind_request"}},
    ours("1.3", "result"),
    ours("1.4", request_id="r2"),
    ours("1.5", event="somebody_else"),
]


async def test_a_message_is_found_by_its_metadata(both: Both) -> None:
    slack, poster = both
    slack.replies["conversations.history"] = [page(*OTHERS, ours("1.6"))]
    found = await poster.find("C0REFUNDS", None, SINCE, "r1", "card")
    assert found == MessageRef("C0REFUNDS", "1.6")
    ((method, asked),) = slack.calls
    assert (method, asked["include_all_metadata"]) == ("conversations.history", "1")
    assert float(asked["oldest"]) < SINCE.timestamp() < float(asked["latest"])


async def test_a_reply_is_looked_for_in_its_thread(both: Both) -> None:
    slack, poster = both
    slack.replies["conversations.replies"] = [page(ours("1.0"), ours("1.7", "result"))]
    found = await poster.find("C0REFUNDS", "1.0", SINCE, "r1", "result")
    assert found == MessageRef("C0REFUNDS", "1.7")
    ((method, asked),) = slack.calls
    assert (method, asked["ts"]) == ("conversations.replies", "1.0")


async def test_the_search_turns_the_pages_and_comes_to_an_end(both: Both) -> None:
    slack, poster = both
    slack.replies["conversations.history"] = [page(*OTHERS, cursor="next"), page(ours("1.6"))]
    assert await poster.find("C0REFUNDS", None, SINCE, "r1", "card")
    assert slack.calls[1][1]["cursor"] == "next"
    slack.replies["conversations.history"] = [page(*OTHERS)]
    assert await poster.find("C0REFUNDS", None, SINCE, "r1", "card") is None
    slack.calls.clear()
    slack.replies["conversations.history"] = [page(*OTHERS, cursor="for ever")]
    assert await poster.find("C0REFUNDS", None, SINCE, "r1", "card") is None
    assert len(slack.calls) == 10


@pytest.mark.parametrize(
    "error", ["missing_scope", "not_in_channel", "not_allowed_token_type", "channel_not_found"]
)
async def test_where_we_may_not_look_nothing_is_found_and_it_is_said_once(
    both: Both, error: str
) -> None:
    slack, poster = both
    slack.replies["conversations.history"] = [refusal(error)]
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert await poster.find("C0REFUNDS", None, SINCE, "r1", "card") is None
    assert [(entry["event"], entry["cause"]) for entry in logs] == [
        ("messages_cannot_be_found_again", error)
    ]


async def test_a_thread_that_is_gone_holds_nothing(both: Both) -> None:
    slack, poster = both
    slack.replies["conversations.replies"] = [refusal("thread_not_found")]
    with structlog.testing.capture_logs() as logs:
        assert await poster.find("C0REFUNDS", "1.0", SINCE, "r1", "result") is None
    assert logs == []


@pytest.mark.parametrize("channel", ["U0REQUEST", "W0REQUEST", "D0REQUEST"])
async def test_what_people_write_to_the_bot_is_not_read(both: Both, channel: str) -> None:
    slack, poster = both
    assert await poster.find(channel, None, SINCE, "r1", "card") is None
    assert slack.calls == []


@pytest.mark.parametrize("reply", [refusal("ratelimited", 429), *LOST])
async def test_a_slack_that_cannot_say_is_asked_again_later(both: Both, reply: Reply) -> None:
    slack, poster = both
    slack.replies["conversations.history"] = [reply]
    with pytest.raises(DeliveryPostponedError):
        await poster.find("C0REFUNDS", None, SINCE, "r1", "card")


async def test_no_call_takes_a_proxy_that_no_proxy_rules_out(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session knows NO_PROXY; slack_sdk by itself would hand tokens to the proxy anyway."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    slack, _ = both
    async with aiohttp.ClientSession(trust_env=True) as session:
        by_itself = AsyncWebClient("xoxb-test", slack.base, session=session, retry_handlers=[])
        assert by_itself.proxy
        client = leaving_proxies_to_session(by_itself)
        poster = Poster(client, session)
        await poster.post("C0REFUNDS", MESSAGE)
        await poster.whisper(Recipient("U0REQUEST", "C0REFUNDS", f"{slack.base}hook"), "Hello")
    assert slack.methods == ["chat.postMessage", "hook"]


@pytest.mark.parametrize(("no_proxy", "is_taken"), [("", True), ("slack.com", False)])
async def test_the_socket_takes_a_proxy_unless_it_is_ruled_out(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, is_taken: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    client = AsyncWebClient("xoxb-test", "https://slack.com/api/")
    app = AsyncApp(
        client=client, signing_secret="not used here", request_verification_enabled=False
    )
    handler = socket_handler(app, SecretStr("xapp-test"))
    try:
        assert bool(handler.client.proxy) is is_taken
    finally:
        await handler.client.close()  # type: ignore[no-untyped-call]
