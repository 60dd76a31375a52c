"""Posters and stills through this node, fetched from where TMDB's configuration says. Names lead nowhere but into the one folder."""

from __future__ import annotations

import hashlib
import re

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.picture_cache import CachedPicture, PictureCache, PictureLimits
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue import memory as catalogue
from nightcrew.movies.catalogue.crew import CatalogueCrew
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.tmdb.kind import NAME

FOLDER = "posters"
SIZES = ("w92", "w154", "w185", "w300", "w342", "w500", "w780", "w1280")
KINDS = frozenset({"image/jpeg", "image/png", "image/webp"})
LIMITS = PictureLimits(Limits(max_bytes=8 << 20, seconds=20.0), at_a_time=6, patience=8.0, away=60.0, kinds=KINDS)
SWEPT = 200
"""Pictures after which it is looked whether there is still room for more."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,120}\.(?:jpg|jpeg|png|webp)")


class Images:
    """The pictures that this node has."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._cache = PictureCache(runtime.data_dir / FOLDER, LIMITS)
        self._fetched = 0

    async def of(self, size: str, name: str) -> CachedPicture:
        """A picture. Raises `NotFound` where there is none, `Retry` while it is being fetched."""
        if size not in SIZES or not _NAME.fullmatch(name):
            raise NotFound("there is no such picture")
        mark = hashlib.sha256(name.encode()).hexdigest()[:32]  # so that no name of theirs is a name of ours
        return await self._cache.of(
            f"{size}/{mark[:2]}/{mark}",
            "the picture",
            lambda: self._download(f"{size}/{name}"),
            renewed=self._options.images_days * 86_400.0,
        )

    async def tidy(self) -> int:
        """Keep the files within their limits; returns how many were deleted. One that is due for another look has a day for it."""
        oldest = (self._options.images_days + 1) * 86_400.0
        return await self._cache.tidy(most=self._options.images_mb * 1_000_000, oldest=oldest)

    async def close(self) -> None:
        """At the stop of a node."""
        await self._cache.close()

    @property
    def _options(self) -> MovieSettings:
        return self._runtime.settings.of(MovieSettings)

    async def _download(self, path: str) -> bytes:
        """Raises as `PictureCache.download`."""
        rows = await self._runtime.part(Connections).of_kind(NAME)
        tmdb = await catalogue.tmdb(self._runtime) if rows else None
        if tmdb is None:
            raise Retry("TMDB is not connected")
        place = await self._runtime.part(CatalogueCrew).memory.images(rows[0].id, tmdb)
        request = Request(
            f"{place.base.rstrip('/')}/{path}",
            headers={"Accept": "image/*"},
            allow_private=rows[0].private,
            route=rows[0].route,
            attempts=2,
        )
        data = await self._cache.download(self._runtime.http, request)
        self._fetched += 1
        if self._fetched % SWEPT == 0:
            await self.tidy()
        return data
