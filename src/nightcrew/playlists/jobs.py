"""The refresh worker: finds feeds that are due, and refreshes one feed as a durable job.

The data's way: adapter → batches of entries → compare and stage → guard → apply in one transaction → playlists on disk.
What is served changes only at the apply step, whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.row_calls import insisted
from nightcrew.kernel.declare import Queue
from nightcrew.kernel.errors import Conflict, GiveUp, NightcrewError, NotFound, Retry
from nightcrew.kernel.http import Limits, Validators
from nightcrew.kernel.jobs import Ended
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.playlists import known as known_pieces
from nightcrew.playlists import outcomes, rules
from nightcrew.playlists.guides import fetch_guide
from nightcrew.playlists.known import KnownPieces
from nightcrew.playlists.models import Feed
from nightcrew.playlists.numbering import Numbering
from nightcrew.playlists.outputs import Outputs
from nightcrew.playlists.picking import Picks
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import Fetch, Listing, Provider, Unchanged
from nightcrew.playlists.reading import ListReading
from nightcrew.playlists.rules import ListChange
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import applying, numbers, refreshes, sources
from nightcrew.playlists.store.staging import Staging

AT_ONCE = 6
"""Feeds that are refreshed at a time."""
FAILING_AT_ONCE = 3
"""How many of them may be feeds that failed the last time: however many hang, those that work have room."""
LOST_LOOK = 60.0
"""Seconds between two looks for feeds whose runs are gone without a word: a database that was away when one ended, a restored backup."""
JOB = "playlists.refresh"
ACCEPT = "playlists.accept"
QUEUE = Queue("playlists")
"""Any number at a time: who asks by hand waits for nobody but the one that works on the same feed."""
LOCK = "feed-{0}"


async def begin(runtime: Runtime, feed: Feed, *, rebuild: bool, urgent: bool = False) -> str:
    """Start a refresh of a feed, or join the one that waits or goes on; returns the run's id.

    `urgent`: a person waits for it, so that its provider is asked although it is paused.
    """
    run_id = await runtime.jobs.start(JOB, feed.id, rebuild, urgent, label=await outcomes.name_of(runtime, feed))
    if await sources.expect(runtime.store, feed.id, run_id):
        runtime.bus.publish("sources")
    return run_id


async def refresh_due(runtime: Runtime) -> None:
    """The tick: start what is due."""
    due = await sources.due_feeds(runtime.store, utcnow())
    if not due:
        return
    running = await sources.refreshing(runtime.store)
    for feed in startable(await _with_way(runtime, due), running):
        await begin(runtime, feed, rebuild=feed.rebuild_due)


async def _with_way(runtime: Runtime, due: Sequence[Feed]) -> list[Feed]:
    """The feeds whose source's way out is there; the others stay due, and no run is begun for them."""
    without = set()
    for source in await sources.every(runtime.store, runtime.vault):
        try:
            runtime.http.routes.admit(source.route, source.shown_url)
        except RouteDown:
            without.add(source.id)
    return [feed for feed in due if feed.source_id not in without]


async def release_lost(runtime: Runtime) -> None:
    """Free feeds whose runs are over or gone, whatever kept them from giving them back."""
    held = {feed.run for feed in await sources.refreshing(runtime.store) if feed.run is not None}
    lost = held - await runtime.jobs.unfinished(sorted(held))
    await sources.release(runtime.store, lost)


def startable(due: Sequence[Feed], running: Sequence[Feed]) -> list[Feed]:
    """Which of the due feeds may start beside the running ones, in the order given."""
    room = AT_ONCE - len(running)
    for_failing = FAILING_AT_ONCE - sum(feed.failures > 0 for feed in running)
    chosen: list[Feed] = []
    for feed in due:
        if feed.failures:
            for_failing -= 1
        if len(chosen) < room and (not feed.failures or for_failing >= 0):
            chosen.append(feed)
    return chosen


async def ended(runtime: Runtime, run: Ended) -> None:
    """A run that was ended before it could give its feed back (a cancel, a defect) counts as failed, and the feed backs off."""
    if run.job != JOB or run.outcome == "done":
        return
    error = "the run was cancelled" if run.outcome == "cancelled" else run.error or ""
    for feed in await sources.refreshing(runtime.store, run=run.run):
        await outcomes.failed(runtime, feed, run.run, Retry(error))


async def stop(runtime: Runtime, feed: Feed) -> None:
    """End the refresh that holds a feed, if there is one."""
    if feed.run is not None:
        with contextlib.suppress(NotFound, Conflict):  # it ended by itself
            await runtime.jobs.cancel(feed.run)


async def forget_old(runtime: Runtime) -> dict[str, int]:
    """Forget channels that are gone for long, old runs, and staged rows that belong to nobody."""
    days = runtime.settings.of(PlaylistSettings).keep_gone_days
    gone = await applying.forget_gone(runtime.store, utcnow() - timedelta(days=days))
    await applying.discard_orphans(runtime.store)
    await refreshes.prune_runs(runtime.store)
    lists = {feed.id for feed in await sources.feeds(runtime.store)}
    await asyncio.to_thread(known_pieces.tidy, known_at(runtime), lists)
    return {"streams": gone}


async def refresh(run: Run, feed_id: int, rebuild: bool, urgent: bool = False) -> dict[str, Any]:
    """The job. Steps: fetch (compare and stage), settle (guard and apply), write (playlists on disk)."""
    runtime = run.runtime
    try:
        fetched = await run.step("fetch", _fetch, run, feed_id, rebuild, urgent)
        if fetched["outcome"] == "staged":
            fetched = await run.step("settle", _settle, run, feed_id, fetched)
    except NightcrewError as exc:
        await run.step("fail", _fail, runtime, feed_id, run.id, exc)
        raise
    if fetched["outcome"] == "applied":
        await run.step("write", _write, runtime, feed_id)
    runtime.bus.publish("sources")
    return fetched


# -- steps -------------------------------------------------------------------------------------------------------------


async def _fetch(run: Run, feed_id: int, rebuild: bool, urgent: bool) -> dict[str, Any]:
    """Fetch one feed. Returns {outcome: unchanged | staged | applied, …} as plain data."""
    with insisted(urgent):
        return await _fetch_now(run, feed_id, rebuild)


async def _fetch_now(run: Run, feed_id: int, rebuild: bool) -> dict[str, Any]:
    runtime = run.runtime
    feed = await sources.get_feed(runtime.store, feed_id)
    source = await sources.get(runtime.store, runtime.vault, feed.source_id)
    await refreshes.begin_run(runtime.store, run.id, feed_id, rebuild=rebuild)
    picks = Picks.of(source.config)
    anew = rebuild or feed.notes.get("picks", "") != picks.key  # the same list, of which something else is wanted
    fetch = _fetch_of(run, feed, anew)
    if feed.kind == "guide":
        return await fetch_guide(run, source, feed, fetch, due_at=outcomes.next_due(runtime, feed, utcnow()))
    adapter = runtime.part(Adapters).of(source)
    async with adapter.listing(fetch) as listing:
        if isinstance(listing, Unchanged):
            return await outcomes.unchanged(runtime, feed, run.id, listing)
        later = round(float(source.config.get("guide_shift") or 0) * 60)
        work, change, entries = await _stage(run, feed, adapter, listing, picks, later, anew=rebuild)
        content = {**asdict(listing.validators), "content_hash": listing.content_hash}
        picked = {"picks": picks.key, "entries": entries} if picks.key else {}
        lines = list(source.config.get("numbers") or ())
        content["notes"] = json.dumps({**listing.notes, **picked, **({"numbers": lines} if lines else {})})
        chosen = bool(work.total) and _is_choice(
            feed, picks, entries, runtime.settings.of(PlaylistSettings).shrink_guard
        )
        told = {"total": work.total, "chosen": chosen, "renamed": work.renamed}
        return {"outcome": "staged", "change": asdict(change), "content": content, **told}


def _is_choice(feed: Feed, picks: Picks, entries: int, guard_percent: int) -> bool:
    """Whether what goes was left out by a person: another choice of a list that is as long as before, but for what is guarded."""
    before = int(feed.notes.get("entries") or feed.streams)
    return feed.notes.get("picks", "") != picks.key and entries >= before * (1 - guard_percent / 100)


def _fetch_of(run: Run, feed: Feed, rebuild: bool) -> Fetch:
    runtime = run.runtime
    options = runtime.settings.of(PlaylistSettings)

    async def on_bytes(size: int) -> None:
        await run.progress(0, None, f"{size / 1e6:.1f} MB fetched")

    return Fetch(
        http=runtime.http,
        folder=runtime.data_dir / "tmp",
        limits=Limits(max_bytes=options.max_playlist_mb << 20, seconds=300.0),
        max_entries=options.max_channels,
        lang=feed.lang,
        region=feed.region,
        validators=Validators() if rebuild else Validators(feed.etag, feed.last_modified),
        content_hash=None if rebuild else feed.content_hash,
        on_bytes=on_bytes,
    )


async def _stage(
    run: Run, feed: Feed, adapter: Provider, listing: Listing, picks: Picks, later: int, *, anew: bool
) -> tuple[Staging, ListChange, int]:
    """Compare a list with what is stored. Returns the comparison, the change, and how many entries there were before picking."""
    runtime = run.runtime
    path = known_at(runtime) / str(feed.id)
    known = KnownPieces() if anew else await asyncio.to_thread(known_pieces.load, path)
    work, reading = Staging(runtime.store, feed.id, run.id), ListReading(picks, later, adapter.secrets, known)
    await work.begin()
    expected = feed.streams or None
    async for rows in reading.rows(listing, runtime.settings.of(PlaylistSettings).max_channels):
        await work.add(rows)
        if expected and work.total > expected:
            expected = None
        await run.progress(work.total, expected, f"{work.total} channels compared")
    change = await work.finish()
    if listing.text is not None:
        await asyncio.to_thread(known.save, path)
    return work, change, reading.entries


def known_at(runtime: Runtime) -> Path:
    """Where this node keeps what it knows of lists."""
    return runtime.data_dir / "playlists" / known_pieces.FOLDER


async def _settle(run: Run, feed_id: int, fetched: dict[str, Any]) -> dict[str, Any]:
    """Apply the staged change, or hold it back for a person."""
    runtime = run.runtime
    feed = await sources.get_feed(runtime.store, feed_id)
    options = runtime.settings.of(PlaylistSettings)
    change, content = ListChange(**fetched["change"]), fetched["content"]
    reason = None if fetched.get("chosen") else rules.held_back(change, options.shrink_guard)
    if reason is not None:
        now = utcnow()
        due_at = outcomes.next_due(runtime, feed, now)
        known = feed.held_change is not None and feed.held_change.get("gone") == change.gone
        plan = {"now": now, "due_at": due_at, "reason": reason, "change": change, "content": content}
        await applying.hold(runtime.store, feed_id, run.id, **plan)
        if not known:
            lost = f"{change.gone} of {change.stored} channels would go"
            said = f": held back: {reason} ({lost}). The last good list is served"
            await outcomes.tell(runtime, feed, "playlist.held", said, level="warning")
        return {"outcome": "held", "change": asdict(change), "reason": reason}
    await _apply(runtime, feed, run.id, change, content)
    await outcomes.succeeded(runtime, feed, change, fetched.get("renamed", []))
    return {"outcome": "unchanged" if change.nothing else "applied", "change": asdict(change)}


async def _apply(runtime: Runtime, feed: Feed, run_id: str, change: ListChange, content: dict[str, Any]) -> None:
    now = utcnow()
    plan: dict[str, Any] = {
        "now": now,
        "due_at": outcomes.next_due(runtime, feed, now),
        "change": change,
        "content": content,
    }
    merge = runtime.settings.of(PlaylistSettings).merge_sources
    before, wanted = feed.notes.get("numbers", []), json.loads(content.get("notes") or "{}").get("numbers", [])
    if before != wanted:
        await numbers.forget(runtime.store, feed.id)
    await applying.apply(runtime.store, feed.id, run_id, **plan, merge=merge)
    if wanted:
        await numbers.number(runtime.store, feed.id, Numbering.of(wanted))


async def accept(runtime: Runtime, feed: Feed, *, actor: str) -> ListChange:
    """Apply what was held back, because a person said so. Raises `Conflict` while the feed is being refreshed."""
    if feed.held_run is None:
        raise NotFound("nothing is held back here")
    name = await outcomes.name_of(runtime, feed)
    if feed.refreshing:
        raise Conflict(f"{name} is being refreshed right now. Wait for the result before you accept a change")
    run_id = await runtime.jobs.start(ACCEPT, feed.id, feed.held_run, actor, label=f"Accept the change of {name}")
    state = await runtime.jobs.wait(run_id)
    if state.state != "done":
        raise Conflict(state.error or f"the job {run_id} is {state.state}")
    return ListChange(**state.result)


async def take_in(run: Run, feed_id: int, held_run: str, actor: str) -> dict[str, Any]:
    """The job behind `accept`: no refresh of the feed goes on meanwhile."""
    runtime = run.runtime
    change: dict[str, Any] = await run.step("apply", _take_in, runtime, feed_id, held_run)
    await run.step("tell", _tell_taken_in, runtime, feed_id, ListChange(**change), actor)
    await run.step("write", _write, runtime, feed_id)
    runtime.bus.publish("sources")
    return change


async def _take_in(runtime: Runtime, feed_id: int, held_run: str) -> dict[str, Any]:
    feed = await sources.get_feed(runtime.store, feed_id)
    if feed.held_run != held_run or feed.held_change is None:
        raise GiveUp("a newer change is held back by now. Look at that one first")
    kept = dict(feed.held_change)
    content = kept.pop("content")
    await _apply(runtime, feed, held_run, ListChange(**kept), content)
    return kept


async def _tell_taken_in(runtime: Runtime, feed_id: int, change: ListChange, actor: str) -> None:
    feed = await sources.get_feed(runtime.store, feed_id)
    said = f": the held-back change was accepted ({outcomes.describe(change)})"
    await outcomes.tell(runtime, feed, "playlist.accepted", said, actor=actor)


async def _write(runtime: Runtime, feed_id: int) -> None:
    feed = await sources.get_feed(runtime.store, feed_id)
    if feed.kind == "channels":
        await runtime.part(Outputs).rebuild_for(feed.region)


async def _fail(runtime: Runtime, feed_id: int, run_id: str, exc: NightcrewError) -> None:
    await applying.discard(runtime.store, run_id)
    feed = await sources.get_feed(runtime.store, feed_id)
    await outcomes.failed(runtime, feed, run_id, exc)
