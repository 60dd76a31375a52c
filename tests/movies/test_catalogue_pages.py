"""Movies, shows and lists in the API and on pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nightcrew.demo.world import World
from support import Node, running, until


@pytest.fixture
async def house(cinema_world: World, tmp_path) -> AsyncIterator[Node]:
    """A running node that has read everything."""
    async with running(tmp_path / "data") as node:
        await node.post("/api/v1/connections", cinema_world.cinema()["tmdb"])

        async def read() -> bool:
            films = (await node.get("/api/v1/movies?limit=1000"))["items"]
            series = (await node.get("/api/v1/shows?limit=1000"))["items"]
            return len(films) == 62 and len(series) == 12 and all(one["synced_at"] for one in films + series)

        await until(read, 60)
        yield node


async def test_the_catalogue_over_the_api_and_on_pages(house: Node, cinema_world: World) -> None:
    await api(house)
    await lists_over_the_api(house, cinema_world)
    await pages(house)
    await list_page(house)


async def api(node: Node) -> None:
    (found,) = (await node.get("/api/v1/movies?search=NOSFERATU"))["items"]
    assert found["poster"] == "/movies/images/{size}/poster-1010.png"
    detail = await node.get(f"/api/v1/movies/{found['id']}")
    assert {one["name"] for one in detail["lists"]} == {"Popular movies", "Top rated movies", "Trending movies"}
    assert [one["title"] for one in (await node.get("/api/v1/movies?search=symphonie+grauens"))["items"]] == [
        "Nosferatu"
    ]
    horror = (await node.get("/api/v1/movies?genre=Horror&order=title&limit=1000"))["items"]
    assert len(horror) > 10
    assert all("Horror" in one["genres"] for one in horror)
    assert [one["title"].lower() for one in horror] == sorted(one["title"].lower() for one in horror)
    assert (await node.get("/api/v1/movies?search=100%25"))["items"] == []
    first = await node.get("/api/v1/movies?limit=40&order=newest")
    second = await node.get(f"/api/v1/movies?limit=40&order=newest&cursor={first['next']}")
    assert len({one["id"] for one in first["items"] + second["items"]}) == 62
    assert second["next"] is None
    harbour = (await node.get("/api/v1/shows?search=harbour"))["items"][0]
    detail = await node.get(f"/api/v1/shows/{harbour['id']}")
    assert len(detail["seasons"]) == 26
    assert detail["seasons"][0]["episodes"][0]["name"] == "Chapter 1"
    assert (await node.http.get("/api/v1/movies/99999")).status_code == 404
    assert (await node.http.get("/api/v1/shows/0")).status_code in {404, 422}


async def lists_over_the_api(node: Node, world: World) -> None:
    values = {
        "name": "Westerns",
        "medium": "movie",
        "path": "discover/movie",
        "params": {"with_genres": "37"},
        "wanted": True,
    }
    made = await node.post("/api/v1/lists", values)

    async def read() -> bool:
        found = {one["name"]: one for one in (await node.get("/api/v1/lists"))["items"]}
        return bool(found["Westerns"]["size"] == 2)

    await until(read)
    assert len((await node.get("/api/v1/movies?wanted=true"))["items"]) == 2
    assert [one["title"] for one in (await node.get(f"/api/v1/movies?list={made['id']}&order=rank"))["items"]]
    assert (await node.http.post("/api/v1/lists", json=values)).status_code == 409
    assert (await node.http.post("/api/v1/lists", json={**values, "name": "x", "path": "account/1"})).status_code == 422
    would = (await node.http.delete(f"/api/v1/lists/{made['id']}?dry_run=true")).json()
    assert would == {"name": "Westerns", "titles": 2, "unwanted": 2, "removed": False}
    assert (await node.http.delete(f"/api/v1/lists/{made['id']}")).json()["removed"]
    assert (await node.get("/api/v1/movies?wanted=true"))["items"] == []
    assert (await node.http.delete(f"/api/v1/lists/{made['id']}")).status_code == 404


async def pages(node: Node) -> None:
    text = (await node.http.get("/movies")).text
    assert "/movies/images/w342/poster-" in text
    assert "This product uses the TMDB API but is not endorsed or certified by TMDB." in text
    assert text.count('<li><a href="/movies/') == 48
    text = (await node.http.get("/movies?after=48")).text
    assert text.count('<li><a href="/movies/') == 14
    assert "No title matches." in (await node.http.get("/movies?q=%3Cscript%3E")).text
    assert "<script>" not in (await node.http.get("/movies?q=%3Cscript%3Ealert")).text.replace("<script src", "")
    (found,) = (await node.get("/api/v1/movies?search=metropolis"))["items"]
    text = (await node.http.get(f"/movies/{found['id']}")).text
    assert "2 h 33 min" in text
    assert "tt0017136" in text
    (found,) = (await node.get("/api/v1/shows?search=night+train"))["items"]
    text = (await node.http.get(f"/shows/{found['id']}")).text
    assert text.count('<details class="season">') == 5
    assert "not complete" in text
    assert (await node.http.get(f"/fragments/shows/{found['id']}")).status_code == 200
    assert "Night Train" in (await node.http.get("/shows?genre=Crime&q=night")).text
    assert (await node.http.get("/movies/123456")).status_code == 404
    picture = await node.http.get("/movies/images/w185/poster-1010.png")
    assert picture.headers["content-type"] == "image/png"
    assert "max-age" in picture.headers["cache-control"]
    same = await node.http.get(
        "/movies/images/w185/poster-1010.png", headers={"If-None-Match": picture.headers["etag"]}
    )
    assert same.status_code == 304
    assert (await node.http.get("/movies/images/w185/..%2F..%2Fsecret.key")).status_code == 404


async def list_page(node: Node) -> None:
    text = (await node.http.get("/movies/lists")).text
    assert "as TMDB has it" in text
    headers = {"HX-Request": "true"}
    form = {"name": "Crime", "path": "discover/movie", "query": "page=2", "pages": "1"}
    answer = await node.http.post("/movies/lists", data=form, headers=headers)
    assert answer.status_code == 422
    assert "page is set by nightcrew" in answer.text.lower()
    answer = await node.http.post("/movies/lists", data={**form, "query": "with_genres=80"}, headers=headers)
    assert answer.status_code == 200
    made = next(one for one in (await node.get("/api/v1/lists"))["items"] if one["name"] == "Crime")
    for action, said in (
        ("want", "is wanted"),
        ("unwant", "no longer"),
        ("pause", "is left"),
        ("resume", "again"),
        ("refresh", "read now"),
    ):
        answer = await node.http.post(f"/movies/lists/{made['id']}/{action}", headers=headers)
        assert said in answer.headers["HX-Trigger"], action
        if action in {"pause", "resume"}:
            row = (await node.http.get("/fragments/movies/lists")).text.partition(f'id="list-{made["id"]}"')[2]
            offers = {one for one in ("pause", "resume") if f"/movies/lists/{made['id']}/{one}" in row}
            assert offers == {"resume" if action == "pause" else "pause"}
    text = (await node.http.get(f"/movies/lists/{made['id']}/remove")).text
    assert "Remove Crime?" in text
    assert (await node.http.post(f"/movies/lists/{made['id']}/remove", headers=headers)).status_code == 204
    assert "Crime" not in {one["name"] for one in (await node.get("/api/v1/lists"))["items"]}
