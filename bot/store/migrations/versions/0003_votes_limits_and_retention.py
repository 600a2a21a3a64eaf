"""Votes, daily limits, escalation and retention"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("requests", sa.Column("votes", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("escalates_at", moment, nullable=True))
    op.add_column("requests", sa.Column("scrubbed_at", moment, nullable=True))
    over = sa.text(
        "scrubbed_at IS NULL AND "
        "state NOT IN ('approved', 'executing', 'pending', 'requested', 'unknown')"
    )
    op.create_index(
        "ix_requests_unscrubbed",
        "requests",
        ["updated_at"],
        unique=False,
        sqlite_where=over,
        postgresql_where=over,
    )
    op.create_table(
        "approvals",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("approver_user", sa.String(length=32), nullable=False),
        sa.Column("requester_user", sa.String(length=32), nullable=False),
        sa.Column("venue", sa.String(length=64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("fk_approvals_request_id")
        ),
        sa.PrimaryKeyConstraint(
            "request_id", "revision", "approver_user", name=op.f("pk_approvals")
        ),
    )
    op.create_index("ix_approvals_approver", "approvals", ["approver_user", "at"], unique=False)
    op.create_index("ix_approvals_requester", "approvals", ["requester_user", "at"], unique=False)
    op.create_index("ix_posts_message", "posts", ["channel", "ts"], unique=False)
