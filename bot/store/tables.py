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
    # What the sweep looks for: cards behind their request. Empty when all is well.
    sa.Index(
        "ix_requests_undelivered",
        "updated_at",
        sqlite_where=sa.text("delivered_version < version"),
        postgresql_where=sa.text("delivered_version < version"),
    ),
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

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(32), sa.ForeignKey("requests.id"), nullable=False),
    sa.Column("venue", sa.String(64), nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("actor_user", sa.String(32)),
    sa.Column("actor_team", sa.String(32)),
    sa.Column("actor_enterprise", sa.String(32)),
    sa.Column("data", sa.Text, nullable=False),
    sa.Index("ix_audit_events_request_id", "request_id"),
)
