"""Better files for tracks whose file Nightcrew has put into this machine's library folder, and whether one may take its place.

Nothing good makes room for something worse: the new file has to be better by the one order of files, worse in nothing, whole, and the same
recording; the old one goes when the new one is found in the library, and is kept for a while even then. What cannot be compared stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nightcrew.kernel.errors import Conflict
from nightcrew.kernel.runtime import Runtime
from nightcrew.listener.wire import Heard
from nightcrew.music import clients, fingerprints, library, quality, replacing, rules
from nightcrew.music.listening import Listeners, fpcalc
from nightcrew.music.models import LibraryTrack, TrackDownload, WantedEntry, WantedState
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import better, wanted
from nightcrew.music.store import library as library_rows
from nightcrew.music.verify import LENGTH_SECONDS, LENGTH_SHARE

PLACES = "folder:"
"""How the places of libraries' folders begin (`library.place_of`)."""
AGAIN, LONGEST = timedelta(days=7), timedelta(days=90)
"""When a better file is looked for again: later and later."""
CD_RATE = 44_100
"""Samples a second that are enough, whatever is there."""


class KeptFile(Exception):
    """The file that is there stays, by no fault of the one that was fetched. The text says why."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A wanted track that is owned, the file that is there, and what that is."""

    entry: WantedEntry
    track: LibraryTrack
    held: quality.HeldQuality

    @property
    def reason(self) -> str:
        """In words."""
        return f"looking for a better file; the library has {self.held.shown}"


async def plan(runtime: Runtime) -> list[Upgrade]:
    """For which tracks a better file would be looked for now, those first that are wanted most. Nothing is changed."""
    options = runtime.settings.of(MusicSettings)
    if not options.upgrade or options.beets_program or await clients.slskd(runtime) is None:
        return []
    room = options.upgrades_at_once - await better.upgrading(runtime.store)
    if room <= 0:
        return []
    goal = options.upgrade_goal()
    formats = goal.formats or quality.LOSSLESS
    files = await better.poor(runtime.store, library.place_of(runtime), goal, formats, room)
    entries = await wanted.of_ids(runtime.store, {one.wanted_id for one in files if one.wanted_id is not None})
    found: dict[int, Upgrade] = {}
    for track in files:
        entry = entries.get(track.wanted_id or 0)
        if entry is None or entry.id in found or not rules.allowed_artist(entry.artists, options.artist_preferences):
            continue
        one = Upgrade(entry, track, _held(track))
        beside = await library_rows.fetched_for(runtime.store, entry.id)
        if not any(quality.is_enough(_held(other), goal) for other in (track, *beside)):
            found[entry.id] = one
        if len(found) == room:
            break
    return list(found.values())


async def begin(runtime: Runtime, planned: Sequence[Upgrade]) -> int:
    """Let better files be looked for; returns for how many tracks."""
    begun = 0
    for one in planned:
        async with runtime.store.write() as connection:
            begun += await better.begin(connection, one.entry.id, one.track.id, one.reason)
    return begun


async def wanted_by_a_person(runtime: Runtime, entry: WantedEntry) -> Upgrade:
    """What is begun when a person asks for a better file of one track. Raises `Conflict` where none could be replaced."""
    if entry.state is not WantedState.OWNED:
        raise Conflict(f"{entry.shown} is {entry.state.value}; a better file is looked for when it is in the library")
    if runtime.settings.of(MusicSettings).beets_program:
        raise Conflict("beets puts files into the library, and replaces none; use it to import a better one")
    track = await file_of(runtime, entry)
    if track is None:
        raise Conflict(
            f"this machine's library folder has no file of {entry.shown} that Nightcrew has fetched, and it replaces no others"
        )
    return Upgrade(entry, track, _held(track))


async def file_of(runtime: Runtime, entry: WantedEntry) -> LibraryTrack | None:
    """The file in this machine's library folder that was fetched for an owned track; None where there is none."""
    if entry.state is not WantedState.OWNED:
        return None
    found = await library_rows.fetched_for(runtime.store, entry.id)
    return next((one for one in found if one.place == library.place_of(runtime)), None)


async def give_up(runtime: Runtime, entry: WantedEntry, reason: str) -> None:
    """None was found, or none that may take the place of what is there: the track is owned as before."""
    pause = min(LONGEST, AGAIN * 2 ** min(entry.skips, 10))
    async with runtime.store.write() as connection:
        await better.end(connection, entry, f"in the library; no better file: {reason}", pause)
    runtime.bus.publish("music")


async def held(runtime: Runtime, entry: WantedEntry) -> quality.HeldQuality | None:
    """What is there of a track for which a better file is looked for; None when it is gone, or none is looked for."""
    track = await replaced_by(runtime, entry)
    return None if track is None else _held(track)


async def replaced_by(runtime: Runtime, entry: WantedEntry) -> LibraryTrack | None:
    """The track of the library that makes room for the file that is fetched; None when there is none."""
    track = None if entry.replaces is None else await library_rows.get(runtime.store, entry.replaces)
    return track if track is not None and track.wanted_id == entry.id and track.place.startswith(PLACES) else None


async def problem_of(runtime: Runtime, track: LibraryTrack, row: TrackDownload, path: Path, heard: Heard) -> str:
    """Why a file that is whole and the right one by its names may not take the place of what is there; empty when it may.

    Raises `KeptFile` where what is there cannot be compared with it.
    """
    old = library.root_of(runtime) / track.key
    listeners = runtime.part(Listeners)
    known = await listeners.hear(old)
    if known.failed or known.decoded <= 0:
        raise KeptFile(f"the file in the library cannot be compared with it: {known.failed or 'it has no sound'}")
    new_quality, old_quality = (
        quality.heard(one.codec, name, one.bitrate_of_sound) for one, name in ((heard, row.path), (known, track.key))
    )
    if not quality.improves(new_quality, old_quality, runtime.settings.of(MusicSettings).quality()):
        return f"it is {new_quality.shown}, and no better than what is there ({old_quality.shown})"
    if heard.channels < known.channels or heard.rate < min(known.rate, CD_RATE):
        return f"it has {heard.channels} channels at {heard.rate} Hz, and what is there has {known.channels} at {known.rate}"
    if abs(heard.decoded - known.decoded) > max(LENGTH_SECONDS, LENGTH_SHARE * known.decoded):
        return f"it has another length than what is there: {heard.decoded:.0f} s instead of {known.decoded:.0f}"
    return await _unlike(listeners, path, old)


async def _unlike(listeners: Listeners, path: Path, old: Path) -> str:
    """Why a file does not sound like what is there; empty when it does, or when nothing here can tell."""
    if not fpcalc():
        return ""
    prints = [await listeners.fingerprint(one) for one in (path, old)]
    if failed := next((one.failed for one in prints if one.failed), ""):
        raise KeptFile(f"it cannot be told whether both sound the same: {failed}")
    differ = fingerprints.difference(prints[0].words, prints[1].words)
    return "it does not sound like what is there" if differ is not None and differ > fingerprints.SAME else ""


async def put_back(runtime: Runtime, row: TrackDownload) -> Path | None:
    """The better file was the wrong song: the one that it replaced is put back, and it goes. None when that is not kept any more.

    May be said again where it was interrupted. Raises `Conflict` where the new file has changed since, or the old one cannot be put back.
    """
    root, new, place = library.root_of(runtime), Path(row.library_path), library.place_of(runtime)
    try:
        back = await asyncio.to_thread(_put_back, root, row, new)
    except (OSError, ValueError) as exc:
        raise Conflict(f"{row.replaced} cannot be put back: {exc}") from exc
    if back is None:
        return None
    if new != back:
        await library_rows.drop(runtime.store, place, {library.key_of(runtime, new)})
    await library.add_file(runtime, back, row.wanted_id)
    return back


def _put_back(root: Path, row: TrackDownload, new: Path) -> Path | None:
    kept = (root / row.replaced).is_file()
    original = root / replacing.original_of(row.replaced)
    if not kept and original == new and new.is_file() and new.stat().st_size != row.size:
        return original  # it was put back before
    if kept and new.is_file() and new.stat().st_size != row.size:
        raise Conflict(f"{new} has changed since it was put there; remove it yourself, then say it again")
    return replacing.restore(root, row.replaced, new)


def _held(track: LibraryTrack) -> quality.HeldQuality:
    return quality.held(track.key, track.size, track.seconds)
