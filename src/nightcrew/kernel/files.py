"""Files that are whole or absent: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from nightcrew.disks import synced

MAX_NAME_BYTES = 160
"""File systems take 255; the rest is for what is put around the name."""
TEMPORARY = ".tmp-"
"""Part of the name of every file that is still being written."""
JUST_BEGUN = 1.0
"""Seconds within which a writer says that it writes."""


@contextlib.contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of `path` at the end, or vanishes when the block raises.

    The data and the folder entry are synced, so after a power cut the file is the old or the new one. It is its owner's alone;
    `shared`: as the user's umask says. No rights are changed afterwards: not every file system has any.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}{TEMPORARY}{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666 if shared else 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=1 << 18) as file:
            with contextlib.suppress(OSError):  # not every file system can
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is being written, as long as its writer lives
            yield file
            file.flush()
            synced(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)  # it is gone when it took its place


def sweep_beside(path: Path) -> int:
    """Delete what a crash left half-written of one file; returns how many there were. What is being written now stays.

    Where a file system cannot say that, all stays.
    """
    count = 0
    for left in path.parent.glob(f"{glob.escape(path.name)}{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if left.is_symlink() or not left.is_file() or time.time() - left.stat().st_mtime < JUST_BEGUN:
                continue
            with left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
                count += 1
    return count


def put(new: Path, path: Path) -> None:
    """Move the finished file `new` to the place of `path`, for its owner alone: after a power cut there is the old or the new one."""
    with new.open("rb") as file:
        synced(file.fileno())
        with contextlib.suppress(PermissionError):  # a file system without rights
            new.chmod(0o600)
        try:
            new.replace(path)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            with replacing(path) as out:  # it lies on another file system
                shutil.copyfileobj(file, out)
    _sync_folder(path.parent)


def make_private(*paths: Path) -> list[Path]:
    """Leave files to their owner alone, and make those that are not there, so that no program makes them readable for all.

    Returns those that others can still read, as on a file system without owners. Blocking. Raises OSError.
    """
    for path in paths:
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        elif (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:  # opened and closed, it would lose SQLite's locks
            with contextlib.suppress(
                OSError
            ):  # it is another user's, or lies on a mount without owners or for reading alone
                path.chmod(mode & 0o700)
    return [path for path in paths if path.stat().st_mode & 0o077]


def sync(file: BinaryIO) -> None:
    """Have an open file and its entry in its folder on disk."""
    synced(file.fileno())
    _sync_folder(Path(file.name).parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        synced(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, *, keep: Collection[str] = ()) -> int:
    """Delete what a crash left half-written below `folder`; returns how many files. Call before any writer starts.

    Folders named in `keep` that lie directly in it hold people's own files, whatever those are called.
    """
    count = 0
    for parent, folders, names in os.walk(folder):
        if Path(parent) == folder:
            folders[:] = [name for name in folders if name not in keep]
        for path in (Path(parent, name) for name in names if TEMPORARY in name):
            if path.is_file() and not path.is_symlink():
                path.unlink(missing_ok=True)
                count += 1
    return count


def longest_name(folder: Path, otherwise: int) -> int:
    """Bytes that a name in a folder may have, as its file system says; `otherwise` where it does not say."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return otherwise


def safe_name(text: str) -> str:
    """`text` as one file name: no separators, no leading dot, at most 80 characters; never empty."""
    cleaned = re.sub(r"[^\w.-]+", "_", text).strip("._")[:80]
    short = cleaned.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return short.strip("._") or "_"
