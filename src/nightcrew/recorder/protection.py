"""What a stream says of its protection (DRM): the keys of its playlists, the sample entries of its init sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamlink.stream.hls import HLSStream
from streamlink.stream.hls.m3u8 import M3U8Parser
from streamlink.stream.hls.segment import HLSSegment, Key

from nightcrew.recorder import fmp4
from nightcrew.recorder.wire import PROTECTED

STRETCH = "it is protected (DRM)"
"""Why single segments of a stream that is recorded are missing."""
IDENTITY = "identity"
"""The form of a key that is sent as it is (RFC 8216, 4.3.2.4); also that of a key that names none."""
READABLE = ("http:", "https:")
SESSION_KEYS = "session_keys"


class Protected(Exception):
    """Whoever has its address still cannot read it."""

    def __init__(self) -> None:
        super().__init__(PROTECTED)


def is_protected(key: Key | None) -> bool:
    """Whether a key stands for DRM: everything but whole segments (AES-128) with a key that is sent as it is."""
    if key is None or key.method == "NONE":
        return False
    plain = (key.key_format or IDENTITY).lower() == IDENTITY
    return not (key.method == "AES-128" and plain and (key.uri or READABLE[0]).lower().startswith(READABLE))


def is_over(segments: Sequence[HLSSegment], *, begun: bool) -> bool:
    """Whether a playlist has nothing to record. Before the first segment its newest one decides: a clear preface is no
    programme. Later all do: a programme in the clear may follow a protected one.
    """
    deciding = segments if begun else segments[-1:]
    return bool(deciding) and all(is_protected(one.key) for one in deciding)


def check_master(stream: HLSStream) -> None:
    """Raises `Protected` when its master playlist names only keys that nobody can use."""
    keys: list[Key] = getattr(stream.multivariant, SESSION_KEYS, [])
    if keys and all(map(is_protected, keys)):
        raise Protected


def check_init(init: bytes) -> None:
    """Raises `Protected` when a track is encrypted by an init section (fMP4)."""
    if fmp4.PROTECTED & set(fmp4.sample_entries(init)):
        raise Protected


# -- keys that streamlink's parser passes over -------------------------------------------------------------------------

_parse_key = M3U8Parser._TAGS["EXT-X-KEY"]


def _take_key(parser: M3U8Parser[Any, Any, Any], value: str) -> None:
    """Of several keys for the same segments, one for each system, the one that can be used; streamlink takes the last."""
    known, place = parser._key, len(parser.m3u8.segments)
    _parse_key(parser, value)
    if getattr(parser, "_keyed", None) == place and known and is_protected(parser._key) and not is_protected(known):
        parser._key = known
    vars(parser)["_keyed"] = place


def _take_session_key(parser: M3U8Parser[Any, Any, Any], value: str) -> None:
    """A key that the variants of a master playlist will ask for, which streamlink passes over."""
    other = type(parser)(parser.m3u8.uri)
    _parse_key(other, value)
    if other._key is not None:
        vars(parser.m3u8).setdefault(SESSION_KEYS, []).append(other._key)


# Plugins of streamlink parse playlists in many places, with parsers of their own that inherit these.
M3U8Parser._TAGS = {**M3U8Parser._TAGS, "EXT-X-KEY": _take_key, "EXT-X-SESSION-KEY": _take_session_key}
