"""Posters and stills through this node: a page that is looked at tells nobody who looks.

A picture is fetched once from where TMDB's configuration says, and kept as a file of this machine. What cannot be had is not asked for
again for a while, and a few are fetched at a time, however many a page shows. Names lead nowhere but into the one folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

from nightcrew.kernel import files, pictures
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import Misread, NightcrewError, NotFound, Retry
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.tasks import Tasks
from nightcrew.movies import catalogue
from nightcrew.movies.catalogue_crew import CatalogueCrew
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.tmdb.kind import NAME

log = structlog.get_logger("nightcrew.movies")

FOLDER = "posters"
SIZES = ("w92", "w154", "w185", "w300", "w342", "w500", "w780", "w1280")
KINDS = frozenset({"image/jpeg", "image/png", "image/webp"})
LIMITS = Limits(max_bytes=8 << 20, seconds=20.0)
AT_A_TIME, WAITING = 6, 400
PATIENCE = 8.0
"""Seconds that a page waits for one."""
REFUSED, AWAY = 6 * 3_600.0, 60.0
"""Seconds for which nobody asks again: for what is no picture or is not there, and for a service that does not answer."""
REMEMBERED = 10_000
SWEPT = 200
"""Pictures after which it is looked whether there is still room for more."""
SEEN = 3_600.0
"""Seconds after which it is noted again that somebody looks at a picture."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,120}\.(?:jpg|jpeg|png|webp)")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and its media type by its bytes."""

    data: bytes
    kind: str

    @property
    def etag(self) -> str:
        """Changes with the picture."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'


class Images:
    """The pictures that this node has."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folder = runtime.data_dir / FOLDER
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._tasks = Tasks()
        self._coming: dict[str, asyncio.Event] = {}
        self._failed: OrderedDict[str, float] = OrderedDict()
        self._written = 0

    async def of(self, size: str, name: str) -> Picture:
        """A picture. Raises `NotFound` where there is none, `Retry` while it is being fetched."""
        if size not in SIZES or not _NAME.fullmatch(name):
            raise NotFound("there is no such picture")
        key = f"{size}/{name}"
        found, age = await asyncio.to_thread(_read, self._path(key))
        if found is None or age > self._options.images_days * 86_400.0:
            self._fetch(key)
        if found is None and key in self._coming:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._coming[key].wait()
            except TimeoutError as exc:
                raise Retry("the picture is still being fetched", after=10) from exc
            found, _ = await asyncio.to_thread(_read, self._path(key))
        if found is None:
            raise NotFound("the picture cannot be had")
        return found

    async def tidy(self) -> int:
        """Keep the files within their limits, and return how many were deleted; the ones that nobody looked at for longest go first."""
        most, age = self._options.images_mb * 1_000_000, self._options.images_days * 86_400.0
        return await asyncio.to_thread(_sweep, self._folder, most, age)

    async def close(self) -> None:
        """At the stop of a node."""
        await self._tasks.close()

    @property
    def _options(self) -> MovieSettings:
        return self._runtime.settings.of(MovieSettings)

    def _path(self, key: str) -> Path:
        """A folder for each size, and in it one for each beginning of a hash: no name of theirs is a name of ours."""
        size, _, name = key.partition("/")
        mark = hashlib.sha256(name.encode()).hexdigest()[:32]
        return self._folder / size / mark[:2] / mark

    def _fetch(self, key: str) -> None:
        """Fetch it in the background, unless that is done already, has failed lately, or too many are waited for."""
        if key in self._coming or self._failed.get(key, 0.0) > time.monotonic() or len(self._coming) >= WAITING:
            return
        self._coming[key] = asyncio.Event()
        self._tasks.spawn(self._fetched(key), f"picture {key}")

    async def _fetched(self, key: str) -> None:
        try:
            async with self._places:
                data = await self._download(key)
                await asyncio.to_thread(_write, self._path(key), data)
                self._written += 1
                if self._written % SWEPT == 0:
                    await self.tidy()
        except (NightcrewError, OSError) as exc:
            away = isinstance(exc, Retry | OSError) and not isinstance(exc, Misread)
            self._remember(key, AWAY if away and getattr(exc, "status", None) is None else REFUSED)
            log.debug("a picture cannot be had", picture=key, reason=str(exc))
        finally:
            self._coming.pop(key).set()

    async def _download(self, key: str) -> bytes:
        """Raises as `Http.ask`, and `Misread` for what is no picture."""
        rows = await self._runtime.part(Connections).of_kind(NAME)
        tmdb = await catalogue.tmdb(self._runtime) if rows else None
        if tmdb is None:
            raise Retry("TMDB is not connected")
        place = await self._runtime.part(CatalogueCrew).memory.images(rows[0].id, tmdb)
        request = Request(
            f"{place.base.rstrip('/')}/{key}",
            headers={"Accept": "image/*"},
            allow_private=rows[0].private,
            route=rows[0].route,
            attempts=2,
        )
        reply = await self._runtime.http.ask(request, limits=LIMITS, good=frozenset({200}))
        if pictures.kind_of(reply.body) not in KINDS:
            raise Misread(f"{request.shown()} is no picture")
        return reply.body

    def _remember(self, key: str, seconds: float) -> None:
        self._failed[key] = time.monotonic() + seconds
        self._failed.move_to_end(key)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)


def _read(path: Path) -> tuple[Picture | None, float]:
    """A picture and its age in seconds. What lies there and is none is as good as not there. That it is looked at is noted."""
    try:
        stat = path.stat()
        data = path.read_bytes() if stat.st_size <= LIMITS.max_bytes else b""
        now = time.time()
        if now - stat.st_atime > SEEN:
            os.utime(path, (now, stat.st_mtime))
    except OSError:
        return None, 0.0
    kind = pictures.kind_of(data)
    return (Picture(data, kind) if kind in KINDS and kind else None), max(0.0, now - stat.st_mtime)


def _write(path: Path, data: bytes) -> None:
    with files.replacing(path) as file:
        file.write(data)


def _sweep(folder: Path, most: int, oldest: float) -> int:
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
        if total > most or time.time() - written > oldest + 86_400.0:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
