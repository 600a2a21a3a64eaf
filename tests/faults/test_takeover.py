"""Work that changes hands while it is under way: the money still moves once, and all is told.

What a process does not end, because it died, hangs, stops, or lost its place, others end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.conftest import Tell
from tests.faults.fleet import SERVE, TIMEOUTS, WORK, Process
from tests.faults.ledger import ledger
from tests.faults.lookout import CHANGE
from tests.faults.people import Journey, Plan, start, travel
from tests.faults.scene import Scene, open_scene
from tests.faults.servers import Postgres

_ROLES = (("front-1", SERVE), ("front-2", SERVE), ("worker", WORK))
# A place counts as given up after 15 seconds and is looked at every 5; then the work itself.
_PATIENCE_SECONDS = 90.0
_HANGING_SECONDS = 30.0
# How long ACME takes to answer: less than the bot's client gives it.
_SLOWNESS_SECONDS = 1.5
_STOPPED_WITHIN_SECONDS = 10.0

# By ACME's update and by its Refund API, made and not made: what can be sent again, and what not.
_EVERYTHING = (
    Plan(),
    Plan(refund_email=True, tickets=1),
    Plan(tickets=2),
    Plan(refund_email=True),
    Plan(fault="error_before", tickets=1),
    Plan(fault="error_before", refund_email=True),
)


@pytest.mark.postgres
def test_killed_for_good_in_the_middle_of_a_change(
    tmp_path: Path, tell: Tell, postgres: Postgres
) -> None:
    with _three_processes(tmp_path, postgres) as scene:
        victim = scene.fleet.named("front-1")
        struck = _at_a_change(scene, 3, victim.kill)
        journeys = start(scene, _EVERYTHING)
        travel(journeys, patience=_PATIENCE_SECONDS)
        _check(scene, journeys, tell, struck)


@pytest.mark.postgres
@pytest.mark.full_size
def test_hanging_in_the_middle_of_a_change(tmp_path: Path, tell: Tell, postgres: Postgres) -> None:
    """Its machine hangs, the server gives its place away, others go on; then it wakes up."""
    with _three_processes(tmp_path, postgres) as scene:
        victim = scene.fleet.named("front-1")

        def hang() -> None:
            victim.freeze()
            postgres.cut(scene.database_url, postgres.places(scene.database_url)["front-1"])
            threading.Timer(_HANGING_SECONDS, victim.thaw).start()

        struck = _at_a_change(scene, 3, hang)
        journeys = start(scene, _EVERYTHING)
        travel(journeys, patience=_PATIENCE_SECONDS)
        _until(lambda: not victim.is_alive or not victim.is_frozen)
        _check(scene, journeys, tell, struck)


@pytest.mark.postgres
@pytest.mark.full_size
@pytest.mark.parametrize("refund_email", [False, True], ids=["update", "refund"])
def test_hanging_right_before_a_change(
    tmp_path: Path, tell: Tell, postgres: Postgres, refund_email: bool
) -> None:
    """It has noted that it will send; when it wakes up, that is long over, and said so."""
    with _three_processes(tmp_path, postgres) as scene:
        victim = _doomed(scene, postgres, "RequestStore.claim_send:frozen:1")
        journeys = start(scene, [Plan(refund_email=refund_email, tickets=1)])
        struck = _hanging(scene, postgres, victim, journeys)
        assert scene.lookout.changes[victim.name] == 0
        victim.thaw()
        for _ in range(2):  # by the second, whatever it was about to do is on its way
            victim.wait_until(lambda: httpx.get(f"{victim.url}/healthz").status_code == 200)
        tell("the sleeper's changes", {"sent": scene.lookout.changes[victim.name]})
        _check(scene, journeys, tell, struck)


@pytest.mark.postgres
@pytest.mark.full_size
def test_hanging_in_the_middle_of_a_transaction(
    tmp_path: Path, tell: Tell, postgres: Postgres
) -> None:
    """What it holds in the database, everybody else's audit events wait for."""
    with _three_processes(tmp_path, postgres) as scene:
        victim = _doomed(scene, postgres, "RequestStore.claim_send:frozen inside:1")
        journeys = start(scene, _EVERYTHING)
        struck = _hanging(scene, postgres, victim, journeys)
        _check(scene, journeys, tell, struck)


@pytest.mark.postgres
def test_a_place_lost_to_a_newcomer_in_the_middle_of_a_change(
    tmp_path: Path, tell: Tell, postgres: Postgres
) -> None:
    """It lives and works; but the connection that holds its place is cut, again and again."""
    # Much longer than a process takes to start, even on a busy machine.
    timeouts, slowness = (1.0, 40.0, 45.0), 35.0
    with _three_processes(tmp_path, postgres, timeouts) as scene:
        url = scene.database_url
        number = postgres.places(url)["front-1"].number
        newcomer = Process(scene.sandbox, tmp_path, "newcomer", WORK, url, timeouts)
        scene.fleet.append(newcomer)

        def steal() -> None:
            newcomer.begin()
            deadline = time.monotonic() + slowness
            while "newcomer" not in (places := postgres.places(url)):
                assert time.monotonic() < deadline, newcomer.log()
                if "front-1" in places:
                    postgres.cut(url, places["front-1"])

        struck = _at_a_change(scene, 2, lambda: threading.Thread(target=steal).start())
        scene.lookout.delays = lambda call: (0.0, slowness if call == CHANGE else 0.0)
        journeys = start(scene, [Plan(), Plan(refund_email=True, tickets=1)])
        travel(journeys, patience=_PATIENCE_SECONDS)
        assert postgres.places(url)["newcomer"].number == number
        _check(scene, journeys, tell, struck)


@pytest.mark.postgres
@pytest.mark.full_size
def test_stopped_while_work_is_under_way(tmp_path: Path, tell: Tell, postgres: Postgres) -> None:
    with _three_processes(tmp_path, postgres) as scene:
        victim = scene.fleet.named("front-1")
        struck = _at_a_change(scene, 2, lambda: victim.process.send_signal(signal.SIGTERM))
        journeys = start(scene, _EVERYTHING)
        traveller = threading.Thread(target=travel, args=(journeys,))
        traveller.start()
        _until(lambda: bool(struck))
        code = victim.process.wait(_STOPPED_WITHIN_SECONDS)
        stopped_after = time.monotonic() - struck[0]
        traveller.join()
        tell("stopping", {"exit": code, "seconds": f"{stopped_after:.1f}"})
        assert code == 0, victim.log()
        assert stopped_after < _STOPPED_WITHIN_SECONDS
        _check(scene, journeys, tell, struck)


def test_the_engines_own_file_lost_with_the_process(tmp_path: Path, tell: Tell) -> None:
    """What the engine remembers can be found again from the requests."""
    with open_scene(tmp_path) as scene:
        bot = scene.fleet[0]

        def lose() -> None:
            bot.kill()
            lost = list(tmp_path.glob("rescind-engine.db*"))
            assert lost, "the engine has no file of its own"
            for file in lost:
                file.unlink()
            bot.begin()

        struck = _at_a_change(scene, 3, lose)
        journeys = start(scene, _EVERYTHING)
        travel(journeys, patience=_PATIENCE_SECONDS)
        _check(scene, journeys, tell, struck)


@contextmanager
def _three_processes(
    folder: Path, postgres: Postgres, timeouts: tuple[float, float, float] = TIMEOUTS
) -> Iterator[Scene]:
    with open_scene(folder, _ROLES, postgres.create_database(), timeouts=timeouts) as scene:
        _until(lambda: len(postgres.places(scene.database_url)) == len(_ROLES))
        yield scene


def _at_a_change(scene: Scene, count: int, then: Callable[[], None]) -> list[float]:
    """Do something when that many changes have come in from the first process, to which all go.

    Later deliveries go to the others, if there are any. The list will hold the moment.
    """
    scene.lookout.delays = lambda call: (0.0, _SLOWNESS_SECONDS if call == CHANGE else 0.0)
    first, *others = [process for process in scene.fleet if process.command == SERVE]
    scene.line.exits = lambda: [first.exit]
    struck: list[float] = []

    def happened(process: str, point: str) -> None:
        if struck or (process, point) != (first.name, f"{CHANGE} arrived"):
            return
        if scene.lookout.changes[first.name] >= count:
            struck.append(time.monotonic())
            if others:
                scene.line.exits = lambda: [other.exit for other in others]
            then()

    scene.lookout.happened = happened
    return struck


def _doomed(scene: Scene, postgres: Postgres, crash_at: str) -> Process:
    """Start the first process anew, to hang at a point; let it get all that Slack delivers."""
    victim = scene.fleet[0]
    victim.kill()
    victim.begin(crash_at)
    _until(lambda: victim.name in postgres.places(scene.database_url))
    victim.await_ready()
    scene.line.exits = lambda: [victim.exit]
    return victim


def _hanging(
    scene: Scene, postgres: Postgres, victim: Process, journeys: Sequence[Journey]
) -> list[float]:
    """Let people go their ways, the server give the place away when `victim` hangs, others work."""
    struck: list[float] = []

    def watch() -> None:
        _until(lambda: victim.is_frozen)
        struck.append(time.monotonic())
        scene.line.exits = lambda: [scene.fleet[1].exit]
        url = scene.database_url
        postgres.cut(url, postgres.places(url)[victim.name])

    watcher = threading.Thread(target=watch)
    watcher.start()
    travel(journeys, patience=_PATIENCE_SECONDS)
    watcher.join()
    return struck


def _until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _check(scene: Scene, journeys: Sequence[Journey], tell: Tell, struck: Sequence[float]) -> None:
    books = ledger(scene, journeys)
    seconds = max(journey.ended_at for journey in journeys) - struck[0] if struck else None
    tell("all was over after", {"seconds": f"{seconds:.1f}" if seconds else None, **books.counts})
    assert not books.wrong, "\n".join(books.wrong)
    assert struck, "nothing was struck"
    assert books.counts["extra cards"] == books.counts["extra replies"] == 0
    code, said = scene.run("audit", "verify")
    assert code == 0, said
