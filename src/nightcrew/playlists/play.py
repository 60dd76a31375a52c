"""What a player gets when it opens a channel: the address that works now.

Not an open proxy: only stored channels are resolved, and an address in a private network is refused unless the source
itself was configured there.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from nightcrew.kernel.connections.row_calls import insisted
from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http import Limits, Request
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.routes import DIRECT
from nightcrew.playlists import rules
from nightcrew.playlists.accounts import Profile, preferred, profiles_of
from nightcrew.playlists.formats import master
from nightcrew.playlists.formats.headers import headers_of
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.origin import Ranking
from nightcrew.playlists.providers import Adapters
from nightcrew.playlists.providers.base import Provider, sent_by
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels, variants

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

REMEMBERED = 2_000
"""Addresses kept in memory."""
VARIANT_LIFETIME = 300.0
"""Seconds for which the best variant of a master playlist is remembered."""
MASTER_LIMITS = Limits(max_bytes=1 << 20, seconds=8.0)


class Player:
    """Resolves channels, remembering addresses for as long as they live."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: OrderedDict[tuple[int, str], tuple[float, str]] = OrderedDict()

    async def target(self, channel_id: int) -> str:
        """Where a stored channel plays now. Raises `NotFound` for an unknown one, and as `target_of`."""
        return await self.target_of(await channels.get(self._runtime.store, channel_id))

    async def target_of(self, channel: Channel) -> str:
        """The address of the first stream that can be resolved.

        Raises `GiveUp` when nothing of it can be played, `Retry` when its sources fail now.
        """
        error: NightcrewError | None = None
        for stream in channel.streams:
            if not stream.usable:
                continue
            try:
                request = await self.request(channel, stream)
            except NightcrewError as exc:
                error = exc
                continue
            if request.route == DIRECT:
                return request.url
            error = GiveUp(f"{stream.source} takes the route {request.route}, so no player is given its address")
        if error is not None:
            raise error
        raise GiveUp(f"channel {channel.name!r} has no stream that can be played")

    async def request(
        self, channel: Channel, stream: Stream, profile: Profile | None = None, *, pick: bool = True
    ) -> Request:
        """What fetches a stream now, with the headers that its list asks for. Raises as `target`.

        `pick`: with the setting RES, the best variant instead of its master playlist.
        """
        if profile is None:
            profile = preferred(await profiles_of(self._runtime, stream.source_id), stream.profile)[0]
        source = profile.source
        adapter = self._runtime.part(Adapters).of(source)
        secrets = (*adapter.secrets, profile.replace) if profile.replace else adapter.secrets
        url = await self._address(channel, stream, profile, adapter, secrets, pick=pick)
        own = headers_of(stream.attributes)
        said = {name.lower() for name in own}
        headers = {k: v for k, v in sent_by(source.config, url).items() if k.lower() not in said} | own
        return Request(
            url, headers=headers, secrets=secrets, allow_private=adapter.private, jar=adapter.jar, route=adapter.route
        )

    async def _address(
        self,
        channel: Channel,
        stream: Stream,
        profile: Profile,
        adapter: Provider,
        secrets: tuple[str, ...],
        *,
        pick: bool,
    ) -> str:
        url = rules.fill_secrets(stream.url, adapter.secrets)
        if stream.expires:
            url = await self._resolved(adapter, channel, stream, url, profile.name)
        url = profile.written(url)
        if not rules.is_playable(url):  # a list's, an answer's or a profile's: whatever it was made of
            raise GiveUp(f"the address that {profile.source.name} gives for {channel.name} is none that can be played")
        if not adapter.private and await self._leads_inside(adapter, url):
            raise GiveUp(
                f"{redact(url, secrets)} leads into a private network, which {profile.source.name} does not belong to"
            )
        if (
            pick
            and self._runtime.settings.of(PlaylistSettings).RES
            and url.partition("?")[0].lower().endswith((".m3u8", ".m3u"))
        ):
            url = await self._best_variant(adapter, stream, url)
        return url

    async def ranking(self, stream: Stream) -> Ranking:
        """What sorts the variants of a stream's master playlist, by what it says and what was measured."""
        known = await variants.known(self._runtime.store, stream.id)
        return lambda offered: master.best_first(master.with_measured(offered, known))

    async def _resolved(self, adapter: Provider, channel: Channel, stream: Stream, url: str, profile: str) -> str:
        known = self._recall(stream.id, f"address {profile}")
        if known is not None:
            return known
        with insisted():
            answer = await adapter.resolve(self._runtime.http, url, stream.provider_id, channel.region)
        if answer.lifetime is not None:
            self._remember(stream.id, f"address {profile}", answer.url, answer.lifetime * 0.8)
        return answer.url

    async def _best_variant(self, adapter: Provider, stream: Stream, url: str) -> str:
        """The best variant that a master playlist names; the master itself when it cannot be read now."""
        known = self._recall(stream.id, url)
        if known is not None:
            return known
        request = Request(
            url, secrets=adapter.secrets, allow_private=adapter.private, jar=adapter.jar, route=adapter.route
        )
        try:
            text, base = await self._runtime.http.text(request, limits=MASTER_LIMITS)
        except Retry:
            return url
        best = next(iter((await self.ranking(stream))(master.parse_master(text, base))), None)
        found = best.url if best is not None and rules.is_playable(best.url) else url
        if found != url and not adapter.private and await self._leads_inside(adapter, found):
            found = url
        self._remember(stream.id, url, found, VARIANT_LIFETIME)
        return found

    async def _leads_inside(self, adapter: Provider, url: str) -> bool:
        """Whether an address leads into a private network, as the source's own way out has it: no other resolver is asked."""
        return await self._runtime.http.routes.points_private(adapter.route, url)

    def _recall(self, stream_id: int, what: str) -> str | None:
        entry = self._known.get((stream_id, what))
        return entry[1] if entry is not None and entry[0] > time.monotonic() else None

    def _remember(self, stream_id: int, what: str, url: str, seconds: float) -> None:
        self._known[(stream_id, what)] = (time.monotonic() + seconds, url)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
