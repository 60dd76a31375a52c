"""The media bytes behind a stream's address, as one continuous stream: HLS is flattened, anything else comes as it is.

Viewers and checks open streams here, so that what was checked is what is played.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.kernel.http import Http, Limits, Live, Request
from nightcrew.playlists import rules
from nightcrew.playlists.formats import hls

STALL = 8.0
"""Seconds without a byte after which a running stream is left; for HLS at least two and a half segments."""
LEAST_PAUSE, LONGEST_TARGET = 0.25, 60.0
"""Seconds between two looks at a playlist at least, whatever it says, and its target duration that is believed at most."""
PLAYLIST_LIMITS = Limits(max_bytes=2 << 20, seconds=5.0)
LARGE = 32 << 10
"""Characters of a playlist from which on it is read in a thread."""

Choose = Callable[[Sequence[rules.Variant]], rules.Variant | None]


@dataclass(slots=True)
class FetchProgress:
    """How a live playlist goes on. `advanced`: a segment has come that was not there when it was opened."""

    advanced: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """A stream that is open. `patience` seconds: how long it may pause; `finite`: it is known to have an end.

    `progress` is that of a live HLS playlist, None for anything else.
    """

    chunks: AsyncIterator[bytes]
    patience: float
    finite: bool = False
    progress: FetchProgress | None = None
    variants: tuple[rules.Variant, ...] = ()
    """What its master playlist offered, if it has one."""
    variant: rules.Variant | None = None
    """Which of them this is."""


@contextlib.asynccontextmanager
async def media(http: Http, request: Request, choose: Choose = rules.best_variant) -> AsyncIterator[Media]:
    """Open a stream. `choose` picks a variant of a master playlist. Raises as `Http.live`; so does reading."""
    async with http.live(request) as live:
        first = await anext(live.chunks, b"")
        if not first.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"#EXTM3U"):
            yield Media(_with(first, live.chunks), STALL, finite=live.length is not None)
            return
        text = await _rest(first, live)
        base = live.url
    variants = tuple(rules.parse_master(text, base))
    variant = choose(variants)
    if variant is not None:
        request = replace(request, url=variant.url)
        text, base = await http.text(request, limits=PLAYLIST_LIMITS)
    playlist = await _parsed(text, base)
    progress = FetchProgress()
    async with contextlib.aclosing(_segments(http, replace(request, url=base), playlist, progress)) as chunks:
        live_list = None if playlist.ended else progress
        yield Media(
            chunks, max(STALL, 2.5 * min(playlist.target, LONGEST_TARGET)), playlist.ended, live_list, variants, variant
        )


async def _segments(
    http: Http, request: Request, playlist: hls.MediaPlaylist, progress: FetchProgress
) -> AsyncGenerator[bytes, None]:
    """The segments of a live playlist one after the other, for as long as new ones come."""
    newest = playlist.segments[-1].sequence if playlist.segments else -1
    last: int | None = None
    init: str | None = None
    keys = _Keys(http, request)
    while True:
        fresh = hls.following(playlist, last)
        for segment in fresh:
            progress.advanced = progress.advanced or segment.sequence > newest
            wanted = [segment.url] if segment.init in {None, init} else [str(segment.init), segment.url]
            for url in wanted:
                async with http.live(replace(request, url=url)) as live:
                    plain = live.chunks if segment.key is None else _decrypted(live.chunks, await keys.of(segment))
                    async for chunk in plain:
                        yield chunk
            last, init = segment.sequence, segment.init
        if playlist.ended:
            return
        await asyncio.sleep(max(LEAST_PAUSE, playlist.target / 4 if fresh else playlist.target / 2))
        text, base = await http.text(request, limits=PLAYLIST_LIMITS)
        playlist = await _parsed(text, base)


async def _parsed(text: str, base: str) -> hls.MediaPlaylist:
    """As `hls.parse_media`; a large one takes a tenth of a second, and is read beside the event loop."""
    return await asyncio.to_thread(hls.parse_media, text, base) if len(text) > LARGE else hls.parse_media(text, base)


class _Keys:
    """The keys of a playlist's segments, the last one kept: it changes seldom."""

    def __init__(self, http: Http, request: Request) -> None:
        self._http, self._request = http, request
        self._known: tuple[str, bytes] | None = None

    async def of(self, segment: hls.MediaSegment) -> CipherContext:
        """What decrypts a segment. Raises `Retry` for a key that is none."""
        url = str(segment.key)
        if self._known is None or self._known[0] != url:
            async with self._http.live(replace(self._request, url=url)) as live:
                key = await _small(live)
            if len(key) != 16:
                raise Retry("the key of its segments is not 16 bytes long")
            self._known = (url, key)
        return Cipher(algorithms.AES(self._known[1]), modes.CBC(segment.iv)).decryptor()


async def _decrypted(chunks: AsyncIterator[bytes], cipher: CipherContext) -> AsyncIterator[bytes]:
    """AES-128 in CBC mode, the last block padded (RFC 8216, 4.3.2.4)."""
    padding = PKCS7(128).unpadder()
    try:
        async for chunk in chunks:
            if plain := padding.update(cipher.update(chunk)):
                yield plain
        yield padding.update(cipher.finalize()) + padding.finalize()
    except ValueError as exc:
        raise Retry("its segments cannot be decrypted with the key that its playlist names") from exc


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


async def _small(live: Live, most: int = 64) -> bytes:
    """A body of a few bytes; of a longer one the beginning."""
    found = b""
    async for chunk in live.chunks:
        found += chunk
        if len(found) > most:
            break
    return found


async def _rest(first: bytes, live: Live) -> str:
    """A playlist that has begun with `first`."""
    parts, size = [first], len(first)
    async for chunk in live.chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > PLAYLIST_LIMITS.max_bytes:
            raise GiveUp("its HLS playlist is too large")
    return b"".join(parts).decode("utf-8", "replace")
