"""Finding a stream of a channel that plays now: which are tried, how long each is given, and what is held for the one that is found."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.routes import DIRECT, RouteDown
from nightcrew.kernel.slots import GRACE, Lease, Priority
from nightcrew.playlists.accounts import VIEWER, Profile, preferred, profiles_of, subject_of
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.origin import media
from nightcrew.playlists.play import Player
from nightcrew.playlists.releases import Releases, released
from nightcrew.playlists.segments import FetchProgress
from nightcrew.playlists.subtitles import Subtitles

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.playlists")

FIRST_BYTE = 1.2
"""Seconds within which a stream must answer, while another one waits to be tried; from the moment that its account has a free
connection, and anew with each answer on the way."""
PATIENT = 10.0
"""The same, when no other is left."""
TRY_FOR = 12.0
"""Seconds for which those are tried again that may yet play, after all have failed."""
TRIES, PAUSE = 3, 0.5
"""How often each of them is, and seconds before that, which double."""


@dataclass(eq=False, slots=True)
class Playing:
    """A stream that has given its first bytes, with all that is held for it."""

    stream: Stream
    content_type: str
    first: bytes
    chunks: AsyncIterator[bytes]
    patience: float
    finite: bool
    lease: Lease
    held: contextlib.AsyncExitStack
    route: str = DIRECT
    subtitles: Subtitles | None = None
    progress: FetchProgress | None = None
    unfit: str = ""
    """Why somebody who looks at it says that it is to be left."""
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_ended(self) -> bool:
        """Whether its playlist has said that nothing comes any more."""
        return self.progress is not None and self.progress.ended

    def leave(self, reason: str) -> None:
        """Let the next stream take its place."""
        self.unfit = reason
        self.left.set()

    async def watched(self) -> AsyncIterator[bytes]:
        """Its chunks until it ends. Raises `Retry` when it stalls, is left, or its connection is needed elsewhere."""
        ends = [asyncio.ensure_future(event.wait()) for event in (self.lease.over, self.left)]
        try:
            while True:
                coming = asyncio.ensure_future(anext(self.chunks, None))
                try:
                    await asyncio.wait({coming, *ends}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
                    if any(end.done() for end in ends):
                        raise Retry(self.unfit or str(self.lease.why))
                    if not coming.done():
                        raise Retry(f"it sent nothing for {self.patience:g} s")
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.gather(coming, return_exceptions=True)
                chunk = coming.result()
                if chunk is None:
                    return
                yield chunk
        finally:
            for end in ends:
                end.cancel()


class SentNothing(Retry):
    """An answer without a byte: some servers begin so, and send the stream when they are asked again."""


@dataclass(slots=True)
class SecondChance:
    """A stream that failed and may yet play."""

    stream: Stream
    error: NightcrewError
    tries: int = 0


class Finder:
    """Tries a channel's streams for its viewers. `kind`: the content type that a stream must have, None for any."""

    def __init__(
        self, runtime: Runtime, channel: Channel, owner: str, yields_in: Callable[[Collection[str]], float]
    ) -> None:
        self._runtime, self._channel, self._yields_in = runtime, channel, yields_in
        self.owner = owner
        """Who watches, for the board."""
        self.kind: str | None = None
        self.failed = set[int]()
        """Streams that did not play when they were tried last."""

    async def next(self, streams: Iterable[Stream]) -> Playing:
        """The first of the streams that gives bytes. Raises the last one's reason.

        Each is given little time while another waits. Those that may yet play are then tried again, with patience.
        """
        left, passing = deque(streams), deque[SecondChance]()
        error: NightcrewError = Retry(f"every stream of channel {self._channel.name!r} has ended")
        parked: RouteDown | None = None
        while left:
            stream = left.popleft()
            lone = not left and not passing
            try:
                return await self._start(stream, PATIENT if lone else FIRST_BYTE, others=not lone)
            except NightcrewError as exc:
                error = self._left(stream, exc)
                parked = exc if isinstance(exc, RouteDown) else parked
                if _may_pass(exc):
                    passing.append(SecondChance(stream, exc))
        return await self._again(passing, parked or error)

    async def _again(self, passing: deque[SecondChance], error: NightcrewError) -> Playing:
        """Try those that failed once more, in turn."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + TRY_FOR
        while passing:
            one = passing.popleft()
            pause = max(PAUSE * 2**one.tries, getattr(one.error, "after", None) or 0.0)
            if one.tries >= (1 if one.error.unreached else TRIES) or clock() + pause >= deadline:
                continue
            if one.error.status is not None or one.error.unreached or isinstance(one.error, SentNothing):  # else slow
                await asyncio.sleep(pause)
            one.tries += 1
            try:
                return await self._start(one.stream, min(PATIENT, deadline - clock()), others=bool(passing))
            except NightcrewError as exc:
                error = one.error = self._left(one.stream, exc)
                if _may_pass(exc):
                    passing.append(one)
        raise error

    def _left(self, stream: Stream, exc: NightcrewError) -> NightcrewError:
        log.info("stream left", channel=self._channel.name, source=stream.source, reason=str(exc))
        self.failed.add(stream.id)
        return exc

    async def _start(self, stream: Stream, limit: float, *, others: bool) -> Playing:
        """Take a connection, connect, and wait for the first bytes. What was taken is given back when that fails."""
        profiles = preferred(await profiles_of(self._runtime, stream.source_id), stream.profile)
        subject = subject_of(self._channel.id)
        claims = [profile.claim(self.owner, VIEWER, Priority.USE, subject=subject) for profile in profiles]
        releases = self._runtime.part(Releases)
        used = {each.resource for claim in claims for each in claim.limits}
        async with contextlib.AsyncExitStack() as held:
            patience = GRACE + releases.seconds(used) + (0.0 if others else self._yields_in(used))
            lease = await held.enter_async_context(self._runtime.slots.first(claims, patience=patience))
            if lease is None:
                total = sum(profile.most for profile in profiles)
                raise _for_now(Retry(f"all {total} connections of {stream.source} are in use", after=10))
            waiting = await held.enter_async_context(released(releases, lease))
            while True:
                try:
                    playing = await self._open(stream, profiles[lease.place], lease, limit)
                    break
                except NightcrewError as exc:
                    if others and releases.is_ours(used, exc.status):
                        raise _passing(exc) from exc
                    if others or not await waiting.again(exc.status):
                        raise
            waiting.opened()
            self.failed.discard(stream.id)
            await held.enter_async_context(playing.held)
            playing.held = held.pop_all()
            return playing
        raise AssertionError("unreachable")

    async def _open(self, stream: Stream, profile: Profile, lease: Lease, limit: float) -> Playing:
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(limit) as clock:
                    player = self._runtime.part(Player)
                    request = await player.request(self._channel, stream, profile, pick=False)
                    rank = await player.ranking(stream)
                    coming = media(self._runtime.http, request, rank, lambda: clock.reschedule(loop.time() + limit))
                    opened = await held.enter_async_context(coming)
                    first = await anext(opened.chunks, b"")
            except TimeoutError as exc:
                error = Retry(f"{stream.source} sent nothing within {limit:g} s")
                error.last = limit > FIRST_BYTE
                raise error from exc
            kind = media_type(first)
            if not first:
                raise SentNothing(f"{stream.source} sent nothing")
            if kind is None:
                raise _for_now(Retry(f"{stream.source} sent something that is not a stream"))
            if self.kind not in {None, kind}:
                raise _for_now(Retry(f"{stream.source} sends {kind}, which cannot follow {self.kind}"))
            return Playing(
                stream=stream,
                content_type=kind,
                first=first,
                chunks=opened.chunks,
                patience=opened.patience,
                finite=opened.finite,
                lease=lease,
                held=held.pop_all(),
                route=request.route,
                subtitles=opened.subtitles,
                progress=opened.progress,
            )
        raise AssertionError("unreachable")


def _may_pass(error: NightcrewError) -> bool:
    """Whether the same stream may play a moment later."""
    return isinstance(error, Retry) and not error.last and not isinstance(error, RouteDown)


def _for_now(error: Retry) -> Retry:
    """It does not pass in a moment."""
    error.last = True
    return error


def _passing(exc: NightcrewError) -> Retry:
    """A refusal that is on account of a connection of ours."""
    error = Retry(str(exc))
    error.status = exc.status
    return error
