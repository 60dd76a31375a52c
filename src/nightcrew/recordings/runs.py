"""The stretches of a recording, by its ledger: bytes that hold the same streams from beginning to end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nightcrew.muxer.wire import ByteRange, Form
from nightcrew.recorder.ledger import Line, standing
from nightcrew.transport.elementary import Table, table_of

FORMS: dict[str, Form] = {".ts": "mpegts", ".mp4": "mov", ".aac": "aac", ".mp3": "mp3", ".ac3": "ac3", ".ec3": "eac3"}


@dataclass(slots=True)
class StreamRun:
    """A stretch of a recording with the streams of one table. `at`: seconds after the recording's beginning, gaps included."""

    form: Form
    table: Table
    at: float
    gap: float = 0.0
    anew: bool = True
    """Whether it does not follow from what is before it, byte for byte."""
    seconds: float = 0.0
    ranges: list[ByteRange] = field(default_factory=list)
    offset: float = 0.0
    """When its first packet is shown, by the source's clock, where the bytes do not say so."""

    def extend(self, path: str, begin: int, end: int) -> None:
        """More bytes."""
        last = self.ranges[-1] if self.ranges else None
        if last is not None and last.path == path and last.end == begin:
            self.ranges[-1] = ByteRange(path, last.begin, end)
        elif end > begin:
            self.ranges.append(ByteRange(path, begin, end))


def runs_of(lines: Iterable[Line], folder: Path) -> list[StreamRun]:
    """The stretches of a recording, in their order. `folder`: where its parts lie."""
    return _Walk(folder).walk(standing(lines))


class _Walk:
    """Through a ledger."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: list[StreamRun] = []
        self._path, self._form, self._init = "", FORMS[".ts"], 0
        self._digest, self._before = "", ""
        self._table: Table = ()
        self._at = self._gap = self._first = 0.0
        self._anew = True

    def walk(self, lines: Iterable[Line]) -> list[StreamRun]:
        """All of them."""
        for line in lines:
            match line["k"]:
                case "part":
                    self._part(str(line["path"]))
                case "init":
                    self._init, self._digest = int(line["b"]), str(line["i"])
                case "gap":
                    self._gap += float(line["s"])
                    self._at += float(line["s"])
                    self._anew = True
                case "epoch":
                    self._anew = True
                case "seg":
                    self._segment(line)
        return [run for run in self._found if run.ranges]

    def _part(self, path: str) -> None:
        form = FORMS.get(PurePosixPath(path).suffix, "mpegts")
        self._anew = self._anew or form != self._form
        self._table = self._table if form == self._form else ()
        self._path, self._form, self._init, self._digest = str(self._folder / PurePosixPath(path).name), form, 0, ""

    def _segment(self, line: Line) -> None:
        begin, size = int(line["o"]), int(line["b"])
        changes = [(min(max(int(at), 0), size), table_of(table)) for at, table in line.get("x", ())]
        # The first segment of a part stands behind the part's init section, which the first run of it needs.
        self._anew = self._anew or bool(line["d"]) or self._digest != self._before
        self._before = self._digest
        self._first = next((float(first) for _, first, _ in line.get("c", {}).values() if first is not None), 0.0)
        places = [(0, self._table), *changes] if not changes or changes[0][0] > 0 else changes
        for number, (at, table) in enumerate(places):
            end = places[number + 1][0] if number + 1 < len(places) else size
            if end > at or number == len(places) - 1:
                self._bytes(table, begin + at, begin + end)
        run = self._found[-1]
        run.seconds += float(line["s"])
        self._table = places[-1][1]
        self._at += float(line["s"])

    def _bytes(self, table: Table, begin: int, end: int) -> None:
        run = self._found[-1] if self._found else None
        if run is None or self._anew or run.table != table:
            run = StreamRun(self._form, table, self._at, self._gap, self._anew or run is None)
            run.offset = self._first if self._form not in {"mpegts", "mov"} else 0.0
            self._found.append(run)
            if self._init:
                run.extend(self._path, 0, self._init)
            self._anew, self._gap = False, 0.0
        run.extend(self._path, begin, end)
