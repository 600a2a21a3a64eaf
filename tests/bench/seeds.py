"""A database with two real requests, made through a running bot that was then stopped.

One is done, the other waits for its decision.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench import servers
from tests.bench.client import Client
from tests.bench.people import LOOKING_SECONDS, Clerk
from tests.bench.servers import Server


async def make_seed(folder: Path, outside: Server) -> Path:
    """Return the SQLite file, made once for each run."""
    home = folder / "seed"
    database = home / servers.DATABASE
    if database.exists():
        return database
    with servers.bot(servers.sqlite_url(home), home, outside) as bot:
        async with Client(bot.port) as client, Client(outside.port) as watcher:
            clerk = Clerk(client, watcher)
            await clerk.ask()
            await clerk.ask()
            await asyncio.sleep(LOOKING_SECONDS)
            await clerk.approve()
    return database


def copy_database(source: Path, folder: Path) -> Path:
    """Copy a SQLite file, with whatever still stands in its log, into a new folder."""
    folder.mkdir()
    target = folder / servers.DATABASE
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target
