"""Bad weather: Slack's Web API misbehaves now and then, and a few times something bigger breaks."""

from __future__ import annotations

import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx

from tests.faults.fleet import Process
from tests.faults.scene import Scene

SLACK_FAULTS = ("ratelimited", "http_500", "drop_before", "drop", "slow")
_SLACK_METHODS = ("chat.postMessage", "chat.update", "views.open", "conversations.replies")
_REFUSALS_SECONDS = 10.0


class Weather(threading.Thread):
    """`strokes`: what to do once each, evenly spread over `progress`, which goes from 0 to 1;
    then the sky clears."""

    def __init__(
        self,
        scene: Scene,
        chance: random.Random,
        strokes: Sequence[tuple[str, Callable[[], None]]] = (),
        progress: Callable[[], float] = lambda: 0.0,
        pauses: tuple[float, float] = (0.5, 3.0),
    ) -> None:
        super().__init__(name="weather", daemon=True)
        self._scene = scene
        self._chance = chance
        self._strokes = [
            ((number + 0.5) / len(strokes), what, stroke)
            for number, (what, stroke) in enumerate(strokes)
        ]
        self._progress = progress
        self._pauses = pauses
        self._stopping = threading.Event()
        self.done: Counter[str] = Counter()
        self.stumbled: list[str] = []

    def run(self) -> None:
        try:
            while not self._stopping.wait(self._chance.uniform(*self._pauses)):
                if self._progress() < 1:
                    self._trouble_slack()
                while self._strokes and self._progress() >= self._strokes[0][0]:
                    _, what, stroke = self._strokes.pop(0)
                    stroke()
                    self.done[what] += 1
        except Exception as error:  # noqa: BLE001 - told by the test, in whose thread this is not
            self.stumbled.append(f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    @property
    def is_over(self) -> bool:
        return not self._strokes or bool(self.stumbled)

    def _trouble_slack(self) -> None:
        kind, method = self._chance.choice(SLACK_FAULTS), self._chance.choice(_SLACK_METHODS)
        self._scene.people.slack_fault(method, kind, times=1, retry_after=1, seconds=0.3)
        self.done[f"Slack {kind}"] += 1


@contextmanager
def full_disk(process: Process) -> Iterator[None]:
    """No file of `process` can be written, as on a full disk, for the length of the block.

    A limit on the live process needs no right to mount anything; the error differs (EFBIG instead
    of ENOSPC), what fails is the same.
    """
    pid = process.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def fill_disk(scene: Scene, process: Process, seconds: float) -> int:
    """Fill it for `seconds` at least; return how many questions were refused meanwhile.

    AssertionError if none was, or if one was acknowledged although nothing can be kept.
    """
    process.wait_until(lambda: httpx.get(f"{process.url}/healthz").status_code == 200)
    case = scene.case()
    refused = 0
    with full_disk(process):
        until = time.monotonic() + seconds
        while time.monotonic() < until or not refused:
            answer = scene.people.command(case.order, case.team.requester, case.team.channel)
            lost_on_the_way = "status" not in answer
            refused += "whether this counted" in str(answer) or (
                not answer["ok"] and not lost_on_the_way
            )
            assert time.monotonic() < until + _REFUSALS_SECONDS, f"never refused: {answer}"
            time.sleep(0.1)
    return refused
