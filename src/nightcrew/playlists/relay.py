"""Proxy mode: a channel's bytes through this node, holding a connection of its account, from the first stream that works.

A stream that sent nothing in `FIRST_BYTE` seconds, or an error, or bytes that are no media, is left for the next one
before the player sees anything. One that stalls or breaks off later is left too, and the player's connection goes on.
HLS is passed on as one continuous stream, so that every player takes it and one connection stands for one viewer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.slots import GRACE, Lease, Priority, noticed
from nightcrew.playlists.accounts import preferred, profiles_of, subject_of
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.origin import media
from nightcrew.playlists.play import Player
from nightcrew.playlists.store import channels

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

FIRST_BYTE = 1.2
"""Seconds within which a stream must give its first byte, from the moment that its account has a free connection."""
STEADY = 30.0
"""Seconds that a stream must have run for all streams to be worth another try after it."""


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
        left = deque(stream for stream in channel.streams if stream.usable)
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
                left = deque(stream for stream in channel.streams if stream.usable and stream != playing.stream)
                left.append(playing.stream)
            try:
                now[:] = [await self._next(channel, left, viewer)]
            except NightcrewError:
                return

    async def _start(self, channel: Channel, stream: Stream, viewer: str) -> _Playing:
        """Take a connection, connect, and wait for the first bytes. What was taken is given back when that fails."""
        profiles = preferred(await profiles_of(self._runtime, stream.source_id), stream.profile)
        owner, subject = f"{viewer}: {channel.name}", subject_of(channel.id)
        claims = [profile.claim(owner, "viewer", Priority.USE, subject=subject) for profile in profiles]
        async with contextlib.AsyncExitStack() as held:
            lease = await held.enter_async_context(self._runtime.slots.first(claims, patience=GRACE))
            if lease is None:
                total = sum(profile.most for profile in profiles)
                raise Retry(f"all {total} connections of {stream.source} are in use", after=10)
            await held.enter_async_context(noticed(lease))
            try:
                async with asyncio.timeout(FIRST_BYTE):
                    player = self._runtime.part(Player)
                    request = await player.request(channel, stream, profiles[lease.place], pick=False)
                    rank = await player.ranking(stream)
                    opened = await held.enter_async_context(media(self._runtime.http, request, rank))
                    first = await anext(opened.chunks, b"")
            except TimeoutError as exc:
                raise Retry(f"{stream.source} sent nothing within {FIRST_BYTE:g} s") from exc
            kind = media_type(first)
            if kind is None:
                raise Retry(f"{stream.source} sent something that is not a stream")
            return _Playing(stream, kind, first, opened.chunks, opened.patience, lease, held.pop_all())
        raise AssertionError("unreachable")


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
                    raise Retry(f"it sent nothing for {playing.patience:g} s")
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
