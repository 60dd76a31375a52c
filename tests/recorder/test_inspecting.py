"""What a recorder finds in what it is sent: streams, their codecs, how they are set up, and what came of each."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from films import STRETCHES, source
from nightcrew.recorder import ledger, packed, parameters
from nightcrew.recorder.inspecting import Fragments, Frames, Packets, inspector_of
from nightcrew.recorder.parts import Parts, SegmentData
from nightcrew.recorder.wire import Order
from nightcrew.transport import id3, psi, ts
from nightcrew.transport.elementary import ElementaryStream, Inspected, table_of
from nightcrew.transport.ts import PACKET


def inspected(name: str, offset: int = 0) -> list[Inspected]:
    made = source(name, offset)
    found = inspector_of(made.segments[0], made.init)
    assert found is not None
    return [found.inspect(one, made.init, 1.0) for one in made.segments]


EXPECTED = {
    "plain": ["h264 160x90", "aac 48000 Hz, 2 channels"],
    "larger": ["h264 320x180", "aac 48000 Hz, 2 channels"],
    "44100": ["h264 160x90", "aac 44100 Hz, 2 channels"],
    "mono": ["h264 160x90", "aac 48000 Hz, 1 channel"],
    "ac3": ["h264 160x90", "ac3 48000 Hz, 2 channels"],
    "ac3 5.1": ["h264 160x90", "ac3 48000 Hz, 6 channels"],
    "eac3": ["h264 160x90", "eac3 48000 Hz, 2 channels"],
    "mp2": ["h264 160x90", "mp2 48000 Hz, 2 channels"],
    "mpeg2": ["mpeg2video 160x90", "mp2 48000 Hz, 2 channels"],
    "languages": ["h264 160x90", "aac 48000 Hz, 2 channels deu", "aac 48000 Hz, 2 channels eng"],
    "hevc": ["hevc 160x90", "aac 48000 Hz, 2 channels"],
    "latm": ["h264 160x90", "aac_latm present"],
    "radio": ["aac 48000 Hz, 2 channels"],
    "packed": ["aac 48000 Hz, 2 channels"],
    "packed mp3": ["mp3 48000 Hz, 2 channels, layer 3"],
    "packed ac3": ["ac3 48000 Hz, 2 channels"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_streams_are_told_as_they_are_once(name: str) -> None:
    first, *others = inspected(name)
    ((at, table),) = first.changes
    assert at == 0
    assert [" ".join(filter(None, [one.codec, one.config, one.language])) for one in table] == EXPECTED[name]
    assert not any(one.changes for one in others), "what is as before is not told again"
    assert table_of([one.line() for one in table]) == table


@pytest.mark.parametrize("name", ["plain", "fragments", "languages", "hevc", "mpeg2"])
def test_what_comes_of_each_stream_is_what_libav_reads(name: str) -> None:
    found = inspected(name)
    (_, table) = found[0].changes[0]
    video = next(one.id for one in table if one.kind == "video")
    assert sum(one.counts[video].packets for one in found) == 50 == sum(one.pictures or 0 for one in found)
    first, last = found[0].counts[video].first, found[-1].counts[video].last
    assert first is not None and last is not None
    assert last - first == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("size", ["16x16", "1920x1080", "638x362", "720x576", "130x98"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_the_size_is_that_of_the_picture(size: str, codec: str) -> None:
    width, height = map(int, size.split("x"))
    if codec == "libx265" and width < 32:
        pytest.skip("HEVC's encoder takes no smaller picture")
    try:
        encoder = av.CodecContext.create(codec, "w")
    except av.FFmpegError as exc:
        pytest.skip(str(exc))
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate = 25
    encoder.options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    frame = av.VideoFrame(width, height, "yuv420p")
    data = b"".join(bytes(one) for given in (frame, None) for one in encoder.encode(given))
    name = {"libx264": "h264", "libx265": "hevc"}.get(codec, codec)
    assert parameters.of(name, (bytes(encoder.extradata or b"") + data)[:2000]) == size


def test_a_high_profile_with_scaling_lists_and_interlaced_pictures_is_read() -> None:
    bits = "01100100" + "0" * 8 + "00101000" + "1" + "010" + "1" + "1" + "0" + "1"
    bits += "1" + "1" * 16 + "0" * 7  # one scaling list of deltas of 0, and seven that are not there
    bits += "1" + "1" + "1" + "1" + "0"  # numbers of frames and their order, one reference
    bits += golomb(120 - 1) + golomb(34 - 1) + "0" + "0" + "1" + "1" + "1" + "1" + "1" + golomb(2)
    unit = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    assert parameters.h264_set(b"\x67" + unit) == "1920x1080"


def golomb(number: int) -> str:
    plain = f"{number + 1:b}"
    return "0" * (len(plain) - 1) + plain


def section(table: int, body: bytes) -> bytes:
    whole = struct.pack(">BHHBBB", table, 0xB000 | len(body) + 9, 1, 0xC1, 0, 0) + body + bytes(4)
    return b"\0" + whole


def packet(pid: int, payload: bytes, *, begins: bool = True, count: int = 0) -> bytes:
    head = struct.pack(">BHB", ts.SYNC, (0x4000 if begins else 0) | pid, 0x10 | count)
    return head + payload.ljust(PACKET - 4, b"\xff")


def stream(kind: int, pid: int, *descriptors: bytes) -> bytes:
    more = b"".join(descriptors)
    return struct.pack(">BHH", kind, 0xE000 | pid, 0xF000 | len(more)) + more


def test_a_table_that_is_longer_than_a_packet_is_read() -> None:
    language = b"\x0a\x04deu\0"
    body = struct.pack(">HH", 0xE100, 0xF000)
    body += b"".join(stream(0x0F, 0x200 + number, language, bytes([0x52, 40]) + bytes(40)) for number in range(8))
    whole = section(psi.MAP, body)
    maps = packet(0, section(psi.ASSOCIATION, struct.pack(">HH", 1, 0xE100)))
    parts = [whole[at : at + PACKET - 4] for at in range(0, len(whole), PACKET - 4)]
    data = maps + b"".join(packet(0x100, part, begins=not number) for number, part in enumerate(parts))
    found = Packets().inspect(data + packet(0x1FFF, b""))
    ((_, table),) = found.changes
    assert [one.id for one in table] == list(range(0x200, 0x208))
    assert {one.language for one in table} == {"deu"}


@pytest.mark.parametrize(
    ("kind", "descriptors", "expected"),
    [
        (0x06, [b"\x6a\x00"], "ac3"),
        (0x06, [b"\x7a\x00"], "eac3"),
        (0x06, [b"\x59\x08deu\x10\0\1\0\1"], "dvb_subtitle"),
        (0x06, [b"\x56\x0adeu\x09\x00deu\x10\x50"], "dvb_teletext"),
        (0x06, [b"\x56\x05deu\x09\x00"], None),
        (0x06, [b"\x05\x04Opus"], "opus"),
        (0x06, [b"\x05\x04AV01"], "av1"),
        (0x06, [b"\xfd\x03\x00\x08\x3d"], "arib_caption"),
        (0x06, [], None),
        (0x86, [b"\x05\x04CUEI"], None),
        (0x15, [], None),
        (0x11, [], "aac_latm"),
        (0xEA, [], "vc1"),
    ],
)
def test_what_private_data_is_is_said_beside_it(kind: int, descriptors: list[bytes], expected: str | None) -> None:
    body = struct.pack(">HH", 0xE100, 0xF000) + stream(kind, 0x200, *descriptors)
    found = psi.streams(section(psi.MAP, body)[1:-4])
    assert [one.codec for one in found] == ([expected] if expected else [])


def test_all_programmes_of_a_multiplex_are_followed() -> None:
    maps = packet(0, section(psi.ASSOCIATION, struct.pack(">HHHH", 1, 0xE100, 2, 0xE101)))
    one, two = (
        packet(
            pid, section(psi.MAP, struct.pack(">HH", 0xE200, 0xF000) + stream(0x1B, video) + stream(0x0F, video + 1))
        )
        for pid, video in ((0x100, 0x200), (0x101, 0x300))
    )
    ((_, table),) = Packets().inspect(maps + one + two).changes
    assert [item.id for item in table] == [0x200, 0x201, 0x300, 0x301]


def test_pictures_are_not_said_to_be_none_before_the_tables_are_known() -> None:
    whole = source("plain", 0).whole
    kept = [one for one in range(0, len(whole), PACKET) if ts.pid_of(whole, one) in {0, 0x100, 0x101}]
    bare = b"".join(whole[at : at + PACKET] for at in kept)
    assert Packets().inspect(bare).pictures is None
    assert Packets().inspect(whole).pictures == 50


def test_who_takes_a_recording_up_counts_the_first_piece_by_its_tables(tmp_path: Path) -> None:
    """A piece of a stream without segments may have none of its own."""
    whole = source("plain", 0, 4).whole
    cutter = ts.Cutter()
    pieces = [one.data for one in cutter.feed(whole)]
    prefix = b"".join(cutter.programme.tables.values())
    for begin, end in ((0, 1), (1, len(pieces))):
        parts = Parts(tmp_path, "x")
        for number in range(begin, end):
            bare = b"".join(
                pieces[number][at : at + PACKET]
                for at in range(0, len(pieces[number]), PACKET)
                if ts.pid_of(pieces[number], at) in {0x100, 0x101}
            )
            piece = SegmentData(number, 1.0, bare, prefix=prefix)
            parts.append(piece, Order(1, "", "x", ""), 1.0)
        parts.close()
    tally = ledger.read(tmp_path)
    assert tally.frames == 25 * len(pieces)
    assert {one.codec for one in tally.streams} == {"h264", "aac"}


def test_a_tag_says_when_packed_audio_begins() -> None:
    owner = b"com.apple.streaming.transportStreamTimestamp\0" + struct.pack(">Q", 90_000 * 7)
    frame = b"PRIV" + struct.pack(">IH", len(owner), 0) + owner
    tag = b"ID3\x04\0\0" + bytes([0, 0, len(frame) >> 7, len(frame) & 127]) + frame
    body = tag + source("packed", 0).segments[0]
    assert id3.tag_time(body) == 7.0
    assert packed.codec_of(body) == "aac"
    found = Frames("aac").inspect(body, b"", 1.0)
    assert (found.counts[0].first, found.counts[0].last) == (7.0, 8.0)
    assert found.counts[0].packets == Frames("aac").inspect(body[len(tag) :], b"", 1.0).counts[0].packets


def test_a_table_that_is_none_is_refused() -> None:
    for line in (None, [1], [[1, "video", "h264", ""]], [[1, "smell", "x", "", ""]], [["1", "video", "x", "", ""]]):
        with pytest.raises(ValueError, match="of a table|table of streams"):
            table_of(line)
    assert table_of([[1, "video", "h264", "1x1", ""]]) == (ElementaryStream(1, "video", "h264", "1x1"),)


@settings(max_examples=300)
@given(
    data=st.binary(max_size=400),
    codec=st.sampled_from(sorted({"h264", "hevc", "aac", "ac3", "eac3", "mp2", "mpeg2video"})),
)
def test_no_bytes_of_a_packet_make_it_raise(data: bytes, codec: str) -> None:
    starts = {
        "h264": b"\0\0\1\x67",
        "hevc": b"\0\0\1\x42\1",
        "aac": b"\xff\xf1",
        "ac3": b"\x0b\x77",
        "mp2": b"\xff\xfd",
    }
    for given_bytes in (data, starts.get(codec, b"\0\0\1\xb3") + data):
        assert isinstance(parameters.of(codec, given_bytes), str)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["plain", "languages", "fragments", "packed"]),
    spots=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=12),
)
def test_real_segments_with_broken_bytes_do_not_make_it_raise(name: str, spots: list[tuple[int, int]]) -> None:
    made = source(name, 0)
    body, init = bytearray(made.segments[0]), bytearray(made.init)
    for at, byte in spots:
        body[at % len(body)] = byte
        if init:
            init[at % len(init)] = byte
    found = {"fragments": Fragments(), "packed": Frames("aac")}.get(name, Packets())
    counts = found.inspect(bytes(body), bytes(init), 1.0).counts
    assert all(one.packets >= 0 for one in counts.values())


def test_every_stretch_of_the_tests_is_known() -> None:
    assert set(EXPECTED) <= set(STRETCHES)
