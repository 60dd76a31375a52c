"""One prober: takes a job, answers, takes the next. It ends with its server, however that ends."""

from __future__ import annotations

import os

from nightcrew.child import die_with_parent, limit_cpu, limit_memory, own_pipes
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
    jobs, answers = own_pipes()
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


if __name__ == "__main__":
    main()
