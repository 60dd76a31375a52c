"""What is asked of one HLS stream: its playlist, its keys, its init sections, its segments. Streamlink's, in our order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from streamlink import Streamlink
from streamlink.exceptions import StreamError
from streamlink.stream.hls import M3U8, HLSStream, parse_m3u8
from streamlink.stream.hls.segment import HLSSegment
from streamlink.utils.crypto import AES, unpad

from nightcrew.recorder import protection
from nightcrew.recorder.fetch import LARGE, READ, SMALL, Refused, body, status_of
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.shelf import KEPT_SECONDS, PLAYLIST, Shelf
from nightcrew.recorder.source import PLAYLIST_SECONDS, ResolvedStream

SEGMENT_SECONDS = 15.0
"""Seconds that a segment may take, or three target durations if that is more."""
LEAST_PATIENCE = 2.5
KEY_PAUSE = 2.0
"""Seconds before a key is asked for again."""
ADVERTISEMENT = "an advertisement, which is not recorded"


class HlsRequests:
    """Asks for what one media playlist lists, unless it is on the shelf. `target`: its target duration in seconds."""

    def __init__(
        self, session: Streamlink, stream: HLSStream, shelf: Shelf, check: Callable[[], None], target: float = 6.0
    ) -> None:
        self._session, self._stream, self._shelf, self._check, self.target = session, stream, shelf, check, target
        self._looked = 0.0
        """When the playlist was read that was looked at last."""
        self._parts = stream.__reader__(
            stream
        )  # never opened: its requests, keys and filters are used, not its threads
        self._parts.writer.retries = 0  # who asks for a segment tries again
        self._init: tuple[Any, bytes] = (None, b"")
        self._no_key: tuple[Any, float, str] = (None, 0.0, "")

    def playlist(self) -> M3U8[Any, Any]:
        """What it lists now. Raises OSError and `ValueError`."""
        after = max(self._looked, time.monotonic() - self.target)
        (data, url), self._looked = self._shelf.get(PLAYLIST, self._asked, _size_of, self._check, after=after)
        found = _parsed(data, url, self._stream)
        if found.is_master:
            raise Refused("it is a master playlist")
        return found

    def _asked(self) -> tuple[bytes, str]:
        address = self._shelf.address or self._stream.url
        seconds, quiet = PLAYLIST_SECONDS, self._patience()
        params = self._parts.request_params
        data, self._shelf.address = body(self._session, address, limit=SMALL, seconds=seconds, quiet=quiet, **params)
        return data, self._shelf.address

    def passed_over(self, segment: HLSSegment) -> str:
        """Why a segment is not asked for at all; empty for one that is."""
        if self._parts.writer.should_filter_segment(segment):
            return ADVERTISEMENT
        return protection.STRETCH if protection.is_protected(segment.key) else ""

    def init_of(self, segment: HLSSegment) -> bytes:
        """The init section that a segment needs, kept as long as it is the same one. Raises `Protected` and OSError."""
        if segment.map is None:
            return b""
        name = (segment.map.uri, segment.map.byterange)
        if self._init[0] != name:
            init = self._body(segment, segment.map.key, is_map=True)
            protection.check_init(init)
            self._init = (name, init)
        return self._init[1]

    def segment(self, segment: HLSSegment) -> bytes:
        """A segment, decrypted. Raises OSError and `StreamError`."""
        return self._body(segment, segment.key, is_map=False)

    def _body(self, segment: HLSSegment, key: Any, *, is_map: bool) -> bytes:
        what = segment.map if is_map and segment.map is not None else segment
        params = self._parts.writer.create_request_params(
            segment.num, what, is_map
        )  # counts byte ranges: it is always asked
        name = (None if is_map else segment.num, what.uri, str(what.byterange))
        after = time.monotonic() - KEPT_SECONDS
        data, _ = self._shelf.get(name, lambda: self._read(segment, what, key, params), len, self._check, after=after)
        return data

    def _read(self, segment: HLSSegment, what: Any, key: Any, params: dict[str, Any]) -> bytes:
        cipher = self._cipher(key, segment.num) if key is not None and key.method != "NONE" else None
        seconds = max(SEGMENT_SECONDS, 3 * self.target)
        data, _ = body(self._session, what.uri, limit=LARGE, seconds=seconds, quiet=self._patience(), **params)
        if cipher is not None:
            try:
                data = unpad(cipher.decrypt(data), AES.block_size, style="pkcs7")
            except ValueError as exc:
                raise Refused("it cannot be decrypted with its key") from exc
        if not data or data.lstrip()[:1] in {b"<", b"{", b"#"}:
            raise Refused("it is not media")
        return data

    def _cipher(self, key: Any, number: int) -> Any:
        """What decrypts a segment. Comes first: without it the segment is of no use. Raises `Refused`.

        A key that could not be read is not asked for again at once by each of the segments that need it.
        """
        uri, until, why = self._no_key
        if uri == key.uri and time.monotonic() < until:
            raise Refused(why)
        try:
            return self._parts.writer.create_decryptor(key, number)
        except StreamError as exc:
            status = status_of(exc)
            why = f"its key cannot be read{f' (HTTP {status})' if status else ''}"
            self._no_key = (key.uri, time.monotonic() + KEY_PAUSE, why)
            raise Refused(why) from exc
        except ValueError as exc:
            raise Refused("its key makes no sense") from exc

    def _patience(self) -> float:
        """Seconds without a byte after which a request is made anew: a hung server must not cost a window."""
        return min(max(LEAST_PATIENCE, 1.5 * self.target), READ)


def ended(source: ResolvedStream, stream: HLSStream) -> bool:
    """Whether its playlist is finished.

    Raises `Protected` when it cannot be recorded, OSError and `ValueError` when it cannot be read.
    """
    protection.check_master(stream)
    shelf = Shelf()
    if source.playlist is not None:
        shelf.keep(PLAYLIST, source.playlist, 0)
    asked = HlsRequests(source.session, stream, shelf, lambda: None)
    found = asked.playlist()
    if protection.is_over(found.segments, begun=False):
        raise Protected
    with contextlib.suppress(OSError, StreamError):  # a segment that is missing now says nothing of the stream
        for newest in found.segments[-1:]:
            asked.init_of(newest)
    return bool(found.is_endlist)


def _size_of(playlist: tuple[bytes, str]) -> int:
    return len(playlist[0])


def _parsed(data: bytes, url: str, stream: HLSStream) -> M3U8[Any, Any]:
    return parse_m3u8(data.decode("utf-8", "replace"), base_uri=url, parser=stream.__parser__)
