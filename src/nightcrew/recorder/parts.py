"""The files of a recording: segments appended whole, new parts at a segment's boundary, each counted once it is on disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nightcrew.recorder import ledger
from nightcrew.recorder.inspecting import Inspector, inspector_of
from nightcrew.recorder.ledger_writer import LedgerWriter
from nightcrew.recorder.wire import Order, boottime
from nightcrew.transport.elementary import Inspected

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
APART = 60.0
"""Seconds of a part before a discontinuity ends it; each is noted in the ledger in any case."""
LOOKS = 5.0
"""Seconds between two looks whether its folder is still there."""


class DiskFull(Exception):
    """There is no space: what was written stays, and the same is to be written again later."""


@dataclass(frozen=True, slots=True)
class SegmentData:
    """What is appended at once. `init`: the section that has to stand at the beginning of its file (fMP4), empty for none."""

    number: int
    seconds: float
    body: bytes
    programme: float | None = None
    discontinuity: bool = False
    init: bytes = b""
    prefix: bytes = b""
    """What a file of its own has to begin with, where `init` is not a must: the tables of a transport stream."""
    key: str = ""
    """A digest of its first picture, where there are no numbers to know it by."""


class Displaced(Exception):
    """What it writes to is no longer where it is looked for."""


class Parts:
    """Appends pieces to the part that is open, and begins new ones. Raises `DiskFull`, and OSError for anything else."""

    def __init__(self, folder: Path, stem: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._stem = folder, stem
        self._inspector: Inspector | None = None
        self._descriptor: int | None = None
        self._anew: str | None = None
        self._looked = time.monotonic()
        with _space():
            self.ledger = LedgerWriter(folder)

    @property
    def tally(self) -> ledger.Tally:
        """What the ledger comes to."""
        return self.ledger.tally

    def note(self, **line: object) -> None:
        """Append a line that is not about bytes."""
        with _space():
            self.ledger.append(line)

    def lost(self, first: int, last: int, seconds: float, reason: str) -> None:
        """List what is missing."""
        self._note_epoch()
        up, why = round(boottime(), 3), reason[: ledger.MAX_REASON]
        self.note(k="gap", e=self.tally.epoch, a=first, z=last, s=round(seconds, 3), up=up, why=why)

    def begin_epoch(self, reason: str) -> None:
        """The numbering begins anew with the next segment, which goes into a new part."""
        self._anew = reason

    def append(self, piece: SegmentData, order: Order, jitter: float) -> None:
        """Append a piece; into a new part when the one that is open is full, or one was asked for. Raises `Displaced`."""
        if time.monotonic() - self._looked > LOOKS:
            self._looked = time.monotonic()
            if not self.ledger.in_place:
                raise Displaced
        digest = hashlib.sha256(piece.init).hexdigest()[:16] if piece.init else ""
        self._note_epoch()
        part = self.tally.part
        inspector = self._inspect_with(piece)
        suffix = inspector.suffix if inspector is not None else ".ts"
        goes_on = part is not None and self._goes_on(part, digest) and part.path.endswith(suffix)
        if self._descriptor is None and part is not None and goes_on:
            self._open(part.path)
        if not goes_on or self._is_full(order, jitter) or (piece.discontinuity and self._may_end()):
            self._begin(piece, order, digest, suffix)
        self._append(piece, inspector)

    def _note_epoch(self) -> None:
        if self._anew is not None:
            self.note(k="epoch", e=self.tally.epoch + 1, why=self._anew)
            self._anew = None

    def _goes_on(self, part: ledger.Part, digest: str) -> bool:
        """Whether more of the same may stand behind what a part holds."""
        return not part.short and part.init == digest and (part.first is None or part.epoch == self.tally.epoch)

    def _is_full(self, order: Order, jitter: float) -> bool:
        part = self.tally.part
        if part is None or part.first is None:
            return False
        if order.rotate > part.turn:
            return True
        long = order.part_seconds and boottime() - part.began >= order.part_seconds * jitter
        return bool(long or (order.part_bytes and part.bytes >= order.part_bytes * jitter))

    def _may_end(self) -> bool:
        """Whether a discontinuity ends the open part: not each of a stream that has one every few seconds."""
        part = self.tally.part
        return part is not None and part.first is not None and boottime() - part.began >= APART

    def _begin(self, piece: SegmentData, order: Order, digest: str, suffix: str) -> None:
        """A new part. One in which nothing was written yet is taken again."""
        self.close_part()
        part = self.tally.part
        if part is None or part.bytes or part.short or not part.path.endswith(suffix):
            number = part.number + 1 if part is not None else 1
            name = f"{self._stem}_part{number:03}{suffix}"
            up = round(boottime(), 3)
            self.note(k="part", p=number, path=name, up=up, turn=order.rotate)
            part = self.tally.part
        if part is None:
            raise RuntimeError("a part that was begun is not there")
        self._open(part.path)
        if piece.init:
            self._put(piece.init, 0, {"k": "init", "p": part.number, "b": len(piece.init), "i": digest})

    def _append(self, piece: SegmentData, inspector: Inspector | None) -> None:
        part = self.tally.part
        if part is None:
            raise RuntimeError("there is no part")
        body = piece.prefix + piece.body if part.bytes == 0 else piece.body
        found = self._inspected(piece, inspector, len(body) - len(piece.body))
        line = {
            "k": "seg",
            "n": piece.number,
            "e": self.tally.epoch,
            "p": part.number,
            "o": part.bytes,
            "b": len(body),
            "s": round(piece.seconds, 3),
            "f": found.pictures,
            "d": int(piece.discontinuity),
            "t": None if piece.programme is None else round(piece.programme, 3),
            "up": round(boottime(), 3),
            **({"h": piece.key} if piece.key else {}),
            **({"c": {str(stream): count.line() for stream, count in found.counts.items()}} if found.counts else {}),
            **({"x": [[at, [one.line() for one in table]] for at, table in found.changes]} if found.changes else {}),
        }
        self._put(body, part.bytes, line)

    def _inspected(self, piece: SegmentData, inspector: Inspector | None, shift: int) -> Inspected:
        """What a piece holds. `shift`: bytes that are written before its own.

        It is looked at behind its tables in any case: who takes a recording up knows none yet.
        """
        if inspector is None:
            return Inspected({})
        found = inspector.inspect(piece.prefix + piece.body, piece.init, piece.seconds)
        moved = shift - len(piece.prefix)
        return replace(found, changes=tuple((max(0, at + moved), table) for at, table in found.changes))

    def _inspect_with(self, piece: SegmentData) -> Inspector | None:
        """Who looks into this piece; the same one as before as long as they are of one kind."""
        found = inspector_of(piece.body, piece.init)
        if found is None or (self._inspector is not None and found.suffix == self._inspector.suffix):
            return self._inspector
        self._inspector = found
        return found

    # -- the open file ---------------------------------------------------------------------------------------------

    def _open(self, name: str) -> None:
        with _space():
            self._descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o666)  # as the umask says

    def _put(self, data: bytes, offset: int, line: ledger.Line) -> None:
        """Write at an offset, wait for the disk, and count it; what does not count is cut off again."""
        if self._descriptor is None:
            raise RuntimeError("no part is open")
        view, at = memoryview(data), offset
        with _space():
            try:
                while view:
                    count = os.pwrite(self._descriptor, view, at)
                    view, at = view[count:], at + count
                ledger.flush(self._descriptor, str(self._folder))
                self.ledger.append(line)
            except OSError:
                os.ftruncate(self._descriptor, offset)
                raise

    def close_part(self) -> None:
        """Let go of the open file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def close(self) -> None:
        """Let go of everything."""
        self.close_part()
        self.ledger.close()


@contextlib.contextmanager
def _space() -> Iterator[None]:
    """Turns a lack of space into `DiskFull`."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise DiskFull(exc.strerror or "the disk is full") from exc
        raise
