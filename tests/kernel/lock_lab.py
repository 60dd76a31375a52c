"""A node with jobs that have a lock, as a process of its own that a test may kill. Arguments: data folder, database, log folder.

Each run writes a line when it begins and when it ends, and waits for the file `go-NAME` in the log folder.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nightcrew import app
from nightcrew.kernel import engine, engine_bell, schedule, upkeep
from nightcrew.kernel.declare import Domain, Job, Queue
from nightcrew.kernel.run import Run
from nightcrew.kernel.settings import Options


class NoOptions(Options):
    """None."""


LOG = "log"


async def work(run: Run, folder: str, key: str, name: str) -> str:
    return await run.step("work", held, folder, name)


async def held(folder: str, name: str) -> str:
    note(folder, f"begin {name}")
    try:
        while not (Path(folder) / f"go-{name}").exists():
            await asyncio.sleep(0.02)
    finally:
        note(folder, f"end {name}")
    return name


def note(folder: str, line: str) -> None:
    with (Path(folder) / LOG).open("a") as file:
        file.write(f"{line}\n")


def read(folder: Path) -> list[str]:
    path = folder / LOG
    return path.read_text().splitlines() if path.exists() else []


QUEUE = Queue("lab")
LAB = Domain(
    name="lab", title="Laboratory", settings=NoOptions, jobs=(Job("lab.work", work, queue=QUEUE, lock="key {1}"),)
)


async def main(data: Path, database: str, folder: str) -> None:
    schedule.HEARTBEAT = 0.1
    engine.REST = engine_bell.REST = 86_400.0  # whatever begins was rung for, by this node or by another

    def ready(runtime: app.Runtime) -> None:
        given = (folder, "a", "first")
        starting.append(asyncio.ensure_future(runtime.jobs.start("lab.work", *given, run_id="lab.work:first")))

    starting: list[asyncio.Future[str]] = []
    config = app.Config(data_dir=data, database_url=database, port=0, web=False, domains=(upkeep.DOMAIN, LAB))
    await app.serve(config, ready=ready)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
