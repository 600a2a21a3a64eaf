"""The durable engine, DBOS Transact, behind a port of a few methods: only this module knows it.

Workflows are short and named, take a request id and return nothing; what they know is in our own
rows. Settings and traps: facts/durable.md section 5.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import IO, Protocol, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Bumping it would strand what is in flight; workflow code changes stay compatible instead.
_APPLICATION_VERSION = "1"
_LOCK_NAMESPACE = 0x5253434E
_OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


class EngineError(Exception):
    """The engine cannot start; the message says why and what to do."""


class Durable(Protocol):
    """What a workflow may use: everything else it does must be inside a step."""

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` at least once and remember its result (JSON) across crashes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, across crashes, until `seconds` after the first time this was reached."""
        ...


Workflow = Callable[[Durable, str], Coroutine[None, None, None]]


class _Durable:
    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return await DBOS.run_step_async({"name": name}, run)

    async def sleep(self, seconds: float) -> None:
        await DBOS.sleep_async(seconds)


class Engine:
    """One process's executor over `url`, the same database as everything else."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._workflows: dict[str, Callable[[str], Coroutine[None, None, None]]] = {}
        self._lock: IO[str] | psycopg.Connection | None = None

    def register(
        self,
        name: str,
        workflow: Workflow,
        rescue: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Make `workflow` known under `name`, for ever: recovery finds it by this name.

        `rescue` brings the request to a visible end state if the workflow fails unexpectedly;
        without one the error is logged, and the sweep starts the workflow anew.
        """
        durable = _Durable()

        async def run(request_id: str) -> None:
            try:
                await workflow(durable, request_id)
            except dbos_error.DBOSException:
                raise  # the engine's own signals, such as another process having taken over
            except Exception as error:
                kind = type(error).__name__
                log.exception("workflow_failed", workflow=name, request=request_id, error=kind)
                if rescue is None:
                    raise
                await durable.step("rescue", lambda: rescue(request_id))

        self._workflows[name] = DBOS.workflow(name=name, max_recovery_attempts=1000)(run)

    async def launch(self) -> None:
        """Take this process's place and resume what an earlier one left. EngineError if taken."""
        await asyncio.to_thread(self._take_place)
        config = DBOSConfig(
            name="rescind",
            system_database_url=self._url.render_as_string(hide_password=False),
            application_version=_APPLICATION_VERSION,
            executor_id="slot-0",
            max_executor_threads=32,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            run_migrations=True,
        )
        DBOS(config=config)
        DBOS.launch()

    async def start(self, name: str, workflow_id: str, request_id: str) -> None:
        """Start a workflow; starting the same id again changes nothing."""
        with SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._workflows[name], request_id)

    async def start_anew(self, name: str, workflow_id: str, request_id: str) -> None:
        """Start a workflow, also if one of that id came to its end without doing its work."""
        status = await DBOS.get_workflow_status_async(workflow_id)
        if status is not None and status.status in _OVER:
            log.warning("workflow_started_anew", workflow=workflow_id, ended=status.status)
            await DBOS.delete_workflow_async(workflow_id)
        await self.start(name, workflow_id, request_id)

    async def close(self, seconds: int = 5) -> None:
        """Let running workflows end within `seconds`; the next process resumes the rest."""
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=seconds)
        if self._lock is not None:
            self._lock.close()

    def _take_place(self) -> None:
        if self._url.get_backend_name() == "sqlite":
            path = Path(str(self._url.database))
            if sqlite3.sqlite_version_info < (3, 35):
                raise EngineError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer")
            self._lock = _locked_file(path.with_name(path.name + ".lock"))
        else:
            self._lock = _advisory_lock(self._url)


def _locked_file(path: Path) -> IO[str]:
    """SQLite serves one process; a second one would take the first one's live work."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise EngineError(
            f"another rescind process already uses {path.with_suffix('').name}: stop it first, or "
            "set DATABASE_URL to another file"
        ) from error
    return file


def _advisory_lock(url: sa.URL) -> psycopg.Connection:
    """Hold one executor's place for as long as this process lives (facts/durable.md 2.3)."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain, autocommit=True)
    taken = connection.execute("select pg_try_advisory_lock(%s, 0)", (_LOCK_NAMESPACE,)).fetchone()
    if taken != (True,):
        connection.close()
        raise EngineError(
            "another rescind process already works on this PostgreSQL database: stop it first"
        )
    return connection
