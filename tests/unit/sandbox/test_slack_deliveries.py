"""What the bot is sent: signed, faithful payloads, and what people see when it does not answer."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterator

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from starlette.responses import PlainTextResponse, Response

from bot.sandbox.slack.manifest import Manifest, SlashCommand
from tests.unit.sandbox.slack_desk import (
    ARCHIVE,
    AVERY,
    BOX_OFFICE,
    GALE,
    GENERAL,
    KAI,
    LIN,
    REFUNDS,
    ROBIN,
    SECRET,
    Desk,
    Json,
    actions,
    button,
    desk,
    modal,
    option,
    section,
    text_input,
)


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def click(at: Desk, ts: str, action_id: str = "approve", **given: object) -> Json:
    place = {"channel": REFUNDS, "message_ts": ts, "block_id": "buttons", "action_id": action_id}
    return at.ui("action", **{**place, **given})


def test_a_delivery_is_signed_over_its_raw_body(at: Desk) -> None:
    at.command()
    delivered = at.bot.received[-1]
    timestamp = delivered.headers["x-slack-request-timestamp"]
    base = f"v0:{timestamp}:".encode() + delivered.body
    digest = hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()
    assert delivered.headers["x-slack-signature"] == f"v0={digest}"
    assert abs(time.time() - int(timestamp)) < 60
    assert delivered.path == "/slack/events"
    assert SignatureVerifier(SECRET).is_valid_request(delivered.body, delivered.headers)


def test_a_slash_command_carries_what_slack_sends(at: Desk) -> None:
    at.command("26644388 customer ill")
    sent = at.bot.last
    assert sent.pop("response_url").startswith(at.sandbox.slack.base_url + "/response/")
    assert sent.pop("trigger_id").count(".") == 2
    assert sent.pop("token")
    assert sent == {
        "team_id": "T0SANDBOX",
        "team_domain": "riverside-arts",
        "channel_id": REFUNDS,
        "channel_name": "refunds",
        "user_id": ROBIN,
        "user_name": "robin.quill",
        "command": "/cancel-order",
        "text": "26644388 customer ill",
        "api_app_id": "A0RESCIND",
        "is_enterprise_install": "false",
    }


def test_slack_keeps_the_names_of_private_conversations_to_itself(at: Desk) -> None:
    at.api("conversations.open", users=ROBIN)
    names = []
    for channel in (BOX_OFFICE, "D0REQUEST"):
        at.command(channel=channel)
        names.append(at.bot.last["channel_name"])
    assert names == ["privategroup", "directmessage"]


TYPED = "for <@U0APPROVE> or @sam.ito in #box-office: a<b & https://x.test/?a=1&b=2 @nobody"


def test_a_commands_text_is_escaped_as_the_manifest_asks() -> None:
    command = SlashCommand("/cancel-order", "", "", should_escape=True)
    with desk(manifest=Manifest(commands=(command,))) as at:
        at.command(TYPED)
        assert at.bot.last["text"] == (
            "for <@U0APPROVE|avery.stone> or <@U0SECOND|sam.ito> in <#C0BOXOFF|box-office>: "
            "a&lt;b &amp; <https://x.test/?a=1&amp;b=2> @nobody"
        )


def test_without_should_escape_references_stay_as_typed() -> None:
    command = SlashCommand("/cancel-order", "", "", should_escape=False)
    with desk(manifest=Manifest(commands=(command,))) as at:
        at.command("@avery.stone & co")
        assert at.bot.last["text"] == "@avery.stone &amp; co"


def test_a_chat_message_marks_people_and_links(at: Desk) -> None:
    at.ui("message", channel=REFUNDS, text="@avery.stone see https://x.test/26644388 <now>")
    assert at.texts() == ["<@U0APPROVE> see <https://x.test/26644388> &lt;now&gt;"]
    assert at.bot.received == []


def test_a_message_that_begins_with_a_slash_is_a_command(at: Desk) -> None:
    answer = at.ui("message", channel=REFUNDS, text="/cancel-order 26644388")
    assert (answer["ok"], answer["status"], at.texts()) == (True, 200, [])
    assert at.bot.last["text"] == "26644388"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"user": "U0NOBODY"}, "user_not_found"),
        ({"user": "U0RESCIND"}, "user_not_found"),
        ({"user": GALE, "channel": BOX_OFFICE}, "channel_not_found"),
        ({"channel": ARCHIVE}, "is_archived"),
        ({"command": "/refund-everything"}, "unknown_command"),
    ],
)
def test_a_command_slack_would_not_send_never_reaches_the_bot(
    at: Desk, given: Json, error: str
) -> None:
    assert at.command(**given)["error"] == error
    assert at.bot.received == []


def test_commands_do_not_work_in_threads(at: Desk) -> None:
    ts = at.post("card")
    given = {"channel": REFUNDS, "text": "/cancel-order 1", "thread_ts": ts}
    assert at.ui("message", **given)["error"] == "not_in_threads"


def test_somebody_outside_a_channel_cannot_write_in_it(at: Desk) -> None:
    at.ui("members", channel=REFUNDS, user=ROBIN, present=False)
    assert at.ui("message", channel=REFUNDS, text="hello")["error"] == "not_in_channel"


def test_a_bots_immediate_answer_is_shown_to_whoever_typed_the_command(at: Desk) -> None:
    at.bot.answers({"text": "Reading the order…"})
    answer = at.command()
    assert answer["response"] == {"text": "Reading the order…"}
    assert answer["ms"] >= 0
    assert (at.texts(), at.texts(AVERY)) == (["Reading the order…"], [])


def test_an_immediate_answer_may_be_plain_text_or_for_everybody(at: Desk) -> None:
    at.bot.answer = lambda _: PlainTextResponse("Reading…")
    at.command()
    at.bot.answers({"text": "Read", "response_type": "in_channel"})
    at.command("1")
    assert at.texts() == ["Reading…", "/cancel-order 1", "Read"]


@pytest.mark.parametrize(
    "response",
    [
        Response("{", media_type="application/json"),
        Response("[1]", media_type="application/json"),
        Response('{"blocks": [{"type": "fancy"}]}', media_type="application/json"),
    ],
)
def test_an_immediate_answer_slack_cannot_show_is_an_error(at: Desk, response: Response) -> None:
    at.bot.answer = lambda _: response
    assert at.command()["error"] == "invalid_command_response"


def never(_: Json) -> asyncio.Future[Response]:
    return asyncio.get_running_loop().create_future()


def test_no_answer_in_time_is_an_operation_timeout() -> None:
    with desk(ack_seconds=0.02) as at:
        at.bot.answer = never
        answer = at.command()
        sentence = '/cancel-order failed with the error "operation_timeout"'
        assert (answer["error"], answer["message"]) == ("operation_timeout", sentence)
        (shown,) = at.messages()
        assert (shown["user"], shown["ephemeral"], shown["text"]) == ("USLACKBOT", True, sentence)


@pytest.mark.parametrize("status", [201, 302, 404, 500])
def test_any_answer_but_200_is_a_failed_dispatch(at: Desk, status: int) -> None:
    at.bot.answer = lambda _: Response("", status)
    answer = at.command()
    assert (answer["error"], answer["status"]) == ("dispatch_failed", status)


def test_a_bot_that_is_not_there_is_a_failed_dispatch(at: Desk) -> None:
    def refuse(_: Json) -> Response:
        raise httpx.ConnectError("nobody listens")

    at.bot.answer = refuse
    assert at.command()["error"] == "dispatch_failed"


def test_a_click_carries_the_message_as_it_stands(at: Desk) -> None:
    metadata = {"event_type": "cancellation", "event_payload": {}}
    card = [section(), actions(button(value="r1", style="primary"))]
    ts = at.post("card", blocks=card, metadata=metadata)
    assert click(at, ts)["ok"]
    sent = at.bot.last
    assert (sent["type"], sent["user"]) == (
        "block_actions",
        {
            "id": ROBIN,
            "username": "robin.quill",
            "name": "robin.quill",
            "team_id": "T0SANDBOX",
        },
    )
    assert sent["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": REFUNDS,
        "is_ephemeral": False,
    }
    assert sent["channel"] == {"id": REFUNDS, "name": "refunds"}
    assert sent["team"] == {"id": "T0SANDBOX", "domain": "riverside-arts"}
    assert (sent["message"]["text"], sent["message"]["bot_id"]) == ("card", "B0RESCIND")
    assert sent["message"]["metadata"] == metadata
    assert sent["state"] == {"values": {}}
    (action,) = sent["actions"]
    assert action.pop("action_ts")
    assert action == {
        "action_id": "approve",
        "block_id": "buttons",
        "type": "button",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": "r1",
        "style": "primary",
    }
    assert sent["response_url"]
    assert sent["trigger_id"]


def test_a_click_in_a_thread_names_the_thread(at: Desk) -> None:
    root = at.post("card")
    ts = at.post("details", thread_ts=root, blocks=[actions(button())])
    click(at, ts)
    assert at.bot.last["container"]["thread_ts"] == root
    assert at.bot.last["message"]["parent_user_id"] == "U0RESCIND"


def test_a_click_on_a_private_message_carries_no_message(at: Desk) -> None:
    private = {"user": ROBIN, "text": "?", "blocks": [actions(button())]}
    ts = at.api("chat.postEphemeral", channel=REFUNDS, **private)["message_ts"]
    assert click(at, ts)["ok"]
    assert at.bot.last["container"]["is_ephemeral"] is True
    assert "message" not in at.bot.last
    assert click(at, ts, user=AVERY)["error"] == "message_not_found"


def test_only_what_stands_on_the_message_now_can_be_clicked(at: Desk) -> None:
    ts = at.post("card", blocks=[actions(button(value="r1"))])
    assert click(at, ts, value="r2")["error"] == "no_such_action"
    assert click(at, ts, action_id="reject")["error"] == "no_such_action"
    at.api("chat.update", channel=REFUNDS, ts=ts, text="done", blocks=[section()])
    assert click(at, ts)["error"] == "no_such_action"
    assert click(at, "1.000001")["error"] == "message_not_found"
    assert at.bot.received == []


def test_a_choice_has_to_be_one_of_those_offered(at: Desk) -> None:
    menu = {"type": "overflow", "action_id": "more", "options": [option("open"), option("help")]}
    ts = at.post("card", blocks=[actions(menu)])
    chosen: Json = {"action_id": "more", "selected_option": {"value": "help"}}
    assert click(at, ts, **chosen)["ok"]
    assert at.bot.last["actions"][0]["selected_option"] == option("help")
    chosen["selected_option"] = {"value": "refund"}
    assert click(at, ts, **chosen)["error"] == "no_such_option"
    assert click(at, ts, action_id="more")["error"] == "missing_choice"


def test_a_choice_on_a_message_is_in_its_state(at: Desk) -> None:
    menu = {"type": "static_select", "action_id": "who", "options": [option("me")]}
    ts = at.post("card", blocks=[actions(menu, button())])
    click(at, ts, action_id="who", selected_option=option("me"))
    state = {"buttons": {"who": {"type": "static_select", "selected_option": option("me")}}}
    assert at.bot.last["state"]["values"] == state


def test_a_click_in_a_modal_carries_the_view(at: Desk) -> None:
    view = at.open_modal(modal(text_input(), actions(button("look_up"))))
    assert click(at, "", view_id=view["id"], action_id="look_up")["ok"]
    sent = at.bot.last
    assert sent["container"] == {"type": "view", "view_id": view["id"]}
    assert (sent["view"]["id"], sent["view"]["hash"]) == (view["id"], view["hash"])
    assert "response_url" not in sent
    other = click(at, "", user=AVERY, view_id=view["id"], action_id="look_up")
    assert other["error"] == "view_not_found"


def test_a_click_the_bot_does_not_answer_fails_for_the_person(at: Desk) -> None:
    ts = at.post("card", blocks=[actions(button())])
    at.bot.answer = lambda _: Response("", 500)
    assert click(at, ts)["error"] == "dispatch_failed"


def test_a_global_shortcut_has_no_channel(at: Desk) -> None:
    at.ui("shortcut", callback_id="cancel_order_global")
    sent = at.bot.last
    assert (sent["type"], sent["callback_id"]) == ("shortcut", "cancel_order_global")
    assert {"channel", "response_url"}.isdisjoint(sent)
    assert sent["action_ts"]


def test_a_message_shortcut_carries_the_message(at: Desk) -> None:
    ts = at.ui("message", channel=REFUNDS, text="order 26644388 please")["ts"]
    place = {"channel": REFUNDS, "message_ts": ts}
    assert at.ui("shortcut", callback_id="cancel_order_message", **place)["ok"]
    sent = at.bot.last
    assert (sent["type"], sent["message_ts"]) == ("message_action", ts)
    assert (sent["message"]["text"], sent["message"]["user"]) == ("order 26644388 please", ROBIN)
    assert sent["response_url"]
    missing = at.ui("shortcut", callback_id="cancel_order_message", channel=REFUNDS)
    assert missing["error"] == "message_not_found"
    assert at.ui("shortcut", callback_id="make_coffee")["error"] == "unknown_shortcut"


def test_a_shortcut_works_in_a_channel_the_bot_is_not_in(at: Desk) -> None:
    ts = at.ui("message", channel=GENERAL, text="26644388")["ts"]
    place = {"channel": GENERAL, "message_ts": ts}
    assert at.ui("shortcut", callback_id="cancel_order_message", **place)["ok"]


def test_the_bots_address_can_change_while_the_sandbox_runs(at: Desk) -> None:
    assert at.ui("bot", url="http://other.test:9")["ok"]
    at.command()
    assert at.bot.received[-1].headers["host"] == "other.test:9"
    assert at.ui("bot", url="ftp://x")["error"] == "invalid_url"


def test_everybody_sees_their_own_workspace(at: Desk) -> None:
    def names(user: str) -> list[str]:
        return [channel["name"] for channel in at.state(user)["channels"]]

    assert names(ROBIN) == ["refunds", "box-office", "general", "touring", "old-season"]
    assert names(GALE) == ["refunds", "general"]
    assert names(LIN) == ["refunds"]
    assert names(KAI) == ["touring"]
    assert at.state(GALE, BOX_OFFICE)["channel"] == REFUNDS
    assert at.state("U0NOBODY")["error"] == "user_not_found"
    at.ui("members", channel=REFUNDS, user=LIN, present=False)
    assert (at.state(LIN)["channel"], at.messages(LIN)) == ("", [])
    me = at.state(ROBIN)
    assert (me["me"]["real_name"], me["me"]["role"]) == ("Robin Quill", "requester")
    assert [command["command"] for command in me["commands"]] == ["/cancel-order"]
    assert [shortcut["type"] for shortcut in me["shortcuts"]] == ["global", "message"]


def test_every_change_raises_the_version(at: Desk) -> None:
    versions = [at.state()["version"]]
    for act in (at.post, lambda: at.open_modal(modal()), lambda: at.ui("reset")):
        act()
        versions.append(at.state()["version"])
    assert versions == sorted(set(versions))


def test_a_reset_puts_everything_back(at: Desk) -> None:
    at.post("card")
    at.open_modal(modal())
    at.ui("members", channel=REFUNDS, user="U0RESCIND", present=False)
    at.ui("slack/fault", method="*", kind="http_500")
    assert at.ui("reset")["ok"]
    assert (at.texts(), at.state()["views"]) == ([], [])
    assert at.post("again")
    assert len(at.http.get("/ui/slack/calls").json()["calls"]) == 1
