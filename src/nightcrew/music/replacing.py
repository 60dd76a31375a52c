"""Files of the library that a better one takes the place of. The old one is kept for a while, and can be put back.

At no moment is neither of them there: the old one has a second name before the new one gets the first, and the other way round when it
is put back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import date
from pathlib import Path, PurePosixPath

from nightcrew.kernel import files
from nightcrew.music.placing import NO_LINKS

KEPT = PurePosixPath(".nightcrew/replaced")
"""Below the library's root: old files, in a folder for each day and each download. Media servers pass hidden folders over."""
IGNORED = {".ignore": "", ".nomedia": "", ".plexignore": "*\n"}
"""Files by which those that do not are told to."""
_ABOVE = len(KEPT.parts) + 2
"""Folders above the key that a kept file had: the day's and the download's."""


def kept_at(day: date, download: int, key: str) -> PurePosixPath:
    """Where below the root the file with this key is kept that a download has replaced on this day."""
    return KEPT / day.isoformat() / str(download) / key


def original_of(kept: str) -> PurePosixPath:
    """The key that a kept file had. Raises ValueError for what is no place of a kept file."""
    path = PurePosixPath(kept)
    if not path.is_relative_to(KEPT) or len(path.parts) <= _ABOVE or ".." in path.parts:
        raise ValueError(f"{kept} is no place of a replaced file")
    return PurePosixPath(*path.parts[_ABOVE:])


def keep(root: Path, key: str, kept: PurePosixPath) -> None:
    """Give the file a second name among those that are kept, or copy it there. Done before, it is left alone. Raises OSError."""
    place = root / kept
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    for name, text in IGNORED.items():
        (root / KEPT / name).write_text(text)
    try:
        os.link(root / key, place, follow_symlinks=False)
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        _copy(root / key, place)


def put_over(source: Path, place: Path, *, keep: bool) -> None:
    """Let a file have the name of another one, which `keep` of this module has kept: whole or not at all. Raises OSError."""
    _copy(source, place)
    if not keep:
        source.unlink()


def retire(root: Path, kept: str) -> str:
    """Take the old file's own name away, as the new one has another; returns its key. Not while no other name of it is left.

    Raises OSError, ValueError.
    """
    key = original_of(kept)
    if (root / kept).is_file():
        (root / key).unlink(missing_ok=True)
    return str(key)


def undo(root: Path, kept: str, new: Path) -> None:
    """Have it as it was before a new file was put into the library, while the old one has not lost its name. Raises OSError, ValueError."""
    place = root / original_of(kept)
    if place == new:
        restore(root, kept, new)
    elif place.is_file():
        new.unlink(missing_ok=True)


def restore(root: Path, kept: str, new: Path) -> Path | None:
    """Put a kept file back where it was, and remove the `new` one that had its place; None when it is not kept any more.

    Done before, it is done. Raises OSError, ValueError, FileExistsError where something else has its place.
    """
    place, source = root / original_of(kept), root / kept
    if not source.is_file():
        return place if place != new and place.is_file() else None
    if place == new:
        source.replace(place)
        return place
    if os.path.lexists(place):
        raise FileExistsError(f"something else is at {place}")
    place.parent.mkdir(parents=True, exist_ok=True)
    source.rename(place)
    new.unlink(missing_ok=True)
    return place


def forget(root: Path, before: date) -> int:
    """Remove the files that were replaced before this day; returns how many."""
    gone = 0
    with contextlib.suppress(OSError):
        for folder in sorted((root / KEPT).iterdir()):
            with contextlib.suppress(ValueError, OSError):
                if folder.is_dir() and not folder.is_symlink() and date.fromisoformat(folder.name) < before:
                    gone += sum(path.is_file() for path in folder.rglob("*"))
                    shutil.rmtree(folder)
    return gone


def _copy(source: Path, place: Path) -> None:
    with source.open("rb") as given, files.replacing(place, shared=True) as out:
        shutil.copyfileobj(given, out, 1 << 20)
