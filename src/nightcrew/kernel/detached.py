"""Processes that outlive this server: started with their output in a log file, found again by who they are, ended as a group.

A process is known by its boot, its number and when it started, so that a number used anew is never signalled. Its death
is seen at once (pidfd on Linux; elsewhere by asking twice a second), and a child of ours is reaped in that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil
import structlog

from nightcrew.kernel.processes import Command, environment, how_ended

log = structlog.get_logger("nightcrew.processes")

LOG_BYTES = 2 << 20
"""Size at which a log file is rotated; one older one is kept."""
UNKILLABLE = 10.0
"""Seconds after which a killed process is not waited for any more."""
POLL = 0.5
"""Seconds between two looks where the system cannot tell of a death."""
DELAYS = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first restart, the second, and so on; the last one for all that follow."""
STEADY = 60.0
"""Seconds of progress after which the next restart is a first one again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is: `boot` of this machine, its number, and when it started (ticks since the boot)."""

    boot: str
    pid: int
    started: str

    @property
    def running(self) -> bool:
        """Whether this very process still runs. One that has ended and was not reaped does not."""
        return self.boot == boot_id() and _started(self.pid) == self.started


def identity_of(pid: int) -> Identity | None:
    """Who has this number now; None when nobody has, or only one that has ended."""
    started = _started(pid)
    return None if started is None else Identity(boot_id(), pid, started)


@cache
def boot_id() -> str:
    """What tells this boot of this machine from all others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(uuid.UUID(int=int(psutil.boot_time())))


def _started(pid: int) -> str | None:
    """When a living process started. On Linux in ticks since the boot, which no change of the clock moves."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZXx" else fields[19]
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


@dataclass(eq=False, slots=True)
class Detached:
    """A running process, started here or found again. `ended` is set as soon as it is dead, and then `how` says how."""

    identity: Identity
    grace: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    how: str = ""
    _child: subprocess.Popen[bytes] | None = None
    _watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Its number, which is its group's and its session's too."""
        return self.identity.pid

    @property
    def own(self) -> bool:
        """Whether it is a child of this server, which then knows how it has ended."""
        return self._child is not None

    def tell(self, number: signal.Signals) -> bool:
        """Send a signal to this process alone. False when it is gone already, which is no failure."""
        return self._send(number, group=False)

    async def end(self) -> str:
        """TERM, `grace` seconds, KILL, to the whole group. Also right for one that is gone or forgotten; returns how it ended."""
        self._look_again()
        if not self.ended.is_set() and self.grace > 0:
            self._send(signal.SIGTERM, group=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.grace):
                    await self.ended.wait()
        return await self.kill()

    async def kill(self) -> str:
        """End it and its whole group at once."""
        self._look_again()
        self._send(signal.SIGKILL, group=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNKILLABLE):
                await self.ended.wait()
        return self.how or "it does not end: it waits for a disk that does not answer"

    async def forget(self) -> None:
        """Watch it no longer; it goes on."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    def _look_again(self) -> None:
        """Watch it when nobody does: its end is waited for."""
        if not self.ended.is_set() and (self._watch is None or self._watch.done()):
            _watched(self)

    def _send(self, number: signal.Signals, *, group: bool) -> bool:
        if not self.identity.running:
            log.info("a process was already gone", pid=self.pid, signal=number.name)
            return False
        try:
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:  # it ended between the look and the signal
            log.info("a process was already gone", pid=self.pid, signal=number.name)
            return False
        except PermissionError as exc:
            log.warning("a process could not be signalled", pid=self.pid, reason=exc.strerror)
            return False
        return True

    async def _wait(self) -> None:
        try:
            await _death(self.identity)
        finally:
            if not self.identity.running:
                self.how = self._reap()
                self.ended.set()

    def _reap(self) -> str:
        if self._child is not None or _started(self.pid) is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(
                    self.pid, signal.SIGKILL
                )  # what it leaves behind: a number is not used anew while its group lives
        if self._child is None:
            return "it ended while nobody was its parent"
        return how_ended(self._child.wait())  # it is dead: this returns at once


async def _death(identity: Identity) -> None:
    """Return when a process is dead."""
    try:
        descriptor = os.pidfd_open(identity.pid) if sys.platform == "linux" else -1
    except OSError:  # gone, or a kernel older than 5.3
        descriptor = -1
    if descriptor < 0:
        while identity.running:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(POLL)
        return
    loop, dead = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, dead.set)
    try:
        if identity.running:  # it was this process that was opened
            await dead.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def launch(command: Command, *, log_file: Path) -> Detached:
    """Start a process in a session of its own, its output at the end of `log_file`. Raises OSError.

    A thread starts it: the loop goes on meanwhile. Nothing is left running when the caller is cancelled.
    """
    starting = asyncio.ensure_future(asyncio.to_thread(_spawned, command, log_file))
    try:
        child = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await _of_ours(await starting, command).kill()
        raise
    return _of_ours(child, command)


def _spawned(command: Command, log_file: Path) -> subprocess.Popen[bytes]:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    rotate(log_file)
    with log_file.open("ab") as output:
        log_file.chmod(0o600)
        return subprocess.Popen(  # noqa: S603 - no shell is in between
            command.args,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(command),
            start_new_session=True,
        )


def _of_ours(child: subprocess.Popen[bytes], command: Command) -> Detached:
    identity = identity_of(child.pid) or Identity(boot_id(), child.pid, "")
    return _watched(Detached(identity, command.grace, _child=child))


def adopt(identity: Identity, *, grace: float = 5.0) -> Detached | None:
    """Find a process again that another server has started; None when it is gone."""
    return _watched(Detached(identity, grace)) if identity.running else None


def _watched(process: Detached) -> Detached:
    process._watch = asyncio.create_task(process._wait(), name=f"death of {process.pid}")
    return process


def rotate(log_file: Path) -> None:
    """Keep a log small while somebody writes at its end: copied away, then emptied."""
    try:
        if log_file.stat().st_size < LOG_BYTES:
            return
        with log_file.open("r+b") as file:
            file.seek(-LOG_BYTES, os.SEEK_END)
            older = log_file.with_name(f"{log_file.name}.1")
            older.touch(0o600)
            older.write_bytes(file.read())
            file.truncate(0)
    except FileNotFoundError:
        return
    except OSError as exc:
        log.warning("a log could not be rotated", file=log_file.name, reason=exc.strerror)


def delay(restarts: int, delays: Sequence[float] = DELAYS) -> float:
    """Seconds before a restart, when there were `restarts` of them without `STEADY` seconds of progress."""
    return delays[min(restarts, len(delays) - 1)]
