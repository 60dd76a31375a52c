"""The checks of this node: claims what is due as connections are free, carries each check on, stores what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from nightcrew.checks import capacity, conclusion, plan, rules, stills
from nightcrew.checks.attempt import Attempt, attempt
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.models import DueCheck, Verdict
from nightcrew.checks.ordering import reorder
from nightcrew.checks.outage import Outage
from nightcrew.checks.plan import Finish, Move, Park, Plan, Result, Try
from nightcrew.checks.probers import Probers
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, results, runs
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.due import earliest
from nightcrew.kernel.errors import NightcrewError, NotFound
from nightcrew.kernel.slots import Holder
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists.exports import Channel, Profile, Stream, accounts, channels
from nightcrew.prober.wire import ProbeTask

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.checks")

AFTER_ERROR = 60.0
"""Seconds before a check that raised (a database that is away, a defect of ours) is taken up again."""
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
    verdicts: Counter = field(init=False)
    _outage: Outage = field(default_factory=Outage)
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
        registry = self.runtime.health.metrics.registry
        self.verdicts = Counter("nightcrew_checks_total", "Checks by their verdict", ["verdict"], registry=registry)

    # -- asked by the worker and by people -------------------------------------------------------------------------

    @property
    def running(self) -> list[int]:
        """The streams that are being checked now."""
        return list(self._running)

    @property
    def network_down(self) -> bool:
        """Whether nothing could be reached for a while."""
        return self._outage.suspected

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
            if left > 0 and await queue.any_due(self.runtime.store, self.now()):
                await self._take(left, options)

    def cancel(self, run_id: int) -> None:
        """Stop the checks of a run."""
        for running in self._running.values():
            if running.due.run_id == run_id:
                running.task.cancel()

    async def end_runs(self) -> None:
        """Tell of the runs that are done."""
        for run in await runs.end_finished(self.runtime.store, self.now()):
            changes = [f"{run.died} newly dead"] * bool(run.died) + [f"{run.revived} working again"] * bool(run.revived)
            found = f"{run.ok} ok, {run.failed} failed" + (
                f", {run.interrupted} interrupted" if run.interrupted else ""
            )
            said = f"{run.title}: {found}" + (f" ({', '.join(changes)})" if changes else "")
            await self.runtime.activity.record("check.done", said, actor=run.asked_by, subject=str(run.id))
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
            account = ways[source_id][0].account
            pause = self._started.get(account, -1e9) + options.stagger - clock()
            if pause > 0:
                wait = min(wait or pause, pause)
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
        task = self._tasks.spawn(self._run(due), name, lambda exc: self._give_up(due, exc))
        self._running[due.stream_id] = _Running(due, account, task)
        task.add_done_callback(lambda _: self._ended(due, cancelled=task.cancelled()))

    def _ended(self, due: DueCheck, *, cancelled: bool) -> None:
        self._running.pop(due.stream_id, None)
        self.runtime.bus.publish("checks")
        if not (cancelled or self._closed):
            self._tasks.spawn(self._go_on(due), "checks go on")

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time()
        if self._running and clock - self._renewed >= RENEWAL:
            await queue.renew(
                self.runtime.store, node=self.runtime.node, stream_ids=list(self._running), now=self.now()
            )
            self._renewed = clock
        if clock - self._dropped >= DROPPING:
            self._dropped = clock
            await queue.drop_unplayable(self.runtime.store, self.now())

    # -- one check -------------------------------------------------------------------------------------------------

    async def _run(self, due: DueCheck) -> None:
        """One check from its claim to its result, or until it parks."""
        self.runtime.bus.publish("checks")
        try:
            await self._check(due)
        except NightcrewError as exc:  # a database that is away, or a stream that has just been removed
            if not isinstance(exc, NotFound):
                log.warning("a check could not be done", stream=due.stream_id, reason=str(exc))
            await self._put_off(due)

    async def _give_up(self, due: DueCheck, exc: Exception) -> None:
        """A defect of ours says nothing of the stream, and must not keep its run open."""
        with contextlib.suppress(NightcrewError):
            now = self.now()
            going = replace(plan.begin(now), reason=f"the check itself failed: {type(exc).__name__}")
            found = conclusion.finding(due, going, plan.End.BROKEN, None, now, self._options)
            await results.finish(
                self.runtime.store, due, found, node=self.runtime.node, keep=self._options.keep_results
            )

    async def _go_on(self, due: DueCheck) -> None:
        """After a check: the next one, and the end of its run if it was the last."""
        await self.fill()
        if due.run_id is not None:
            await self.end_runs()

    async def _put_off(self, due: DueCheck) -> None:
        """Take it up again later, with the plan that it had."""
        with contextlib.suppress(NightcrewError):
            until = self.now() + timedelta(seconds=AFTER_ERROR)
            await queue.park(
                self.runtime.store,
                node=self.runtime.node,
                stream_id=due.stream_id,
                plan=due.plan,
                until=until,
                waiting=False,
            )

    async def _check(self, due: DueCheck) -> None:
        channel, stream = await channels.with_stream(self.runtime.store, due.stream_id)
        now = self.now()
        going = plan.resume(due.plan, now) if due.plan else plan.begin(now)
        last: Outcome | None = None
        while True:
            options = self._options
            ways = {
                one.name: one
                for one in accounts.preferred(
                    await accounts.profiles_of(self.runtime, stream.source_id), stream.profile
                )
            }
            free = [name for name, way in ways.items() if await self.runtime.slots.free(way.limits)]
            going, move = plan.next_move(going, list(ways), free, self.now(), options)
            if not isinstance(move, Try):
                break
            wanted = Attempt(
                channel, stream, ways[move.profile], self._ask(due, options), radio=_radio(channel, stream)
            )
            outcome = await attempt(self.runtime, self.probers, wanted, options)
            going = plan.after(going, move.profile, outcome.result, outcome.reason, self.now(), options)
            if outcome.result is not Result.FULL:
                last = outcome
                going = replace(going, reached=going.reached or not outcome.network)
            if outcome.result in {Result.OK, Result.INTERRUPTED}:
                move = Finish(plan.End.OK if outcome.result is Result.OK else plan.End.INTERRUPTED)
                break
        await self._conclude(due, channel, going, move, last)

    async def _conclude(self, due: DueCheck, channel: Channel, going: Plan, move: Move, last: Outcome | None) -> None:
        store, node, options = self.runtime.store, self.runtime.node, self._options
        if isinstance(move, Park):
            await queue.park(
                store, node=node, stream_id=due.stream_id, plan=going.dump(), until=move.until, waiting=not going.tried
            )
            return
        if not isinstance(move, Finish):
            raise TypeError(f"a check cannot end with {move}")
        suspected = self._outage.count(due, going, last)
        finding = conclusion.finding(due, going, move.end, last, self.now(), options, suspected=suspected)
        if not await results.finish(store, due, finding, node=node, keep=options.keep_results):
            return
        await stills.keep(self.runtime, due.stream_id, finding.jpeg, at=finding.at, works=finding.verdict is Verdict.OK)
        self.verdicts.labels(finding.verdict.value).inc()
        if suspected:
            await self._outage.spare(self.runtime, options, self.now())
        await reorder(self.runtime, [channel.id], options)

    def _ask(self, due: DueCheck, options: CheckSettings) -> ProbeTask:
        """How closely to look: at the headers only where the stream is known well, unless they have changed."""
        recent = due.sampled_at is not None and (self.now() - due.sampled_at).total_seconds() < options.sample_every
        known = (due.video_codec, due.width, due.height) if recent and not due.full and not due.dead else None
        return ProbeTask(
            sample=options.sample_seconds,
            doubt=rules.doubt(options),
            stillness=options.fail_frozen,
            blackness=options.fail_black,
            silence=options.fail_silent,
            still=256 if options.keep_stills else 0,
            known=known,
        )

    @property
    def _options(self) -> CheckSettings:
        return self.runtime.settings.of(CheckSettings)


def _radio(channel: Channel, stream: Stream) -> bool:
    return rules.is_radio(channel.name, channel.group, stream.attributes)
