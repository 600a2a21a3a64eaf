"""A desk to put requests on: its poster keeps what is said, its directory knows who is where."""

from __future__ import annotations

from datetime import datetime

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.electorate import Roster
from bot.domain.policy import Policy
from bot.domain.request import MessageRef
from bot.domain.venue import Venue
from bot.slack.cards import Message
from bot.slack.desk import SlackDesk
from bot.slack.directory import Directory
from bot.slack.outbox import Outbox
from bot.slack.poster import Poster, Recipient
from tests.examples import VENUE
from tests.unit.slack.fake_posts import Clock, FakePosts

Trouble = DeliveryImpossibleError | DeliveryPostponedError


class FakePoster(Poster):
    """Keeps what is said; `troubles` come up in turn, None for none."""

    def __init__(self, *troubles: Trouble | None) -> None:
        self.said: list[tuple[str, str, str | None, Message]] = []
        self.whispers: list[tuple[Recipient, str]] = []
        self.workspace_url = None
        self._troubles = list(troubles)

    def _trouble(self) -> None:
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble:
            raise trouble

    async def post(self, channel: str, message: Message, thread: str | None = None) -> MessageRef:
        self._trouble()
        self.said.append(("post", channel, thread, message))
        return MessageRef(f"D{channel}" if channel[0] == "U" else channel, f"{len(self.said)}.0")

    async def find(
        self, channel: str, thread: str | None, since: datetime, request_id: str, kind: str
    ) -> MessageRef | None:
        """Find what was said last in that place: nothing else is ever looked for here."""
        del since, request_id, kind
        said = [n for n, (how, *place, _) in enumerate(self.said, 1) if place == [channel, thread]]
        return MessageRef(channel, f"{said[-1]}.0") if said else None

    async def update(self, ref: MessageRef, message: Message) -> None:
        self._trouble()
        self.said.append(("update", ref.channel, ref.ts, message))

    async def whisper(self, recipient: Recipient, text: str) -> None:
        self._trouble()
        self.whispers.append((recipient, text))

    @property
    def where(self) -> list[tuple[str, str, str | None]]:
        return [(how, channel, ts) for how, channel, ts, _ in self.said]


class FakeDirectory(Directory):
    """Knows the members of user groups; whoever is asked for them is counted."""

    def __init__(self, **groups: list[str] | None) -> None:
        self._roster = Roster(
            {group: None if users is None else frozenset(users) for group, users in groups.items()}
        )
        self.asked = 0

    async def roster(self, policy: Policy) -> Roster:
        del policy
        self.asked += 1
        return self._roster


def desk(
    *troubles: Trouble | None,
    posts: FakePosts | None = None,
    venue: Venue = VENUE,
    directory: Directory | None = None,
) -> tuple[FakePoster, SlackDesk]:
    """A desk; with the `posts` of an earlier one it is the same house after a while."""
    poster = FakePoster(*troubles)
    rows = posts or FakePosts(Clock())
    outbox = Outbox(poster, rows, rows.now, rows.now.pause)
    return poster, SlackDesk(poster, outbox, {venue.key: venue}, directory or FakeDirectory())


def no(cause: str) -> DeliveryImpossibleError:
    return DeliveryImpossibleError(cause)
