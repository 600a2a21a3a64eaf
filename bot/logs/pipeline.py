"""The way of every log record: ours, other libraries', warnings, and errors that nobody caught.

They meet in one handler, whose formatter redacts and renders. What is below the level never
gets there, so it costs nothing.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from bot.logs.redaction import Redaction
from bot.logs.tracebacks import raised, said_by, without_words

log = structlog.get_logger(__name__)

# Libraries whose chatter would repeat ours, or hold bodies.
_QUIET = ("slack_bolt", "slack_sdk", "httpx", "httpcore", "aiohttp", "alembic", "stamina", "dbos")
# The names of our events: words with underscores.
_EVENT = re.compile(r"[a-z]{1,30}(?:_[a-z]{1,30}){0,9}")
# In asyncio's messages: where a repr begins, and what the interesting one says.
_OBJECT = re.compile(r"\n|<|\((?!\))")
_COROUTINE = re.compile(r"\bcoro=<([\w.<>]{1,200}?)\(")


def configure(log_format: str, level: str, secrets: Iterable[str] = ()) -> None:
    """Set up logging once, at the start of the process.

    `secrets`: what no record may show, each of 8 characters or more (shorter ones would black out
    ordinary words). Of a URL among them, such as DATABASE_URL, also the password alone is one.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter(shared, Redaction(secrets), _renderer(log_format)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    # It tells of starting and stopping, as we do; what goes wrong stays.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # The engine gives its logger a handler of its own, past this one, unless there is one.
    engine = logging.getLogger("dbos")
    engine.handlers[:], engine.propagate = [handler], False
    logging.captureWarnings(True)
    _take_what_nobody_caught()


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        # Tracebacks come as texts, of which the other formatters warn.
        exception_formatter=structlog.dev.plain_traceback,
    )


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Let it be: the stream is broken, and the default would write the raw record there."""


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Redacts and renders. A record with which that fails is shown by its name alone."""

    def __init__(self, shared: list[Processor], redaction: Processor, renderer: Processor) -> None:
        super().__init__(
            foreign_pre_chain=[*shared, _without_quotes],
            processors=[self.remove_processors_meta, redaction, renderer],
        )
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(_discreet(record))
        except Exception as error:  # noqa: BLE001 - whatever it is, the record must not be lost
            return self._bare(record, type(error).__name__)

    def _bare(self, record: logging.LogRecord, failure: str) -> str:
        event = record.msg.get("event") if isinstance(record.msg, dict) else None
        name = _EVENT.fullmatch(event) if isinstance(event, str) else None
        shown = {
            "event": name[0] if name else "unreadable_record",
            "level": record.levelname.lower(),
            "timestamp": datetime.now(UTC).isoformat(),
            "logger": record.name,
            "line": f"{record.module}:{record.lineno}",
            "redaction_failed": failure,
        }
        return str(self._renderer(None, "", shown))


def _without_quotes(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Libraries put errors' messages into sentences, as a rule while they handle the error."""
    error = raised(event_dict.get("exc_info")) or sys.exc_info()[1]
    event_dict["event"] = without_words(str(event_dict["event"]), error)
    return event_dict


def _discreet(record: logging.LogRecord) -> logging.LogRecord:
    """Take out of a library's record what it shows of objects: errors, tasks, callbacks."""
    if isinstance(record.msg, dict):
        return record
    record = logging.makeLogRecord(record.__dict__)
    record.msg = _by_type(record.msg)
    if isinstance(record.args, Mapping):
        record.args = {key: _by_type(value) for key, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_by_type, record.args))
    if record.name == "asyncio":
        record.msg, record.args = _without_objects(record.getMessage()), ()
    elif record.name == "dbos":
        _take_off_the_traceback(record)
    return record


def _by_type(value: object) -> object:
    return said_by(value) if isinstance(value, BaseException) else value


def _without_objects(message: str) -> str:
    """asyncio shows tasks with their results, and callbacks with their arguments."""
    head = _OBJECT.split(message, maxsplit=1)[0].rstrip()
    coroutine = _COROUTINE.search(message)
    return f"{head} ({coroutine[1]})" if coroutine else head


def _take_off_the_traceback(record: logging.LogRecord) -> None:
    """The engine shows the traceback of what we have logged, or of a database that is away."""
    error = raised(record.exc_info)
    if error is not None:
        line = record.getMessage().partition("\n")[0]
        record.msg, record.args = f"{without_words(line, error)} ({type(error).__name__})", ()
    record.exc_info = record.exc_text = None


def _take_what_nobody_caught() -> None:
    """Python itself would print these to the same stream, with their messages."""
    sys.excepthook = _uncaught
    # Whoever has hooks of their own, as test runners do, keeps them.
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _uncaught_in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        log.critical("uncaught_error", exc_info=error)


def _uncaught_in_thread(uncaught: threading.ExceptHookArgs) -> None:
    if not issubclass(uncaught.exc_type, SystemExit):
        name = uncaught.thread.name if uncaught.thread else None
        log.critical("uncaught_error", thread=name, exc_info=uncaught.exc_value)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    source = unraisable.object
    name = getattr(source, "__qualname__", type(source).__qualname__)
    log.error("error_out_of_reach", source=name, exc_info=unraisable.exc_value)
