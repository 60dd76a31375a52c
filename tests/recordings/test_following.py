"""What is said of a recording while it is followed."""

from __future__ import annotations

from typing import Any, cast

import httpx2
import pytest

from nightcrew.client import Failed, Server, Unreachable, changes, follow
from nightcrew.kernel.words import hms as clock
from nightcrew.recordings.following import WAY, bit_rate, progress, share_of
from nightcrew.recordings.rows import RecordingJson, gaps, line


def row(**more: Any) -> RecordingJson:
    """A recording as the API shows it."""
    plain = {"id": 7, "name": "Film", "state": "recording", "reason": None, "seconds": 0.0, "missing_s": 0.0}
    counts = {
        "favourite": False,
        "bytes": 0,
        "gaps": 0,
        "file": None,
        "stop_at": None,
        "created_at": "2026-01-01T20:00:00+00:00",
    }
    return cast("RecordingJson", {**plain, **counts, "progress_at": None, **more})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.9, "0:00:59"), (3723, "1:02:03"), (360_000, "100:00:00")]
)
def test_a_clock_has_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_progress_has_state_time_size_bit_rate_and_gaps() -> None:
    before = row(seconds=10.0, bytes=1_000_000)
    now = row(seconds=22.0, missing_s=2.0, bytes=4_750_000, gaps=1)
    assert progress([before, now]) == "recording, 0:00:22, 4.8 MB, 3.0 Mbit/s, 1 gap of 2 s"
    assert progress([row(state="retrying", reason="HTTP 503")]) == "retrying, 0:00:00, 0 B, no gaps (HTTP 503)"


def test_the_bit_rate_leaves_gaps_out_and_stays_when_nothing_comes() -> None:
    now = row(seconds=100.0, missing_s=60.0, bytes=1_000_000)
    assert bit_rate([now]) == "200 kbit/s"
    assert bit_rate([now, now]) == "200 kbit/s"
    assert bit_rate([row()]) == ""


def test_gaps_are_counted() -> None:
    assert gaps(row()) == "no gaps"
    assert gaps(row(gaps=2, missing_s=75.0)) == "2 gaps of 1 min"


def test_a_line_has_where_the_file_is_and_no_control_characters() -> None:
    assert line(row(state="waiting", reason="it is asked for")) == "recording 7 Film: waiting (it is asked for)"
    done = row(state="done", seconds=12.0, bytes=2_000_000, file="/media/Film.mp4", name="Fi\x1b[31mlm\r")
    assert line(done) == "recording 7 Fi [31mlm : done, 0:00:12, 2.0 MB, no gaps: /media/Film.mp4"


class Restarting(Server):
    """A server that is away for some looks."""

    def __init__(self, away: int) -> None:
        super().__init__()
        self.away = away

    def events(self) -> httpx2.Response:
        raise Unreachable("no Nightcrew answers")

    def ask(self, method: str, path: str, **more: Any) -> Any:
        self.away -= 1
        if self.away >= 0:
            raise Unreachable("no Nightcrew answers")
        return row(state="done")


def test_a_server_that_is_restarted_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.0)
    assert follow(Restarting(5), [row()], WAY)[0]["state"] == "done"


def test_a_server_that_stays_away_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(changes, "PATIENCE", 0.0)
    with pytest.raises(Failed, match="no Nightcrew answers"):
        follow(Restarting(1_000_000), [row()], WAY)


@pytest.mark.parametrize(
    ("more", "share"),
    [
        ({}, None),
        ({"stop_at": "2026-01-01T21:00:00Z"}, 0.0),
        ({"stop_at": "2026-01-01T21:00:00Z", "progress_at": "2026-01-01T20:15:00Z"}, 0.25),
        ({"stop_at": "2026-01-01T21:00:00Z", "progress_at": "2026-01-01T21:00:05Z"}, 1.0),
        ({"stop_at": "2026-01-01T20:00:00Z"}, 1.0),
        ({"stop_at": "2026-01-01T21:00:00Z", "state": "finishing"}, None),
    ],
)
def test_the_bar_says_how_much_of_the_time_is_over(more: dict[str, Any], share: float | None) -> None:
    assert share_of(row(**more)) == share
