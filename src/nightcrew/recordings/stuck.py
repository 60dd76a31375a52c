"""Recordings that nobody works on any more: found at the start and every few minutes, and finished, never thrown away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from nightcrew.kernel import nodes, nodes_store
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.recorder import ledger
from nightcrew.recordings import news, rules
from nightcrew.recordings.keeper import Keeper
from nightcrew.recordings.models import ACTIVE, Recording, RecordingState
from nightcrew.recordings.processing import JOB
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import owners, recordings, states, tallies

log = structlog.get_logger("nightcrew.recordings")

SILENT = timedelta(seconds=nodes.SILENT)
"""A node that has written no heartbeat for this long does not record."""
SETTLING = timedelta(seconds=60)
"""A recording that has just been moved is left alone for this long."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A recording that stands still, why, and what is done with it: finish, fail or adopt."""

    row: Recording
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CleanUpReport:
    """What a clean-up did, or would do."""

    checked: int
    found: tuple[Stuck, ...]
    cleaned: int
    errors: tuple[str, ...]


async def find(runtime: Runtime) -> tuple[int, list[Stuck]]:
    """How many recordings were looked at, and those that are stuck."""
    keeper, now = runtime.part(Keeper), utcnow()
    hours = runtime.settings.of(RecordingSettings).stuck_hours
    rows = await recordings.of_states(runtime.store, {*ACTIVE, RecordingState.FINISHING, RecordingState.PROCESSING})
    known = {one.id: one for one in await nodes_store.every(runtime.store)}
    working = await runtime.jobs.active(f"{JOB}:")
    found: list[Stuck] = []
    for row in rows:
        if row.node and row.node != runtime.node:
            node = known.get(row.node)
            if row.active and node is not None and node.gone_at is None:
                continue  # it lives, or is being taken over from, which tells of it
            quiet = now - (max(row.progress_at or row.since, row.since) if node is None else node.seen_at)
            if quiet > SILENT and (not row.bytes or await asyncio.to_thread(Path(row.segments).is_dir)):
                found.append(Stuck(row, f"the machine that recorded it, {row.node}, is gone", "adopt"))
            elif quiet > timedelta(hours=hours):
                said = f"the machine that has its parts, {row.node}, is gone, and they cannot be reached from here"
                found.append(Stuck(row, said, "fail"))
            continue
        held = keeper.fleet.holder(row.id) is not None
        if rules.is_stuck(row, held=held, now=now, hours=hours):
            found.append(Stuck(row, f"it has no recorder and has received nothing for {hours:g} h", "finish"))
        elif row.state is RecordingState.PROCESSING and now - row.since > SETTLING and not _worked_on(row, working):
            found.append(Stuck(row, "its post-processing was cut short", "fail"))
    return len(rows), found


def _worked_on(row: Recording, working: set[str]) -> bool:
    """Whether there is a run for it that its machine may take: those of other machines wait for these."""
    return any(one.startswith(f"{JOB}:{row.id}:{row.node}:") for one in working)


async def clean_up(runtime: Runtime, *, actor: str, dry_run: bool) -> CleanUpReport:
    """Finish what is stuck. One that cannot be finished now does not keep the others from it."""
    checked, found = await find(runtime)
    cleaned, errors = 0, list[str]()
    for one in found if not dry_run else ():
        try:
            await _mend(runtime, one)
        except (NightcrewError, OSError, ValueError) as exc:
            errors.append(f"recording {one.row.id}: {exc}")
            continue
        cleaned += 1
        said = f"{one.row.name} was stuck ({one.reason}) and has been dealt with"
        await news.announce(runtime, "recording.unstuck", said, level="warning", actor=actor, subject=one.row.id)
    if cleaned:
        await runtime.part(Keeper).soon()
    return CleanUpReport(checked, tuple(found), cleaned, tuple(errors))


async def _mend(runtime: Runtime, one: Stuck) -> None:
    row, now = one.row, utcnow()
    match one.remedy:
        case "adopt":
            if row.active and row.bytes:
                await owners.take_over(runtime.store, row.id, of=row.node, node=runtime.node, now=now)
                return
            taken = await owners.adopt(runtime.store, row.id, of=row.node, node=runtime.node)
            if taken and row.state is RecordingState.PROCESSING:  # its run waits for the machine that is gone
                await states.change_state(runtime.store, row.id, RecordingState.FAILED, one.reason)
                await states.change_state(
                    runtime.store, row.id, RecordingState.FINISHING, "its file is made on this machine"
                )
        case "fail":
            if row.active:
                await states.change_state(runtime.store, row.id, RecordingState.FINISHING, one.reason, ended_at=now)
            await states.change_state(runtime.store, row.id, RecordingState.FAILED, one.reason)
        case _:
            tally = await asyncio.to_thread(ledger.read, Path(row.segments))
            if not tally.opened and row.bytes:
                raise Retry("its ledger is missing; is its disk mounted?")
            await tallies.save_tallies(runtime.store, {row.id: tally}, row.progress_at or now)
            await states.change_state(
                runtime.store, row.id, RecordingState.FINISHING, one.reason, ended_at=row.progress_at or now
            )
