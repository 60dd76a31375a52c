"""Whether ticks keep their beat: the task of movies that runs ten times a second, in the demo with all of its domains at work.

    python bench/beat.py [seconds]

The peer of the same run is a process of its own whose event loop does nothing but wake ten times a second: what the machine itself
is late by. Work is always due, so that the tick never sleeps.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from nightcrew import app, domains
from nightcrew.cli.demo import run_demo
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Domain, Tick
from nightcrew.kernel.runtime import Runtime

EVERY = 0.1
SETTLED = 60.0
"""Seconds after its start in which the demo makes its pictures and fills its library."""
LATE = 10.0
"""Milliseconds that the 99th percentile may be late."""
NAME = "movies.search"
IDLE = """
import asyncio, sys, time
async def main(until):
    due, late = time.monotonic(), []
    while due < until:
        due += 0.1
        await asyncio.sleep(due - time.monotonic())
        late.append((time.monotonic() - due) * 1e3)
    print(*late, sep="\\n")
asyncio.run(main(time.monotonic() + float(sys.argv[1])))
"""


class Beats:
    """When the tick began, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.node: Runtime | None = None

    def watched(self, tick: Tick) -> Tick:
        """The tick, noted and never without work."""

        async def run(runtime: Runtime) -> None:
            self.begun.append(time.monotonic())
            self.node = runtime
            await tick.run(runtime)

        async def at_once(_runtime: Runtime) -> datetime:
            return utcnow()

        return replace(tick, run=run, next_at=at_once)

    def within(self, domain: Domain) -> Domain:
        """A domain whose tick is watched."""
        ticks = tuple(self.watched(one) if one.name == NAME else one for one in domain.ticks)
        return replace(domain, ticks=ticks)


def lateness(begun: list[float]) -> tuple[list[float], int, int]:
    """Milliseconds behind each beat, and how many beats have no tick, and more than one. The grid is the earliest that fits."""
    first = begun[0]
    offset = min((at - first) % EVERY for at in begun if (at - first) % EVERY < EVERY / 2)
    early = [((at - first) % EVERY) - EVERY for at in begun if (at - first) % EVERY >= EVERY / 2]
    grid = first + min([offset, *early]) - 1e-4  # what is begun a moment early is not on the beat before
    places = [round((at - grid) // EVERY) for at in begun]
    late = [(at - grid - place * EVERY) * 1e3 for at, place in zip(begun, places, strict=True)]
    lost = places[-1] - places[0] + 1 - len(set(places))
    return late, lost, len(places) - len(set(places))


def figures(late: list[float]) -> str:
    """Percentiles in milliseconds."""
    rows = sorted(late)
    at = [rows[min(len(rows) - 1, int(len(rows) * share))] for share in (0.5, 0.99, 0.999)]
    return f"{at[0]:8.2f} {at[1]:8.2f} {at[2]:8.2f} {rows[-1]:8.2f}"


async def demo(folder: Path, beats: Beats, seconds: float) -> None:
    """Run the demo for so long, its first minute apart."""
    config = app.Config(data_dir=folder, port=18_480, domains=tuple(beats.within(one) for one in app.DOMAINS))
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(run_demo(config, lambda _node: None))
        await asyncio.sleep(SETTLED)
        beats.begun.clear()
        await asyncio.sleep(seconds)
        server.cancel()


def main(seconds: float) -> int:
    """Both at the same time; 1 when a promise is broken."""
    domains.demos()
    beats = Beats()
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as folder:
        idle = subprocess.Popen([sys.executable, "-c", IDLE, str(SETTLED + seconds)], stdout=subprocess.PIPE, text=True)
        try:
            asyncio.run(demo(Path(folder), beats, seconds))
        except* asyncio.CancelledError:
            pass
        said, _ = idle.communicate()
    late, lost, twice = lateness(beats.begun)
    alone = [float(line) for line in said.split()][int(SETTLED / EVERY) :]
    print(f"{len(late)} ticks of {NAME} in {seconds:g} s, each 0.1 s; milliseconds late")
    print(f"                     {'median':>8} {'99 %':>8} {'99.9 %':>8} {'most':>8}")
    print(f"{NAME:20} {figures(late)}")
    print(f"{'an idle loop':20} {figures(alone)}")
    print(f"lost {lost}, doubled {twice}")
    kept = sorted(late)[int(len(late) * 0.99)] <= LATE and not lost and not twice
    print("kept" if kept else f"NOT KEPT: 99 % within {LATE:g} ms, none lost, none doubled")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0))
