"""The playlist of a recording that grows: every range of bytes is a segment that is there."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.kernel.errors import NotFound
from nightcrew.recorder.parts import Parts, SegmentData
from nightcrew.recorder.wire import Order
from nightcrew.recordings import media
from nightcrew.recordings.models import Recording, RecordingState

ORDER = Order(1, "", "show", "")


def recording(root: Path, state: RecordingState = RecordingState.RECORDING) -> Recording:
    values: dict[str, object] = dict.fromkeys(Recording.__dataclass_fields__)
    values |= {"id": 1, "root": str(root), "folder": "f", "stem": "show", "state": state}
    return Recording(**values)  # type: ignore[arg-type]


def opened(root: Path) -> Parts:
    return Parts(Path(recording(root).segments), "show")


def body(number: int) -> bytes:
    return bytes([number]) * (50 + number)


def append(parts: Parts, *numbers: int, init: bytes = b"", rotate: int = 0, cut: bool = False) -> None:
    for number in numbers:
        parts.append(SegmentData(number, 2.0, body(number), None, cut, init), replace(ORDER, rotate=rotate), 1.0)


def read(root: Path, state: RecordingState = RecordingState.RECORDING) -> list[bytes | str]:
    """What a player gets: the bytes of each segment and init section in order, and its marks."""
    row, found, size = recording(root, state), list[bytes | str](), (0, 0)

    def part(name: str, length: int, offset: int) -> bytes:
        number = re.fullmatch(r"parts/(\d+)(?:\.\w+)?", name)
        assert number is not None, name
        data = media.part_file(row, int(number[1])).read_bytes()[offset : offset + length]
        assert len(data) == length, "it lies inside its file"
        return data

    for line in media.playlist(row, "parts").splitlines():
        if line == "#EXT-X-DISCONTINUITY":
            found.append("cut")
        elif made := re.fullmatch(r'#EXT-X-MAP:URI="(.*)",BYTERANGE="(\d+)@(\d+)"', line):
            found += ["map", part(made[1], int(made[2]), int(made[3]))]
        elif made := re.fullmatch(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", line):
            size = int(made[1]), int(made[2])
        elif not line.startswith("#"):
            found.append(part(line, *size))
    return found


def test_the_ranges_of_all_parts_are_the_segments(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1, 2, 3)
    append(parts, 4, 5, rotate=1)
    parts.close()
    assert read(tmp_path) == [body(number) for number in range(1, 6)]


def test_gaps_new_numberings_and_the_streams_own_cuts_are_marked(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    parts.lost(0, 0, 2.0, "before the first there is nothing to cut")
    append(parts, 1, 2)
    parts.lost(3, 4, 4.0, "why")
    append(parts, 5)
    append(parts, 6, cut=True)
    parts.begin_epoch("anew")
    append(parts, 1, 2)
    parts.close()
    assert read(tmp_path) == [body(1), body(2), "cut", body(5), "cut", body(6), "cut", body(1), body(2)]


def test_a_restart_without_a_gap_is_no_cut(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1)
    parts.close()
    parts = opened(tmp_path)
    parts.note(k="open", at=1.0, up=1.0, boot="x", pid=1)
    append(parts, 2)
    parts.close()
    assert read(tmp_path) == [body(1), body(2)]


def test_an_init_section_is_told_where_it_is_another_one(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1, init=b"one")
    append(parts, 2, init=b"one", rotate=1)
    append(parts, 3, init=b"other!", rotate=1)
    parts.close()
    assert read(tmp_path) == ["map", b"one", body(1), body(2), "map", b"other!", body(3)]


def test_what_the_disk_has_lost_is_not_offered(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1, 2, 3)
    parts.close()
    os.truncate(Path(recording(tmp_path).segments) / "show_part001.ts", len(body(1)) + 5)
    parts = opened(tmp_path)
    append(parts, 4, 5)
    parts.close()
    assert read(tmp_path) == [body(1), "cut", body(4), body(5)]


def test_a_torn_line_and_a_torn_tail_are_not_offered(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1, 2)
    parts.close()
    folder = Path(recording(tmp_path).segments)
    ledger, part = folder / "ledger.jsonl", folder / "show_part001.ts"
    ledger.write_bytes(ledger.read_bytes()[:-10])
    part.write_bytes(part.read_bytes() + b"torn")
    assert read(tmp_path) == [body(1)]


def test_only_what_grows_is_without_an_end(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1)
    parts.append(SegmentData(2, 7.2, body(2)), ORDER, 1.0)
    parts.close()
    growing = media.playlist(recording(tmp_path), "parts")
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in growing
    assert "#EXT-X-ENDLIST" not in growing
    (target,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)\n", growing)
    assert int(target) in {7, 8}, "at least as long as its longest segment, rounded"
    over = media.playlist(recording(tmp_path, RecordingState.FINISHING), "parts")
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in over
    assert over.endswith("#EXT-X-ENDLIST\n")


def test_without_anything_on_disk_there_is_no_playlist(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        media.playlist(recording(tmp_path), "parts")
    opened(tmp_path).close()
    with pytest.raises(NotFound):
        media.playlist(recording(tmp_path), "parts")


def test_only_parts_of_the_ledger_inside_its_folder_are_given_out(tmp_path: Path) -> None:
    parts = opened(tmp_path)
    append(parts, 1)
    parts.note(k="part", p=2, path="../secret", up=0.0, turn=0)
    parts.note(k="part", p=3, path="/etc/passwd", up=0.0, turn=0)
    parts.close()
    (tmp_path / "f" / "secret").write_text("x")
    assert media.part_file(recording(tmp_path), 1).read_bytes() == body(1)
    for number in (0, 2, 3, 4):
        with pytest.raises(NotFound):
            media.part_file(recording(tmp_path), number)


def test_who_watches_is_known_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(media.time, "monotonic", lambda: now)
    watched = media.Watched()
    watched.note(1)
    now += media.WATCHED - 1
    watched.note(2)
    assert watched.now() == {1, 2}
    now += 2
    assert watched.now() == {2}
