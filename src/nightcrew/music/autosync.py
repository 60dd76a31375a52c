"""The daily run: what is wanted, less what the library has, is searched for, downloaded and imported. It says how it went."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nightcrew.kernel.clock import iso, utcnow
from nightcrew.kernel.connections import store as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import ConnectionState
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.run import Run
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import counted, sentence
from nightcrew.music import clients, library, rules, servers, sources, upgrades
from nightcrew.music.libraries import LIBRARIES
from nightcrew.music.models import SyncRun, WantedEntry, WantedState
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures, listings, wanted
from nightcrew.music.upgrades import Upgrade
from nightcrew.music.wishes import SOURCES
from nightcrew.music.wishes.base import Plays, SourceList

JOB = "music.autosync"
LOOK = 3.0
"""Seconds between two looks at how far the tracks are."""
LONGEST = 16 * 3600.0
"""Seconds after which a run tells how far it has come. What is left goes on without it."""
PATIENCE = 300.0
"""Seconds for which slskd may be away before the run ends as partial. Its tracks go on when it is back."""
SOON = timedelta(minutes=30)
"""A track that is due within this time waits for the network or for slskd, and is not over."""
MOST_STORY = 300


_LIBRARY_NAMES = ("library", *(one.kind.name for one in LIBRARIES))


@dataclass(slots=True)
class Story:
    """What a run has done so far. It is stored after each step, so that it can be read while the run goes on."""

    id: str
    started_at: datetime
    services: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    status: str = "running"
    ended_at: datetime | None = None

    def say(self, kind: str, text: str) -> None:
        """One line of it."""
        if len(self.lines) < MOST_STORY:
            self.lines.append({"at": iso(utcnow()), "kind": kind, "text": text[:500]})

    async def save(self, runtime: Runtime) -> None:
        """Have it stored."""
        run = SyncRun(self.id, self.started_at, self.ended_at, self.status, self.services, self.counts, self.lines)
        await figures.save_run(runtime.store, run)
        runtime.bus.publish("music")


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a run would do: the tracks that it searches for, those that are on their way, and how many are left out and why.

    `owned`: all that the libraries have; `better`: those of them for which a better file is looked for.
    """

    search: list[WantedEntry]
    at_work: list[WantedEntry]
    owned: int
    skipped: int
    not_preferred: int
    better: list[Upgrade]


async def run(run: Run) -> dict[str, Any]:
    """The job. However it ends, what it has done is told."""
    try:
        return await _run(run)
    except NightcrewError as exc:
        await run.step("failed", _failed, run.runtime, run.id, str(exc))
        raise


async def _run(run: Run) -> dict[str, Any]:
    runtime = run.runtime
    began = await run.step("begin", _begin, runtime, run.id)
    services = await run.step("load", _load, runtime, run.id)
    services |= await run.step("scan", _scan, runtime, run.id)
    ids = await run.step("compare", _compare, runtime, run.id)
    services |= await run.step("work", _work, run, ids)
    return await run.step("end", _end, runtime, run.id, began, services)


async def plan(runtime: Runtime) -> SyncPlan:
    """What a run would do now. Nothing is asked of anybody, and nothing is changed."""
    options = runtime.settings.of(MusicSettings)
    entries = await wanted.unowned(runtime.store)
    owned = await library.owned_among(runtime, entries)
    now = await wanted.now(runtime.store)
    left = [one for one in entries if one.id not in owned and one.state is WantedState.MISSING]
    preferred = [one for one in left if rules.allowed_artist(one.artists, options.artist_preferences)]
    skipped = {one.id for one in preferred if _is_skipped(one, options.skip_threshold, now)}
    search = [one for one in preferred if one.id not in skipped]
    search.sort(key=lambda one: (one.failures, -one.priority, one.key))
    at_work = [one for one in entries if one.id not in owned and one.state in wanted.AT_WORK]
    there = len(owned) + (await wanted.counts(runtime.store)).get(WantedState.OWNED, 0)
    better = await upgrades.plan(runtime)
    return SyncPlan(search, at_work, there, len(skipped), len(left) - len(preferred), better)


def _is_skipped(one: WantedEntry, threshold: int, now: datetime) -> bool:
    return one.failures >= threshold and one.due_at is not None and one.due_at > now


async def _story(runtime: Runtime, run_id: str) -> Story:
    known = await figures.run_of(runtime.store, run_id)
    if known is None:
        return Story(run_id, utcnow())
    values = {key: value for key, value in asdict(known).items() if key != "story"}
    return Story(**values, lines=list(known.story))


async def _begin(runtime: Runtime, run_id: str) -> str:
    await figures.end_runs(runtime.store, but=run_id)
    story = await _story(runtime, run_id)
    story.say("autosync_started", "The run has begun.")
    await story.save(runtime)
    await runtime.activity.record("autosync_started", "Autosync has begun", subject=run_id[:200])
    return iso(story.started_at) or ""


async def _load(runtime: Runtime, run_id: str) -> dict[str, str]:
    """Read the lists of each service. One that is away leaves what it wanted as it was."""
    story, found = await _story(runtime, run_id), dict[str, str]()
    known = runtime.part(Connections)
    await sources.drop_gone(runtime)
    for source in SOURCES:
        name = source.kind.name
        for one in await known.of_kind(name):
            try:
                tracks, added, lists = await _take(runtime, one.id, await source.read(await known.line(one.id)))
            except NightcrewError as exc:
                found[name] = "failed"
                said = f"{one.name} could not be read: {exc}. What it wanted before stays"
                await _tell(runtime, story, name, "failed", said)
                continue
            found.setdefault(name, "ok")
            said = f"{one.name}: {counted(lists, 'list')} with {counted(tracks, 'track')}, {added} new"
            await _tell(runtime, story, name, "ok", said)
    story.services |= found
    await _note_plays(runtime, story, found)
    await story.save(runtime)
    return found


async def _note_plays(runtime: Runtime, story: Story, read: Mapping[str, str]) -> None:
    """Have what was played lately come first. Where that is not known of all services now, the order stays.

    `read`: how the lists of each kind were read.
    """
    known, played = runtime.part(Connections), list[Plays]()
    asked = [(source.plays, one) for source in SOURCES if source.plays for one in await known.of_kind(source.kind.name)]
    if "failed" in {read.get(one.kind) for _, one in asked}:
        return
    for plays, one in asked:
        try:
            played += await plays(await known.line(one.id))
        except NightcrewError as exc:
            await _tell(runtime, story, "plays", "failed", f"{one.name} does not say what was played: {exc}")
            return
    by_key, by_mbid = Counter[str](), Counter[str]()
    for each in played:
        by_key[each.key] += each.count
        if each.mbid:
            by_mbid[each.mbid] += each.count
    count = await listings.note_plays(runtime.store, by_key=by_key, by_mbid=by_mbid)
    if asked:
        story.say("plays_loaded", f"{counted(count, 'wanted track')} played in the last month.")


async def _take(runtime: Runtime, connection_id: int, lists: Sequence[SourceList]) -> tuple[int, int, int]:
    """Note what a service wants; returns how many tracks, how many of them new, in how many lists.

    An empty list forgets nothing. A list that the service does not name any more wants nothing, unless all that it names are empty.
    """
    tracks = added = 0
    named = set[str]()
    for each in lists:
        named.add(key := f"{sources.of(connection_id)}{each.key}"[:200])
        whole = each.whole and bool(each.tracks)
        taken = await listings.take(runtime.store, key, each.title, each.tracks, whole=whole, due=False)
        tracks, added = tracks + taken.tracks, added + taken.added
    if tracks:
        known = await listings.source_keys(runtime.store, sources.of(connection_id))
        await listings.drop(runtime.store, known - named)
    return tracks, added, sum(each.whole for each in lists)


async def _scan(runtime: Runtime, run_id: str) -> dict[str, str]:
    """Look at all libraries. While one of them is away, nothing is searched for: it may have it."""
    story, found = await _story(runtime, run_id), dict[str, str]()
    for kind, number, shown in await servers.connected(runtime):
        name = kind.kind.name
        try:
            counts = await servers.scan(runtime, kind, number)
        except NightcrewError as exc:
            found[name], said = "failed", f"{shown} could not be read: {exc}"
        else:
            found.setdefault(name, "ok")
            said = f"{shown} has {counted(counts.tracks, 'track')}"
        await _tell(runtime, story, "plex", found[name], said)
    if await library.is_used(runtime):
        try:
            seen = await library.scan_folder(runtime)
        except (NightcrewError, OSError) as exc:
            found["library"], said = "failed", f"the library could not be looked at: {exc}"
        else:
            found["library"], said = "ok", f"the library's folder has {counted(seen, 'track')}"
        await _tell(runtime, story, "plex", found["library"], sentence(said).rstrip("."))
    elif not found:
        found["library"] = "skipped"
        story.say("plex_unavailable", "There is no library on this machine yet.")
    story.services |= found
    await story.save(runtime)
    return found


async def _tell(runtime: Runtime, story: Story, service: str, state: str, said: str) -> None:
    """Say in the story and in the feed how a service was read."""
    kind = f"{service}_loaded" if state == "ok" else f"{service}_unavailable"
    story.say(kind, f"{said}.")
    await runtime.activity.record(kind, said, level="info" if state == "ok" else "warning")


async def _compare(runtime: Runtime, run_id: str) -> list[int]:
    """Note what is owned, and let the rest be searched for. Where the library is not known, nothing is fetched a second time."""
    story = await _story(runtime, run_id)
    await library.note_all_owned(runtime)
    read = {story.services.get(name) for name in _LIBRARY_NAMES}
    if "failed" in read:
        story.say("comparison_skipped", "Nothing is searched for, as it is not known what the library has.")
        await story.save(runtime)
        return []
    if "ok" in read:
        await library.note_lost(runtime)
    made = await plan(runtime)
    ids = [one.id for one in (*made.search, *made.at_work)]
    await wanted.make_due(runtime.store, ids, run=run_id)
    story.counts |= {"missing": len(ids), "skipped": made.skipped, "not_preferred": made.not_preferred}
    parts = [f"{counted(len(ids), 'track')} missing"]
    parts += [f"{made.skipped} skipped"] if made.skipped else []
    parts += [f"{made.not_preferred} of artists that are not preferred"] if made.not_preferred else []
    said = ", ".join(parts)
    story.say("comparison_complete", f"Compared: {said}.")
    if "failed" not in read and (begun := await upgrades.begin(runtime, made.better)):
        story.say("upgrades_begun", f"Looking for better files of {counted(begun, 'track')}.")
    await story.save(runtime)
    await runtime.activity.record("comparison_complete", f"Compared: {said}", missing=len(ids), skipped=made.skipped)
    return ids


async def _work(run: Run, ids: Sequence[int]) -> dict[str, str]:
    """Wait until each track is in the library or was tried in vain. What still waits when slskd stays away goes on later."""
    runtime = run.runtime
    if not ids:
        return {"soulseek": "skipped"}
    away_since: float | None = None
    deadline = asyncio.get_running_loop().time() + LONGEST
    while True:
        left = await wanted.open_in_run(runtime.store, run.id, soon=SOON)
        await run.progress(len(ids) - left, len(ids), f"{counted(left, 'track')} left")
        if not left:
            return {"soulseek": "ok"}
        clock = asyncio.get_running_loop().time()
        if clock >= deadline:
            return {"soulseek": "skipped"}
        away_since = None if await _soulseek_is_up(runtime) else away_since or clock
        if away_since is not None and clock - away_since >= PATIENCE:
            return {"soulseek": "failed"}
        await asyncio.sleep(LOOK)


async def _soulseek_is_up(runtime: Runtime) -> bool:
    found = await clients.slskd(runtime)
    if found is None:
        return False
    one = next((one for one in await connections.every(runtime.store) if one.id == found[0]), None)
    if one is None or one.standing.state is not ConnectionState.OK:
        return False
    try:
        return await found[1].online()
    except NightcrewError:
        return False


async def _failed(runtime: Runtime, run_id: str, reason: str) -> None:
    story = await _story(runtime, run_id)
    story.status, story.ended_at = "partial", utcnow()
    story.say("partial", f"The run ended with an error: {reason}.")
    await story.save(runtime)
    await runtime.activity.record("partial", f"Autosync ended with an error: {reason}", level="warning")


async def _end(runtime: Runtime, run_id: str, began: str, services: dict[str, str]) -> dict[str, Any]:
    story = await _story(runtime, run_id)
    rows = await wanted.of_run(runtime.store, run_id)
    downloaded = sum(row.state is WantedState.OWNED for row in rows)
    for row in rows:
        if row.state is not WantedState.OWNED and row.reason:
            story.say(row.cause.value if row.cause else row.state.value, f"{row.shown}: {row.reason}.")
    story.services |= services
    story.counts |= {"downloaded": downloaded, "left": len(rows) - downloaded}
    partial = "failed" in story.services.values()
    story.status, story.ended_at = ("partial" if partial else "completed"), utcnow()
    took = round((story.ended_at - story.started_at).total_seconds() * 1000)
    states = ", ".join(f"{name} {state}" for name, state in story.services.items()) or "nothing is connected"
    said = f"Autosync: {counted(downloaded, 'track')} downloaded, {len(rows) - downloaded} left; {states}"
    story.say("status_summary", f"{said}.")
    await story.save(runtime)
    await figures.put(
        runtime.store,
        {
            "metrics.autosync.downloaded": downloaded,
            "metrics.autosync.skipped": story.counts.get("skipped", 0),
            "metrics.autosync.duration_ms": took,
        },
    )
    await runtime.activity.record("status_summary", said, subject=run_id[:200], services=story.services)
    level = "warning" if partial else "info"
    await runtime.activity.record(story.status, said, level=level, subject=run_id[:200])
    return {"status": story.status, "services": story.services, "counts": story.counts, "began": began}
