"""Alembic's entry: migrations run on the engine that `Database` hands over."""

from __future__ import annotations

from alembic import context

from bot.store.tables import metadata

engine = context.config.attributes["engine"]
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
