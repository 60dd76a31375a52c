"""A recorder process: `python -m nightcrew.recorder FOLDER`. Does what the orders in its folder say, until there are none.

TERM: finish what is being read, and end. USR1: look at the orders now.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

from nightcrew.recorder.recording import RecordingThread
from nightcrew.recorder.sharing import Sources
from nightcrew.recorder.wire import ORDERS, PULSE, Order, RecorderPulse, boottime, read_orders, write_whole

BEAT = 1.0
"""Seconds between two looks at the orders, and between two signs of life."""
IDLE = 30.0
"""Seconds without any order after which the process ends."""
GRACE = 4.0
"""Seconds that recordings have for ending."""


class Recorder:
    """All recordings of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recordings: dict[int, RecordingThread] = {}
        self._sources = Sources()
        self._woken, self._waker = socket.socketpair()  # a lock that a signal's handler takes could be held already
        self._ending = False
        self._seen: tuple[object, ...] = ()
        self._orders: dict[int, Order] = {}

    def run(self) -> None:
        """Work until told to end, or until there was nothing to do for a while."""
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, lambda *_: self._end())
        busy = boottime()
        while not self._ending:
            self._look()
            self._beat()
            busy = boottime() if self._recordings or self._orders else busy
            if boottime() - busy > IDLE:
                return
            if select.select([self._woken], [], [], BEAT)[0]:
                self._woken.recv(4096)
        for recording in self._recordings.values():
            recording.stop()
        deadline = boottime() + GRACE
        for recording in self._recordings.values():
            recording.join(max(0.0, deadline - boottime()))
        self._beat()

    def _end(self) -> None:
        self._ending = True

    def _look(self) -> None:
        """Compare what runs with the orders."""
        orders = self._read()
        for number in [one for one in self._recordings if one not in orders]:
            recording = self._recordings[number]
            recording.release()
            if not recording.is_alive():
                del self._recordings[number]
        for number, order in orders.items():
            known = self._recordings.get(number)
            if known is None or not (known.is_alive() or known.has_done(order)):
                known = self._recordings[number] = RecordingThread(order, self._sources)
                known.start()
            elif known.order != order:
                known.update(order)

    def _read(self) -> dict[int, Order]:
        """The orders, read only when their files have changed."""
        folder = self._folder / ORDERS
        try:
            seen = tuple(sorted((one.name, one.stat().st_mtime_ns, one.stat().st_ino) for one in os.scandir(folder)))
        except OSError:  # the folder is gone: so are the orders; or a file was replaced meanwhile, then look again
            if folder.exists():
                return self._orders
            self._orders = {}
            return self._orders
        if seen != self._seen:
            self._orders = read_orders(self._folder)
            self._seen = seen
        return self._orders

    def _beat(self) -> None:
        pulse = RecorderPulse(
            boottime(), {number: replace(one.standing, alive=one.alive) for number, one in self._recordings.items()}
        )
        path = self._folder / PULSE
        try:
            write_whole(path, pulse.payload())
        except OSError:  # a full disk: that it lives can be told all the same
            with contextlib.suppress(OSError):
                os.utime(path)


def main() -> None:
    """Run one recorder."""
    from nightcrew.recorder import continuous, hls  # noqa: F401 - loaded before the first recording waits for it

    Recorder(Path(sys.argv[1])).run()


if __name__ == "__main__":
    main()
