"""The files of a recording: what is appended is there, what does not fit is not, and neither is ever counted wrongly."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counter import Film, account, numbers_of
from nightcrew.recorder import ledger
from nightcrew.recorder import parts as module
from nightcrew.recorder.parts import DiskFull, Parts, SegmentData
from nightcrew.recorder.wire import Order

ORDER = Order(1, "", "x", "")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "boottime", made)
    return made


@pytest.fixture
def parts(tmp_path: Path, clock: Clock) -> Iterator[Parts]:
    made = Parts(tmp_path, "x")
    yield made
    made.close()


def piece(number: int, body: bytes = b"", **others: object) -> SegmentData:
    return replace(SegmentData(number, 2.0, body or bytes([number]) * 100), **others)  # type: ignore[arg-type]


def lines(folder: Path) -> list[ledger.Line]:
    return [line for line, _ in ledger.lines_of((folder / ledger.NAME).read_bytes())]


def bodies(folder: Path) -> list[bytes]:
    """Every segment that counts, by its bytes on disk."""
    paths = {line["p"]: folder / line["path"] for line in lines(folder) if line["k"] == "part"}
    found = []
    for line in ledger.standing(lines(folder)):
        if line["k"] == "seg":
            data = paths[line["p"]].read_bytes()[line["o"] : line["o"] + line["b"]]
            assert len(data) == line["b"], "it lies inside its file"
            found.append(data)
    return found


# -- appended and rotated ----------------------------------------------------------------------------------------------


def test_pieces_stand_one_behind_the_other_in_one_part(parts: Parts, tmp_path: Path) -> None:
    for number in range(1, 5):
        parts.append(piece(number), ORDER, 1.0)
    assert (tmp_path / "x_part001.ts").read_bytes() == b"".join(bytes([number]) * 100 for number in range(1, 5))
    assert [part.path for part in parts.tally.parts] == ["x_part001.ts"]
    assert parts.tally == ledger.read(tmp_path)


def test_taken_up_again_it_goes_on_in_the_same_part(parts: Parts, tmp_path: Path) -> None:
    parts.append(piece(1), ORDER, 1.0)
    parts.close_part()
    again = Parts(tmp_path, "x")
    again.append(piece(2), ORDER, 1.0)
    again.close()
    assert [(line["p"], line["o"]) for line in lines(tmp_path) if line["k"] == "seg"] == [(1, 0), (1, 100)]


@pytest.mark.parametrize(("jitter", "begun"), [(1.0, [1000.0, 1010.0, 1020.0]), (1.5, [1000.0, 1016.0])])
def test_a_part_is_full_after_its_time(parts: Parts, clock: Clock, jitter: float, begun: list[float]) -> None:
    for number in range(1, 14):
        parts.append(piece(number), replace(ORDER, part_seconds=10), jitter)
        clock.now += 2
    assert [part.began for part in parts.tally.parts] == begun


@pytest.mark.parametrize(("jitter", "sizes"), [(1.0, [300, 300, 100]), (0.6, [200, 200, 200, 100])])
def test_a_part_is_full_at_its_size(parts: Parts, jitter: float, sizes: list[int]) -> None:
    for number in range(1, 8):
        parts.append(piece(number), replace(ORDER, part_bytes=300), jitter)
    assert [part.bytes for part in parts.tally.parts] == sizes


def test_a_discontinuity_begins_a_part_and_a_storm_of_them_does_not(parts: Parts, clock: Clock, tmp_path: Path) -> None:
    for number in range(1, 61):
        parts.append(piece(number, discontinuity=number == 40 or number > 50), ORDER, 1.0)
        clock.now += 2
    assert [(part.first, part.last) for part in parts.tally.parts] == [(1, 39), (40, 60)]
    assert parts.tally.discontinuities == 11, "each is noted"
    assert bodies(tmp_path) == [piece(number).body for number in range(1, 61)]


def test_without_limits_there_is_one_part(parts: Parts, clock: Clock) -> None:
    for number in range(1, 50):
        parts.append(piece(number), replace(ORDER, part_seconds=0, part_bytes=0), 1.0)
        clock.now += 100_000
    assert len(parts.tally.parts) == 1


def test_each_rotation_asked_for_by_hand_takes_place_once(parts: Parts, tmp_path: Path) -> None:
    for number, rotate in enumerate([0, 1, 1, 2, 2, 2], start=1):
        parts.append(piece(number), replace(ORDER, rotate=rotate), 1.0)
    assert [(part.first, part.last) for part in parts.tally.parts] == [(1, 1), (2, 3), (4, 6)]
    parts.close_part()
    again = Parts(tmp_path, "x")
    again.append(piece(7), replace(ORDER, rotate=2), 1.0)
    again.close()
    assert len(again.tally.parts) == 3, "also when it was taken up again"


def test_a_part_of_a_transport_stream_begins_with_its_tables(parts: Parts, tmp_path: Path) -> None:
    for number, rotate in [(1, 0), (2, 0), (3, 1)]:
        parts.append(piece(number, prefix=b"tables"), replace(ORDER, rotate=rotate), 1.0)
    assert [(tmp_path / part.path).read_bytes() for part in parts.tally.parts] == [
        b"tables" + b"\1" * 100 + b"\2" * 100,
        b"tables" + b"\3" * 100,
    ]
    assert bodies(tmp_path)[0].startswith(b"tables"), "they belong to the first segment"


def test_a_part_begins_with_the_init_section_of_what_it_holds(parts: Parts, tmp_path: Path) -> None:
    for number, init in enumerate([b"one", b"one", b"two", b"two", b"one"], start=1):
        parts.append(piece(number, init=init), ORDER, 1.0)
    assert [(part.path, part.first, part.last, part.init_bytes) for part in parts.tally.parts] == [
        ("x_part001.mp4", 1, 2, 3),
        ("x_part002.mp4", 3, 4, 3),
        ("x_part003.mp4", 5, 5, 3),
    ]
    assert (tmp_path / "x_part002.mp4").read_bytes() == b"two" + b"\3" * 100 + b"\4" * 100


def test_a_new_numbering_goes_into_a_new_part(parts: Parts, tmp_path: Path) -> None:
    parts.append(piece(9), ORDER, 1.0)
    parts.begin_epoch("anew")
    parts.append(piece(1), ORDER, 1.0)
    parts.append(piece(2), ORDER, 1.0)
    assert [(part.first, part.last, part.epoch) for part in parts.tally.parts] == [(9, 9, 0), (1, 2, 1)]


def test_what_is_missing_at_its_beginning_belongs_to_the_new_numbering(parts: Parts) -> None:
    parts.append(piece(9), ORDER, 1.0)
    parts.begin_epoch("anew")
    parts.lost(0, 1, 4.0, "why")
    parts.append(piece(2), ORDER, 1.0)
    assert [(gap.epoch, gap.first, gap.last) for gap in parts.tally.gaps] == [(1, 0, 1)]
    assert [(part.first, part.epoch) for part in parts.tally.parts] == [(9, 0), (2, 1)]


def test_a_recorder_that_was_ended_after_a_new_numbering_was_noted_does_not_forget_the_new_part(
    parts: Parts, tmp_path: Path
) -> None:
    parts.append(piece(9), ORDER, 1.0)
    parts.note(k="epoch", e=1, why="anew")
    again = Parts(tmp_path, "x")
    again.append(piece(1), ORDER, 1.0)
    again.close()
    assert len(again.tally.parts) == 2


def test_behind_a_part_that_is_too_short_a_new_one_is_begun(parts: Parts, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        parts.append(piece(number), ORDER, 1.0)
    os.truncate(tmp_path / "x_part001.ts", 150)
    again = Parts(tmp_path, "x")
    again.append(piece(4), ORDER, 1.0)
    again.append(piece(5), ORDER, 1.0)
    again.close()
    assert bodies(tmp_path) == [bytes([number]) * 100 for number in (1, 4, 5)]
    assert [(gap.first, gap.last) for gap in again.tally.gaps] == [(2, 3)]
    assert [part.bytes for part in again.tally.parts] == [100, 200]
    os.truncate(tmp_path / "x_part002.ts", 0)
    third = Parts(tmp_path, "x")
    third.append(piece(6), ORDER, 1.0)
    third.close()
    assert [part.path for part in third.tally.parts][2:] == ["x_part003.ts"], "not even one of which nothing is left"
    assert bodies(tmp_path) == [b"\1" * 100, b"\6" * 100]


def test_real_segments_are_counted_and_every_picture_is_there(tmp_path: Path, films: dict[str, Film]) -> None:
    for kind, film in films.items():
        made = Parts(tmp_path / kind, "x")
        for number, body in enumerate(film.segments):
            whole = SegmentData(number, film.segment_seconds, body, init=film.init or b"")
            made.append(whole, replace(ORDER, rotate=number // 3), 1.0)
        made.close()
        assert made.tally.frames == len(film.segments) * film.frames_per_segment
        found = account(numbers_of(*(tmp_path / kind / part.path for part in made.tally.parts)))
        assert found.whole
        assert found.last == made.tally.frames - 1
        assert len(made.tally.parts) == 3


# -- a full disk -------------------------------------------------------------------------------------------------------


class Disk:
    """Lets `left` bytes through, into parts and the ledger together, then says that there is no space."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 1 << 40
        self.code = errno.ENOSPC
        self._pwrite, self._write = os.pwrite, os.write
        monkeypatch.setattr(os, "pwrite", self.pwrite)
        monkeypatch.setattr(os, "write", self.write)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        return self._pwrite(descriptor, bytes(data)[: self.take(len(data))], offset)

    def write(self, descriptor: int, data: bytes) -> int:
        return self._write(descriptor, bytes(data)[: self.take(len(data))])

    def take(self, size: int) -> int:
        if size and not self.left:
            raise OSError(self.code, os.strerror(self.code))
        taken = min(size, self.left)
        self.left -= taken
        return taken


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


EXPECTED = [bytes([number]) * 100 for number in (1, 2, 5, 6, 7)]


@pytest.mark.parametrize("close", [False, True])
def test_wherever_the_disk_is_full_nothing_half_counts_and_the_same_can_be_written_again(
    tmp_path: Path, disk: Disk, clock: Clock, close: bool
) -> None:
    for space in range(0, 1500, 7):
        folder = tmp_path / str(space)
        disk.left = 1 << 40
        parts = Parts(folder, "x")
        tried = 0
        disk.left = space
        works = [
            lambda parts=parts: parts.append(piece(1, init=b"init"), ORDER, 1.0),
            lambda parts=parts: parts.append(piece(2, init=b"init"), ORDER, 1.0),
            lambda parts=parts: parts.lost(3, 4, 4.0, "why"),
            lambda parts=parts: parts.append(piece(5, init=b"init"), replace(ORDER, rotate=1), 1.0),
            lambda parts=parts: parts.append(piece(6, init=b"other"), replace(ORDER, rotate=1), 1.0),
            lambda parts=parts: parts.begin_epoch("anew"),
            lambda parts=parts: parts.append(piece(7, init=b"other"), replace(ORDER, rotate=1), 1.0),
        ]
        for work in works:
            while True:
                try:
                    work()
                except DiskFull:
                    tried += 1
                    assert bodies(folder) == EXPECTED[: len(bodies(folder))]
                    if close:
                        parts.close_part()
                    if tried == 4:
                        disk.left = 1 << 40
                    continue
                break
        parts.close()
        assert tried in {0, 4}
        assert bodies(folder) == EXPECTED
        assert [part.path for part in parts.tally.parts] == [f"x_part{number:03}.mp4" for number in (1, 2, 3, 4)]
        for part in parts.tally.parts:
            assert (folder / part.path).stat().st_size == part.bytes, "no torn tail is left"
        assert parts.tally == ledger.read(folder)


def test_no_space_for_the_ledger_is_a_full_disk_when_it_is_taken_up(tmp_path: Path, disk: Disk, clock: Clock) -> None:
    parts = Parts(tmp_path, "x")
    parts.append(piece(1), ORDER, 1.0)
    parts.close()
    os.truncate(tmp_path / "x_part001.ts", 10)
    disk.left, before = 0, len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(DiskFull):
            Parts(tmp_path, "x")
    assert len(list(Path("/dev/fd").iterdir())) == before, "and nothing is left open"


def test_another_failure_of_the_disk_is_not_called_a_lack_of_space(parts: Parts, disk: Disk) -> None:
    parts.append(piece(1), ORDER, 1.0)
    disk.left, disk.code = 30, errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        parts.append(piece(2), ORDER, 1.0)
    assert parts.tally.bytes == 100


LIMITED = """
import json, resource, sys
from pathlib import Path
from nightcrew.recorder.parts import DiskFull, Parts, SegmentData
from nightcrew.recorder.wire import Order
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, resource.RLIM_INFINITY))
parts, order, full = Parts(Path(sys.argv[1]), "x"), Order(1, "", "x", ""), 0
for number in range(1, 6):
    try:
        parts.append(SegmentData(number, 2.0, bytes([number]) * 1000), order, 1.0)
    except DiskFull:
        full = number
        parts.close_part()
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
size = (Path(sys.argv[1]) / "x_part001.ts").stat().st_size
parts.append(SegmentData(full, 2.0, bytes([full]) * 1000), order, 1.0)
parts.close()
print(json.dumps([full, size]))
"""


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3, 2000], "the third did not fit, and nothing of it stayed"
    assert bodies(tmp_path) == [bytes([number]) * 1000 for number in (1, 2, 3)]
