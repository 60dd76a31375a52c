"""One check: carried on from its claim to its result, or until it parks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter

from nightcrew.checks import conclusion, plan, rules, stills
from nightcrew.checks.attempt import Attempt, attempt
from nightcrew.checks.conclusion import Outcome
from nightcrew.checks.models import DueCheck, Verdict
from nightcrew.checks.ordering import reorder
from nightcrew.checks.outage import Outage
from nightcrew.checks.plan import Finish, Move, Park, Plan, Result, Try
from nightcrew.checks.probers import Probers
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import queue, results
from nightcrew.kernel import recovery
from nightcrew.kernel.errors import NightcrewError, NotFound
from nightcrew.kernel.routes import RouteDown
from nightcrew.playlists.exports import Channel, Stream, accounts, channels, host_is_private
from nightcrew.prober.wire import ProbeTask

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.checks")

AFTER_ERROR = 60.0
"""Seconds before a check that raised (a database that is away, a defect of ours) is taken up again."""


@dataclass(slots=True)
class Checking:
    """How this node does its checks. `now` is its crew's clock."""

    runtime: Runtime
    probers: Probers
    now: Callable[[], datetime]
    outage: Outage = field(default_factory=Outage)
    verdicts: Counter = field(init=False)

    def __post_init__(self) -> None:
        registry = self.runtime.health.metrics.registry
        self.verdicts = Counter("nightcrew_checks_total", "Checks by their verdict", ["verdict"], registry=registry)

    async def carry_on(self, due: DueCheck) -> None:
        """A check that was claimed, to its result, or until it parks."""
        try:
            await self._check(due)
        except RouteDown as exc:  # says nothing of the stream, and was no attempt
            log.info("a check waits for its route", stream=due.stream_id, reason=str(exc))
            with contextlib.suppress(NightcrewError):
                again = self.now() + timedelta(seconds=exc.after or recovery.parked())
                await self._park(due, due.plan, again, waiting=False)
        except NightcrewError as exc:  # a database that is away, or a stream that has just been removed
            if not isinstance(exc, NotFound):
                log.warning("a check could not be done", stream=due.stream_id, reason=str(exc))
            with contextlib.suppress(NightcrewError):
                await self._park(due, due.plan, self.now() + timedelta(seconds=AFTER_ERROR), waiting=False)

    async def give_up(self, due: DueCheck, exc: Exception) -> None:
        """A defect of ours says nothing of the stream, and must not keep its run open."""
        with contextlib.suppress(NightcrewError):
            now = self.now()
            going = replace(plan.begin(now), reason=f"the check itself failed: {type(exc).__name__}")
            await self._finish(due, conclusion.finding(due, going, plan.End.BROKEN, None, now, self._options))

    async def _check(self, due: DueCheck) -> None:
        channel, stream = await channels.with_stream(self.runtime.store, due.stream_id)
        radio = rules.is_radio(channel.name, channel.group, stream.attributes)
        now = self.now()
        going = plan.resume(due.plan, now) if due.plan else plan.begin(now)
        last: Outcome | None = None
        while True:
            options = rules.for_channel(self._options, channel.name, channel.group)
            found = await accounts.profiles_of(self.runtime, stream.source_id)
            ways = {one.name: one for one in accounts.preferred(found, stream.profile)}
            free = [name for name, way in ways.items() if await self.runtime.slots.free(way.limits)]
            going, move = plan.next_move(going, list(ways), free, self.now(), options)
            if not isinstance(move, Try):
                break
            wanted = Attempt(channel, stream, ways[move.profile], self._task(due, options), radio)
            outcome = await self._tried(wanted, options)
            going = plan.after(going, move.profile, outcome.result, outcome.reason, self.now(), options)
            if outcome.result is not Result.FULL:
                last = outcome
                going = replace(going, reached=going.reached or not outcome.network)
            if outcome.result in {Result.OK, Result.INTERRUPTED}:
                move = Finish(plan.End.OK if outcome.result is Result.OK else plan.End.INTERRUPTED)
                break
        await self._conclude(due, channel, stream, going, move, last)

    async def _tried(self, wanted: Attempt, options: CheckSettings) -> Outcome:
        """What an attempt came to. Raises `RouteDown` where it may have failed by its source's route and not by its stream."""
        routes, route = self.runtime.http.routes, wanted.profile.source.route
        routes.admit(route, wanted.stream.url)
        generation = routes.of(route).generation
        outcome = await attempt(self.runtime, self.probers, wanted, options)
        if outcome.result is Result.FAILED:
            await routes.check_kept(route, wanted.stream.url, generation)
        return outcome

    async def _conclude(
        self, due: DueCheck, channel: Channel, stream: Stream, going: Plan, move: Move, last: Outcome | None
    ) -> None:
        if isinstance(move, Park):
            await self._park(due, going.dump(), move.until, waiting=not going.tried)
            return
        if not isinstance(move, Finish):
            raise TypeError(f"a check cannot end with {move}")
        options = rules.for_channel(self._options, channel.name, channel.group)
        suspected = self.outage.count(due, going, last, at_home=host_is_private(stream.url))
        finding = conclusion.finding(due, going, move.end, last, self.now(), options, suspected=suspected)
        if not await self._finish(due, finding):
            return
        self.verdicts.labels(finding.verdict.value).inc()
        if suspected:
            await self.outage.spare(self.runtime, options, self.now())
        await reorder(self.runtime, [channel.id], options)
        await stills.keep(self.runtime, due.stream_id, finding.jpeg, at=finding.at, works=finding.verdict is Verdict.OK)

    async def _park(self, due: DueCheck, going: str | None, until: datetime, *, waiting: bool) -> None:
        """Take it up again then, with its plan."""
        store, node = self.runtime.store, self.runtime.node
        await queue.park(store, node=node, stream_id=due.stream_id, plan=going, until=until, waiting=waiting)

    async def _finish(self, due: DueCheck, found: conclusion.Conclusion) -> bool:
        keep = self._options.keep_results
        return await results.finish(self.runtime.store, due, found, node=self.runtime.node, keep=keep)

    def _task(self, due: DueCheck, options: CheckSettings) -> ProbeTask:
        """How closely to look: at the headers only where the stream is known well, unless they have changed."""
        recent = due.sampled_at is not None and (self.now() - due.sampled_at).total_seconds() < options.sample_every
        known = (due.video_codec, due.width, due.height) if recent and not due.full and not due.dead else None
        return ProbeTask(
            sample=options.sample_seconds,
            doubt=rules.doubt(options),
            stillness=options.fail_frozen,
            blackness=options.fail_black,
            silence=options.fail_silent,
            loops=options.fail_looped,
            still=256 if options.keep_stills else 0,
            known=known,
        )

    @property
    def _options(self) -> CheckSettings:
        return self.runtime.settings.of(CheckSettings)
