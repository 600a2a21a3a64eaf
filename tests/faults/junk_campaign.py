"""The junk campaign: everything at once at one bot, while people go on asking and approving."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import httpx

from tests.faults.junk import Came, Shot, Tally, bombard, fork
from tests.faults.junk_bait import Bait, body_of
from tests.faults.junk_books import open_files, resident
from tests.faults.junk_forgeries import Forgeries
from tests.faults.junk_payloads import Payloads
from tests.faults.junk_regulars import Regulars
from tests.faults.junk_strangers import Strangers
from tests.faults.junk_texts import ANSWER, Ear
from tests.integration.stage import Stage

_AT_ONCE = 24
_REGULARS = 3
# A little less than the bot takes it for, as it may be on its way for a while.
_SIGNATURE_LASTS_SECONDS = 280
_FILES_MORE = 8
_RETRY = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each kind; of `slow` ones, how many at the same time.

    `warm_up`: what part of it comes first, before the memory is looked at.
    """

    counts: Mapping[str, int]
    slow: int
    warm_up: float


_COUNTS = {
    "malformed": 250,
    "truncated": 200,
    "oversized": 260,
    "wrongly signed": 200,
    "replayed": 150,
    "clicks": 200,
    "forms": 150,
    "questions": 120,
    "junk": 150,
    "forged": 300,
}
SMOKE = Size(_COUNTS, slow=150, warm_up=0.3)
FULL = Size({kind: 15 * count for kind, count in _COUNTS.items()}, slow=700, warm_up=0.1)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the bot's process takes: bytes of memory, open files."""

    memory: int
    files: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """`spare`: an order that nobody asks for."""

    stage: Stage
    chance: random.Random
    baits: Sequence[Bait]
    spare: str
    regulars: Regulars
    ear: Ear
    tally: Tally

    def measure(self, files: int | None = None) -> Measured:
        """Look once there are no more than about `files` open: the junk's connections are gone."""
        bot = self.stage.bot
        if files is not None:
            bot.wait_until(lambda: open_files(bot.process.pid) <= files + _FILES_MORE)
        return Measured(resident(bot.process.pid), open_files(bot.process.pid))

    def run(self, counts: Mapping[str, int], slow: int) -> None:
        """Send so many of each kind, while the regulars go about their business."""
        over = threading.Event()
        people = [
            threading.Thread(target=self.regulars.go_on, args=(over.is_set,))
            for _ in range(_REGULARS)
        ]
        for person in people:
            person.start()
        try:
            asyncio.run(self._bombard(counts, slow))
        finally:
            over.set()
            for person in people:
                person.join()

    async def _bombard(self, counts: Mapping[str, int], slow: int) -> None:
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        self.chance.shuffle(kinds)
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=4)
        async with httpx.AsyncClient(timeout=30, limits=limits) as client:
            sources = self._sources(client)
            quick = (next(sources[kind]) for kind in kinds)
            slow_ones = itertools.islice(self._strangers().slow(), slow)
            async with asyncio.TaskGroup() as group:
                group.create_task(bombard(slow_ones, self.tally, max(1, slow)))
                group.create_task(bombard(quick, self.tally, _AT_ONCE))

    def _sources(self, client: httpx.AsyncClient) -> dict[str, Iterator[Shot]]:
        strangers = self._strangers()
        known = (self.baits, self.spare, self.stage.channels[-1], partial(self._send, client))
        payloads = Payloads(fork(self.chance), *known)
        forgeries = Forgeries(fork(self.chance), *known)
        return {
            "malformed": strangers.malformed(),
            "truncated": strangers.truncated(),
            "oversized": strangers.oversized(),
            "wrongly signed": strangers.wrongly_signed(),
            "replayed": self._replays(client),
            "clicks": payloads.clicks(),
            "forms": payloads.forms(),
            "questions": payloads.questions(),
            "junk": payloads.junk(),
            "forged": forgeries.forged(),
        }

    def _strangers(self) -> Strangers:
        port = int(self.stage.bot.url.rpartition(":")[2])
        waiting = [bait for bait in self.baits if bait.approvers]
        bodies = [body_of(bait.click("approve", min(bait.approvers))) for bait in waiting]
        return Strangers(port, fork(self.chance), self.stage.wire, bodies)

    def _replays(self, client: httpx.AsyncClient) -> Iterator[Shot]:
        """What was acted on, once more: as it was, and with something changed about it."""
        chance = fork(self.chance)
        while True:
            spent = chance.choice(self.regulars.spent[-60:])
            body, headers = spent.body, spent.headers
            later = {"X-Slack-Request-Timestamp": str(int(time.time()) + 1)}
            lasts = time.time() - spent.at < _SIGNATURE_LASTS_SECONDS
            for what, fire, status in (
                ("as it was", partial(self._send, client, body, headers), "200"),
                ("as a retry", partial(self._send, client, body, headers | _RETRY), "200"),
                ("at another time", partial(self._send, client, body, headers | later), "401"),
                ("of another body", partial(self._send, client, body + b"&x=y", headers), "401"),
            ):
                yield Shot("replayed", what, fire, frozenset({status if lasts else "401"}))

    async def _send(
        self, client: httpx.AsyncClient, body: bytes, headers: dict[str, str] | None = None
    ) -> Came:
        """Send as Slack would; tell the status, and what should not be in the answer."""
        wire = self.stage.wire
        try:
            answer = await client.post(wire.url, content=body, headers=headers or wire.signed(body))
        except httpx.TransportError as error:
            return Came([type(error).__name__], len(body))
        came = [str(answer.status_code)]
        if answer.status_code != 200 and answer.content:
            came.append("words with a refusal")
        if b"Something went wrong" in answer.content or b"Traceback" in answer.content:
            came.append("an error of ours")
        if answer.headers.get("content-type", "").startswith("application/json"):
            self.ear.hear(ANSWER, answer.json())
        return Came(came, len(body))
