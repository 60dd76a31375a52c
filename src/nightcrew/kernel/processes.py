"""Child processes: described, not spawned. Each runs in its own session, is always reaped, and leaves nobody behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from nightcrew.kernel.redaction import redact

KEPT_LINES = 20
"""Lines of its last words that are kept of a process."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""Variables of the environment that a child gets, and nothing else: ours may hold secrets."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments; no shell is in between. `grace` seconds lie between TERM and KILL, 0: KILL at once.

    `stdin` is the descriptor of an open file that it reads; None: a pipe. `fds`: other descriptors that it keeps, by their numbers.
    """

    args: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    grace: float = 5.0
    stdin: int | None = None
    fds: tuple[int, ...] = ()


@dataclass(eq=False, slots=True)
class Child:
    """A running process with pipes to its standard input (unless that is a file) and output. Whoever started it calls `end`."""

    command: Command
    _process: asyncio.subprocess.Process
    _words: deque[str]
    _listening: asyncio.Task[None]
    _how: str = ""

    @property
    def pid(self) -> int:
        """Its process id, which is its group's and its session's too."""
        return self._process.pid

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """What it reads."""
        if self._process.stdin is None:
            raise RuntimeError("the process has no standard input")
        return self._process.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it writes."""
        if self._process.stdout is None:
            raise RuntimeError("the process has no standard output")
        return self._process.stdout

    @property
    def alive(self) -> bool:
        """Whether it has not been reaped."""
        return self._process.returncode is None

    @property
    def code(self) -> int | None:
        """Its exit status; negative for the signal that ended it, None while it runs."""
        return self._process.returncode

    def last_words(self) -> str:
        """The end of what it wrote to standard error, redacted, in one line."""
        return " | ".join(self._words)

    async def wait(self) -> str:
        """Wait for its end; returns how it ended, in words."""
        return how_ended(await self._process.wait())

    async def end(self) -> str:
        """End it and all of its group, and reap it. Also right for one that is gone already, and for one that was ended before."""
        if self._how:
            return self._how
        draining = asyncio.create_task(self._drain(), name=f"stdout of {self.pid}")
        try:
            if self.alive and self.command.grace > 0:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.command.grace):
                        await self._process.wait()
            self._signal(signal.SIGKILL)
            self._how = how_ended(await self._process.wait())
        finally:
            draining.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.gather(self._listening, return_exceptions=True)
        return self._how

    async def _drain(self) -> None:
        """Read on for nobody: asyncio takes a process for a running one while there is output that was not read."""
        with contextlib.suppress(RuntimeError, OSError):  # somebody else still reads it
            while await self.stdout.read(1 << 16):
                pass

    def _signal(self, number: signal.Signals) -> None:
        """Tell the whole group, which may outlive its leader."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def start(command: Command) -> Child:
    """Start a process in a session of its own. Raises OSError when it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command.args,
        stdin=pipe if command.stdin is None else command.stdin,
        stdout=pipe,
        stderr=pipe,
        pass_fds=command.fds,
        env=environment(command),
        start_new_session=True,
    )
    words: deque[str] = deque(maxlen=KEPT_LINES)
    listening = asyncio.create_task(_listen(process, words), name=f"stderr of {process.pid}")
    return Child(command, process, words, listening)


def environment(command: Command) -> dict[str, str]:
    """The variables that a command is started with."""
    return {**{name: os.environ[name] for name in PASSED_ON if name in os.environ}, **command.variables}


def how_ended(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"it ended with status {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


async def _listen(process: asyncio.subprocess.Process, words: deque[str]) -> None:
    if process.stderr is None:
        return
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the reader's limit
            continue
        if not line:
            return
        words.append(redact(line.decode("utf-8", "replace").strip())[:300])
