"""The real logging pipeline, on a stream, and everything as it was before afterwards."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence

import pytest
import structlog

from bot import logs
from tests.unit.logs.scene import SECRETS, Configure, Stream

_LOGGERS = (
    *("slack_bolt", "slack_sdk", "httpx", "httpcore", "aiohttp", "alembic", "stamina", "dbos"),
    *("uvicorn", "py.warnings"),
)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    before = {name: _state(logging.getLogger(name)) for name in ("", *_LOGGERS)}
    structlog_before = structlog.get_config() if structlog.is_configured() else None
    for module, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, f"__{hook}__"))
    logging.captureWarnings(False)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def set_up(
        log_format: str = "json", level: str = "INFO", secrets: Sequence[str] = SECRETS
    ) -> Stream:
        stream = Stream()
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure(log_format, level, secrets)
        return stream

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield set_up
    logging.captureWarnings(False)
    for name, (handlers, level, propagate) in before.items():
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    if structlog_before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**structlog_before)


def _state(logger: logging.Logger) -> tuple[list[logging.Handler], int, bool]:
    return list(logger.handlers), logger.level, logger.propagate


@pytest.fixture(params=["json", "console"])
def stream(request: pytest.FixtureRequest, configure: Configure) -> Stream:
    return configure(str(request.param))
