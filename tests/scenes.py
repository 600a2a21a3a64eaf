"""Scenes for the policy: who acts on what, under which rules. Few ids, so that lists overlap.

Most of what is generated is good, so that a scene is allowed often enough to mean something.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

from bot.domain.judgement import Judgement, Usage
from bot.domain.money import Money
from bot.domain.order import LineKind, Order
from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor, Decision, Request, State, Verdict
from bot.domain.ruling import Action, Circumstances, rule
from tests import examples
from tests.examples import NOW

USERS = ("U0REQUEST", "U0APPROVE", "U0CLICKER", "W0ANYBODY")
GROUPS = ("S0FRONT", "S0FINANCE", "S0BOARD")
CURRENCIES = ("USD", "EUR", "JPY")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody acts on a request, under a policy."""

    policy: Policy
    request: Request
    at: Circumstances

    def rule(self, action: Action) -> Judgement:
        return rule(self.policy, action, self.request, self.at)


def click(
    person: Person,
    seen: int | None = 1,
    voters: Iterable[Person] = (),
    usage: Usage | None = None,
    now: datetime = NOW,
) -> Circumstances:
    return Circumstances(person, now, seen, tuple(voters), usage)


def mostly(usual: _T, *others: _T) -> st.SearchStrategy[_T]:
    return st.sampled_from([usual] * 12 * len(others) + list(others))


def before(now: datetime, *ages: int) -> list[datetime]:
    """Moments so many seconds before `now`."""
    return [now - timedelta(seconds=age) for age in ages]


def denying(policy: Policy, denied: str) -> tuple[Policy, Policy]:
    """The policy with one more who may not ask, and with one more who may not approve."""
    no_requester = policy.deny_requesters | {denied}
    no_approver = policy.deny_approvers | {denied}
    return (
        replace(policy, deny_requesters=no_requester),
        replace(policy, deny_approvers=no_approver),
    )


user_ids = st.sampled_from(USERS)
any_id = st.sampled_from(USERS + GROUPS)
no_ids: st.SearchStrategy[frozenset[str]] = st.just(frozenset())
few_ids = st.frozensets(any_id, max_size=2)
many_ids = st.frozensets(any_id, min_size=3, max_size=7)
some_groups = st.frozensets(st.sampled_from(GROUPS))
deny_lists = st.one_of(*[no_ids] * 4, few_ids)
allow_lists = st.one_of(st.none(), many_ids, many_ids, few_ids)
actors = st.builds(
    Actor,
    user=user_ids,
    team=mostly("T0MUSEUM", "T0PARTNER", ""),
    enterprise=mostly(None, "E0CHAIN", "E0OTHER"),
)


@functools.cache
def sums(currency: str, most: int = 16) -> st.SearchStrategy[Money]:
    """Amounts in steps of fifty: some of them meet."""
    return st.integers(0, most).map(lambda count: Money(Decimal(50 * count), currency))


@functools.cache
def ceilings(most: int = 16) -> st.SearchStrategy[Ceiling]:
    """In all currencies, or in some, or in none."""
    every = st.tuples(*(sums(currency, most) for currency in CURRENCIES))
    lost = st.sampled_from([0] * 12 + [1, 2, 3])
    return st.builds(lambda found, count: Ceiling(found[count:]), every, lost)


def _lowest_first(tiers: list[Tier], is_open: bool) -> tuple[Tier, ...]:
    """The tiers with ceilings that rise; the last perhaps without any."""
    found: list[Tier] = []
    for tier in tiers:
        below = found[-1].up_to if found else None
        found.append(replace(tier, up_to=_on_top(below, tier.up_to)))
    if found and is_open:
        found[-1] = replace(found[-1], up_to=None)
    return tuple(found)


def _on_top(below: Ceiling | None, ceiling: Ceiling | None) -> Ceiling:
    amounts = ceiling.amounts if ceiling else ()
    known = {each: below.in_currency_of(each) for each in amounts} if below else {}
    return Ceiling(tuple(each + (known.get(each) or Money.zero(each.currency)) for each in amounts))


single_tiers = st.builds(
    Tier,
    up_to=ceilings(10),
    approvals=st.sampled_from((1, 2, 2, 3)),
    approvers=st.one_of(st.none(), many_ids),
)
limits = st.one_of(*[st.none()] * 3, ceilings(40))
break_glasses = st.builds(BreakGlass, many_ids, st.none() | ceilings())
policies = st.builds(
    Policy,
    requesters=allow_lists,
    approvers=allow_lists,
    deny_requesters=deny_lists,
    deny_approvers=deny_lists,
    channels=st.sampled_from((None, frozenset({"C0REFUNDS"}), frozenset({"C0OTHER"}))),
    self_approval=st.booleans(),
    self_approval_up_to=st.none() | ceilings(),
    tiers=st.builds(_lowest_first, st.lists(single_tiers, max_size=3), st.booleans()),
    approver_daily=limits,
    requester_daily=limits,
    auto_approve_up_to=st.none() | ceilings(),
    reason_required=st.booleans(),
    reasons=st.sampled_from(((), ("guest is ill", "event moved"))),
    block_on=st.one_of(
        *[st.just(frozenset[WarningCode]())] * 3, st.frozensets(st.sampled_from(WarningCode))
    ),
    max_order_age=mostly(None, timedelta(days=30), timedelta(hours=12)),
    rejections=st.integers(1, 3),
    break_glass=st.one_of(st.none(), break_glasses, break_glasses),
    escalate_to=few_ids.map(lambda ids: tuple(sorted(ids))),
)

_standings = mostly(Standing.MEMBER, *(each for each in Standing if each is not Standing.MEMBER))


@functools.cache
def people(now: datetime, actor: Actor | None = None) -> st.SearchStrategy[Person]:
    """Mostly full members that somebody has just looked up, in some groups."""
    return st.builds(
        Person,
        actor=actors if actor is None else st.just(actor),
        standing=_standings,
        groups=some_groups,
        unread=st.one_of(*[no_ids] * 6, some_groups),
        known_at=mostly(*before(now, 5, 0, 10, 11, 59, 60, 61, 4000), None),
    )


@functools.cache
def votes(revision: int, now: datetime) -> st.SearchStrategy[Decision]:
    """Most of them approvals of this revision."""
    return st.builds(
        Decision,
        verdict=mostly(Verdict.APPROVED, Verdict.REJECTED, Verdict.REJECTED, Verdict.BROKE_GLASS),
        by=st.one_of(*[actors] * 12, st.none()),
        at=mostly(*before(now, 90, 0, 59, 60, 61, 4000)),
        revision=mostly(revision, revision - 1, revision + 1),
    )


def _order(
    currency: str,
    price: int,
    quantity: int,
    kind: LineKind,
    event_at: datetime | None,
    is_checked_in: bool,
    created_at: datetime | None,
    owes: bool,
) -> Order:
    line = replace(
        examples.line(quantity=quantity, kind=kind),
        unit_price=Money(Decimal(50 * price), currency),
        subtotal=Money(Decimal(50 * price * quantity), currency),
        event_at=event_at,
        checked_in=int(is_checked_in),
    )
    balance = Money(Decimal(50), currency) if owes else None
    whole = replace(examples.order(), currency=currency, balance=balance, created_at=created_at)
    return replace(whole, lines=(line,))


orders = st.builds(
    _order,
    currency=st.sampled_from(CURRENCIES),
    price=st.integers(0, 3),
    quantity=st.integers(1, 3),
    kind=mostly(LineKind.TICKET, LineKind.DONATION),
    event_at=mostly(NOW + timedelta(days=30), NOW + timedelta(hours=1), None),
    is_checked_in=mostly(False, True),
    created_at=mostly(NOW - timedelta(days=2), NOW - timedelta(days=50), None),
    owes=mostly(False, True),
)


def _of_one_mind(given: list[Decision]) -> tuple[Decision, ...]:
    """The votes without those of people who had voted the other way: the store keeps just one."""
    first: dict[tuple[str, int], Verdict] = {}
    kept = []
    for vote in given:
        user = vote.by.user if vote.by else ""
        if first.setdefault((user, vote.revision), vote.verdict) is vote.verdict:
            kept.append(vote)
    return tuple(kept)


@st.composite
def pending(draw: st.DrawFn, now: datetime = NOW) -> Request:
    """A request that waits for its decision, with votes."""
    revision = draw(mostly(1, 2))
    least = draw(st.sampled_from((0, 2)))
    given = draw(st.lists(votes(revision, now), min_size=least, max_size=4))
    return replace(
        examples.request(of=draw(orders)),
        revision=revision,
        requester=draw(actors),
        votes=_of_one_mind(given),
        escalates_at=draw(st.sampled_from((None, NOW, now, now + timedelta(seconds=1)))),
    )


any_state = st.sampled_from([State.PENDING] * 40 + [State.UNKNOWN] * 10 + list(State))


@st.composite
def scenes(
    draw: st.DrawFn,
    policies: st.SearchStrategy[Policy] = policies,
    states: st.SearchStrategy[State] = any_state,
) -> Scene:
    """Somebody clicks; of each who voted something is known, if only that nobody could say."""
    now = NOW + draw(st.sampled_from((timedelta(0), timedelta(hours=2), timedelta(days=10))))
    request = replace(draw(pending(now)), state=draw(states))
    quote = request.quote if draw(mostly(True, False)) else None
    currency = request.quote.value.currency if request.quote else "USD"
    used = st.builds(Usage, sums(currency), sums(currency))
    givers = dict.fromkeys(vote.by for vote in request.votes if vote.by)
    at = Circumstances(
        person=draw(people(now)),
        now=now,
        seen_revision=draw(mostly(request.revision, None, 1, 3)),
        voters=tuple(draw(people(now, giver)) for giver in givers),
        usage=draw(st.one_of(used, used, st.none())),
    )
    return Scene(draw(policies), replace(request, quote=quote), at)


def _untroubled(scene: Scene) -> Scene:
    """The scene with nothing in the way but lists, tiers, ceilings and who is who."""
    at, order = scene.at, scene.request.order
    zero = Money.zero(order.currency if order else "USD")
    return replace(
        scene,
        policy=replace(scene.policy, block_on=frozenset(), max_order_age=None),
        at=replace(
            at,
            person=_sure(at.person, at.now),
            seen_revision=scene.request.revision,
            voters=tuple(_sure(voter, at.now) for voter in at.voters),
            usage=Usage(zero, zero),
        ),
    )


def _sure(person: Person, now: datetime) -> Person:
    return replace(person, standing=Standing.MEMBER, unread=frozenset(), known_at=now)


def promising(policies: st.SearchStrategy[Policy] = policies) -> st.SearchStrategy[Scene]:
    """Scenes of which many are allowed."""
    return scenes(policies, st.just(State.PENDING)).map(_untroubled)


def _doubtful(person: Person, now: datetime) -> st.SearchStrategy[Person]:
    """What is not known of somebody: who they are, since when, or in which groups."""
    nowhere = replace(person, groups=frozenset())
    return st.one_of(
        st.sampled_from(before(now, 11, 59, 61)).map(lambda at: replace(person, known_at=at)),
        st.just(replace(person, standing=Standing.UNKNOWN)),
        st.sampled_from(GROUPS).map(lambda group: replace(nowhere, unread=frozenset({group}))),
        st.just(replace(nowhere, unread=frozenset(GROUPS))),
    )


@st.composite
def doubtful(draw: st.DrawFn) -> Scene:
    """Scenes with nothing in the way but a doubt about one of those who decide."""
    scene = draw(promising())
    people = [scene.at.person, *scene.at.voters]
    index = draw(st.integers(0, len(people) - 1))
    people[index] = draw(_doubtful(people[index], scene.at.now))
    return replace(scene, at=replace(scene.at, person=people[0], voters=tuple(people[1:])))
