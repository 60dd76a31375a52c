"""The domain's workers: what happens at the start and the end of a node, in each cycle, and at night."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import TYPE_CHECKING

from nightcrew.checks import actions, ordering, stills
from nightcrew.checks.crew import Crew
from nightcrew.checks.resolutions import Resolver
from nightcrew.checks.store import queue
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

REFRESH = "playlists.refresh"
"""The job after which new streams may be there."""
SCORING = ("weight_bitrate", "weight_resolution", "weight_fps", "weight_codec")
ORDERING = frozenset(
    f"checks.{name}"
    for name in (*SCORING, "account_priority", "prefer_max_height", "diversify", "account_stream_limit")
)


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    crew = Crew(runtime)
    runtime.add(crew)
    runtime.add(Reorder())
    runtime.add(Resolver(runtime))
    await queue.give_back(runtime.store, node=runtime.node, now=utcnow())
    runtime.jobs.on_end(functools.partial(_after_job, runtime))
    runtime.settings.watch(lambda keys: _on_settings(runtime, keys))


async def stop(runtime: Runtime) -> None:
    """Called at the end of a node."""
    await runtime.part(Resolver).close()
    await runtime.part(Crew).close()


class Reorder:
    """Whether the settings that order streams have changed since the worker last looked."""

    def __init__(self) -> None:
        self.wanted = False


def _on_settings(runtime: Runtime, keys: frozenset[str]) -> None:
    if keys & ORDERING:
        runtime.part(Reorder).wanted = True
    for topic in (queue.CHECKS.topic, queue.MEASURES.topic):
        runtime.wakes.ring(topic)


async def _after_job(runtime: Runtime, ended: Ended) -> None:
    if ended.job == REFRESH and ended.outcome == "done" and ended.result.get("feed") != "guide":
        await actions.check_new(runtime, f"New streams, after {ended.label}")


async def work(runtime: Runtime) -> None:
    """The check worker's cycle."""
    pending = runtime.part(Reorder)
    if pending.wanted:
        pending.wanted = False
        await runtime.jobs.start("checks.reorder", label="Put the streams of all channels into order")
    await runtime.part(Crew).look()


async def work_at(runtime: Runtime) -> datetime | None:
    """When the check worker has something to do."""
    return await runtime.part(Crew).next_at()


async def resolutions(runtime: Runtime) -> None:
    """The resolution workers' cycle."""
    await runtime.part(Resolver).look()


async def tidy(runtime: Runtime) -> None:
    """The cycle that keeps pictures within their limits on this machine."""
    await stills.tidy(runtime)


async def resolutions_at(runtime: Runtime) -> datetime | None:
    """When the resolution workers have something to do."""
    return await runtime.part(Resolver).next_at()


async def nightly(run: Run) -> int:
    """The nightly job: all streams are due."""
    return await run.step("due", actions.nightly, run.runtime)


async def order_again(run: Run) -> int:
    """After a change of settings: the score of every stream that is known, and the order of every channel's streams."""
    await ordering.score_all(run)
    return await ordering.reorder_all(run)
