"""What is known about somebody who acts: ids and facts of the chat, never names. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.request import Actor

# How long facts may be used at all, and how long for what is above a policy's lowest tier: the
# click itself asked for them.
FACTS_LAST = timedelta(seconds=60)
FACTS_ARE_FRESH = timedelta(seconds=10)


class Standing(StrEnum):
    """What somebody is to the workspace the bot works for."""

    MEMBER = "member"  # a full member
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    STRANGER = "stranger"  # of another workspace (Slack Connect)
    UNKNOWN = "unknown"  # nobody could say


class Membership(StrEnum):
    """Whether somebody is on a list; UNKNOWN where it names a group that could not be read."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """An actor, and what the chat said of them at `known_at` (aware).

    `groups`: the user groups, of those that were asked about, that they are in; `unread`: those
    that could not be read, so that they may be in them or not.
    """

    actor: Actor
    standing: Standing = Standing.UNKNOWN
    groups: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    known_at: datetime | None = None

    def on(self, ids: Set[str]) -> Membership:
        """Whether a list of user ids and user-group ids has them on it."""
        if self.actor.user in ids or self.groups & ids:
            return Membership.YES
        return Membership.UNKNOWN if self.unread & ids else Membership.NO

    def is_known_since(self, moment: datetime) -> bool:
        return self.known_at is not None and self.known_at >= moment


def same_person(one: Actor, other: Actor) -> bool:
    """User ids are unique within a workspace, and within an organisation where there is one."""
    if one.enterprise and one.enterprise == other.enterprise:
        return one.user == other.user
    return (one.team, one.user) == (other.team, other.user)


def may_be_same(one: Actor, other: Actor) -> bool:
    """Where being the same person forbids something, a doubt about the workspace forbids it too."""
    return one.user == other.user
