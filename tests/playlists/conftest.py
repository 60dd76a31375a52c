"""A demo world without pictures: the providers' protocols, faults on request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nightcrew.demo.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Providers on loopback with 60 channels each."""
    async with World(live=False) as started:
        yield started
