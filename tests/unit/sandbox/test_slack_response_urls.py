"""Response URLs: five uses in half an hour, in the channel or for one person's eyes."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.slack_desk import (
    AVERY,
    GENERAL,
    REFUNDS,
    Desk,
    actions,
    button,
    desk,
    section,
)


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def command_url(at: Desk, channel: str = REFUNDS) -> str:
    at.command("26644388", channel=channel)
    return str(at.bot.last["response_url"])


def click_url(at: Desk, ts: str) -> str:
    click = {"message_ts": ts, "block_id": "buttons", "action_id": "approve"}
    assert at.ui("action", channel=REFUNDS, **click)["ok"]
    return str(at.bot.last["response_url"])


def test_a_response_is_private_unless_it_says_otherwise(at: Desk) -> None:
    response = at.respond(command_url(at), text="only you")
    assert (response.status_code, response.text) == (200, "ok")
    assert (at.texts(), at.texts(AVERY)) == (["only you"], [])


def test_a_response_in_the_channel_shows_the_command_that_was_typed_once(at: Desk) -> None:
    url = command_url(at)
    for text in ("first", "second"):
        at.respond(url, text=text, response_type="in_channel")
    assert at.texts(AVERY) == ["/cancel-order 26644388", "first", "second"]


def test_a_response_works_where_the_bot_is_no_member(at: Desk) -> None:
    assert at.respond(command_url(at, GENERAL), text="hello").status_code == 200
    assert at.texts(channel=GENERAL) == ["hello"]


def test_a_response_url_works_five_times(at: Desk) -> None:
    url = command_url(at)
    statuses = [at.respond(url, text=str(n)).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert at.respond(url, text="x").json() == {"ok": False, "error": "used_url"}


def test_a_response_url_expires_after_half_an_hour(at: Desk) -> None:
    url = command_url(at)
    at.clock.pass_by(1801)
    response = at.respond(url, text="late")
    assert (response.status_code, response.json()["error"]) == (404, "expired_url")
    assert at.texts() == []


def test_a_made_up_response_url_does_not_work(at: Desk) -> None:
    url = command_url(at)
    response = at.respond(url[:-1] + ("a" if url[-1] != "a" else "b"), text="x")
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "x", "response_type": "loud"}, "invalid_arguments"),
        ({"text": "x", "channel": GENERAL}, "invalid_arguments"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": 5}, "invalid_arguments"),
    ],
)
def test_a_response_slack_would_not_take_is_refused(
    at: Desk, message: dict[str, object], error: str
) -> None:
    response = at.respond(command_url(at), **message)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert at.texts() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null"])
def test_an_unreadable_response_is_refused(at: Desk, body: bytes) -> None:
    response = at.http.post(command_url(at), content=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_payload")


def test_a_click_may_replace_the_message_it_was_made_on(at: Desk) -> None:
    ts = at.post("card", blocks=[actions(button())])
    at.respond(click_url(at, ts), text="done", replace_original=True)
    (message,) = at.messages()
    assert (message["ts"], message["text"], message["blocks"]) == (ts, "done", [])


def test_a_click_may_delete_the_message_it_was_made_on(at: Desk) -> None:
    private = {"user": "U0REQUEST", "text": "?", "blocks": [actions(button())]}
    ts = at.api("chat.postEphemeral", channel=REFUNDS, **private)["message_ts"]
    assert at.respond(click_url(at, ts), delete_original=True).status_code == 200
    assert at.texts() == []


def test_a_replaced_private_message_stays_private(at: Desk) -> None:
    private = {"user": "U0REQUEST", "text": "?", "blocks": [actions(button())]}
    ts = at.api("chat.postEphemeral", channel=REFUNDS, **private)["message_ts"]
    url = click_url(at, ts)
    at.respond(url, text="done", replace_original=True, response_type="in_channel")
    assert (at.texts(), at.texts(AVERY)) == (["done"], [])


def test_without_replace_original_a_click_gets_a_new_message(at: Desk) -> None:
    ts = at.post("card", blocks=[actions(button())])
    at.respond(click_url(at, ts), text="not you")
    assert (at.texts(), at.texts(AVERY)) == (["card", "not you"], ["card"])


def test_a_response_may_go_into_a_thread(at: Desk) -> None:
    ts = at.post("card", blocks=[actions(button())])
    at.respond(click_url(at, ts), text="details", thread_ts=ts)
    assert at.messages()[-1]["thread_ts"] == ts


def test_a_slash_command_has_no_original_to_replace(at: Desk) -> None:
    url = command_url(at)
    at.respond(url, text="Reading…")
    at.respond(url, text="Read", replace_original=True)
    assert at.texts() == ["Reading…", "Read"]
    assert at.respond(url, delete_original=True).json()["error"] == "message_not_found"


def test_uses_are_in_the_call_log(at: Desk) -> None:
    at.respond(command_url(at), text="hello")
    calls = at.http.get("/ui/slack/calls", params={"method": "response_url"}).json()["calls"]
    assert [(call["ok"], call["args"]) for call in calls] == [(True, {"text": "hello"})]


def test_a_response_url_fails_when_told_to(at: Desk) -> None:
    url = command_url(at)
    at.ui("slack/fault", method="response_url", kind="http_500", times=1)
    assert [at.respond(url, text="x").status_code for _ in range(2)] == [500, 200]
