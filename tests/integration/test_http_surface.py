"""What the bot's port answers to anybody, and how the process starts and stops."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from tests.integration import slack_wire
from tests.integration.slack_wire import SlackWire
from tests.integration.stage import APPROVER, REQUESTER, Bot, Case, Stage, buttons, run_bot, words

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Its moment is filled in when it is sent: a test may wait its turn for longer than one is good.
NOW = "now"
FORGED = FORM | {"X-Slack-Request-Timestamp": NOW, "X-Slack-Signature": "v0=" + "0" * 64}


def test_healthz_answers_without_asking_anybody(stage: Stage) -> None:
    answer = httpx.get(f"{stage.bot.url}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readyz_is_ready_when_slack_and_the_database_are(stage: Stage) -> None:
    answer = httpx.get(f"{stage.bot.url}/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_metrics_count_answers_and_live_requests(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    text = httpx.get(f"{stage.bot.url}/metrics").text
    assert 'rescind_slack_answers_total{status="200"}' in text
    assert "rescind_ack_seconds_bucket" in text
    waiting = next(line for line in text.splitlines() if 'state="pending"' in line)
    assert float(waiting.rpartition(" ")[2]) >= 1
    assert case.order not in text


def test_other_addresses_and_methods_are_refused(stage: Stage) -> None:
    for path in ("/", "/docs", "/slack", "/slack/events/", "/ui/state"):
        assert httpx.get(stage.bot.url + path).status_code == 404
    assert httpx.get(f"{stage.bot.url}/slack/events").status_code == 405


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"", 400),
        (FORM, b"", 401),
        (FORM, b"payload={bad", 401),
        (FORM, b"\xff\xfe\x00", 401),
        (FORM | {"X-Slack-Request-Timestamp": "abc"}, b"a=b", 401),
        (FORM | {"X-Slack-Request-Timestamp": "1e9"}, b"a=b", 401),
        (FORM | {"X-Slack-Request-Timestamp": "9" * 400}, b"a=b", 401),
        (FORM | {"X-Slack-Request-Timestamp": str(int(time.time()))}, b"a=b", 401),
        ({"Content-Type": "application/json"}, b"[1]", 401),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 400),
        ({"Content-Type": "text/plain"}, b"hello", 400),
        (FORGED, b"a=b", 401),
        (FORGED, b"", 401),
        (FORGED, b"x" * (1024 * 1024 + 1), 413),
    ],
)
def test_what_slack_did_not_sign_gets_an_empty_refusal(
    stage: Stage, headers: dict[str, str], body: bytes, status: int
) -> None:
    now = str(int(time.time()))
    sent = {name: now if value == NOW else value for name, value in headers.items()}
    answer = httpx.post(f"{stage.bot.url}/slack/events", headers=sent, content=body)
    assert (answer.status_code, answer.content) == (status, b"")


def test_a_signature_of_another_secret_or_another_body_is_refused(stage: Stage) -> None:
    case = stage.case()
    body = slack_wire.command(case.order, REQUESTER, case.channel)
    forger = SlackWire(stage.bot.url, "another-secret")
    assert forger.send(body).status_code == 401
    headers = stage.wire.signed(body)
    assert stage.wire.send(body + b"&x=y", **headers).status_code == 401
    assert stage.wire.send(body.replace(b"U0REQUEST", b"U0APPROVE"), **headers).status_code == 401
    assert case.people.upstream_requests(case.order) == []


def test_a_request_of_ten_minutes_ago_or_ahead_is_refused(stage: Stage) -> None:
    case = stage.case()
    body = slack_wire.command(case.order, REQUESTER, case.channel)
    for moment in (time.time() - 600, time.time() + 600):
        assert stage.wire.send(body, **stage.wire.signed(body, moment)).status_code == 401
    assert case.people.upstream_requests(case.order) == []


@pytest.mark.parametrize(
    "body",
    [b"payload=%7Bbad", b"payload=%5B1%5D", b"payload=", b"command=/cancel-order", b"a=b", b"\xff"],
)
def test_signed_junk_is_refused_without_a_traceback(stage: Stage, body: bytes) -> None:
    answer = stage.wire.send(body)
    assert answer.status_code in {200, 400}
    assert b"Traceback" not in answer.content


def test_slack_can_check_the_certificate(stage: Stage) -> None:
    """`ssl_check=1` comes now and then, and wants a 200."""
    assert stage.wire.send(b"ssl_check=1&token=x").status_code == 200


def test_another_command_and_another_button_are_left_alone(stage: Stage) -> None:
    case = stage.case()
    body = slack_wire.command(case.order, REQUESTER, case.channel)
    answer = stage.wire.send(body.replace(b"%2Fcancel-order", b"%2Frefund"))
    assert (answer.status_code, answer.content) == (200, b"")
    card = case.asked()
    other = buttons(card)["approve"] | {"action_id": "celebrate"}
    assert stage.forged_click(card, other) == 200
    assert "waiting for approval" in words(case.card())


def test_somebody_of_another_workspace_is_not_taken_for_who_asked(stage: Stage) -> None:
    """The same user id in a workspace that shares the channel is another person."""
    case = stage.case()
    card = case.asked()
    for action_id, user in (("withdraw", REQUESTER), ("approve", APPROVER)):
        button = buttons(card)[action_id]
        stage.wire.send(slack_wire.click(card, button, user, team="T0OTHERS"))
        case.told("belongs to another workspace", user)
    assert "waiting for approval" in words(case.card())
    assert case.changes() == []


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxSettings(port=0)) as running:
        yield running


def test_wrong_secrets_show_on_readyz_and_as_a_failed_command(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    wrong = {"SLACK_BOT_TOKEN": "xoxb-wrong", "SLACK_SIGNING_SECRET": "not-the-sandboxs"}
    with Bot(sandbox, tmp_path, **wrong) as bot:
        bot.start(status=503)
        bot.wait_until(lambda: "invalid_auth" in httpx.get(f"{bot.url}/readyz").text)
        assert httpx.get(f"{bot.url}/readyz").json() == {"ready": False, "slack": "invalid_auth"}
        assert httpx.get(f"{bot.url}/healthz").status_code == 200

        sandbox.bot_url = bot.url
        people = Stage(sandbox, bot).people
        answer = people.command("26644388")
        assert (answer["ok"], answer["error"], answer["status"]) == (False, "dispatch_failed", 401)
        assert people.upstream_requests("26644388") == []
        assert not any(secret in bot.log() for secret in wrong.values())


def approved_slowly(sandbox: RunningSandbox, bot: Bot) -> Case:
    """An approved order whose reading and cancelling take a second each."""
    bot.start()
    sandbox.bot_url = bot.url
    case = Stage(sandbox, bot).case(channel="C0REFUNDS")
    case.asked()
    case.people.fault(case.order, "slow", seconds=1, times=2)
    case.approve()
    return case


def test_a_restart_takes_up_where_the_process_was_killed(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with Bot(sandbox, tmp_path) as bot:
        case = approved_slowly(sandbox, bot)
        bot.kill()
        bot.start()
        case.card("· cancelled")
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1
        assert len(case.cards()) == 1


def test_a_worker_finishes_what_a_killed_server_left(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with Bot(sandbox, tmp_path) as bot:
        case = approved_slowly(sandbox, bot)
        bot.kill()
        bot.launch("worker")
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1
        assert bot.stop() == 0
        assert "Traceback" not in bot.log()


def test_stopping_in_the_middle_of_a_refund_is_clean_and_loses_nothing(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with Bot(sandbox, tmp_path) as bot:
        case = approved_slowly(sandbox, bot)
        assert bot.stop() == 0
        bot.start()
        case.reply("Refunded $400.00")
        assert len(case.changes()) == 1
        assert bot.stop() == 0
        assert "Traceback" not in bot.log()


def test_a_second_process_on_the_same_file_refuses_to_start(stage: Stage) -> None:
    second = run_bot("serve", cwd=stage.bot.folder, environment=stage.bot.environment)
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert "another rescind process already uses rescind.db" in line
    assert "stop it first" in line
    assert httpx.get(f"{stage.bot.url}/readyz").status_code == 200


def test_a_port_that_is_taken_is_said_to_be(stage: Stage, tmp_path: Path) -> None:
    shutil.copy(stage.bot.folder / "rescind.toml", tmp_path)
    environment = stage.bot.environment | {"DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    second = run_bot("serve", cwd=tmp_path, environment=environment | {"LOG_LEVEL": "ERROR"})
    assert second.returncode == 2
    port = environment["PORT"]
    assert second.stderr == (
        f"cannot listen on 127.0.0.1:{port} (HOST and PORT): address already in use; "
        "stop what uses it, or choose another port\n"
    )
