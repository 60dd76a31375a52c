"""The ledger: what its lines come to, and what is left of it after a fall in the midst of writing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Gap, LedgerReader, Line, Segment, Tally
from nightcrew.recorder.ledger_writer import LedgerWriter


def part(number: int, *, up: float = 0.0) -> Line:
    return {"k": "part", "p": number, "path": f"x_part{number:03}.ts", "up": up, "turn": 0}


def segment(number: int, offset: int, size: int = 10, **others: object) -> Line:
    line = {"k": "seg", "n": number, "e": 0, "p": 1, "o": offset, "b": size, "s": 2.0, "f": 50, "d": 0, "t": None}
    return {**line, "up": float(number), **others}


def gap(first: int, last: int, seconds: float, **others: object) -> Line:
    return {"k": "gap", "e": 0, "a": first, "z": last, "s": seconds, "up": 0.0, "why": "why", **others}


def opened(boot: str = "boot", *, at: float = 1000.0, up: float = 0.0) -> Line:
    return {"k": "open", "at": at, "up": up, "boot": boot, "pid": 1}


def tally(*lines: Line) -> Tally:
    found = Tally()
    for line in lines:
        found.add(line)
    return found


def write(folder: Path, *lines: Line) -> bytes:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    (folder / ledger.NAME).write_bytes(data)
    return data


STORY = (
    opened(),
    part(1),
    segment(5, 0, 10, t=100.0),
    gap(6, 7, 4.0),
    segment(8, 10, 30, f=40, d=1, t=106.0),
    part(2, up=9.0),
    segment(9, 0, 7, p=2, t=108.0),
    {"k": "epoch", "e": 1, "why": "anew"},
    part(3, up=11.0),
    segment(0, 0, 5, p=3, e=1, t=110.0),
    {"k": "end", "why": "the playlist has ended"},
)


# -- what lines come to ------------------------------------------------------------------------------------------------


def test_a_tally_is_the_sum_of_its_lines() -> None:
    found = tally(*STORY)
    assert (found.bytes, found.seconds, found.missing, found.segments) == (52, 12.0, 4.0, 4)
    assert (found.frames, found.discontinuities, found.opened, found.epoch) == (190, 1, 1, 1)
    assert found.over == "the playlist has ended"
    assert found.gaps == [Gap(0, 6, 7, 2.0, 4.0, "why")]
    assert [(one.bytes, one.seconds, one.frames, one.first, one.last) for one in found.parts] == [
        (40, 4.0, 90, 5, 8),
        (7, 2.0, 50, 9, 9),
        (5, 2.0, 50, 0, 0),
    ]
    assert found.last == Segment(0, 1, 2.0, 110.0, 0.0)


def test_one_segment_that_could_not_be_counted_makes_the_count_unknown() -> None:
    assert tally(part(1), segment(1, 0), segment(2, 10, f=None), segment(3, 20)).frames is None


def test_after_a_gap_it_goes_on_behind_the_gap_by_every_clock() -> None:
    found = tally(part(1), segment(5, 0, t=100.0), gap(6, 7, 4.5)).last
    assert found == Segment(7, 0, 0.0, 106.5, 9.5)


def test_a_gap_before_anything_else_is_not_forgotten() -> None:
    found = tally(part(1), gap(5, 6, 4.0, up=3.0)).last
    assert found == Segment(6, 0, 0.0, None, 3.0)


def test_taken_up_again_it_is_not_over() -> None:
    assert tally(*STORY, opened()).over is None


def test_after_another_boot_its_times_are_told_on_the_new_clock() -> None:
    found = tally(opened("one", at=1000, up=500), part(1, up=510), segment(5, 0, up=520), opened("two", at=1120, up=40))
    assert found.last is not None
    assert (found.last.up, found.parts[0].began) == (-60.0, -70.0), "100 s before 40, and 110"
    same = tally(opened("one", at=1000, up=500), part(1, up=510), segment(5, 0, up=520), opened("one", at=9000, up=620))
    assert same.last is not None
    assert (same.last.up, same.parts[0].began) == (520.0, 510.0)


def test_after_another_boot_with_a_clock_that_went_back_nothing_is_in_the_future() -> None:
    found = tally(opened("one", at=9000, up=500), part(1, up=510), segment(5, 0, up=520), opened("two", at=10, up=40))
    assert found.last is not None
    assert (found.last.up, found.parts[0].began) == (40.0, 40.0)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"k": "seg"},
        segment(1, 0),
        {"k": "init", "p": 1, "b": 3, "i": "x"},
        {"k": "part", "p": None},
        {"k": "epoch", "e": "x"},
        {"k": "epoch", "e": float("inf")},
        {"k": "short"},
    ],
)
def test_a_line_that_makes_no_sense_is_told(line: Line) -> None:
    with pytest.raises(ValueError):
        Tally().add(line)


def test_a_line_of_a_later_version_is_passed_over() -> None:
    assert tally({"k": "new", "x": 1}) == Tally()


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_ledger_that_was_cut_anywhere_is_the_whole_lines_before(tmp_path: Path) -> None:
    data = write(tmp_path, *STORY)
    for size in range(len(data) + 1):
        (tmp_path / ledger.NAME).write_bytes(data[:size])
        whole = data[:size].count(b"\n")
        assert ledger.read(tmp_path) == tally(*STORY[:whole]), size
        writer = LedgerWriter(tmp_path)
        try:
            written = (tmp_path / ledger.NAME).read_bytes()
        finally:
            writer.close()
        lines = [line for line, _ in ledger.lines_of(written)]
        assert lines[:whole] == list(STORY[:whole])
        assert all(line["k"] == "short" for line in lines[whole:]), "the parts are not there at all"
        assert written.endswith(b"\n") or not written


@given(data=st.binary(max_size=200))
def test_whatever_a_file_holds_only_objects_come_of_it(data: bytes) -> None:
    end = 0
    for line, behind in ledger.lines_of(data):
        assert isinstance(line, dict)
        assert data[behind - 1 : behind] == b"\n"
        assert behind > end
        end = behind


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 2000), max_size=8))
def test_a_reader_in_steps_reads_what_one_at_once_reads(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    data = write(folder, *STORY)
    (folder / ledger.NAME).unlink()
    reader, count = LedgerReader(folder), 0
    for size in [*sorted(cuts), len(data)]:
        (folder / ledger.NAME).write_bytes(data[:size])
        count += reader.refresh()
    assert (reader.tally, count) == (tally(*STORY), len(STORY))
    assert reader.refresh() == 0


def test_a_ledger_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert ledger.read(tmp_path) == Tally()


def test_a_writer_goes_on_where_the_last_whole_line_ends(tmp_path: Path) -> None:
    data = write(tmp_path, *STORY[:3])
    (tmp_path / ledger.NAME).write_bytes(data + b'{"k": "seg", "n"')
    (tmp_path / "x_part001.ts").write_bytes(bytes(14))
    writer = LedgerWriter(tmp_path)
    assert writer.cut == 4
    writer.append(segment(6, 10))
    writer.close()
    assert ledger.read(tmp_path) == tally(*STORY[:3], segment(6, 10))
    assert (tmp_path / "x_part001.ts").stat().st_size == 10


# -- a part that is shorter than it should be --------------------------------------------------------------------------

THREE = (opened(), part(1), segment(5, 0, 10), segment(6, 10, 10), segment(7, 20, 10, f=40))


def taken_up(folder: Path) -> Tally:
    writer = LedgerWriter(folder)
    writer.close()
    return writer.tally


@pytest.mark.parametrize(("size", "left"), [(29, 20), (20, 20), (19, 10), (10, 10), (9, 0), (0, 0)])
def test_what_the_disk_has_lost_of_a_part_is_a_gap_that_says_so(tmp_path: Path, size: int, left: int) -> None:
    write(tmp_path, *THREE)
    path = tmp_path / "x_part001.ts"
    path.write_bytes(bytes(size))
    found = taken_up(tmp_path)
    gone = 3 - left // 10
    (hole,) = found.gaps
    assert (hole.first, hole.last, hole.start, hole.seconds) == (8 - gone, 7, 6.0 - 2 * gone, 2.0 * gone)
    assert hole.reason == f"the disk lost bytes {size} to 30 of part 1"
    assert (found.parts[0].bytes, found.bytes, path.stat().st_size) == (left, left, left)
    assert (found.parts[0].first, found.parts[0].last) == ((5, 7 - gone) if gone < 3 else (None, None))
    assert (found.parts[0].seconds, found.parts[0].frames) == (6.0 - 2 * gone, [140, 100, 50, 0][gone])
    assert (found.seconds, found.missing, found.segments) == (6.0, 2.0 * gone, 3)
    assert found.parts[0].short, "nothing more may go into it"
    assert found.last is not None
    assert found.last.number == 7, "it goes on behind what was lost"
    assert ledger.read(tmp_path) == found, "and everybody who reads it sees the same"


def test_it_is_listed_once_and_listed_again_only_for_what_is_lost_besides(tmp_path: Path) -> None:
    write(tmp_path, *THREE)
    path = tmp_path / "x_part001.ts"
    path.write_bytes(bytes(25))
    once = taken_up(tmp_path)
    assert taken_up(tmp_path) == once
    path.write_bytes(bytes(15))
    again = taken_up(tmp_path)
    assert [(one.first, one.last) for one in again.gaps] == [(7, 7), (6, 6)]
    assert (again.parts[0].bytes, again.missing, again.frames) == (10, 4.0, 50)


def test_a_part_that_is_not_there_at_all_is_lost(tmp_path: Path) -> None:
    write(tmp_path, *THREE)
    assert [(one.first, one.last) for one in taken_up(tmp_path).gaps] == [(5, 7)]


def test_without_its_init_section_nothing_of_a_part_can_be_used(tmp_path: Path) -> None:
    init = {"k": "init", "p": 1, "b": 8, "i": "x"}
    write(tmp_path, opened(), part(1), init, segment(5, 8), segment(6, 18))
    (tmp_path / "x_part001.ts").write_bytes(bytes(7))
    found = taken_up(tmp_path)
    assert [(one.first, one.last) for one in found.gaps] == [(5, 6)]
    assert (found.parts[0].bytes, found.parts[0].short) == (0, True)
    write(tmp_path, opened(), part(1), init)
    (tmp_path / "x_part001.ts").write_bytes(bytes(7))
    found = taken_up(tmp_path)
    assert (found.gaps, found.parts[0].bytes, found.parts[0].short) == ([], 0, True)


def test_what_was_lost_is_no_longer_among_the_segments(tmp_path: Path) -> None:
    write(tmp_path, *THREE)
    (tmp_path / "x_part001.ts").write_bytes(bytes(12))
    taken_up(tmp_path)
    lines = [line for line, _ in ledger.lines_of((tmp_path / ledger.NAME).read_bytes())]
    kept = ledger.standing([*lines, part(2), segment(8, 0, 4, p=2)])
    assert [(line["k"], line.get("n")) for line in kept] == [
        ("open", None), ("part", None), ("seg", 5), ("gap", None), ("part", None), ("seg", 8),
    ]  # fmt: skip
    assert list(ledger.samples([*lines, part(2), segment(8, 0, 4, p=2)])) == [(0.0, 2.0, 10), (6.0, 2.0, 4)]


# -- a ledger that is damaged ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"\0", b"x", b"\xff\xfe", b"{"])
def test_a_damaged_line_costs_itself_and_nothing_behind_it(tmp_path: Path, damage: bytes) -> None:
    many = [segment(number, 10 * number, 10) for number in range(20)]
    write(tmp_path, opened(), part(1), *many)
    (tmp_path / "x_part001.ts").write_bytes(bytes(200))
    path = tmp_path / ledger.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4][:5] + damage + lines[4][6:]
    path.write_bytes(b"".join(lines))
    found = taken_up(tmp_path)
    assert found.segments == 19
    assert (tmp_path / "x_part001.ts").stat().st_size == 200, "no byte of what was recorded is cut off"
    assert found.last is not None
    assert found.last.number == 19
    assert ledger.read(tmp_path) == found
