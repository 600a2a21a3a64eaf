"""The audit log as an auditor meets it: written by the bot, read and verified from outside."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.integration.stage import APPROVER, REQUESTER, Stage, run_bot, run_sql


def exported(stage: Stage, request_id: str) -> list[dict[str, Any]]:
    ended = run_bot("audit", "export", cwd=stage.bot.folder, environment=stage.bot.environment)
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return [row for row in rows if row["request_id"] == request_id]


def verified(stage: Stage, *arguments: str) -> tuple[int, str]:
    ended = run_bot(
        "audit", "verify", *arguments, cwd=stage.bot.folder, environment=stage.bot.environment
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_log_tells_the_whole_story_with_slacks_own_facts(stage: Stage) -> None:
    case = stage.case()
    case.approved("guest is ill")
    rows = exported(stage, case.request_id())
    assert [row["event"].rpartition(":")[2] for row in rows] == [
        "requested",
        "quoted",
        "approved",
        "started",
        "sent",
        "answered",
        "done",
    ]
    asked, quoted, approved, _, sent, answered, done = rows
    assert asked["actor_user"] == REQUESTER
    assert asked["personal"]["reason"] == "guest is ill"
    assert len(asked["payload_digest"]) == 64
    assert asked["trigger_id"]
    assert approved["actor_user"] == APPROVER
    assert approved["channel"] == case.channel
    assert approved["message_ts"] == case.card()["ts"]
    assert approved["action_ts"]
    assert approved["data"]["refund"] == quoted["data"]["refund"] == "400.00 USD"
    assert sent["data"]["body"]["body"]["orderId"] == case.order
    assert answered["data"]["receipt"]["refund"] == "400.00 USD"
    assert done["data"]["refund"] == "400.00 USD"
    assert "4242" not in json.dumps(rows)
    for before, after in itertools.pairwise(rows):
        assert before["id"] < after["id"]
    assert verified(stage)[0] == 0


def test_a_changed_row_is_refused_by_the_database_and_found_by_verify(stage: Stage) -> None:
    case = stage.case()
    case.approved()
    row = exported(stage, case.request_id())[-1]
    changed = "UPDATE audit_events SET data = ? WHERE id = ?"
    database = stage.bot.folder / "rescind.db"
    with pytest.raises(sqlite3.IntegrityError, match="the audit log is append-only"):
        run_sql(database, changed, "{}", str(row["id"]))
    whole, text = verified(stage)
    assert whole == 0
    head = text.split("Head: ")[1].strip()
    assert verified(stage, "--head", head)[0] == 0

    trigger = "SELECT sql FROM sqlite_master WHERE name = 'audit_events_no_update'"
    with closing(sqlite3.connect(database)) as connection:
        (definition,) = connection.execute(trigger).fetchone()
    run_sql(database, "DROP TRIGGER audit_events_no_update")
    run_sql(database, changed, "{}", str(row["id"]))
    broken, text = verified(stage)
    assert broken == 1
    assert f"Row {row['id']} was changed after it was written" in text
    run_sql(database, changed, json.dumps(row["data"], sort_keys=True), str(row["id"]))
    run_sql(database, definition)
    assert verified(stage)[0] == 0


def test_a_head_that_is_none_is_refused(stage: Stage) -> None:
    code, text = verified(stage, "--head", "yesterday")
    assert code == 2
    assert "--head" in text
