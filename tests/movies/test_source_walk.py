"""One movie of a list gets a verified, ranked source: the whole way, in a node that works, against the demo's services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo import indexers as demo_indexers
from nightcrew.demo.world import MOVIES, World
from support import Node, running, until


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(live=False, services=MOVIES) as made:
        made.tmdb.rate = 10_000.0
        yield made


async def connect(node: Node, world: World) -> None:
    """TMDB, and both indexers."""
    await node.post("/api/v1/connections", world.cinema()["tmdb"])
    for one in demo_indexers.connections(world.url):
        body = {"kind": one["kind"], "name": one["name"], "url": one["address"], "settings": one["settings"]}
        await node.post("/api/v1/connections", body | {"mirrors": one.get("mirrors", [])})


async def sources(node: Node, movie: int) -> dict[str, Any]:
    return await node.get(f"/api/v1/movies/{movie}/sources")


async def found(node: Node, title: str) -> dict[str, Any] | None:
    rows = (await node.get("/api/v1/movies", params={"search": title}))["items"]
    return next((one for one in rows if one["title"] == title and one["imdb_id"]), None)


async def test_a_movie_of_a_list_gets_a_verified_ranked_source(world: World, tmp_path: Path) -> None:
    async with running(tmp_path / "data") as node:
        await node.patch("/api/v1/settings", {"movies.private_trackers": True})
        world.indexers.links = ("torrent", "302", "torrent")
        await connect(node, world)
        await until(lambda: found(node, "Night of the Living Dead"), 60)
        movie = (await found(node, "Night of the Living Dead"))["id"]
        await node.post(f"/api/v1/movies/{movie}/search")

        async def settled() -> bool:
            rows = (await sources(node, movie))["sources"]
            left = [one for one in rows if one["file_due_at"]]
            best = next((one for one in rows if one["best"]), None)
            return bool(rows) and not left and best is not None and best["counted_at"] is not None

        await until(settled, 90)
        answer = await sources(node, movie)
        best = next(one for one in answer["sources"] if one["best"])
        assert best["state"] == "verified"
        assert "1080p" in best["title"]
        assert "HDCAM" not in best["title"]
        assert best["seeds"] == best["claimed_seeds"]
        assert sum(part["points"] for part in best["parts"]) == pytest.approx(best["score"])
        refused = {one["title"]: one["reason"] for one in answer["sources"] if one["state"] == "refused"}
        assert any(title.startswith("Return.of.Night") for title in refused)
        assert any("password" in reason for reason in refused.values()), "a fake among the best was looked into"
        unfit = {one["title"]: one["unfit"] for one in answer["sources"] if one["unfit"]}
        assert any("HDCAM" in title for title in unfit)
        unread = [one["title"] for one in answer["sources"] if one["state"] == "found"]
        assert unread, "what is far from best costs its indexer no request"
        assert {one["indexer"] for one in answer["searches"]} == {"Demo indexer", "Demo list of films"}
        assert all(one["due_at"] for one in answer["searches"])
