"""A thread that kills the processes of the bot, at named points or random instants, for good luck.

Every life of a process has its end drawn beforehand: a point (see `points`) and how often it comes
by first, or a moment. Where the point does not come by in time, the moment it is.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.fleet import SERVE, Fleet, Process
from tests.faults.points import AT_THE_FRONT, EVERYWHERE, is_own

AT_RANDOM = "at a random instant"
_OFTEN = ("delivery", "ACME read", "chat.", "RequestStore.claim:", "Engine.start", "delivered")
_COMMITS = 40


@dataclass(frozen=True)
class Habits:
    """`life`: seconds until a process is killed at the latest; `absences`: how long it stays dead,
    each with its weight."""

    life: float = 8.0
    absences: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.5),)
    together: float = 0.15


@dataclass
class _Life:
    """`point` empty: the end is `latest`. `left`: how often the point is still to come by."""

    latest: float
    point: str = ""
    left: int = 0
    over: bool = False
    back_at: float = 0.0


class Killer(threading.Thread):
    """Kills `wanted` times, then keeps everybody alive until `stop`."""

    def __init__(self, fleet: Fleet, chance: random.Random, wanted: int, habits: Habits) -> None:
        super().__init__(name="killer", daemon=True)
        self._fleet = fleet
        self._chance = chance
        self._wanted = wanted
        self._habits = habits
        self._lives = {process.name: _Life(time.monotonic() + 1) for process in fleet}
        self._decks: dict[str, list[str]] = {process.command: [] for process in fleet}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._held = False
        self._excused_until = 0.0
        self.kills: Counter[str] = Counter()
        self.absent = 0
        self.longest_absence = 0.0
        self.ended: Counter[str] = Counter()
        self.stumbled: list[str] = []

    @property
    def done(self) -> bool:
        return self.kills.total() >= self._wanted

    def happened(self, process: str, point: str) -> None:
        """Somebody has seen `process` come by `point`: if that is its end, it dies now."""
        with self._lock:
            life = self._lives.get(process)
            if life is None or life.over or life.point != point or self._held:
                return
            life.left -= 1
            if life.left <= 0:
                self._kill(self._fleet.named(process), point)

    def excuse(self, seconds: float) -> None:
        """For a while, a process may end by itself: it can not work without its database."""
        self._excused_until = time.monotonic() + seconds

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let everybody live for the length of the block; who was doomed to die by itself, anew."""
        with self._lock:
            self._held = True
            for process in self._fleet:
                if process.is_alive and is_own(self._lives[process.name].point):
                    self._kill(process, AT_RANDOM)
        try:
            while not all(self._lives_on(process) for process in self._fleet):
                time.sleep(0.05)
            yield
        finally:
            with self._lock:
                self._held = False

    def _lives_on(self, process: Process) -> bool:
        with self._lock:
            life = self._lives[process.name]
            return process.is_alive and not life.over and not is_own(life.point)

    def run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                for process in self._fleet:
                    self._look_after(process)
            time.sleep(0.01)

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def _look_after(self, process: Process) -> None:
        life, now = self._lives[process.name], time.monotonic()
        if life.over:
            if now >= life.back_at:
                self._begin(process)
        elif not process.is_alive:
            self._bury(process, life)
        elif now >= life.latest and not self.done and not self._held:
            self._kill(process, AT_RANDOM)
            others = [other for other in self._fleet if other.is_alive]
            if others and self._chance.random() < self._habits.together:
                self._kill(self._chance.choice(others), "together with another")

    def _kill(self, process: Process, cause: str) -> None:
        process.kill()
        self._mourn(process, cause)

    def _bury(self, process: Process, life: _Life) -> None:
        """It ended without our doing: at the point it was doomed to die at, or by mistake."""
        code = process.process.returncode
        if code == -signal.SIGKILL and is_own(life.point):
            self._mourn(process, life.point)
            return
        self.ended[f"exit {code}"] += 1
        if time.monotonic() > self._excused_until:
            tail = "\n".join(process.log().splitlines()[-15:])
            self.stumbled.append(f"{process.name} ended with {code}:\n{tail}")
        life.over, life.back_at = True, time.monotonic() + 0.5

    def _mourn(self, process: Process, cause: str) -> None:
        self.kills[cause] += 1
        life = self._lives[process.name]
        weights = [weight for weight, _, _ in self._habits.absences]
        (_, least, most) = self._chance.choices(self._habits.absences, weights)[0]
        absence = 0.0 if self.done or self._held else self._chance.uniform(least, most)
        if absence > 60:
            self.absent += 1
        self.longest_absence = max(self.longest_absence, absence)
        life.over, life.back_at = True, time.monotonic() + absence

    def _begin(self, process: Process) -> None:
        now, longest = time.monotonic(), self._habits.life
        if self.done or self._held:
            life = _Life(float("inf") if self.done else now + longest)
        else:
            point = self._draw(process)
            moment = self._chance.uniform(0.1, longest * 0.7) if not point else longest
            most = _COMMITS if point.startswith("Database") else 3 if _comes_often(point) else 1
            life = _Life(now + moment, point, self._chance.randint(1, most))
        self._lives[process.name] = life
        process.begin(f"{life.point}:{life.left}" if is_own(life.point) else "")

    def _draw(self, process: Process) -> str:
        """Deal the points out as cards, so that each has its turn; every third is a moment."""
        deck = self._decks[process.command]
        if not deck:
            points = EVERYWHERE + (AT_THE_FRONT if process.command == SERVE else ())
            deck += [*points, *[""] * (len(points) // 2)]
            self._chance.shuffle(deck)
        return deck.pop()


def _comes_often(point: str) -> bool:
    return any(word in point for word in _OFTEN)
