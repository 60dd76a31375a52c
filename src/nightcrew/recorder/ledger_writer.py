"""The one who appends to a ledger. What is torn when it is taken up is cut back first."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from pathlib import Path

from nightcrew.recorder.ledger import NAME, Line, Part, Tally, flush, is_beyond, lines_of


class LedgerWriter:
    """Appends to a ledger, once it has cut back what was torn there and in the last part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tally = Tally()
        self._descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        with contextlib.ExitStack() as unless_it_works:
            unless_it_works.callback(os.close, self._descriptor)
            self.cut = self._take_up()
            """Bytes of a torn tail that were cut off."""
            unless_it_works.pop_all()

    def _take_up(self) -> int:
        self._end, tail = 0, list[Line]()
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            data = file.read()
        for line, behind in lines_of(data):
            self.tally.add(line)
            self._end = behind
            match line["k"]:
                case "part":
                    tail = []
                case "seg":
                    tail.append(line)
                case "short":
                    tail = [one for one in tail if not is_beyond(one, line)]
        os.ftruncate(self._descriptor, self._end)
        os.lseek(self._descriptor, self._end, os.SEEK_SET)
        return self._cut(tail)

    def append(self, line: Line) -> None:
        """Write a line, whole or not at all. Raises OSError, for instance when the disk is full."""
        payload = json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        try:
            if os.write(self._descriptor, payload) != len(payload):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._descriptor, self._end)
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            raise
        self._end += len(payload)
        self.tally.add(line)

    @property
    def in_place(self) -> bool:
        """Whether it is still the file that has its name: its folder may be moved, deleted, or hidden by a disk."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), (self._folder / NAME).stat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Flush it to the disk, and let go of it."""
        flush(self._descriptor, str(self._folder))
        os.close(self._descriptor)

    def _cut(self, segments: list[Line]) -> int:
        """Cut the last part back to what counts. `segments`: the lines of what it holds."""
        part = self.tally.part
        if part is None:
            return 0
        path = self._folder / part.path
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size < part.bytes:
            size = self._shorten(part, size, segments)
        if size > part.bytes:
            os.truncate(path, part.bytes)
        return max(0, size - part.bytes)

    def _shorten(self, part: Part, size: int, segments: list[Line]) -> int:
        """List what the disk does not have of a part, as after a power cut; returns its size."""
        gone = [line for line in segments if line["o"] + line["b"] > size]
        left = 0 if size < part.init_bytes else int(gone[0]["o"]) if gone else size
        counts = [line["f"] for line in gone]
        self.append(
            {
                "k": "short",
                "p": part.number,
                "b": left,
                "e": self.tally.epoch,
                "a": gone[0]["n"] if gone else 0,
                "z": gone[-1]["n"] if gone else -1,
                "s": round(sum(float(line["s"]) for line in gone), 3),
                "f": None if None in counts else sum(counts),
                "why": f"the disk lost bytes {size} to {part.bytes} of part {part.number}",
            }
        )
        return size
