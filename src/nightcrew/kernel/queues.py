"""Where runs wait: in which queue, by which key they exclude each other, and which of them are one and the same."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.kernel.declare import Job, Queue


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue as the engine has it. `keyed`: each of its runs has a key, and no two with the same one go on at a time."""

    queue: Queue
    keyed: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run waits. `once`: how the ids of runs begin of which only one waits or goes on; the others join it."""

    lane: str
    priority: int
    key: str | None = None
    once: str | None = None


class Queues:
    """The queues of all jobs, as one node has them."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._lanes: dict[str, Lane] = {}
        self._locked: dict[str, set[str]] = {}
        """The jobs of each queue whose runs exclude each other."""

    def add(self, job: Job) -> None:
        """Make a job's queue known. Raises ValueError for one that is declared twice, and for a lock without a queue."""
        lane = self.lane(job)
        if job.queue is None or lane is None:
            if job.lock is not None:
                raise ValueError(f"{job.name}: runs that exclude each other wait in a queue")
            return
        if job.lock is not None:
            self._locked.setdefault(lane, set()).add(job.name)
        known = self._lanes.get(lane)
        if known is not None and known.queue != job.queue:
            raise ValueError(f"{job.name}: the queue {job.queue.name} is declared twice, with different limits")
        locks = job.lock is not None and not (job.here and job.queue.per_node == 1)  # there all exclude each other
        self._lanes[lane] = Lane(job.queue, keyed=locks or (known is not None and known.keyed))

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """All queues, by the name that the engine knows them by."""
        return self._lanes

    def lane(self, job: Job | None) -> str | None:
        """The engine's name of a job's queue. A job that only the node that starts it may run has one on each node."""
        if job is None or job.queue is None:
            return None
        return f"{job.queue.name} on {self._node}" if job.here else job.queue.name

    def gives_way(self, job: Job) -> bool:
        """Whether a run that waits for its next try may leave its place to others meanwhile.

        One that holds off others with its key keeps it, and its place. Nobody is held off where who wants the same joins the run that
        waits, and no other job has such keys.
        """
        lane = self.lane(job)
        if lane is None:
            return False
        return job.lock is None or (job.busy == "join" and self._locked[lane] == {job.name})

    def named(self, queue: str) -> list[str]:
        """The engine's names of the queue that people call `queue`, as far as this node knows them."""
        return [queue, f"{queue} on {self._node}"]

    def place(self, job: Job | None, args: Sequence[Any]) -> Place | None:
        """Where a run of the job with these arguments waits; None: nowhere, it begins at once."""
        lane = self.lane(job)
        if job is None or lane is None:
            return None
        key = key_of(job, args)
        once = None
        if key is not None and job.busy == "join":
            once = f"{job.name}:{key}:{self._node}:" if job.here else f"{job.name}:{key}:"
        return Place(lane, job.priority, (key or uuid.uuid4().hex) if self._lanes[lane].keyed else None, once)


def key_of(job: Job, args: Sequence[Any]) -> str | None:
    """What a run's lock is called."""
    if job.lock is None:
        return None
    return job.lock(*args) if callable(job.lock) else job.lock.format(*args)


def next_id(once: str, known: Mapping[str, bool], first: int) -> str:
    """The id for who wants a run that is there only once: that of the one that goes on, else the next one.

    `known`: the newest runs whose ids begin with `once`, and whether they go on. They are numbered, so that two who ask in the same
    moment come to the same new id, and the engine makes one run of it. `first`: the number when none is known; the time, so that
    runs that are forgotten by the engine and not by others do not come back.
    """
    numbers = {int(number): run for run in known if (number := run.removeprefix(once)).isdecimal()}
    if not numbers:
        return f"{once}{first}"
    last = max(numbers)
    return numbers[last] if known[numbers[last]] else f"{once}{last + 1}"
