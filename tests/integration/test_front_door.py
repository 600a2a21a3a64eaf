"""The front door of a running bot: strangers of every kind outside, and Slack still getting in."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest

from bot.sandbox.server import RunningSandbox
from bot.sandbox.settings import SandboxSettings
from tests.integration import slack_wire
from tests.integration.slack_wire import SlackWire
from tests.integration.stage import REQUESTER, Bot, Stage, free_port, run_bot

_PATIENCE_SECONDS = 30.0
PING = b"ssl_check=1&token=x"


def head(length: int, path: str = "/slack/events") -> bytes:
    """The head of a request that looks like Slack's until its signature is looked at."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: bot",
        "Content-Type: application/x-www-form-urlencoded",
        f"X-Slack-Request-Timestamp: {int(time.time())}",
        f"X-Slack-Signature: v0={'a' * 64}",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def call(bot: Bot, *pieces: bytes) -> socket.socket:
    port = int(bot.url.rpartition(":")[2])
    caller = socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS)
    with suppress(ConnectionError):
        for piece in pieces:
            caller.sendall(piece)
    return caller


def hear_out(caller: socket.socket) -> bytes:
    """Return what comes until the connection is closed."""
    heard = b""
    with caller, suppress(ConnectionError):
        while chunk := caller.recv(65536):
            heard += chunk
    return heard


def status(answer: bytes) -> int:
    """The status of an answer that is empty and closes the connection; 0 for none at all."""
    if not answer:
        return 0
    assert b"connection: close" in answer
    assert answer.endswith(b"\r\n\r\n")
    return int(answer.split(b" ")[1])


def test_the_same_delivery_many_times_at_once_acts_once_and_is_answered_alike(
    stage: Stage,
) -> None:
    case = stage.case()
    body = slack_wire.command(case.order, REQUESTER, case.channel)
    headers = stage.wire.signed(body)
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: stage.wire.send(body, **headers), range(16)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert "Reading order" in answers[0].text
    case.card("waiting for approval")
    assert len(case.cards()) == 1


def test_a_refused_form_is_refused_again_when_its_answer_was_lost(stage: Stage) -> None:
    """An empty 200 would close it, and its sender would think that it had been taken."""
    case = stage.case()
    case.asked()
    case.click("edit", REQUESTER)
    form = case.people.form("choose_tickets")
    line = next(block["block_id"] for block in form["blocks"] if block["type"] == "input")
    body = slack_wire.submission(form, REQUESTER, {line: "99"})
    headers = stage.wire.signed(body)
    first, again = (stage.wire.send(body, **headers) for _ in range(2))
    assert first.json()["response_action"] == "errors"
    assert again.json() == first.json()
    case.people.dismiss(form)


def test_a_body_that_does_not_come_is_not_waited_for(stage: Stage) -> None:
    nothing, half = call(stage.bot, head(100)), call(stage.bot, head(100) + b"a=b")
    assert [status(hear_out(each)) for each in (nothing, half)] == [408, 408]


def test_connections_that_are_held_open_do_not_keep_slack_out(stage: Stage) -> None:
    with ExitStack() as strangers:
        for number in range(600):
            pieces = [b"GET /healthz HTTP/1.1\r\n"] if number % 2 else []
            strangers.enter_context(call(stage.bot, *pieces))
        assert stage.wire.send(PING).status_code == 200
        case = stage.case()
        assert "Reading order" in case.ask()
    text = httpx.get(f"{stage.bot.url}/metrics").text
    crowded = re.search(r'rescind_connections_cut_total{cause="crowded out"} (\d+)', text)
    assert crowded is not None
    assert int(crowded[1]) >= 600 - 512


def test_bodies_that_are_half_sent_neither_pile_up_nor_keep_slack_out(stage: Stage) -> None:
    size = 1024 * 1024
    callers = [call(stage.bot, head(size), b"x" * (size - 1)) for _ in range(64)]
    case = stage.case()
    assert stage.wire.send(b"ssl_check=1&" + b"x" * 500_000).status_code == 200
    assert "Reading order" in case.ask()
    ends = [status(hear_out(caller)) for caller in callers]
    # Nothing: the answer was lost, for more had been sent than was read.
    assert set(ends) <= {503, 408, 0}
    assert sum(end != 408 for end in ends) >= 64 - 33


JUNK = {
    "no HTTP": b"\x16\x03\x01\x00\xa5 \r\n\r\n",
    "HTTP/1.0": b"POST /slack/events HTTP/1.0\r\n\r\n",
    "a method of nobody": b"FOO /slack/events HTTP/1.1\r\n\r\n",
    "a method of WebDAV": b"PROPFIND /slack/events HTTP/1.1\r\nHost: bot\r\n\r\n",
    "a path of 60 kB": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: bot\r\n\r\n",
    "a path of percents": b"GET /%zz%00%ff%c3%2e%2e/ HTTP/1.1\r\nHost: bot\r\n\r\n",
    "a host that is none": b"GET /healthz/ HTTP/1.1\r\nHost: [\r\n\r\n",
    "a websocket": b"GET /slack/events HTTP/1.1\r\nHost: bot\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "lies about where it is from": b"GET /healthz/ HTTP/1.1\r\nHost: bot\r\n"
    b"X-Forwarded-For: [,,:9999999999\r\nX-Forwarded-Proto: \xff\r\n\r\n",
    "many requests at once": b"GET /readyz HTTP/1.1\r\nHost: bot\r\n\r\n" * 500,
    "a request and junk": b"GET /readyz HTTP/1.1\r\nHost: bot\r\n\r\n\x00\x01\r\n\r\n",
    "half of a body": head(30) + b"a=b",
    "a body for nobody": head(30, "/nowhere") + b"a=b",
    "a length of 1 GB": head(10**9) + b"a=b",
    "chunks without a size": head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    + b"zz\r\nabc\r\n\r\n",
    "headers beyond number": b"GET / HTTP/1.1\r\nHost: bot\r\n" + b"a:\r\n" * 5000 + b"\r\n",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves at once"])
def test_no_stranger_makes_an_error(stage: Stage, junk: bytes, leaves: bool) -> None:
    """That there is no traceback in the log either is asserted when the stage ends."""
    caller = call(stage.bot, junk)
    if not leaves:
        # So that every connection has an end, also where the answer leaves it open.
        with suppress(OSError):
            caller.shutdown(socket.SHUT_WR)
        answer = hear_out(caller)
        assert not answer or answer.split(b" ")[1] < b"500"
    caller.close()
    assert stage.wire.send(PING).status_code == 200


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxSettings(port=0)) as running:
        yield running


def asked(url: str) -> list[int]:
    return [httpx.get(url + path).status_code for path in ("/healthz", "/readyz", "/metrics")]


def test_while_the_secret_is_changed_both_get_in_and_are_counted_apart(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    old = sandbox.settings.signing_secret
    secrets = {"SLACK_SIGNING_SECRET": "the-new-one", "SLACK_SIGNING_SECRET_PREVIOUS": old}
    with Bot(sandbox, tmp_path, **secrets) as bot:
        bot.start()
        wires = {secret: SlackWire(bot.url, secret) for secret in (old, "the-new-one", "guessed")}
        answers = [wires[secret].send(PING).status_code for secret in wires]
        assert answers == [200, 200, 401]
        text = httpx.get(f"{bot.url}/metrics").text
        for name in ("current", "previous"):
            assert f'rescind_signatures_total{{secret="{name}"}} 1.0' in text
        assert 'rescind_slack_refusals_total{status="401"} 1.0' in text
        assert not any(secret in bot.log() for secret in wires)


def test_what_operators_ask_may_have_a_port_of_its_own_and_tells_of_the_stop(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    port = free_port()
    admin = f"http://127.0.0.1:{port}"
    with Bot(sandbox, tmp_path, ADMIN_PORT=str(port)) as bot:
        bot.start("/healthz")
        bot.wait_until(lambda: httpx.get(f"{admin}/readyz").status_code == 200)
        assert asked(bot.url) == [200, 404, 404]
        assert asked(admin) == [200, 200, 200]
        assert httpx.post(f"{admin}/slack/events").status_code == 404
        bot.process.send_signal(signal.SIGTERM)
        bot.wait_until(lambda: "stopping" in httpx.get(f"{admin}/readyz").text)
        assert bot.process.wait(_PATIENCE_SECONDS) == 0
        assert "Traceback" not in bot.log()


def test_what_operators_ask_may_be_switched_off(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with Bot(sandbox, tmp_path, ADMIN_PORT="off") as bot:
        bot.start("/healthz")
        assert asked(bot.url) == [200, 404, 404]


def test_a_worker_can_be_asked_as_well(sandbox: RunningSandbox, tmp_path: Path) -> None:
    port = free_port()
    admin = f"http://127.0.0.1:{port}"
    with Bot(sandbox, tmp_path, ADMIN_PORT=str(port)) as bot:
        bot.launch("worker")
        bot.wait_until(lambda: httpx.get(f"{admin}/readyz").status_code == 200)
        assert asked(admin) == [200, 200, 200]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{bot.url}/healthz")
        assert bot.stop() == 0
        assert "Traceback" not in bot.log()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_an_admin_port_that_is_taken_is_one_sentence(
    stage: Stage, tmp_path: Path, command: str
) -> None:
    shutil.copy(stage.bot.folder / "rescind.toml", tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = str(other.getsockname()[1])
        environment = stage.bot.environment | {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}",
            "PORT": "0",
            "ADMIN_PORT": taken,
            "LOG_LEVEL": "ERROR",
        }
        bot = run_bot(command, cwd=tmp_path, environment=environment)
    assert bot.returncode == 2
    assert bot.stderr == (
        f"cannot listen on 127.0.0.1:{taken} (ADMIN_HOST and ADMIN_PORT): "
        "address already in use; stop what uses it, or choose another port\n"
    )


def test_a_stop_does_not_stumble_over_who_is_still_sending(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with Bot(sandbox, tmp_path) as bot:
        bot.start()
        with ExitStack() as callers:
            for pieces in ((), (b"GET /",), (head(10) + b"a=b",), (head(10), b"a=b")):
                callers.enter_context(call(bot, *pieces))
            bot.process.send_signal(signal.SIGTERM)
            # Just before the door closes: half a body then is what a stop can stumble over.
            bot.wait_until(lambda: "stopping" in httpx.get(f"{bot.url}/readyz").text)
            callers.enter_context(call(bot, head(10) + b"a=b"))
            assert bot.process.wait(_PATIENCE_SECONDS) == 0
        assert "Traceback" not in bot.log()
        assert "Cancel" not in bot.log()
