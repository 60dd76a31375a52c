"""The job that judges all sources anew: once for each change, over a restart, and by the last profile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo.world import World
from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.quality import profile_actions, rescoring, taste
from nightcrew.movies.releases.profile import PRESETS
from nightcrew.movies.sources import judging
from reels import Reels, rescored
from support import Node, running, until

FILMS = 5


async def furnish(node: Node) -> list[int]:
    """Some films with a source each, and one without."""
    made = Reels(node.runtime, World(live=False))
    found = []
    for number in range(FILMS):
        film = await made.film(tmdb_id=number + 1, imdb_id="")
        await made.add(film, [hashlib.sha1(bytes([number])).hexdigest()], stats_due_at=None)
        found.append(film)
    await made.film(tmdb_id=99, imdb_id="")
    return found


class Watched:
    """What is judged, by which profile. While `door` is closed, nothing is after the first `free` batches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.judged: list[tuple[str, list[int]]] = []
        self.door = asyncio.Event()
        self.door.set()
        self.free = 0
        original = judging.choose

        async def choose(runtime: Runtime, ids: Collection[int]) -> None:
            self.judged.append((taste.name_in_use(runtime), list(ids)))
            if len(self.judged) > self.free:
                await self.door.wait()
            await original(runtime, ids)

        monkeypatch.setattr(rescoring, "BATCH", 2)
        monkeypatch.setattr(judging, "choose", choose)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


async def runs(node: Node) -> list[str]:
    """The runs that there were, the oldest first."""
    return [one.id for one in reversed(await node.runtime.jobs.named(f"{rescoring.NAME}:"))]


async def test_who_uses_a_profile_waits_for_nothing_and_all_films_are_judged_once(
    tmp_path: Path, watched: Watched
) -> None:
    async with running(tmp_path / "data") as node:
        a, b, c, d, e = await furnish(node)
        watched.door.clear()
        await node.post("/api/v1/movies/profiles/Small/use")
        await until(lambda: watched.judged)
        watched.door.set()
        for _ in range(2):  # as on other nodes, which see the change later
            await rescored(node.runtime)
        assert watched.judged == [("Small", [a, b]), ("Small", [c, d]), ("Small", [e])]
        assert len(await runs(node)) == 1
        found = await node.runtime.jobs.get((await runs(node))[0])
        assert (found.title, found.result) == ("Judge all sources by Small", {"films": FILMS, "replaced": False})


async def test_what_was_in_use_before_and_is_again_is_judged_by_anew(tmp_path: Path, watched: Watched) -> None:
    async with running(tmp_path / "data") as node:
        await furnish(node)
        for name in ("Small", None, "Small"):
            await node.patch("/api/v1/settings", {"movies.quality_profile": name})
            await rescored(node.runtime)
        assert [name for name, _ in watched.judged] == ["Small"] * 3 + ["HD"] * 3 + ["Small"] * 3
        assert len(await runs(node)) == 3


async def test_a_changed_profile_is_judged_by_only_while_it_is_in_use(tmp_path: Path, watched: Watched) -> None:
    async with running(tmp_path / "data") as node:
        await furnish(node)
        await profile_actions.put(node.runtime, "Mine", PRESETS["Small"], actor="test")
        assert await runs(node) == []
        await profile_actions.use(node.runtime, "Mine", actor="test")
        await rescored(node.runtime)
        await profile_actions.put(node.runtime, "Mine", PRESETS["HD"], actor="test")
        assert len(await runs(node)) == 2
        await rescored(node.runtime)
        assert len(watched.judged) == 6


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path, watched: Watched) -> None:
    async with running(tmp_path / "data") as node:
        a, b, c, d, e = await furnish(node)
        watched.door.clear()
        watched.free = 1
        await profile_actions.use(node.runtime, "Small", actor="test")
        await until(lambda: len(watched.judged) == 2)
    watched.door.set()
    async with running(tmp_path / "data") as node:
        (run_id,) = await runs(node)
        assert (await node.runtime.jobs.wait(run_id)).state == "done"
        assert [ids for _, ids in watched.judged] == [[a, b], [c, d], [c, d], [e]]


async def test_a_newer_profile_wins(tmp_path: Path, watched: Watched) -> None:
    async with running(tmp_path / "data") as node:
        a, b, c, d, e = await furnish(node)
        watched.door.clear()
        await profile_actions.use(node.runtime, "Small", actor="test")
        await until(lambda: watched.judged)
        await profile_actions.use(node.runtime, "Any", actor="test")
        watched.door.set()
        await rescored(node.runtime)
        assert watched.judged == [("Small", [a, b]), ("Any", [a, b]), ("Any", [c, d]), ("Any", [e])]
        first, second = [await node.runtime.jobs.get(one) for one in await runs(node)]
        assert (first.result, second.result) == (
            {"films": 2, "replaced": True},
            {"films": FILMS, "replaced": False},
        )


async def test_one_that_was_cancelled_is_begun_anew_when_somebody_asks(tmp_path: Path, watched: Watched) -> None:
    async with running(tmp_path / "data") as node:
        await furnish(node)
        watched.door.clear()
        await profile_actions.use(node.runtime, "Small", actor="test")
        await until(lambda: watched.judged)
        (first,) = await runs(node)
        await node.runtime.jobs.cancel(first)
        watched.door.set()
        await profile_actions.use(node.runtime, "Small", actor="test")
        await rescored(node.runtime)
        assert len(await runs(node)) == 2


async def test_two_who_see_the_same_change_at_once_come_to_the_same_run(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as node:
        await furnish(node)
        found = await asyncio.gather(*(rescoring.begin(node.runtime) for _ in range(5)))
        assert len(set(found)) == 1


async def test_it_tells_how_far_it_is(tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[float, float | None, str]] = []

    async def note(_: Any, done: float, total: float | None = None, message: str = "") -> None:
        said.append((done, total, message))

    monkeypatch.setattr("nightcrew.kernel.run.Run.progress", note)
    async with running(tmp_path / "data") as node:
        await furnish(node)
        await rescored(node.runtime)
    assert said == [(2, 5, "2 films of 5 judged"), (4, 5, "4 films of 5 judged"), (5, 5, "5 films of 5 judged")]
