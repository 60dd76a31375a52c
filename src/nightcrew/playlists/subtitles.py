"""The subtitles that a stream's master playlist names, for players that get the channel as HLS: read when somebody asks for them.

They are WebVTT, whose times count from the picture's own (RFC 8216, 3.5), so they are passed on as they are.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from nightcrew.kernel.errors import NeedsUser, NotFound, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.playlists.formats import hls
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.segments import EXPIRED, PLAYLIST_LIMITS, parsed

KIND = "text/vtt"
FRESH = 1.0
"""Seconds for which a playlist of theirs is not read again, however many ask."""
LIMITS = Limits(max_bytes=256 << 10, seconds=10.0)
"""Of a segment."""
LISTED, KEPT, KEPT_BYTES = 200, 64, 1 << 20
"""Segments of a playlist that are named, the newest ones, and how many are kept of each rendition, and of how many bytes."""
OVER = "the stream to which the subtitles belong is over"
NAME = re.compile(r"subs(\d{1,2})(?:-(\d{1,18}))?\.(m3u8|vtt)")
"""What they are called: `subs0.m3u8` and its segments `subs0-17.vtt`."""


@dataclass(slots=True)
class _KeptRendition:
    """What was read of a rendition."""

    playlist: hls.MediaPlaylist | None = None
    read_at: float = 0.0
    named: dict[int, hls.MediaSegment] = field(default_factory=dict)
    segments: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Who reads the playlist."""
    turns: WeakValueDictionary[int, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """Who reads a segment: one that hangs keeps nobody from the others."""

    def keep(self, sequence: int, segment: bytes) -> None:
        """Have a segment for who asks next; the oldest ones make room."""
        self.segments[sequence] = segment
        while len(self.segments) > KEPT or sum(map(len, self.segments.values())) > KEPT_BYTES:
            self.segments.popitem(last=False)


class Subtitles:
    """The renditions that belong to the picture that plays. They end with its stream.

    `anew`: reads all that the master playlist names now, where the addresses of before are refused.
    """

    def __init__(
        self,
        http: Http,
        request: Request,
        renditions: Sequence[SubtitleRendition],
        anew: Callable[[], Awaitable[Sequence[SubtitleRendition]]],
    ) -> None:
        self.renditions = tuple(renditions)
        self._urls = [one.url for one in renditions]
        self._http, self._request, self._anew = http, replace(request, attempts=1), anew
        self._kept = [_KeptRendition() for _ in renditions]
        self._over = False

    def close(self) -> None:
        """Its stream is over: its connections are closed with it."""
        self._over = True

    async def playlist(self, place: int, query: str) -> str:
        """The playlist of a rendition; the addresses in it end with `query`. Raises `NotFound`, and as reading does."""
        kept = self._of(place)
        async with kept.turn:
            now = asyncio.get_running_loop().time()
            if kept.playlist is None or now - kept.read_at > FRESH:
                text, base = await self._listed(place)
                kept.playlist, kept.read_at = await parsed(text, base), now
        newest = kept.playlist.segments[-LISTED:]
        kept.named = {one.sequence: one for one in newest if not (one.init or one.key or one.part or one.gap)}
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{max(1, round(kept.playlist.target + 0.5))}"]
        lines += [f"#EXT-X-MEDIA-SEQUENCE:{newest[0].sequence if newest else 0}"]
        for one in newest:
            lines += [f"#EXTINF:{one.seconds:.3f},", f"subs{place}-{one.sequence}.vtt{query}"]
        return "\n".join([*lines, ""])

    async def segment(self, place: int, sequence: int) -> bytes:
        """A segment that its playlist has named. Raises `NotFound` for another one, `Retry` for what is no WebVTT."""
        kept = self._of(place)
        async with kept.turns.setdefault(sequence, asyncio.Lock()):
            if (found := kept.segments.get(sequence)) is not None:
                return found
            named = kept.named.get(sequence)
            if named is None:
                raise NotFound(f"there are no subtitles {sequence} any more")
            text, _ = await self._text(named.url, LIMITS)
            if not text.lstrip("\ufeff").startswith("WEBVTT"):
                raise Retry("its subtitles are no WebVTT, so they are not passed on")
            found = text.encode()
            kept.keep(sequence, found)
            return found

    async def _listed(self, place: int) -> tuple[str, str]:
        """A rendition's playlist and its address. Where it is refused, its address is looked up anew: a token may have run out."""
        try:
            return await self._text(self._urls[place], PLAYLIST_LIMITS)
        except Retry as exc:
            if exc.status not in EXPIRED:
                raise
        mine = self.renditions[place]
        for one in await self._anew():
            if (one.group, one.name, one.language) == (mine.group, mine.name, mine.language):
                self._urls[place] = one.url
        return await self._text(self._urls[place], PLAYLIST_LIMITS)

    async def _text(self, url: str, limits: Limits) -> tuple[str, str]:
        """Raises `Retry`, also for what is refused: a player asks, and no person is needed."""
        if self._over:
            raise Retry(OVER)
        try:
            return await self._http.text(self._request.at(url), limits=limits)
        except NeedsUser as exc:
            refused = Retry(str(exc))
            refused.status = exc.status
            raise refused from exc
        except RuntimeError as exc:
            if not self._over:
                raise
            raise Retry(OVER) from exc

    def _of(self, place: int) -> _KeptRendition:
        if place >= len(self._kept):
            raise NotFound(f"there are no subtitles {place}")
        return self._kept[place]
