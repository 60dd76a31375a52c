"""Unpacking gzip and zlib in pieces, so that a bomb is stopped at its limit and memory stays at a piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from nightcrew.kernel.errors import GiveUp

CHUNK = 1 << 16
"""Bytes of a piece."""
GZIP_MAGIC = b"\x1f\x8b"


class Inflate:
    """Unpacks gzip or zlib data piece by piece, at most 64 KiB at a time, members in a row included.

    What follows the last member and is no member (padding) is passed over.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(47)
        self._inside = False
        self._after_member = False
        self._padding = False
        self._held = b""

    @property
    def complete(self) -> bool:
        """Whether the data fed so far ends where a member ends."""
        return not self._inside

    def feed(self, raw: bytes) -> Iterable[bytes]:
        """Unpacked pieces of `raw`. Raises `GiveUp` when it is not gzip or zlib."""
        raw, self._held = self._held + raw, b""
        while raw and not self._padding:
            if self._after_member and not self._next_member(raw):
                return
            try:
                piece = self._stream.decompress(raw, CHUNK)
            except zlib.error as exc:
                raise GiveUp("its compressed data is damaged") from exc
            if piece:
                yield piece
            self._inside = not self._stream.eof
            raw = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if self._stream.eof:
                self._stream = zlib.decompressobj(47)
                self._after_member = True

    def _next_member(self, raw: bytes) -> bool:
        """Whether another gzip member begins with `raw`; a lone first byte is held until the next one comes."""
        if not raw.startswith(GZIP_MAGIC[: len(raw)]):
            self._padding = True
        elif len(raw) < len(GZIP_MAGIC):
            self._held = raw
        else:
            self._after_member = False
            return True
        return False
