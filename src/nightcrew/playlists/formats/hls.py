"""HLS media playlists (RFC 8216), as far as a live stream is relayed: which segments there are and where."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from nightcrew.kernel.errors import GiveUp, Retry

MAX_SEGMENTS = 5_000
MAX_LINES = 200_000
MAX_SECONDS = 60.0
"""Longest believable duration of a segment."""
MAX_RANGE = 1 << 40
_ATTRIBUTE = re.compile(r'(?<![A-Z0-9-])([A-Z0-9-]++)\s*+=\s*+("[^"]*"|[^,]*)')


@dataclass(frozen=True, slots=True)
class FileRange:
    """A range of bytes of a file (RFC 8216, 4.3.2.2)."""

    start: int
    length: int

    @property
    def header(self) -> str:
        """As the header `Range` (RFC 9110, 14.2)."""
        return f"bytes={self.start}-{self.start + self.length - 1}"


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """One media segment; `init` is the address of what its EXT-X-MAP names, to be sent before it when it changes.

    `key` is the address of the key that it is encrypted with (AES-128), `iv` its initialisation vector. `part` and `init_part`:
    what is to be read of the files, None: all. `gap`: the server says that it does not have it.
    """

    sequence: int
    url: str
    seconds: float
    init: str | None = None
    key: str | None = None
    iv: bytes = b""
    part: FileRange | None = None
    init_part: FileRange | None = None
    gap: bool = False


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist at one moment. `target` seconds: the longest segment; `ended`: nothing will be added; `breaks`: it names a
    discontinuity."""

    segments: tuple[MediaSegment, ...]
    target: float
    ended: bool
    breaks: bool = False

    @property
    def seconds(self) -> float:
        """How long all its segments are together."""
        return sum(segment.seconds for segment in self.segments)


def is_address(url: str) -> bool:
    """Whether an address says of itself that it is a playlist of HLS: by its path, or by a value as in `?extension=m3u8`."""
    path, _, query = url.lower().partition("#")[0].partition("?")
    said = {value for part in query.split("&")[:50] for _, equals, value in (part.partition("="),) if equals}
    return path.endswith((".m3u8", ".m3u")) or "m3u8" in said


def attributes(text: str) -> dict[str, str]:
    """An attribute list (RFC 8216, 4.2), without the quotes. Spaces around `=` and `,`, which some write, do not count."""
    return {name: value.strip().strip('"') for name, value in _ATTRIBUTE.findall(text)}


def parse_media(text: str, base: str) -> MediaPlaylist:
    """Raises `Retry` for what is no media playlist, `GiveUp` for one whose segments cannot be passed on as they are."""
    reader = _MediaReader(base)
    for raw in _lines(text):
        reader.read(raw.strip())
    most = (
        slice(MAX_SEGMENTS) if reader.ended else slice(-MAX_SEGMENTS, None)
    )  # a film from its beginning, else the newest
    return MediaPlaylist(tuple(reader.segments[most]), reader.target, reader.ended, reader.breaks)


class _MediaReader:
    """Takes a media playlist line by line, with what the next segment has been told so far."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.segments: list[MediaSegment] = []
        self.target, self.ended, self.breaks = 6.0, False, False
        self._sequence = 0
        self._init: tuple[str, FileRange | None] | None = None
        self._key: str | None = None
        self._vector = b""
        self._next()

    def _next(self) -> None:
        self._seconds, self._range, self._gap = 0.0, "", False

    def read(self, line: str) -> None:
        """One line. Raises as `parse_media`."""
        name, _, value = line.partition(":")
        match name:
            case "#EXT-X-MEDIA-SEQUENCE":
                self._sequence = _whole(value)
            case "#EXT-X-TARGETDURATION":
                self.target = _seconds(value)
            case "#EXTINF":
                self._seconds = _seconds(value.partition(",")[0])
            case "#EXT-X-MAP":
                said = attributes(value)
                part = _part(said["BYTERANGE"], 0) if said.get("BYTERANGE") else None
                self._init = (_address(self._base, said.get("URI", "")), part)
            case "#EXT-X-KEY":
                self._key, self._vector = _key(self._base, value)
            case "#EXT-X-BYTERANGE":
                self._range = value
            case "#EXT-X-GAP":
                self._gap = True
            case "#EXT-X-DISCONTINUITY" | "#EXT-X-ENDLIST":
                self.breaks = self.breaks or name == "#EXT-X-DISCONTINUITY"
                self.ended = self.ended or name == "#EXT-X-ENDLIST"
            case _ if name and not name.startswith("#"):
                self._segment(line)

    def _segment(self, line: str) -> None:
        url = _address(self._base, line)
        init, init_part = self._init or (None, None)
        segment = MediaSegment(
            self._sequence,
            url,
            self._seconds or self.target,
            init,
            self._key,
            self._vector or self._sequence.to_bytes(16, "big"),
            _part(self._range, self._behind(url)) if self._range else None,
            init_part,
            self._gap,
        )
        self.segments.append(segment)
        self._sequence += 1
        self._next()

    def _behind(self, url: str) -> int:
        """Where the range before ended, which is where one begins that does not say so."""
        last = self.segments[-1] if self.segments else None
        return (
            last.part.start + last.part.length if last is not None and last.part is not None and last.url == url else 0
        )


def _lines(text: str) -> list[str]:
    """The lines after the first, as many as are read."""
    lines = text.splitlines()[:MAX_LINES]
    if not lines or not lines[0].lstrip("\ufeff").startswith("#EXTM3U"):
        raise Retry("it is not an HLS playlist")
    return lines[1:]


def following(playlist: MediaPlaylist, last: int | None, *, behind: int = 3) -> tuple[MediaSegment, ...]:
    """What comes after segment `last`; at the start (None) the newest `behind` ones, or all of a finished playlist.

    A server that has begun to count anew starts like a new one.
    """
    segments = playlist.segments
    if last is None:
        return segments if playlist.ended else segments[-behind:]
    if segments and segments[-1].sequence < last - len(segments):
        return segments[-behind:]
    return tuple(segment for segment in segments if segment.sequence > last)


def repeats_after(segments: Sequence[MediaSegment]) -> float:
    """Seconds after which a playlist names its segments once more, 0 when it does not.

    All that it names has to fit, and two different ones have to come again: some servers have one address for all segments, and an
    advert that is shown again is no loop.
    """
    named = [(one.url, one.part) for one in segments]
    period = _period(named)
    if period < 2 or len(named) - period < 2:
        return 0.0
    return sum(one.seconds for one in segments[:period])


def names_twice(segments: Sequence[MediaSegment]) -> bool:
    """Whether one of them is named more than once."""
    return len({(one.url, one.part) for one in segments}) < len(segments)


def _period(items: Sequence[Hashable]) -> int:
    """The least distance at which a sequence is itself again, its length at most; 0 for an empty one (Knuth, Morris, Pratt)."""
    borders = [0] * len(items)
    for at in range(1, len(items)):
        border = borders[at - 1]
        while border and items[at] != items[border]:
            border = borders[border - 1]
        borders[at] = border + (items[at] == items[border])
    return len(items) - borders[-1] if items else 0


def _key(base: str, value: str) -> tuple[str | None, bytes]:
    """The key's address and the initialisation vector of an EXT-X-KEY (RFC 8216, 4.3.2.4); no address: not encrypted.

    No vector: it follows from the segment's number. Only what any player does without a licence: a key that lies beside the
    segments. Anything else is refused.
    """
    said = attributes(value)
    method = said.get("METHOD", "").upper()
    if method == "NONE":
        return None, b""
    if method != "AES-128" or said.get("KEYFORMAT", "").lower() not in {"", "identity"}:
        raise GiveUp("its segments are protected by a licence, and are not passed on")
    digits = said.get("IV", "").lower().removeprefix("0x")
    try:
        vector = bytes.fromhex(digits.rjust(32, "0")) if digits else b""
    except ValueError as exc:
        raise Retry("its initialisation vector cannot be read") from exc
    if len(vector) not in {0, 16}:
        raise Retry("its initialisation vector cannot be read")
    return _address(base, said.get("URI", "")), vector


def _part(text: str, behind: int) -> FileRange:
    """`<length>[@<start>]`; without a start it begins at `behind`. Raises `Retry` for what is no range."""
    length, at, start = text.strip().partition("@")
    found = FileRange(_whole(start) if at else behind, _whole(length))
    if not 0 < found.length <= MAX_RANGE or found.start > MAX_RANGE:
        raise Retry("it names a range of bytes that cannot be read")
    return found


def _address(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError as exc:
        raise Retry("it names an address that cannot be read") from exc


def _whole(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _seconds(text: str) -> float:
    try:
        value = float(text.strip()[:20])
    except ValueError:
        return 6.0
    return value if 0.0 < value <= MAX_SECONDS else 6.0
