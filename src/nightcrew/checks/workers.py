"""The domain's workers: what happens at the start and the end of a node, in each cycle, and at night."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from nightcrew.checks import actions, ordering, watching
from nightcrew.checks.crew import Crew
from nightcrew.checks.resolutions import Resolver
from nightcrew.checks.store import queue
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.run import Run
from nightcrew.playlists.exports import Relay

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

REFRESH = "playlists.refresh"
"""The job after which new streams may be there."""


async def start(runtime: Runtime) -> None:
    """Called once at the start of a node, before its workers."""
    runtime.add(Crew(runtime))
    runtime.add(Reorder())
    runtime.add(Resolver(runtime))
    runtime.part(Relay).judge = functools.partial(watching.judge, runtime)
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
    if keys & ordering.OPTIONS:
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
        await runtime.jobs.start("checks.reorder", label="Put the streams of all channels in order")
    await runtime.part(Crew).look()


async def nightly(run: Run) -> int:
    """The nightly job: all streams are due."""
    return await run.step("due", actions.nightly, run.runtime)
