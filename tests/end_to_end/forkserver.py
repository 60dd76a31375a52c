"""Starts servers by fork, with everything imported already, so that a test can start fifty of them.

Reads one JSON list of command-line arguments a line, and prints the process id of the server that it started.
"""

from __future__ import annotations

import json
import os
import signal
import sys


def main() -> None:
    from nightcrew import cli

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps; nobody asks how they ended
    print("ready", flush=True)
    for line in sys.stdin:
        arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(arguments.pop(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            null = os.open(os.devnull, os.O_RDONLY)
            for target, descriptor in ((0, null), (1, log), (2, log)):
                os.dup2(descriptor, target)
            sys.argv = ["nightcrew", *arguments]
            try:
                cli.main()
            finally:
                os._exit(0)
        print(pid, flush=True)


main()
