"""A real opentracker: what peers announced to it is what is scraped, over UDP and HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import opentracker
from nightcrew.kernel.errors import Retry
from nightcrew.kernel.http import Http
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory
from nightcrew.movies.trackers.scraper import Scraper

HASHES = [hashlib.sha1(b"real %d" % at).digest() for at in range(160)]
KNOWN = {one: (at % 40 + 1, at // 40, at % 3 % (at % 40 + 1)) for at, one in enumerate(HASHES[:-20])}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if opentracker.program() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("opentracker is missing, and CI must have it")
        pytest.skip("opentracker is not here: Debian has it as a package of that name")
    with opentracker.running(Path(tmp_path_factory.mktemp("tracker")), HASHES) as port:
        with opentracker.Announcer(port) as peers:
            peers.announce(KNOWN)
        yield port


@pytest.fixture
async def scraper() -> AsyncIterator[Scraper]:
    http = Http()
    yield Scraper(http, http.routes, allow_private=True)
    await http.close()


async def test_numbers_are_what_peers_announced(port: int, scraper: Scraper) -> None:
    memory = TrackerMemory()
    for _ in range(3):
        found, memory = await scraper.scrape(
            f"udp://127.0.0.1:{port}/announce", [one.hex() for one in HASHES], memory=memory
        )
        said = {one: (swarm.seeds, swarm.leechers, swarm.completed) for one, swarm in found.items()}
        assert said == {one.hex(): numbers for one, numbers in KNOWN.items()}
    assert memory.order is AnswerOrder.KEPT
    assert memory.batch > 50


async def test_numbers_are_the_same_over_http(port: int, scraper: Scraper) -> None:
    found, _ = await scraper.scrape(f"http://127.0.0.1:{port}/announce", [one.hex() for one in HASHES])
    said = {one: (swarm.seeds, swarm.leechers, swarm.completed) for one, swarm in found.items()}
    assert said == {one.hex(): numbers for one, numbers in KNOWN.items()}


async def test_many_questions_at_once_are_answered_each(port: int, scraper: Scraper) -> None:
    address = f"udp://127.0.0.1:{port}/announce"
    parts = [[one.hex() for one in HASHES[at : at + 20]] for at in range(0, 140, 20)]
    answers = await asyncio.gather(*(scraper.scrape(address, part) for part in parts))
    assert all(found.keys() == set(part) for part, (found, _) in zip(parts, answers, strict=True))


async def test_a_tracker_that_is_not_there_is_tried_later(scraper: Scraper) -> None:
    http = Http()
    quick = Scraper(http, http.routes, allow_private=True, first_wait=0.01)
    with pytest.raises(Retry):
        await quick.scrape("udp://127.0.0.1:9/announce", [HASHES[0].hex()])
    await http.close()
