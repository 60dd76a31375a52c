"""Starts downloads at slskd and follows them until their file is there. One question to slskd tells of all of them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from nightcrew.kernel import nodes_store
from nightcrew.kernel.errors import Conflict, NightcrewError, NotFound, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import choosing, clients, library
from nightcrew.music.models import OPEN, DownloadStage, DownloadState, FailureCause, TrackDownload, WantedState
from nightcrew.music.remote import OFF_NETWORK, PlaceAsks, Remote
from nightcrew.music.settings import MusicSettings
from nightcrew.music.slskd.client import PeerRefused, SlskdBusy
from nightcrew.music.slskd.shapes import Transfer
from nightcrew.music.slskd.states import RemoteStanding, best_place, end_of, find, standing
from nightcrew.music.store import downloads, offers, wanted

log = structlog.get_logger("nightcrew.music")

JOB = "music.import"
SOON, LATE, GROWTH = 2.0, 15.0, 1.5
"""Seconds between two looks, which grow while nothing moves."""
AWAY = 15.0
"""Seconds until slskd is asked again that does not answer."""
GRACE = 12.0
"""Seconds for which a failed transfer is left alone: slskd enqueues anew what its own restart has failed."""
STALLED = timedelta(minutes=10)
"""A download without any progress for so long has failed."""
UNSEEN = timedelta(minutes=2)
"""A download that has been due for so long was not looked at meanwhile: what it did nobody knows."""
ABSENT = timedelta(seconds=60)
"""A download of which slskd knows nothing for so long is sent again."""
PATIENCE = timedelta(seconds=60)
"""A file that waits in the queue of its peer for so long leaves its place to another one."""
MOST_WAITING = 10
"""Files that may be under way for each download at a time, with those that wait in queues of peers."""
BACKLOG = 20
"""Files that may wait to be imported, and half as many for each download at a time."""
AGAIN = 60.0
"""Seconds until it is seen to that a file that has arrived is being imported."""


@dataclass(slots=True)
class PollPace:
    """How long this node waits until it looks again."""

    seconds: float = SOON

    def note(self, *, moved: bool) -> None:
        """Whether anything has moved since the last look."""
        self.seconds = SOON if moved else min(LATE, self.seconds * GROWTH)


async def sync(runtime: Runtime) -> None:
    """The cycle."""
    rows = await downloads.claim(runtime.store, by=runtime.node, limit=200, starting=await _room(runtime))
    if not rows:
        return
    remote = [row for row in rows if row.stage in {DownloadStage.SENDING, DownloadStage.REMOTE}]
    alive: set[str] | None = None
    for row in rows:
        if row not in remote:
            alive = alive if alive is not None else await nodes_store.living(runtime.store)
            await _import(runtime, row, alive)
    for number in {row.connection_id for row in remote}:
        await _sync_with(runtime, number, [row for row in remote if row.connection_id == number])
    runtime.bus.publish("music")


async def next_at(runtime: Runtime) -> datetime | None:
    """When there is something to do."""
    return await downloads.next_at(runtime.store, starting=await _room(runtime) > 0)


async def _room(runtime: Runtime) -> int:
    """How many may begin. None while many files wait to be imported, as when the library's disk is away: they fill another one.

    One that waits in the queue of its peer for long leaves its place to others, of which it holds up a few at most.
    """
    limit = runtime.settings.of(MusicSettings).sync_worker_concurrency
    now = await downloads.under_way(runtime.store, patience=PATIENCE)
    if now.arrived >= max(BACKLOG, BACKLOG * limit // 2):
        return 0
    return max(0, min(limit - now.active, limit * MOST_WAITING - now.active - now.waiting))


async def _import(runtime: Runtime, row: TrackDownload, alive: set[str]) -> None:
    """See to it that a file that has arrived is imported, by one machine. Who starts the job while it goes on joins it."""
    others = alive - {runtime.node, *row.tried}
    if (row.node is not None and row.node != runtime.node and row.node in alive) or (
        runtime.node in row.tried and others
    ):
        await downloads.note(runtime.store, row.id, due_in=SOON)
        return
    if not await downloads.take(runtime.store, row, runtime.node):
        return
    job = await runtime.jobs.start(
        JOB, row.id, label=f"Import {row.path.replace(chr(92), '/').rpartition('/')[2]}"[:200]
    )
    await downloads.note(runtime.store, row.id, job=job, due_in=AGAIN)


async def _sync_with(runtime: Runtime, number: int, rows: Sequence[TrackDownload]) -> None:
    try:
        remote = await Remote.seen(await clients.client_of(runtime, number), rows)
    except NotFound:
        for row in rows:
            await _let_go(runtime, row, "its slskd is no longer connected")
        return
    except NightcrewError as exc:
        wait = max(AWAY, (exc.after if isinstance(exc, Retry) else None) or 0.0)
        log.warning("slskd cannot be asked", reason=str(exc))
        for row in rows:
            await _put_off(runtime, row, f"waits: {exc}", wait)
        return
    await remote.ask_places(rows, runtime.part(PlaceAsks))
    now = await wanted.now(runtime.store)
    pace = runtime.part(PollPace)
    moved = False
    for row in rows:
        try:
            seen = row.due_at is None or now - row.due_at < UNSEEN
            moved |= await _sync_one(runtime, remote, row if seen else await _seen_again(runtime, row))
        except Conflict:
            continue  # a person has moved it meanwhile
        except NightcrewError as exc:
            moved |= await _met(runtime, remote, row, exc)
    pace.note(moved=moved)


async def _seen_again(runtime: Runtime, row: TrackDownload) -> TrackDownload:
    """Nobody has looked at it for long, as we were stopped or the machine slept: how long it may take counts from here on."""
    if row.state is DownloadState.RUNNING:
        await downloads.note(runtime.store, row.id, started_at=True, moved_at=True, due_in=AWAY)
    return await downloads.get(runtime.store, row.id)


async def _met(runtime: Runtime, remote: Remote, known: TrackDownload, exc: NightcrewError) -> bool:
    """slskd has not taken this one. It is tried again for a while, and while slskd is off the network for as long as that lasts.

    `known`: the download as it was before. Returns whether it has failed.
    """
    try:
        row = await downloads.get(runtime.store, known.id)
    except NotFound:
        return False
    if row.state not in OPEN:  # a person has ended it meanwhile; slskd may have taken it all the same
        with contextlib.suppress(NightcrewError):
            await clients.call_off(remote.client, row, row.remote_id)
    elif await remote.lost():
        await _put_off(runtime, row, f"waits: {OFF_NETWORK}", AWAY)
    elif isinstance(exc, SlskdBusy):
        await _put_off(runtime, row, f"waits: {exc}", exc.after or AWAY)
    elif isinstance(exc, PeerRefused):
        await fail(runtime, row, str(exc))
        return True
    elif row.started_at is not None and await wanted.now(runtime.store) - row.started_at > STALLED:
        await fail(runtime, row, f"slskd does not take it: {exc}")
        return True
    else:
        await downloads.note(runtime.store, row.id, error=f"waits: {exc}"[:300], due_in=AWAY)
    return False


async def _put_off(runtime: Runtime, row: TrackDownload, said: str, wait: float, **values: Any) -> None:
    """Look at it later. An outage is no failure of the track: how long it may take counts anew from here on."""
    if row.state is DownloadState.RUNNING:
        marks = {"started_at": True, "moved_at": True}
        await downloads.note(runtime.store, row.id, error=said[:300], due_in=wait, **marks, **values)
    else:
        await downloads.wait(runtime.store, row.id, said, wait)


async def _sync_one(runtime: Runtime, remote: Remote, row: TrackDownload) -> bool:
    """Bring one download further; returns whether it has moved."""
    transfers = remote.transfers
    if row.state is DownloadState.QUEUED:
        entry = (await wanted.of_ids(runtime.store, [row.wanted_id])).get(row.wanted_id)
        better = entry is not None and entry.replaces is not None
        if not row.forced and not better and entry is not None and await library.owned_among(runtime, [entry]):
            await _let_go(runtime, row, "the library has it by now")
            await library.has(runtime, await wanted.get(runtime.store, entry.id))
            return True
        if not row.forced and not await wanted.is_listed(runtime.store, row.wanted_id):
            await _let_go(runtime, row, "no list wants it any more")
            return True
        if not remote.online:
            await _put_off(runtime, row, f"waits: {OFF_NETWORK}", AWAY)
            return False
        same = [one.id for one in transfers if one.peer == row.peer and one.path == row.path]
        async with runtime.store.write() as connection:
            mine = await downloads.change_state(
                connection,
                row,
                DownloadState.RUNNING,
                stage=DownloadStage.SENDING,
                earlier=same,
                started_at=True,
                moved_at=True,
                due_in=AWAY,
            )
        if not mine:
            return False
        row = await downloads.get(runtime.store, row.id)
    found = find(transfers, peer=row.peer, path=row.path, remote_id=row.remote_id, earlier=row.earlier)
    if not remote.online and (found is None or standing(found) is RemoteStanding.FAILED):
        await _wait_for_network(runtime, row, found)
        return False
    if row.stage is DownloadStage.SENDING and found is None:
        return await _send(runtime, remote, row)
    return await _follow(runtime, remote, row, found)


async def _wait_for_network(runtime: Runtime, row: TrackDownload, ended: Transfer | None) -> None:
    """Off the network nothing is sent and nothing fails: what has ended there is sent again when slskd is back."""
    values: dict[str, Any] = {}
    if ended is not None:
        fresh = {"stage": DownloadStage.SENDING, "batch_id": str(uuid.uuid4()), "remote_id": None, "remote_state": ""}
        values = {**fresh, "earlier": sorted({*row.earlier, ended.id})}
    await _put_off(runtime, row, f"waits: {OFF_NETWORK}", AWAY, **values)


async def _send(runtime: Runtime, remote: Remote, row: TrackDownload) -> bool:
    sent = await remote.client.enqueue(row.batch_id, row.peer, row.path, row.size, row.search_id)
    known = sent.remote_id is not None or sent.batch_id == row.batch_id
    stage = DownloadStage.REMOTE if known else DownloadStage.SENDING
    values = {"stage": stage, "batch_id": sent.batch_id, "remote_id": sent.remote_id, "error": ""}
    if not await downloads.note(runtime.store, row.id, moved_at=True, due_in=SOON if known else 0.0, **values):
        await clients.call_off(remote.client, row, sent.remote_id)  # it was cancelled while slskd took it
    return True


async def _follow(runtime: Runtime, remote: Remote, row: TrackDownload, found: Transfer | None) -> bool:
    pace, now = runtime.part(PollPace).seconds, await wanted.now(runtime.store)
    last = row.moved_at or row.created_at
    if found is None:
        return await _absent(runtime, row, now, pace)
    stands = standing(found)
    if stands is RemoteStanding.UNKNOWN and found.state != row.remote_state:
        log.warning("slskd says a state that is not known; the one before stays", state=found.state, download=row.id)
    bytes_ = max(0, min(found.bytes, row.size or found.bytes))
    same = (found.id, found.state) == (row.remote_id, row.remote_state)
    place = best_place(row.place if same else None, remote.places.get(row.id, found.place))
    changed = not same or (bytes_, place) != (row.bytes, row.place)
    values = {
        "stage": DownloadStage.REMOTE,
        "remote_id": found.id,
        "remote_state": found.state,
        "bytes": bytes_,
        "place": place,
        "error": "",
    }
    if stands is RemoteStanding.SUCCEEDED:
        values |= {"stage": DownloadStage.ARRIVED, "bytes": row.size}
        await downloads.note(runtime.store, row.id, moved_at=True, due_in=0.0, **values)
        return True
    if stands is RemoteStanding.FAILED:
        if changed:
            await downloads.note(runtime.store, row.id, due_in=GRACE, **values)
            return False
        await fail(runtime, row, end_of(found))
        return True
    if remote.online and not changed and now - last > STALLED:
        await remote.client.cancel(row.peer, found.id)
        await fail(runtime, row, f"it made no progress for {STALLED.seconds // 60} minutes")
        return True
    marks = {"moved_at": True} if changed or not remote.online else {}
    await downloads.note(runtime.store, row.id, due_in=SOON if changed else pace, **values, **marks)
    return changed


async def _absent(runtime: Runtime, row: TrackDownload, now: datetime, pace: float) -> bool:
    """slskd does not show it: it is sent again after a while, and given up after a longer one."""
    if row.started_at is not None and now - row.started_at > STALLED and not row.bytes:
        await fail(runtime, row, "slskd does not show it")
        return True
    if now - (row.moved_at or row.created_at) > ABSENT:
        log.warning("slskd has forgotten a download, which is sent again", download=row.id)
        fresh = {"stage": DownloadStage.SENDING, "remote_id": None, "remote_state": ""}
        await downloads.note(runtime.store, row.id, due_in=0.0, **fresh)
        return True
    await downloads.note(runtime.store, row.id, due_in=pace)
    return False


async def _let_go(runtime: Runtime, row: TrackDownload, reason: str) -> None:
    """End a download that cannot go on, by no fault of its file or its track, which is searched for anew."""
    async with runtime.store.write() as connection:
        if await downloads.change_state(connection, row, DownloadState.CANCELLED, reason):
            since = {WantedState.DOWNLOADING}
            await wanted.move_in(
                connection, row.wanted_id, since=since, state=WantedState.MISSING, reason=reason, due_in=AGAIN
            )


async def mend(runtime: Runtime) -> None:
    """The cycle that finds tracks that wait for what is no longer there, as after a crash at a bad moment, and lets them go on."""
    for entry in await wanted.stranded(runtime.store):
        log.warning("a track waits for nothing, and goes on", track=entry.id, state=entry.state.value)
        last = next(iter(await downloads.of_wanted(runtime.store, entry.id)), None)
        if entry.state is WantedState.DOWNLOADING and last is not None and last.state is DownloadState.FAILED:
            await choosing.try_next(runtime, entry, last.search_id, FailureCause.DOWNLOAD, last.error or "it failed")
        else:
            await wanted.move(runtime.store, entry.id, since={entry.state}, state=WantedState.MISSING, due_in=0.0)


async def fail(runtime: Runtime, row: TrackDownload, reason: str, cause: FailureCause = FailureCause.DOWNLOAD) -> None:
    """A download has failed: its file is remembered, and the next one is tried."""
    async with runtime.store.write() as connection:
        if not await downloads.change_state(connection, row, DownloadState.FAILED, reason):
            return
        await offers.condemn(connection, row.wanted_id, row.peer, row.path, reason)
    entry = (await wanted.of_ids(runtime.store, [row.wanted_id])).get(row.wanted_id)
    shown, subject = entry.shown if entry else row.path, str(row.wanted_id)
    said = f"{shown} from {row.peer}: {reason}"
    await runtime.activity.record("download_failed", said, level="warning", subject=subject)
    if entry is not None and not await choosing.try_next(runtime, entry, row.search_id, cause, reason):
        async with runtime.store.write() as connection:
            failed = await downloads.get_in(connection, row.id)
            await downloads.change_state(connection, failed, DownloadState.DEAD, reason)
        if entry.replaces is not None:
            return  # it stays in the library as it is
        said = f"{shown} could not be downloaded: {reason}"
        await runtime.activity.record("sync_job_failed", said, level="warning", subject=subject)
    runtime.bus.publish("music")
