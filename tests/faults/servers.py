"""A PostgreSQL server of our own, that a test may restart as it likes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.conftest import require

# Of the bot's advisory locks (see `bot.workflows.place`), those that are places.
_PLACES = """
SELECT a.usename, l.objid::int, l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid::int = x'5253434E'::int
AND l.objid::int < 256 AND a.datname = current_database()
"""
# Every process has a role of its own, so that the server knows who is who.
ROLES = ("front-1", "front-2", "worker", "newcomer")


@dataclass(frozen=True)
class Place:
    """A process's place among the executors, and the server's process on the other end."""

    number: int
    backend: int


class Postgres:
    """A server on a Unix socket in a folder of its own."""

    def __init__(self, binaries: Path, home: Path) -> None:
        self._binaries = binaries
        self._home = home

    def create_database(self) -> str:
        """Make a fresh database; return its address, for the role of an administrator."""
        name = f"faults_{secrets.token_hex(4)}"
        self._tell(self._address("postgres"), f'CREATE DATABASE "{name}"')
        return self._address(name)

    def places(self, url: str) -> dict[str, Place]:
        """Who holds which place among the executors, by role."""
        with psycopg.connect(url) as connection:
            rows = connection.execute(_PLACES.encode()).fetchall()
        return {role: Place(number, backend) for role, number, backend in rows}

    def cut(self, url: str, place: Place) -> None:
        """End the connection that holds a place."""
        self._tell(url, f"SELECT pg_terminate_backend({place.backend})")

    def _tell(self, url: str, statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _address(self, database: str) -> str:
        return f"postgresql://rescind@/{database}?host={self._home}"

    def initialise(self) -> None:
        self._run("initdb", "-D", self._data, "-U", "rescind", "--auth=trust")

    def start(self) -> None:
        # What a killed server had written survives without fsync; a power cut is not played.
        options = f"-k {self._home} -c listen_addresses= -c fsync=off"
        log = str(self._home / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")
        for role in ROLES:
            self._tell(self._address("postgres"), f'CREATE ROLE "{role}" LOGIN SUPERUSER')

    def restart(self) -> None:
        """Kill every backend where it stands, and recover from the log."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "restart")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    @property
    def _data(self) -> str:
        return str(self._home / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # No pipes: the server would keep them open.
        subprocess.run(command, check=True, cwd=self._home, stdout=subprocess.DEVNULL, timeout=60)


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """Run a server for the length of the block."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = shutil.which("initdb")
    require(found or program, "PostgreSQL's initdb, to run a server that can be restarted,")
    binaries = (found[-1] if found else Path(str(program))).parent
    # A short path: a socket's has some hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="rescind-pg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if os.getuid() == 0:
            shutil.chown(home, "postgres")
        server = Postgres(binaries, home)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
