"""What can be seen of this machine at once, with nothing but Python's own library: a machine may lack any other.

`nightcrew doctor` shows all of it, and `serve` and `worker` say what is missing before anything else.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from nightcrew.kernel import ffmpeg as program
from nightcrew.kernel.declare import Finding
from nightcrew.kernel.errors import NeedsUser

MIN_DISK = 1 << 30
MIN_PYTHON = (3, 11)
MIN_SQLITE = (3, 35)
"""The first that gives back what it has written."""
BEGAN = 1_750_000_000
"""Seconds since 1970 in June 2025: no clock that is set stands before that."""


def at_once(data_dir: Path, *, database_url: str | None) -> list[Finding]:
    """Python, SQLite where it is used, the data directory and its disk, and the clock."""
    found = [python(), data_directory(data_dir), disk("disk", data_dir), clock()]
    return found if database_url else [*found, sqlite()]


def stops(finding: Finding) -> bool:
    """Whether a server cannot run at all with what was found."""
    return finding.needed and not finding.ok and finding.what in {"Python", "SQLite", "data directory"}


def python() -> Finding:
    """Whether it is new enough."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", sys.version_info >= MIN_PYTHON, f"{version} (3.11 or newer is needed)")


def sqlite() -> Finding:
    """Whether Python's own SQLite is new enough."""
    ok = sqlite3.sqlite_version_info >= MIN_SQLITE
    more = "" if ok else " (3.35 or newer is needed: take a newer Python, or PostgreSQL with --database-url)"
    return Finding("SQLite", ok, f"{sqlite3.sqlite_version}{more}")


def data_directory(folder: Path) -> Finding:
    """Whether it can be written, or made."""
    return writable("data directory", folder, "choose another with --data-dir")


def writable(what: str, folder: Path, otherwise: str) -> Finding:
    """Whether a folder can be written, or made."""
    there = _existing(folder)
    if not there.is_dir():
        return Finding(what, False, f"{folder} cannot be used, as {there} is no folder: {otherwise}")
    try:
        with tempfile.TemporaryFile(dir=there):  # rights say yes to root, also where nothing can be written
            pass
    except OSError as exc:
        return Finding(what, False, f"{folder} cannot be written ({exc.strerror}): {otherwise}")
    return Finding(what, True, f"{folder} can be written")


def disk(what: str, folder: Path) -> Finding:
    """Whether there is room where a folder lies."""
    there = _existing(folder)
    free = shutil.disk_usage(there).free
    return Finding(what, free > MIN_DISK, f"{free / 1e9:.1f} GB free at {there} (1 GB is the least)")


def clock() -> Finding:
    """Whether somebody has set it."""
    ok = time.time() > BEGAN
    return Finding("clock", ok, "set" if ok else "it stands before June 2025: turn on time synchronisation")


def ffmpeg() -> Finding:
    """Whether there is one. It is not started."""
    try:
        return Finding("ffmpeg", True, program.ffmpeg(), needed=False)
    except NeedsUser as exc:
        return Finding("ffmpeg", False, f"{exc}. Without it there are no pictures of recordings", needed=False)


def port(host: str, number: int, data_dir: Path) -> Finding:
    """Whether somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, number))
    except OSError as exc:
        if runs(data_dir):
            return Finding("port", True, f"{number} belongs to the Nightcrew that runs here")
        return Finding(
            "port", False, f"nobody can listen on {host} port {number}: {exc.strerror}. Choose another with --port"
        )
    return Finding("port", True, f"{number} is free")


def runs(data_dir: Path) -> bool:
    """Whether a Nightcrew uses this data directory now."""
    try:
        with (data_dir / "server.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def libraries(folders: Iterable[tuple[str, str]]) -> list[Finding]:
    """Whether the folders that settings name, by their keys, can be written and have room."""
    found = []
    for key, path in folders:
        found.append(writable(key, Path(path), "give Nightcrew's user the right to, or change the setting"))
        if found[-1].ok:
            found.append(disk(f"{key}, disk", Path(path)))
    return found


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
