"""Waiting, posting once, and the chain of the audit log"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.store.audit import GENESIS, digest, row_hash

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    _waiting()
    _posting()
    _chain()
    _triggers()


def _waiting() -> None:
    op.add_column(
        "requests", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("requests", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("requests", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_requests_created_at", "requests", ["created_at"], unique=False)
    op.create_index(
        "ix_requests_due_at",
        "requests",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_requests_oldest", "requests", ["state", "created_at"], unique=False)
    _begin_waiting(op.get_bind())


def _begin_waiting(connection: sa.Connection) -> None:
    """What waits already is reminded of, and expires, as if it had been asked for now."""
    now = datetime.now(UTC)
    moment = sa.DateTime(timezone=True)
    requests = sa.table(
        "requests",
        sa.column("state", sa.String),
        sa.column("due_at", moment),
        sa.column("expires_at", moment),
    )
    waits = requests.c.state.in_(["pending", "unknown"])
    due = now + timedelta(minutes=30)
    connection.execute(sa.update(requests).where(waits).values(due_at=due))
    pending = requests.c.state == "pending"
    expiry = now + timedelta(hours=72)
    connection.execute(sa.update(requests).where(pending).values(expires_at=expiry))


def _posting() -> None:
    op.create_table(
        "posts",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("turn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_by", sa.String(length=64), nullable=True),
        sa.Column("ts", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_posts_request_id")),
        sa.PrimaryKeyConstraint("request_id", "kind", name=op.f("pk_posts")),
    )
    op.create_table(
        "channel_turns",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_turns")),
    )


def _chain() -> None:
    """Give the log its chain: a new table, into which the rows there are go one after the other."""
    op.drop_index("ix_audit_events_request_id", table_name="audit_events")
    op.rename_table("audit_events", "audit_events_0001")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_audit_events RENAME TO pk_audit_events_0001")
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("request_version", sa.Integer(), nullable=False),
        sa.Column("venue", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actor_user", sa.String(length=32), nullable=True),
        sa.Column("actor_team", sa.String(length=32), nullable=True),
        sa.Column("actor_enterprise", sa.String(length=32), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=True),
        sa.Column("message_ts", sa.String(length=32), nullable=True),
        sa.Column("action_ts", sa.String(length=32), nullable=True),
        sa.Column("trigger_id", sa.String(length=255), nullable=True),
        sa.Column("payload_digest", sa.String(length=64), nullable=True),
        sa.Column("software", sa.String(length=32), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("personal", sa.Text(), nullable=True),
        sa.Column("personal_digest", sa.String(length=64), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("fk_audit_events_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_request_id", "audit_events", ["request_id", "request_version"])
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    _copy(op.get_bind())
    op.drop_table("audit_events_0001")


def _copy(connection: sa.Connection) -> None:
    moment = sa.DateTime(timezone=True)
    old = sa.Table("audit_events_0001", sa.MetaData(), autoload_with=connection)
    new = sa.Table("audit_events", sa.MetaData(), autoload_with=connection)
    for table in (old, new):
        table.c.at.type = moment
    previous = GENESIS
    versions: Counter[str] = Counter()
    rows = connection.execute(sa.select(old).order_by(old.c.id)).all()
    for number, row in enumerate(rows, start=1):
        # Sending and its answer do not change the request; everything else is a new version of it.
        if row.event not in {"order:cancel:sent", "order:cancel:answered"}:
            versions[row.request_id] += 1
        data = json.loads(row.data)
        words = {name: data.pop(name) for name in ("reason", "note", "detail") if data.get(name)}
        personal = json.dumps(words | {"salt": secrets.token_hex(8)}) if words else None
        copied: dict[str, Any] = dict(row._mapping) | {
            "id": number,
            "data": json.dumps(data, sort_keys=True),
            "personal": personal,
            "personal_digest": digest(personal) if personal else None,
            "request_version": versions[row.request_id],
            "software": "0.1.0",
            "previous_hash": previous,
        }
        at: datetime = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
        previous = row_hash(copied | {"at": at})
        connection.execute(sa.insert(new).values(copied | {"hash": previous}))


def _triggers() -> None:
    """Let the database itself refuse changes; taking out `personal` is the one it allows."""
    if op.get_bind().dialect.name == "postgresql":
        _postgres_triggers()
    else:
        _sqlite_triggers()


_KEPT = (
    "id", "at", "event", "request_id", "request_version", "venue", "order_id", "state", "revision",
    "actor_user", "actor_team", "actor_enterprise", "channel", "message_ts", "action_ts",
    "trigger_id", "payload_digest", "software", "data", "personal_digest", "previous_hash", "hash",
)  # fmt: skip


def _sqlite_triggers() -> None:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _KEPT)
    op.execute(
        "CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events "
        f"WHEN NEW.personal IS NOT NULL OR {changed} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _postgres_triggers() -> None:
    kept = ", ".join(f"OLD.{name}" for name in _KEPT)
    new = ", ".join(f"NEW.{name}" for name in _KEPT)
    op.execute(
        "CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events FOR EACH ROW "
        f"WHEN (NEW.personal IS NOT NULL OR ({new}) IS DISTINCT FROM ({kept})) "
        "EXECUTE FUNCTION audit_events_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_no_delete BEFORE DELETE OR TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()"
    )
