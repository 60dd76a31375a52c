"""One listener: `python -m nightcrew.listener PARENT`. Takes orders on standard input until it ends, and answers on its output."""

from __future__ import annotations

import json
import os

import av

from nightcrew.child import die_with_parent, limit_memory, own_pipes, write_all
from nightcrew.listener import fingerprint, hearing, tags
from nightcrew.listener.wire import Heard, Printed, TagsRead, answer_line

MEMORY = 1 << 30
"""Bytes of address space that it may take beyond what it starts with."""
TOO_MUCH = f"it takes more than {MEMORY >> 30} GiB of memory"
NICE = 10
MAX_ORDER = 8 << 20


def main() -> None:
    """Do what the orders say."""
    die_with_parent()
    given, out = own_pipes()
    os.nice(NICE)
    limit_memory(MEMORY)
    av.logging.set_level(av.logging.PANIC)
    with os.fdopen(given, "rb") as file:
        while line := file.readline(MAX_ORDER):
            order = json.loads(line)
            if "hear" in order:
                write_all(out, answer_line(_heard(str(order["hear"]))))
            if "print" in order:
                write_all(out, answer_line(_printed(str(order["print"]), str(order["program"]))))
            for path in order.get("tags", ()):
                write_all(out, answer_line(_read(str(path))))


def _heard(path: str) -> Heard:
    try:
        return hearing.hear(path)
    except MemoryError:
        return Heard(failed=TOO_MUCH)


def _read(path: str) -> TagsRead:
    try:
        return tags.read(path)
    except MemoryError:
        return TagsRead(path, failed=TOO_MUCH)


def _printed(path: str, program: str) -> Printed:
    try:
        return fingerprint.make(path, program)
    except MemoryError:
        return Printed(failed=TOO_MUCH)


if __name__ == "__main__":
    main()
