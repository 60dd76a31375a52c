"""Programs of ours as processes of their own, for tests that kill them.

They are forked off a process that has imported everything, so that one starts in a tenth of the time that its imports take.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from furnished import furnish
from nightcrew.app import Config

SERVER = Path(__file__).with_name("forkserver.py")


@dataclass
class Program:
    """A program that was forked off, to be used like `subprocess.Popen`."""

    pid: int
    exits: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        ended = self.exits / str(self.pid)
        if self.returncode is None and ended.exists():
            self.returncode = int(ended.read_text())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ends. Raises `subprocess.TimeoutExpired`."""
        until = None if timeout is None else time.monotonic() + timeout
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            descriptor = -1
        if descriptor >= 0:
            try:
                select.select([descriptor], [], [], timeout)
            finally:
                os.close(descriptor)
        while (code := self.poll()) is None:  # it is about to be written down
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"program {self.pid}", timeout or 0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


AnyProgram = Program | subprocess.Popen[bytes]


class _Forks:
    """The process that forks, started for the first program."""

    def __init__(self) -> None:
        self.exits = Path(tempfile.mkdtemp(prefix="nightcrew-exits-"))
        pipe = subprocess.PIPE
        command = [sys.executable, str(SERVER), str(self.exits)]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._expect_line()  # it is ready

    def start(self, arguments: list[str], env: Mapping[str, str], log: Path) -> Program:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"arguments": arguments, "env": dict(env), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return Program(int(self._expect_line()), self.exits)

    def _expect_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"the process that starts programs has ended with {self._process.wait()}")
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.exits, ignore_errors=True)


_forks: list[_Forks] = []


def start(*arguments: object, log: Path, **environment: str) -> AnyProgram:
    """Start `nightcrew` with these arguments, or a script with its own. What it writes is added to `log`.

    `environment` is added to this process's own. A library that has to be loaded first needs a process that is not forked.
    """
    log.touch(0o600)  # a test may look into it at once
    words, env = [str(one) for one in arguments], {**os.environ, **environment}
    if words[0] in {"serve", "worker"}:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--data-dir", type=Path)
        parser.add_argument("--database-url", default=env.get("NIGHTCREW_DATABASE_URL"))
        given, _ = parser.parse_known_args(words[1:])
        furnish(Config(given.data_dir, given.database_url))
    if "LD_PRELOAD" in environment:
        command = words if words[0].endswith(".py") else ["-m", "nightcrew", *words]
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, *command], env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
    if not _forks:
        _forks.append(_Forks())
    return _forks[0].start(words, env, log)


def close() -> None:
    """At the end of all tests."""
    while _forks:
        _forks.pop().close()
