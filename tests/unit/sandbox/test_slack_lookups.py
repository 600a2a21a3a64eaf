"""The Web API stand-in: looking up conversations and their messages."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.slack_desk import (
    AVERY,
    BOX_OFFICE,
    GENERAL,
    REFUNDS,
    ROBIN,
    Desk,
    Json,
    desk,
)


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def reasons(answer: Json) -> list[str]:
    messages: list[str] = answer["response_metadata"]["messages"]
    return messages


def test_a_permalink_leads_to_the_message(at: Desk) -> None:
    root = at.post("card")
    reply = at.post("details", thread_ts=root)
    link = at.api("chat.getPermalink", channel=REFUNDS, message_ts=root)["permalink"]
    assert link == f"https://riverside-arts.slack.com/archives/{REFUNDS}/p{root.replace('.', '')}"
    link = at.api("chat.getPermalink", channel=REFUNDS, message_ts=reply)["permalink"]
    assert link.endswith(f"?thread_ts={root}&cid={REFUNDS}")
    answer = at.api("chat.getPermalink", channel=REFUNDS, message_ts="1.000001")
    assert answer["error"] == "message_not_found"


def test_a_direct_message_is_opened_once(at: Desk) -> None:
    first = at.api("conversations.open", users=ROBIN)
    again = at.api("conversations.open", users=ROBIN, return_im="1")
    assert first["channel"] == {"id": "D0REQUEST"}
    assert (again["already_open"], again["channel"]["user"]) == (True, ROBIN)
    assert [c["name"] for c in at.state()["channels"] if c["kind"] == "im"] == ["rescind"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "users_list_not_supplied"),
        ({"users": "U0NOBODY"}, "user_not_found"),
        ({"users": "U0RESCIND"}, "cannot_dm_bot"),
        ({"users": f"{ROBIN},{AVERY}"}, "missing_scope"),
        ({"channel": REFUNDS}, "method_not_supported_for_channel_type"),
    ],
)
def test_a_direct_message_that_cannot_be_opened(at: Desk, arguments: Json, error: str) -> None:
    assert at.api("conversations.open", **arguments)["error"] == error


def test_a_channel_describes_itself_to_those_who_may_know_of_it(at: Desk) -> None:
    described = at.api("conversations.info", channel=GENERAL)["channel"]
    assert (described["name"], described["is_member"], described["is_ext_shared"]) == (
        "general",
        False,
        False,
    )
    at.ui("members", channel=BOX_OFFICE, user="U0RESCIND", present=False)
    assert at.api("conversations.info", channel=BOX_OFFICE)["error"] == "channel_not_found"


def test_reading_a_private_channel_needs_the_scope_for_private_channels() -> None:
    with desk(granted_scopes=("channels:read", "channels:history")) as at:
        assert at.api("conversations.info", channel=REFUNDS)["ok"]
        assert at.api("conversations.info", channel=BOX_OFFICE)["needed"] == "groups:read"
        assert at.api("conversations.history", channel=BOX_OFFICE)["needed"] == "groups:history"


def test_history_is_newest_first_paged_and_without_replies_or_private_messages(at: Desk) -> None:
    first, second, third = (at.post(text) for text in ("one", "two", "three"))
    at.post("reply", thread_ts=first)
    at.api("chat.postEphemeral", channel=REFUNDS, user=ROBIN, text="only you")
    page = at.api("conversations.history", channel=REFUNDS, limit=2)
    assert [message["ts"] for message in page["messages"]] == [third, second]
    assert page["has_more"] is True
    cursor = page["response_metadata"]["next_cursor"]
    rest = at.api("conversations.history", channel=REFUNDS, limit=2, cursor=cursor)
    assert [message["text"] for message in rest["messages"]] == ["one"]
    assert rest["messages"][0]["reply_count"] == 1
    after = at.api("conversations.history", channel=REFUNDS, oldest=second)
    assert [message["ts"] for message in after["messages"]] == [third]
    window = {"oldest": second, "latest": second, "inclusive": "1"}
    only = at.api("conversations.history", channel=REFUNDS, **window)
    assert [message["ts"] for message in only["messages"]] == [second]


def test_metadata_is_returned_only_on_request(at: Desk) -> None:
    metadata = {"event_type": "cancellation", "event_payload": {"request": "r1"}}
    ts = at.post(metadata=metadata)
    for method, more in (("conversations.history", {}), ("conversations.replies", {"ts": ts})):
        plain = at.api(method, channel=REFUNDS, **more)["messages"][0]
        asked = at.api(method, channel=REFUNDS, include_all_metadata="1", **more)["messages"][0]
        assert ("metadata" in plain, asked["metadata"]) == (False, metadata)


def test_replies_begin_with_the_message_they_answer(at: Desk) -> None:
    root = at.post("card")
    reply = at.post("details", thread_ts=root)
    answer = at.api("conversations.replies", channel=REFUNDS, ts=root)
    assert [message["ts"] for message in answer["messages"]] == [root, reply]
    assert answer["messages"][1]["parent_user_id"] == "U0RESCIND"
    answer = at.api("conversations.replies", channel=REFUNDS, ts="1.000001")
    assert answer["error"] == "thread_not_found"


def test_a_moment_that_is_none_is_refused(at: Desk) -> None:
    answer = at.api("conversations.history", channel=REFUNDS, oldest="yesterday")
    assert answer["error"] == "invalid_ts_oldest"


@pytest.mark.parametrize("cursor", ["nonsense", "bmV4dDrCsg==", "bmV4dDo5OTk5OTk5OTk5OTk5", "é"])
def test_a_made_up_cursor_is_refused(at: Desk, cursor: str) -> None:
    answer = at.api("conversations.history", channel=REFUNDS, cursor=cursor)
    assert answer["error"] == "invalid_cursor"
