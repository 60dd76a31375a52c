"""Servers as users run them: separate processes, started by the command line."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

import programs
from darkroom import recorders_in
from nightcrew.cli import whole
from support import UP, free_port, patient, pauses


def command(*arguments: object, env: dict[str, str] | None = None) -> str:
    """Run a command in this process; returns what it printed. Raises its error."""
    result = CliRunner().invoke(whole(), [str(argument) for argument in arguments], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@dataclass
class Process:
    """A `nightcrew` process and a client of its API."""

    folder: Path
    port: int
    command: tuple[str, ...] = ("serve",)
    env: dict[str, str] = field(default_factory=dict)
    process: programs.AnyProgram | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        arguments = [*self.command, "--data-dir", self.folder]
        if self.command[0] != "worker":
            arguments += ["--port", self.port]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = programs.start(*arguments, log=self.folder / "test.log", **self.env)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        until = time.monotonic() + UP
        for pause in pauses():
            self.check_alive()
            with contextlib.suppress(httpx2.TransportError):
                self.get("/health")
                return
            if time.monotonic() > until:
                break
            time.sleep(pause)
        raise AssertionError(f"the server did not come up:\n{self.log()[-3000:]}")

    def check_alive(self) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()[-3000:]}")

    def log(self) -> str:
        return (self.folder / "test.log").read_text("utf-8", "replace")

    def get(self, path: str, **params: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, params=params or None, timeout=patient(20), trust_env=False)

    def post(self, path: str, body: Any = None) -> httpx2.Response:
        return httpx2.post(self.url + path, json=body, timeout=patient(20), trust_env=False)

    def patch(self, path: str, body: Any) -> httpx2.Response:
        return httpx2.patch(self.url + path, json=body, timeout=patient(20), trust_env=False)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and how the process ended."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Make a server process; all are killed at the end of the test, by their ids, with the recorders that outlive them."""
    made: list[Process] = []

    def make(name: str = "data", *, wait: bool = True, run: bool = True, **more: Any) -> Process:
        process = Process(tmp_path / name, free_port(), **more)
        made.append(process)
        if run:
            process.start(wait=wait)
        return process

    yield make
    for process in made:
        if process.process is not None and process.process.poll() is None:
            process.kill()
        for pid in recorders_in(process.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
