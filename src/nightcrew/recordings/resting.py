"""Watched streams that are not recorded now, as somebody has stopped them, and when they are again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from nightcrew.kernel.runtime import Runtime
from nightcrew.recordings import windows
from nightcrew.recordings.models import Watch
from nightcrew.recordings.settings import RecordingSettings
from nightcrew.recordings.store import recordings, watches
from nightcrew.recordings.watching import margins_of
from nightcrew.recordings.windows import Occurrence


@dataclass(frozen=True, slots=True)
class Rest:
    """`said`: that it was stopped, and when it is recorded again. `again_at`: when its next window opens."""

    said: str
    again_at: datetime | None = None


def rest(
    watch: Watch, open_now: Sequence[Occurrence], following: datetime | None, stopped: Collection[str]
) -> Rest | None:
    """Whether a watch rests. `stopped`: the windows whose recordings somebody has stopped. Pure."""
    if not watch.enabled:
        return None
    if not watch.windows:
        if watch.ended_window != watches.LIVE:
            return None
        offline = "" if watch.channel_id else "has been offline, or "
        return Rest(f"stopped by hand; records again when it {offline}is switched on anew")
    if not open_now or any(one.key not in stopped for one in open_now):
        return None  # it waits for its time, or another window is recorded
    if following is None:
        return Rest("stopped by hand; it has no further window")
    return Rest(f"stopped by hand; records again in its next window, on {following:%Y-%m-%d at %H:%M}", following)


async def rests(runtime: Runtime, found: Sequence[Watch], now: datetime) -> dict[int, Rest]:
    """Those of these watches that rest."""
    options, local = runtime.settings.of(RecordingSettings), now.astimezone()
    parsed = {one.id: [windows.parse(text) for text in one.windows] for one in found}
    open_now = {one.id: windows.open_at(parsed[one.id], local, margins=margins_of(one, options)) for one in found}
    keys = {(number, one.key) for number, several in open_now.items() for one in several}
    stopped = await recordings.stopped(runtime.store, keys) if keys else set()
    resting = {
        one.id: rest(
            one,
            open_now[one.id],
            windows.following(parsed[one.id], local),
            {key for number, key in stopped if number == one.id},
        )
        for one in found
    }
    return {number: one for number, one in resting.items() if one is not None}
