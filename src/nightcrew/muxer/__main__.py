"""One muxer: `python -m nightcrew.muxer PARENT`. Takes one order on standard input, says how far it is, and ends with a report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import av

from nightcrew.child import die_with_parent, limit_memory, own_pipes, write_all
from nightcrew.muxer import checking, joining
from nightcrew.muxer.wire import (
    CheckOrder,
    FilmOrder,
    MuxerOrder,
    SourceOrder,
    closing_line,
    failure_line,
    order_of,
    progress_line,
    report_line,
    table_line,
)

MEMORY = 3 << 30
"""Bytes of address space that it may take beyond what it starts with: the index of a day takes half a GiB, a decoder of 4K one."""
NICE = 10
"""What is recorded comes first."""
TELL = 1.0
"""Seconds between two words about how far it is."""
MAX_ORDER = 64 << 20


def main() -> None:
    """Do what the order says."""
    die_with_parent()
    given, out = own_pipes()
    os.nice(NICE)
    limit_memory(MEMORY)
    av.logging.set_level(av.logging.PANIC)
    with os.fdopen(given, "rb") as file:
        line = file.readline(MAX_ORDER)
    try:
        answer = _done(order_of(line), _progress(out), lambda: write_all(out, closing_line()))
    except joining.Unfit as exc:
        write_all(out, failure_line(str(exc), passing=False))
    except MemoryError:
        write_all(out, failure_line(f"it takes more than {MEMORY >> 30} GiB of memory", passing=False))
    except OSError as exc:  # av's errors of the disk are of this kind too
        write_all(out, failure_line(exc.strerror or str(exc), passing=True))
    except av.FFmpegError as exc:
        write_all(out, failure_line(f"its parts cannot be read: {(exc.strerror or str(exc)).lower()}", passing=False))
    except ValueError as exc:
        write_all(out, failure_line(f"its parts cannot be read: {str(exc)[:300]}", passing=False))
    else:
        write_all(out, answer)


def _done(order: MuxerOrder, told: Callable[[int], None], closing: Callable[[], None]) -> bytes:
    if isinstance(order, FilmOrder):
        return report_line(joining.make(order, told, closing))
    if isinstance(order, CheckOrder):
        return report_line(checking.check(order, told))
    if isinstance(order, SourceOrder):
        return report_line(checking.check_source(order, told))
    return table_line(checking.look(order))


def _progress(out: int) -> Callable[[int], None]:
    """Says how many bytes were read, now and then."""
    done, said = 0, time.monotonic()

    def told(count: int) -> None:
        nonlocal done, said
        done += count
        if time.monotonic() - said >= TELL:
            said = time.monotonic()
            write_all(out, progress_line(done))

    return told


if __name__ == "__main__":
    main()
