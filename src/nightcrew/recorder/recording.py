"""One recording: a thread that reads its source for as long as its order says, through every fault, into its ledger."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from nightcrew.recorder import ledger, pacing
from nightcrew.recorder.continuous import ContinuousReader
from nightcrew.recorder.hls import HlsReader, Over
from nightcrew.recorder.parts import FULL, DiskFull, Displaced, Parts, SegmentData
from nightcrew.recorder.protection import Protected
from nightcrew.recorder.session import without_login
from nightcrew.recorder.sharing import Sources
from nightcrew.recorder.sounds import Sounds, read_together
from nightcrew.recorder.source import Offline, Unreadable
from nightcrew.recorder.window import LastSeen, Lost, SegmentWindow
from nightcrew.recorder.wire import Order, ReadingState, ReadingStatus, boottime

FULL_PAUSE = 1.0
"""Seconds between two tries to write to a full disk."""
ABSENT = "its folder is missing: mount its disk or stop the recording"
BACK = "it is back, but has sent nothing yet"
JITTER = 0.05
"""Parts of different recordings are cut up to this much earlier or later, so that not all are cut at once."""


class Stop(Exception):
    """The order says to end."""


class Changed(Exception):
    """The order says to read from somewhere else."""


class RecordingThread(threading.Thread):
    """Runs until it is stopped, or its stream is over."""

    def __init__(self, order: Order, sources: Sources) -> None:
        super().__init__(name=f"recording {order.recording}", daemon=True)
        self._sources = sources
        self.order = order
        self.standing = ReadingStatus("starting", boottime())
        self.alive = boottime()
        """When it last did anything."""
        self._wake = threading.Event()
        self.released = False
        self._stopped = False
        self._jitter = random.Random(order.recording).uniform(1 - JITTER, 1 + JITTER)
        self._parts: Parts | None = None
        self._window = SegmentWindow()
        self._continuous: ContinuousReader | None = None
        self._sounds = Sounds(self, self, Path(order.folder))
        self._read = order
        self._connected = False
        """Whether a reader may have a connection open."""

    # -- from the main thread --------------------------------------------------------------------------------------

    def update(self, order: Order) -> None:
        """A new order for it."""
        self.order = order
        self._wake.set()

    def release(self) -> None:
        """Its order is gone: end after what is being read, and leave it to whoever gets the next one."""
        self.released = True
        self.stop()

    def has_done(self, order: Order) -> bool:
        """Whether it has ended as it should, and nothing in an order makes it begin again."""
        state = self.standing.state
        return not self.released and (state == "over" or (state == "failed" and order.source == self._read.source))

    def stop(self) -> None:
        """End after what is being read."""
        self._stopped = True
        self._wake.set()

    # -- the thread ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Read until stopped. The supervisor of its readers: whatever one raises is told, and it is tried again."""
        while True:
            try:
                self._once()
            except Displaced:
                self._stand("waiting", ABSENT)
                continue
            return

    def _once(self) -> None:
        """With the folder that is there now. Raises `Displaced` when it is taken away."""
        folder = Path(self.order.folder)
        while (lock := self._lock_file(folder)) is None:
            if self._stopped or self.order.stop:
                self._stand("over", "stopped")
                return
            self._pause(FULL_PAUSE)
        with lock:
            while not ledger.locks(lock):
                if self._stopped:
                    return
                self._stand("waiting", "another recorder is still using it")
                self._pause(0.5)
            self._hold(folder)

    def _lock_file(self, folder: Path) -> TextIO | None:
        """Its folder, and in it the file that only one recorder may lock; None while that cannot be used."""
        try:
            if self.order.begun and not (folder / ledger.NAME).exists():
                self._stand("waiting", ABSENT)
                return None
            folder.mkdir(parents=True, exist_ok=True)
            return (folder / ledger.LOCK).open("a")
        except OSError as exc:
            full = exc.errno in FULL
            self._stand("full" if full else "waiting", "" if full else f"its folder cannot be used: {exc.strerror}")
            return None

    def _hold(self, folder: Path) -> None:
        parts = self._parts = self.open_parts(folder)
        if parts is None:
            return
        self._window, self._continuous = SegmentWindow(last=self.known(parts)), None
        self._sounds = Sounds(self, self, folder)
        failures = 0
        try:
            while True:
                before = parts.tally.segments
                try:
                    self._read_once(parts)
                except (Stop, Over) as exc:
                    self._end(parts, exc)
                    return
                except Changed:
                    failures = 0
                except Displaced:
                    raise
                except (Offline, Protected, Unreadable) as exc:
                    if isinstance(exc, Protected) and not parts.tally.segments:
                        self._stand("failed", str(exc))  # else the next programme may be in the clear again
                        return
                    failures = 0 if parts.tally.segments > before else failures + 1
                    self._put_off(exc, failures, parts.tally)
                except Exception as exc:  # noqa: BLE001 - streamlink's plugins may raise anything, and no picture may be lost for it
                    failures += 1
                    with contextlib.suppress(OSError):  # its log may lie on a full disk
                        sys.stderr.write(without_login(traceback.format_exc(), self._read))
                    self._stand("waiting", f"the recorder itself failed: {type(exc).__name__}")
                    self._pause(pacing.PAUSES[-1])
        finally:
            self._sounds.close()
            parts.close()

    def _put_off(self, exc: Offline | Protected | Unreadable, failures: int, tally: ledger.Tally) -> None:
        """Wait before the source is opened again."""
        connected = tally.last is not None and boottime() - tally.last.up < pacing.NOTICED
        reason, seconds = pacing.put_off(exc, failures, connected=connected)
        self._stand("waiting" if isinstance(exc, Unreadable) else "offline", reason)
        self._pause(seconds)

    def open_parts(self, folder: Path) -> Parts | None:
        """Take the ledger up; on a full disk as soon as there is space."""
        while not self._stopped:
            parts = None
            try:
                parts = Parts(folder, self.order.stem)
                parts.note(k="open", at=round(time.time(), 3), up=round(boottime(), 3), boot=_boot(), pid=os.getpid())
            except (DiskFull, OSError, ValueError) as exc:
                if parts is not None:
                    parts.close()
                what = "ledger cannot be read" if isinstance(exc, ValueError) else "folder cannot be used"
                self._stand("full" if isinstance(exc, DiskFull) else "waiting", f"its {what}: {exc}")
                self._pause(FULL_PAUSE)
                continue
            return parts
        return None

    def _read_once(self, parts: Parts) -> None:
        self._connected = False
        order = self._read = self.order  # one that has changed since the last reading is no reason not to begin
        self.check()
        self._connected = True
        if self.standing.state not in {"waiting", "offline"}:  # a failure stays told until something comes
            self._stand("starting", "")
        with self._sources.joined(order) as shared:
            stream = shared.source.hls
            if stream is not None:
                picture = HlsReader(shared.source, stream, self._window, self, shared.shelf)
                read_together(picture, self._sounds.readers(shared), self)
                return
            if self._continuous is None:
                self._continuous = ContinuousReader(parts.tally, self)
            self._continuous.read(shared.chunks())

    def _end(self, parts: Parts, why: Exception) -> None:
        if self._continuous is not None:
            self._continuous.write_torn()
        if isinstance(why, Over):
            self._window.give_up("the stream ended before it could be read")
            for step in self._window.ready():
                if isinstance(step, Lost):
                    self.lost(step)
            self._sounds.give_up("the stream ended before it could be read")
            self._patiently(lambda: parts.note(k="end", why=str(why)), parts)
            self._stand("over", str(why))
        else:
            self._stand("over", "stopped")

    # -- what its readers ask --------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise when it has to end, or to read from somewhere else; wait while it has no connection."""
        self.alive = boottime()
        while True:
            order = self.order
            if self._stopped or order.stop or (order.until is not None and boottime() >= order.until):
                raise Stop
            if order.hold_until is None or boottime() < order.hold_until:
                break
            if self._connected:
                raise Changed  # hang up first, then wait
            self._stand("held", "its connection is needed elsewhere")
            self._pause(1.0)
        if order is not self._read and order.source != self._read.source:
            raise Changed

    def rest(self, seconds: float) -> None:
        """Wait, or until the order changes."""
        self._pause(min(seconds, 5.0))

    def write(self, piece: SegmentData) -> None:
        """Append a piece, however long the disk is full."""
        self.append(self._of(), piece)
        self._stand("reading", "")

    def append(self, parts: Parts, piece: SegmentData) -> None:
        """The same, to the picture or to one of its sounds."""
        self._patiently(lambda: parts.append(piece, self.order, self._jitter), parts)

    def lost(self, lost: Lost) -> None:
        """List what is missing."""
        self.list_lost(self._of(), lost)

    def list_lost(self, parts: Parts, lost: Lost) -> None:
        """The same, of the picture or of one of its sounds."""
        self._patiently(lambda: parts.lost(lost.first, lost.last, lost.seconds, lost.reason), parts)

    def anew(self, reason: str) -> None:
        """The numbering begins anew."""
        self._of().begin_epoch(reason)

    def moved(self, at: float, target: float, reason: str) -> None:
        """How the source goes on."""
        standing = self.standing
        moved = boottime() - max(0.0, time.monotonic() - at) if at else standing.moved
        if not reason:  # what was told stays told until something is written, but that it is offline
            reason = BACK if standing.state == "offline" else standing.reason
        state: ReadingState = "waiting" if reason else standing.state
        since = standing.since if standing.state == state else boottime()
        self.standing = ReadingStatus(state, since, reason, target, moved)

    def known(self, parts: Parts) -> LastSeen | None:
        """Where a recording was left: also in another process, or before this one was started anew."""
        last = parts.tally.last
        if last is None:
            return None
        age = boottime() - last.up if parts.tally.boot == _boot() else 0.0
        return LastSeen(last.number, last.seconds, last.programme, time.monotonic() - max(0.0, age))

    def _of(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("the recording is not open")
        return self._parts

    def _patiently(self, work: Callable[[], None], parts: Parts) -> None:
        """Do it as soon as the disk has space. Raises `Stop` when that is not waited for."""
        while True:
            try:
                work()
            except DiskFull as exc:
                parts.close_part()
                self._stand("full", str(exc))
                if self._stopped or self.order.stop:
                    raise Stop from exc
                self._pause(FULL_PAUSE)
                continue
            return

    def _stand(self, state: ReadingState, reason: str) -> None:
        now = self.standing
        if (now.state, now.reason) != (state, reason):
            self.standing = ReadingStatus(state, boottime(), reason, now.target, now.moved)

    def _pause(self, seconds: float) -> None:
        self.alive = boottime()
        if seconds > 0:
            self._wake.wait(seconds)
        self._wake.clear()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
