"""How much each task of movies gets done, and what waits for it: counted in memory, stored once a minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.declare import Metric
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.sources.models import TaskSample
from nightcrew.movies.store import backlogs, samples


class Task(StrEnum):
    """The seven tasks."""

    SEARCH = "search"
    FILES = "files"
    SEASONS = "seasons"
    STATS = "stats"
    RESYNC = "resync"
    LISTS = "lists"
    SYNC = "sync"


TITLES = {
    Task.SEARCH: "Movie source search",
    Task.FILES: "Torrent file search",
    Task.SEASONS: "Season completion",
    Task.STATS: "Stats update",
    Task.RESYNC: "Source resync",
    Task.LISTS: "List refresh",
    Task.SYNC: "Movie sync",
}


@dataclass(slots=True)
class TaskTally:
    """Kept in the runtime. Counts since the last sample, and since the start."""

    _done: Counter[Task] = field(default_factory=Counter)
    _failed: Counter[Task] = field(default_factory=Counter)
    all_done: Counter[Task] = field(default_factory=Counter)
    all_failed: Counter[Task] = field(default_factory=Counter)
    told: dict[Task, tuple[int, int, int]] = field(default_factory=dict)
    """What was done, failed and waited as of the last sample."""

    def done(self, task: Task, count: int = 1) -> None:
        """So many rows were dealt with."""
        self._done[task] += count
        self.all_done[task] += count

    def failed(self, task: Task, count: int = 1) -> None:
        """So many rows were tried in vain."""
        self._failed[task] += count
        self.all_failed[task] += count

    def since_the_last(self, task: Task) -> tuple[int, int]:
        """What was done and what failed since the last sample."""
        return self._done[task], self._failed[task]

    def stored(self, task: Task, done: int, failed: int) -> None:
        """So much of it is stored now; what came meanwhile is not."""
        self._done[task] -= done
        self._failed[task] -= failed


async def sample(runtime: Runtime) -> None:
    """The cycle, once a minute: store what was done, and what waits. Where nothing was done and no more waits that is not said again."""
    tally, waiting = runtime.part(TaskTally), await backlogs.waiting(runtime.store)
    numbers = {task: (*tally.since_the_last(task), waiting[task.value]) for task in Task}
    fresh = [task for task, said in numbers.items() if any(said[:2]) or said != tally.told.get(task, (0, 0, 0))]
    if fresh:
        await samples.add(runtime.store, runtime.node, [(task.value, *numbers[task]) for task in fresh])
    for task in fresh:
        tally.stored(task, *numbers[task][:2])
    tally.told = numbers


async def history(runtime: Runtime, since: datetime) -> tuple[dict[str, int], dict[str, list[TaskSample]]]:
    """What waits for each task now, and its samples since a time: with what this node did since its last one."""
    tally, waiting = runtime.part(TaskTally), await backlogs.waiting(runtime.store)
    known, now = await samples.since(runtime.store, since), utcnow()
    for task in Task:
        done, failed = tally.since_the_last(task)
        if done or failed:
            latest = TaskSample(now, task.value, runtime.node, done, failed, waiting[task.value])
            known.setdefault(task.value, []).append(latest)
    return waiting, known


async def metrics(runtime: Runtime) -> list[Metric]:
    """What this node did since its start, and what waits now."""
    tally, waiting = runtime.part(TaskTally), await backlogs.waiting(runtime.store)
    return [
        Metric("task_done_total", "Rows that a task dealt with", _values(tally.all_done), "task"),
        Metric("task_failed_total", "Rows that a task tried in vain", _values(tally.all_failed), "task"),
        Metric(
            "task_backlog", "Rows that wait for a task now", {name: float(n) for name, n in waiting.items()}, "task"
        ),
    ]


def _values(counts: Counter[Task]) -> dict[str, float]:
    return {task.value: float(counts[task]) for task in Task}
