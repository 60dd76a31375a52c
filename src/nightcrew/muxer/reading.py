"""The bytes of a stretch as one file, and where two stretches of a transport stream meet.

Packets of several streams lie one between the other: where a table changes, one stream's packet has just begun and another's is
in its middle. Each stream is cut where a packet of its own begins, so that nothing is torn.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence

from nightcrew.muxer.wire import ByteRange, Stretch
from nightcrew.transport import psi, ts

WINDOW = 16 << 20
"""Bytes behind a seam in which the next packet of each stream is looked for: more than the longest groups of pictures."""
TABLES = 4 << 20
"""Bytes in which a programme's tables are looked for."""


class Ranges(io.RawIOBase):
    """Byte ranges and bytes, one behind the other, as one file that can only be read. Raises OSError."""

    def __init__(
        self, pieces: Sequence[ByteRange | bytes], advanced: Callable[[int], None] = lambda _count: None
    ) -> None:
        self._pieces = [piece for piece in pieces if _size(piece)]
        self._begins = [0]
        for piece in self._pieces:
            self._begins.append(self._begins[-1] + _size(piece))
        self._advanced = advanced
        self._at = self._furthest = 0
        self._open: tuple[str, int] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere else."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._begins[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, not beyond a piece; empty at the end."""
        number = next((n for n, end in enumerate(self._begins[1:]) if self._at < end), None)
        if number is None or not size:
            return b""
        piece, skip = self._pieces[number], self._at - self._begins[number]
        left = self._begins[number + 1] - self._at
        size = left if size < 0 else min(size, left)
        data = piece[skip : skip + size] if isinstance(piece, bytes) else self._of_file(piece, skip, size)
        self._at += len(data)
        if self._at > self._furthest:
            self._advanced(self._at - self._furthest)
            self._furthest = self._at
        return data

    def _of_file(self, piece: ByteRange, skip: int, size: int) -> bytes:
        if self._open is None or self._open[0] != piece.path:
            self.close_file()
            self._open = piece.path, os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
        data = os.pread(self._open[1], size, piece.begin + skip)
        if not data:
            raise OSError(f"{os.path.basename(piece.path)} is shorter than its ledger says")  # noqa: PTH119
        return data

    def close_file(self) -> None:
        """Let go of what is open."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def close(self) -> None:
        """Let go of everything."""
        self.close_file()
        super().close()


def _size(piece: ByteRange | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size


def opened(stretch: Stretch, advanced: Callable[[int], None] = lambda _count: None) -> Ranges:
    """All that a stretch holds: with what of it lies behind its end, and without what lies before its own beginning."""
    if stretch.form != "mpegts":
        return Ranges(stretch.ranges, advanced)
    pieces: list[ByteRange | bytes] = [_tables_of(stretch.ranges), *stretch.ranges]
    window = _head(stretch.ranges, WINDOW) if stretch.lead is not None else b""
    if stretch.lead is not None and ts.aligned(window):
        end, _, mine = seam(window, stretch.lead, _pids(stretch))
        pieces[1:] = [mine, *_behind(stretch.ranges, end)]
    if stretch.tail is not None:
        window = _head(stretch.tail.ranges, WINDOW)
        if ts.aligned(window):
            pieces.append(seam(window, stretch.tail.keys, _pids(stretch))[1])
    return Ranges(pieces, advanced)


def seam(window: bytes, keys: Sequence[int], mine: frozenset[int]) -> tuple[int, bytes, bytes]:
    """Where all streams have begun anew behind a seam, the packets up to there that belong before it, and those behind it.

    `keys`: PIDs of pictures that are cut only where a decoder can begin. `mine`: PIDs that are asked for.
    """
    window = window[: len(window) // ts.PACKET * ts.PACKET]
    cuts = {pid: _cut(window, pid, clean=pid in keys) for pid in mine}
    end = max([at for at in cuts.values() if at is not None], default=0)
    before, behind = bytearray(), bytearray()
    for at in range(0, end, ts.PACKET):
        pid = ts.pid_of(window, at)
        cut = cuts.get(pid, 0)
        packet = window[at : at + ts.PACKET]
        if cut is None or at < cut:
            before += packet
        else:
            behind += packet
    return end, bytes(before), bytes(behind)


def _cut(window: bytes, pid: int, *, clean: bool) -> int | None:
    """Where a stream begins anew; None when nothing of it comes."""
    first = None
    for at in ts.starts(window, pid):
        first = at if first is None else first
        if not clean or ts.begins_clean(window[at : at + ts.PACKET]):
            return at
    return first


def _pids(stretch: Stretch) -> frozenset[int]:
    return frozenset(pid for pid, _ in stretch.slots)


def _head(ranges: Sequence[ByteRange], size: int) -> bytes:
    with Ranges(ranges) as file:
        found = bytearray()
        while len(found) < size and (data := file.read(size - len(found))):
            found += data
        return bytes(found)


def _behind(ranges: Sequence[ByteRange], skip: int) -> list[ByteRange]:
    found: list[ByteRange] = []
    for one in ranges:
        found += [ByteRange(one.path, one.begin + min(skip, one.size), one.end)]
        skip -= min(skip, one.size)
    return [one for one in found if one.size]


def _tables_of(ranges: Sequence[ByteRange]) -> bytes:
    """The programmes' tables of a stretch, which may begin behind them, and may end before they come again."""
    before = ByteRange(ranges[0].path, 0, ranges[0].begin)
    return _tables(_head(ranges, TABLES)) or _tables(_head([before], TABLES))


def _tables(window: bytes) -> bytes:
    """The first packets with the programmes' tables: without them nothing before the next ones would be read."""
    if not ts.aligned(window):
        return b""
    for begin in ts.starts(window, psi.ASSOCIATION_PID):
        section, found = ts.table_at(window, psi.ASSOCIATION_PID, begin, psi.ASSOCIATION)
        if section is not None:
            maps = [(pid, next(ts.starts(window, pid), None)) for pid in psi.map_pids(section)]
            carried = [ts.table_at(window, pid, at, psi.MAP)[1] for pid, at in maps if at is not None]
            return b"".join([found, *carried])
    return b""
