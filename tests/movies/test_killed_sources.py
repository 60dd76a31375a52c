"""`kill -9` in the middle of searches, torrent files and counts: no source is lost, none is there twice, and all goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

import reels
from furnished import furnish
from nightcrew import app
from nightcrew.demo.releases import ShelfFilm
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.movies.sources.models import SourceState
from nightcrew.movies.sources.models import source as source_table
from reels import BUNNY, LIST, SINTEL, TORZNAB
from support import until

FILMS = (BUNNY, SINTEL, ShelfFilm("House on Haunted Hill", 1959, "tt0051744", 75))
LAB = Path(__file__).with_name("source_lab.py")


async def test_a_node_that_is_killed_at_work_loses_no_source_and_doubles_none(
    movie_world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    await asyncio.to_thread(furnish, app.Config(data_dir=folder))
    async with reels.opened(folder, movie_world) as reel:
        await reel.connect()
        films = [await reel.film(one) for one in FILMS]
    indexers, tracker, numbers = movie_world.indexers, movie_world.tracker, reel.numbers

    async def begun() -> bool:
        return any(one["t"] == "movie" for one in indexers.asked)

    async def read() -> bool:
        """Some files were read, and what is counted is at its tracker."""
        return bool(tracker.scrapes)

    tracker.delay = 0.3
    for moment in (begun, read):
        lab = subprocess.Popen([sys.executable, str(LAB), str(folder)])
        try:
            await until(moment, 60)
            assert lab.poll() is None, "it was at work"
        finally:
            lab.kill()
            lab.wait()
    tracker.delay = 0.0

    async with reels.opened(folder, movie_world) as reel:
        reel.numbers = numbers
        for number in numbers.values():
            await reel.hurry(number)
        await reel.search()
        await reel.read()
        await reel.count()
        for film, known in zip(films, FILMS, strict=True):
            rows = await reel.sources(film)
            assert sorted(one.swarm for one in rows) == sorted(one.hash for one in reel.releases(known))
            assert (await reel.entry(film)).best_id is not None
            for one in rows:
                assert (one.file_holder, one.stats_holder, one.resync_holder) == (None, None, None)
                if one.state in {SourceState.VERIFIED, SourceState.UNREAD}:
                    assert one.stats_due_at is not None
                    assert one.stats_due_at > utcnow()
                    assert one.resync_due_at is not None
                if one.state is SourceState.VERIFIED:
                    counted = next(each.seeds for each in reel.releases(known) if each.hash == one.swarm)
                    assert one.seeds == counted
            found = await reel.searches(film)
            assert found.keys() == {TORZNAB, LIST}
            for row in found.values():
                assert row.holder is None
                assert row.answered_at is not None
                assert row.due_at is not None
                assert row.due_at > utcnow()
        async with reel.node.store.read() as connection:
            waiting = sa.select(sa.func.count()).where(source_table.c.file_due_at.is_not(None))
            assert (await connection.execute(waiting)).scalar_one() == 0
