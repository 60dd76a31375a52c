"""Where a viewer may join a stream: at a picture that a decoder can begin with, with the tables or the head before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from films import Source, source
from nightcrew.playlists import joining
from nightcrew.playlists.joining import BoxSplitter, PacketSplitter, Piece, PlainSplitter, splitter
from nightcrew.transport import ts
from nightcrew.transport.ts import PACKET


def box(kind: bytes, size: int = 16, *, long: bool = False) -> bytes:
    """A box of `size` bytes (ISO/IEC 14496-12, 4.2)."""
    if long:
        return (1).to_bytes(4, "big") + kind + size.to_bytes(8, "big") + kind[:1] * (size - 16)
    return size.to_bytes(4, "big") + kind + kind[:1] * (size - 8)


@pytest.fixture
def film() -> Source:
    """Two seconds of a transport stream."""
    return source("plain")


HEAD = box(b"ftyp") + box(b"moov", 40)
ONE = box(b"moof", 24) + box(b"mdat", 50)
TWO = box(b"styp") + box(b"moof", 24) + box(b"mdat", 30)


def fed(cutter: joining.Splitter, *parts: bytes) -> list[Piece]:
    return [piece for part in parts for piece in cutter.feed(part)]


def entries(pieces: list[Piece]) -> list[bytes]:
    """What there is from each entry on to the next one."""
    found = list[bytes]()
    for piece in pieces:
        if piece.entry:
            found.append(b"")
        if found:
            found[-1] += piece.data
    return found


def test_each_kind_of_stream_is_cut_in_its_own_way() -> None:
    assert isinstance(splitter("video/mp2t"), PacketSplitter)
    assert isinstance(splitter("video/mp4"), BoxSplitter)
    sound, other = splitter("audio/mpeg"), splitter("application/octet-stream")
    assert isinstance(sound, PlainSplitter)
    assert (sound.continues, sound.shared) == (True, True)
    assert (other.continues, other.shared) == (False, False)
    assert (PacketSplitter().continues, PacketSplitter().shared) == (True, True)
    assert (BoxSplitter().continues, BoxSplitter().shared) == (False, True)


def test_what_nobody_understands_is_passed_on_as_it_comes() -> None:
    cutter = PlainSplitter(continues=True, shared=True)
    assert cutter.feed(b"abc") == [Piece(b"abc", entry=True)]
    assert cutter.feed(b"") == []
    cutter.restart()
    assert (cutter.head, PlainSplitter(False, False).feed(b"a")) == (b"", [Piece(b"a", entry=False)])


# -- fragmented MP4 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 7, 500])
def test_a_fragment_begins_with_its_first_box_however_the_bytes_come(step: int) -> None:
    data, cutter = HEAD + ONE + TWO, BoxSplitter()
    pieces = fed(cutter, *(data[at : at + step] for at in range(0, len(data), step)))
    assert b"".join(piece.data for piece in pieces) == data
    assert entries(pieces) == [ONE, TWO]
    assert cutter.head == HEAD
    assert cutter.shared


def test_a_box_with_a_long_size_is_one() -> None:
    cutter = BoxSplitter()
    pieces = fed(cutter, HEAD, box(b"moof", 32, long=True), box(b"mdat", 64, long=True), ONE)
    assert [len(one) for one in entries(pieces)] == [96, len(ONE)]
    assert cutter.feed(box(b"moof", 32, long=True)[:12]) == [], "its size has not come yet"


def test_what_stands_between_a_head_and_a_fragment_belongs_to_the_head() -> None:
    cutter = BoxSplitter()
    fed(cutter, HEAD, box(b"free"), ONE, box(b"free"))
    assert cutter.head == HEAD + box(b"free")
    again = box(b"ftyp", 20) + box(b"moov", 44)
    fed(cutter, again, TWO)
    assert cutter.head == again, "a new head takes the place of the old one"


def test_data_without_a_fragment_is_no_entry() -> None:
    cutter = BoxSplitter()
    assert entries(fed(cutter, HEAD, box(b"mdat", 50), ONE)) == [ONE]
    assert cutter.head == HEAD


def test_several_boxes_before_the_data_are_one_fragment() -> None:
    first = box(b"styp") + box(b"sidx") + box(b"emsg") + box(b"prft") + box(b"moof") + box(b"mdat")
    assert entries(fed(BoxSplitter(), HEAD, first, first)) == [first, first]


@pytest.mark.parametrize("size", [0, 2, 7])
def test_behind_a_box_without_an_end_nobody_joins(size: int) -> None:
    cutter = BoxSplitter()
    fed(cutter, HEAD)
    pieces = fed(cutter, size.to_bytes(4, "big") + b"mdat" + b"x" * 30, ONE)
    assert not cutter.shared
    assert [piece.entry for piece in pieces] == [False, False]
    assert b"".join(piece.data for piece in pieces).endswith(ONE)
    assert cutter.feed(b"") == []


def test_behind_a_head_that_is_too_long_nobody_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST_HEAD", len(HEAD))
    fits, longer = BoxSplitter(), BoxSplitter()
    fed(fits, HEAD)
    fed(longer, HEAD + box(b"free"))
    assert (fits.shared, longer.shared) == (True, False)


def test_what_follows_another_stream_is_not_joined() -> None:
    cutter = BoxSplitter()
    fed(cutter, HEAD)
    cutter.restart()
    assert (cutter.shared, cutter.feed(ONE)) == (False, [Piece(ONE, entry=False)])


@given(st.lists(st.integers(1, 60), max_size=40))
def test_no_byte_of_boxes_is_lost_or_doubled(steps: list[int]) -> None:
    data, at, cutter, given_out = HEAD + ONE + TWO + ONE, 0, BoxSplitter(), b""
    for step in [*steps, 1000]:
        given_out += b"".join(piece.data for piece in cutter.feed(data[at : at + step]))
        at += step
    assert given_out == data


# -- transport streams ---------------------------------------------------------------------------------------------


def test_a_stream_is_cut_before_each_picture_that_a_decoder_can_begin_with(film: Source) -> None:
    first, second = film.segments[:2]
    cutter = PacketSplitter()
    pieces = [*cutter.feed(first), *cutter.feed(second)]
    assert b"".join(piece.data for piece in pieces) == first + second
    begins = [piece.data for piece in pieces if piece.entry]
    assert len(begins) == 2
    for data in begins:
        pid = ts.pid_of(data, 0)
        assert next(iter(ts.starts(data, pid))) == 0
        assert ts.begins_clean(data[:PACKET])
    assert cutter.head != b""
    assert len(cutter.head) % PACKET == 0


def test_packets_are_whole_wherever_the_bytes_are_cut(film: Source) -> None:
    data, cutter = film.segments[0][: 60 * PACKET], PacketSplitter()
    pieces = fed(cutter, b"", *(data[at : at + 500] for at in range(0, len(data), 500)))
    assert b"".join(piece.data for piece in pieces) == data
    assert all(len(piece.data) % PACKET == 0 and piece.data for piece in pieces)


def test_rubbish_before_a_stream_is_dropped_and_what_is_none_is_not_kept(film: Source) -> None:
    data, cutter = film.segments[0][: 20 * PACKET], PacketSplitter()
    pieces = fed(cutter, b"x" * 100 + data)
    assert b"".join(piece.data for piece in pieces) == data
    nothing = PacketSplitter()
    assert fed(nothing, b"y" * 3000, b"y" * 3000) == []
    assert len(nothing._held) <= 4 * PACKET
    assert b"".join(piece.data for piece in fed(nothing, data, data)).endswith(data)


def test_a_stream_that_slips_is_found_again(film: Source) -> None:
    data, cutter = film.segments[0], PacketSplitter()
    fed(cutter, data[: 20 * PACKET])
    pieces = fed(cutter, b"z" * 50 + data[20 * PACKET : 60 * PACKET])
    assert b"".join(piece.data for piece in pieces) == data[20 * PACKET : 60 * PACKET]


def test_another_programme_has_tables_of_its_own(film: Source) -> None:
    cutter = PacketSplitter()
    fed(cutter, film.segments[0] + b"\x47cut")
    cutter.restart()
    assert cutter.head == b""
    assert b"".join(piece.data for piece in fed(cutter, film.segments[1])) == film.segments[1]


def test_without_tables_nobody_joins(film: Source) -> None:
    data = film.segments[0]
    tables = {bytes(packet) for packet in _tables(data)}
    packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
    bare = b"".join(packet for packet in packets if packet not in tables)[: 30 * PACKET]
    assert not any(piece.entry for piece in fed(PacketSplitter(), bare))


def _tables(data: bytes) -> list[bytes]:
    known = ts.ProgrammeTables()
    known.learn(data)
    pids = set(known.tables)
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET) if ts.pid_of(data, at) in pids]
