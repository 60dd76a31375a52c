"""Transport streams: pictures counted as ffmpeg counts them, and cut where a decoder can begin, whatever comes in between."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Film
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.recorder import ts
from nightcrew.recorder.ts import PACKET, WRAP, Cutter, Piece, Programme

REAL = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def counted(data: bytes) -> int:
    """By ffmpeg: pictures that are decoded."""
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough"]
    form = ["-vf", "scale=1:1", "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"]
    return len(subprocess.run([*command, *form], input=data, capture_output=True, check=True).stdout)


def cut(data: bytes, sizes: Sequence[int], cutter: Cutter) -> Iterator[Piece]:
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield from cutter.feed(data[at : at + size])
        at, turn = at + size, turn + 1


def packets(data: bytes) -> list[bytes]:
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET)]


# -- counted -----------------------------------------------------------------------------------------------------------


def test_pictures_are_counted_as_ffmpeg_counts_them(ts_film: Film) -> None:
    programme = Programme()
    for segment in ts_film.segments:
        assert programme.pictures(segment) == counted(segment) == ts_film.frames_per_segment
    assert programme.sounds == (0x0F,), "AAC"


@pytest.mark.parametrize("encoder", [["-c:v", "mpeg2video"], ["-c:v", "libx264", "-bf", "3"], ["-c:v", "libx265"]])
def test_other_codecs_and_pictures_out_of_order_are_counted_too(tmp_path: Path, encoder: list[str]) -> None:
    made = tmp_path / "x.ts"
    source = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=1.4"]
    done = subprocess.run([find_ffmpeg(), "-v", "error", *source, *encoder, str(made)], capture_output=True, text=True)
    if done.returncode and "Unknown encoder" in done.stderr:
        pytest.skip(f"this ffmpeg has no {encoder[1]}")
    assert Programme().pictures(made.read_bytes()) == 35


def test_sound_alone_has_no_pictures(tmp_path: Path) -> None:
    made = tmp_path / "x.ts"
    source = ["-f", "lavfi", "-i", "sine=duration=1"]
    subprocess.run([find_ffmpeg(), "-v", "error", *source, "-c:a", "aac", str(made)], check=True)
    assert Programme().pictures(made.read_bytes()) == 0


def test_a_segment_without_tables_is_counted_by_those_before(ts_film: Film) -> None:
    bare = b"".join(one for one in packets(ts_film.segments[1]) if (one[1] & 0x1F) << 8 | one[2] not in {0, 0x1000})
    assert len(bare) < len(ts_film.segments[1])
    assert Programme().pictures(bare) is None
    programme = Programme()
    programme.pictures(ts_film.segments[0])
    assert programme.pictures(bare) == ts_film.frames_per_segment


@pytest.mark.parametrize("bit", [0x20, 0x80])
def test_marks_of_priority_and_of_errors_hide_no_picture(ts_film: Film, bit: int) -> None:
    marked = b"".join(one[:1] + bytes([one[1] | bit]) + one[2:] for one in packets(ts_film.segments[0]))
    assert Programme().pictures(marked) == ts_film.frames_per_segment


def test_what_is_no_transport_stream_cannot_be_counted() -> None:
    assert Programme().pictures(b"") is None
    assert Programme().pictures(b"<html>" * 100) is None
    assert Programme().pictures(bytes([ts.SYNC]) + bytes(187)) is None, "one packet alone does not tell"


def test_the_tables_are_what_a_file_has_to_begin_with(ts_film: Film) -> None:
    programme = Programme()
    programme.learn(ts_film.segments[0])
    tables = b"".join(programme.tables.values())
    assert len(tables) == 2 * PACKET
    other = Programme()
    other.learn(tables)
    assert (other.map_pid, other.video_pid, other.sounds) == (programme.map_pid, programme.video_pid, (0x0F,))


# -- cut ---------------------------------------------------------------------------------------------------------------


@REAL
@given(sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=6))
def test_all_bytes_come_out_again_in_order_however_they_came_in(ts_film: Film, sizes: list[int]) -> None:
    whole = b"".join(ts_film.segments)
    cutter = Cutter()
    found = list(cut(whole, [*sizes, 5_000], cutter))
    rest = cutter.rest()
    assert rest is not None
    assert b"".join(piece.data for piece in [*found, rest]) == whole
    assert sum(piece.pictures for piece in [*found, rest]) == len(ts_film.segments) * ts_film.frames_per_segment


@pytest.mark.parametrize("size", [1, 187, 188, 4096, 1 << 20])
def test_it_is_cut_where_a_decoder_can_begin_and_each_piece_says_when(ts_film: Film, size: int) -> None:
    cutter, whole = Cutter(), b"".join(ts_film.segments[:4])
    found = list(cut(whole, [size], cutter))
    rest = cutter.rest()
    assert rest is not None
    times = [piece.at for piece in [*found, rest]]
    assert len(times) == 4, "one for each key frame"
    assert all(at is not None for at in times)
    assert [round((at or 0) - (times[0] or 0), 3) for at in times] == [0.0, 1.0, 2.0, 3.0]
    video = cutter.programme.video_pid
    for piece in [*found[1:], rest]:
        first = next(one for one in packets(piece.data) if (one[1] & 0x1F) << 8 | one[2] == video)
        assert ts.begins_clean(first)
        assert first[1] & 0x40, "a picture begins in it"
        assert piece.pictures == ts_film.frames_per_segment


def test_what_broke_off_is_left_without_its_last_picture(ts_film: Film) -> None:
    cutter = Cutter()
    list(cutter.feed(ts_film.segments[0][:-500]))
    rest = cutter.rest(broken=True)
    assert rest is not None
    assert rest.pictures == ts_film.frames_per_segment - 1
    assert len(rest.data) % PACKET == 0
    assert rest.pictures == Programme().pictures(rest.data)
    assert Cutter().rest() is None


@REAL
@given(garbage=st.binary(min_size=1, max_size=1000), seed=st.integers(0, 5))
def test_behind_garbage_it_finds_its_feet_again(ts_film: Film, garbage: bytes, seed: int) -> None:
    cutter, turn = Cutter(), random.Random(seed)
    before, after = ts_film.segments[0], b"".join(ts_film.segments[1:4])
    fed = before + garbage + after
    found = list(cut(fed, [turn.randint(1, 30_000) for _ in range(4)], cutter))
    rest = cutter.rest()
    found += [rest] if rest is not None else []
    joined = b"".join(piece.data for piece in found)
    assert joined.endswith(after[-20 * PACKET :]), "the last packets are whole again"
    assert all(one[0] == ts.SYNC for one in packets(joined[-len(ts_film.segments[3]) :]))


def test_garbage_before_the_first_packet_is_dropped(ts_film: Film) -> None:
    cutter, whole = Cutter(), b"".join(ts_film.segments[:2])
    found = list(cutter.feed(b"\x47" + b"garbage" * 30 + whole))
    rest = cutter.rest()
    assert rest is not None
    assert b"".join(piece.data for piece in [*found, rest]) == whole


def test_no_more_is_held_than_allowed(ts_film: Film) -> None:
    noise = b"".join(bytes([ts.SYNC, 0x1F, 0xFF, 0x10]) + bytes(184) for _ in range(2000))
    cutter = Cutter(most=50_000)
    found = list(cut(noise, [10_000], cutter))
    assert b"".join(piece.data for piece in found) == noise[: sum(len(piece.data) for piece in found)]
    assert max(len(piece.data) for piece in found) <= 60_000


def test_a_picture_that_never_ends_is_cut_nevertheless_and_goes_on(ts_film: Film) -> None:
    cutter = Cutter(most=20_000)
    whole = b"".join(ts_film.segments)
    found = list(cut(whole, [3_000], cutter))
    rest = cutter.rest()
    found += [rest] if rest is not None else []
    assert b"".join(piece.data for piece in found) == whole
    assert sum(piece.pictures for piece in found) == len(ts_film.segments) * ts_film.frames_per_segment


# -- time --------------------------------------------------------------------------------------------------------------


@given(at=st.integers(0, WRAP - 1), by=st.integers(-(WRAP // 2) + 1, WRAP // 2 - 1))
def test_the_time_between_two_moments_is_right_also_across_the_clocks_overflow(at: int, by: int) -> None:
    now = (at + by) % WRAP
    assert ts.later(now / ts.CLOCK, at / ts.CLOCK) == pytest.approx(by / ts.CLOCK, abs=1e-5)


@given(ticks=st.integers(0, WRAP - 1))
def test_a_presentation_time_is_read_to_its_last_bit(ticks: int) -> None:
    time = bytes([
        0x21 | ticks >> 30 << 1, ticks >> 22 & 0xFF, ticks >> 14 & 0xFE | 1, ticks >> 7 & 0xFF, ticks << 1 & 0xFE | 1,
    ])  # fmt: skip
    body = b"\0\0\1\xe0\0\0\x80\x80\5" + time
    packet = bytes([ts.SYNC, 0x41, 0, 0x10]) + body + bytes(PACKET - 4 - len(body))
    assert ts.time_of(packet) == ticks / ts.CLOCK


@pytest.mark.parametrize("size", range(3, 15))
def test_a_picture_whose_head_is_cut_has_no_time(size: int) -> None:
    body = (b"\0\0\1\xe0\0\0\x80\x80\5" + bytes([0x21, 0, 1, 0, 1]))[:size]
    fill = bytes([PACKET - 5 - size]) + bytes(PACKET - 5 - size)
    packet = bytes([ts.SYNC, 0x41, 0, 0x30]) + fill + body
    assert len(packet) == PACKET
    assert ts.time_of(packet) == (0.0 if size == 14 else None)


# -- hostile bytes -----------------------------------------------------------------------------------------------------


@given(chunks=st.lists(st.binary(max_size=600), max_size=8), synced=st.booleans(), broken=st.booleans())
def test_no_bytes_make_it_raise_or_invent_anything(chunks: list[bytes], synced: bool, broken: bool) -> None:
    if synced:
        chunks = [bytes([ts.SYNC]) + chunk[:187].ljust(187, b"\0") for chunk in chunks]
    cutter, whole = Cutter(most=1000), b"".join(chunks)
    Programme().pictures(whole)
    size = sum(len(piece.data) for chunk in chunks for piece in cutter.feed(chunk))
    rest = cutter.rest(broken=broken)
    assert size + (len(rest.data) if rest else 0) <= len(whole)


@REAL
@given(seed=st.integers(0, 1 << 30), count=st.integers(1, 400), chunk=st.integers(100, 50_000))
def test_a_real_stream_with_broken_bytes_is_cut_without_raising(
    ts_film: Film, seed: int, count: int, chunk: int
) -> None:
    turn, data = random.Random(seed), bytearray(b"".join(ts_film.segments[:3]))
    for _ in range(count):
        data[turn.randrange(len(data))] = turn.randrange(256)
    for at in range(4 * PACKET):  # the tables above all
        if turn.random() < 0.02:
            data[at] = turn.randrange(256)
    cutter = Cutter()
    found = list(cut(bytes(data), [chunk], cutter))
    rest = cutter.rest(broken=True)
    assert sum(len(piece.data) for piece in found) + (len(rest.data) if rest else 0) <= len(data)


def test_each_first_byte_of_a_packet_may_be_anything() -> None:
    for head in range(256):
        for control in range(256):
            packet = bytes([ts.SYNC, 0x40, head, control]) + bytes([head, control]) * 92
            assert isinstance(ts.payload(packet), bytes)
            ts.begins_clean(packet)
            ts.time_of(packet)
            Programme().pictures(packet * 2)
