"""Puts a file into the library: whole or not at all, and never over another one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path

from nightcrew.kernel import files
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.path_names import MAX_BYTES
from nightcrew.music import naming
from nightcrew.music.models import WantedEntry

NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What says that a second name cannot be given there: another file system, or one without links."""
MOST_COPIES = 20
"""Files with the same name in the library, of which a new one is told apart by a number."""


def free_place(root: Path, template: str, entry: WantedEntry, ending: str) -> Path:
    """A path that nothing has. Raises `Retry` where too many have it."""
    return free(root / naming.place_of(template, entry.track(), ending, files.longest_name(root, MAX_BYTES)))


def free(place: Path) -> Path:
    """This path, or one beside it that nothing has. Raises `Retry` where too many have it."""
    for number in range(1, MOST_COPIES):
        one = place if number == 1 else place.with_name(f"{place.stem} ({number}){place.suffix}")
        if not os.path.lexists(one):
            return one
    raise Retry(f"{place} is there {MOST_COPIES} times")


def is_done(place: str, size: int) -> bool:
    """Whether the file is at its place already: what has its name there is of its size."""
    with contextlib.suppress(OSError):
        return bool(place) and Path(place).stat().st_size == size
    return False


def put(source: Path, place: Path, *, keep: bool) -> None:
    """Have the file at `place`, whole or not at all, and never over another one. Raises OSError.

    On one file system it gets a second name before it loses the first; elsewhere it is copied.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if not keep:
        try:
            os.link(source, place)
        except OSError as exc:
            if exc.errno not in NO_LINKS:
                raise
        else:
            source.unlink()
            return
    whole = place.with_name(f"{place.name}{files.TEMPORARY}{secrets.token_hex(4)}")
    try:
        with source.open("rb") as given, files.replacing(whole, shared=True) as out:
            shutil.copyfileobj(given, out, 1 << 20)
        _give_name(whole, place)
    finally:
        whole.unlink(missing_ok=True)
    if not keep:
        source.unlink()


def _give_name(whole: Path, place: Path) -> None:
    """Let a whole file have its name, if nothing has it. Raises FileExistsError."""
    try:
        os.link(whole, place)
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # the name is ours from here on
        whole.replace(place)
