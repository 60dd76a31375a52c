"""The recorder processes of this node: started, found again after a restart, watched, given recordings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from nightcrew.kernel.detached import Detached, Identity, adopt, launch, rotate
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.processes import Command
from nightcrew.kernel.redaction import redact
from nightcrew.kernel.tasks import Tasks
from nightcrew.recorder import wire
from nightcrew.recorder.wire import ORDERS, Order, ReadingStatus, RecorderPulse, boottime
from nightcrew.recordings import rules

log = structlog.get_logger("nightcrew.recordings")

IDENTITY = "identity.json"
LOG = "recorder.log"
GRACE = 5.0
"""Seconds between TERM and KILL: a recorder finishes what it is reading."""

OnDeath = Callable[[set[int], str], Awaitable[None]]


@dataclass(eq=False, slots=True)
class RecorderProcess:
    """One process with its folder, and the recordings that it has orders for."""

    folder: Path
    process: Detached
    orders: dict[int, Order] = field(default_factory=dict)
    pulse: RecorderPulse | None = None
    began: float = field(default_factory=boottime)

    def standing(self, recording_id: int) -> ReadingStatus | None:
        """How it stands there, by the last sign of life."""
        return None if self.pulse is None else self.pulse.recordings.get(recording_id)

    def reads(self, order: Order) -> bool:
        """Whether it reads the source of an order already."""
        return any(one.source == order.source for one in self.orders.values())

    def wake(self) -> None:
        """Have it look at its orders now. One that has given no sign of life yet reads them anyway, and knows no signal."""
        if self.pulse is not None:
            self.process.tell(signal.SIGUSR1)

    def silent(self, up: float) -> bool:
        """Whether it has given no sign of life for too long."""
        return up - max(self.began, self.pulse.at if self.pulse is not None else 0.0) > rules.SILENT


class Fleet:
    """All recorders of a node. `on_death` is told at once which recordings have lost theirs, and how it ended."""

    def __init__(self, folder: Path, on_death: OnDeath) -> None:
        self._folder, self._on_death = folder, on_death
        self.recorders: dict[str, RecorderProcess] = {}
        self._choosing = asyncio.Lock()
        self._tasks = Tasks()

    @property
    def pids(self) -> list[int]:
        """The processes that there are."""
        return [one.process.pid for one in self.recorders.values()]

    def holder(self, recording_id: int) -> RecorderProcess | None:
        """Who has the order for a recording."""
        return next((one for one in self.recorders.values() if recording_id in one.orders), None)

    # -- start and end ---------------------------------------------------------------------------------------------

    async def adopt(self) -> int:
        """Find the recorders again that an earlier server has started; returns how many. What the dead left is removed."""
        for folder in await asyncio.to_thread(_folders, self._folder):
            process = self._adopted(folder)
            if process is None:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                continue
            recorder = RecorderProcess(folder, process, await asyncio.to_thread(wire.read_orders, folder))
            self.recorders[folder.name] = recorder
            self._watch(recorder)
            log.info("a recorder was taken over", pid=process.pid, recordings=sorted(recorder.orders))
        return len(self.recorders)

    def _adopted(self, folder: Path) -> Detached | None:
        try:
            identity = Identity(**json.loads((folder / IDENTITY).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return adopt(identity, grace=GRACE)

    async def close(self, *, keep: bool) -> None:
        """End all recorders, or let them go on for the next server."""
        await self._tasks.close()
        found = list(self.recorders.values())
        self.recorders.clear()
        await asyncio.gather(*(one.process.forget() if keep else one.process.end() for one in found))
        if not keep:
            for one in found:
                await asyncio.to_thread(shutil.rmtree, one.folder, ignore_errors=True)

    # -- recordings ------------------------------------------------------------------------------------------------

    async def give(self, order: Order, *, most: int) -> None:
        """Have a recording held; by a process that reads its source, or has room, else by a new one.

        One process alone can share a connection: that is worth one recording more than `most`. Raises `Retry` when none can be started.
        """
        async with self._choosing:  # who asks while a process starts gets a place there
            same = (one for one in self.recorders.values() if one.reads(order))
            room = (one for one in self.recorders.values() if len(one.orders) < most)
            await self._send(next(same, None) or next(room, None) or await self._start(), order)

    async def change(self, order: Order) -> None:
        """Another order for a recording that is held; nothing happens when it is the same."""
        recorder = self.holder(order.recording)
        if recorder is not None and recorder.orders[order.recording] != order:
            await self._send(recorder, order)

    async def release(self, recording_id: int) -> None:
        """Have a recording held no longer."""
        recorder = self.holder(recording_id)
        if recorder is not None:
            del recorder.orders[recording_id]
            path = recorder.folder / ORDERS / f"{recording_id}.json"
            with contextlib.suppress(OSError):
                await asyncio.to_thread(path.unlink, missing_ok=True)
            recorder.wake()

    async def look(self) -> None:
        """Read the signs of life; replace who gives none, or holds a recording that hangs; end who has nothing to do."""
        up = boottime()
        for recorder in list(self.recorders.values()):
            recorder.pulse = await asyncio.to_thread(wire.read_pulse, recorder.folder) or recorder.pulse
            hung = [number for number in recorder.orders if (s := recorder.standing(number)) and rules.hangs(s, up)]
            if recorder.silent(up) or hung:
                log.warning("a recorder hangs and is replaced", pid=recorder.process.pid, recordings=hung)
                await recorder.process.kill()
        await asyncio.to_thread(self._rotate_logs)

    def _rotate_logs(self) -> None:
        for recorder in list(self.recorders.values()):
            rotate(recorder.folder / LOG)

    async def _send(self, recorder: RecorderProcess, order: Order) -> None:
        before = recorder.orders.get(order.recording)
        recorder.orders[order.recording] = order  # its place is taken before anybody else looks for one
        try:
            await asyncio.to_thread(order.save, recorder.folder)
        except OSError as exc:
            if before is None:
                del recorder.orders[order.recording]
            else:
                recorder.orders[order.recording] = before
            raise Retry(f"cannot write its order: {exc.strerror}") from exc
        recorder.wake()

    async def _start(self) -> RecorderProcess:
        folder = self._folder / uuid.uuid4().hex[:8]
        command = Command((sys.executable, "-m", "nightcrew.recorder", str(folder)), grace=GRACE)
        try:
            await asyncio.to_thread((folder / ORDERS).mkdir, parents=True, mode=0o700)
            process = await launch(command, log_file=folder / LOG)
        except OSError as exc:
            raise Retry(f"cannot start a recorder: {exc.strerror}") from exc
        try:
            await asyncio.to_thread(wire.write_whole, folder / IDENTITY, json.dumps(asdict(process.identity)).encode())
        except (OSError, asyncio.CancelledError) as exc:
            await process.kill()  # nobody could find it again
            if isinstance(exc, OSError):
                raise Retry(f"cannot start a recorder: {exc.strerror}") from exc
            raise
        recorder = self.recorders[folder.name] = RecorderProcess(folder, process)
        self._watch(recorder)
        return recorder

    def _watch(self, recorder: RecorderProcess) -> None:
        self._tasks.spawn(self._mourn(recorder), f"recorder {recorder.process.pid}")

    async def _mourn(self, recorder: RecorderProcess) -> None:
        """Wait for a recorder's death, and tell of it. Nothing that goes wrong here keeps its recordings from a new one."""
        await recorder.process.ended.wait()
        self.recorders.pop(recorder.folder.name, None)
        orphans = set(recorder.orders)
        with contextlib.suppress(OSError):
            words = await asyncio.to_thread(_last_words, recorder.folder / LOG)
            if orphans or words:
                log.warning(
                    "a recorder has ended", how=recorder.process.how, recordings=sorted(orphans), words=redact(words)
                )
        await asyncio.to_thread(shutil.rmtree, recorder.folder, ignore_errors=True)
        if orphans:
            await self._on_death(orphans, recorder.process.how)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _last_words(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2000))
        return file.read().decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
