"""Which TMDB is asked, and what is remembered of it while this node runs."""

from __future__ import annotations

import asyncio
import time

from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.tmdb.client import Tmdb
from nightcrew.movies.tmdb.kind import NAME
from nightcrew.movies.tmdb.shapes import ImagePlace

REMEMBERED = 86_400.0
"""Seconds for which the names of genres, and the place of pictures, are good."""


class Memory:
    """What seldom changes at TMDB."""

    def __init__(self) -> None:
        self._genres: dict[Medium, tuple[float, dict[int, str]]] = {}
        self._asking = asyncio.Lock()
        self._images: dict[int, tuple[float, ImagePlace]] = {}

    async def genres(self, tmdb: Tmdb, medium: Medium) -> dict[int, str]:
        """The names of genres. Raises as `Tmdb.genres`."""
        async with self._asking:
            at, known = self._genres.get(medium, (0.0, {}))
            if not known or time.monotonic() - at > REMEMBERED:
                known = await tmdb.genres(medium)
                self._genres[medium] = (time.monotonic(), known)
            return known

    async def images(self, number: int, tmdb: Tmdb) -> ImagePlace:
        """Where the connection `number` has its pictures. Raises as `Tmdb.images`."""
        async with self._asking:
            at, known = self._images.get(number, (0.0, None))
            if known is None or time.monotonic() - at > REMEMBERED:
                known = await tmdb.images()
                self._images[number] = (time.monotonic(), known)
            return known


async def tmdb(runtime: Runtime) -> Tmdb | None:
    """The first TMDB that is connected, None where there is none. Raises `NeedsUser` when what was entered cannot be used."""
    known = runtime.part(Connections)
    found = await known.of_kind(NAME)
    return Tmdb(await known.line(found[0].id), runtime.settings.of(MovieSettings).language) if found else None


async def is_connected(runtime: Runtime) -> bool:
    """Whether there is a TMDB that is switched on."""
    return bool(await runtime.part(Connections).of_kind(NAME))
