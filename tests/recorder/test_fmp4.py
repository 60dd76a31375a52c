"""Fragmented MP4: the pictures counted as ffmpeg counts them, and boxes of which none may be believed."""

from __future__ import annotations

import random
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counter import HEIGHT, WIDTH, Film
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.recorder import fmp4
from nightcrew.transport.elementary import Count, ElementaryStream


def box(name: bytes, content: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4s", len(content) + 8 if size is None else size, name) + content


def media(handler: bytes, entry: bytes = box(b"avc1", bytes(24) + struct.pack(">HH", 640, 360) + bytes(50))) -> bytes:
    clock = box(b"mdhd", bytes(12) + struct.pack(">IIHH", 1000, 0, 0x55C4, 0))
    entries = box(b"minf", box(b"stbl", box(b"stsd", bytes(8) + entry)))
    return box(b"mdia", clock + box(b"hdlr", bytes(8) + handler + bytes(12)) + entries)


def track(number: int, handler: bytes, *, version: int = 0) -> bytes:
    head = bytes([version, 0, 0, 0]) + bytes(16 if version else 8) + struct.pack(">I", number) + bytes(60)
    return box(b"trak", box(b"tkhd", head) + media(handler))


def video_track(init: bytes) -> int | None:
    """The first track with pictures."""
    return next((one.stream.id for one in fmp4.tracks(init) if one.stream.kind == "video"), None)


def pictures(segment: bytes, number: int) -> int | None:
    """Samples of a track of pictures."""
    one = fmp4.Track(ElementaryStream(number, "video", "h264"), 1000)
    found = fmp4.counts(segment, (one,))
    return None if found is None else found.get(number, Count()).packets


def fragment(*runs: tuple[int, int]) -> bytes:
    """A fragment with a traf for each (track, samples)."""
    trafs = [
        box(
            b"traf", box(b"tfhd", bytes(4) + struct.pack(">I", one)) + box(b"trun", bytes(4) + struct.pack(">I", count))
        )
        for one, count in runs
    ]
    return box(b"moof", box(b"mfhd", bytes(8)) + b"".join(trafs)) + box(b"mdat", b"x" * 10)


def counted(data: bytes) -> int:
    """By ffmpeg: pictures that are decoded."""
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough"]
    form = ["-vf", "scale=1:1", "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"]
    return len(subprocess.run([*command, *form], input=data, capture_output=True, check=True).stdout)


def test_pictures_are_counted_as_ffmpeg_counts_them(mp4_film: Film) -> None:
    init = mp4_film.init or b""
    video = video_track(init)
    assert video is not None
    for segment in mp4_film.segments:
        assert pictures(segment, video) == counted(init + segment) == mp4_film.frames_per_segment
    assert pictures(b"".join(mp4_film.segments), video) == 200


def test_the_first_track_with_pictures_is_the_picture() -> None:
    init = box(b"ftyp") + box(b"moov", track(1, b"soun") + track(7, b"vide") + track(8, b"vide"))
    assert video_track(init) == 7
    assert video_track(box(b"moov", track(9, b"vide", version=1))) == 9
    assert video_track(box(b"moov", track(1, b"soun"))) is None


def test_only_samples_of_that_track_are_counted() -> None:
    assert pictures(fragment((1, 40), (7, 25)) + fragment((7, 5)), 7) == 30
    assert pictures(fragment((1, 40)), 7) == 0


def test_what_holds_no_fragment_cannot_be_counted() -> None:
    assert pictures(b"", 1) is None
    assert pictures(box(b"mdat", b"x"), 1) is None


def test_long_sizes_and_a_box_up_to_the_end_are_understood() -> None:
    content = fragment((7, 25))[8:]
    moof = fragment((7, 25))
    size = struct.unpack(">I", moof[:4])[0]
    long = struct.pack(">I4sQ", 1, b"moof", size + 8) + moof[8:size]
    assert pictures(long + moof, 7) == 50
    assert list(fmp4.boxes(box(b"free") + box(b"mdat", b"xyz", size=0))) == [(b"free", 8, 8), (b"mdat", 16, 19)]
    assert content


def test_the_last_box_may_end_with_its_head() -> None:
    assert list(fmp4.boxes(box(b"skip") + box(b"free"))) == [(b"skip", 8, 8), (b"free", 16, 16)]
    long = struct.pack(">I4sQ", 1, b"mdat", 16)
    assert list(fmp4.boxes(long)) == [(b"mdat", 16, 16)]
    assert list(fmp4.boxes(long + box(b"free"))) == [(b"mdat", 16, 16), (b"free", 24, 24)]
    assert list(fmp4.boxes(struct.pack(">I4sQ", 1, b"mdat", 17) + b"x")) == [(b"mdat", 16, 17)]


@pytest.mark.parametrize(("version", "size"), [(0, 16), (1, 24)])
def test_a_track_header_may_end_with_its_number(version: int, size: int) -> None:
    head = bytes([version]) + bytes(size - 5) + struct.pack(">I", 9)
    assert video_track(box(b"moov", box(b"trak", box(b"tkhd", head) + media(b"vide")))) == 9
    cut = box(b"moov", box(b"trak", media(b"vide") + box(b"tkhd", head[:-1])))
    assert video_track(cut) is None


def test_samples_count_behind_the_head_that_says_whose_they_are() -> None:
    run = box(b"trun", bytes(4) + struct.pack(">I", 25))
    assert pictures(box(b"moof", box(b"traf", run)), 1) == 0


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 31, (1 << 32) - 1])
def test_a_size_that_cannot_be_ends_it(size: int) -> None:
    data = box(b"free") + box(b"moof", b"x" * 20, size=size)
    assert [name for name, _, _ in fmp4.boxes(data)] == [b"free"]


@pytest.mark.parametrize("name", [b"tfhd", b"trun"])
@pytest.mark.parametrize("size", range(8))
def test_a_box_of_a_fragment_that_is_cut_counts_nothing(name: bytes, size: int) -> None:
    mine = box(b"tfhd", bytes(4) + struct.pack(">I", 1)) if name == b"trun" else b""
    assert pictures(box(b"moof", box(b"traf", mine + box(name, b"\0\0\0\0\0\0\0\1"[:size]))), 1) == 0


@pytest.mark.parametrize("version", [0, 1])
def test_a_track_header_that_is_cut_has_no_number(version: int) -> None:
    whole = track(9, b"vide", version=version)
    for size in range(24 if version == 0 else 32):
        head = bytes([version]) + bytes(30)
        broken = box(b"trak", box(b"tkhd", head[:size][: 15 + 8 * version]) + whole[whole.index(b"mdia") - 4 :])
        assert video_track(box(b"moov", broken)) is None


@settings(max_examples=300)
@given(data=st.binary(max_size=300), track_id=st.integers(0, 5))
def test_no_bytes_make_it_raise_or_go_on_for_ever(data: bytes, track_id: int) -> None:
    found = list(fmp4.boxes(data))
    assert all(0 <= begin <= end <= len(data) for _, begin, end in found)
    assert [begin for _, begin, _ in found] == sorted(begin for _, begin, _ in found)
    video_track(data)
    pictures(data, track_id)


BOXES = st.deferred(
    lambda: st.builds(
        lambda name, inner, size: box(name, inner, size=size),
        st.sampled_from([b"moov", b"trak", b"mdia", b"hdlr", b"tkhd", b"moof", b"traf", b"tfhd", b"trun"]),
        st.binary(max_size=24) | st.lists(BOXES, max_size=3).map(b"".join),
        st.none() | st.sampled_from([0, 1, 8, 9, 16, 1 << 31]),
    )
)


@settings(max_examples=300)
@given(data=st.lists(BOXES, max_size=4).map(b"".join))
def test_no_boxes_make_it_raise(data: bytes) -> None:
    video_track(data)
    pictures(data, 1)


def test_real_segments_that_are_cut_or_broken_do_not_make_it_raise(mp4_film: Film) -> None:
    turn, init, segment = random.Random(7), mp4_film.init or b"", mp4_film.segments[0]
    for size in range(len(init)):
        video_track(init[:size])
    for size in range(min(len(segment), 1500)):
        assert pictures(segment[:size], 1) in {None, 0, 25}
    for _ in range(400):
        for data in (bytearray(init), bytearray(segment[:2000])):
            for _ in range(turn.randint(1, 8)):
                data[turn.randrange(len(data))] = turn.randrange(256)
            video_track(bytes(data))
            pictures(bytes(data), 1)


def test_a_track_says_its_codec_its_set_up_and_its_language(mp4_film: Film) -> None:
    init = mp4_film.init or b""
    streams = [one.stream for one in fmp4.tracks(init)]
    assert streams[0].codec == "h264"
    assert streams[0].config.startswith(f"{WIDTH}x{HEIGHT} #")
    assert [one.kind for one in streams] == ["video", *["audio"] * (len(streams) - 1)]
    (german,) = fmp4.tracks(box(b"moov", track(3, b"vide").replace(b"\x55\xc4", struct.pack(">H", 0x10B5))))
    assert (german.stream.language, german.stream.config, german.scale) == ("deu", "640x360", 1000)


def test_what_is_encrypted_is_told() -> None:
    entry = box(b"encv", bytes(24) + struct.pack(">HH", 640, 360) + bytes(50))
    head = bytes(12) + struct.pack(">I", 1) + bytes(60)
    (found,) = fmp4.tracks(box(b"moov", box(b"trak", box(b"tkhd", head) + media(b"vide", entry))))
    assert found.stream.codec == "encrypted"
