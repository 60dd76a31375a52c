"""Where a viewer may join a stream that runs: how its bytes are cut into pieces, and what has to be sent before one of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from nightcrew.playlists.formats.media import BARE_SOUND
from nightcrew.transport import ts
from nightcrew.transport.framing import framing
from nightcrew.transport.ts import PACKET, SYNC

MOST_HEAD = 1 << 20
"""Bytes of the head of fragmented MP4 that are kept; with a longer one nobody can join."""
FRAGMENT = frozenset({b"moof", b"styp", b"sidx", b"emsg", b"prft"})
"""Boxes with which a fragment begins (ISO/IEC 14496-12, 8.8; CMAF). `mdat` alone does not."""
HEAD = frozenset({b"ftyp", b"moov"})


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that belong together. `entry`: a decoder can begin with them."""

    data: bytes
    entry: bool


class Splitter(Protocol):
    """Cuts one kind of stream."""

    continues: bool
    """Whether another stream of this kind may follow within one answer."""
    shared: bool
    """Whether somebody can join in the middle."""

    @property
    def head(self) -> bytes:
        """What a viewer who joins has to get first."""

    def feed(self, data: bytes) -> list[Piece]:
        """Take bytes, give what can be passed on."""

    def restart(self) -> None:
        """Another stream follows: what is incomplete is dropped."""


def splitter(content_type: str) -> Splitter:
    """What cuts a stream of this type."""
    if content_type == "video/mp2t":
        return PacketSplitter()
    if content_type == "video/mp4":
        return BoxSplitter()
    return PlainSplitter(continues=content_type in BARE_SOUND, shared=content_type in BARE_SOUND)


@dataclass(slots=True)
class PlainSplitter:
    """What is passed on as it comes."""

    continues: bool
    shared: bool
    head: bytes = b""

    def feed(self, data: bytes) -> list[Piece]:
        """All of it."""
        return [Piece(data, entry=self.shared)] if data else []

    def restart(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class PacketSplitter:
    """A transport stream in whole packets, cut before each picture that a decoder can begin with."""

    continues: bool = True
    shared: bool = True
    _programme: ts.ProgrammeTables = field(default_factory=ts.ProgrammeTables)
    _held: bytes = b""
    _aligned: bool = False

    @property
    def head(self) -> bytes:
        """The tables that say which packets are what."""
        return b"".join(self._programme.tables.values())

    def restart(self) -> None:
        """Another programme, with tables of its own."""
        self._programme, self._held, self._aligned = ts.ProgrammeTables(), b"", False

    def feed(self, data: bytes) -> list[Piece]:
        """Whole packets; what stands between them is dropped."""
        data = self._held + data
        if not self._aligned or (data and data[0] != SYNC):
            found = framing(data[: 8 * PACKET])
            if found is None:
                self._held = data[-PACKET:] if len(data) > 8 * PACKET else data
                return []
            data, self._aligned = data[found[0] :], True
        whole = len(data) - len(data) % PACKET
        data, self._held = data[:whole], data[whole:]
        if not data:
            return []
        self._programme.learn(data)
        return self._cut(data)

    def _cut(self, data: bytes) -> list[Piece]:
        pid = self._programme.video_pid
        if pid is None:  # sound alone, or nothing is known yet
            return [Piece(data, entry=bool(self._programme.tables))]
        entry = next((at for at in ts.starts(data, pid) if ts.begins_clean(data[at : at + PACKET])), None)
        if entry is None:
            return [Piece(data, entry=False)]
        before = [Piece(data[:entry], entry=False)] if entry else []
        return [*before, Piece(data[entry:], entry=True)]


@dataclass(slots=True)
class BoxSplitter:
    """Fragmented MP4, cut before each fragment. Boxes are passed on as they come: one may be a whole segment."""

    continues: bool = False
    shared: bool = True
    _head: bytearray = field(default_factory=bytearray)
    _in_head: bool = False
    _in_fragment: bool = False
    """Whether a fragment has begun whose data has not."""
    _left: int = 0
    """Bytes of the present box that have not come yet."""
    _held: bytes = b""

    @property
    def head(self) -> bytes:
        """The boxes before the first fragment."""
        return bytes(self._head)

    def restart(self) -> None:
        """Nobody can join what follows."""
        self.shared = False

    def feed(self, data: bytes) -> list[Piece]:
        """All bytes, a piece beginning with each fragment."""
        if not self.shared:
            return [Piece(data, entry=False)] if data else []
        pieces = list[Piece]()
        self._held += data
        while self._held:
            entry = False
            if not self._left:
                size = _box_size(self._held)
                if size is None:
                    return pieces
                if size < 8:  # to the end of the stream, or nonsense
                    self.shared, size = False, len(self._held)
                self._left, entry = size, self._begins_fragment(self._held[4:8])
            part, self._held = self._held[: self._left], self._held[self._left :]
            self._left -= len(part)
            if self._in_head and self.shared:
                self._head += part
                self.shared = len(self._head) <= MOST_HEAD
            pieces.append(Piece(part, entry=entry))
        return pieces

    def _begins_fragment(self, kind: bytes) -> bool:
        """Note which box begins; returns whether it is the first of a fragment."""
        if kind in HEAD and not self._in_head:
            self._head.clear()
        self._in_head = kind in HEAD or (self._in_head and kind not in FRAGMENT and kind != b"mdat")
        first = kind in FRAGMENT and not self._in_fragment
        self._in_fragment = kind in FRAGMENT or (self._in_fragment and kind != b"mdat")
        return first


def _box_size(data: bytes) -> int | None:
    """Bytes of the box that begins here (ISO/IEC 14496-12, 4.2), None until its header has come; 0: to the end."""
    if len(data) < 8 or (data[:4] == b"\0\0\0\1" and len(data) < 16):
        return None
    size = int.from_bytes(data[:4], "big")
    return int.from_bytes(data[8:16], "big") if size == 1 else size
