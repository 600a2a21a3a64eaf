"""A process's place among the executors: whoever holds it lives, whoever lost it is gone.

SQLite has one place, a lock on a file beside the database. PostgreSQL has many, each an advisory
lock on a connection of its own, which the server frees when the process dies or its machine falls
silent; a process that is merely slow keeps it (facts/durable.md 2.3).
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from pathlib import Path
from typing import IO, Protocol

import psycopg
import sqlalchemy as sa
import structlog

log = structlog.get_logger(__name__)

_NAMESPACE = 0x5253434E
_SLOTS = 256
# Beside the slots: who sweeps, and who sets up the engine's tables.
_LEADER, _SETUP = _SLOTS, _SLOTS + 1
# For how long a place must be seen empty before its work is taken: a server that restarts frees
# all places at once, and their holders come back.
_VACANT_SECONDS = 15.0
_SETUP_PAUSE_SECONDS = 0.2
# Seconds after which the server gives up on a machine that does not answer.
_SILENCE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}


class PlaceError(Exception):
    """There is no place for this process; the message says why and what to do."""


class Place(Protocol):
    """What the engine needs to know of the others."""

    is_only_one: bool

    @property
    def executor_id(self) -> str: ...

    def take(self) -> None:
        """Take a place; PlaceError if there is none."""
        ...

    def leads(self) -> bool:
        """Whether this process does what only one shall do; somebody does as long as any lives."""
        ...

    def begin_setup(self) -> None:
        """Keep the others from setting up the engine's tables until `end_setup`; may wait long."""
        ...

    def end_setup(self) -> None: ...

    def vacant(self, executors: frozenset[str]) -> list[str]:
        """Pick those of `executors` that are gone for good; they stay so until `release`."""
        ...

    def release(self, executor_id: str) -> None: ...

    def keep(self) -> None:
        """See to it that the place is still this process's own.

        Raises PlaceError if another process has taken it, psycopg.Error if nobody can tell now.
        """
        ...

    def leave(self) -> None: ...


def place_for(url: sa.URL) -> Place:
    return FilePlace(url) if url.get_backend_name() == "sqlite" else SlotPlace(url)


class FilePlace:
    """SQLite serves one process; a second one would take the first one's live work."""

    is_only_one = True
    executor_id = "slot-0"

    def __init__(self, url: sa.URL) -> None:
        self._database = Path(str(url.database))
        self._lock: IO[str] | None = None

    def take(self) -> None:
        if sqlite3.sqlite_version_info < (3, 35):
            raise PlaceError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer")
        file = self._database.with_name(self._database.name + ".lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise PlaceError(
                f"another rescind process already uses {self._database.name}: stop it first, set "
                "DATABASE_URL to another file, or use PostgreSQL for several processes"
            ) from error
        self._lock = file

    def leads(self) -> bool:
        return True

    def begin_setup(self) -> None:
        """Nobody else is there."""

    def end_setup(self) -> None:
        """Nobody waits."""

    def vacant(self, executors: frozenset[str]) -> list[str]:  # noqa: ARG002
        return []

    def release(self, executor_id: str) -> None:
        """There are no other places."""

    def keep(self) -> None:
        """A file's lock cannot be lost."""

    def leave(self) -> None:
        if self._lock is not None:
            self._lock.close()


class SlotPlace:
    """One of PostgreSQL's numbered slots. Its methods block and may be called from any thread."""

    is_only_one = False

    def __init__(self, url: sa.URL) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.Connection | None = None
        self._slot = 0
        self._leads = False
        self._empty_since: dict[str, float] = {}
        # Places of others that this process holds while it adopts their work.
        self._kept: set[str] = set()
        # A psycopg connection does one thing at a time, and locks belong to it.
        self._guard = threading.RLock()

    @property
    def executor_id(self) -> str:
        return f"slot-{self._slot}"

    def take(self) -> None:
        self._connection = self._connect()
        for slot in range(_SLOTS):
            if self._try(slot):
                self._slot = slot
                return
        self.leave()
        raise PlaceError(f"{_SLOTS} rescind processes already work on this database: stop some")

    def leads(self) -> bool:
        with self._guard:
            self._leads = self._leads or self._try(_LEADER)
            return self._leads

    def begin_setup(self) -> None:
        # Asked again and again, for a statement that waits for a lock holds a snapshot, and the
        # engine builds indexes that wait for all snapshots: they would wait for each other.
        while not self._try(_SETUP):
            time.sleep(_SETUP_PAUSE_SECONDS)

    def end_setup(self) -> None:
        self._unlock(_SETUP)

    def vacant(self, executors: frozenset[str]) -> list[str]:
        with self._guard:
            self._empty_since = {
                name: since for name, since in self._empty_since.items() if name in executors
            }
            return [name for name in sorted(executors) if self._is_vacant(name)]

    def _is_vacant(self, executor_id: str) -> bool:
        if executor_id in self._kept:
            return True  # adopting broke off half-way
        if not self._try(_slot_of(executor_id)):
            self._empty_since.pop(executor_id, None)
            return False
        since = self._empty_since.setdefault(executor_id, time.monotonic())
        self._kept.add(executor_id)
        if time.monotonic() - since >= _VACANT_SECONDS:
            return True
        self.release(executor_id)
        return False

    def release(self, executor_id: str) -> None:
        with self._guard:
            self._kept.discard(executor_id)
            self._unlock(_slot_of(executor_id))

    def keep(self) -> None:
        """The lock lives as long as its connection; after a cut the same place is taken anew."""
        with self._guard:
            try:
                self._held.execute("select 1")
            except psycopg.Error:
                log.warning("place_lost", place=self.executor_id)
                self._held.close()
                self._leads = False
                self._kept.clear()
                self._connection = self._connect()
                if not self._try(self._slot):
                    raise PlaceError(
                        "another rescind process took this one's place while the database could "
                        "not be reached"
                    ) from None

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def _held(self) -> psycopg.Connection:
        if self._connection is None:
            raise PlaceError("no place was taken")
        return self._connection

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(
            self._url, autocommit=True, application_name="rescind slot", connect_timeout=10
        )
        for name, value in _SILENCE.items():
            connection.execute("select set_config(%s, %s, false)", (name, str(value)))
        return connection

    def _try(self, number: int) -> bool:
        return self._ask("select pg_try_advisory_lock(%s, %s)", number)

    def _unlock(self, number: int) -> None:
        self._ask("select pg_advisory_unlock(%s, %s)", number)

    def _ask(self, query: str, number: int) -> bool:
        with self._guard:
            row = self._held.execute(query.encode(), (_NAMESPACE, number)).fetchone()
        return row == (True,)


def _slot_of(executor_id: str) -> int:
    return int(executor_id.removeprefix("slot-"))
