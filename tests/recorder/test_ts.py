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
from nightcrew.transport import ts
from nightcrew.transport.ts import PACKET, WRAP, Cut, Cutter, ProgrammeTables

REAL = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def counted(data: bytes) -> int:
    """By ffmpeg: pictures that are decoded."""
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough"]
    form = ["-vf", "scale=1:1", "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"]
    return len(subprocess.run([*command, *form], input=data, capture_output=True, check=True).stdout)


def cut(data: bytes, sizes: Sequence[int], cutter: Cutter) -> Iterator[Cut]:
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield from cutter.feed(data[at : at + size])
        at, turn = at + size, turn + 1


def packets(data: bytes) -> list[bytes]:
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET)]


# -- counted -----------------------------------------------------------------------------------------------------------


def test_pictures_are_counted_as_ffmpeg_counts_them(ts_film: Film) -> None:
    programme = ProgrammeTables()
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
    assert ProgrammeTables().pictures(made.read_bytes()) == 35


def test_sound_alone_has_no_pictures(tmp_path: Path) -> None:
    made = tmp_path / "x.ts"
    source = ["-f", "lavfi", "-i", "sine=duration=1"]
    subprocess.run([find_ffmpeg(), "-v", "error", *source, "-c:a", "aac", str(made)], check=True)
    assert ProgrammeTables().pictures(made.read_bytes()) == 0


def test_a_segment_without_tables_is_counted_by_those_before(ts_film: Film) -> None:
    bare = b"".join(one for one in packets(ts_film.segments[1]) if (one[1] & 0x1F) << 8 | one[2] not in {0, 0x1000})
    assert len(bare) < len(ts_film.segments[1])
    assert ProgrammeTables().pictures(bare) is None
    programme = ProgrammeTables()
    programme.pictures(ts_film.segments[0])
    assert programme.pictures(bare) == ts_film.frames_per_segment


@pytest.mark.parametrize("bit", [0x20, 0x80])
def test_marks_of_priority_and_of_errors_hide_no_picture(ts_film: Film, bit: int) -> None:
    marked = b"".join(one[:1] + bytes([one[1] | bit]) + one[2:] for one in packets(ts_film.segments[0]))
    assert ProgrammeTables().pictures(marked) == ts_film.frames_per_segment


def test_what_is_no_transport_stream_cannot_be_counted() -> None:
    assert ProgrammeTables().pictures(b"") is None
    assert ProgrammeTables().pictures(b"<html>" * 100) is None
    assert ProgrammeTables().pictures(bytes([ts.SYNC]) + bytes(187)) is None, "one packet alone does not tell"


def test_the_tables_are_what_a_file_has_to_begin_with(ts_film: Film) -> None:
    programme = ProgrammeTables()
    programme.learn(ts_film.segments[0])
    tables = b"".join(programme.tables.values())
    assert len(tables) == 2 * PACKET
    other = ProgrammeTables()
    other.learn(tables)
    assert (other.map_pid, other.video_pid, other.sounds) == (programme.map_pid, programme.video_pid, (0x0F,))


# -- tables and heads, byte by byte -----------------------------------------------------------------------------------

MAP, PICTURE, SOUND = 0x1000, 0x100, 0x101


def packet(pid: int, body: bytes, *, flags: int | None = None, begins: bool = True) -> bytes:
    """A packet that carries `body` at its end, behind as long an adaptation field as it takes."""
    head = bytes([ts.SYNC, (0x40 if begins else 0) | pid >> 8, pid & 0xFF])
    room = PACKET - 4 - len(body)
    if room == 0 and flags is None:
        return head + b"\x10" + body
    return head + b"\x30" + bytes([room - 1]) + bytes([flags or 0]) * (room > 1) + bytes(max(0, room - 2)) + body


def section(table: int, content: bytes, *, pointer: int = 0) -> bytes:
    """A table of the programme specific information, with the bytes that a pointer field passes over before it."""
    body = b"\0\1\xc1\0\0" + content + b"\xaa\xbb\xcc\xdd"
    return bytes([pointer]) + b"\x55" * pointer + bytes([table, 0xB0 | len(body) >> 8, len(body) & 0xFF]) + body


def association(*programmes: tuple[int, int]) -> bytes:
    return b"".join(n.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big") for n, pid in programmes)


def streams(*found: tuple[int, int], about: bytes = b"", words: bytes = b"") -> bytes:
    """A programme map: `about` describes the programme, `words` each stream."""
    each = (
        bytes([kind]) + (0xE000 | pid).to_bytes(2, "big") + bytes([0xF0, len(words)]) + words for kind, pid in found
    )
    return b"\xe1\x00" + bytes([0xF0, len(about)]) + about + b"".join(each)


def learned(programmes: bytes, table: bytes) -> ProgrammeTables:
    programme = ProgrammeTables()
    programme.learn(packet(0, programmes) + packet(MAP, table))
    return programme


FIRST = section(0, association((1, MAP)))


@pytest.mark.parametrize("kind", [1, 2, 16, 27, 32, 36, 51, 66, 209, 234])
def test_each_kind_of_picture_is_one(kind: int) -> None:
    found = learned(FIRST, section(2, streams((15, SOUND), (kind, PICTURE))))
    assert (found.map_pid, found.video_pid, found.sounds) == (MAP, PICTURE, (15,))


@pytest.mark.parametrize("kind", [0, 3, 4, 6, 15, 17, 64, 102, 255])
def test_what_is_no_picture_is_none(kind: int) -> None:
    found = learned(FIRST, section(2, streams((kind, SOUND))))
    assert (found.video_pid, found.sounds) == (None, (kind,))


def test_what_describes_a_programme_or_a_stream_is_passed_over() -> None:
    table = section(2, streams((15, SOUND), (27, PICTURE), about=b"\x05\x04HDMV", words=b"\x0a\x04deu\x00"))
    found = learned(FIRST, table)
    assert (found.video_pid, found.sounds) == (PICTURE, (15,))


def test_a_table_may_begin_behind_the_end_of_another() -> None:
    found = learned(section(0, association((1, MAP)), pointer=5), section(2, streams((27, PICTURE)), pointer=9))
    assert found.video_pid == PICTURE


def test_the_first_programme_counts_and_the_table_of_the_network_is_none() -> None:
    networks = section(0, association((0, 0x10), (3, MAP), (4, 0x1FF)))
    assert learned(networks, section(2, streams((27, PICTURE)))).map_pid == MAP
    assert learned(section(0, association((0, 0x10))), b"").map_pid is None


@pytest.mark.parametrize("size", range(5))
def test_a_programme_map_that_is_too_short_for_its_head_is_none(size: int) -> None:
    found = learned(FIRST, section(2, b"\xe1\x00\xf0\x00\x1b"[:size]))
    assert (found.map_pid, found.video_pid, found.sounds) == (MAP, None, ())


@pytest.mark.parametrize("size", range(4))
def test_a_programme_association_that_lists_nothing_names_no_map(size: int) -> None:
    assert learned(section(0, association((1, MAP))[:size]), b"").map_pid is None


def test_two_packets_are_enough() -> None:
    programme = ProgrammeTables()
    programme.pictures(packet(0, FIRST) + packet(MAP, section(2, streams((27, PICTURE)))))
    assert programme.video_pid == PICTURE
    assert programme.pictures(packet(PICTURE, b"\0\0\1\xe0") + packet(PICTURE, b"x", begins=False)) == 1


def test_a_packet_without_a_payload_carries_nothing() -> None:
    assert ts.payload(bytes([ts.SYNC, 1, 0, 0x20]) + b"x" * 184) == b""
    assert ts.payload(bytes([ts.SYNC, 1, 0, 0x00]) + b"x" * 184) == b""
    assert ts.payload(bytes([ts.SYNC, 1, 0, 0x10]) + b"x" * 184) == b"x" * 184
    assert ts.payload(packet(PICTURE, b"words")) == b"words"


@pytest.mark.parametrize(
    ("body", "flags", "clean"),
    [
        (b"words", 0x40, True),
        (b"words", 0x00, False),
        (b"words", 0xBF, False),
        (b"x" * 182, 0x40, True),
        (b"x" * 184, None, False),
        (b"\0\0\1\x67", 0x00, True),
        (b"\0\0\1\x40\1", None, True),
        (b"\0\0\1\xb3", None, True),
        (b"\0\0\1\x41", None, False),
    ],
)
def test_a_decoder_begins_where_the_stream_says_so_or_parameters_follow(
    body: bytes, flags: int | None, clean: bool
) -> None:
    assert ts.begins_clean(packet(PICTURE, body, flags=flags)) is clean


def test_an_adaptation_field_of_no_length_says_nothing() -> None:
    assert not ts.begins_clean(bytes([ts.SYNC, 0x41, 0, 0x30, 0, 0x40]) + bytes(182))


def test_a_payload_of_its_own_is_not_taken_for_an_adaptation_field() -> None:
    assert not ts.begins_clean(bytes([ts.SYNC, 0x41, 0, 0x10, 7, 0x40]) + bytes(182))


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
    assert rest.pictures == ProgrammeTables().pictures(rest.data)
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


@pytest.mark.parametrize(("share", "seconds"), [(0.3, 0.3), (0.499, 0.499), (0.5, -0.5), (0.7, -0.3)])
def test_what_is_nearer_behind_than_ahead_is_behind(share: float, seconds: float) -> None:
    wrap = WRAP / ts.CLOCK
    assert ts.later(share * wrap, 0) == pytest.approx(seconds * wrap)


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
    ProgrammeTables().pictures(whole)
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
            ProgrammeTables().pictures(packet * 2)
