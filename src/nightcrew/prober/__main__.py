"""One prober: takes a job, answers, takes the next. It ends with its server, however that ends."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

from nightcrew.prober.feed import Pipe, StreamBytes, answer
from nightcrew.prober.wire import ask_of

MEMORY = 1 << 30
"""Bytes of address space that a prober may take beyond what it starts with."""
CPU = 60
"""Seconds of processor time for one job: a decoder that never ends is ended by the kernel."""
NICE = 10


def main() -> None:
    """Work until standard input ends."""
    die_with_parent()
    os.nice(NICE)
    jobs, answers = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(quiet, 1)  # what a library prints must not come between the frames
    from nightcrew.prober.measure import measure

    limit_memory(MEMORY)
    pipe = Pipe(jobs)
    while True:
        try:
            asked = pipe.frame()
        except EOFError:
            return
        ask = ask_of(asked or b"{}")
        limit_cpu(CPU)
        feed = StreamBytes(pipe, limit=ask.limit)
        report = measure(feed, ask)
        if feed.gone:
            return
        answer(answers, report.payload())
        try:
            feed.drain()
        except EOFError:
            return


def die_with_parent() -> None:
    """Linux: be killed when the server's process ends. Elsewhere the end of standard input does it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if len(sys.argv) > 1 and os.getppid() != int(sys.argv[1]):
            sys.exit()  # it ended before this was asked for


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


if __name__ == "__main__":
    main()
