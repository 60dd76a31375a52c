"""A live HLS playlist as one continuous stream: its segments one after the other, for as long as new ones come.

What one segment lacks must not end what all the others have: one that is missing is left out, a playlist that has moved or whose
address has expired is opened anew.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import structlog
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http import Http, Limits, Live, Request
from nightcrew.playlists.formats import hls

log = structlog.get_logger("nightcrew.playlists")

LEAST_PAUSE, LONGEST_TARGET = 0.25, 60.0
"""Seconds between two looks at a playlist at least, whatever it says, and its target duration that is believed at most."""
PLAYLIST_LIMITS = Limits(max_bytes=2 << 20, seconds=5.0)
LARGE = 32 << 10
"""Characters of a playlist from which on it is read in a thread."""
MOST_MISSED = 3
"""Segments in a row that may be missing."""
MOST_REOPENED = 2
"""How often in a row a playlist is opened anew as its segments are refused."""
EXPIRED = frozenset({401, 403})
"""Statuses with which a segment is answered whose token has expired: the playlist has a new one."""

BUSY = frozenset({408, 425, 429})
"""Statuses besides those of a server's errors with which a segment may be there a moment later."""
AGAIN = 0.3
"""Seconds after which such a segment is asked for again."""
_UNPRINTED = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")

Opener = Callable[[], Awaitable[tuple[str, str]]]
"""Gives a media playlist's text and its address."""


@dataclass(slots=True)
class FetchProgress:
    """How a live playlist goes on. `advanced`: a segment has come that was not there when it was opened; `ended`: it was its last."""

    advanced: bool = False
    ended: bool = False


class Segments:
    """Reads one media playlist. `anew` opens it again from where it was found first, which gives a new token."""

    def __init__(self, http: Http, request: Request, playlist: hls.MediaPlaylist, anew: Opener) -> None:
        self.progress = FetchProgress()
        self._http, self._request, self._playlist, self._anew = http, request, playlist, anew
        self._newest = playlist.segments[-1].sequence if playlist.segments else -1
        self._last: int | None = None
        self._init: tuple[str | None, hls.FileRange | None] = (None, None)
        self._keys = _Keys(http, request)
        self._missed = 0
        self._refused: int | None = None
        """The segment for which the playlist was opened anew."""
        self._reopened = 0
        """How often that was since a segment last came."""
        self._error: NightcrewError | None = None
        """Why the last segments are missing."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the segments. Raises as `Http.live` when too many of them are missing."""
        while True:
            fresh = hls.following(self._playlist, self._last)
            expired = False
            for segment in fresh:
                sent = False
                try:
                    async for chunk in self._insisted(segment):
                        sent = True
                        yield chunk
                    self._missed, self._reopened, self._error = 0, 0, None
                except NightcrewError as exc:
                    may_reopen = segment.sequence != self._refused and self._reopened < MOST_REOPENED
                    expired = exc.status in EXPIRED and may_reopen
                    if not expired or (sent and segment.init is not None):
                        self._miss(segment, exc, sent=sent)
                if expired:
                    self._refused, self._reopened = segment.sequence, self._reopened + 1
                    break
                self._last = segment.sequence
            if self._playlist.ended and not expired:
                if self._error is not None:
                    raise self._error
                self.progress.ended = True
                return
            if not expired:
                target = self._playlist.target
                await asyncio.sleep(max(LEAST_PAUSE, target / 4 if fresh else target / 2))
            self._playlist = await self._reloaded(expired=expired)

    async def _insisted(self, segment: hls.MediaSegment) -> AsyncGenerator[bytes, None]:
        """One segment, asked for again where its server was busy; the second one of those that are missing in a row is not."""
        sent = False
        try:
            async for chunk in self._segment(segment):
                sent = True
                yield chunk
        except Retry as exc:
            busy = exc.status is None or exc.status in BUSY or exc.status >= 500
            if sent or self._missed or not busy:
                raise
        else:
            return
        await asyncio.sleep(AGAIN)
        async for chunk in self._segment(segment):
            yield chunk

    async def _segment(self, segment: hls.MediaSegment) -> AsyncGenerator[bytes, None]:
        """One segment, after its head when that has changed."""
        if segment.gap:
            return
        self.progress.advanced = self.progress.advanced or segment.sequence > self._newest
        head = (segment.init, segment.init_part)
        if segment.init is not None and head != self._init:
            async with self._http.live(self._wanting(segment.init, segment.init_part)) as live:
                async for chunk in _ranged(live, segment.init_part):
                    yield chunk
        self._init = head
        async with self._http.live(self._wanting(segment.url, segment.part)) as live:
            coming, begun = _ranged(live, segment.part), False
            async for chunk in coming if segment.key is None else _decrypted(coming, await self._keys.of(segment)):
                if not begun and is_page(chunk):
                    raise _page()
                begun = True
                yield chunk

    def _wanting(self, url: str, part: hls.FileRange | None) -> Request:
        wanted = self._request.at(url)
        return wanted if part is None else replace(wanted, headers={**wanted.headers, "Range": part.header})

    def _miss(self, segment: hls.MediaSegment, error: NightcrewError, *, sent: bool) -> None:
        """Pass over a segment. Raises the error when that is one too many, and for boxes of which a part was `sent`."""
        self._missed, self._error = self._missed + 1, error
        if self._missed > MOST_MISSED or (sent and segment.init is not None):
            raise error
        log.info("segment left out", sequence=segment.sequence, reason=str(error))

    async def _reloaded(self, *, expired: bool) -> hls.MediaPlaylist:
        """The playlist as it is now. One that cannot be read any more is opened anew."""
        if not expired:
            try:
                text, base = await self._http.text(replace(self._request, attempts=2), limits=PLAYLIST_LIMITS)
                return await parsed(text, base)
            except NightcrewError as exc:
                log.info("playlist opened anew", reason=str(exc))
        text, base = await self._anew()
        self._request = self._request.at(base)
        return await parsed(text, base)


async def parsed(text: str, base: str) -> hls.MediaPlaylist:
    """As `hls.parse_media`; a large one takes a tenth of a second, and is read beside the event loop."""
    return await asyncio.to_thread(hls.parse_media, text, base) if len(text) > LARGE else hls.parse_media(text, base)


async def _ranged(live: Live, part: hls.FileRange | None) -> AsyncIterator[bytes]:
    """The bytes of a range, also where the server sends the whole file."""
    skip, left = (0, None) if part is None else (0 if live.partial else part.start, part.length)
    async for chunk in live.chunks:
        found = chunk[skip:]
        skip -= len(chunk) - len(found)
        if left is not None:
            found = found[:left]
            left -= len(found)
        if found:
            yield found
        if left == 0:
            return
    if left:
        raise Retry("a range of bytes that its playlist names is not there")


class _Keys:
    """The keys of a playlist's segments, the last one kept: it changes seldom."""

    def __init__(self, http: Http, request: Request) -> None:
        self._http, self._request = http, request
        self._known: tuple[str, bytes] | None = None

    async def of(self, segment: hls.MediaSegment) -> CipherContext:
        """What decrypts a segment. Raises `Retry` for a key that is none."""
        url = str(segment.key)
        if self._known is None or self._known[0] != url:
            async with self._http.live(self._request.at(url)) as live:
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


def is_page(data: bytes) -> bool:
    """Whether these are the first bytes of a page or a message in the place of media: of HTML, XML or JSON."""
    begins = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    return begins[:1] in {b"<", b"{"} and not _UNPRINTED.search(begins)


def _page() -> Retry:
    """It is no use to try the stream again at once."""
    error = Retry("its server sent a page in the place of a segment")
    error.last = True
    return error


async def _small(live: Live, most: int = 64) -> bytes:
    """A body of a few bytes; of a longer one the beginning."""
    found = b""
    async for chunk in live.chunks:
        found += chunk
        if len(found) > most:
            break
    return found


async def read_playlist(first: bytes, live: Live) -> str:
    """A playlist that has begun with `first`. Raises `GiveUp` for one that is too large."""
    parts, size = [first], len(first)
    async for chunk in live.chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > PLAYLIST_LIMITS.max_bytes:
            raise GiveUp("its HLS playlist is too large")
    return b"".join(parts).decode("utf-8", "replace")
