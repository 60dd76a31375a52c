"""A world without pictures for the protocol tests, and one with real streams, encoded once per run."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from nightcrew.demo.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(live=False) as made:
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=world.url, timeout=10) as made:
        yield made


@pytest.fixture
async def live_world(pictures: Path) -> AsyncIterator[World]:
    async with World(streams=pictures) as made:
        await made.ready()
        yield made


@pytest.fixture
def ffprobe() -> str:
    found = shutil.which("ffprobe")
    if not found:
        pytest.skip("ffprobe is not installed: the streams cannot be judged by it")
    return found
