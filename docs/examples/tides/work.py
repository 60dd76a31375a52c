"""The tick that asks, the job that writes a report, and how both stand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nightcrew.kernel import files
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.declare import Metric, Need
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.settings import Options, option
from nightcrew.tides import store
from nightcrew.tides.service import KIND


class TideSettings(Options):
    """The options of the domain."""

    interval: float = option(600, ge=1, le=86_400, unit="s", help="How often each harbour is asked for.")
    flood: float = option(3.0, ge=0, le=30, unit="m", help="From which level on people are told.")


async def look(runtime: Runtime) -> None:
    """Ask for the harbours that are due. What a kill interrupts is due again when its lease is over."""
    known = runtime.part(Connections)
    if services := await known.of_kind(KIND.name):
        line = await known.line(services[0].id)
        for harbour, before in await store.claim(runtime.store, limit=20):
            await measure(runtime, line, harbour, before)


async def measure(runtime: Runtime, line: Line, harbour: str, before: float | None) -> None:
    """Ask for one harbour. A flood is told of when it comes, and not while it lasts."""
    options = runtime.settings.of(TideSettings)
    try:
        level = float((await line.json(Question(f"tides/{harbour}")))["level"])
    except NightcrewError as exc:
        await store.settle(runtime.store, harbour, again=min(options.interval, 60.0), error=str(exc)[:500])
        return
    await store.settle(runtime.store, harbour, again=options.interval, error=None, level=level)
    if level >= options.flood > (before or 0.0):
        said = f"{harbour}: the water stands at {level:g} m"
        await runtime.activity.record("tide.flood", said, level="warning", subject=harbour)
    runtime.bus.publish("tides")


async def report(run: Run) -> int:
    """The job. After a crash it goes on behind its last finished step."""
    rows = await run.step("read", store.every, run.runtime.store)
    return await run.step("write", asyncio.to_thread, write, run.runtime.data_dir / "tides.txt", rows)


def write(path: Path, rows: list[dict[str, Any]]) -> int:
    """The file is the old or the new one, whenever the power goes."""
    with files.replacing(path) as file:
        file.write("".join(f"{row['harbour']}: {row['level']} m\n" for row in rows).encode())
    return len(rows)


async def needs(runtime: Runtime) -> list[Need]:
    """Harbours that cannot be asked for."""
    rows = await store.every(runtime.store)
    return [Need("warning", f"{row['harbour']}: {row['error']}", "/tides") for row in rows if row["error"]]


async def metrics(runtime: Runtime) -> list[Metric]:
    """The levels."""
    levels = {row["harbour"]: row["level"] for row in await store.every(runtime.store) if row["level"] is not None}
    return [Metric("level_metres", "How high the water stands", levels, "harbour")]
