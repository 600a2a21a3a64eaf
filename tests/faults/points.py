"""The named points at which a process is killed, besides random instants.

`SEEN` are noticed from outside, by the line and the lookout, which kill before they go on. `OWN`
are methods of the bot: `crashing` makes the process kill itself right before, inside or after one.
"""

from __future__ import annotations

HANDED_OVER, ANSWERED = "delivery handed over", "delivery answered"

# What only a process that serves Slack comes to.
AT_THE_FRONT = (
    HANDED_OVER,
    ANSWERED,
    "views.open arrived",
    "RequestStore.create:before",
    "RequestStore.create:inside",
    "RequestStore.create:after",
    "RequestStore.decide:before",
    "RequestStore.decide:inside",
    "RequestStore.decide:after",
    "RequestStore.reselect:before",
    "RequestStore.reselect:after",
)

SEEN = (
    "ACME read arrived",
    "ACME read done",
    "ACME change arrived",
    "ACME change done",
    "chat.postMessage arrived",
    "chat.postMessage done",
    "chat.update arrived",
    "chat.update done",
    "conversations.replies arrived",
    "conversations.history arrived",
)

OWN = (
    "RequestStore.record_quote:before",
    "RequestStore.record_quote:inside",
    "RequestStore.record_quote:after",
    "RequestStore.claim:before",
    "RequestStore.claim:after",
    "RequestStore.claim_send:before",
    "RequestStore.claim_send:inside",
    "RequestStore.claim_send:after",
    "RequestStore.record_answer:before",
    "RequestStore.record_answer:inside",
    "RequestStore.record_answer:after",
    "RequestStore.finish:before",
    "RequestStore.finish:inside",
    "RequestStore.finish:after",
    "RequestStore.fail:before",
    "RequestStore.fail:after",
    "RequestStore.drift:before",
    "RequestStore.drift:after",
    "RequestStore.mark_unknown:before",
    "RequestStore.mark_unknown:after",
    "RequestStore.delivered:before",
    "RequestStore.delivered:after",
    "PostStore.take_turn:before",
    "PostStore.take_turn:after",
    "PostStore.begin_anew:before",
    "PostStore.begin_anew:after",
    "PostStore.posted:before",
    "PostStore.posted:after",
    "PostStore.not_posted:before",
    "PostStore.not_posted:after",
    "Engine.start:before",
    "Engine.start:after",
    # In the middle of any transaction.
    "Database.run:inside",
)

EVERYWHERE = SEEN + OWN


def is_own(point: str) -> bool:
    return ":" in point
