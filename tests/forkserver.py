"""Starts Python programs by fork, with everything imported already: `programs.py` asks it to.

Each line that it reads is a JSON object: `arguments` (those of `nightcrew`, or a script's path and its own), `env`, and `log`, the
file that the program writes to. It answers with the process id. How a program ended is written to a file of that name in
the folder that is the first argument, as `subprocess.Popen.returncode` has it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import runpy
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(exits: Path) -> None:
    from furnished import keep_what_is_worked_out
    from nightcrew import cli
    from support import running

    async def start_once() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with running(Path(folder) / "data") as node:
                await node.get("/health")

    keep_what_is_worked_out()
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what it says is no answer
    asyncio.run(start_once())  # what a start works out, each program finds there
    os.dup2(answers, 1)
    gc.collect()
    gc.freeze()

    def reap(*_: object) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            made = exits / f"{pid}.new"
            made.write_text(str(os.waitstatus_to_exitcode(status)))
            made.rename(exits / str(pid))

    signal.signal(signal.SIGCHLD, reap)
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = run(cli.main, **asked)
            finally:
                os._exit(code)
        print(pid, flush=True)


def run(command: Any, *, arguments: list[str], env: dict[str, str], log: str) -> int:
    """The program, in the process that was forked off for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in ((0, null), (1, file), (2, file)):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(env)
    try:
        if arguments[0].endswith(".py"):
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
        else:
            sys.argv = ["nightcrew", *arguments]
            command()
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
