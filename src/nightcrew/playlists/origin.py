"""The media bytes behind a stream's address, as one continuous stream: HLS is flattened, anything else comes as it is.

Viewers and checks open streams here, so that what was checked is what is played. Each stream has connections of its own, which
are closed with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.ffmpeg import ffmpeg_or_none
from nightcrew.kernel.http import Http, Request
from nightcrew.playlists.formats import hls, master
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.mixing import mixed
from nightcrew.playlists.segments import (
    LONGEST_TARGET,
    PLAYLIST_LIMITS,
    FetchProgress,
    Segments,
    parsed,
    read_playlist,
)
from nightcrew.playlists.subtitles import Subtitles
from nightcrew.transport.framing import Plain, framing
from nightcrew.transport.ts import PACKET

log = structlog.get_logger("nightcrew.playlists")

STALL = 8.0
"""Seconds without a byte after which a running stream is left; for HLS at least two and a half segments."""
ENOUGH = 1_024
"""Bytes that tell what a stream is, whatever size its packets have."""
MOST_VARIANTS = 5
"""Variants of a master playlist that are tried."""

Ranking = Callable[[Sequence[master.Variant]], Sequence[master.Variant]]
"""Sorts the variants of a master playlist, the one to be played first."""


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class MasterOffer:
    """What a master playlist offered, and what was taken of it; empty without one."""

    variants: tuple[master.Variant, ...] = ()
    variant: master.Variant | None = None
    sound: master.SoundRendition | None = None
    """The rendition with the sound of `variant`, when that is in segments of its own."""
    subtitles: tuple[master.SubtitleRendition, ...] = ()
    """Those that belong to `variant`."""


@dataclass(frozen=True, slots=True)
class Media:
    """A stream that is open. `patience` seconds: how long it may pause.

    `length` bytes or `seconds`: how much there is of one that has an end, as its server says. `progress` is that of a live HLS
    playlist, None for anything else.
    """

    chunks: AsyncIterator[bytes]
    patience: float
    length: int | None = None
    seconds: float | None = None
    progress: FetchProgress | None = None
    offer: MasterOffer = MasterOffer()
    may_loop: bool = False
    """Whether its live playlist named a discontinuity or a segment twice when it was opened."""
    repeats: float = 0.0
    """Seconds after which its live playlist named the same segments again, 0 when it did not."""
    subtitles: Subtitles | None = None
    """How they are read; None where there are none, or their times would be others than the picture's."""

    @property
    def finite(self) -> bool:
        """Whether it is known to have an end."""
        return self.length is not None or self.seconds is not None


@contextlib.asynccontextmanager
async def media(
    http: Http, request: Request, rank: Ranking = master.best_first, answered: Callable[[], None] = _nothing
) -> AsyncIterator[Media]:
    """Open a stream. `rank` sorts the variants of a master playlist; one that cannot be read is left for the next.

    `answered` is called each time that the server has answered something until it is open. Raises as `Http.live`; so does reading.
    """
    async with http.session() as own:
        async with own.live(request) as live:
            answered()
            first = await _beginning(live.chunks)
            if not _is_playlist(first):
                yield Media(_plain(first, live.chunks), STALL, length=live.length)
                return
            text = await read_playlist(first, live)
            base = live.url
        answered()
        hunt = _Hunt(own, request, rank, answered)
        playlist, base, offer = await hunt.media_playlist(text, base)
        segments = Segments(own, request.at(base), playlist, hunt.anew)
        subtitles = Subtitles(own, request, offer.subtitles, hunt.subtitles) if offer.subtitles else None
        async with contextlib.AsyncExitStack() as held:
            if subtitles is not None:
                held.callback(subtitles.close)
            chunks = await held.enter_async_context(contextlib.aclosing(segments.chunks()))
            if offer.sound is not None and (sound := await hunt.sound(offer.sound)) is not None:
                heard = await held.enter_async_context(contextlib.aclosing(sound.chunks()))
                chunks = await held.enter_async_context(contextlib.aclosing(mixed(ffmpeg_or_none(), chunks, heard)))
            yield Media(
                chunks,
                max(STALL, 2.5 * min(playlist.target, LONGEST_TARGET)),
                seconds=playlist.seconds if playlist.ended else None,
                progress=None if playlist.ended else segments.progress,
                offer=offer,
                may_loop=not playlist.ended and (playlist.breaks or hls.names_twice(playlist.segments)),
                repeats=0.0 if playlist.ended else hls.repeats_after(playlist.segments),
                subtitles=subtitles,
            )


class _Hunt:
    """From an HLS address to a media playlist that can be read."""

    def __init__(self, http: Http, request: Request, rank: Ranking, answered: Callable[[], None]) -> None:
        self._http, self._request, self._rank, self._answered = http, request, rank, answered

    async def media_playlist(self, text: str, base: str) -> tuple[hls.MediaPlaylist, str, MasterOffer]:
        """The playlist in `text`, or of the best variant that it names and that can be read, with its address."""
        variants = tuple(master.parse_master(text, base))
        if not variants:
            return await parsed(text, base), base, MasterOffer()
        sounds, subtitles = master.parse_sounds(text, base), master.parse_subtitles(text, base)
        error: NightcrewError = Retry("its master playlist names no variant that can be played")
        best = self._rank(variants)[:MOST_VARIANTS]
        for variant in best:
            try:
                text, base = await self._read(variant.url, lone=len(best) == 1)
                self._answered()
                shown = tuple(one for one in subtitles if variant.subtitles and one.group == variant.subtitles)
                offer = MasterOffer(variants, variant, master.sound_of(variant, sounds), shown)
                return await parsed(text, base), base, offer
            except NightcrewError as exc:
                error = exc
                log.info("variant left", reason=str(exc))
        raise error

    async def sound(self, rendition: master.SoundRendition) -> Segments | None:
        """The segments of a sound of its own; None where it cannot be had, and the picture comes without it."""
        if not ffmpeg_or_none():
            log.warning("there is no ffmpeg, so a stream comes without its sound")
            return None
        try:
            text, base = await self._read(rendition.url)
            self._answered()
            playlist = await parsed(text, base)
        except NightcrewError as exc:
            log.info("sound left", reason=str(exc))
            return None
        return Segments(self._http, self._request.at(base), playlist, lambda: self._read(rendition.url))

    async def subtitles(self) -> list[master.SubtitleRendition]:
        """What the master playlist names now."""
        return list(master.parse_subtitles(*await self._read(self._request.url)))

    async def anew(self) -> tuple[str, str]:
        """A media playlist's text and address, from the beginning."""
        text, base = await self._read(self._request.url)
        for variant in self._rank(master.parse_master(text, base))[:1]:
            return await self._read(variant.url)
        return text, base

    async def _read(self, url: str, *, lone: bool = True) -> tuple[str, str]:
        request = self._request.at(url)
        request = request if lone else replace(request, attempts=1)
        return await self._http.text(request, limits=PLAYLIST_LIMITS)


def _is_playlist(first: bytes) -> bool:
    return first.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"#EXTM3U")


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Enough of the first bytes to see what they are; fewer when there are no more."""
    found = b""
    async for chunk in chunks:
        found += chunk
        if len(found) >= ENOUGH or _is_playlist(found) or (len(found) > 4 and media_type(found) is not None):
            break
    return found


async def _plain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All bytes; those of a transport stream in packets of the usual size."""
    found = framing(first)
    if found is None or found[1] == PACKET:
        if first:
            yield first
        async for chunk in rest:
            yield chunk
        return
    plain = Plain(*found)
    if packets := plain.feed(first):
        yield packets
    async for chunk in rest:
        if packets := plain.feed(chunk):
            yield packets
