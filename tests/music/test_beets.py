"""Real beets, in an environment of its own, as the importer."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo.world import World
from nightcrew.music.models import WantedState
from shop import Shop
from support import running, until

BEET = Path(__file__).parents[2] / ".tools" / "beets" / "bin" / "beet"


@pytest.fixture
async def shop(world: World, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    if not BEET.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{BEET} is missing, and CI must have it: make .tools/beets/.done")
        pytest.skip("beets is not here: make .tools/beets/.done")
    monkeypatch.setenv("NIGHTCREW_MUSIC_BEETS_PROGRAM", str(BEET))
    async with running(tmp_path / "data") as node:
        connection = await node.post("/api/v1/connections", world.services()["slskd"])
        yield Shop(node, world, connection)


def beet(folder: Path, *arguments: str) -> str:
    """What beets says of its own library."""
    home = folder / "data" / "beets"
    env = {**os.environ, "BEETSDIR": str(home), "PYTHONPATH": ""}
    command = [str(BEET), "-c", str(home / "nightcrew.yaml"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


async def test_beets_imports_the_file_with_our_match_and_it_is_found_again(shop: Any, tmp_path: Path) -> None:
    number = await shop.want("Harbour Ensemble", "Greensleeves", 14.0, album="Tunes of the Tide")
    await shop.stands(number, WantedState.OWNED)
    (row,) = [one for one in (await shop.detail(number))["downloads"] if one["state"] == "completed"]
    said = await asyncio.to_thread(beet, tmp_path, "ls", "-f", "$artist/$title/$path")
    assert said.strip() == f"Harbour Ensemble/Greensleeves/{row['library_path']}"
    assert Path(row["library_path"]).is_file()
    assert Path(row["library_path"]).is_relative_to(tmp_path / "data" / "music")
    await shop.node.post(f"/api/v1/music/downloads/{row['id']}/reject")
    assert not Path(row["library_path"]).exists()
    assert await asyncio.to_thread(beet, tmp_path, "ls") == ""


async def test_signs_of_beets_own_language_in_a_name_are_only_signs(shop: Any, tmp_path: Path) -> None:
    number = await shop.want("Harbour Ensemble", "Shenandoah", 13.0, album="100 %upper{x} $title")
    await shop.stands(number, WantedState.OWNED)
    said = await asyncio.to_thread(beet, tmp_path, "ls", "-f", "$album")
    assert said.strip() == "100 %upper{x} $title"


async def test_a_beets_that_is_not_there_costs_no_track_anything(
    world: World, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTCREW_MUSIC_BEETS_PROGRAM", str(tmp_path / "no-beet"))
    async with running(tmp_path / "data") as node:
        connection = await node.post("/api/v1/connections", world.services()["slskd"])
        shop = Shop(node, world, connection)
        number = await shop.want("Harbour Ensemble", "Greensleeves", 14.0)

        async def told() -> bool:
            return any("beets cannot be started" in need.message for need in await node.runtime.health.needs())

        await until(told, 60.0)
        entry = await shop.entry(number)
        assert (entry.state, entry.failures) == (WantedState.DOWNLOADING, 0)
