"""An endless MPEG-TS stream in real time."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator

from .pictures import LOOP_SECONDS, LOOP_SEGMENTS
from .timeline import PACKET, PacketClock
from .window import SEGMENT_SECONDS, newest_segment

CHUNKS = 20
"""Per segment: one each 0.1 s."""


async def broadcast(segments: tuple[bytes, ...], clock: Callable[[], float]) -> AsyncIterator[bytes]:
    """The newest complete segment at once, so that a player starts without waiting; then paced by the clock.

    `clock` is asked once; a viewer who reads too slowly falls behind and misses nothing.
    """
    now, started = clock(), time.monotonic()
    first = newest_segment(now)
    turn, timeline = first // LOOP_SEGMENTS, PacketClock()
    for number in itertools.count(first):
        data = timeline.place(segments[number % LOOP_SEGMENTS], (number // LOOP_SEGMENTS - turn) * LOOP_SECONDS)
        if number == first:
            yield data
            continue
        due = started + number * SEGMENT_SECONDS - now
        for index, chunk in enumerate(_cut(data)):
            await asyncio.sleep(due + index * SEGMENT_SECONDS / CHUNKS - time.monotonic())
            yield chunk


def _cut(data: bytes) -> Iterator[bytes]:
    """Whole packets, at most `CHUNKS` parts."""
    size = -(-len(data) // PACKET // CHUNKS) * PACKET
    return (data[at : at + size] for at in range(0, len(data), size))
