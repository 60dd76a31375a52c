"""Better files for tracks of the library's folder: which are looked for, and whether one may take the place of what is there.

Nothing good makes room for something worse: the new file has to be better by the one order of files, whole, and the same recording;
the old one goes when the new one is found in the library, and is kept for a while even then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.runtime import Runtime
from nightcrew.listener.wire import Heard
from nightcrew.music import clients, fingerprints, library, quality, replacing
from nightcrew.music.listening import Listeners, fpcalc
from nightcrew.music.models import LibraryTrack, TrackDownload, WantedEntry, WantedState
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import better, wanted
from nightcrew.music.store import library as library_rows

PLACES = "folder:"
"""How the places of libraries' folders begin (`library.place_of`)."""
AGAIN, LONGEST = timedelta(days=7), timedelta(days=90)
"""When a better file is looked for again: later and later."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A wanted track that is owned, the file that is there, and what that is."""

    entry: WantedEntry
    track: LibraryTrack
    held: quality.HeldQuality

    @property
    def reason(self) -> str:
        """In words."""
        return f"a better file is looked for; the library has {self.held.shown}"


async def plan(runtime: Runtime) -> list[Upgrade]:
    """For which tracks a better file would be looked for now, those first that are wanted most. Nothing is changed.

    A file that a person has put there is replaced only where fingerprints can tell that the new one is the same recording.
    """
    options = runtime.settings.of(MusicSettings)
    if not options.upgrade or options.beets_program or await clients.slskd(runtime) is None:
        return []
    room = options.upgrades_at_once - await better.upgrading(runtime.store)
    if room <= 0:
        return []
    files = await better.with_files(runtime.store, PLACES)
    poor = await asyncio.to_thread(_poor, files, options.upgrade_goal())
    entries = await wanted.of_ids(runtime.store, [owner for owner, _ in poor[:room]])
    found = [Upgrade(entries[owner], track, _held(track)) for owner, track in poor[:room] if owner in entries]
    if len(found) < room and fpcalc():
        found += await _by_name(runtime, options.upgrade_goal(), room - len(found))
    return found


async def begin(runtime: Runtime) -> int:
    """Let better files be looked for; returns for how many tracks."""
    begun = 0
    for one in await plan(runtime):
        begun += await better.begin(runtime.store, one.entry.id, one.track.id, one.reason)
    return begun


async def begin_one(runtime: Runtime, entry: WantedEntry) -> bool:
    """A person asks for a better file than the one that the library's folder has. Raises `Conflict` where it has none."""
    if entry.state is not WantedState.OWNED:
        raise Conflict(f"{entry.shown} is {entry.state.value}; a better file is looked for when it is in the library")
    if runtime.settings.of(MusicSettings).beets_program:
        raise Conflict("beets puts files into the library, and replaces none; use it to import a better one")
    track = await file_of(runtime, entry)
    if track is None:
        named = (await library.owned_among(runtime, [entry])).get(entry.id)
        track = named if named is not None and named.place == library.place_of(runtime) else None
    if track is None:
        raise Conflict(f"no library folder has a file of {entry.shown} that could be replaced")
    return await better.begin(runtime.store, entry.id, track.id, Upgrade(entry, track, _held(track)).reason)


async def file_of(runtime: Runtime, entry: WantedEntry) -> LibraryTrack | None:
    """The file in a library's folder that was fetched for an owned track; None where there is none."""
    if entry.state is not WantedState.OWNED:
        return None
    found = await library_rows.fetched_for(runtime.store, entry.id)
    return next((one for one in found if one.place.startswith(PLACES)), None)


async def put_back(runtime: Runtime, row: TrackDownload, root: Path) -> Path | None:
    """The better file was the wrong song and is gone: the one that it replaced is put back; None when it is not kept any more."""
    try:
        back = await asyncio.to_thread(replacing.restore, root, row.replaced)
    except (OSError, ValueError) as exc:
        raise Conflict(f"{row.replaced} cannot be put back: {exc}") from exc
    if back is None:
        return None
    place = library.place_of(runtime)
    if Path(row.library_path) != back:
        await library_rows.drop(runtime.store, place, {library.key_of(runtime, Path(row.library_path))})
    await library.add_file(runtime, back, row.wanted_id)
    return back


async def give_up(runtime: Runtime, entry: WantedEntry, reason: str) -> None:
    """None was found, or none that may take the place of what is there: the track is owned as before."""
    pause = min(LONGEST, AGAIN * 2 ** min(entry.skips, 10))
    await better.end(runtime.store, entry, f"in the library; no better file was found: {reason}", pause)
    runtime.bus.publish("music")


async def held(runtime: Runtime, entry: WantedEntry) -> quality.HeldQuality | None:
    """What is there of a track for which a better file is looked for; None when it is gone, or none is looked for."""
    track = await replaced_by(runtime, entry)
    return None if track is None else _held(track)


async def replaced_by(runtime: Runtime, entry: WantedEntry) -> LibraryTrack | None:
    """The track of the library that makes room for the file that is fetched; None when there is none."""
    return None if entry.replaces is None else await library_rows.get(runtime.store, entry.replaces)


async def problem_of(runtime: Runtime, track: LibraryTrack, row: TrackDownload, path: Path, heard: Heard) -> str:
    """Why a file that is whole and the right one by its names may not take the place of what is there; empty when it may."""
    old = library.root_of(runtime) / track.key
    listeners = runtime.part(Listeners)
    known = await listeners.hear(old)
    if known.failed or known.decoded <= 0:
        return ""  # what is there cannot be played
    sizes = [(await asyncio.to_thread(one.stat)).st_size for one in (path, old)]
    new_quality = quality.held(row.path, sizes[0], heard.decoded)
    old_quality = quality.held(track.key, sizes[1], known.decoded)
    if not quality.improves(new_quality, old_quality, runtime.settings.of(MusicSettings).quality()):
        return f"it is {new_quality.shown}, and no better than what is there ({old_quality.shown})"
    prints = [await listeners.fingerprint(one) for one in (path, old)]
    differ = fingerprints.difference(prints[0].words, prints[1].words)
    if differ is None:
        ours = track.wanted_id == row.wanted_id
        return "" if ours else "it cannot be told whether it is the same recording as what is there"
    return "it does not sound like what is there" if differ > fingerprints.SAME else ""


def _held(track: LibraryTrack) -> quality.HeldQuality:
    return quality.held(track.key, track.size, track.seconds)


def _poor(files: list[tuple[int, LibraryTrack]], goal: quality.UpgradeGoal) -> list[tuple[int, LibraryTrack]]:
    """Those whose file is not good enough. A track that has a good one in any folder is left alone."""
    done = {owner for owner, track in files if quality.is_enough(_held(track), goal)}
    first = {owner: track for owner, track in reversed(files) if owner not in done}
    return [(owner, first[owner]) for owner in dict.fromkeys(owner for owner, _ in files) if owner in first]


async def _by_name(runtime: Runtime, goal: quality.UpgradeGoal, room: int) -> list[Upgrade]:
    """Those whose file is a person's own. Only the folder of this machine counts: here is who compares how they sound."""
    found: list[Upgrade] = []
    after, place = 0, library.place_of(runtime)
    while len(found) < room and (
        entries := await wanted.owned_by_name(runtime.store, after=after, limit=library.COMPARED)
    ):
        after = entries[-1].id
        entries = await better.may_be_better(runtime.store, entries)
        tracks = await library.owned_among(runtime, entries)
        for entry in entries:
            track = tracks.get(entry.id)
            if track is not None and track.place == place and not quality.is_enough(_held(track), goal):
                found.append(Upgrade(entry, track, _held(track)))
    return found[:room]
