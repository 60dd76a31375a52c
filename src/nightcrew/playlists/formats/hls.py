"""HLS media playlists (RFC 8216), as far as a live stream is relayed: which segments there are and where."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from nightcrew.kernel.errors import GiveUp, Retry

MAX_SEGMENTS = 5_000
MAX_SECONDS = 60.0
"""Longest believable duration of a segment."""


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """One media segment; `init` is the address of what its EXT-X-MAP names, to be sent before it when it changes.

    `key` is the address of the key that it is encrypted with (AES-128), `iv` its initialisation vector.
    """

    sequence: int
    url: str
    seconds: float
    init: str | None = None
    key: str | None = None
    iv: bytes = b""


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist at one moment. `target` seconds: the longest segment; `ended`: nothing will be added."""

    segments: tuple[MediaSegment, ...]
    target: float
    ended: bool


def parse_media(text: str, base: str) -> MediaPlaylist:
    """Raises `Retry` for what is no media playlist, `GiveUp` for one whose segments cannot be passed on as they are."""
    lines = _lines(text)
    segments: list[MediaSegment] = []
    sequence, target, seconds, ended = 0, 6.0, 0.0, False
    init: str | None = None
    key: str | None = None
    vector = b""
    for raw in lines:
        name, _, value = raw.strip().partition(":")
        match name:
            case "#EXT-X-MEDIA-SEQUENCE":
                sequence = _whole(value)
            case "#EXT-X-TARGETDURATION":
                target = _seconds(value)
            case "#EXTINF":
                seconds = _seconds(value.partition(",")[0])
            case "#EXT-X-MAP":
                init = _address(base, _attribute(value, "URI"))
            case "#EXT-X-KEY":
                key, vector = _key(base, value)
            case "#EXT-X-BYTERANGE":
                raise GiveUp("its segments are parts of one file, which cannot be passed on")
            case "#EXT-X-ENDLIST":
                ended = True
            case _ if name and not name.startswith("#"):
                iv = _vector(vector, sequence)
                segments.append(MediaSegment(sequence, _address(base, raw.strip()), seconds or target, init, key, iv))
                sequence += 1
    return MediaPlaylist(tuple(segments[:MAX_SEGMENTS]), target, ended)


def _lines(text: str) -> list[str]:
    """The lines after the first, as many as are read."""
    lines = text.splitlines()[: 4 * MAX_SEGMENTS]
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


def _key(base: str, value: str) -> tuple[str | None, bytes]:
    """The key's address and the initialisation vector of an EXT-X-KEY (RFC 8216, 4.3.2.4); no address: not encrypted.

    Only what any player does without a licence: a key that lies beside the segments. Anything else is refused.
    """
    if "METHOD=NONE" in value:
        return None, b""
    method = value.partition("METHOD=")[2].partition(",")[0]
    if method != "AES-128" or _attribute(value, "KEYFORMAT") not in {"", "identity"}:
        raise GiveUp("its segments are protected by a licence, and are not passed on")
    digits = value.partition("IV=0x")[2].partition(",")[0].strip()
    try:
        vector = bytes.fromhex(digits.rjust(32, "0")) if digits else b""
    except ValueError as exc:
        raise Retry("its initialisation vector cannot be read") from exc
    if len(vector) not in {0, 16}:
        raise Retry("its initialisation vector cannot be read")
    return _address(base, _attribute(value, "URI")), vector


def _vector(said: bytes, sequence: int) -> bytes:
    """The initialisation vector that was said, or the one that follows from the segment's number."""
    return said or sequence.to_bytes(16, "big")


def _attribute(text: str, name: str) -> str:
    _, found, rest = text.partition(f'{name}="')
    return rest.partition('"')[0] if found else ""


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
