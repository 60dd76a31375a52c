"""The checks of this node: claims what is due as connections are free, and ends the runs that are done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nightcrew.checks import capacity
from nightcrew.checks.checking import Checking
from nightcrew.checks.models import DueCheck
from nightcrew.checks.probers import Probers
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, runs
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.slots import Holder
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists.exports import Profile, Source, accounts

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

DROPPING = 60.0
"""Seconds between two looks for due streams that cannot be played any more."""
RENEWAL = 15.0
"""Seconds between two renewals of the claims on checks that run."""


@dataclass(frozen=True, slots=True)
class _Running:
    due: DueCheck
    account: str
    task: asyncio.Task[None]


@dataclass(slots=True)
class Crew:
    """At most `concurrency` checks at a time, started `stagger` seconds apart for each account."""

    runtime: Runtime
    probers: Probers = field(default_factory=Probers)
    now: Callable[[], datetime] = utcnow
    _checking: Checking = field(init=False)
    _running: dict[int, _Running] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    """Loop time of the last start, by account."""
    _turn: int = 0
    _filling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _renewed: float = 0.0
    _dropped: float = 0.0
    _again: asyncio.TimerHandle | None = None
    _tasks: Tasks = field(default_factory=Tasks)
    _active: bool = False
    """Whether this node has workers: its worker has looked at least once."""
    _closed: bool = False

    def __post_init__(self) -> None:
        self._checking = Checking(self.runtime, self.probers, lambda: self.now())  # noqa: PLW0108 - the clock can be replaced

    # -- asked by the worker and by people -------------------------------------------------------------------------

    @property
    def running(self) -> list[int]:
        """The streams that are being checked now."""
        return list(self._running)

    @property
    def network_down(self) -> bool:
        """Whether nothing could be reached for a while."""
        return self._checking.outage.suspected

    async def look(self) -> None:
        """The worker's cycle: keep what runs, take what is due, end runs that are done."""
        self._active = True
        await self._keep()
        await self.fill()
        await self.end_runs()
        await self.probers.trim()

    async def next_at(self) -> datetime | None:
        """When `look` has something to do: at once while checks wait for connections, and in time for what this node holds."""
        held = self.now() + timedelta(seconds=RENEWAL) if self._running else None
        return earliest((held, await queue.CHECKS.soonest(self.runtime.store)))

    async def fill(self) -> None:
        """Start as many checks as may run now."""
        if not self._active or self._closed or self._filling.locked():
            return
        async with self._filling:
            options = self._options
            left = options.concurrency - len(self._running)
            if left > 0 and await queue.CHECKS.any(self.runtime.store, now=self.now()):
                await self._take(left, options)

    def cancel(self, run_id: int) -> None:
        """Stop the checks of a run."""
        for running in self._running.values():
            if running.due.run_id == run_id:
                running.task.cancel()

    async def end_runs(self) -> None:
        """Tell of the runs that are done."""
        for run in await runs.end_finished(self.runtime.store, self.now()):
            await self.runtime.activity.record("check.done", run.told, actor=run.asked_by, subject=str(run.id))
            self.runtime.bus.publish("checks")

    async def close(self) -> None:
        """Stop all checks; they are due again at the next start."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        await self._tasks.close()
        await self.probers.close()
        with contextlib.suppress(NightcrewError):
            await queue.give_back(self.runtime.store, node=self.runtime.node, now=self.now())

    # -- taking ----------------------------------------------------------------------------------------------------

    async def _take(self, left: int, options: CheckSettings) -> None:
        """Start up to `left` checks, of one source after the other."""
        ways = await accounts.profiles(self.runtime)
        holders = await self.runtime.slots.holders()
        watched = capacity.watched(holders)
        clock = asyncio.get_running_loop().time
        self._started = {name: at for name, at in self._started.items() if at + options.stagger > clock()}
        sources = sorted(ways)
        self._turn += 1
        wait: float | None = None
        for index in range(len(sources)):
            source_id = sources[(index + self._turn) % len(sources)]
            account, source = ways[source_id][0].account, ways[source_id][0].source
            pause = self._started.get(account, -1e9) + options.stagger - clock()
            if pause > 0:
                wait = min(wait or pause, pause)
                continue
            if not self._leads_there(source):
                continue
            free, by_others = self._free(ways[source_id], account, holders)
            if free <= 0 and not by_others:
                continue  # our own checks fill it; one of them ends soon
            found = await queue.claim(
                self.runtime.store,
                node=self.runtime.node,
                source_id=source_id,
                limit=1 if options.stagger else int(min(left, max(free, 1))),
                now=self.now(),
                parked=free <= 0 and await queue.one_waits(self.runtime.store, source_id),
                watched=watched,
            )
            for due in found:
                self._start(due, account)
                self._started[account] = clock()
                left -= 1
            if left <= 0:
                return
            if found and options.stagger:
                wait = min(wait or options.stagger, options.stagger)
        if wait is not None:
            self._soon(wait)

    def _leads_there(self, source: Source) -> bool:
        """Whether a source's way out is there; without it none of its streams is taken up."""
        try:
            self.runtime.http.routes.admit(source.route, source.shown_url)
        except RouteDown:
            return False
        return True

    def _free(self, profiles: list[Profile], account: str, holders: list[Holder]) -> tuple[float, bool]:
        """Connections that new checks of an account could have, and whether viewers and recordings alone fill it."""
        usable = profiles if self._options.profile_failover_enabled else profiles[:1]
        ours = sum(running.account == account for running in self._running.values())
        connected = {
            holder.lease
            for holder in holders
            if holder.purpose == capacity.PURPOSE and holder.node == self.runtime.node
        }
        about_to = max(0, ours - len(connected))  # they have begun, and take their connections in a moment
        others = [holder for holder in holders if holder.purpose != capacity.PURPOSE]
        return capacity.room(usable, holders) - about_to, capacity.room(usable, others) <= 0

    def _soon(self, seconds: float) -> None:
        """Look again when the next account may start a check."""
        if self._again is not None:
            self._again.cancel()
        loop = asyncio.get_running_loop()
        self._again = loop.call_later(seconds, lambda: self._tasks.spawn(self.fill(), "checks go on"))

    def _start(self, due: DueCheck, account: str) -> None:
        name = f"check of stream {due.stream_id}"
        task = self._tasks.spawn(self._checking.carry_on(due), name, lambda exc: self._checking.give_up(due, exc))
        self._running[due.stream_id] = _Running(due, account, task)
        task.add_done_callback(lambda _: self._ended(due, cancelled=task.cancelled()))
        self.runtime.bus.publish("checks")

    def _ended(self, due: DueCheck, *, cancelled: bool) -> None:
        self._running.pop(due.stream_id, None)
        self.runtime.bus.publish("checks")
        if not (cancelled or self._closed):
            self._tasks.spawn(self._go_on(due), "checks go on")

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time()
        if self._running and clock - self._renewed >= RENEWAL:
            store, held = self.runtime.store, list(self._running)
            await queue.CHECKS.renew(store, by=self.runtime.node, keys=held, now=self.now())
            self._renewed = clock
        if clock - self._dropped >= DROPPING:
            self._dropped = clock
            await queue.drop_unplayable(self.runtime.store, self.now())

    async def _go_on(self, due: DueCheck) -> None:
        """After a check: the next one, and the end of its run if it was the last."""
        await self.fill()
        if due.run_id is not None:
            await self.end_runs()

    @property
    def _options(self) -> CheckSettings:
        return self.runtime.settings.of(CheckSettings)
