"""Pull the plugs of both, us and slskd, while tracks are downloaded and imported: each ends exactly once, none twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.demo.audio import Audio
from nightcrew.demo.songs import many
from rig import Rig

TRACKS = int(os.environ.get("NIGHTCREW_TRACKS", "12"))
KILLS = int(os.environ.get("NIGHTCREW_KILLS", "3"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, TRACKS)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_track_ends_exactly_once_whoever_is_killed(rig: Rig) -> None:
    shared = rig.folder / "world" / "slskd" / "shared"
    asyncio.run(Audio(shared).file(many(1)[0].files[0]))
    rig.start("slskd")
    rig.start("server")
    connection = rig.connect()
    rig.kill("server")
    rig.seed(connection)
    rig.start("server")
    rig.ask("PATCH", "/api/v1/settings", {"music.sync_worker_concurrency": 4})
    rig.pull_plugs(KILLS, least=0.3, most=2.5, seed=20261128)
    assert rig.wait(300) == {"owned": TRACKS}
    assert len(rig.library) == TRACKS and set(rig.library.values()) == {1}
    assert set(rig.titles_fetched().values()) == {1}, "none was downloaded twice"
