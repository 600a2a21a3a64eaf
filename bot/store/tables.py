"""The tables, as SQLAlchemy sees them. `migrations/` creates them; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import types

from bot.domain.request import LIVE_STATES

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


class Instant(types.TypeDecorator[datetime]):
    """A moment, always aware and in UTC; SQLite keeps no zone of its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_LIVE = ", ".join(sorted(f"'{state.value}'" for state in LIVE_STATES))
# What is over and still names people. As text: SQLite takes an index only for the very same words.
# NOT IN: for states to look for it would take the index that begins with the state, and go through
# everything that was ever done.
UNSCRUBBED = sa.text(f"scrubbed_at IS NULL AND state NOT IN ({_LIVE})")

# Domain values travel as JSON text: they are written and read whole, never queried into.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("venue", sa.String(64), nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("requester_user", sa.String(32), nullable=False),
    sa.Column("requester_team", sa.String(32), nullable=False),
    sa.Column("requester_enterprise", sa.String(32)),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("delivery_key", sa.String(255)),
    sa.Column("response_url", sa.Text),
    sa.Column("notify", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("order_snapshot", sa.Text),
    sa.Column("selection", sa.Text),
    sa.Column("quote", sa.Text),
    sa.Column("previous_quote", sa.Text),
    sa.Column("votes", sa.Text),
    sa.Column("decision", sa.Text),
    sa.Column("failure", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("card_channel", sa.String(32)),
    sa.Column("card_ts", sa.String(32)),
    sa.Column("result_channel", sa.String(32)),
    sa.Column("result_ts", sa.String(32)),
    sa.Column("delivered_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    # The wait for people is these four, never a sleeping workflow.
    sa.Column("reminders", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", Instant),
    sa.Column("escalates_at", Instant),
    sa.Column("expires_at", Instant),
    # When what names people was taken out of it.
    sa.Column("scrubbed_at", Instant),
    # One live request per order, held by the database itself.
    sa.Index(
        "ux_requests_live",
        "venue",
        "order_id",
        unique=True,
        sqlite_where=sa.text(f"state IN ({_LIVE})"),
        postgresql_where=sa.text(f"state IN ({_LIVE})"),
    ),
    # One request per Slack delivery: the same command delivered twice is one request.
    sa.Index("ux_requests_delivery_key", "delivery_key", unique=True),
    sa.Index("ix_requests_order", "venue", "order_id", "created_at"),
    sa.Index("ix_requests_state", "state", "updated_at"),
    sa.Index("ix_requests_created_at", "created_at"),
    # What is due by itself: a reminder or the expiry.
    sa.Index(
        "ix_requests_due_at",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
    sa.Index("ix_requests_oldest", "state", "created_at"),
    # What is over and still names people, oldest first.
    sa.Index(
        "ix_requests_unscrubbed",
        "updated_at",
        sqlite_where=UNSCRUBBED,
        postgresql_where=UNSCRUBBED,
    ),
    # What the sweep looks for: cards behind their request. Empty when all is well.
    sa.Index(
        "ix_requests_undelivered",
        "updated_at",
        sqlite_where=sa.text("delivered_version < version"),
        postgresql_where=sa.text("delivered_version < version"),
    ),
)

# One row per approval given: what daily limits add up. Nobody approved where `approver_user` is
# empty. An amount is exact decimal text; SQLite has no decimal numbers.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("request_id", sa.String(32), sa.ForeignKey("requests.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("approver_user", sa.String(32), nullable=False),
    sa.Column("requester_user", sa.String(32), nullable=False),
    sa.Column("venue", sa.String(64), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("request_id", "revision", "approver_user"),
    sa.Index("ix_approvals_approver", "approver_user", "at"),
    sa.Index("ix_approvals_requester", "requester_user", "at"),
)

# One row per attempt to change an order upstream, written BEFORE the attempt: whoever inserts it
# may send, once. A row without an answer is an attempt whose outcome only reading can tell.
sends = sa.Table(
    "sends",
    metadata,
    sa.Column("request_id", sa.String(32), sa.ForeignKey("requests.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("sent_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("answer", sa.String(16)),
    sa.Column("detail", sa.Text),
    sa.Column("receipt", sa.Text),
    sa.PrimaryKeyConstraint("request_id", "revision", "attempt"),
)

# One row per message that must stand in Slack once: where it goes, when it is its channel's turn,
# and whether a call to post it is (or was, when a process died) under way.
posts = sa.Table(
    "posts",
    metadata,
    sa.Column("request_id", sa.String(32), sa.ForeignKey("requests.id"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("turn_at", Instant, nullable=False),
    sa.Column("begun_at", Instant),
    sa.Column("begun_by", sa.String(64)),
    sa.Column("ts", sa.String(32)),
    sa.PrimaryKeyConstraint("request_id", "kind"),
    sa.Index("ix_posts_message", "channel", "ts"),
)

# When a channel's next message may be posted: the pace that Slack allows, kept by all processes.
channel_turns = sa.Table(
    "channel_turns",
    metadata,
    sa.Column("channel", sa.String(32), primary_key=True),
    sa.Column("next_at", Instant, nullable=False),
)

# Append-only: triggers refuse every change but one, taking out `personal`. `id` counts without
# gaps; `hash` covers the row, the digest of `personal` and the hash of the row before.
audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(32), sa.ForeignKey("requests.id"), nullable=False),
    sa.Column("request_version", sa.Integer, nullable=False),
    sa.Column("venue", sa.String(64), nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("actor_user", sa.String(32)),
    sa.Column("actor_team", sa.String(32)),
    sa.Column("actor_enterprise", sa.String(32)),
    sa.Column("channel", sa.String(32)),
    sa.Column("message_ts", sa.String(32)),
    sa.Column("action_ts", sa.String(32)),
    sa.Column("trigger_id", sa.String(255)),
    sa.Column("payload_digest", sa.String(64)),
    sa.Column("software", sa.String(32), nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("personal", sa.Text),
    sa.Column("personal_digest", sa.String(64)),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_events_request_id", "request_id", "request_version"),
    sa.Index("ix_audit_events_at", "at"),
)
