"""The ledger of a recording: the truth about what is on disk. One JSON object a line, only ever appended to.

A segment counts as soon as its line is written, which happens after its bytes are in the part. Whatever else a part holds
is a torn tail, and is cut off when the recording is taken up again. A line that is not whole does not count either.

    {"k": "open", "at": wall clock, "up": boot's clock, "boot": id}          taken up by a recorder
    {"k": "part", "p": 1, "path": "…_part001.ts", "up": …, "turn": 0}       a part begins; `turn`: rotations asked for so far
    {"k": "init", "p": 1, "b": bytes, "i": digest}                           an init section (fMP4), at the part's beginning
    {"k": "seg", "n": media sequence, "e": epoch, "p": part, "o": offset, "b": bytes, "s": seconds, "f": frames, "d": discontinuity,
     "t": programme time, "up": …, "h": digest of its first picture, where there are no numbers to know it by,
     "c": {stream: [packets, from, to]}, "x": [[byte of the segment, table of the streams from there on], …]}
    {"k": "gap", "e": epoch, "a": first, "z": last, "s": seconds, "up": …, "why": reason}
    {"k": "short", "p": part, "b": bytes that are there, "e": epoch, "a": first, "z": last, "s": seconds, "f": frames, "why": reason}
                                                                             a part's last segments that the disk does not have
    {"k": "epoch", "e": epoch, "why": reason}                                the numbering or the clock of the stream began anew
    {"k": "sound", "language": …, "name": …, "default": …}                  whose ledger this is, below that of its picture
    {"k": "end", "why": reason}                                              the stream is over
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from nightcrew.disks import synced
from nightcrew.transport.elementary import ElementaryStream, Table, table_of

NAME = "ledger.jsonl"
LOCK = "recorder.lock"
SOUND = "sound-"
"""What the folders begin with, below a recording's, of sounds that have playlists, parts and ledgers of their own."""
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What file systems answer that know no locks."""
_SAID: set[str] = set()
MAX_REASON = 300
RECENT = 200
"""Pieces that are remembered, to know them when they are sent again."""

Line = dict[str, Any]


@dataclass(slots=True)
class Part:
    """One file. `frames` counts pictures; None when they could not be counted."""

    number: int
    path: str
    began: float
    turn: int = 0
    bytes: int = 0
    seconds: float = 0.0
    frames: int | None = 0
    init: str = ""
    init_bytes: int = 0
    epoch: int = 0
    short: bool = False
    """Whether its end was lost: nothing more goes into it."""
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing: numbers `first` to `last`, `seconds` long, `start` seconds after the recording's beginning."""

    epoch: int
    first: int
    last: int
    start: float
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What was read last."""

    number: int
    epoch: int
    seconds: float
    programme: float | None
    """When it was made, by the source's own clock."""
    up: float
    """When it was read, on the boot's clock."""


@dataclass(slots=True)
class StreamTotal:
    """What came of an elementary stream, as it was set up: packets, and seconds of its own clock."""

    packets: int = 0
    seconds: float = 0.0


MOST_TOTALS = 1000
"""Streams of which the totals are kept: more come of no television."""


@dataclass(slots=True)
class Tally:
    """What a ledger comes to, line by line."""

    parts: list[Part] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    last: Segment | None = None
    epoch: int = 0
    bytes: int = 0
    seconds: float = 0.0
    """Length of the recording with its gaps."""
    segments: int = 0
    discontinuities: int = 0
    opened: int = 0
    """How often a recorder took it up."""
    boot: str = ""
    booted: float = 0.0
    """The wall clock at that boot."""
    over: str | None = None
    """Why it is over, when the stream has ended."""
    table: Table = ()
    """The streams of the last segment."""
    streams: dict[ElementaryStream, StreamTotal] = field(default_factory=dict)
    """All that came, of each stream that there was."""
    seen: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Digests and times of the last pieces of a stream that has no numbers."""

    @property
    def part(self) -> Part | None:
        """The part that is being written."""
        return self.parts[-1] if self.parts else None

    @property
    def missing(self) -> float:
        """Seconds of all gaps."""
        return sum(gap.seconds for gap in self.gaps)

    @property
    def frames(self) -> int | None:
        """Pictures in all parts; None when some could not be counted."""
        counts = [part.frames for part in self.parts]
        return None if any(count is None for count in counts) else sum(count or 0 for count in counts)

    def add(self, line: Line) -> None:
        """Take a line into account. Raises `ValueError` for one that makes no sense."""
        try:
            self._add(line)
        except (KeyError, TypeError, IndexError, OverflowError) as exc:
            raise ValueError(f"the ledger has a line that makes no sense: {line}") from exc

    def _add(self, line: Line) -> None:
        match line["k"]:
            case "open":
                self._open(str(line["boot"]), float(line["at"]), float(line["up"]))
            case "part":
                self.parts.append(Part(int(line["p"]), str(line["path"]), float(line["up"]), int(line["turn"])))
            case "init":
                part = self.parts[-1]
                part.init, part.init_bytes = str(line["i"]), int(line["b"])
                part.bytes += part.init_bytes
                self.bytes += part.init_bytes
            case "seg":
                self._segment(line)
            case "gap":
                self._gap(line)
            case "short":
                self._short(line)
            case "epoch":
                self.epoch = int(line["e"])
                self.last = None
            case "end":
                self.over = str(line["why"])

    def _open(self, boot: str, at: float, up: float) -> None:
        """Taken up. After another boot its clock is another one: what was on the old one is told on the new."""
        if self.boot and boot != self.boot:
            shift = self.booted - (at - up)
            if self.last is not None:
                self.last = replace(self.last, up=min(self.last.up + shift, up))
            for part in self.parts[-1:]:
                part.began = min(part.began + shift, up)
        self.opened += 1
        self.boot, self.booted, self.over = boot, at - up, None

    def _gap(self, line: Line) -> None:
        epoch, last, seconds = int(line["e"]), self.last, float(line["s"])
        self.gaps.append(Gap(epoch, int(line["a"]), int(line["z"]), self.seconds, seconds, str(line["why"])))
        self.seconds += seconds
        programme, up = None, float(line.get("up", 0.0))
        if last is not None:  # as if it had been read when it was due
            programme = None if last.programme is None else last.programme + last.seconds + seconds
            up = last.up + seconds
        self.last = Segment(int(line["z"]), epoch, 0.0, programme, up)

    def _short(self, line: Line) -> None:
        """What was counted is missing. It was the end of the recording when that was seen."""
        part, seconds, frames = self.parts[-1], float(line["s"]), line["f"]
        epoch, first, last = int(line["e"]), int(line["a"]), int(line["z"])
        if last >= first:
            self.gaps.append(Gap(epoch, first, last, self.seconds - seconds, seconds, str(line["why"])))
            part.first, part.last = (None, None) if first == part.first else (part.first, first - 1)
        self.bytes -= part.bytes - int(line["b"])
        part.bytes, part.short = int(line["b"]), True
        part.seconds -= seconds
        part.frames = None if frames is None or part.frames is None else part.frames - int(frames)

    def _segment(self, line: Line) -> None:
        part, number, seconds = self.parts[-1], int(line["n"]), float(line["s"])
        frames = line["f"]
        part.bytes = int(line["o"]) + int(line["b"])
        part.seconds += seconds
        part.frames = None if frames is None or part.frames is None else part.frames + int(frames)
        part.first = number if part.first is None else part.first
        part.epoch = int(line["e"])
        part.last = number
        self.bytes += int(line["b"])
        self.seconds += seconds
        self.segments += 1
        self.discontinuities += bool(line["d"])
        for _, table in line.get("x", ()):
            self.table = table_of(table)
        self._count(line.get("c", {}), seconds)
        if line.get("h") and line["t"] is not None:
            self.seen.append((str(line["h"]), float(line["t"])))
        self.last = Segment(number, int(line["e"]), seconds, line["t"], float(line["up"]))

    def _count(self, counts: dict[str, list[Any]], seconds: float) -> None:
        """Count what came of each stream in a segment of so many seconds, of which none has more."""
        for stream in self.table:
            packets, first, last = counts.get(str(stream.id), (0, None, None))
            if packets and (stream in self.streams or len(self.streams) < MOST_TOTALS):
                total = self.streams.setdefault(stream, StreamTotal())
                total.packets += int(packets)
                if first is not None and last is not None:
                    total.seconds += min(max(0.0, float(last) - float(first)), seconds)


def lines_of(data: bytes) -> Iterator[tuple[Line, int]]:
    """The whole lines of `data`, each with the offset behind it.

    What is no object is passed over: a damaged line costs itself, and not what was recorded after it.
    """
    offset = 0
    while (end := data.find(b"\n", offset)) >= 0:
        found, offset = data[offset:end], end + 1
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(found)
            if isinstance(line, dict):
                yield line, offset


@dataclass(slots=True)
class LedgerReader:
    """Reads a ledger that somebody else writes, from where it was left."""

    folder: Path
    tally: Tally = field(default_factory=Tally)
    _offset: int = 0

    def refresh(self) -> int:
        """Take in what was added; returns how many lines. A ledger that is not there yet has none. Raises OSError, ValueError."""
        try:
            with (self.folder / NAME).open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return 0
        count, begin = 0, self._offset
        for line, behind in lines_of(data):
            self.tally.add(line)
            self._offset = begin + behind
            count += 1
        return count


def read(folder: Path) -> Tally:
    """All that a ledger says now."""
    reader = LedgerReader(folder)
    reader.refresh()
    return reader.tally


def locks(file: IO[str]) -> bool:
    """Whether this process alone may write to the ledger now: `file` is the one beside it that is called `LOCK`.

    Where a file system knows no locks, as some shares do not, nobody is kept out: the server gives each recording to one recorder.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in NO_LOCKS:
            return False
        say_once(file.name, "its file system knows no locks; recording goes on without")
    return True


def flush(descriptor: int, name: str) -> None:
    """Have what was written on the disk, as far as its file system knows how. Raises OSError."""
    if not synced(descriptor, data_only=True):
        say_once(name, "its file system cannot sync; a power cut may cost the last seconds")


def say_once(name: str, what: str) -> None:
    """In the recorder's log: once for each kind, not for each segment."""
    if what not in _SAID:
        _SAID.add(what)
        sys.stderr.write(f"{name}: {what}\n")


def standing(lines: Iterable[Line]) -> list[Line]:
    """The lines without the segments that the disk has lost: in their place stands a gap."""
    found: list[Line] = []
    for line in lines:
        if line["k"] != "short":
            found.append(line)
            continue
        at = next((index for index, one in enumerate(found) if is_beyond(one, line)), len(found))
        found[at:] = [{**line, "k": "gap"}, *(one for one in found[at:] if not is_beyond(one, line))]
    return found


def is_beyond(segment: Line, short: Line) -> bool:
    """Whether the disk has lost a segment, by a line that says what it has of the part."""
    return bool(segment["k"] == "seg" and segment["p"] == short["p"] and segment["o"] + segment["b"] > short["b"])


def samples(lines: Iterable[Line]) -> Iterator[tuple[float, float, int]]:
    """For plots: the start and length in seconds of each segment, and its bytes."""
    at = 0.0
    for line in standing(lines):
        if line["k"] == "seg":
            yield at, float(line["s"]), int(line["b"])
            at += float(line["s"])
        elif line["k"] == "gap":
            at += float(line["s"])
