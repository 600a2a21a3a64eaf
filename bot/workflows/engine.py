"""The durable engine, DBOS Transact, behind a port of a few methods: only this module knows it.

Workflows are short and named, take a request id and return nothing; what they know is in our own
rows, so any of them may be started again from its beginning. Settings and traps: facts/durable.md
section 5.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol, TypeVar

import sqlalchemy as sa
import stamina
import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

from bot.domain.request import LedgerUnavailableError
from bot.workflows.place import Place

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Bumping it would strand what is in flight; workflow code changes stay compatible instead.
_APPLICATION_VERSION = "1"
# What a process does not take on at once waits here for whichever has a hand free.
_QUEUE = "rescind"
_QUEUE_POLL_SECONDS = 1.0
_OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
# The store may be away for as long as a server takes to come back.
_LEDGER_PATIENCE_SECONDS = 900
_PRUNED_AT_ONCE = 1000
# The engine's own signals, such as another process having taken over, and databases that are away.
_NOT_OURS = (
    dbos_error.DBOSException,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    LedgerUnavailableError,
)
# The workflow that is being started: a task inherits it, and whatever resumes one does not.
_BEGUN: ContextVar[str | None] = ContextVar("rescind_begun", default=None)


class WorkError(Exception):
    """Work failed in a way that nobody foresaw; told by the error's type alone.

    The engine writes down what an error says, and that may be a guest's name.
    """


class Durable(Protocol):
    """What a workflow may use: everything else it does must be inside a step.

    `may_repeat`, within a step: whether a process that died may have begun it before, so that what
    that process asked of others may still happen.
    """

    workflow_id: str
    may_repeat: bool

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` at least once and remember its result (JSON) across crashes.

        While the ledger cannot be reached, `work` is tried again: it must be able to bear that.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, across crashes, until `seconds` after the first time this was reached."""
        ...

    async def hand_over(self, name: str, workflow_id: str, request_id: str) -> None:
        """Start another workflow that goes on after this one; the same id again does nothing."""
        ...


Workflow = Callable[[Durable, str], Coroutine[None, None, None]]


class _Durable:
    def __init__(self, engine: Engine, *, is_resumed: bool) -> None:
        self._engine = engine
        self.workflow_id = str(DBOS.workflow_id)
        # Of what was begun elsewhere, the first step that is not remembered was perhaps under way.
        self.may_repeat = is_resumed

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            with self._engine.at_work(), self._beginning(), _without_words():
                async for attempt in stamina.retry_context(
                    on=LedgerUnavailableError,
                    attempts=None,
                    timeout=_LEDGER_PATIENCE_SECONDS,
                    wait_initial=0.2,
                    wait_max=10,
                ):
                    with attempt:
                        return await work()
                raise AssertionError("unreachable: the last attempt returns or raises")

        await self._engine.before_work()
        result = await DBOS.run_step_async({"name": name}, run)
        await self._engine.stand_still_when_stopping()
        return result

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.may_repeat = False

    async def sleep(self, seconds: float) -> None:
        await DBOS.sleep_async(seconds)

    async def hand_over(self, name: str, workflow_id: str, request_id: str) -> None:
        await self._engine.start(name, workflow_id, request_id)


@contextmanager
def _without_words() -> Iterator[None]:
    """Let the engine see nothing but the type of what nobody foresaw."""
    try:
        yield
    except (WorkError, *_NOT_OURS):
        raise  # of the latter nothing of ours went wrong, and it will be started anew
    except Exception as error:
        raise WorkError(type(error).__name__) from error


class Engine:
    """One process's executor. `database`: the engine's own tables; `at_once`: how much it takes on.

    On SQLite the tables have a file of their own: what it holds can be found again from the
    requests, so it needs no disk flush per step, and never keeps an acknowledgement waiting.
    `give_way` is awaited before every piece of work: something else may be more urgent.
    """

    def __init__(
        self,
        database: sa.Engine,
        place: Place,
        at_once: int = 32,
        give_way: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._database = database
        self._at_once = at_once
        self._give_way = give_way
        self._workflows: dict[str, Callable[[str], Coroutine[None, None, None]]] = {}
        self._patient: set[str] = set()
        self._running: set[str] = set()
        self._busy = 0
        self._suspects: set[str] = set()
        self._stopping = False
        self._closing = False
        self._steps = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.place = place

    def register(
        self,
        name: str,
        workflow: Workflow,
        rescue: Callable[[str], Awaitable[None]] | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        """Make `workflow` known under `name`, for ever: recovery finds it by this name.

        `rescue` brings the request to a visible end state if the workflow fails unexpectedly;
        without one the error is logged, and the sweep starts the workflow anew. `is_patient`: it
        mostly waits, so it does not count among those that a process does at once.
        """

        async def run(request_id: str) -> None:
            with self._counted(name) as is_resumed:
                durable = _Durable(self, is_resumed=is_resumed)
                try:
                    with _without_words():
                        await workflow(durable, request_id)
                    await self.stand_still_when_stopping()
                except WorkError as error:
                    await self.stand_still_when_stopping()
                    kind = str(error)
                    log.exception("workflow_failed", workflow=name, request=request_id, error=kind)
                    if rescue is None:
                        raise
                    await durable.step("rescue", lambda: rescue(request_id))

        if is_patient:
            self._patient.add(name)
        self._workflows[name] = DBOS.workflow(name=name, max_recovery_attempts=1000)(run)

    @contextmanager
    def _counted(self, name: str) -> Iterator[bool]:
        """Count a workflow as running; tell whether it was begun elsewhere, or before a crash."""
        workflow_id = str(DBOS.workflow_id)
        busy = 0 if name in self._patient else 1
        self._running.add(workflow_id)
        self._busy += busy
        try:
            yield _BEGUN.get() != workflow_id
        finally:
            self._running.discard(workflow_id)
            self._busy -= busy

    async def launch(self) -> None:
        """Take a place and resume what was left in it; PlaceError if every place is taken."""
        await asyncio.to_thread(self.place.take)
        config = DBOSConfig(
            name="rescind",
            system_database_url=self._database.url.render_as_string(hide_password=False),
            system_database_engine=self._database,
            application_version=_APPLICATION_VERSION,
            executor_id=self.place.executor_id,
            max_executor_threads=32,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            run_migrations=True,
        )
        DBOS(config=config)
        # Two processes that create the tables at once would collide.
        await asyncio.to_thread(self.place.begin_setup)
        try:
            DBOS.launch()  # not in a thread: workflows run on the loop that it is called on
        finally:
            self.place.end_setup()
        await DBOS.register_queue_async(
            _QUEUE, worker_concurrency=self._at_once, polling_interval_sec=_QUEUE_POLL_SECONDS
        )

    async def start(self, name: str, workflow_id: str, request_id: str) -> None:
        """Start a workflow here, or where there is a hand free; the same id again does nothing."""
        if self._stopping:
            return  # the sweep of another process, or of the next one, finds what is due
        await self.before_work()
        workflow = self._workflows[name]
        with SetWorkflowID(workflow_id):
            if name in self._patient or self._busy < self._at_once:
                begun = _BEGUN.set(workflow_id)
                try:
                    await DBOS.start_workflow_async(workflow, request_id)
                finally:
                    _BEGUN.reset(begun)
            else:
                await DBOS.enqueue_workflow_async(_QUEUE, workflow, request_id)

    async def start_anew(self, name: str, workflow_id: str, request_id: str) -> None:
        """Start a workflow, also if one of that id came to an end without doing its work."""
        status = await DBOS.get_workflow_status_async(workflow_id)
        if status is None:
            await self.start(name, workflow_id, request_id)
        elif status.status in _OVER:
            log.warning("workflow_started_anew", workflow=workflow_id, ended=status.status)
            await DBOS.delete_workflow_async(workflow_id)
            await self.start(name, workflow_id, request_id)

    async def reclaim(self) -> int:
        """Resume what is noted as running here and is not; return how much that was.

        It broke off so badly that not even that could be written down, on a full disk say. Seen
        once means nothing: it may be about to run, or about to be noted as over.
        """
        pending = await DBOS.list_workflows_async(
            status="PENDING",
            executor_id=self.place.executor_id,
            load_input=False,
            load_output=False,
        )
        idle = {each.workflow_id for each in pending} - self._running
        lost = sorted(idle & self._suspects)
        self._suspects = idle - self._suspects
        if lost:
            log.warning("work_resumed", workflows=len(lost))
            await DBOS.resume_workflows_async(lost)
        return len(lost)

    async def adopt(self) -> int:
        """Take over the work of processes that are gone for good; return how much it was.

        A process that is merely slow still holds its place, so nothing is taken from it.
        """
        if self.place.is_only_one:
            return 0
        pending = await DBOS.list_workflows_async(
            status="PENDING", load_input=False, load_output=False
        )
        orphans: dict[str, list[str]] = {}
        for workflow in pending:
            if workflow.executor_id and workflow.executor_id != self.place.executor_id:
                orphans.setdefault(workflow.executor_id, []).append(workflow.workflow_id)
        adopted = 0
        for executor_id in await asyncio.to_thread(self.place.vacant, frozenset(orphans)):
            ids = orphans[executor_id]
            log.warning("work_adopted", of=executor_id, workflows=len(ids))
            await DBOS.resume_workflows_async(ids)
            await asyncio.to_thread(self.place.release, executor_id)
            adopted += len(ids)
        return adopted

    async def prune(self, before: datetime) -> int:
        """Delete what ended before `before`: our own rows are the history. Returns how many."""
        ended = await DBOS.list_workflows_async(
            status=sorted(_OVER),
            completed_before=before.isoformat(),
            limit=_PRUNED_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if ended:
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in ended])
        return len(ended)

    async def before_work(self) -> None:
        await self.stand_still_when_stopping()
        if self._give_way is not None:
            await self._give_way()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Mark a step as under way, so that stopping waits for it."""
        self._steps += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._steps -= 1
            if not self._steps:
                self._idle.set()

    async def stand_still_when_stopping(self) -> None:
        """Go no further in a process that stops; whoever resumes the workflow goes on from here."""
        if self._closing:
            await asyncio.Event().wait()

    def stop_starting(self) -> None:
        """Take on nothing new from now on."""
        self._stopping = True

    async def close(self, seconds: float = 3) -> None:
        """Let steps that are under way end within `seconds`; the next process resumes the rest."""
        self._stopping = self._closing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        # What still runs breaks off when the process ends; the engine would tell of each in vain.
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        self._database.dispose()
        self.place.leave()
