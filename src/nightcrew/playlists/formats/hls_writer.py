"""A stream that runs cut into HLS segments, without encoding it anew, and the playlist of the newest ones (RFC 8216). Pure."""

from __future__ import annotations

import math
import re
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightcrew.kernel.errors import GiveUp
from nightcrew.playlists.formats.master import SubtitleRendition
from nightcrew.playlists.joining import Piece
from nightcrew.transport import ts
from nightcrew.transport.id3 import time_tag

TARGET, LONGEST = 4.0, 12.0
"""Seconds after which a segment ends at the next place where a decoder can begin, or at any place."""
SHORT, FIRST = 1.0, 3
"""The first few end sooner, so that a player can begin."""
LISTED, KEPT = 6, 10
"""Segments that the playlist names, and how many are kept: a player may ask for one that has just left it."""
MOST = 48 << 20
"""Bytes of all segments of a channel that are kept."""
HLS_TYPE = "application/vnd.apple.mpegurl"
PICTURE = "picture.m3u8"
"""The playlist of picture and sound, where subtitles are offered beside it."""
_LANGUAGE = re.compile(r"[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
"""A tag of RFC 5646, roughly."""
SUFFIXES = {"video/mp2t": "ts", "video/mp4": "m4s", "audio/mpeg": "mp3", "audio/aac": "aac", "audio/ac3": "ac3"}
"""By content type, of what can be sent as HLS."""


@dataclass(frozen=True, slots=True)
class HlsSegment:
    """`seconds` long; `breaks`: what comes does not go on from the one before; `head`: what EXT-X-MAP names for it."""

    number: int
    data: bytes
    seconds: float
    breaks: bool
    head: bytes = b""


@dataclass(slots=True)
class Reel:
    """The newest segments of one channel. `kind` is its content type, one of `SUFFIXES`."""

    kind: str
    next: int = 0
    """The number of the next segment."""
    segments: deque[HlsSegment] = field(default_factory=deque)
    _head: bytes = b""
    """That of the present segment, for fragmented MP4."""
    _count: int = 0
    _longest: int = math.ceil(TARGET)
    _breaks_gone: int = 0
    """Breaks that are before all that is kept."""
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _began: float | None = None
    """When the present segment began, in seconds of `now`."""
    _clock: float | None = None
    """The same, in the stream's own clock, where it has one."""
    _breaks: bool = False
    _sum: float = 0.0
    _since: float | None = None
    """When the first piece came, as long as no decoder could begin with one."""

    def feed(self, piece: Piece, head: bytes, now: float) -> bool:
        """Take a piece of the stream; returns whether a segment has become whole. `head`: what a decoder needs first.

        Raises `GiveUp` for MP4 whose fragments are too large to be segments, or that has none.
        """
        clock = self._clock_of(piece.data)
        if self._began is None:
            self._since = now if self._since is None else self._since
            if not piece.entry and (self.kind == "video/mp4" or now - self._since < LONGEST):
                return False
            self._begin(head, clock, now)
        whole = self._parts and self._is_due(piece, clock, now)
        if whole:
            self._end(clock, now)
            self._begin(head, clock, now)
        self._parts.append(piece.data)
        self._size += len(piece.data)
        if self._size > MOST:
            raise GiveUp("its fragments are too large to be sent as HLS")
        return bool(whole)

    @property
    def bandwidth(self) -> int:
        """Bits a second of the largest segment, at least 1."""
        return max((round(len(one.data) * 8 / one.seconds) for one in self.segments), default=0) or 1

    @property
    def longest(self) -> int:
        """Seconds of the longest segment that there was, rounded up."""
        return self._longest

    def head(self, name: str) -> bytes | None:
        """The head that is called so in the playlist."""
        return next((one.head for one in self.segments if one.head and _head_name(one.head) == name), None)

    def segment(self, number: int) -> HlsSegment | None:
        """A segment that is kept."""
        return next((one for one in self.segments if one.number == number), None)

    def playlist(self, prefix: str, query: str) -> str:
        """The newest segments; their addresses begin with `prefix` and end with `query`."""
        listed = list(self.segments)[-LISTED:]
        first = listed[0].number if listed else 0
        passed = self._breaks_gone + sum(one.breaks for one in self.segments if one.number < first)
        shown = b""
        lines = ["#EXTM3U", f"#EXT-X-VERSION:{7 if self._head else 3}", f"#EXT-X-TARGETDURATION:{self._longest}"]
        lines += [f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [f"#EXT-X-DISCONTINUITY-SEQUENCE:{passed}"] if passed else []
        for one in listed:
            lines += ["#EXT-X-DISCONTINUITY"] if one.breaks else []
            lines += [f'#EXT-X-MAP:URI="{prefix}{_head_name(one.head)}{query}"'] if one.head != shown else []
            shown = one.head
            lines += [f"#EXTINF:{one.seconds:.3f},", f"{prefix}{one.number}.{SUFFIXES[self.kind]}{query}"]
        return "\n".join([*lines, ""])

    def _begin(self, head: bytes, clock: float | None, now: float) -> None:
        self._began, self._clock = now, clock
        self._parts, self._size = [], 0
        if self.kind == "video/mp4":
            self._breaks = self._breaks or bool(self._head and self._head != head)
            self._head = head
        elif self.kind == "video/mp2t":
            self._parts = [head]
        else:
            self._parts = [time_tag(self._sum)]

    def _is_due(self, piece: Piece, clock: float | None, now: float) -> bool:
        lasted = self._lasted(clock, now)
        cut_anywhere = self.kind != "video/mp4" and (lasted >= LONGEST or self._size > MOST // KEPT)
        target = SHORT if self._count < FIRST else TARGET
        return cut_anywhere or (piece.entry and (lasted >= target or self._jumped(clock)))

    def _lasted(self, clock: float | None, now: float) -> float:
        """Seconds of the present segment: by the stream's clock, or by ours where that has none or has jumped."""
        if clock is None or self._clock is None or self._jumped(clock):
            return now - (now if self._began is None else self._began)
        return ts.later(clock, self._clock) if self.kind == "video/mp2t" else clock - self._clock

    def _jumped(self, clock: float | None) -> bool:
        if clock is None or self._clock is None:
            return False
        step = ts.later(clock, self._clock) if self.kind == "video/mp2t" else clock - self._clock
        return not -0.5 <= step <= 2 * LONGEST

    def _end(self, clock: float | None, now: float) -> None:
        seconds = max(0.1, self._lasted(clock, now))
        self._sum += seconds
        self.segments.append(HlsSegment(self.next, b"".join(self._parts), seconds, self._breaks, self._head))
        self.next, self._count = self.next + 1, self._count + 1
        self._longest = max(self._longest, math.ceil(seconds))
        self._breaks = self._jumped(clock)
        while len(self.segments) > KEPT or (len(self.segments) > 2 and sum(len(s.data) for s in self.segments) > MOST):
            self._breaks_gone += self.segments.popleft().breaks

    def _clock_of(self, data: bytes) -> float | None:
        if self.kind == "video/mp2t":
            return ts.first_time(data)
        return _fragment_time(data, self._head) if self.kind == "video/mp4" and self._head else None


def master_text(renditions: Sequence[SubtitleRendition], bandwidth: int, prefix: str, query: str) -> str:
    """A master playlist of one picture and its subtitles, which are at `subs0.m3u8` and so on (RFC 8216, 4.3.4)."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3"]
    for place, one in enumerate(renditions):
        said = {
            "TYPE": "SUBTITLES",
            "GROUP-ID": '"subs"',
            "NAME": f'"{_quotable(one.name) or f"Subtitles {place + 1}"}"',
        }
        said |= {"LANGUAGE": f'"{one.language}"'} if _LANGUAGE.fullmatch(one.language) else {}
        said |= {
            "DEFAULT": "YES" if one.default else "NO",
            "AUTOSELECT": "YES",
            "FORCED": "YES" if one.forced else "NO",
        }
        said |= {"URI": f'"{prefix}subs{place}.m3u8{query}"'}
        lines.append("#EXT-X-MEDIA:" + ",".join(f"{name}={value}" for name, value in said.items()))
    lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},SUBTITLES="subs"', f"{prefix}{PICTURE}{query}", ""]
    return "\n".join(lines)


def _quotable(text: str) -> str:
    return "".join(sign for sign in text[:60] if sign.isprintable() and sign != '"').strip()


def _head_name(head: bytes) -> str:
    """Another head has another name."""
    return f"init{zlib.crc32(head):08x}.mp4"


def _fragment_time(data: bytes, head: bytes) -> float | None:
    """The decode time of a fragment (`tfdt`, ISO/IEC 14496-12, 8.8.12) in the time scale of the first track (`mdhd`, 8.4.2)."""
    at, scale_at = data.find(b"tfdt", 0, 4096), head.find(b"mdhd")
    if at < 0 or scale_at < 0 or len(data) < at + 16 or len(head) < scale_at + 32:
        return None
    place = scale_at + (24 if head[scale_at + 4] == 1 else 16)
    scale = int.from_bytes(head[place : place + 4], "big")
    size = 8 if data[at + 4] == 1 else 4
    return int.from_bytes(data[at + 8 : at + 8 + size], "big") / scale if scale else None
