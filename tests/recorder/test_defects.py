"""A plugin of streamlink that raises what nobody expects."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from nightcrew.recorder import pacing, scout, sharing, source
from nightcrew.recorder.recording import RecordingThread
from nightcrew.recorder.sharing import Sources
from nightcrew.recorder.source import Offline
from nightcrew.recorder.wire import LiveStatus, Order, ReadingStatus


def test_the_scout_answers_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(_: Order) -> NoReturn:
        raise LookupError("of a plugin")

    monkeypatch.setattr(source, "resolve", defect)
    order = Order(1, str(tmp_path), "x", "http://127.0.0.1:9/")
    assert scout.answer(7, order) == LiveStatus(7, live=None, error="its plugin failed: LookupError")


def test_a_recording_tells_of_it_and_reads_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = RecordingThread(Order(1, str(tmp_path / "parts"), "x", "http://127.0.0.1:9/"), Sources())
    stood: list[ReadingStatus] = []

    def defect(_: Order) -> NoReturn:
        stood.append(recording.standing)
        if len(stood) == 1:
            raise LookupError("of a plugin")
        recording.stop()
        raise Offline("it is not live")

    monkeypatch.setattr(sharing, "resolve", defect)
    monkeypatch.setattr(pacing, "PAUSES", (0.0,))
    recording.run()
    assert (stood[1].state, stood[1].reason) == ("waiting", "the recorder itself failed: LookupError")
    assert recording.standing.state == "over"
    assert "of a plugin" in capsys.readouterr().err, "its log has the traceback"
