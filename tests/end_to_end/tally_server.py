"""A server with one more domain: a timetable that fires every second and writes who did it, and a slow job.

Arguments: data directory, port, database URL, tally file.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from nightcrew import app, machine
from nightcrew.kernel.declare import Domain, Job, Timetable
from nightcrew.kernel.run import Run
from nightcrew.kernel.settings import Options

TALLY = Path(sys.argv[4])


class TallySettings(Options):
    """None."""


async def count(run: Run) -> None:
    await run.step("write", write, f"{run.id} {run.runtime.node}")


async def write(line: str) -> None:
    with TALLY.open("a") as file:
        file.write(line + "\n")


async def slow(run: Run) -> str:
    await run.step("first", write, f"first {run.id}")
    await run.step("second", nap, run.runtime.node)
    return "done"


async def nap(node: str) -> None:
    await write(f"second {node}")
    await asyncio.sleep(float(os.environ.get("NAP", "0")))


TALLY_DOMAIN = Domain(
    name="tally",
    title="Tally",
    settings=TallySettings,
    jobs=(Job("tally.count", count), Job("tally.slow", slow)),
    timetables=(Timetable("tally.second", cron="* * * * * *", job="tally.count", promise=30, overlap="allow"),),
)


async def main() -> None:
    config = app.Config(
        data_dir=Path(sys.argv[1]),
        port=int(sys.argv[2]),
        database_url=sys.argv[3],
        domains=(*app.DOMAINS, TALLY_DOMAIN),
    )

    def ready(node: app.Runtime) -> None:
        if "START_SLOW" in os.environ:
            node.bus.publish("jobs")
            tasks.append(asyncio.get_running_loop().create_task(node.jobs.start("tally.slow", run_id="slow-one")))

    tasks: list[asyncio.Task[str]] = []
    await app.serve(config, ready=ready)


machine.configure_logging(level="WARNING")
asyncio.run(main())
