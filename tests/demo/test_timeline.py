from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.timeline import CLOCK, PACKET, STAMP_BITS, PacketClock

stamps = st.integers(0, STAMP_BITS)


def stamp_bytes(mark: int, value: int) -> bytes:
    high, middle, low = value >> 30, value >> 15 & 0x7FFF, value & 0x7FFF
    return bytes([mark << 4 | high << 1 | 1]) + (middle << 1 | 1).to_bytes(2, "big") + (low << 1 | 1).to_bytes(2, "big")


def pes_packet(pid: int, counter: int, pcr: int, pts: int, dts: int) -> bytes:
    head = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x30 | counter])
    adaptation = bytes([7, 0x10]) + (pcr << 15 | 0x7E00 | 299).to_bytes(6, "big")
    pes = b"\0\0\1\xe0\0\0\x80\xc0\x0a" + stamp_bytes(3, pts) + stamp_bytes(1, dts)
    return (head + adaptation + pes).ljust(PACKET, b"\xaa")


@given(stamps, stamps, stamps, st.integers(0, 200_000))
def test_all_clocks_move_by_the_same_time(pcr, pts, dts, seconds):
    def later(value):
        return (value + seconds * CLOCK) & STAMP_BITS

    moved = PacketClock().place(pes_packet(256, 0, pcr, pts, dts), seconds)
    assert moved == pes_packet(256, 0, later(pcr), later(pts), later(dts))


def test_counters_never_skip_and_are_kept_for_each_stream():
    packets = [pes_packet(256, 9, 0, 0, 0), pes_packet(257, 3, 0, 0, 0), pes_packet(256, 9, 0, 0, 0)]
    timeline = PacketClock()
    out = timeline.place(b"".join(packets), 0) + timeline.place(packets[0], 0)
    assert [out[at + 3] & 0x0F for at in range(0, len(out), PACKET)] == [0, 0, 1, 2]


def test_counter_stands_still_in_packets_without_payload():
    only_clock = bytes([0x47, 1, 0, 0x20, 183, 0x10]).ljust(PACKET, b"\0")
    timeline = PacketClock()
    timeline.place(only_clock, 1)
    assert timeline.place(pes_packet(256, 5, 0, 0, 0), 0)[3] & 0x0F == 0
