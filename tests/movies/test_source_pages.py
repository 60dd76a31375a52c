"""What people and scripts see of sources and tasks, and what they may type."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from nightcrew import app
from nightcrew.demo.world import World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import DatabaseAway
from nightcrew.movies import tally
from nightcrew.movies.sources import judging
from nightcrew.movies.sources.models import SourceState
from nightcrew.movies.store import samples
from nightcrew.movies.tally import Task, TaskTally
from reels import Reels
from support import Node, running

ONE, TWO = (hashlib.sha1(name).hexdigest() for name in (b"one", b"two"))


@pytest.fixture
async def node(tmp_path: Path) -> Node:  # type: ignore[misc]
    """A node that works, with nothing connected."""
    async with running(tmp_path / "data") as made:
        yield made


async def furnished_film(node: Node) -> tuple[Reels, int]:
    """A film with a checked source and a refused one."""
    made = Reels(node.runtime, World(live=False))
    film = await made.film(title='<b>"Bunny" & friends</b>')
    await made.add(film, [ONE], unfit="")
    await made.add(film, [TWO], state=SourceState.REFUSED, reason="<script>alert(1)</script>", stats_due_at=None)
    await judging.choose(node.runtime, [film])
    return made, film


async def test_a_film_and_its_sources_for_scripts(node: Node) -> None:
    made, film = await furnished_film(node)
    answer = await node.get(f"/api/v1/movies/{film}/sources")
    assert answer["wanted"]
    assert {one["hash"] for one in answer["sources"]} == {ONE, TWO}
    assert all(one["parts"] for one in answer["sources"] if one["state"] == "verified")
    assert answer["searches"] == []
    bad = next(one for one in answer["sources"] if one["state"] == "refused")
    accepted = await node.post(f"/api/v1/movies/sources/{bad['id']}/accept")
    assert accepted["state"] != "refused"
    refused = await node.post(f"/api/v1/movies/sources/{bad['id']}/refuse")
    assert (refused["state"], refused["stats_due_at"]) == ("refused", None)
    await node.post(f"/api/v1/movies/{film}/unwant")
    assert not (await made.entry(film)).wanted
    await node.post(f"/api/v1/movies/{film}/search")
    assert (await made.entry(film)).wanted


async def test_the_pages_show_them_and_nothing_that_was_offered_is_taken_as_markup(node: Node) -> None:
    _, film = await furnished_film(node)
    for path in (f"/movies/{film}", f"/fragments/movies/{film}/sources", "/movies/tasks", "/fragments/movies/tasks"):
        answer = await node.http.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
        assert "<b>&#34;" not in answer.text
        assert '<b>"Bunny"' not in answer.text
    assert "Big.Buck.Bunny.2008" in (await node.http.get(f"/fragments/movies/{film}/sources")).text
    assert "Movie source search" in (await node.http.get("/movies/tasks")).text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/movies/999999/search", None, 404),
        ("/api/v1/movies/999999/unwant", None, 404),
        ("/api/v1/movies/sources/999999/refuse", None, 404),
        ("/api/v1/movies/sources/999999/accept", None, 404),
        ("/api/v1/movies/0/search", None, 422),
        ("/api/v1/movies/99999999999999999999/search", None, 422),
        ("/api/v1/movies/one/search", None, 422),
        ("/api/v1/movies/profiles/None/formats", {"formats": [{}]}, 404),
        ("/api/v1/movies/profiles/HD/formats", {"formats": [{"name": "a"}]}, 404),
        ("/api/v1/movies/profiles/HD/formats", {"formats": []}, 422),
        ("/api/v1/movies/profiles/HD/formats", {"formats": [{}], "more": 1}, 422),
    ],
)
async def test_what_does_not_exist_or_cannot_be_read_is_said(node: Node, path: str, body: object, status: int) -> None:
    answer = await node.http.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text


async def test_profiles_are_made_changed_and_removed(node: Node) -> None:
    preset = next(one for one in (await node.get("/api/v1/movies/profiles"))["items"] if one["name"] == "HD")
    assert preset["in_use"]
    assert (await node.http.put("/api/v1/movies/profiles/HD", json=preset["body"])).status_code == 422
    made = await node.http.put("/api/v1/movies/profiles/Mine", json=preset["body"])
    assert made.status_code == 200, made.text
    assert (await node.http.put("/api/v1/movies/profiles/a%3Cb", json=preset["body"])).status_code == 422
    bad = await node.post("/api/v1/movies/profiles/Mine/formats", {"formats": [{"name": "Broken"}]})
    assert bad["taken"] == []
    assert len(bad["refused"]) == 1
    await node.patch("/api/v1/settings", {"movies.quality_profile": "Mine"})
    assert (await node.http.delete("/api/v1/movies/profiles/Mine")).status_code == 409
    await node.patch("/api/v1/settings", {"movies.quality_profile": "HD"})
    assert (await node.http.delete("/api/v1/movies/profiles/Mine")).status_code == 204
    assert (await node.http.delete("/api/v1/movies/profiles/Mine")).status_code == 404


async def test_tasks_say_what_they_did_and_what_waits(node: Node) -> None:
    made = Reels(node.runtime, World(live=False))
    film = await made.film()
    await made.add(film, [ONE], stats_due_at=utcnow() + timedelta(days=1), resync_due_at=utcnow() + timedelta(days=1))
    node.runtime.part(TaskTally).done(Task.SEARCH, 3)
    rows = {one["task"]: one for one in (await node.get("/api/v1/movies/tasks"))["items"]}
    assert [one["done"] for one in rows["search"]["samples"]] == [3], "also before it is stored"
    await tally.sample(node.runtime)
    rows = {one["task"]: one for one in (await node.get("/api/v1/movies/tasks"))["items"]}
    assert len(rows) == 7
    assert [one["done"] for one in rows["search"]["samples"]] == [3]
    assert (await node.http.get("/api/v1/movies/tasks?hours=0")).status_code == 422


async def test_what_cannot_be_stored_now_is_stored_with_the_next_sample(
    small_reel: Reels, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, since = small_reel.node, utcnow() - timedelta(minutes=1)
    node.part(TaskTally).done(Task.FILES, 2)
    add = samples.add

    async def away(*_: object) -> None:
        node.part(TaskTally).done(Task.FILES)
        raise DatabaseAway("the database is away")

    monkeypatch.setattr(samples, "add", away)
    with pytest.raises(DatabaseAway):
        await tally.sample(node)
    monkeypatch.setattr(samples, "add", add)
    await tally.sample(node)
    assert [one.done for one in (await samples.since(node.store, since))["files"]] == [3]
    assert node.part(TaskTally).since_the_last(Task.FILES) == (0, 0)


async def test_where_nothing_goes_on_the_same_is_stored_once(small_reel: Reels) -> None:
    node = small_reel.node
    node.part(TaskTally).done(Task.FILES)
    now = utcnow() - timedelta(minutes=1)
    times = []
    for _ in range(3):
        await tally.sample(node)
        times.append(len((await samples.since(node.store, now)).get("files", [])))
        async with node.store.write() as connection:
            await connection.exec_driver_sql("UPDATE movie_task_sample SET at = datetime(at, '-1 second') || '.000000'")
    assert times == [1, 2, 2]
    once = {task: len(rows) for task, rows in (await samples.since(node.store, now)).items() if task != "files"}
    assert set(once.values()) <= {1}, "what waits for a service that is not connected"


async def test_a_node_at_rest_with_nothing_connected_looks_for_nothing(node: Node) -> None:
    workers = {name: one for name, one in node.runtime.schedule.workers.items() if name.startswith("movies.")}
    names = {f"movies.{one}" for one in ("search", "files", "stats", "resync", "seasons", "sync", "lists", "samples")}
    assert names <= workers.keys()
    for name in names - {"movies.samples"}:
        for tick in app.DOMAINS:
            for one in tick.ticks:
                if one.name == name:
                    assert one.next_at is not None, name
                    at = await one.next_at(node.runtime)
                    assert at is None or at > utcnow() + timedelta(seconds=50), (name, at)
                    assert one.steady, name
