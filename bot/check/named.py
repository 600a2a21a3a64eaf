"""Which ids of Slack's the settings name, and where: people, user groups, channels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.domain.policy import Policy
from bot.domain.venue import Venue

_DENY = frozenset({"deny_requesters", "deny_approvers"})
_CALL = frozenset({"mentions"})


@dataclass(frozen=True, slots=True)
class Named:
    """An id, and the lists that name it, each with the venues whose it is."""

    id: str
    lists: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def places(self) -> str:
        return "; ".join(f"{rule} ({', '.join(venues)})" for rule, venues in self.lists)

    @property
    def is_let(self) -> bool:
        """Whether a list lets them do something, or calls on them to."""
        return any(rule not in _DENY for rule, _ in self.lists)

    @property
    def is_only_called(self) -> bool:
        """Whether nothing depends on them but who is mentioned."""
        return all(rule in _CALL for rule, _ in self.lists)


def named_people(venues: Sequence[Venue]) -> tuple[Named, ...]:
    """Every user and user group that a policy names, by id."""
    return _gathered(
        (each, rule, venue.key)
        for venue in venues
        for rule, ids in lists_of(venue.policy)
        for each in ids
    )


def named_channels(venues: Sequence[Venue]) -> tuple[Named, ...]:
    return _gathered(
        (each, rule, venue.key)
        for venue in venues
        for rule, ids in (("channels", venue.channels), ("policy.channels", venue.policy.channels))
        for each in ids or ()
    )


def lists_of(policy: Policy) -> Iterator[tuple[str, Iterable[str]]]:
    """A policy's lists of people by the names that they have in the file."""
    yield "requesters", policy.requesters or ()
    yield "approvers", policy.approvers or ()
    for number, tier in enumerate(policy.tiers):
        yield f"tiers[{number}].approvers", tier.approvers or ()
    yield "deny_requesters", policy.deny_requesters
    yield "deny_approvers", policy.deny_approvers
    yield "break_glass.who", policy.break_glass.who if policy.break_glass else ()
    yield "escalate_to", policy.escalate_to
    yield "mentions", policy.mentions


def _gathered(found: Iterable[tuple[str, str, str]]) -> tuple[Named, ...]:
    by_id: dict[str, dict[str, list[str]]] = {}
    for slack_id, rule, venue in found:
        venues = by_id.setdefault(slack_id, {}).setdefault(rule, [])
        if venue not in venues:
            venues.append(venue)
    return tuple(
        Named(slack_id, tuple((rule, tuple(venues)) for rule, venues in rules.items()))
        for slack_id, rules in sorted(by_id.items())
    )
