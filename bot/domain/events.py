"""Audit tags, `subject:subject:action`. A retired tag stays here as a comment."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    REQUESTED = "order:cancel:requested"
    QUOTED = "order:cancel:quoted"
    RESELECTED = "order:cancel:reselected"
    APPROVAL_GIVEN = "order:cancel:approval_given"  # one of several
    APPROVED = "order:cancel:approved"
    APPROVED_AUTOMATICALLY = "order:cancel:approved_automatically"
    BROKE_GLASS = "order:cancel:broke_glass"
    REJECTION_GIVEN = "order:cancel:rejection_given"  # one of several
    VOTE_TAKEN_BACK = "order:cancel:vote_taken_back"
    REJECTED = "order:cancel:rejected"
    WITHDRAWN = "order:cancel:withdrawn"
    REMINDED = "order:cancel:reminded"
    ESCALATED = "order:cancel:escalated"
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
    SCRUBBED = "order:personal:scrubbed"
