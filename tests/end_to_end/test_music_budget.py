"""The network bans who searches more than 34 times in 220 s. Two nodes share one budget, and a kill does not begin it anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig import Rig
from support import patient, pauses

MOST, WINDOW = 34, 220.0
TITLES = ("Amber", "Birch", "Cedar", "Dahlia", "Ember", "Fern", "Ginger", "Hazel", "Iris", "Juniper")


@pytest.fixture
def rig(tmp_path: Path, postgres: str) -> Iterator[Rig]:
    made = Rig(tmp_path, 1, database_url=postgres)
    yield made
    made.close()


def searched(rig: Rig) -> list[float]:
    """When searches came to the network."""
    path = rig.folder / "world" / "slskd" / "state.json"
    return list(json.loads(path.read_text("utf-8"))["searched"]) if path.exists() else []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_nodes_and_a_kill_stay_within_one_budget(rig: Rig) -> None:
    rig.start("slskd")
    rig.start("server")
    rig.start("second")
    rig.connect()
    rig.ask("PATCH", "/api/v1/settings", {"music.searches_at_once": 10})
    text = "\n".join(f"Nobody {first} - {first} {second}" for first in TITLES for second in TITLES)
    rig.ask("POST", "/api/v1/music/wanted/lists", {"name": "Nothing", "text": text})
    _wait_for(lambda: len(searched(rig)) >= 10)
    rig.kill("second")
    rig.start("second")
    _wait_for(lambda: len(searched(rig)) >= 18)
    rig.kill("server")
    rig.start("server")
    _wait_for(lambda: "budget" in reasons(rig) or time.time() - searched(rig)[0] > WINDOW)
    time.sleep(5)  # who would ask once more does so by now
    times = searched(rig)
    assert len(times) >= 20, "what was counted and not sent, as at a kill, is not asked for again"
    assert max(sum(0 <= later - first < WINDOW for later in times) for first in times) <= MOST
    rows = rig.ask("GET", "/api/v1/music/wanted?limit=200")["items"]
    assert all(row["failures"] <= 1 for row in rows)


def reasons(rig: Rig) -> str:
    """Why tracks wait, as people see it."""
    return " ".join(row["reason"] for row in rig.ask("GET", "/api/v1/music/wanted?limit=200")["items"])


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + patient(180)
    for pause in pauses():
        if condition():
            return
        assert time.monotonic() < end
        time.sleep(pause)
