"""The library of this machine: a folder that is looked at file by file, and what is found in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.runtime import Runtime
from nightcrew.listener.wire import TagsRead
from nightcrew.music.listening import Listeners
from nightcrew.music.matching.paths import read_name
from nightcrew.music.models import LibraryTrack, WantedEntry, WantedState
from nightcrew.music.owned import owned, title_key
from nightcrew.music.quality import AUDIO, format_of
from nightcrew.music.settings import MusicSettings
from nightcrew.music.store import library as rows
from nightcrew.music.store import wanted

FOLDER = "music"
"""The library's folder in the data directory, unless a setting names another."""
MOST_FILES = 1_000_000
CHUNK = 200
"""Files whose tags are stored at a time."""


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


async def scan_folder(runtime: Runtime) -> int:
    """Look at all files of the folder; returns how many there are. Only tags of new and changed ones are read. Raises `NeedsUser`."""
    root, place = await asyncio.to_thread(usable_root, runtime), place_of(runtime)
    known = await rows.known_files(runtime.store, place)
    number = await rows.last_scan(runtime.store, place) + 1
    files = await asyncio.to_thread(lambda: list(_walk(root)))
    same = [key for key, size, changed in files if known.get(key) == (size, changed)]
    new = [one for one in files if known.get(one[0]) != (one[1], one[2])]
    if known and not files:
        raise NeedsUser(f"the music library {root} is empty, and had {len(known)} tracks; is its disk mounted?")
    await rows.seen(runtime.store, place, same, number)
    for start in range(0, len(new), CHUNK):
        await _read(runtime, root, place, new[start : start + CHUNK], number)
    await rows.drop_unseen(runtime.store, place, number)
    return len(files)


async def add_file(runtime: Runtime, path: Path, wanted_id: int) -> None:
    """Find one file in the library that was just put there. Raises OSError when it is not there."""
    root, place = root_of(runtime), place_of(runtime)
    stat = await asyncio.to_thread(path.stat)
    key = str(path.relative_to(root))
    number = await rows.last_scan(runtime.store, place)
    await _read(runtime, root, place, [(key, stat.st_size, stat.st_mtime)], number, wanted_id=wanted_id)


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


def _walk(root: Path) -> Iterator[tuple[str, int, float]]:
    """(path below the root, bytes, time of change) of each file of music. Links are not followed out of the folder."""
    count = 0
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or format_of(name) not in AUDIO:
                continue
            path = Path(parent, name)
            try:
                stat = path.lstat()
            except OSError:
                continue
            yield str(path.relative_to(root)), stat.st_size, stat.st_mtime
            count += 1
            if count >= MOST_FILES:
                return


async def _read(
    runtime: Runtime,
    root: Path,
    place: str,
    files: Sequence[tuple[str, int, float]],
    scan: int,
    *,
    wanted_id: int | None = None,
) -> None:
    found: list[dict[str, Any]] = []
    about = {str(root / key): (key, size, changed) for key, size, changed in files}
    async for tags in runtime.part(Listeners).tags([Path(path) for path in about]):
        key, size, changed = about[tags.path]
        row = _row(tags, key)
        found.append({**row, "place": place, "size": size, "changed": changed, "scan": scan, "wanted_id": wanted_id})
    await rows.put(runtime.store, found)


def _row(tags: TagsRead, key: str) -> dict[str, Any]:
    """A track by its tags; what they lack is read from its path: artist / album / number title."""
    *folders, name = Path(key).parts
    title = tags.title or " - ".join(read_name(name).pieces) or name
    artist = tags.artist or tags.albumartist or (folders[0] if folders else "")
    album = tags.album or (folders[-1] if len(folders) > 1 else "")
    return {
        "key": key[:2000],
        "title": title[:500],
        "artist": artist[:500],
        "album": album[:500],
        "seconds": tags.seconds,
        "isrc": tags.isrc.replace("-", "").upper(),
        "mbid": tags.mbid.lower(),
        "title_key": title_key(title),
    }
