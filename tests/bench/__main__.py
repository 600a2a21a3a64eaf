"""Measure how fast it is, and what makes it slower, as ratios between neighbours in time.

Every figure of a run comes from the same machine in the same minutes: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import servers
from tests.bench.figures import Section, Verdict, times
from tests.bench.scale import FULL, SMOKE, Scale
from tests.bench.servers import BenchError, Server
from tests.bench.stage import open_stage
from tests.bench.tables import acknowledging, bursts, history, machines, waiting

_ON_STAGE = frozenset("ABC")
_MEASURES: dict[str, Callable[[Path, Server, Scale], Awaitable[Section]]] = {
    "D": history.measure,
    "E": waiting.measure,
    "F": machines.measure,
}
_TABLES = sorted(_ON_STAGE | _MEASURES.keys())


async def _run(scale: Scale, only: Collection[str], console: Console) -> list[Verdict]:
    verdicts: list[Verdict] = []

    def show(section: Section) -> None:
        console.print(*section.shown, sep="\n", end="\n\n")
        verdicts.extend(section.verdicts)

    with tempfile.TemporaryDirectory(prefix="rescind-bench-") as name:
        folder = Path(name)
        with servers.outside(folder) as outside:
            if _ON_STAGE & set(only):
                with open_stage(folder, outside) as stage:
                    if {"A", "C"} & set(only):
                        found = await acknowledging.measure(stage, scale)
                        for letter in sorted(found.keys() & set(only)):
                            show(found[letter])
                    if "B" in only:
                        show(await bursts.measure(stage, scale))
            for letter, measure in _MEASURES.items():
                if letter in only:
                    show(await measure(folder, outside, scale))
    return verdicts


def _judged(verdicts: Sequence[Verdict]) -> Table:
    table = Table("target", "wanted", "measured", "", title="Targets")
    for verdict in verdicts:
        mark = "[green]reached" if verdict.reached else "[red]missed"
        table.add_row(verdict.what, verdict.target, times(verdict.figure), mark)
    return table


def _letters(text: str) -> list[str]:
    letters = [letter.strip().upper() for letter in text.split(",")]
    if not set(letters) <= set(_TABLES):
        raise argparse.ArgumentTypeError(f"there are the tables {', '.join(_TABLES)}")
    return letters


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main() -> None:
    """Exit with 1 if something did not work; a target that was missed is only told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few rounds, to see that it runs")
    parser.add_argument("--only", type=_letters, default=_TABLES, help="tables, such as A,B")
    parser.add_argument("--processes", type=_counts, help="for table F, such as 1,2,4")
    options = parser.parse_args()
    scale = SMOKE if options.smoke else FULL
    if options.processes:
        scale = dataclasses.replace(scale, processes=options.processes)
    console = Console(width=120)
    # So that what was started is stopped, as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        verdicts = asyncio.run(_run(scale, options.only, console))
    except BenchError as error:
        console.print(f"Something did not work: {error}", style="red", markup=False)
        sys.exit(1)
    if verdicts:
        console.print(_judged(verdicts))


if __name__ == "__main__":
    main()
