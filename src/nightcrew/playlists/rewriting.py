"""Writing a playlist anew where little of it has changed: the entries of channels that are stored as before are copied from the old file.

An entry depends on what is stored of its channel, for which a *mark* stands, and on what holds for all of them, the *frame*: with the
same frame and the same mark it is the same text. What was written is remembered in memory, 24 bytes for each channel; without that, and
where much has changed, all is written anew.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST = 1_000_000
"""Channels of all files together that are remembered."""
NEW = -1
AT_ONCE = 1_000
"""Entries that are copied at a time."""


FileMark = tuple[int, int, int]
"""What tells a file from another one at its path: its inode, when it was changed, in nanoseconds, and its size in bytes."""


@dataclass
class Written:
    """What a file holds: of each channel its id, its mark, and where its entry begins; then where the last one ends."""

    frame: str
    file: FileMark
    ids: array[int]
    marks: array[int]
    starts: array[int]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """An old file of which it is known what it holds. Whoever gets it closes it."""

    written: Written
    file: BinaryIO


class WrittenFiles:
    """What is known of a node's files, those that were written last."""

    def __init__(self) -> None:
        self._known: dict[Path, Written] = {}

    def of(self, path: Path, frame: str) -> KnownFile | None:
        """What the file at a path holds; None where nothing of it can stay. Blocking."""
        known = self._known.get(path)
        if known is None or known.frame != frame:
            return None
        try:
            file = path.open("rb")
        except OSError:
            return None
        if _file_mark(file) != known.file:
            file.close()
            return None
        return KnownFile(known, file)

    def keep(self, path: Path, written: Written) -> None:
        """Remember what was written to a path."""
        self._known.pop(path, None)
        self._known[path] = written
        total = sum(len(one.ids) for one in self._known.values())
        while total > MOST:
            total -= len(self._known.pop(next(iter(self._known))).ids)


Record = tuple[int, int, bytes]
"""A channel's id, its mark and its entry, which is empty for one that is left out. The mark and the entry are of the same moment."""


class RewritePlan:
    """What a file is to hold: of each channel its id and mark, and where its entry stands in the old file, or `NEW`."""

    def __init__(self, before: Written) -> None:
        self.before = before
        self.ids, self.marks, self.old = array("q"), array("q"), array("q")
        self._next = 0
        self._places: dict[int, int] | None = None

    def add(self, ids: Sequence[int], marks: Sequence[int]) -> None:
        """The next channels and their marks. Blocking."""
        before, place, count = self.before, self._next, len(self.before.ids)
        end = place + len(ids)
        if before.ids[place:end] == array("q", ids):  # as it was: for each channel of a long list
            were = before.marks[place:end]
            self.ids.extend(ids)
            self.marks.extend(marks)
            self.old.extend(
                [at if now == was else NEW for at, now, was in zip(range(place, end), marks, were, strict=True)]
            )
            self._next = end
            return
        for channel, mark in zip(ids, marks, strict=True):
            if place >= count or before.ids[place] != channel:
                place = self._place_of(channel, place)
            stays = place < count and before.ids[place] == channel
            self.ids.append(channel)
            self.marks.append(mark)
            self.old.append(place if stays and before.marks[place] == mark else NEW)
            place += stays
        self._next = place

    def fresh(self) -> list[int]:
        """The channels whose entries are made anew. Blocking."""
        return [channel for channel, old in zip(self.ids, self.old, strict=True) if old == NEW]

    def _place_of(self, channel: int, otherwise: int) -> int:
        if self._places is None:  # only where channels have changed places
            self._places = {one: place for place, one in enumerate(self.before.ids)}
        return self._places.get(channel, otherwise)


class Rewriting:
    """One file, written from its first channel to its last. All methods block."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._ids, self._marks, self._starts = array("q"), array("q"), array("Q")
        self._at = file.write(head)

    def append_all(self, records: Iterable[Record]) -> None:
        """The next channels."""
        for record in records:
            self.append(*record)

    def append(self, channel: int, mark: int, entry: bytes) -> None:
        """The next channel's entry."""
        self._ids.append(channel)
        self._marks.append(mark)
        self._starts.append(self._at)
        self._at += self._file.write(entry)

    def follow(self, made: RewritePlan, old: BinaryIO, fresh: Mapping[int, Record]) -> None:
        """All entries of a plan: those that stay from the old file, the others as they are given; one that is not given is gone.

        Raises OSError when the old file ends before its time.
        """
        place, count = 0, len(made.old)
        while place < count:
            first, end = made.old[place], place + 1
            if first == NEW:
                if (record := fresh.get(made.ids[place])) is not None:
                    self.append(*record)
            else:
                while end < count and made.old[end] == first + end - place and end - place < AT_ONCE:
                    end += 1
                self._copy(made.before, old, first, first + end - place)
            place = end

    def written(self, frame: str) -> Written:
        """What the file holds, once all is written."""
        self._file.flush()
        starts = array("Q", [*self._starts, self._at])
        return Written(frame, _file_mark(self._file), self._ids, self._marks, starts)

    def _copy(self, before: Written, old: BinaryIO, first: int, last: int) -> None:
        """The entries of the old file from one place up to another."""
        starts = before.starts[first : last + 1]
        text = os.pread(old.fileno(), starts[-1] - starts[0], starts[0])
        if len(text) != starts[-1] - starts[0]:
            raise OSError(f"{old.name} ends before its time")
        shift = self._at - starts[0]
        self._starts.extend([start + shift for start in starts[:-1]])
        self._ids.extend(before.ids[first:last])
        self._marks.extend(before.marks[first:last])
        self._at += self._file.write(text)


def _file_mark(file: BinaryIO) -> FileMark:
    stat = os.fstat(file.fileno())
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
