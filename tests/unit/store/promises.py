"""What must hold of every stored request and of its votes, whatever happened to it; and a look."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import sqlalchemy as sa

from bot.domain.policy import Policy
from bot.domain.request import TRANSITIONS, Decision, Request, State, Verdict
from bot.domain.tiers import tier_of
from bot.store.limits import NOBODY
from bot.store.rows import request_from_row
from bot.store.tables import approvals, audit_events, requests, sends

_BY_APPROVAL = {State.PENDING, State.APPROVED, State.EXECUTING, State.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the tables say of some requests.

    `events`: how many there are of each request; `attempts`: (request, revision, number);
    `approvers`: who is noted to have approved which revision of which request.
    """

    requests: dict[str, Request]
    events: dict[str, int]
    attempts: set[tuple[str, int, int]]
    approvers: dict[tuple[str, int], set[str]]


def look(connection: sa.Connection, order_ids: Sequence[str]) -> Seen:
    rows = connection.execute(sa.select(requests).where(requests.c.order_id.in_(order_ids)))
    found = {row.id: request_from_row(row) for row in rows}
    counts = (
        sa.select(audit_events.c.request_id, sa.func.count())
        .where(audit_events.c.request_id.in_(found))
        .group_by(audit_events.c.request_id)
    )
    events = {row[0]: row[1] for row in connection.execute(counts)}
    made = sa.select(sends.c.request_id, sends.c.revision, sends.c.attempt)
    sent = connection.execute(made.where(sends.c.request_id.in_(found)))
    approvers: dict[tuple[str, int], set[str]] = {}
    for row in connection.execute(sa.select(approvals).where(approvals.c.request_id.in_(found))):
        approvers.setdefault((row.request_id, row.revision), set()).add(row.approver_user)
    return Seen(found, events, {(row[0], row[1], row[2]) for row in sent}, approvers)


def steps_between(before: Request, after: Request, policy: Policy) -> int:
    """How many steps of the table a change was: one, but for a quote that needs nobody."""
    assert before.state.is_live
    if after.version == before.version + 1:
        assert after.state in TRANSITIONS[before.state]
        return 1
    assert policy.auto_approve_up_to is not None
    assert (before.state, after.state) == (State.REQUESTED, State.APPROVED)
    assert after.version == before.version + 2
    return 2


def votes_are_of_the_present_quote_and_one_per_person(request: Request, policy: Policy) -> None:
    assert {vote.revision for vote in request.votes} <= {request.revision}
    voters = [vote.by.user for vote in request.votes if vote.by]
    assert len(voters) == len(set(voters)) == len(request.votes)
    if request.state is State.PENDING:
        rejections = [vote for vote in request.votes if vote.verdict is Verdict.REJECTED]
        assert len(rejections) < policy.rejections


def limits_add_up_the_approvals_that_stand(
    request: Request, noted: Set[str], standing: Set[str]
) -> None:
    """`noted`: by the rows there are; `standing`: by everything that was allowed."""
    assert noted == standing
    if request.state in _BY_APPROVAL:
        assert noted == approvers_of(request) | _alone(request.decision)


def as_many_approved_as_were_asked_for(request: Request, policy: Policy) -> None:
    if request.state is not State.APPROVED or _alone(request.decision):
        return
    assert request.quote is not None
    assert len(approvers_of(request)) >= tier_of(policy, request.quote.value)[0].approvals
    assert policy.self_approval or request.requester.user not in approvers_of(request)


def approvers_of(request: Request) -> set[str]:
    return {vote.by.user for vote in request.votes if vote.by and vote.verdict is Verdict.APPROVED}


def _alone(decision: Decision | None) -> set[str]:
    """Who decided without anybody's vote."""
    if decision is None or decision.verdict not in {Verdict.BROKE_GLASS, Verdict.AUTOMATIC}:
        return set()
    return {decision.by.user if decision.by else NOBODY}
