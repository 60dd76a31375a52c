"""One reader: takes the document that is its standard input, says what is in it, and ends. It ends with its server too."""

from __future__ import annotations

import os
import resource
import sys

from nightcrew.child import die_with_parent, limit_cpu, limit_memory, write_all
from nightcrew.guidereader.elements import BrokenGuide, RefusedGuide
from nightcrew.guidereader.wire import (
    BATCH,
    BATCH_TEXT,
    GuideChannel,
    Programme,
    ReadingEnd,
    ReadingOrder,
    end_frame,
    found_frame,
    order_of,
)
from nightcrew.guidereader.xmltv import LeftOut, read

MEMORY = 256 << 20
"""Bytes of address space that a reader may take beyond what it starts with."""
NICE = 10


def main() -> None:
    """Read one document."""
    die_with_parent()
    os.nice(NICE)
    order = order_of(sys.argv[2:])
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not come between the frames
    limit_memory(MEMORY)
    limit_cpu(order.cpu)
    _shut_in()
    try:
        end = _read(order, answers)
    except MemoryError:
        end = ReadingEnd("never", f"the guide takes more than {MEMORY >> 20} MiB of memory to read, so it is not read")
    write_all(answers, end_frame(end))


def _shut_in() -> None:
    """Nothing is written into any file, no process is started, and the limit of processor time cannot be raised."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 1))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))


def _read(order: ReadingOrder, out: int) -> ReadingEnd:
    """Send what is found, and return how it ended."""
    channels: list[GuideChannel] = []
    programmes: list[Programme] = []
    size, left_out = 0, LeftOut(0)
    try:
        with os.fdopen(os.dup(0), "rb", buffering=0) as file:
            os.lseek(0, 0, os.SEEK_SET)
            for item in read(file, after=order.after, before=order.before, charset=order.charset):
                if isinstance(item, LeftOut):
                    left_out = item
                elif isinstance(item, Programme):
                    programmes.append(item)
                    size += len(item.guide_id) + len(item.title) + len(item.body) + len(item.attributes)
                else:
                    channels.append(item)
                    size += len(item.guide_id) + len(item.name) + len(item.icon) + len(item.body)
                if size > BATCH_TEXT or len(channels) + len(programmes) >= BATCH:
                    write_all(out, found_frame(channels, programmes))
                    channels, programmes, size = [], [], 0
    except BrokenGuide as exc:
        return ReadingEnd("later", str(exc))
    except RefusedGuide as exc:
        return ReadingEnd("never", str(exc))
    if channels or programmes:
        write_all(out, found_frame(channels, programmes))
    return ReadingEnd("whole", left_out=left_out.places, zones=left_out.zones)


if __name__ == "__main__":
    main()
