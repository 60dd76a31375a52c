"""Keeps the recordings of this node going: gives them to recorders, reads their ledgers, moves their states.

Whatever goes wrong with one recording is told of that one, and the others go on. Nothing here is needed for a recorder to
record: a server that dies leaves all of it to be found again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from nightcrew.kernel import schedule_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.detached import delay
from nightcrew.kernel.errors import Conflict, NeedsUser, NightcrewError, NotFound
from nightcrew.kernel.nodes import SILENT
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import DatabaseAway
from nightcrew.kernel.tasks import Tasks
from nightcrew.recorder.ledger import LedgerReader, Tally
from nightcrew.recorder.wire import Order, ReadingStatus, boottime
from nightcrew.recordings import inputs, news, rules
from nightcrew.recordings.connections import SharedInputs
from nightcrew.recordings.fleet import Fleet, RecorderProcess
from nightcrew.recordings.inputs import Input
from nightcrew.recordings.kept import Kept, fails, read_ledgers
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState
from nightcrew.recordings.place import root_of
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import owners, recordings, states, tallies
from nightcrew.recordings.store.states import StateChange

log = structlog.get_logger("nightcrew.recordings")

PAUSE = 3.0
"""Seconds before a recorder is given a recording again, when that could not be done."""
SAVED = 2.0
"""Seconds between two times that the figures of a recording are stored."""
ELSEWHERE = 60.0
"""Seconds for which a source may fail from the beginning before another machine tries it."""
WORKER = "recordings.keep"
"""The worker by which a machine that records is known."""
ALIVE = timedelta(seconds=SILENT)
ENDING = 15.0
"""Seconds that a recorder has for ending a recording before it is taken from it."""


@dataclass(slots=True)
class Keeper:
    """All recordings of this node that a recorder is to hold."""

    runtime: Runtime
    now: Callable[[], datetime] = utcnow
    fleet: Fleet = field(init=False)
    connections: SharedInputs = field(init=False)
    kept: dict[int, Kept] = field(default_factory=dict)
    active: bool = False
    """Whether this node has workers."""
    spared: set[int] = field(default_factory=set)
    """Recordings that pause so that the disk is left to others."""
    _tasks: Tasks = field(default_factory=Tasks)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.connections = SharedInputs(self.runtime)
        self.fleet = Fleet(self.runtime.data_dir / "recorders", self._on_death)

    # -- the node's life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over what an earlier server has left running, before anybody else asks for connections."""
        found = await self.fleet.adopt()
        if found:
            await self.look()

    async def close(self) -> None:
        """End the recorders, or leave them to the next server. Recordings stay as they are, and go on then."""
        await self._tasks.close()
        async with self._busy:
            await self.fleet.close(keep=self._options.keep_on_stop)
            with contextlib.suppress(NightcrewError):
                await read_ledgers(self.kept.values())
                await self._save(self.kept, always=True)
            for kept in self.kept.values():
                await kept.hang_up()

    async def soon(self) -> None:
        """Something was asked for: look at once, if this node has workers."""
        if self.active and not len(self._tasks):
            self._tasks.spawn(self.look(), "recordings are looked at")

    @property
    def busy(self) -> bool:
        """Whether something is kept, or a recorder runs."""
        return bool(self.kept) or bool(self.fleet.recorders)

    async def look(self) -> None:
        """The worker's cycle."""
        async with self._busy:
            await self._look()

    async def _look(self) -> None:
        await self.fleet.look()
        with contextlib.suppress(NeedsUser):  # without a library of its own this machine takes nothing new
            await owners.claim(self.runtime.store, self.runtime.node, root=str(root_of(self.runtime)))
        await self.connections.recheck()
        rows = await recordings.of_states(self.runtime.store, ACTIVE, node=self.runtime.node)
        await self._drop({row.id for row in rows})
        for row in rows:
            self.kept.setdefault(row.id, Kept(LedgerReader(Path(row.segments))))
        await read_ledgers(self.kept.values())
        decisions = await asyncio.gather(*(self._patiently(row) for row in rows))
        decided = {row.id: (row, decision) for row, decision in zip(rows, decisions, strict=True) if decision}
        ended = {one: self.kept[one] for one in decided if decided[one][1].state is RecordingState.FINISHING}
        await read_ledgers(ended.values())
        await self._save(ended, always=True)
        await self._stand(decided)
        await self._save(self.kept)

    async def _patiently(self, row: Recording) -> rules.Decision | None:
        try:
            return await self._keep(row, self.kept[row.id])
        except (NotFound, Conflict):
            return None  # it was deleted or moved meanwhile
        except (NightcrewError, OSError) as exc:
            self.kept[row.id].next_start = max(self.kept[row.id].next_start, boottime() + PAUSE)
            log.warning("a recording could not be looked after", recording=row.id, reason=str(exc))
            return rules.Decision(rules.interrupted(self.kept[row.id].tally.segments, row.state), str(exc))

    # -- one recording ---------------------------------------------------------------------------------------------

    async def _keep(self, row: Recording, kept: Kept) -> rules.Decision | None:
        """Do what is to be done for it now. Returns how it stands; None while it is being ended."""
        up, recorder = boottime(), self.fleet.holder(row.id)
        standing = recorder.standing(row.id) if recorder is not None else None
        if standing is not None and standing.state == "failed":
            if standing.since <= kept.left_at:
                standing = None  # of the stream that was left
            elif kept.goes_elsewhere():
                await self._leave(row, kept, recorder, up)
                recorder = standing = None
        growing = kept.tally.segments > kept.progress[0]
        kept.note(standing, up)
        look = rules.Look(
            standing,
            recorder is not None,
            kept.tally.segments,
            kept.tally.over,
            0.0 if kept.offline_since is None else up - kept.offline_since,
            up,
            row.id in self.spared,
            growing,
            up - kept.progress[1],
        )
        options = self._options
        decision = rules.decide(row, look, self.now(), grace=options.offline_grace, patience=options.wait_for_source)
        if decision.state is RecordingState.FINISHING or kept.ending is not None:
            kept.ending = kept.ending or (up, decision.reason)
            over = await self._end(row, kept, recorder, standing)
            return rules.Decision(RecordingState.FINISHING, kept.ending[1]) if over else None
        await self._change_source(row, kept, recorder, up)
        recorder = self.fleet.holder(row.id)
        if recorder is None and up >= kept.next_start:
            await self._give(row, kept)
        elif recorder is not None and kept.input is not None:
            await self.fleet.change(inputs.renewed(self._order(row, kept.input), recorder.orders[row.id]))
            kept.next_start = min(kept.next_start, up)
        elif recorder is not None:
            await self._connect_again(row, kept)
        if kept.failing_since is not None and up - kept.failing_since > ELSEWHERE and not kept.tally.segments:
            await self._pass_on(row, kept)
        return decision

    async def _pass_on(self, row: Recording, kept: Kept) -> None:
        """Its source cannot be reached from this machine: let the next one try that has workers, if there is one."""
        kept.failing_since = None
        if self.runtime.store.is_sqlite or row.bytes or row.state is not RecordingState.WAITING:
            return
        working = await schedule_store.nodes_of(self.runtime.store, WORKER, since=utcnow() - ALIVE)
        others = sorted(working - {self.runtime.node})
        if others:
            following = next((name for name in others if name > self.runtime.node), others[0])
            await owners.adopt(self.runtime.store, row.id, of=self.runtime.node, node=following, root="")
            log.info("a source cannot be reached from here and is tried elsewhere", recording=row.id, node=following)

    async def _change_source(self, row: Recording, kept: Kept, recorder: RecorderProcess | None, up: float) -> None:
        """Another stream of the channel, when this one fails or its connection is needed elsewhere."""
        source = kept.input
        if source is not None and kept.sealed != row.sealed:
            if source.lease is not None:
                await self.fleet.release(row.id)
            await kept.hang_up()  # it is read on with its new headers, cookies or proxy
            return
        if source is None or source.lease is None:
            return
        sharing = [one for key, one in self.kept.items() if one.input is source and key not in self.spared]
        failing = fails(source, sharing, up)
        if source.over or failing:
            source.failed = source.failed or failing
            kept.avoid = source.stream
            await self._leave(row, kept, recorder, up)

    async def _leave(self, row: Recording, kept: Kept, recorder: RecorderProcess | None, up: float) -> None:
        """Have its stream read no longer, and another one asked for at once."""
        if recorder is not None:
            await self.fleet.release(row.id)
        await kept.hang_up()
        kept.failing_since = None
        kept.next_start = kept.left_at = up

    async def _give(self, row: Recording, kept: Kept) -> None:
        source = await kept.connected(self.connections, row)
        if source is not None:
            await self.fleet.give(self._order(row, source), most=self._options.per_recorder)

    def _order(self, row: Recording, source: Input) -> Order:
        return inputs.order_of(self.runtime, row, source, now=self.now(), spared=row.id in self.spared)

    async def _connect_again(self, row: Recording, kept: Kept) -> None:
        """Of a recorder that was taken over: get the connection that it uses. Without one it must not go on."""
        try:
            await kept.connected(self.connections, row)
        except DatabaseAway:
            raise
        except NightcrewError:
            await self.fleet.release(row.id)
            raise

    async def _end(
        self, row: Recording, kept: Kept, recorder: RecorderProcess | None, standing: ReadingStatus | None
    ) -> bool:
        """Have the recorder finish what it reads; returns whether it has."""
        since, _ = kept.ending or (0.0, "")
        if recorder is not None and not (standing is not None and standing.state in {"over", "failed"}):
            if boottime() - since < ENDING:
                await self.fleet.change(replace(recorder.orders[row.id], stop=True))
                return False
            log.warning("a recorder did not end a recording in time", recording=row.id, pid=recorder.process.pid)
        await self.fleet.release(row.id)
        await kept.hang_up()
        return True

    async def _stand(self, decided: dict[int, tuple[Recording, rules.Decision]]) -> None:
        """Store how recordings stand, and tell of it; all in one transaction, as a recorder's death concerns many."""
        now = self.now()
        changes = list[StateChange]()
        for row, to in decided.values():
            ended_at = now if to.state is RecordingState.FINISHING else None
            change = StateChange(row.id, to.state, to.reason, "its stream is being received", ended_at)
            if (row.state, row.reason or "") != (change.to, change.shown):
                changes.append(change)
        if not changes:
            return
        moved = await states.change_states(self.runtime.store, changes, now=now)
        for one in news.of_moves((decided[one.recording_id][0], one) for one in changes if one.recording_id in moved):
            await news.announce(self.runtime, **asdict(one))
        self.runtime.bus.publish("recordings")

    # -- recorders that die ----------------------------------------------------------------------------------------

    async def _on_death(self, orphans: set[int], how: str) -> None:
        """Give its recordings to another recorder, the first time at once."""
        up = boottime()
        for kept in (self.kept[one] for one in orphans if one in self.kept):
            kept.next_start = up + delay(kept.restarts)
            kept.restarts += 1
        with contextlib.suppress(NightcrewError):
            async with self._busy:
                if any(self.fleet.holder(one) is None for one in orphans):  # else another's death has helped them too
                    await self._look()
        with contextlib.suppress(NightcrewError):
            names = await recordings.count_restarts(self.runtime.store, orphans)
            await news.announce(self.runtime, **asdict(news.of_a_death(names, sorted(orphans), how)))

    # -- ledgers ---------------------------------------------------------------------------------------------------

    async def _save(self, found: dict[int, Kept], *, always: bool = False) -> None:
        """Store the figures of what has changed; at once when there is a new gap."""
        up, changed = boottime(), dict[int, Tally]()
        for recording_id, kept in found.items():
            at, segments, gaps = kept.saved
            tally = kept.tally
            if (tally.segments, len(tally.gaps)) == (segments, gaps) or not tally.opened:
                continue  # one that was never opened is no ledger: its disk may not be there
            if always or len(tally.gaps) != gaps or up - at > SAVED or segments <= 0:
                changed[recording_id] = tally
        await tallies.save_tallies(self.runtime.store, changed, self.now())
        for recording_id, tally in changed.items():
            found[recording_id].saved = (up, tally.segments, len(tally.gaps))
        if changed:
            self.runtime.bus.publish("recordings")

    async def _drop(self, active: set[int]) -> None:
        """Forget what is not to be held any more."""
        for recording_id in [one for one in self.kept if one not in active]:
            kept = self.kept.pop(recording_id)
            await self.fleet.release(recording_id)
            await kept.hang_up()
        for recorder in self.fleet.recorders.values():
            for recording_id in [one for one in recorder.orders if one not in active]:
                await self.fleet.release(recording_id)

    @property
    def _options(self) -> RecordingSettings:
        return self.runtime.settings.of(RecordingSettings)
