"""The subtitles that a stream's master playlist names, for players that get the channel as HLS: read when somebody asks for them.

They are WebVTT, whose times count from the picture's own (RFC 8216, 3.5), so they are passed on as they are.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightcrew.kernel.errors import NotFound, Retry
from nightcrew.kernel.http import Http, Limits, Request
from nightcrew.playlists.formats import hls
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.segments import PLAYLIST_LIMITS, parsed

KIND = "text/vtt"
FRESH = 1.0
"""Seconds for which a playlist of theirs is not read again, however many ask."""
LIMITS = Limits(max_bytes=1 << 20, seconds=10.0)
"""Of a segment."""
LISTED, KEPT = 200, 64
"""Segments of a playlist that are named, the newest ones, and how many are kept of each rendition."""
NAME = re.compile(r"subs(\d{1,2})(?:-(\d{1,18}))?\.(m3u8|vtt)")
"""What they are called: `subs0.m3u8` and its segments `subs0-17.vtt`."""


@dataclass(slots=True)
class _KeptRendition:
    """What was read of a rendition."""

    playlist: hls.MediaPlaylist | None = None
    read_at: float = 0.0
    named: dict[int, hls.MediaSegment] = field(default_factory=dict)
    segments: OrderedDict[int, str] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Subtitles:
    """The renditions that belong to the picture that plays. They end with its stream."""

    def __init__(self, http: Http, request: Request, renditions: Sequence[SubtitleRendition]) -> None:
        self.renditions = tuple(renditions)
        self._http, self._request = http, request
        self._kept = [_KeptRendition() for _ in renditions]

    async def playlist(self, place: int, query: str) -> str:
        """The playlist of a rendition; the addresses in it end with `query`. Raises `NotFound`, and as reading does."""
        kept = self._of(place)
        async with kept.turn:
            now = asyncio.get_running_loop().time()
            if kept.playlist is None or now - kept.read_at > FRESH:
                url = self.renditions[place].url
                text, base = await self._http.text(self._request.at(url), limits=PLAYLIST_LIMITS)
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
        async with kept.turn:
            if sequence not in kept.segments:
                named = kept.named.get(sequence)
                if named is None:
                    raise NotFound(f"there are no subtitles {sequence} any more")
                kept.segments[sequence] = await self._read(named)
                while len(kept.segments) > KEPT:
                    kept.segments.popitem(last=False)
            return kept.segments[sequence].encode()

    async def _read(self, segment: hls.MediaSegment) -> str:
        text, _ = await self._http.text(self._request.at(segment.url), limits=LIMITS)
        if not text.lstrip("\ufeff").startswith("WEBVTT"):
            raise Retry("its subtitles are no WebVTT, so they are not passed on")
        return text

    def _of(self, place: int) -> _KeptRendition:
        if place >= len(self._kept):
            raise NotFound(f"there are no subtitles {place}")
        return self._kept[place]
