"""The last good picture of each stream: a file on the machine that made it, and a row that says which machine that is.

A file is written first and its row after it, so that a row without a file means that somebody has deleted the file.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from nightcrew.checks.models import Still
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store import stills
from nightcrew.kernel import files
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import NotFound

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.checks")

FOLDER = "stills"
MOST = 64 << 10
"""Bytes of one picture; what is larger is none of the prober's."""
FRESH = 3600.0
"""Seconds within which a file may be younger than its row."""


def path_of(data_dir: Path, stream_id: int) -> Path:
    """Where the picture of a stream lies. A folder has a few hundred of them."""
    return data_dir / FOLDER / f"{stream_id % 256:02x}" / f"{stream_id}.jpg"


async def keep(runtime: Runtime, stream_id: int, jpeg: bytes, *, at: datetime, works: bool) -> None:
    """A picture of a stream that works replaces any; one of a stream that fails is kept only where there is none here."""
    if not jpeg or len(jpeg) > MOST:
        return
    if not works and await stills.get(runtime.store, stream_id) is not None:
        return
    try:
        await asyncio.to_thread(_write, path_of(runtime.data_dir, stream_id), jpeg)
    except OSError as exc:  # a full disk spoils no check
        log.warning("a picture could not be kept", stream=stream_id, reason=str(exc))
        return
    await stills.save(runtime.store, Still(stream_id, runtime.node, at, len(jpeg)))


async def read(runtime: Runtime, stream_id: int) -> bytes:
    """The JPEG of a stream. Raises `NotFound`, also for one that lies on another machine."""
    found = await stills.get(runtime.store, stream_id)
    if found is None:
        raise NotFound(f"there is no picture of stream {stream_id}")
    if found.node != runtime.node:
        raise NotFound(f"the picture of stream {stream_id} is on another machine, {found.node}")
    try:
        return await asyncio.to_thread(path_of(runtime.data_dir, stream_id).read_bytes)
    except OSError as exc:
        raise NotFound(f"the picture of stream {stream_id} cannot be read: {exc.strerror}") from exc


async def tidy(runtime: Runtime) -> None:
    """Forget what is too old or too much, rows whose file is gone, and files that nobody knows."""
    options = runtime.settings.of(CheckSettings)
    await stills.forget_before(runtime.store, utcnow() - timedelta(days=options.stills_days))
    mine = await stills.of_node(runtime.store, runtime.node)
    kept = within(mine, options.stills_mb * 1_000_000)
    there = await asyncio.to_thread(_sweep, runtime.data_dir / FOLDER, kept)
    await stills.forget(runtime.store, runtime.node, [one.stream_id for one in mine if one.stream_id not in there])


def within(newest_first: Iterable[Still], most: int) -> frozenset[int]:
    """The streams whose pictures may stay: the newest ones that take at most `most` bytes together."""
    total, kept = 0, set[int]()
    for one in newest_first:
        total += one.size
        if total > most:
            break
        kept.add(one.stream_id)
    return frozenset(kept)


def _write(path: Path, jpeg: bytes) -> None:
    with files.replacing(path) as file:
        file.write(jpeg)


def _sweep(folder: Path, keep: frozenset[int]) -> frozenset[int]:
    """Delete what is not to be kept; returns the streams whose file is there. One that was just written may get its row yet."""
    there = set[int]()
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            stream_id = int(path.stem) if path.stem.isdecimal() and path.suffix == ".jpg" else None
            if stream_id in keep:
                there.add(stream_id)
            elif stream_id is not None and time.time() - path.stat().st_mtime > FRESH:
                path.unlink(missing_ok=True)
    return frozenset(there)
