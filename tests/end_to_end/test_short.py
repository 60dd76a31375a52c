"""The shortened suite, which also runs on the other Pythons of a machine: the demo, by hand, as `make demo` starts it.

The server is a process of its own, and so are its probers and recorders.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import free_port, patient
from terminal import ok, run, spawn

from .conftest import Process, Start

pytestmark = [pytest.mark.short, pytest.mark.slow]

REGIONS = {"DE": 60, "AT": 60, "CH": 20, "LAB": 20}
"""The demo's regions, and how many channels each has."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The demo. At its end it has to stop as it should, and must not have shown a traceback."""
    process = Process(tmp_path_factory.mktemp("short") / "data", free_port(), command=("demo",))
    process.start()
    yield process
    assert process.stop() == 0, process.log()
    assert "Traceback" not in process.log()


@pytest.fixture
def demo(running: Process, monkeypatch: pytest.MonkeyPatch) -> Process:
    """The demo with four fresh regions. Commands find it through the environment."""
    monkeypatch.setenv("NIGHTCREW_URL", running.url)
    until(lambda: running.check_alive() or fresh() == REGIONS, "four fresh regions")
    return running


def fresh() -> dict[str, int]:
    """The fresh regions and how many channels each has."""
    rows = told("status")["regions"]
    return {row["region"]: row["channels"] for row in rows if row["status_text"] == "FRESH"}


def told(*arguments: object) -> Any:
    """What a command printed as JSON."""
    return json.loads(ok(*arguments, "--json"))


def until(done: Callable[[], Any], what: str, limit: float = 60) -> None:
    end = time.monotonic() + patient(limit)
    while not done():
        assert time.monotonic() < end, f"there was no end to waiting for {what}"
        time.sleep(0.2)


def test_the_demo_starts_and_fills_its_regions(demo: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_PORT", str(free_port()))  # a Nightcrew of this machine's may run beside the tests
    assert len(told("source", "list")) == 6
    assert demo.get("/health").json()["status"] == "ok"
    assert demo.get("/").status_code == 200
    doctor = spawn("doctor", "--data-dir", tmp_path / "data")
    assert (doctor.code, doctor.err) == (0, ""), doctor


def test_a_playlist_is_refreshed_and_served(demo: Process) -> None:
    assert [job["state"] for job in told("refresh", "DE")] == ["done"]
    text = demo.get("/playlist/DE.m3u").text
    assert text.count("#EXTINF") == REGIONS["DE"]
    address = next(line for line in text.splitlines() if line and not line.startswith("#"))
    assert address.startswith("http://127.0.0.1:")
    assert "<programme" in demo.get("/guide.xml").text


def test_a_good_stream_and_a_bad_one_are_told_apart(demo: Process) -> None:
    good, bad = (stream_of(name) for name in ("Good picture", "Black picture"))
    until(lambda: plays(good["url"]) and plays(bad["url"]), "the demo's pictures")
    (found,) = told("check", "--stream", good["id"])["results"]
    assert (found["verdict"], found["width"], found["height"], found["video_codec"]) == ("ok", 640, 360, "h264")
    result = run("check", "--stream", bad["id"], "--json")
    (found,) = json.loads(result.out)["results"]
    assert result.code == 1
    assert "black" in found["reason"]


def stream_of(channel: str) -> dict[str, Any]:
    """The stream that one of the workbench's channels has at the workbench itself."""
    (found,) = (one for one in told("channels", channel, "--region", "LAB") if one["name"] == channel)
    return next(one for one in found["streams"] if one["account"] == "Workbench")


def plays(url: str) -> bool:
    with httpx2.stream("GET", url, trust_env=False) as answer:
        return answer.status_code == 200


def test_a_watched_stream_is_recorded_and_becomes_a_file(demo: Process) -> None:
    until(lambda: any(row["seconds"] > 5 for row in told("recordings", "list")), "the watched stream")
    (row,) = told("recordings", "list")
    done = told("recordings", "stop", row["id"], "--follow")
    assert (done["state"], done["name"], done["gaps"]) == ("done", "Harbour camera", 0)
    assert Path(done["file"]).stat().st_size == done["file_bytes"] > 100_000


def test_a_backup_brings_everything_back(demo: Process, start: Start, tmp_path: Path) -> None:
    channel = demo.get("/api/v1/channels", region="DE").json()["items"][0]
    demo.patch(f"/api/v1/channels/{channel['id']}", {"name": "Mine"})
    served = demo.get("/playlist/DE.m3u").text
    assert ",Mine\n" in served
    ok("backup", tmp_path / "saved.tar.gz", "--data-dir", demo.folder)
    ok("restore", tmp_path / "saved.tar.gz", "--data-dir", tmp_path / "elsewhere")
    again = start("elsewhere")
    assert channels(again.get("/playlist/DE.m3u").text) == channels(served)
    assert again.stop() == 0, again.log()
    assert "Traceback" not in again.log()


def channels(playlist: str) -> list[str]:
    """The lines of a playlist below the first, which names the server's address and its revision."""
    return playlist.splitlines()[1:]
