"""Following a recording to its end, and what is said of it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nightcrew.client import Failed, Out, Server, Way
from nightcrew.client import follow as follow_all
from nightcrew.kernel.words import bounded, hms, size
from nightcrew.recordings.rows import RecordingJson, gaps, line

OVER = frozenset({"done", "failed"})
RECORDED = frozenset({"waiting", "recording", "retrying", "paused"})


def follow(server: Server, out: Out, row: RecordingJson) -> None:
    """Follow a recording, and say how it ended. Raises `Failed` for one that has failed."""
    if row["state"] not in OVER:
        out.say(line(row))
    (row,) = follow_all(server, [row], WAY, lines=not out.as_json)
    out.one(row, line)
    if row["state"] == "failed":
        raise Failed(f"recording {row['id']} {row['name']} failed: {row['reason']}")


def share_of(row: RecordingJson) -> float | None:
    """How much of its time is over, None when its stream says when it ends."""
    if row["stop_at"] is None or row["created_at"] is None or row["state"] not in RECORDED:
        return None
    begin, end = datetime.fromisoformat(row["created_at"]), datetime.fromisoformat(row["stop_at"])
    seen = datetime.fromisoformat(row["progress_at"] or row["created_at"])
    return max(0.0, min(1.0, (seen - begin) / (end - begin))) if end > begin else 1.0


def progress(seen: Sequence[RecordingJson]) -> str:
    """How a recording stands, from what was last seen of it."""
    row = seen[-1]
    pieces = [row["state"], hms(row["seconds"]), size(row["bytes"]), bit_rate(seen), gaps(row)]
    reason = f" ({row['reason']})" if row["reason"] and row["state"] not in OVER else ""
    return ", ".join(piece for piece in pieces if piece) + reason


def bit_rate(seen: Sequence[RecordingJson]) -> str:
    """Of what came in between the first and the last look, of everything where nothing did; empty without seconds."""
    row = seen[-1]
    for bytes_before, seconds_before in ((seen[0]["bytes"], _covered(seen[0])), (0, 0.0)):
        seconds = _covered(row) - seconds_before
        if seconds > 0:
            rate = (row["bytes"] - bytes_before) * 8 / seconds
            rate = bounded(rate) or 0.0
            return f"{rate / 1e6:.1f} Mbit/s" if rate >= 1e6 else f"{rate / 1e3:.0f} kbit/s"
    return ""


def _covered(row: RecordingJson) -> float:
    return row["seconds"] - row["missing_s"]


WAY = Way(
    noun="recording",
    kind=RecordingJson,
    path="/api/v1/recordings/{id}",
    over=OVER,
    words=lambda seen: f"{seen[-1]['name']}: {progress(seen)}",
    share=share_of,
    see="recordings show {id}",
    end="recordings stop {id}",
)
