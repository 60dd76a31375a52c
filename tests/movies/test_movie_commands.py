"""The commands about movies, shows, lists and downloads, in the order in which a person needs them; each gives JSON too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo import indexers as demo_indexers
from nightcrew.demo.world import MOVIES, World
from support import running, until
from terminal import Result, run

TITLE = "Night of the Living Dead"


def data(result: Result) -> Any:
    """The JSON that a command printed. The node of the test is in the same process, and writes its log between."""
    decoder = json.JSONDecoder()
    for at, sign in enumerate(result.out):
        if sign in "[{":
            try:
                return decoder.raw_decode(result.out[at:])[0]
            except ValueError:
                continue
    raise AssertionError(result)


async def test_from_a_list_to_a_download_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(*words: object, code: int = 0, stdin: str = "") -> Any:
        result = await asyncio.to_thread(run, *words, "--json", stdin=stdin)
        assert result.code == code, (words, result)
        return data(result)

    async def film() -> dict[str, Any] | None:
        rows = await ask("movies", "list", "--search", TITLE)
        return next((one for one in rows if one["title"] == TITLE), None)

    async with World(live=False, services=MOVIES) as world, running(tmp_path / "data") as node:
        monkeypatch.setenv("NIGHTCREW_URL", node.url)
        world.tmdb.rate = 10_000.0
        for values in world.cinema().values():
            await node.post("/api/v1/connections", dict(values))
        torznab, _ = demo_indexers.connections(world.url)
        added = await ask("movies", "indexer", "add", torznab["address"], stdin=f"{demo_indexers.API_KEY}\n")
        assert (await ask("movies", "indexer", "test", added["id"]))["ok"]
        assert [one["id"] for one in await ask("movies", "indexer", "list")] == [added["id"]]

        await until(film, 60)
        number = (await film())["id"]  # type: ignore[index]
        assert (await ask("movies", "show", number))["title"] == TITLE
        assert (await ask("movies", "search", number))["wanted"]

        async def best() -> bool:
            return any(one["best"] for one in (await ask("movies", "sources", number))["sources"])

        await until(best, 60)
        found = (await ask("movies", "sources", number))["sources"]
        other = next(one["id"] for one in found if not one["best"] and one["state"] in {"found", "verified", "unread"})
        assert (await ask("movies", "refuse", other))["state"] == "refused"
        assert (await ask("movies", "accept", other))["state"] == "found"
        assert {one["task"] for one in await ask("movies", "tasks")} >= {"search", "files", "lists"}
        assert (await ask("movies", "plan")) is not None
        fetched = await ask("movies", "fetch", number)
        assert [one["id"] for one in await ask("movies", "downloads")] == [fetched["id"]]
        await ask("movies", "drop", fetched["id"], "--yes")
        if await ask("movies", "blocked", number):
            await ask("movies", "allow", number)
        assert "nothing is blocked" in (await asyncio.to_thread(run, "movies", "allow", number)).err
        assert not (await ask("movies", "unwant", number))["wanted"]

        await ask("movies", "copy", "HD", "mine")
        await ask("movies", "use", "mine")
        (body,) = [one["body"] for one in (await node.get("/api/v1/movies/profiles"))["items"] if one["name"] == "mine"]
        file = tmp_path / "profile.json"
        file.write_text(json.dumps(body))
        await ask("movies", "profile", "mine", str(file))
        file.write_text(json.dumps({"name": "Nothing"}))
        assert len((await ask("movies", "formats", "mine", str(file), code=1))["refused"]) == 1
        assert "mine" in {one["name"] for one in await ask("movies", "profiles")}

        show = (await ask("shows", "list"))[0]["id"]
        assert (await ask("shows", "show", show))["id"] == show
        made = (await ask("lists", "add", "Horror", "discover/movie", "--query", "with_genres=27"))["id"]
        for verb in ("want", "unwant", "refresh", "accept", "pause"):
            assert (await ask("lists", verb, made))["id"] == made
        assert not next(one for one in await ask("lists", "list") if one["id"] == made)["enabled"]
        assert (await ask("lists", "resume", made))["enabled"]
        await ask("lists", "remove", made, "--yes")
        assert made not in {one["id"] for one in await ask("lists", "list")}
