"""What the tables of speed share: the baselines and the bots, running all the time side by side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import servers
from tests.bench.baselines import BASELINES
from tests.bench.servers import Server
from tests.unit.databases import postgres_database

SQLITE = "ours, SQLite"
POSTGRES = "ours, PostgreSQL"
NO_POSTGRES = "TEST_POSTGRES_URL names no PostgreSQL server"


def has_postgres() -> bool:
    return bool(os.environ.get("TEST_POSTGRES_URL"))


@contextlib.contextmanager
def postgres_url(folder: Path, outside: Server) -> Iterator[str]:
    """The address of a database of our own, migrated; dropped afterwards."""
    with postgres_database(migrated=False) as database:
        url = database.url.render_as_string(hide_password=False)
        servers.migrate(url, folder, outside)
        yield url


@dataclass(frozen=True, slots=True)
class Stage:
    """`bots` by what they keep their requests in."""

    outside: Server
    baselines: Mapping[str, Server]
    bots: Mapping[str, Server]


@contextlib.contextmanager
def open_stage(folder: Path, outside: Server) -> Iterator[Stage]:
    """Start every baseline, a bot on SQLite, and one on PostgreSQL where there is a server."""
    with contextlib.ExitStack() as stack:
        baselines = {
            name: stack.enter_context(servers.baseline(name, folder)) for name in BASELINES
        }
        home = folder / "sqlite"
        sqlite = servers.starting_bot(servers.sqlite_url(home), home, outside)
        bots = {SQLITE: stack.enter_context(sqlite)}
        if has_postgres():
            url = stack.enter_context(postgres_url(folder, outside))
            postgres = servers.starting_bot(url, folder / "postgres", outside)
            bots[POSTGRES] = stack.enter_context(postgres)
        servers.wait_for_all([*baselines.values(), *bots.values()])
        yield Stage(outside, baselines, bots)
        servers.stop_together([*baselines.values(), *bots.values()])
