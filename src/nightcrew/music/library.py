"""The library of this machine: a folder that is looked at file by file, and what is found in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nightcrew.kernel.errors import NeedsUser, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.words import plain
from nightcrew.listener.wire import TagsRead
from nightcrew.music.listening import Listeners
from nightcrew.music.matching.paths import read_name
from nightcrew.music.models import LibraryTrack, WantedEntry, WantedState
from nightcrew.music.owned import owned, title_key
from nightcrew.music.quality import AUDIO, format_of
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import figures, wanted
from nightcrew.music.store import library as rows

FOLDER = "music"
"""The library's folder in the data directory, unless a setting names another."""
MOST_FILES = 1_000_000
COMPARED = 2_000
"""Wanted tracks that are compared at a time."""
SHRINKS = 0.5
"""A library that has less than this share of what it had is not believed: its disk may not be mounted."""
GONE_FOR = timedelta(days=1)
"""How long no library has to have a track until it is missing again: one that is being set up anew has little for a while."""
LOST_AT_ONCE, LOST_SHARE = 20, 0.02
"""More tracks than this, and than this share of what is owned, are not missing again at once: a disk or a server may be away."""
GONE = "gone"
"""What a person accepts so that they are."""
HELD = "library.gone.held"
CHUNK = 200
"""Files whose tags are stored at a time."""


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file of music. `key`: its path below the library, as text; `changed`: in seconds since 1970."""

    key: str
    path: Path
    size: int
    changed: float


@dataclass(slots=True)
class FolderContent:
    """What lies in a folder. `problem`: what could not be read of it."""

    files: list[LibraryFile]
    problem: str


def place_of(runtime: Runtime) -> str:
    """What the tracks of this machine's folder are stored under."""
    return f"folder:{runtime.node}"[:120]


def root_of(runtime: Runtime) -> Path:
    """The library's folder by the settings."""
    given = runtime.settings.of(MusicSettings).library
    return Path(given).expanduser() if given else runtime.data_dir / FOLDER


async def is_used(runtime: Runtime) -> bool:
    """Whether there is a folder: one that a person has named, or one in the data directory in which something lies."""
    return bool(runtime.settings.of(MusicSettings).library) or await asyncio.to_thread(root_of(runtime).is_dir)


def usable_root(runtime: Runtime) -> Path:
    """The library's folder, which is made when it is the one in the data directory. Raises `NeedsUser`.

    One that a person has named is not made: where it is missing, its disk is not mounted.
    """
    root = root_of(runtime)
    try:
        if not runtime.settings.of(MusicSettings).library:
            root.mkdir(parents=True, exist_ok=True)
        if not root.is_dir():
            raise NeedsUser(
                f"the music library {root} is not there; is its disk mounted? See the setting music.library"
            )
    except OSError as exc:
        raise NeedsUser(
            f"the music library {root} cannot be used: {exc.strerror}; see the setting music.library"
        ) from exc
    return root


async def check_mounted(runtime: Runtime, root: Path) -> None:
    """Raises `NeedsUser` for a folder that is empty and had tracks: its disk is not mounted, and what is put there is lost."""
    _, _, known = await rows.counted(runtime.store, place_of(runtime))
    if known and not await asyncio.to_thread(lambda: any(root.iterdir())):
        raise NeedsUser(f"the music library {root} is empty, and had {known} tracks; is its disk mounted?")


async def scan_folder(runtime: Runtime) -> int:
    """Look at all files of the folder; returns how many there are. Only tags of new and changed ones are read.

    What is gone is forgotten, unless some of the folder could not be read, or most of it is gone. Raises `NeedsUser`.
    """
    root, place = await asyncio.to_thread(usable_root, runtime), place_of(runtime)
    known = await rows.known_files(runtime.store, place)
    found = await asyncio.to_thread(_walk, root)
    if len(found.files) < SHRINKS * len(known) and not await is_accepted(runtime, place):
        raise NeedsUser(
            f"the music library {root} has {len(found.files)} tracks, and had {len(known)}; is its disk mounted? Nothing was "
            f"forgotten. If it is right: nightcrew music accept {place}"
        )
    new = [one for one in found.files if known.get(one.key) != (one.size, one.changed)]
    for start in range(0, len(new), CHUNK):
        await _read(runtime, place, new[start : start + CHUNK])
    if found.problem:
        raise NeedsUser(f"some of the music library {root} cannot be read: {found.problem}. Nothing was forgotten")
    await rows.drop(runtime.store, place, known.keys() - {one.key for one in found.files})
    return len(found.files)


async def is_accepted(runtime: Runtime, place: str) -> bool:
    """Whether a person has said that a library really has so little. It holds once."""
    key = f"library.{place}.accepted"
    accepted = bool((await figures.every(runtime.store)).get(key))
    if accepted:
        await figures.put(runtime.store, {key: False})
    return accepted


def key_of(runtime: Runtime, path: Path) -> str:
    """What the track of a file is stored under in this machine's folder. Raises ValueError for one that is not in it."""
    return _shown(path.relative_to(root_of(runtime)))


async def add_file(runtime: Runtime, path: Path, wanted_id: int) -> None:
    """Find one file in the library that was just put there. Raises OSError when it is not there, and `NeedsUser`."""
    stat = await asyncio.to_thread(path.stat)
    try:
        key = key_of(runtime, path)
    except ValueError as exc:
        raise NeedsUser(
            f"{path} was put into the library that music.library named then, and is not in {root_of(runtime)}; move it there"
        ) from exc
    one = LibraryFile(key, path, stat.st_size, stat.st_mtime)
    await _read(runtime, place_of(runtime), [one], wanted_id=wanted_id)


async def has(runtime: Runtime, entry: WantedEntry) -> bool:
    """Whether a library has a wanted track; it is noted then, and nothing is fetched."""
    return bool(await note_owned(runtime, [entry]))


async def owned_among(runtime: Runtime, entries: Sequence[WantedEntry]) -> dict[int, LibraryTrack]:
    """Which of these tracks the libraries have."""
    tracks = {entry.id: entry.track() for entry in entries}
    keys = await asyncio.to_thread(lambda: {title_key(track.title) for track in tracks.values()})
    isrcs = {code for track in tracks.values() for code in (track.isrc, track.isrc.replace("-", "").upper())}
    library = await rows.candidates(
        runtime.store, keys=keys, isrcs=isrcs, mbids={track.mbid.lower() for track in tracks.values()}
    )
    return await asyncio.to_thread(owned, tracks, library)


async def note_all_owned(runtime: Runtime) -> None:
    """Compare all that is wanted with the libraries, some at a time."""
    after = 0
    while entries := await wanted.unowned(runtime.store, after=after, limit=COMPARED):
        await note_owned(runtime, entries)
        after = entries[-1].id


async def note_owned(runtime: Runtime, entries: Sequence[WantedEntry]) -> set[int]:
    """Compare tracks with the libraries, and note those that are there; returns their ids."""
    found = await owned_among(runtime, entries)
    apart = set(WantedState) - {WantedState.OWNED, WantedState.DOWNLOADING}
    for wanted_id, one in found.items():
        reason = f"in the library as {one.artist} - {one.title}"
        await wanted.move(
            runtime.store,
            wanted_id,
            since=apart,
            state=WantedState.OWNED,
            reason=reason,
            cause=None,
            failures=0,
            skips=0,
        )
    return set(found)


async def note_lost(runtime: Runtime) -> None:
    """Let tracks be missing again that no library has had for a day. The caller has just read all libraries.

    What was fetched for a track and is still there is it, whatever its names say, and so is what a person has chosen. Where too many are
    lost at once, all of them stay owned until a person accepts it.
    """
    await wanted.unmark_gone(runtime.store)
    after = 0
    while entries := await wanted.owned_by_name(runtime.store, after=after, limit=COMPARED):
        found = await owned_among(runtime, entries)
        for entry in entries:
            if entry.due_at is not None and (one := found.get(entry.id)) is not None:
                since, reason = {WantedState.OWNED}, f"in the library as {one.artist} - {one.title}"
                await wanted.move(runtime.store, entry.id, since=since, reason=reason)
        gone = [entry.id for entry in entries if entry.id not in found]
        await wanted.note_gone(runtime.store, gone, after=GONE_FOR)
        after = entries[-1].id
    now = await wanted.now(runtime.store)
    lost = await wanted.count_lost(runtime.store, now)
    all_owned = (await wanted.counts(runtime.store)).get("owned", 0)
    if lost > max(LOST_AT_ONCE, LOST_SHARE * all_owned):
        await figures.put(runtime.store, {HELD: {"tracks": lost, "at": now.isoformat()}})
        return
    await figures.put(runtime.store, {HELD: None})
    await wanted.miss_lost(runtime.store, now)


async def held(runtime: Runtime) -> int:
    """How many tracks no library has any more that are not missing until a person accepts it."""
    told = (await figures.every(runtime.store)).get(HELD)
    return await wanted.count_lost(runtime.store, datetime.fromisoformat(told["at"])) if told else 0


async def accept_gone(runtime: Runtime) -> int:
    """The tracks that were held back really are gone: they, and no others, are missing again. Raises `NotFound`."""
    told = (await figures.every(runtime.store)).get(HELD)
    if not told:
        raise NotFound("no tracks are held back")
    await figures.put(runtime.store, {HELD: None})
    return await wanted.miss_lost(runtime.store, datetime.fromisoformat(told["at"]))


def _walk(root: Path) -> FolderContent:
    """Each file of music. Links are not followed out of the folder."""
    found = FolderContent([], "")

    def failed(exc: OSError) -> None:
        found.problem = found.problem or f"{exc.filename}: {exc.strerror}"

    for parent, folders, names in os.walk(root, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or format_of(name) not in AUDIO:
                continue
            path = Path(parent, name)
            try:
                stat = path.lstat()
            except FileNotFoundError:
                continue
            except OSError as exc:
                failed(exc)
                continue
            found.files.append(LibraryFile(_shown(path.relative_to(root)), path, stat.st_size, stat.st_mtime))
            if len(found.files) >= MOST_FILES:
                return found
    return found


def _shown(path: Path) -> str:
    """A path as text: names of files may be no text at all."""
    return os.fsencode(path).decode("utf-8", "replace")


async def _read(runtime: Runtime, place: str, files: Sequence[LibraryFile], *, wanted_id: int | None = None) -> None:
    made: list[dict[str, Any]] = []
    about = {str(one.path): one for one in files}
    async for tags in runtime.part(Listeners).tags([one.path for one in files]):
        one = about[tags.path]
        values = {"place": place, "size": one.size, "changed": one.changed, "wanted_id": wanted_id}
        made.append({**_row(tags, one.key), **values})
    await rows.put(runtime.store, made)


def _row(tags: TagsRead, key: str) -> dict[str, Any]:
    """A track by its tags; what they lack is read from its path: artist / album / number title."""
    *folders, name = Path(key).parts
    title = plain(tags.title) or " - ".join(read_name(name).pieces) or name
    artist = plain(tags.artist or tags.albumartist) or (folders[0] if folders else "")
    album = plain(tags.album) or (folders[-1] if len(folders) > 1 else "")
    return {
        "key": key[:2000],
        "title": title[:500],
        "artist": artist[:500],
        "album": album[:500],
        "seconds": tags.seconds,
        "isrc": plain(tags.isrc).replace("-", "").upper()[:20],
        "mbid": plain(tags.mbid).lower()[:40],
        "title_key": title_key(title),
    }
