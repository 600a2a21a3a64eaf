"""Slack's Web API in the sandbox: who may call it, with what, and how it says no."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.slack.manifest import load_manifest
from tests.unit.sandbox.slack_desk import (
    ARCHIVE,
    AVERY,
    BOX_OFFICE,
    GALE,
    GENERAL,
    REFUNDS,
    ROBIN,
    TOKEN,
    Desk,
    Json,
    actions,
    button,
    desk,
    section,
)


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def reasons(answer: Json) -> list[str]:
    messages: list[str] = answer["response_metadata"]["messages"]
    return messages


def test_auth_test_says_who_the_bot_is(at: Desk) -> None:
    answer = at.api("auth.test")
    assert (answer["ok"], answer["team_id"], answer["user_id"], answer["bot_id"]) == (
        True,
        "T0SANDBOX",
        "U0RESCIND",
        "B0RESCIND",
    )
    assert answer["url"] == "https://riverside-arts.slack.com/"


@pytest.mark.parametrize(
    ("headers", "error"),
    [({}, "not_authed"), ({"Authorization": "Bearer xoxb-other"}, "invalid_auth")],
)
def test_a_call_needs_the_right_token(at: Desk, headers: dict[str, str], error: str) -> None:
    assert at.http.post("/api/auth.test", headers=headers).json() == {"ok": False, "error": error}


def test_a_form_may_carry_the_token_but_a_json_body_may_not(at: Desk) -> None:
    assert at.http.post("/api/auth.test", data={"token": TOKEN}).json()["ok"]
    answer = at.http.post("/api/auth.test", json={"token": TOKEN}).json()
    assert answer["error"] == "not_authed"


def test_the_granted_scopes_are_in_the_headers() -> None:
    with desk(granted_scopes=("chat:write",)) as at:
        response = at.http.post("/api/auth.test", data={"token": TOKEN})
    assert response.headers["x-oauth-scopes"] == "chat:write"


def test_a_missing_scope_is_named() -> None:
    with desk(granted_scopes=("commands",)) as at:
        assert at.api("chat.postMessage", channel=REFUNDS, text="x") == {
            "ok": False,
            "error": "missing_scope",
            "needed": "chat:write",
            "provided": "commands",
        }


def test_by_default_the_bot_has_the_scopes_of_the_manifest() -> None:
    with desk(granted_scopes=None) as at:
        assert at.api("chat.postMessage", channel=REFUNDS, text="x")["ok"]
        assert at.api("users.info", user=ROBIN)["ok"]
        assert at.api("conversations.info", channel=REFUNDS)["error"] == "missing_scope"


def test_whoever_installs_the_app_may_withhold_what_is_optional() -> None:
    with desk(granted_scopes=None) as at:
        assert at.api("conversations.history", channel=REFUNDS)["ok"]
    with desk(granted_scopes=None, optional_scopes=False) as at:
        assert at.api("chat.postMessage", channel=REFUNDS, text="x")["ok"]
        answer = at.api("conversations.history", channel=REFUNDS)
        assert answer["error"] == "missing_scope"
        assert answer["needed"] == "channels:history,groups:history,im:history,mpim:history"
        answer = at.api("usergroups.users.list", usergroup="S0APPROVE")
        assert answer["needed"] == "usergroups:read"


def test_an_optional_scope_has_to_be_asked_for_as_well(tmp_path: Path) -> None:
    lone = tmp_path / "manifest.yml"
    lone.write_text("oauth_config: {scopes: {bot: [commands], bot_optional: [im:history]}}")
    with pytest.raises(ValueError, match="bot_optional"):
        load_manifest(lone)


def test_an_unknown_method_is_refused(at: Desk) -> None:
    assert at.api("chat.scream")["error"] == "unknown_method"


def test_a_form_body_works_like_a_json_body(at: Desk) -> None:
    form = {"token": TOKEN, "channel": REFUNDS, "text": "x", "blocks": json.dumps([section()])}
    answer = at.http.post("/api/chat.postMessage", data=form).json()
    assert answer["ok"]
    assert answer["message"]["blocks"][0]["text"]["text"] == "An order"


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json; charset=utf-8", "invalid_json"),
        (b"[1]", "application/json; charset=utf-8", "json_not_object"),
        (b'{"text": "\\ud800"}', "application/json; charset=utf-8", "invalid_json"),
        (b'{"n": 1e999}', "application/json; charset=utf-8", "invalid_json"),
        (b'{"n": ' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", "invalid_json"),
        (b"\xff\xfe", "application/x-www-form-urlencoded", "invalid_form_data"),
        (b"hello", "text/plain", "invalid_post_type"),
        (b"hello", "", "missing_post_type"),
    ],
)
def test_an_unreadable_body_gets_its_own_error(
    at: Desk, body: bytes, content_type: str, error: str
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type}
    response = at.http.post("/api/chat.postMessage", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (200, error)


def test_a_json_body_without_a_charset_is_warned_about(at: Desk) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = at.http.post("/api/auth.test", json={}, headers=headers).json()
    assert answer["warning"] == "missing_charset"


def test_methods_that_read_no_json_see_no_arguments_in_it(at: Desk) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = at.http.post("/api/users.info", json={"user": ROBIN}, headers=headers).json()
    assert reasons(answer) == ["[ERROR] missing required field: user"]
    assert at.api("users.info", user=ROBIN)["user"]["real_name"] == "Robin Quill"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"text": "x"}, "[ERROR] missing required field: channel"),
        (
            {"channel": REFUNDS, "text": "x", "colour": "red"},
            "[ERROR] unsupported argument: colour [json-pointer:/colour]",
        ),
        ({"channel": 5, "text": "x"}, "[ERROR] must provide a string [json-pointer:/channel]"),
        (
            {"channel": REFUNDS, "text": "x", "unfurl_links": "maybe"},
            "[ERROR] must provide a boolean [json-pointer:/unfurl_links]",
        ),
    ],
)
def test_a_wrong_argument_is_named(at: Desk, arguments: Json, reason: str) -> None:
    answer = at.api("chat.postMessage", **arguments)
    assert (answer["error"], reasons(answer)) == ("invalid_arguments", [reason])


def test_a_posted_message_stands_in_the_channel(at: Desk) -> None:
    metadata = {"event_type": "cancellation", "event_payload": {"request": "r1"}}
    ts = at.post("Refunded", blocks=[section(), actions(button())], metadata=metadata)
    (message,) = at.messages(AVERY)
    assert (message["ts"], message["text"], message["bot"]) == (ts, "Refunded", True)
    assert message["metadata"] == metadata
    assert all(block["block_id"] for block in message["blocks"])


def test_every_message_has_a_ts_of_its_own_even_in_the_same_instant(at: Desk) -> None:
    stamps = [at.post(str(n)) for n in range(4)]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOWHERE", "channel_not_found"),
        ("refunds", "channel_not_found"),
        (GENERAL, "not_in_channel"),
        (ARCHIVE, "is_archived"),
        ("U0NOBODY", "channel_not_found"),
        ("U0RESCIND", "cannot_dm_bot"),
    ],
)
def test_a_channel_the_bot_cannot_post_in_is_refused(at: Desk, channel: str, error: str) -> None:
    assert at.api("chat.postMessage", channel=channel, text="x")["error"] == error


def test_a_private_channel_without_the_bot_does_not_exist_for_it(at: Desk) -> None:
    assert at.ui("members", channel=BOX_OFFICE, user="U0RESCIND", present=False)["ok"]
    answer = at.api("chat.postMessage", channel=BOX_OFFICE, text="x")
    assert answer["error"] == "channel_not_found"


def test_a_bot_posts_where_it_has_been_invited(at: Desk) -> None:
    at.ui("members", channel=GENERAL, user="U0RESCIND", present=True)
    assert at.post(channel=GENERAL)


def test_a_persons_id_as_channel_opens_a_direct_message(at: Desk) -> None:
    answer = at.api("chat.postMessage", channel=ROBIN, text="psst")
    assert answer["channel"] == "D0REQUEST"
    assert at.texts(ROBIN, "D0REQUEST") == ["psst"]
    assert "D0REQUEST" not in [channel["id"] for channel in at.state(AVERY)["channels"]]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": "[{"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": {}}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "x", "attachments": {}}, "invalid_attachments"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
    ],
)
def test_a_message_slack_would_not_take_is_refused(at: Desk, content: Json, error: str) -> None:
    answer = at.api("chat.postMessage", channel=REFUNDS, **content)
    assert (answer["ok"], answer["error"], at.messages()) == (False, error, [])


def test_invalid_blocks_come_back_with_the_place_of_the_mistake(at: Desk) -> None:
    answer = at.api("chat.postMessage", channel=REFUNDS, text="x", blocks=[section("x" * 3001)])
    place = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert reasons(answer) == [f"[ERROR] {place}"]
    assert answer["errors"] == [place]


def test_a_name_or_face_of_its_own_needs_a_scope_of_its_own(at: Desk) -> None:
    answer = at.api("chat.postMessage", channel=REFUNDS, text="x", username="Finance")
    assert answer["needed"] == "chat:write.customize"


def test_replies_hang_on_the_message_they_answer(at: Desk) -> None:
    root = at.post("card")
    reply = at.post("details", thread_ts=root)
    shown = {message["ts"]: message for message in at.messages()}
    assert shown[root]["reply_count"] == 1
    assert shown[reply]["thread_ts"] == root


def test_a_reply_can_be_broadcast_to_the_channel(at: Desk) -> None:
    root = at.post("card")
    at.post("for all", thread_ts=root, reply_broadcast=True)
    history = at.api("conversations.history", channel=REFUNDS)["messages"]
    assert [message["text"] for message in history] == ["for all", "card"]


def test_a_thread_that_does_not_exist_is_refused(at: Desk) -> None:
    reply = at.post("details", thread_ts=at.post("card"))
    for thread_ts in ("1763800000.999999", "yesterday", reply):
        answer = at.api("chat.postMessage", channel=REFUNDS, text="x", thread_ts=thread_ts)
        assert answer["error"] == "thread_not_found"


def test_an_update_replaces_a_message_in_its_place(at: Desk) -> None:
    ts = at.post("pending", blocks=[section("pending")])
    answer = at.api("chat.update", channel=REFUNDS, ts=ts, text="done", blocks=[section("done")])
    assert answer["ok"]
    (message,) = at.messages()
    assert (message["ts"], message["text"], message["edited"]) == (ts, "done", False)
    assert message["blocks"][0]["text"]["text"] == "done"


def test_an_update_with_text_alone_takes_the_blocks_away_and_shows_as_edited(at: Desk) -> None:
    ts = at.post("pending", blocks=[section()])
    at.api("chat.update", channel=REFUNDS, ts=ts, text="done")
    (message,) = at.messages()
    assert (message["blocks"], message["edited"]) == ([], True)


def test_metadata_survives_an_update_that_does_not_mention_it(at: Desk) -> None:
    metadata = {"event_type": "cancellation", "event_payload": {}}
    ts = at.post(metadata=metadata)
    at.api("chat.update", channel=REFUNDS, ts=ts, text="done")
    assert at.messages()[0]["metadata"] == metadata
    at.api("chat.update", channel=REFUNDS, ts=ts, text="done", metadata={})
    assert at.messages()[0]["metadata"] is None


def test_only_the_bots_own_public_messages_can_be_updated_or_deleted(at: Desk) -> None:
    theirs = at.ui("message", channel=REFUNDS, text="hello")["ts"]
    private = at.api("chat.postEphemeral", channel=REFUNDS, user=ROBIN, text="x")["message_ts"]
    for ts, error in ((theirs, "cant_update_message"), (private, "message_not_found")):
        assert at.api("chat.update", channel=REFUNDS, ts=ts, text="y")["error"] == error
    assert at.api("chat.delete", channel=REFUNDS, ts=theirs)["error"] == "cant_delete_message"
    assert at.api("chat.delete", channel=REFUNDS, ts="1.000001")["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("content", "error"), [({}, "no_text"), ({"text": "x" * 4001}, "msg_too_long")]
)
def test_an_update_slack_would_not_take_changes_nothing(
    at: Desk, content: Json, error: str
) -> None:
    ts = at.post("pending")
    assert at.api("chat.update", channel=REFUNDS, ts=ts, **content)["error"] == error
    assert at.texts() == ["pending"]


def test_a_deleted_message_is_gone_but_its_thread_stays(at: Desk) -> None:
    alone, root = at.post("alone"), at.post("card")
    at.post("details", thread_ts=root)
    for ts in (alone, root):
        assert at.api("chat.delete", channel=REFUNDS, ts=ts)["ok"]
    assert at.texts() == ["This message was deleted.", "details"]


def test_an_ephemeral_message_is_seen_by_one_person(at: Desk) -> None:
    answer = at.api("chat.postEphemeral", channel=REFUNDS, user=ROBIN, text="only you")
    assert answer["message_ts"]
    assert (at.texts(ROBIN), at.texts(AVERY)) == (["only you"], [])
    assert at.messages()[0]["ephemeral"] is True


@pytest.mark.parametrize(
    ("channel", "user", "error"),
    [
        (BOX_OFFICE, GALE, "user_not_in_channel"),
        (REFUNDS, "U0NOBODY", "user_not_in_channel"),
        (GENERAL, ROBIN, "not_in_channel"),
        ("C0NOWHERE", ROBIN, "channel_not_found"),
    ],
)
def test_an_ephemeral_message_needs_both_in_the_channel(
    at: Desk, channel: str, user: str, error: str
) -> None:
    answer = at.api("chat.postEphemeral", channel=channel, user=user, text="x")
    assert answer["error"] == error


def test_posting_faster_than_one_a_second_is_rate_limited_after_a_short_burst(at: Desk) -> None:
    for n in range(4):
        at.post(str(n))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    form = {"channel": REFUNDS, "text": "one too many"}
    response = at.http.post("/api/chat.postMessage", data=form, headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert response.json() == {"ok": False, "error": "ratelimited"}
    at.post("another channel", channel=BOX_OFFICE)
    at.clock.pass_by(1)
    at.post("a second later")
    assert "one too many" not in at.texts()


def test_updates_do_not_count_against_the_posting_limit(at: Desk) -> None:
    ts = at.post()
    answers = [at.api("chat.update", channel=REFUNDS, ts=ts, text=str(n)) for n in range(20)]
    assert all(answer["ok"] for answer in answers)


def test_an_armed_rate_limit_hits_as_often_as_it_was_told(at: Desk) -> None:
    fault = {"method": "chat.update", "kind": "ratelimited", "times": 2, "retry_after": 7}
    assert at.ui("slack/fault", **fault)["ok"]
    ts = at.post()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    form = {"channel": REFUNDS, "ts": ts, "text": "done"}
    calls = [at.http.post("/api/chat.update", data=form, headers=headers) for _ in range(3)]
    assert [call.status_code for call in calls] == [429, 429, 200]
    assert calls[0].headers["retry-after"] == "7"


def test_a_server_error_for_all_methods_lasts_until_it_is_cleared(at: Desk) -> None:
    at.ui("slack/fault", method="*", kind="http_500")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(3):
        assert at.http.post("/api/auth.test", headers=headers).status_code == 500
    at.ui("slack/fault", method="*", kind=None)
    assert at.api("auth.test")["ok"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("users.info", {"user": ROBIN}), ("usergroups.users.list", {"usergroup": "S0APPROVE"})],
)
def test_a_lookup_can_be_made_to_fail_in_slacks_own_words(
    at: Desk, method: str, arguments: Json
) -> None:
    at.ui("slack/fault", method=method, kind="error", error="fatal_error", times=1)
    assert at.api(method, **arguments) == {"ok": False, "error": "fatal_error"}
    at.ui("slack/fault", method=method, kind="hollow", times=1)
    assert at.api(method, **arguments) == {"ok": True}
    at.ui("slack/fault", method=method, kind="error")
    assert at.api(method, **arguments)["error"] == "internal_error"
    at.ui("slack/fault", method=method, kind=None)
    assert len(at.api(method, **arguments)) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"method": "chat.scream", "kind": "slow"}, "unknown_method"),
        ({"method": "*", "kind": "earthquake"}, "unknown_fault"),
        ({"method": "response_url", "kind": "hollow"}, "unknown_fault"),
        ({"method": "*", "kind": "slow", "times": 0}, "invalid_times"),
        ({"method": "*", "kind": "slow", "seconds": "long"}, "invalid_seconds"),
    ],
)
def test_a_fault_that_does_not_exist_cannot_be_armed(at: Desk, fault: Json, error: str) -> None:
    assert at.ui("slack/fault", **fault)["error"] == error


def test_the_call_log_shows_what_was_called_without_the_token(at: Desk) -> None:
    at.post("hello")
    at.http.post("/api/chat.postMessage", data={"token": TOKEN, "channel": "C0NOWHERE"})
    calls: list[dict[str, Any]] = at.http.get(
        "/ui/slack/calls", params={"method": "chat.postMessage"}
    ).json()["calls"]
    assert [(call["ok"], call["error"]) for call in calls] == [(True, None), (False, "no_text")]
    assert calls[0]["args"] == {"channel": REFUNDS, "text": "hello"}
    assert TOKEN not in json.dumps(calls)
