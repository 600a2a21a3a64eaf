"""Logging: structlog everywhere, other libraries' records through the same renderer."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.types import Processor

# Libraries whose chatter would repeat ours, or hold bodies.
_QUIET = ("slack_bolt", "slack_sdk", "httpx", "httpcore", "aiohttp", "alembic", "stamina", "dbos")


def configure(log_format: str, level: str) -> None:
    """Set up logging once, at the start of the process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default shows local variables: tokens, names, addresses.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("dbos").addFilter(_without_traceback)
    # It tells of starting and stopping, as we do; what goes wrong stays.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _without_traceback(record: logging.LogRecord) -> bool:
    """The engine shows the traceback of what we have logged, or of a database that is away."""
    if record.exc_info and record.exc_info[0]:
        record.msg = f"{record.getMessage().splitlines()[0]} ({record.exc_info[0].__name__})"
        record.args = ()
    record.exc_info = record.exc_text = None
    return True
