"""The database: tables, queries, migrations and the audit log."""

from bot.store.database import Database, DatabaseError, usable
from bot.store.posts import PostStore
from bot.store.requests import RequestStore

__all__ = ["Database", "DatabaseError", "PostStore", "RequestStore", "usable"]
