"""A request: one intended cancellation, its states and the only ways between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.order import Order
from bot.domain.quote import Notify, Quote
from bot.domain.selection import Selection
from bot.domain.settlement import Outcome


class State(StrEnum):
    REQUESTED = "requested"  # the order is being read
    PENDING = "pending"  # the card waits for a decision
    APPROVED = "approved"  # decided; not yet taken up
    EXECUTING = "executing"  # taken up: the upstream may have been called
    DONE = "done"
    FAILED = "failed"  # nothing was changed upstream
    UNKNOWN = "unknown"  # sent, and what happened could not be settled
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_live(self) -> bool:
        return bool(TRANSITIONS[self])


# PENDING to itself is another selection, one of several votes or a reminder, UNKNOWN to itself a
# reminder; EXECUTING to PENDING is a quote that drifted; UNKNOWN to EXECUTING is *Check again*,
# which sends nothing. PENDING to FAILED is a card that could not be posted: nobody could ever have
# decided on it.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.PENDING, State.FAILED}),
    State.PENDING: frozenset(
        {
            State.PENDING,
            State.APPROVED,
            State.REJECTED,
            State.WITHDRAWN,
            State.EXPIRED,
            State.FAILED,
        }
    ),
    State.APPROVED: frozenset({State.EXECUTING}),
    State.EXECUTING: frozenset({State.DONE, State.FAILED, State.UNKNOWN, State.PENDING}),
    State.UNKNOWN: frozenset({State.UNKNOWN, State.EXECUTING, State.DONE, State.FAILED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
}
LIVE_STATES = frozenset(state for state in State if TRANSITIONS[state])
# What waits for people: a decision, or somebody who finds out.
WAITING_STATES = frozenset({State.PENDING, State.UNKNOWN})


class TransitionError(ValueError):
    """A step that the transition table does not allow: a defect of ours, never a user's mistake."""


class StaleRequestError(Exception):
    """The request is not in the state the caller expected: somebody else moved it on."""


class LedgerUnavailableError(Exception):
    """Requests can be neither read nor changed right now; what was tried may be tried again."""


def check_transition(source: State, target: State) -> None:
    """Raise TransitionError unless the table allows the step."""
    if target not in TRANSITIONS[source]:
        raise TransitionError(f"a request cannot go from {source} to {target}")


class Source(StrEnum):
    """How the request was made."""

    COMMAND = "command"
    MODAL = "modal"


class FailureCode(StrEnum):
    """Why a request failed. In every case but UNSETTLED nothing was changed upstream."""

    ORDER_NOT_FOUND = "order_not_found"
    NOT_PERMITTED = "not_permitted"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    BLOCKED = "blocked"
    CHANGED = "changed"
    NOT_APPLIED = "not_applied"
    CARD_NOT_POSTED = "card_not_posted"
    SETTLED = "settled"  # a person looked and said so
    UNSETTLED = "unsettled"  # goes with UNKNOWN: what could be read, but proves nothing
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Failure:
    """`detail`: the upstream's or Slack's own words, where there are any; shown escaped."""

    code: FailureCode
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, by ids only: a Slack user within a workspace (and organisation, if any)."""

    user: str
    team: str
    enterprise: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the chat stated about a click or a command, kept for the audit log.

    `payload_digest`: SHA-256 (hex) of the delivery's body, so that it can be recognised.
    """

    channel: str | None = None
    message_ts: str | None = None
    action_ts: str | None = None
    trigger_id: str | None = None
    payload_digest: str | None = None


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What somebody asks for.

    `delivery_key` names the Slack delivery that brought it, so that the same delivery arriving
    twice makes one request; `response_url` reaches the asker alone; `allowed_by` is the rule by
    which they may ask.
    """

    venue: str
    order_id: str
    requester: Actor
    channel: str
    source: Source
    notify: Notify = Notify.CONFIRMATION
    reason: str | None = None
    response_url: str | None = None
    delivery_key: str | None = None
    allowed_by: str | None = None
    evidence: Evidence = field(default_factory=Evidence)


class CreationResult(StrEnum):
    """What became of a new request.

    CREATED now. REPEATED: this very delivery made it before. OCCUPIED: the order has a live
    request already, which is the one returned.
    """

    CREATED = "created"
    REPEATED = "repeated"
    OCCUPIED = "occupied"


class Verdict(StrEnum):
    APPROVED = "approved"
    BROKE_GLASS = "broke_glass"  # approved alone, in an emergency
    AUTOMATIC = "automatic"  # approved by the policy, by nobody
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RESOLVED = "resolved"

    @property
    def is_approval(self) -> bool:
        return self in {Verdict.APPROVED, Verdict.BROKE_GLASS, Verdict.AUTOMATIC}


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided on the quote of one revision, and when; by nobody if AUTOMATIC."""

    verdict: Verdict
    by: Actor | None
    at: datetime
    revision: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A Slack message: channel id and ts."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Request:
    """A row of the requests table as the rest of the house sees it.

    `version` grows with every change (the optimistic lock); `revision` with every new quote, so
    that a click can be matched with the quote that was on the card; `run` with every approval or
    check, and names its workflow. `order` is the order as the quote saw it; `previous_quote` the
    one it replaced after the order had changed upstream. `votes` are the approvals and rejections
    of the present quote, where more than one is needed; `decision` what took effect. While it waits
    for people, `due_at` is when the next reminder, the escalation at `escalates_at` or the expiry
    at `expires_at` is due; `reminders` counts those since.
    """

    id: str
    venue: str
    order_id: str
    state: State
    version: int
    revision: int
    run: int
    requester: Actor
    channel: str
    source: Source
    notify: Notify
    created_at: datetime
    updated_at: datetime
    reason: str | None = None
    response_url: str | None = None
    order: Order | None = None
    selection: Selection | None = None
    quote: Quote | None = None
    previous_quote: Quote | None = None
    votes: tuple[Decision, ...] = ()
    decision: Decision | None = None
    failure: Failure | None = None
    outcome: Outcome | None = None
    card: MessageRef | None = None
    result: MessageRef | None = None
    delivered_version: int = 0
    reminders: int = 0
    due_at: datetime | None = None
    escalates_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def order_label(self) -> str:
        return self.order.label if self.order else self.order_id
