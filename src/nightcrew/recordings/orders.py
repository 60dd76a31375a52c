"""What a recorder is told to do with one recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nightcrew.kernel.ffmpeg import ffmpeg_or_none
from nightcrew.kernel.runtime import Runtime
from nightcrew.recorder.wire import Order, boottime
from nightcrew.recordings.inputs import Input
from nightcrew.recordings.models import Recording
from nightcrew.recordings.settings import RecordingSettings

LATE = 60.0
"""Seconds after its end for which a recorder goes on when no server tells it to stop."""
RENEWAL = 5.0
"""Seconds that pass before a recorder is told anew how long it may use its input."""


def order_of(runtime: Runtime, row: Recording, source: Input, *, now: datetime, spared: bool) -> Order:
    """The order as of now. `spared`: it pauses so that the disk is left to others."""
    options = runtime.settings.of(RecordingSettings)
    until = None if row.stop_at is None else round(boottime() + (row.stop_at - now).total_seconds() + LATE)
    return Order(
        recording=row.id,
        folder=str(row.segments),
        stem=row.stem,
        url=source.ref.url,
        kind=source.ref.kind,
        headers=source.ref.headers,
        quality=source.ref.quality,
        part_seconds=float(options.segment_duration),
        part_bytes=options.segment_size,
        rotate=row.rotations,
        until=until,
        hold_until=0.0 if spared else source.hold_until(shared=not runtime.store.is_sqlite),
        begun=row.bytes > 0,
        private=source.ref.private,
        ffmpeg=ffmpeg_or_none(),
    )


def renewed(order: Order, known: Order) -> Order:
    """The order with the times of the one that is `known` where they are as good, so that it is not sent each second."""
    if order.until and known.until and abs(order.until - known.until) < RENEWAL:
        order = replace(order, until=known.until)
    if order.hold_until and known.hold_until and order.hold_until - known.hold_until < RENEWAL:
        order = replace(order, hold_until=known.hold_until)
    return order
