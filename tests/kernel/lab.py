"""A node with a job of three steps, as a process of its own that a test may kill. Arguments: data folder, counter folder.

Each step appends a line to its counter file. Step two waits for the file `go` in the counter folder.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nightcrew import app
from nightcrew.kernel import upkeep
from nightcrew.kernel.declare import Domain, Job
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import Options


class NoOptions(Options):
    """None."""


async def count(folder: str, name: str) -> int:
    with (Path(folder) / name).open("a") as file:
        file.write("x\n")
    return len(read(folder, name))


async def wait(folder: str) -> str:
    await count(folder, "two")
    while not (Path(folder) / "go").exists():
        await asyncio.sleep(0.02)
    return "waited"


def read(folder: str | Path, name: str) -> list[str]:
    path = Path(folder) / name
    return path.read_text().splitlines() if path.exists() else []


async def three_steps(run: Run, folder: str) -> list[object]:
    first = await run.step("one", count, folder, "one")
    second = await run.step("two", wait, folder)
    third = await run.step("three", count, folder, "three")
    return [first, second, third]


LAB = Domain(name="lab", title="Laboratory", settings=NoOptions, jobs=(Job("lab.three", three_steps),))


async def main(data: Path, counters: str, port: int) -> None:
    def ready(runtime: Runtime) -> None:
        starting.append(asyncio.ensure_future(runtime.jobs.start("lab.three", counters, run_id="lab.three:1")))

    starting: list[asyncio.Future[str]] = []
    await app.serve(app.Config(data_dir=data, port=port, domains=(upkeep.DOMAIN, LAB)), ready=ready)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
