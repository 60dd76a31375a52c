"""What a process of ours begins with: it ends with its parent, and may take only so much memory and processor time."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys


def die_with_parent() -> None:
    """Linux: be killed when the parent ends, whose process id is the first argument. Elsewhere standard input's end does it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if len(sys.argv) > 1 and os.getppid() != int(sys.argv[1]):
            sys.exit()  # it ended before this was asked for


def own_pipes() -> tuple[int, int]:
    """Standard input and output for this process alone: what a library reads or prints there must not come in between."""
    given, answers = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(quiet, 1)
    os.close(quiet)
    return given, answers


def write_all(descriptor: int, data: bytes) -> None:
    """All of it: a pipe may take it in pieces. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def limit_memory(more: int) -> None:
    """Let this process have `more` bytes of address space than now (Linux; elsewhere it cannot be told)."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


def limit_cpu(more: int) -> None:
    """Let this process have `more` seconds of processor time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + more, hard))
