"""Following a recording to its end: what is said of it meanwhile, and at the end."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from nightcrew.client import Failed, Server, Unreachable, plain
from nightcrew.kernel.words import duration, size

OVER = frozenset({"done", "failed"})
RECORDED = frozenset({"waiting", "recording", "retrying", "paused"})
LOOK_EVERY = 1.0
SAMPLES = 15
"""Looks over which the bit rate is taken."""
PATIENCE = 120.0
"""Seconds for which a server may be away while a recording is followed: recordings outlive a restart."""

Row = dict[str, Any]


def follow(server: Server, row: Row, *, quiet: bool) -> Row:
    """The recording when it is over. Progress is a line on a terminal; elsewhere, unless `quiet`, a line for each state.

    Ctrl-C ends this and not the recording.
    """
    try:
        return _follow(server, row, quiet=quiet or sys.stderr.isatty())
    except KeyboardInterrupt:
        print(_left(row), file=sys.stderr)
        raise typer.Exit(130) from None


def _follow(server: Server, row: Row, *, quiet: bool) -> Row:
    seen, state = deque([row], maxlen=SAMPLES), ""
    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bars:
        task = bars.add_task(row["name"], total=None)
        while True:
            said_now = plain(f"{row['name']}: {progress(seen)}")
            share = share_of(row)
            bars.update(task, description=said_now, total=None if share is None else 1, completed=share or 0)
            if row["state"] != state and not quiet:
                print(said_now, flush=True)
            state = row["state"]
            if state in OVER:
                return row
            time.sleep(LOOK_EVERY)
            row = _look(server, row["id"])
            seen.append(row)


def _look(server: Server, recording: int) -> Row:
    """The recording as it stands, also from a server that is being restarted. Raises `Failed`."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            return dict(server.ask("GET", f"/api/v1/recordings/{recording}"))
        except Unreachable:
            if time.monotonic() > limit:
                raise
        time.sleep(LOOK_EVERY)


def _left(row: Row) -> str:
    """What is said to who follows no longer."""
    see, end = (f"`nightcrew recordings {verb} {row['id']}`" for verb in ("show", "stop"))
    return f"recording {row['id']} goes on, and is not followed any more; see {see}, end it with {end}"


def share_of(row: Row) -> float | None:
    """How much of its time is over, None when its stream says when it ends."""
    if row["stop_at"] is None or row["state"] not in RECORDED:
        return None
    begin = datetime.fromisoformat(row["created_at"])
    seen, end = (datetime.fromisoformat(row[at] or row["created_at"]) for at in ("progress_at", "stop_at"))
    return max(0.0, min(1.0, (seen - begin) / (end - begin))) if end > begin else 1.0


def progress(seen: Sequence[Row]) -> str:
    """How a recording stands, from what was last seen of it."""
    row = seen[-1]
    pieces = [row["state"], clock(row["seconds"]), size(row["bytes"]), bit_rate(seen), gaps(row)]
    reason = f" ({row['reason']})" if row["reason"] and row["state"] not in OVER else ""
    return ", ".join(piece for piece in pieces if piece) + reason


def bit_rate(seen: Sequence[Row]) -> str:
    """Of what came in between the first and the last look, of everything where nothing did; empty without seconds."""
    row = seen[-1]
    for bytes_before, seconds_before in ((seen[0]["bytes"], _covered(seen[0])), (0, 0.0)):
        seconds = _covered(row) - seconds_before
        if seconds > 0:
            rate = (row["bytes"] - bytes_before) * 8 / seconds
            return f"{rate / 1e6:.1f} Mbit/s" if rate >= 1e6 else f"{rate / 1e3:.0f} kbit/s"
    return ""


def _covered(row: Row) -> float:
    return float(row["seconds"] - row["missing_s"])


def clock(seconds: float) -> str:
    """Hours, minutes, seconds: 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def gaps(row: Row) -> str:
    """What is missing."""
    if not row["gaps"]:
        return "no gaps"
    return f"{row['gaps']} gap{'s' * (row['gaps'] != 1)} of {duration(row['missing_s'])}"


def line(row: Row) -> str:
    """A recording in one line."""
    length = [clock(row["seconds"]), size(row["bytes"]), gaps(row)] if row["seconds"] else []
    facts = ", ".join([row["state"], *length])
    reason = f" ({row['reason']})" if row["reason"] else ""
    where = f": {row['file']}" if row["file"] else ""
    return plain(f"recording {row['id']} {row['name']}: {facts}{reason}{where}")


def check_success(row: Row) -> None:
    """Raises `Failed` for a recording that has failed."""
    if row["state"] == "failed":
        raise Failed(f"recording {row['id']} {row['name']} failed: {row['reason']}")
