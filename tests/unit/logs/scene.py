"""Who logs what, and what must not be read of it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any, TypeAlias

import structlog

SECRET = 'k3y/with=odd&"char\'s"-ü'
PASSWORD = "pa:ss/w%rd-9"
SECRETS = ("xapp-known", SECRET, "postgresql://bot:pa%3Ass%2Fw%25rd-9@db.example/rescind")
# A name has no shape: whoever is called this must not get into the log in the first place.
GUEST = "Philomena Quux"


class Stream(io.StringIO):
    """What was logged."""

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    @property
    def entry(self) -> dict[str, Any]:
        (only,) = self.entries
        return only


Configure: TypeAlias = Callable[..., Stream]


def ours() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("bot.somewhere")
    return logger


def theirs(name: str = "slack_sdk.web") -> logging.Logger:
    return logging.getLogger(name)


def fail(*words: object) -> None:
    raise ValueError(*words)


def failing(*words: object) -> Exception:
    """Return an error that was raised."""
    try:
        fail(*words)
    except ValueError as error:
        return error
    raise AssertionError("unreachable")
