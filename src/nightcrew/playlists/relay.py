"""Proxy mode: a channel's bytes through this node, holding a connection of its account, from the first stream that works.

A stream that gives no byte in `FIRST_BYTE` seconds, or an error, or bytes that are no media, is left for the next one
before the player sees anything. One that stalls or breaks off later is left too, and the player's connection goes on.
HLS is passed on as one continuous stream, so that every player takes it and one connection stands for one viewer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http import Limits, Live, Request
from nightcrew.kernel.slots import GRACE, Lease, Priority
from nightcrew.playlists import rules
from nightcrew.playlists.accounts import account_of
from nightcrew.playlists.formats import hls
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.play import Player
from nightcrew.playlists.store import channels

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

FIRST_BYTE = 1.2
"""Seconds within which a stream must give its first byte, from the moment that its account has a free connection."""
STALL = 8.0
"""Seconds without a byte after which a running stream is left; for HLS at least two and a half segments."""
STEADY = 30.0
"""Seconds that a stream must have run for all streams to be worth another try after it."""
PLAYLIST_LIMITS = Limits(max_bytes=2 << 20, seconds=5.0)


@dataclass(slots=True)
class _Playing:
    """A stream that has given its first bytes, with all that is held for it."""

    stream: Stream
    content_type: str
    first: bytes
    chunks: AsyncIterator[bytes]
    patience: float
    lease: Lease
    held: contextlib.AsyncExitStack


@dataclass(slots=True)
class Opened:
    """A channel that plays. Whoever opened it calls `close`, also when it read nothing of `body`."""

    content_type: str
    body: AsyncGenerator[bytes, None]
    _now: list[_Playing]

    async def close(self) -> None:
        """Hang up and give the connection back."""
        await self.body.aclose()
        for playing in self._now:  # a body that was never begun holds what it began with
            await playing.held.aclose()


class Relay:
    """Opens channels for players."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def open(self, channel_id: int, viewer: str) -> Opened:
        """Find a stream that plays. Raises `NotFound`, `GiveUp` when none ever can, `Retry` when none does now."""
        channel = await channels.get(self._runtime.store, channel_id)
        left = deque(stream for stream in channel.streams if stream.playable)
        if not left:
            raise GiveUp(f"channel {channel.name!r} has no stream that can be played")
        playing = await self._next(channel, left, viewer)
        now = [playing]
        return Opened(playing.content_type, self._body(channel, now, left, viewer), now)

    async def _next(self, channel: Channel, left: deque[Stream], viewer: str) -> _Playing:
        """The first of the streams that gives bytes. Raises the last one's reason."""
        error: NightcrewError = Retry(f"every stream of channel {channel.name!r} has ended")
        while left:
            stream = left.popleft()
            try:
                return await self._start(channel, stream, viewer)
            except NightcrewError as exc:
                error = exc
                log.info("stream left", channel=channel.name, source=stream.source, reason=str(exc))
        raise error

    async def _body(
        self, channel: Channel, now: list[_Playing], left: deque[Stream], viewer: str
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream in `now`, and of its successors, which take its place there."""
        clock = asyncio.get_running_loop().time
        while True:
            began, (playing,) = clock(), now
            async with playing.held:
                try:
                    yield playing.first
                    async for chunk in _watched(playing):
                        yield chunk
                    reason = "it has ended"
                except NightcrewError as exc:
                    reason = str(exc)
            log.info("stream left", channel=channel.name, source=playing.stream.source, reason=reason)
            if clock() - began > STEADY:
                left = deque(stream for stream in channel.streams if stream.playable and stream != playing.stream)
                left.append(playing.stream)
            try:
                now[:] = [await self._next(channel, left, viewer)]
            except NightcrewError:
                return

    async def _start(self, channel: Channel, stream: Stream, viewer: str) -> _Playing:
        """Take a connection, connect, and wait for the first bytes. What was taken is given back when that fails."""
        account = await account_of(self._runtime, stream.source_id)
        async with contextlib.AsyncExitStack() as held:
            claim = account.claim(f"{viewer}: {channel.name}", "viewer", Priority.USE)
            lease = await held.enter_async_context(self._runtime.slots.lease(claim, patience=GRACE))
            if lease is None:
                raise Retry(f"all {account.most} connections of {account.name} are in use", after=10)
            try:
                async with asyncio.timeout(FIRST_BYTE):
                    request = await self._runtime.part(Player).request(channel, stream)
                    chunks, patience = await held.enter_async_context(self._source(request))
                    first = await anext(chunks, b"")
            except TimeoutError as exc:
                raise Retry(f"{stream.source} gives no byte within {FIRST_BYTE:g} s") from exc
            kind = media_type(first)
            if kind is None:
                raise Retry(f"{stream.source} sends something that is no stream")
            return _Playing(stream, kind, first, chunks, patience, lease, held.pop_all())
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def _source(self, request: Request) -> AsyncIterator[tuple[AsyncIterator[bytes], float]]:
        """The media bytes behind an address, and the seconds for which they may pause."""
        async with self._runtime.http.live(request) as live:
            first = await anext(live.chunks, b"")
            if not first.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"#EXTM3U"):
                yield _with(first, live.chunks), STALL
                return
            text = await _rest(first, live)
            base = live.url
        variant = rules.best_variant(rules.parse_master(text, base))
        if variant is not None:
            request = replace(request, url=variant.url)
            text, base = await self._runtime.http.text(request, limits=PLAYLIST_LIMITS)
        playlist = hls.parse_media(text, base)
        async with contextlib.aclosing(self._segments(replace(request, url=base), playlist)) as chunks:
            yield chunks, max(STALL, 2.5 * playlist.target)

    async def _segments(self, request: Request, playlist: hls.MediaPlaylist) -> AsyncGenerator[bytes, None]:
        """The segments of a live playlist one after the other, for as long as new ones come."""
        last: int | None = None
        init: str | None = None
        while True:
            fresh = hls.following(playlist, last)
            for segment in fresh:
                wanted = [segment.url] if segment.init in {None, init} else [str(segment.init), segment.url]
                for url in wanted:
                    async with self._runtime.http.live(replace(request, url=url)) as live:
                        async for chunk in live.chunks:
                            yield chunk
                last, init = segment.sequence, segment.init
            if playlist.ended:
                return
            await asyncio.sleep(playlist.target / 4 if fresh else playlist.target / 2)
            text, base = await self._runtime.http.text(request, limits=PLAYLIST_LIMITS)
            playlist = hls.parse_media(text, base)


async def _watched(playing: _Playing) -> AsyncIterator[bytes]:
    """The chunks of a stream until it ends. Raises `Retry` when it stalls or its connection is needed elsewhere."""
    over = asyncio.ensure_future(playing.lease.over.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(playing.chunks, None))
            try:
                await asyncio.wait({coming, over}, timeout=playing.patience, return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    raise Retry(str(playing.lease.why))
                if not coming.done():
                    raise Retry(f"no byte for {playing.patience:g} s")
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
            chunk = coming.result()
            if chunk is None:
                return
            yield chunk
    finally:
        over.cancel()


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


async def _rest(first: bytes, live: Live) -> str:
    """A playlist that has begun with `first`."""
    parts, size = [first], len(first)
    async for chunk in live.chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > PLAYLIST_LIMITS.max_bytes:
            raise GiveUp("its HLS playlist is too large")
    return b"".join(parts).decode("utf-8", "replace")
