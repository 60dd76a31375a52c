"""Logos of channels through this node: each is fetched by the rules of its channel's source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.kernel.errors import Misread, NotFound
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.picture_cache import CachedPicture, PictureCache, PictureLimits
from nightcrew.playlists import rules
from nightcrew.playlists.models import Channel
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import agent
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import sources

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

FOLDER = "logos"
AT_A_TIME = 4
LIMITS = PictureLimits(Limits(max_bytes=1 << 20, seconds=10.0), at_a_time=AT_A_TIME, patience=4.0, away=300.0)
"""A browser has few connections, and a slow provider must not take them all."""
RENEWED = 7 * 86_400.0
"""Seconds after which a logo is fetched anew."""


class Logos:
    """The logos that this node has."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._cache = PictureCache(runtime.data_dir / FOLDER, LIMITS)

    async def of(self, channel: Channel) -> CachedPicture:
        """The logo of a channel. Raises `NotFound` where there is none, `Retry` while it is being fetched."""
        if not rules.is_web(channel.logo):
            raise NotFound(f"channel {channel.id} has no logo")
        mark = channel.logo_mark
        said = f"the logo of channel {channel.id}"
        return await self._cache.of(f"{mark[:2]}/{mark}", said, lambda: self._download(channel), renewed=RENEWED)

    async def tidy(self) -> int:
        """Keep the files of this machine within their limits; returns how many were deleted."""
        options = self._runtime.settings.of(PlaylistSettings)
        return await self._cache.tidy(most=options.logos_mb * 1_000_000, oldest=options.logos_days * 86_400.0)

    async def close(self) -> None:
        """At the stop of a node."""
        await self._cache.close()

    async def _download(self, channel: Channel) -> bytes:
        """Raises as `PictureCache.download`."""
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
        return await self._cache.download(self._runtime.http, request)
