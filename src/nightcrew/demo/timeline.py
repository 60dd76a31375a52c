"""Turns a loop of MPEG-TS segments into one stream without jumps, as a real broadcaster sends it.

Timestamps grow by the loop's length at each turn and continuity counters never skip. Bit layouts from ISO/IEC 13818-1.
"""

from collections import defaultdict

PACKET = 188
CLOCK = 90_000
STAMP_BITS = (1 << 33) - 1


class PacketClock:
    """One viewer's connection: packets have to pass in the order in which they are sent."""

    def __init__(self) -> None:
        self._counters: dict[int, int] = defaultdict(int)

    def place(self, segment: bytes, seconds: int) -> bytes:
        """The segment moved `seconds` later. Works on whole packets of 188 bytes."""
        data = bytearray(segment)
        for start in range(0, len(data) - PACKET + 1, PACKET):
            self._place_packet(data, start, seconds * CLOCK)
        return bytes(data)

    def _place_packet(self, data: bytearray, start: int, ticks: int) -> None:
        has_adaptation, has_payload = data[start + 3] & 0x20, data[start + 3] & 0x10
        payload = start + 4
        if has_adaptation:
            payload += 1 + data[start + 4]
            if data[start + 4] and data[start + 5] & 0x10:
                _move_pcr(data, start + 6, ticks)
        if not has_payload:
            return
        pid = (data[start + 1] & 0x1F) << 8 | data[start + 2]
        data[start + 3] = data[start + 3] & 0xF0 | self._counters[pid]
        self._counters[pid] = (self._counters[pid] + 1) & 0x0F
        starts_unit = data[start + 1] & 0x40
        if starts_unit and data[payload : payload + 3] == b"\0\0\1":
            _move_pes(data, payload, ticks)


def _move_pcr(data: bytearray, at: int, ticks: int) -> None:
    """33 bits of 90 kHz, 6 reserved, 9 bits of 27 MHz that stay."""
    value = int.from_bytes(data[at : at + 6], "big")
    base = ((value >> 15) + ticks) & STAMP_BITS
    data[at : at + 6] = (base << 15 | value & 0x7FFF).to_bytes(6, "big")


def _move_pes(data: bytearray, at: int, ticks: int) -> None:
    flags = data[at + 7]
    if flags & 0x80:
        _move_stamp(data, at + 9, ticks)
    if flags & 0x40:
        _move_stamp(data, at + 14, ticks)


def _move_stamp(data: bytearray, at: int, ticks: int) -> None:
    """PTS or DTS: 3, 15 and 15 bits with a marker bit after each."""
    a, b, c, d, e = data[at : at + 5]
    stamp = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
    stamp = (stamp + ticks) & STAMP_BITS
    data[at] = a & 0xF0 | stamp >> 29 & 0x0E | 1
    data[at + 1 : at + 3] = ((stamp >> 15 & 0x7FFF) << 1 | 1).to_bytes(2, "big")
    data[at + 3 : at + 5] = ((stamp & 0x7FFF) << 1 | 1).to_bytes(2, "big")
