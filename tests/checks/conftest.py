"""A demo world with pictures, encoded once for all tests; and a node whose checks are quick."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nightcrew.demo.world import World
from studio import QUICK, Source, source_of
from support import Node, running


@pytest.fixture
async def studio(pictures: Path) -> AsyncIterator[World]:
    """Providers on loopback whose streams play, and the workbench with all that can be wrong with a stream."""
    async with World(channels=6, streams=pictures) as world:
        await world.ready()
        yield world


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node on SQLite with quick checks."""
    async with running(tmp_path / "data") as started:
        await started.patch("/api/v1/settings", QUICK)
        yield started


@pytest.fixture
async def source(pictures: Path) -> AsyncIterator[Source]:
    """A source that the test directs."""
    async with source_of(pictures) as made:
        yield made
