"""MPEG transport streams (ISO/IEC 13818-1), as far as a recording needs them: pictures counted, and where it may be cut. Pure."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nightcrew.transport import psi

PACKET = 188
SYNC = 0x47
VIDEO = frozenset({0x01, 0x02, 0x10, 0x1B, 0x20, 0x24, 0x33, 0x42, 0xD1, 0xEA})
"""Stream types that are pictures: MPEG-1, -2, -4, H.264 with its additions, HEVC, VVC, AVS, Dirac, VC-1."""
TABLE_PACKETS = 600
"""Packets among which those of a long table are looked for."""
CLOCK = 90_000
WRAP = 1 << 33
_PARAMETERS = re.compile(rb"\x00\x00\x01(?:[\x07\x27\x47\x67]|[\x40\x42]\x01|\xb3)")
"""What stands before a picture that needs no other: the parameter sets of H.264 and HEVC, the sequence header of MPEG-2."""
_PLAIN = bytes(byte & 0x5F for byte in range(256))
"""The second byte of a packet without the bits for errors and priority."""


def aligned(data: bytes) -> bool:
    """Whether it begins with whole packets."""
    return len(data) >= 2 * PACKET and data[0] == data[PACKET] == SYNC


@dataclass(slots=True)
class ProgrammeTables:
    """Which of the packets are pictures. Kept from segment to segment, as not every one begins with the tables."""

    map_pid: int | None = None
    video_pid: int | None = None
    video_kind: int = 0
    """The stream type of these pictures, 0 while there are none."""
    sounds: tuple[int, ...] = ()
    """The stream types of what is no picture, in their order."""
    tables: dict[int, bytes] = field(default_factory=dict)
    """The last packets with the programme's tables, by PID: what a file has to begin with."""

    def learn(self, data: bytes) -> None:
        """Look through packets for the tables until it is known."""
        section = self._table(data, psi.ASSOCIATION_PID, psi.ASSOCIATION)
        if section is not None:
            self.map_pid = next(psi.map_pids(section), self.map_pid)
        if self.map_pid is None:
            return
        section = self._table(data, self.map_pid, psi.MAP)
        if section is not None:
            streams = [(kind, pid) for kind, pid, _ in psi.entries(section)]
            self.video_kind, self.video_pid = next((one for one in streams if one[0] in VIDEO), (0, None))
            self.sounds = tuple(kind for kind, _ in streams if kind not in VIDEO)

    def _table(self, data: bytes, pid: int, kind: int) -> bytes | None:
        """The first table that begins in packets, and is whole there. Its packets are kept."""
        at = next(starts(data, pid), None)
        if at is None:
            return None
        section, self.tables[pid] = table_at(data, pid, at, kind)
        return section

    def pictures(self, data: bytes) -> int | None:
        """How many pictures begin in these packets: one a PES packet. None when that cannot be told, 0 for sound alone."""
        if not aligned(data):
            return None
        self.learn(data)
        if self.map_pid is None:
            return None
        return 0 if self.video_pid is None else sum(1 for _ in starts(data, self.video_pid))


def programmes(data: bytes) -> list[frozenset[int]]:
    """The packet identifiers of the streams of each programme that whole packets tell of, in the order of their table."""
    first = next(starts(data, psi.ASSOCIATION_PID), None)
    section = table_at(data, psi.ASSOCIATION_PID, first, psi.ASSOCIATION)[0] if first is not None else None
    found = []
    for pid in psi.map_pids(section) if section is not None else ():
        at = next(starts(data, pid), None)
        listed = table_at(data, pid, at, psi.MAP)[0] if at is not None else None
        if listed is not None:
            found.append(frozenset(one for _, one, _ in psi.entries(listed)))
    return found


def starts(data: bytes, pid: int) -> Iterator[int]:
    """Offsets of the packets of `pid` in which something begins, where `data` is whole packets."""
    wanted, low = 0x40 | pid >> 8, pid & 0xFF
    firsts, seconds = data[1::PACKET].translate(_PLAIN), data[2::PACKET]
    at = seconds.find(low)
    while at >= 0:
        if at < len(firsts) and firsts[at] == wanted and (at + 1) * PACKET <= len(data):
            yield at * PACKET
        at = seconds.find(low, at + 1)


def pid_of(data: bytes, at: int) -> int:
    """Of the packet at an offset."""
    return (data[at + 1] & 0x1F) << 8 | data[at + 2]


def payloads(data: bytes, pid: int, at: int, most: int) -> Iterator[bytes]:
    """What the packets of `pid` carry among the `most` that begin at an offset; before each a byte: 1 where something begins."""
    for place in range(at, min(len(data) - PACKET + 1, at + most * PACKET), PACKET):
        if pid_of(data, place) == pid:
            yield bytes([data[place + 1] >> 6 & 1]) + payload(data[place : place + PACKET])


def table_at(data: bytes, pid: int, at: int, kind: int) -> tuple[bytes | None, bytes]:
    """The section that begins in a packet (2.4.4), None when it is not whole or none of that kind, and the packets that carry it."""
    carried, found = list[bytes](), bytearray()
    for place in range(at, min(len(data) - PACKET + 1, at + TABLE_PACKETS * PACKET), PACKET):
        if pid_of(data, place) != pid:
            continue
        begins = data[place + 1] >> 6 & 1
        if begins and carried:
            break
        carried.append(bytes([begins]) + payload(data[place : place + PACKET]))
        found += data[place : place + PACKET]
        section = next(psi.sections(iter(carried), kind), None)
        if section is not None:
            return section, bytes(found)
    return None, bytes(found)


def opening(data: bytes, at: int, pid: int, size: int, most: int) -> bytes:
    """The first bytes of what the PES packet that begins at an offset carries (2.4.3.6), gathered from at most `most` packets."""
    found = b""
    for number, carried in enumerate(payloads(data, pid, at, most)):
        if number and carried[0]:
            break
        found += carried[1:]
        if len(found) >= 9 and len(found) - 9 - found[8] >= size:
            break
    return found[9 + found[8] :][:size] if found[:3] == b"\0\0\1" and len(found) > 9 else b""


def payload(packet: bytes) -> bytes:
    """What a packet carries behind its header and its adaptation field."""
    control = packet[3] >> 4 & 3
    if not control & 1:
        return b""
    return packet[5 + packet[4] :] if control & 2 else packet[4:]


def begins_clean(packet: bytes) -> bool:
    """Whether a decoder can begin at this packet: it says so (random_access_indicator, 2.4.3.5), or parameter sets follow."""
    if packet[3] & 0x20 and packet[4] > 0 and packet[5] & 0x40:
        return True
    return _PARAMETERS.search(payload(packet)) is not None


def time_of(packet: bytes) -> float | None:
    """The presentation time, in seconds, of the PES packet that begins in a packet (2.4.3.7)."""
    body = payload(packet)
    if len(body) < 14 or body[:3] != b"\0\0\1" or not body[7] & 0x80:
        return None
    ticks = (body[9] >> 1 & 7) << 30 | body[10] << 22 | (body[11] >> 1) << 15 | body[12] << 7 | body[13] >> 1
    return ticks / CLOCK


def first_time(data: bytes, most: int = 400) -> float | None:
    """The first presentation time in whole packets, of which so many are looked at."""
    for at in range(0, min(len(data) - PACKET + 1, most * PACKET), PACKET):
        if data[at + 1] & 0x40 and (found := time_of(data[at : at + PACKET])) is not None:
            return found
    return None


def later(now: float, before: float) -> float:
    """Seconds from one presentation time to another, across the clock's overflow; negative when it went back."""
    wrap = WRAP / CLOCK
    difference = (now - before) % wrap
    return difference if difference < wrap / 2 else difference - wrap


@dataclass(slots=True)
class Cut:
    """Whole packets from one clean beginning to the next. `at`: presentation time of its first picture.

    `key`: a digest of that picture, by which a piece that is sent again is known; empty when no decoder can begin here.
    """

    data: bytes
    pictures: int
    at: float | None
    key: str = ""


class Cutter:
    """Cuts an endless transport stream where a decoder can begin, at least `least` bytes apart; holds at most `most`."""

    def __init__(self, *, most: int = 32 << 20) -> None:
        self.programme = ProgrammeTables()
        self._most = most
        self._held = bytearray()
        self._lost = True
        """Whether the next packet has to be looked for, at the end of those that are whole."""
        self._whole = 0
        """Up to here the held bytes are whole packets."""
        self._seen = 0
        """Up to here they were looked through."""
        self._begun = False
        """Whether a picture has begun in them."""

    def feed(self, data: bytes) -> Iterator[Cut]:
        """Take bytes, give the pieces that are whole now."""
        self._held += data
        self._align()
        if self.programme.video_pid is None:
            self.programme.learn(bytes(self._held))
        yield from self._pieces()

    def rest(self, *, broken: bool = False) -> Cut | None:
        """What is left: whole packets only; of a stream that broke off without its last picture, which is torn."""
        size = self._whole
        if broken and self.programme.video_pid is not None:
            size = max(starts(bytes(self._held[:size]), self.programme.video_pid), default=0)
        return self._piece(size) if size else None

    def _align(self) -> None:
        """Drop what stands between packets: one begins where another follows it."""
        while True:
            if self._lost:
                del self._held[self._whole : self._next_packet()]
                if self._whole + PACKET >= len(self._held):
                    return
                self._lost = False
            firsts = bytes(self._held[self._whole : len(self._held) // PACKET * PACKET : PACKET])
            good = len(firsts) - len(firsts.lstrip(bytes([SYNC])))
            self._whole += good * PACKET
            if good == len(firsts):
                return
            self._lost = True

    def _next_packet(self) -> int:
        found = self._held.find(SYNC, self._whole)
        while 0 <= found < len(self._held) - PACKET and self._held[found + PACKET] != SYNC:
            found = self._held.find(SYNC, found + 1)
        return found if found >= 0 else len(self._held)

    def _pieces(self) -> Iterator[Cut]:
        pid = self.programme.video_pid
        if pid is not None:
            view = bytes(self._held[self._seen : self._whole])
            base, shift = self._seen, 0
            for offset in starts(view, pid):
                at = base + offset - shift
                if self._begun and begins_clean(view[offset : offset + PACKET]):
                    piece = self._piece(at)
                    shift += len(piece.data)
                    yield piece
                self._begun = True
            self._seen = self._whole
        if len(self._held) > self._most:
            yield self._piece(self._whole)

    def _piece(self, size: int) -> Cut:
        data = bytes(self._held[:size])
        del self._held[:size]
        self._whole -= size
        self._seen, self._begun = 0, False
        pictures = self.programme.pictures(data) or 0
        pid = self.programme.video_pid
        begins = [] if pid is None else list(itertools.islice(starts(data, pid), 2))
        if not begins:
            return Cut(data, pictures, None)
        first = data[begins[0] : begins[0] + PACKET]
        key = _digest(data[begins[0] : [*begins, size][1]], pid or 0) if begins_clean(first) else ""
        return Cut(data, pictures, time_of(first), key)


def _digest(data: bytes, pid: int) -> str:
    """A digest of what the packets of `pid` carry."""
    found = hashlib.sha256()
    for at in range(0, len(data), PACKET):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] == pid:
            found.update(payload(data[at : at + PACKET]))
    return found.hexdigest()[:12]
