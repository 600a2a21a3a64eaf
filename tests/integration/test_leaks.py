"""What must not get out: known secrets and known people, sent down every path and looked for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.sandbox.story import APPROVER, REQUESTER
from tests.integration import slack_wire
from tests.integration.stage import GUEST, SECOND, Case, Stage, buttons, open_stage, run_bot

# Somebody whom a support agent writes about, as agents do.
CALLER = "Petronella Vantongeren"
CALLER_EMAIL = "petronella.vantongeren@example.org"
CALLER_PHONE = "+44 20 7946 0958"
REASON = f"{CALLER}, {CALLER_EMAIL}, {CALLER_PHONE} is ill"
POLICY = """
[policy]
approvers = ["S0APPROVE"]
tiers = [{ up_to = { USD = 100 } }, { up_to = { USD = 5000 }, approvals = 2 }]
break_glass = { who = ["U0REQUEST"] }

[execution]
settle_pauses = [0.05, 0.1]
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage on which everything has happened that a bot may have to log."""
    folder = tmp_path_factory.mktemp("leaks")
    with open_stage(folder, POLICY, LOG_LEVEL="DEBUG", LOG_FORMAT="json") as opened:
        _refunds(opened)
        _refusals(opened)
        _upstream_troubles(opened)
        _slack_troubles(opened)
        _junk(opened)
        yield opened


def _refunds(stage: Stage) -> None:
    case = stage.case()
    case.asked(REASON)
    _approve_twice(case)
    case.card("· cancelled")
    alone = stage.case()
    alone.asked(REASON)
    alone.click("break_glass", REQUESTER)
    case.people.submit(case.people.form("break_glass"), reason=REASON)
    alone.card("· cancelled")
    partly = stage.case()
    partly.asked(REASON)
    partly.choose(1)


def _approve_twice(case: Case) -> None:
    case.approve(APPROVER)
    case.card("Needs 1 more approval")
    case.approve(SECOND)


def _refusals(stage: Stage) -> None:
    case = stage.case()
    case.asked(REASON)
    case.click("approve", GUEST)
    case.click("approve", REQUESTER)
    case.click("reject", APPROVER)
    case.people.submit(case.people.form("reject_reason", APPROVER), APPROVER, reason=REASON)
    case.card("· rejected")
    case.ask(REASON, GUEST)
    case.people.command(f"0 {REASON}", REQUESTER, case.channel)
    case.people.command(f"99999999 {REASON}", REQUESTER, case.channel)


def _upstream_troubles(stage: Stage) -> None:
    for fault in ("forbidden", "malformed", "error_before", "cut_after", "blackout"):
        case = stage.case()
        case.asked(REASON)
        case.people.fault(case.order, fault)
        _approve_twice(case)
        case.people.wait_for("an end", _end_of(case))
        case.people.fault(case.order, None)


def _end_of(case: Case) -> Callable[[], bool]:
    def look() -> bool:
        card = json.dumps(case.card())
        return not any(words in card for words in ("waiting for", "being cancelled"))

    return look


def _slack_troubles(stage: Stage) -> None:
    for method, kind in (
        ("users.info", "http_500"),
        ("usergroups.users.list", "drop"),
        ("chat.postMessage", "http_500"),
        ("chat.update", "drop_before"),
    ):
        stage.people.slack_fault(method, kind, times=1)
        stage.case().asked(REASON)


def _junk(stage: Stage) -> None:
    """What is refused at the door, or signed and still not Slack's."""
    named = f"payload={CALLER} {CALLER_EMAIL} {stage.sandbox.settings.bot_token}".encode()
    httpx.post(f"{stage.bot.url}/slack/events?token={CALLER_EMAIL}", content=named)
    stage.wire.send(named)
    stage.wire.send(b"payload=" + json.dumps({"type": CALLER, "user": CALLER_EMAIL}).encode())
    case = stage.case()
    card = case.asked(REASON)
    payload = slack_wire.click_payload(card, buttons(card)["approve"], APPROVER)
    payload["actions"] = {CALLER: CALLER_EMAIL}
    stage.wire.send(urlencode({"payload": json.dumps(payload)}).encode())


def _secrets(stage: Stage) -> dict[str, str]:
    settings = stage.sandbox.settings
    return {
        "bot token": settings.bot_token,
        "signing secret": settings.signing_secret,
        "API key": settings.acme_api_key,
    }


def _people(stage: Stage) -> dict[str, str]:
    """Everybody there is, by what is known of them: the caller, and the guest of the order."""
    order = httpx.get(
        f"{stage.sandbox.acme_base_url}/v2/b2b/orders/detail/26644388",
        headers={"x-acme-api-key": stage.sandbox.settings.acme_api_key},
    ).json()
    guest = dict(_personal(order))
    assert guest, "the sandbox's order names nobody, so nothing would be looked for"
    return guest | {"caller": CALLER, "caller’s e-mail": CALLER_EMAIL, "phone": CALLER_PHONE}


def _personal(part: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _personal(value, f"{path}.{key}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _personal(value, f"{path}.{number}")
    elif isinstance(part, str) and len(part) > 3:
        name = path.rpartition(".")[2].casefold()
        if any(word in name for word in ("email", "phone", "lastname", "fullname")):
            yield path, part


def _found(texts: Iterable[str], known: dict[str, str]) -> list[str]:
    whole = "\n".join(texts)
    spelled = whole + whole.encode().decode("unicode_escape", "replace")
    return [name for name, value in known.items() if value in spelled]


def test_the_log_tells_of_everything_and_names_nobody(stage: Stage) -> None:
    log = stage.bot.log()
    assert "slack_request_refused" in log
    assert "slack_payload_unreadable" in log
    assert _found([log], _secrets(stage) | _people(stage)) == []


def test_metrics_and_answers_to_strangers_name_nobody(stage: Stage) -> None:
    known = _secrets(stage) | _people(stage)
    answers = [httpx.get(stage.bot.url + path).text for path in ("/metrics", "/readyz", "/healthz")]
    answers += [httpx.post(f"{stage.bot.url}/slack/events", content=REASON.encode()).text]
    assert "rescind_live_requests" in answers[0]
    assert _found(answers, known) == []


def test_channels_see_no_secret_and_no_address_or_name_in_full(stage: Stage) -> None:
    """What an agent writes as a reason is theirs to tell; the order's own data is not."""
    slack = stage.sandbox.sandbox.slack
    said = [json.dumps(stage.people.messages(REQUESTER, channel)) for channel in slack.channels]
    assert "rescind_request" in "".join(said)
    guests = {name: value for name, value in _people(stage).items() if name.startswith(".")}
    assert _found(said, _secrets(stage) | guests) == []
    posted = [json.dumps(call) for call in stage.people.slack_calls("chat.postMessage")]
    metadata = [text.partition('"metadata"')[2][:600] for text in posted]
    assert _found(metadata, {"caller": CALLER, **guests}) == []


def test_the_database_holds_no_secret_and_people_only_where_they_are_scrubbed(
    stage: Stage,
) -> None:
    allowed = {
        "requests": {"order_snapshot", "reason", "votes", "decision", "failure", "response_url"},
        "audit_events": {"personal"},
        "sends": {"detail"},
    }
    known = _people(stage)
    for table, column, text in _cells(stage.bot.folder / "rescind.db"):
        assert _found([text], _secrets(stage)) == [], (table, column)
        if column not in allowed.get(table, set()):
            assert _found([text], known) == [], (table, column)


def test_the_engine_keeps_ids_only(stage: Stage) -> None:
    texts = [text for _, _, text in _cells(stage.bot.folder / "rescind-engine.db")]
    assert texts
    assert _found(texts, _secrets(stage) | _people(stage)) == []


def test_the_command_line_shows_no_secret(stage: Stage) -> None:
    outputs = []
    for arguments in (["check"], ["check", "--json"], ["requests"], ["audit", "export"]):
        done = run_bot(*arguments, cwd=stage.bot.folder, environment=stage.bot.environment)
        outputs += [done.stdout, done.stderr]
    assert "reason" in outputs[-2]
    assert _found(outputs, _secrets(stage)) == []
    assert _found(outputs[:-2], _people(stage)) == []


def _cells(database: Path) -> Iterator[tuple[str, str, str]]:
    """Every value of every table, as text."""
    with closing(sqlite3.connect(database)) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in names:
            rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes):
                        yield table, column, value.decode(errors="replace")
                    elif isinstance(value, str):
                        yield table, column, value
