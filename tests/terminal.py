"""Calls commands as a person does: in this process, through the same `main` that the script calls, or as processes of their own."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import typer

from nightcrew.cli import main, whole
from support import patient


@dataclass(frozen=True)
class Result:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    def failed(self, words: str) -> None:
        """It must have ended with 1 and one clear line for a person."""
        assert self.code == 1, self
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self
        assert lines[0].startswith("nightcrew: "), self
        assert words in lines[0], self
        assert "Traceback" not in self.err + self.out, self


def run(*arguments: object, stdin: str = "") -> Result:
    """A command in this process, as the script `nightcrew` runs it. Logging is left as the tests have it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["nightcrew", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        mock.patch("nightcrew.machine.configure_logging"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    return Result(code, out.getvalue(), err.getvalue())


def ok(*arguments: object) -> str:
    """What a command printed; it must have worked and kept quiet on stderr."""
    result = run(*arguments)
    assert (result.code, result.err) == (0, ""), result
    return result.out


def spawn(*arguments: object) -> Result:
    """A command as a process of its own."""
    command = [sys.executable, "-m", "nightcrew", *map(str, arguments)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(60), check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands with their words."""
    for name, command in (group or typer.main.get_command(whole())).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command
