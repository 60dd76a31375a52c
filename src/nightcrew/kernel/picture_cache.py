"""Pictures of others, kept as files of this machine: a page that is looked at tells nobody who looks, and when.

Each is fetched once. What cannot be had is not asked for again for a while, and a few are fetched at a time, however many a page
shows. Those that nobody looked at for longest go first.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from nightcrew.kernel import files, pictures
from nightcrew.kernel.errors import Misread, NightcrewError, NotFound, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.kernel.tasks import Tasks

log = structlog.get_logger("nightcrew")

WAITING = 400
"""Pictures that may wait to be fetched; a page that shows more gets the rest when it is looked at again."""
REFUSED = 6 * 3_600.0
"""Seconds for which nobody asks again for what is no picture, or is not there."""
REMEMBERED = 10_000
SEEN = 3_600.0
"""Seconds after which it is noted again that somebody looks at a picture."""


@dataclass(frozen=True, slots=True)
class CachedPicture:
    """A picture, and its media type by its bytes."""

    data: bytes
    kind: str

    @property
    def etag(self) -> str:
        """Changes with the picture."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """`patience`: seconds that a page waits for a picture. `away`: seconds until who does not answer is asked again.

    `kinds`: media types that are taken; none: all that pages show.
    """

    answer: Limits
    at_a_time: int
    patience: float
    away: float
    kinds: frozenset[str] = frozenset()

    def kind_of(self, data: bytes) -> str | None:
        """The media type of what is taken."""
        kind = pictures.kind_of(data)
        return kind if not self.kinds or kind in self.kinds else None


class PictureCache:
    """The pictures below a folder."""

    def __init__(self, folder: Path, limits: PictureLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._places = asyncio.Semaphore(limits.at_a_time)
        self._tasks = Tasks()
        self._coming: dict[str, asyncio.Event] = {}
        self._failed: OrderedDict[str, float] = OrderedDict()

    async def of(self, path: str, what: str, fetch: Callable[[], Awaitable[bytes]], *, renewed: float) -> CachedPicture:
        """The picture that is kept at `path`, fetched anew when it is older than `renewed` seconds; the old one is shown until then.

        `what` names it in errors. Raises `NotFound` where there is none, `Retry` while it is being fetched.
        """
        file = self._folder / path
        found, age = await asyncio.to_thread(self._read, file)
        if found is None or age > renewed:
            self._begin(path, what, fetch)
        if found is None and path in self._coming:
            try:
                async with asyncio.timeout(self._limits.patience):
                    await self._coming[path].wait()
            except TimeoutError as exc:
                raise Retry(f"{what} is still being fetched", after=10) from exc
            found, _ = await asyncio.to_thread(self._read, file)
        if found is None:
            raise NotFound(f"{what} cannot be had")
        return found

    async def download(self, http: Http, request: Request) -> bytes:
        """A picture from its place. Raises as `Http.ask`, and `Misread` for what is no picture."""
        reply = await http.ask(request, limits=self._limits.answer, good=frozenset({200}))
        if self._limits.kind_of(reply.body) is None:
            raise Misread(f"{request.shown()} is no picture")
        return reply.body

    async def tidy(self, *, most: int, oldest: float) -> int:
        """Keep the files within so many bytes and seconds of age; returns how many were deleted."""
        return await asyncio.to_thread(sweep, self._folder, most, oldest)

    async def close(self) -> None:
        """At the stop of a node."""
        await self._tasks.close()

    def _begin(self, path: str, what: str, fetch: Callable[[], Awaitable[bytes]]) -> None:
        """Fetch it in the background, unless that is done already, has failed lately, or too many are waited for."""
        if path in self._coming or self._failed.get(path, 0.0) > time.monotonic() or len(self._coming) >= WAITING:
            return
        self._coming[path] = asyncio.Event()
        self._tasks.spawn(self._fetched(path, what, fetch), what)

    async def _fetched(self, path: str, what: str, fetch: Callable[[], Awaitable[bytes]]) -> None:
        try:
            async with self._places:
                await asyncio.to_thread(_write, self._folder / path, await fetch())
        except (NightcrewError, OSError) as exc:
            away = isinstance(exc, Retry | OSError) and not isinstance(exc, Misread)
            self._remember(path, self._limits.away if away and getattr(exc, "status", None) is None else REFUSED)
            log.debug("a picture cannot be had", picture=what, reason=str(exc))
        finally:
            self._coming.pop(path).set()

    def _remember(self, path: str, seconds: float) -> None:
        self._failed[path] = time.monotonic() + seconds
        self._failed.move_to_end(path)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def _read(self, path: Path) -> tuple[CachedPicture | None, float]:
        """A picture and its age in seconds. What lies there and is none is as good as not there. That it is looked at is noted."""
        try:
            stat = path.stat()
            data = path.read_bytes() if stat.st_size <= self._limits.answer.max_bytes else b""
            now = time.time()
            if now - stat.st_atime > SEEN:
                os.utime(path, (now, stat.st_mtime))
        except OSError:
            return None, 0.0
        kind = self._limits.kind_of(data)
        return (None if kind is None else CachedPicture(data, kind)), max(0.0, now - stat.st_mtime)


def _write(path: Path, data: bytes) -> None:
    with files.replacing(path) as file:
        file.write(data)


def sweep(folder: Path, most: int, oldest: float) -> int:
    """Delete what was written more than `oldest` seconds ago, and what nobody looked at for longest while there are more bytes."""
    found = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            try:
                stat = path.lstat()
            except FileNotFoundError:
                continue
            found.append((max(stat.st_atime, stat.st_mtime), stat.st_mtime, stat.st_size, path))
    total = deleted = 0
    for _, written, size, path in sorted(found, reverse=True):
        total += size
        if total > most or time.time() - written > oldest:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
