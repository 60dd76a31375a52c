"""Files of the library that a better one takes the place of. The old one is kept for a while, and can be put back.

At no moment is neither of them there: the old one has a second name before the new one gets the first.
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
"""Below the library's root: old files, in a folder for each day. Media servers pass hidden folders over."""
IGNORED = (".ignore", ".nomedia", ".plexignore")
"""Empty files by which those that do not are told to."""


def kept_at(day: date, key: str) -> PurePosixPath:
    """Where below the root the file with this key is kept that is replaced on this day."""
    return KEPT / day.isoformat() / key


def original_of(kept: str) -> PurePosixPath:
    """The key that a kept file had. Raises ValueError for what is no place of a kept file."""
    path = PurePosixPath(kept)
    if not path.is_relative_to(KEPT) or len(path.parts) < len(KEPT.parts) + 2 or ".." in path.parts:
        raise ValueError(f"{kept} is no place of a replaced file")
    return PurePosixPath(*path.parts[len(KEPT.parts) + 1 :])


def keep(root: Path, key: str, kept: PurePosixPath) -> None:
    """Give the file a second name among those that are kept, or copy it there. Done before, it is left alone. Raises OSError."""
    place = root / kept
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    for name in IGNORED:
        (root / KEPT / name).touch()
    try:
        os.link(root / key, place)
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        with (root / key).open("rb") as given, files.replacing(place, shared=True) as out:
            shutil.copyfileobj(given, out, 1 << 20)


def put_over(source: Path, place: Path, *, keep: bool) -> None:
    """Let a file have the name of another one, which `keep` of this module has kept: whole or not at all. Raises OSError."""
    with source.open("rb") as given, files.replacing(place, shared=True) as out:
        shutil.copyfileobj(given, out, 1 << 20)
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


def restore(root: Path, kept: str) -> Path | None:
    """Put a kept file back where it was; None when it is not kept any more, or something else has its place.

    Raises OSError, ValueError.
    """
    place = root / original_of(kept)
    if not (root / kept).is_file():
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(root / kept, place)
    except FileExistsError:
        return None
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        if place.exists():
            return None
        with (root / kept).open("rb") as given, files.replacing(place, shared=True) as out:
            shutil.copyfileobj(given, out, 1 << 20)
    (root / kept).unlink()
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
