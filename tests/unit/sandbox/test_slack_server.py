"""The sandbox as a running server: real connections, event streams, junk, and a real Bolt app."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.server import RunningSandbox, SandboxSettings, run_in_thread
from tests.unit.sandbox.slack_desk import (
    REFUNDS,
    ROBIN,
    Desk,
    Json,
    actions,
    button,
    desk,
    modal,
    nothing,
    option,
    plain,
)

AUTHORIZED = {"Authorization": f"Bearer {SandboxSettings().bot_token}"}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with run_in_thread() as url:
        yield url


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        yield client
        client.post("/ui/reset")


def test_two_sandboxes_run_side_by_side_on_ports_of_their_own(base_url: str) -> None:
    with run_in_thread() as other:
        assert other != base_url
        assert httpx.get(f"{other}/ui/state", trust_env=False).json()["version"] == 1


def test_a_port_that_is_taken_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            RunningSandbox(SandboxSettings(port=taken.getsockname()[1]))


def test_the_event_stream_tells_every_version_and_ends_with_the_server() -> None:
    with RunningSandbox() as running:
        client = httpx.Client(base_url=running.base_url, trust_env=False)
        with client, client.stream("GET", "/ui/events") as stream:
            lines = (line for line in stream.iter_lines() if line)
            first = json.loads(next(lines).removeprefix("data: "))["version"]
            with httpx.Client(base_url=running.base_url, trust_env=False) as other:
                other.post("/ui/message", json={"user": ROBIN, "channel": REFUNDS, "text": "hi"})
            assert json.loads(next(lines).removeprefix("data: "))["version"] > first
            running.stop()
            assert list(lines) == []


def test_a_dropped_answer_comes_after_the_work_is_done(http: httpx.Client) -> None:
    form = {"channel": REFUNDS, "text": "posted, but you will not know"}
    fault = {"method": "chat.postMessage", "kind": "drop", "times": 1}
    http.post("/ui/slack/fault", json=fault)
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/api/chat.postMessage", data=form, headers=AUTHORIZED)
    assert [m["text"] for m in state(http)["messages"]] == [form["text"]]


def test_a_dropped_call_does_nothing(http: httpx.Client) -> None:
    fault = {"method": "chat.postMessage", "kind": "drop_before", "times": 1}
    http.post("/ui/slack/fault", json=fault)
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/api/chat.postMessage", data={"channel": REFUNDS}, headers=AUTHORIZED)
    assert state(http)["messages"] == []


def test_a_slow_method_keeps_the_bot_waiting_but_not_the_shutdown(http: httpx.Client) -> None:
    fault = {"method": "auth.test", "kind": "slow", "seconds": 3600, "times": 1}
    http.post("/ui/slack/fault", json=fault)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/api/auth.test", headers=AUTHORIZED, timeout=0.05)
    assert http.post("/api/auth.test", headers=AUTHORIZED).json()["ok"]


def test_orders_are_served_beside_slack(http: httpx.Client) -> None:
    orders = http.get("/ui/orders").json()["orders"]
    copied = http.post("/ui/orders", json={"template": orders[0]["id"]}).json()
    assert copied["ok"]
    before = state(http)["version"]
    armed = http.post(f"/ui/orders/{copied['id']}/fault", json={"fault": "slow", "seconds": 1})
    assert armed.json() == {"ok": True}
    assert state(http)["version"] > before
    assert http.get(f"/ui/orders/{copied['id']}").json()["fault"] == "slow"
    assert http.get("/ui/acme/requests", params={"order": copied["id"]}).json() == {"requests": []}


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/ui/orders/nope/fault", {"fault": "slow"}, "order_not_found"),
        ("/ui/orders/26644388/fault", {"fault": "earthquake"}, "unknown_fault"),
        ("/ui/orders", {"template": "nope"}, "order_not_found"),
    ],
)
def test_an_order_that_does_not_exist_is_said_so(
    http: httpx.Client, path: str, body: Json, error: str
) -> None:
    answer = http.post(path, json=body).json()
    assert (answer["ok"], answer["error"]) == (False, error)
    assert http.get("/ui/orders/nope").json()["error"] == "order_not_found"


def test_the_page_is_served(http: httpx.Client) -> None:
    assert http.get("/").headers["content-type"].startswith("text/html")
    assert http.get("/static/main.js").status_code == 200
    assert http.get("/static/../server.py").status_code == 404


def state(http: httpx.Client) -> Json:
    snapshot: Json = http.get("/ui/state", params={"user": ROBIN, "channel": REFUNDS}).json()
    return snapshot


def bolt_app() -> AsyncApp:
    app = AsyncApp(
        signing_secret=SandboxSettings().signing_secret,
        client=AsyncWebClient(token=SandboxSettings().bot_token),
        process_before_response=True,
    )

    @app.command("/cancel-order")
    async def on_command(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        if body["text"]:
            card = [actions(button(value=body["text"]))]
            await client.chat_postMessage(channel=body["channel_id"], text="card", blocks=card)
        else:
            await client.views_open(trigger_id=body["trigger_id"], view=modal())
        await ack("Reading…")

    @app.action("approve")
    async def on_approve(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(text=f"done {body['actions'][0]['value']}", blocks=[], **place)
        await ack()

    @app.view("cancel_order")
    async def on_submit(ack: AsyncAck, view: Json) -> None:
        typed = view["state"]["values"]["reason"]["value"]["value"]
        await ack(response_action="errors", errors={"reason": f"{typed}?"})

    return app


def test_a_bolt_app_talks_to_the_sandbox_as_to_slack() -> None:
    app = bolt_app()
    events = Route("/slack/events", AsyncSlackRequestHandler(app).handle, methods=["POST"])
    transport = httpx.ASGITransport(Starlette(routes=[events]))
    with RunningSandbox(bot_transport=transport) as running:
        app.client.base_url = running.slack_api_url
        with httpx.Client(base_url=running.base_url, trust_env=False) as http:
            who = {"user": ROBIN, "channel": REFUNDS, "command": "/cancel-order"}
            assert http.post("/ui/command", json={**who, "text": "1"}).json()["ok"]
            assert [m["text"] for m in state(http)["messages"]] == ["card", "Reading…"]
            card = state(http)["messages"][0]
            click = {"message_ts": card["ts"], "block_id": "buttons", "action_id": "approve"}
            assert http.post("/ui/action", json={**who, **click}).json()["ok"]
            assert state(http)["messages"][0]["text"] == "done 1"
            assert http.post("/ui/command", json={**who, "text": ""}).json()["ok"]
            (view,) = state(http)["views"]
            values = {"reason": {"value": {"type": "plain_text_input", "value": "ill"}}}
            submission = {"user": ROBIN, "view_id": view["id"], "values": values}
            answer = http.post("/ui/submit", json=submission).json()
            assert answer["errors"] == {"reason": "ill?"}


def test_slack_sdk_raises_what_slack_would_make_it_raise(base_url: str) -> None:
    async def call() -> str:
        client = AsyncWebClient(token=SandboxSettings().bot_token, base_url=f"{base_url}/api/")
        with pytest.raises(SlackApiError) as raised:
            await client.conversations_info(channel="C0NOWHERE", include_num_members=True)
        return str(raised.value.response["error"])

    assert asyncio.run(call()) == "missing_scope"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def _can_be_sent(value: object) -> bool:
    return "Infinity" not in json.dumps(value)


_names = st.sampled_from(
    [
        *("channel", "text", "blocks", "ts", "thread_ts", "user", "users", "view", "trigger_id"),
        *("metadata", "attachments", "cursor", "limit", "view_id", "values", "block_id"),
        *("action_id", "message_ts", "command", "template", "fault", "kind", "method", "times"),
        *("group", "handle", "disabled", "id", "name", "teams", "team_id", "deleted", "is_bot"),
    ]
)
_known = st.sampled_from(
    [
        *(REFUNDS, ROBIN, "/cancel-order", "cancel_order_global", "chat.update"),
        *("S0APPROVE", "E0ARTS", "T0SANDBOX", ["T0SANDBOX"], True),
    ]
)
_body = st.dictionaries(_names, _known | _json, max_size=6)
_paths = st.sampled_from(
    [
        *(f"/api/chat.{name}" for name in ("postMessage", "update", "postEphemeral", "delete")),
        *(f"/api/conversations.{name}" for name in ("open", "info", "history", "replies")),
        *(f"/api/views.{name}" for name in ("open", "update", "push")),
        *(
            f"/ui/{name}"
            for name in ("message", "command", "action", "submit", "close", "shortcut")
        ),
        *(f"/ui/{name}" for name in ("members", "slack/fault", "orders", "orders/26644388/fault")),
        *(f"/ui/slack/{name}" for name in ("people", "groups", "organisation")),
        "/response/x",
    ]
)


@pytest.fixture(scope="module")
def junkyard() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=_paths, body=_body)
def test_junk_never_breaks_the_server(junkyard: Desk, path: str, body: dict[str, Any]) -> None:
    junkyard.sandbox.slack.reset()  # no fault armed, and Robin still who Robin is
    headers = {"Authorization": "Bearer xoxb-test", "Content-Type": "application/json"}
    response = junkyard.http.post(path, content=json.dumps(body), headers=headers)
    assert response.status_code < 500 or response.status_code == 429
    assert junkyard.state()["version"]


@settings(max_examples=200, deadline=None)
@given(
    entered=_json.filter(_can_be_sent),
    kind=st.sampled_from(["value", "selected_options", "selected_user"]),
)
def test_junk_entered_in_a_modal_never_breaks_the_server(
    junkyard: Desk, entered: object, kind: str
) -> None:
    elements: list[Json] = [
        {"type": "number_input", "is_decimal_allowed": True, "action_id": "value"},
        {"type": "checkboxes", "options": [option("a")], "action_id": "value"},
        {"type": "multi_users_select", "action_id": "value"},
    ]
    blocks = [
        {"type": "input", "block_id": str(n), "label": plain("x"), "element": element}
        for n, element in enumerate(elements)
    ]
    junkyard.bot.answer = lambda _: nothing()
    view = junkyard.open_modal(modal(*blocks))
    values = {str(n): {"value": {kind: entered}} for n in range(3)}
    answer = junkyard.ui("submit", view_id=view["id"], values=values)
    assert answer["ok"] or answer["error"] in ("missing_input", "invalid_json")
    assert junkyard.state()["views"]


@settings(max_examples=200, deadline=None)
@given(
    document=st.dictionaries(
        st.sampled_from(["text", "blocks", "response_type", "thread_ts", "response_action"])
        | st.sampled_from(["errors", "view", "attachments", "metadata"]),
        st.sampled_from(["errors", "update", "push", "clear", "in_channel", REFUNDS]) | _json,
    )
    | _json
)
def test_junk_answered_by_a_bot_never_breaks_the_server(junkyard: Desk, document: object) -> None:
    junkyard.bot.answer = lambda _: nothing()
    view = junkyard.open_modal(modal())
    body = json.dumps(document)
    junkyard.bot.answer = lambda _: Response(body, media_type="application/json")
    values = {"reason": {"value": {"value": "ill"}}}
    for answer in (
        junkyard.command(),
        junkyard.ui("submit", view_id=view["id"], values=values),
    ):
        assert isinstance(answer["ok"], bool)
    assert junkyard.state()["version"]
