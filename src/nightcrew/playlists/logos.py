"""Logos of channels through this node: a page that is looked at tells no provider who looks, and when.

A logo is fetched once, by the rules of its channel's source, and kept as a file of this machine. What cannot be had is not asked
for again for a while, and a few are asked for at a time, however many a page shows.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel import files, pictures
from nightcrew.kernel.errors import Misread, NightcrewError, NotFound, Retry
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.tasks import Tasks
from nightcrew.playlists import rules
from nightcrew.playlists.models import Channel
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import agent
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import sources

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

FOLDER = "logos"
LIMITS = Limits(max_bytes=1 << 20, seconds=10.0)
AT_A_TIME = 4
WAITING = 400
"""Logos that may wait to be fetched; a page that shows more gets the rest when it is looked at again."""
PATIENCE = 4.0
"""Seconds that a page waits for one; a browser has few connections, and a slow provider must not take them all."""
RENEWED = 7 * 86_400.0
"""Seconds after which a logo is fetched anew. Until the new one is there, the old one is shown."""
REFUSED, AWAY = 6 * 3_600.0, 300.0
"""Seconds for which nobody asks again: for what is no picture or is not there, and for a provider that does not answer."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture, and its media type by its bytes."""

    data: bytes
    kind: str

    @property
    def etag(self) -> str:
        """Changes with the picture."""
        return f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'


class Logos:
    """The logos that this node has."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folder = runtime.data_dir / FOLDER
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._tasks = Tasks()
        self._coming: dict[str, asyncio.Event] = {}
        self._failed: OrderedDict[str, float] = OrderedDict()

    async def of(self, channel: Channel) -> Logo:
        """The logo of a channel. Raises `NotFound` where there is none, `Retry` while it is being fetched."""
        if not rules.is_web(channel.logo):
            raise NotFound(f"channel {channel.id} has no logo")
        key = channel.logo_mark
        found, age = await asyncio.to_thread(_read, self._path(key))
        if found is None or age > RENEWED:
            self._fetch(channel, key)
        if found is None and key in self._coming:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._coming[key].wait()
            except TimeoutError as exc:
                raise Retry(f"the logo of channel {channel.id} is still being fetched", after=10) from exc
            found, _ = await asyncio.to_thread(_read, self._path(key))
        if found is None:
            raise NotFound(f"the logo of channel {channel.id} cannot be had")
        return found

    async def close(self) -> None:
        """At the stop of a node."""
        await self._tasks.close()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _fetch(self, channel: Channel, key: str) -> None:
        """Fetch it in the background, unless that is done already, has failed lately, or too many are waited for."""
        if key in self._coming or self._failed.get(key, 0.0) > time.monotonic() or len(self._coming) >= WAITING:
            return
        self._coming[key] = asyncio.Event()
        self._tasks.spawn(self._fetched(channel, key), f"logo of channel {channel.id}")

    async def _fetched(self, channel: Channel, key: str) -> None:
        try:
            async with self._places:
                picture = await self._download(channel)
                await asyncio.to_thread(_write, self._path(key), picture)
        except (NightcrewError, OSError) as exc:
            away = (
                isinstance(exc, Retry | OSError)
                and not isinstance(exc, Misread)
                and getattr(exc, "status", None) is None
            )
            self._remember(key, AWAY if away else REFUSED)
            log.debug("a logo cannot be had", channel=channel.id, reason=str(exc))
        finally:
            self._coming.pop(key).set()

    async def _download(self, channel: Channel) -> bytes:
        """Raises as `Http.ask`, and `Misread` for what is no picture."""
        feed = await sources.get_feed(self._runtime.store, channel.logo_feed)
        source = await sources.get(self._runtime.store, self._runtime.vault, feed.source_id)
        adapters = self._runtime.part(Adapters)
        adapter = adapters.guide_of(source) if feed.kind == "guide" else adapters.of(source)
        if adapter is None:
            raise Misread(f"{source.name} no longer has a guide")
        private = adapter.private or "logo" in channel.edited  # whoever may edit a channel may name an address at home
        headers = {"Accept": "image/*"} | agent(str(source.config.get("user_agent") or ""))
        request = Request(
            channel.logo,
            headers=headers,
            secrets=adapter.secrets,
            allow_private=private,
            attempts=1,
            route=adapter.route,
        )
        reply = await self._runtime.http.ask(request, limits=LIMITS, good=frozenset({200}))
        if pictures.kind_of(reply.body) is None:
            raise Misread(f"{request.shown()} is no picture")
        return reply.body

    def _remember(self, key: str, seconds: float) -> None:
        self._failed[key] = time.monotonic() + seconds
        self._failed.move_to_end(key)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)


async def tidy(runtime: Runtime) -> None:
    """Keep the files of this machine within their limits; the ones that were written longest ago go first."""
    options = runtime.settings.of(PlaylistSettings)
    folder, most, age = runtime.data_dir / FOLDER, options.logos_mb * 1_000_000, options.logos_days * 86_400.0
    await asyncio.to_thread(_sweep, folder, most, age)


def _read(path: Path) -> tuple[Logo | None, float]:
    """A picture and its age in seconds. What lies there and is none is as good as not there."""
    try:
        age = time.time() - path.stat().st_mtime
        data = path.read_bytes() if path.stat().st_size <= LIMITS.max_bytes else b""
    except OSError:
        return None, 0.0
    kind = pictures.kind_of(data)
    return (None if kind is None else Logo(data, kind)), max(0.0, age)


def _write(path: Path, picture: bytes) -> None:
    with files.replacing(path) as file:
        file.write(picture)


def _sweep(folder: Path, most: int, oldest: float) -> None:
    found = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    total = 0
    for written, size, path in sorted(found, reverse=True):
        total += size
        if total > most or time.time() - written > oldest:
            path.unlink(missing_ok=True)
