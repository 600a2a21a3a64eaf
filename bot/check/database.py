"""The database of DATABASE_URL: there, writable, of a schema that this version knows.

Nothing is written, and nothing is made that is not there: that is the start's business.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa

from bot.check.database_file import Disk, about_file
from bot.check.database_server import about_server
from bot.check.finding import Finding, wrong
from bot.store import Database, DatabaseError

_SQLITE = "sqlite"
_THIS_MACHINE = Disk()
_POSTGRES = frozenset({"postgresql", "postgres"})


async def about_database(url: str, disk: Disk = _THIS_MACHINE) -> list[Finding]:
    """Look at the database without changing it; `disk` is the seam for tests."""
    try:
        made = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # the latter for an odd port
        return _refused(url)
    backend = made.get_backend_name()
    if backend == _SQLITE and made.database and made.database != ":memory:":
        return await asyncio.to_thread(about_file, Path(made.database), disk)
    if backend in _POSTGRES:
        return await about_server(made)
    return _refused(url)


def _refused(url: str) -> list[Finding]:
    """Say what the start says of an address that is none."""
    try:
        Database(url).close()
    except DatabaseError as error:
        return [wrong("database", f"{error}.", "Correct DATABASE_URL.")]
    raise AssertionError("unreachable: the store takes no other databases")
