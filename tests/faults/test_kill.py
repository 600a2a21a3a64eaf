"""`kill -9` of the bot at random instants while people ask, choose and approve."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from tests.faults.campaign import ledger, plans, start, travel
from tests.integration.stage import Bot, Stage

ORDERS = 24
KILLS = 10


class Killer(threading.Thread):
    """Kills the bot, starts it anew, lets it live for a random moment, and so on."""

    def __init__(self, bot: Bot, chance: random.Random) -> None:
        super().__init__(name="killer", daemon=True)
        self._bot = bot
        self._lives = [chance.uniform(0.02, 1.6) for _ in range(KILLS)]
        self.kills = 0
        self.stumbled: list[str] = []

    def run(self) -> None:
        try:
            for life in self._lives:
                time.sleep(life)
                self._bot.kill()
                self.kills += 1
                self._bot.start("/healthz")
        except AssertionError as error:
            self.stumbled.append(str(error))


def test_kill_at_random_instants(
    stage: Stage,
    chance: random.Random,
    tell: Callable[[str, Mapping[str, object]], None],
) -> None:
    journeys = start(stage, plans(chance, ORDERS))
    killer = Killer(stage.bot, chance)
    killer.start()
    # A few set out in every life of the bot, so that each kill meets work in all its phases.
    travel(
        journeys,
        under_way=lambda: ORDERS * (killer.kills + 1) // KILLS,
        until=lambda: not killer.is_alive(),
    )
    killer.join()
    assert killer.stumbled == []

    books = ledger(journeys)
    faults = Counter(journey.plan.fault for journey in journeys if journey.plan.fault)
    tell("kill -9", {"kills": killer.kills, **books.counts})
    tell("besides, ACME", faults)
    assert books.wrong == []
    assert killer.kills == KILLS
