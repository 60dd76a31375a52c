"""Pull the plug: `kill -9` at random moments of a refresh. Nothing half-done is ever served, and no run is lost."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from nightcrew.kernel.files import TEMPORARY
from support import pauses

from .conftest import Process, Start

CHANNELS = 3_000
KILLS = int(os.environ.get("NIGHTCREW_KILLS", "4"))
"""`make soak` pulls the plug more often."""


QUIET = {"NIGHTCREW_PLAYLIST_REBUILD_ON_START": "false", "NIGHTCREW_LOG_LEVEL": "WARNING"}


def write_list(path: Path, version: int) -> None:
    """A list whose every address names its version, so that a mixture of two would show."""
    entries = [
        f'#EXTINF:-1 tvg-id="c{n}.example" group-title="G{n % 7}",Channel {n}\nhttp://192.0.2.1/v{version}/{n}.ts'
        for n in range(CHANNELS)
    ]
    temporary = path.with_suffix(".new")
    temporary.write_text("#EXTM3U\n" + "\n".join(entries) + "\n")
    temporary.replace(path)


def check_whole(server: Process, newest: int) -> int:
    """The served playlist is whole and of one version; returns which."""
    answer = server.get("/playlist/KILL.m3u")
    assert answer.status_code == 200, answer.text
    addresses = [line for line in answer.text.splitlines() if line.startswith("http://192.0.2.1/")]
    assert len(addresses) == CHANNELS
    versions = {address.split("/")[3] for address in addresses}
    assert len(versions) == 1, versions
    version = int(versions.pop()[1:])
    assert version <= newest
    return version


def wait_idle(server: Process, run: str | None) -> None:
    """The run that was interrupted goes on and ends well."""
    end = time.monotonic() + 60
    for pause in pauses():
        jobs = server.get("/api/v1/jobs").json()["items"]
        running = [job for job in jobs if job["state"] in {"queued", "running"}]
        if not running:
            break
        assert time.monotonic() < end, f"jobs hang: {running}"
        time.sleep(pause)
    if run is not None:
        assert server.get(f"/api/v1/jobs/{run}").json()["state"] == "done"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_the_playlist_is_always_whole(start: Start, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u"
    write_list(playlist, 0)
    server = start(env=QUIET)
    source = server.post("/api/v1/sources", {"kind": "m3u", "name": "Kill", "url": str(playlist), "region": "KILL"})
    assert source.status_code == 201, source.text
    source_id = source.json()["id"]
    began = time.monotonic()
    wait_idle(server, source.json()["feeds"][0]["run"])
    takes = min(0.7, time.monotonic() - began)
    random.seed(20261122)
    cut_short = 0
    for kill in range(1, KILLS + 1):
        write_list(playlist, kill)
        (run,) = server.post(f"/api/v1/sources/{source_id}/refresh").json()["jobs"]
        time.sleep(random.uniform(0, 0.7 * takes))
        server.kill()
        server.start()
        check_whole(server, kill)
        wait_idle(server, run)
        assert check_whole(server, kill) == kill, "the refresh that was cut off did not go on"
        assert not list(server.folder.rglob(f"*{TEMPORARY}*"))
        assert not list((server.folder / "tmp").glob("*"))
        attempts = server.get(f"/api/v1/jobs/{run}").json()["attempts"]
        cut_short += attempts > 1
    assert cut_short >= KILLS / 5, "the kills came too late to prove anything"
    ids = {c["id"] for c in server.get("/api/v1/channels", limit=1000).json()["items"]}
    assert max(ids) <= CHANNELS, "identities were lost: channels were made anew"
    server.kill()
