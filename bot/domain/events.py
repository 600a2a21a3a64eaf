"""Audit tags, `subject:subject:action`. A retired tag stays here as a comment."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    REQUESTED = "order:cancel:requested"
    QUOTED = "order:cancel:quoted"
    RESELECTED = "order:cancel:reselected"
    APPROVED = "order:cancel:approved"
    REJECTED = "order:cancel:rejected"
    WITHDRAWN = "order:cancel:withdrawn"
    REMINDED = "order:cancel:reminded"
    EXPIRED = "order:cancel:expired"
    STARTED = "order:cancel:started"
    SENT = "order:cancel:sent"
    ANSWERED = "order:cancel:answered"
    DRIFTED = "order:cancel:drifted"
    DONE = "order:cancel:done"
    FAILED = "order:cancel:failed"
    UNKNOWN = "order:cancel:unknown"
    RECHECKED = "order:cancel:rechecked"
    RESOLVED = "order:cancel:resolved"
