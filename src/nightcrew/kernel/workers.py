"""What is known of one worker on this node: its state, its last runs, its promise."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from nightcrew.kernel.clock import age, iso, utcnow

HISTORY = 30
QUICK = 120.0
"""A worker that runs more often than this many seconds is not announced at each start: the page would flicker, and one that only
looks whether there is something to do says nothing by it."""


class WorkerState(StrEnum):
    """What a worker does now."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILING = "failing"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Mark:
    """One past run: when it ended, how many seconds it took, and why it failed (None: it worked)."""

    at: datetime
    seconds: float
    error: str | None


@dataclass(slots=True)
class Worker:
    """Changed only by the schedule, on the event loop."""

    name: str
    domain: str
    kind: Literal["tick", "timetable"]
    help: str = ""
    promise: float = 60.0
    born: datetime | None = None
    resumed: datetime | None = None
    running_since: datetime | None = None
    last_start: datetime | None = None
    last_seen: datetime | None = None
    last_stop: datetime | None = None
    last_ok: datetime | None = None
    next_run: datetime | None = None
    error: str | None = None
    failures: int = 0
    skipped: int = 0
    runs: deque[Mark] = field(default_factory=lambda: deque(maxlen=HISTORY))
    paused: str | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _forced: bool = False
    _rung: bool = False

    def begin(self, now: datetime) -> bool:
        """A run starts. Returns whether it is worth telling the page."""
        often = self.last_start is not None and (now - self.last_start).total_seconds() < QUICK
        self.running_since = self.last_start = self.last_seen = now
        return not often

    def end(self, now: datetime, mark: Mark) -> None:
        """A run is over."""
        self.running_since = None
        self.last_stop = self.last_seen = now
        self.error = mark.error
        self.runs.append(mark)
        if mark.error is None:
            self.last_ok = now
            self.failures = 0
        else:
            self.failures += 1

    def trigger(self) -> None:
        """Ask for a run now."""
        self._forced = True
        self._wake.set()

    def ring(self) -> None:
        """There is something to do: run now, unless paused."""
        self._rung = True
        self._wake.set()

    def take_trigger(self) -> bool:
        """Whether a run was asked for since the last call."""
        forced, self._forced = self._forced, False
        return forced

    def pause(self, actor: str) -> None:
        """No further runs until `unpause`."""
        self.paused = actor
        self._wake.set()

    def unpause(self, now: datetime) -> None:
        """Runs go on; the promise is counted from now."""
        self.paused = None
        self.born = self.resumed = now
        self._wake.set()

    async def wait_until(self, due: float, now: datetime, floor: float = 0.0) -> bool:
        """Sleep until `due` (monotonic seconds) or a wake-up; returns whether a run was asked for by hand.

        What wakes it before `floor` does so then.
        """
        while True:
            if self.take_trigger():
                return True
            left = (min(due, floor) if self._rung else due) - time.monotonic()
            if left <= 0 and not self.paused:
                self._rung = False
                return False
            self.next_run = None if self.paused else now + timedelta(seconds=max(left, 0))
            self._wake.clear()
            try:
                async with asyncio.timeout(None if self.paused else left):
                    await self._wake.wait()
            except TimeoutError:
                self._rung = False
                return self.take_trigger()

    @property
    def state(self) -> WorkerState:
        """Running counts before paused: a paused worker may still finish its run."""
        if self.running_since is not None:
            return WorkerState.RUNNING
        if self.paused:
            return WorkerState.PAUSED
        return WorkerState.FAILING if self.failures else WorkerState.WAITING

    @property
    def changes(self) -> object:
        """Differs from what it was before when there is something to write: a run, a pause, another time for the next run."""
        return (
            self.last_start,
            self.last_stop,
            self.last_ok,
            self.next_run,
            self.paused,
            self.error,
            self.failures,
            self.skipped,
            self.fresh(utcnow()),
        )

    def age(self, now: datetime) -> float:
        """Seconds since the last success; before the first one, since the worker exists."""
        known = [moment for moment in (self.last_ok, self.born) if moment is not None]
        return age(max(known), now) or 0.0 if known else 0.0

    def fresh(self, now: datetime) -> bool:
        """Whether the promise is kept. A pause is a person's decision and breaks none."""
        return bool(self.paused) or self.age(now) <= self.promise

    def describe(self, now: datetime) -> dict[str, Any]:
        """As plain data: times ISO 8601, durations seconds."""
        return {
            "name": self.name,
            "domain": self.domain,
            "kind": self.kind,
            "help": self.help,
            "state": self.state.value,
            "paused_by": self.paused,
            "last_start": iso(self.last_start),
            "last_seen": iso(self.last_seen),
            "last_stop": iso(self.last_stop),
            "last_ok": iso(self.last_ok),
            "next_run": iso(self.next_run) if not self.paused else None,
            "promise_s": round(self.promise, 1),
            "age_s": round(self.age(now), 1),
            "fresh": self.fresh(now),
            "error": self.error,
            "failures": self.failures,
            "skipped": self.skipped,
            "runs": [{"at": iso(m.at), "seconds": round(m.seconds, 3), "error": m.error} for m in self.runs],
        }
