"""Pages and the API of downloads and of quality profiles, in a node that works."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from handing import FAKE, FILM, GOOD, SECOND, furnish_films
from nightcrew.demo import downloaders, torrents
from nightcrew.demo.downloads import DownloadPlan
from nightcrew.demo.world import World
from nightcrew.kernel.errors import Invalid
from nightcrew.movies.handover import commands as handover_commands
from nightcrew.movies.handover.rows import GiveUpJson
from nightcrew.movies.quality import profile_actions, taste
from nightcrew.movies.releases import custom_formats
from nightcrew.movies.releases.profile import PRESETS, FormatScore
from nightcrew.movies.store import profiles, searches, sources
from reels import rescored
from support import Node, running, until

HX = {"HX-Request": "true"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(live=False, services=(downloaders.routes,)) as made:
        made.downloads.library = {torrents.hash_of(one): one for one in (GOOD, SECOND, FAKE)}
        made.downloads.usual = DownloadPlan(metadata=0.0, seconds=10_000.0)
        yield made


@pytest.fixture
async def node(world: World, tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data") as made:
        await furnish_films(made.runtime, GOOD, FAKE)
        await searches.want_now(made.runtime.store, FILM, [])
        best = (await sources.of_movie(made.runtime.store, FILM))[0]
        await sources.set_best(made.runtime.store, FILM, since=None, best=best.id)
        yield made


async def page(node: Node, path: str) -> str:
    answer = await node.http.get(path)
    assert answer.status_code == 200, answer.text[:300]
    return re.sub(r"\s+", " ", answer.text)


async def send(node: Node, path: str, status: int = 204, **typed: Any) -> str:
    answer = await node.http.post(path, data={name: str(value) for name, value in typed.items()}, headers=HX)
    assert answer.status_code == status, answer.text[:300]
    return re.sub(r"\s+", " ", answer.text)


async def newest(node: Node) -> dict[str, Any]:
    return dict((await node.get("/api/v1/handovers"))["items"][0])


async def test_a_download_from_its_button_to_its_end_on_pages(node: Node, world: World) -> None:
    part = f"/fragments/movies/{FILM}/sources"
    assert "No download client is connected" in await page(node, part)
    assert "No download client is connected" in await page(node, "/movies/downloads")
    assert (await node.get("/api/v1/movies/fetch-plan"))["client"] is None
    await node.post("/api/v1/connections", world.cinema()["qbittorrent"])
    shown = await page(node, part)
    assert "Fetch with Demo downloads" in shown
    assert 'name="client"' not in shown, "there is nothing to choose"
    plan = await node.get("/api/v1/movies/fetch-plan")
    assert (plan["on"], plan["client"]) == (False, "Demo downloads")
    assert [(one["movie"], one["at"]) for one in plan["items"]] == [("Nosferatu (1922)", None)]
    fake = next(one for one in await sources.of_movie(node.runtime.store, FILM) if one.swarm == torrents.hash_of(FAKE))

    await send(node, f"/movies/{FILM}/fetch", source=fake.id)
    await until(lambda: _state(node, "failed"), 60)
    part = f"/fragments/movies/{FILM}/handover"
    shown = await page(node, part)
    assert "Allow again" in shown
    assert fake.title in shown
    await until(lambda: _state(node, "downloading"), 60)  # the next one was taken by itself
    going = await newest(node)
    shown = await page(node, part)
    assert "Give up" in shown
    assert "Demo downloads" in shown
    assert "being fetched" in await page(node, f"/fragments/movies/{FILM}/sources")
    assert f'id="download-{going["id"]}"' in await page(node, "/movies/downloads")
    await send(node, f"/movies/{FILM}/allow", title=fake.title)
    assert (await node.get(f"/api/v1/movies/{FILM}/blocked"))["items"] == []
    await send(node, f"/movies/{FILM}/allow", 404, title=fake.title)

    asked = await page(node, f"/movies/handovers/{going['id']}/give-up")
    assert "is removed at the client" in asked
    assert world.downloads.rows, "a dry run changes nothing"
    dry = await node.get(f"/api/v1/handovers/{going['id']}/give-up")
    assert dry["removed"] in {"entry", "all"}
    await send(node, f"/movies/handovers/{going['id']}/give-up")
    await until(lambda: not world.downloads.rows)
    assert (await newest(node))["state"] == "replaced"
    await send(node, f"/movies/handovers/{going['id']}/give-up", 409)
    assert (await node.get("/api/v1/movies/fetch-plan"))["items"] == [], "who gave it up decides"


async def _state(node: Node, state: str) -> bool:
    return state in {one["state"] for one in (await node.get("/api/v1/handovers"))["items"]}


async def test_with_several_clients_a_person_chooses_one(node: Node, world: World) -> None:
    for name in ("First", "Second"):
        await node.post("/api/v1/connections", world.cinema()["qbittorrent"] | {"name": name})
    shown = await page(node, f"/fragments/movies/{FILM}/sources")
    numbers = dict(re.findall(r'<option value="(\d+)">(First|Second)</option>', shown))
    assert sorted(numbers.values()) == ["First", "Second"]
    second = next(number for number, name in numbers.items() if name == "Second")
    source = (await sources.of_movie(node.runtime.store, FILM))[0]
    for wrong in ("x", "0", "-1", "1.0", "1" * 20, f"{second}{'0' * 30}", "9" * 19, "9" * 5_000, "²"):
        await send(node, f"/movies/{FILM}/fetch", 422, source=source.id, client=wrong)
    await send(node, f"/movies/{FILM}/fetch", 404, source=source.id, client=99_999)
    await send(node, f"/movies/{FILM}/fetch", source=source.id, client=second)
    assert (await newest(node))["client"] == int(second)


async def test_without_a_client_the_page_of_a_film_promises_nothing(node: Node) -> None:
    await node.patch("/api/v1/settings", {"movies.fetch": True})
    shown = await page(node, f"/fragments/movies/{FILM}/handover")
    assert "It is not fetched by itself: no download client is connected." in shown
    assert "<time" not in shown


@pytest.mark.parametrize(
    ("shared", "words"),
    [(["Faust"], "Faust needs the same"), (["Faust", "Metropolis"], "Faust, Metropolis need the same")],
)
def test_the_command_names_who_needs_a_torrent_too(shared: list[str], words: str) -> None:
    found: GiveUpJson = {"title": "Nosferatu", "removed": "none", "got": 0, "shared": shared, "why": ""}
    assert words in handover_commands._giving_up(found)


async def test_a_film_is_fetched_by_itself_once_the_setting_says_so(node: Node, world: World) -> None:
    await node.post("/api/v1/connections", world.cinema()["qbittorrent"])
    await node.patch("/api/v1/settings", {"movies.fetch": True})
    assert "is fetched by itself <time" in await page(node, f"/fragments/movies/{FILM}/handover")
    (planned,) = (await node.get("/api/v1/movies/fetch-plan"))["items"]
    assert planned["at"]
    await node.patch("/api/v1/settings", {"movies.fetch_delay": 0})
    await until(lambda: _state(node, "downloading"), 60)
    assert (await newest(node))["source_id"] == planned["source_id"]


async def test_a_film_that_a_person_has_fetched_is_not_said_to_be_fetched_by_itself(node: Node, world: World) -> None:
    world.downloads.usual = DownloadPlan(metadata=0.0, seconds=0.0)
    await node.post("/api/v1/connections", world.cinema()["qbittorrent"])
    await node.patch("/api/v1/settings", {"movies.fetch": True})
    await node.post(f"/api/v1/movies/{FILM}/handover", {})
    await until(lambda: _state(node, "done"), 60)
    assert "by itself" not in await page(node, f"/fragments/movies/{FILM}/handover")
    assert 'class="main"' not in await page(node, f"/fragments/movies/{FILM}/sources"), "there is no hurry"
    assert (await node.get("/api/v1/movies/fetch-plan"))["items"] == []


# -- quality profiles --------------------------------------------------------------------------------------------------

TYPED = {
    "name": "Mine",
    "resolutions": "1080p\n2160p",
    "sources": "web-dl\nBlu-ray",
    "sizes": "1080p: 1 2 3",
    "languages": "de",
    "languages_required": "",
    "seeds_least": "3",
    "seeds_per_gb": "0,5",
}
FORMAT = {
    "name": "Colour",
    "trash_scores": {"default": 40},
    "specifications": [
        {
            "name": "colour",
            "implementation": "ReleaseTitleSpecification",
            "negate": False,
            "required": True,
            "fields": {"value": "colou?r"},
        }
    ],
}


async def profile(node: Node, name: str) -> dict[str, Any]:
    return next(one for one in (await node.get("/api/v1/movies/profiles"))["items"] if one["name"] == name)


async def test_a_profile_is_copied_changed_used_and_removed_on_its_page(node: Node) -> None:
    shown = await page(node, "/movies/quality")
    assert "in use" in shown
    assert "Resolution: 2160p, 1080p" in shown
    await page(node, "/movies/quality/copy?name=HD")
    await send(node, "/movies/quality/copy?name=HD", 200, **TYPED)
    body = (await profile(node, "Mine"))["body"]
    assert (body["resolutions"], body["sources"]) == ([1080, 2160], ["webdl", "bluray"])
    assert body["sizes"]["1080"] == {"least": 1.0, "ideal": 2.0, "most": 3.0}
    assert body["sizes"]["576"]["ideal"] == 12.0, "what the form does not show stays"
    assert "720" not in body["sizes"], "its line was removed"
    assert (body["languages"], body["seeds_least"], body["seeds_per_gb"]) == (["de"], 3, 0.5)
    assert "already" in await send(node, "/movies/quality/copy?name=HD", 422, **TYPED)
    await send(
        node, "/movies/quality/edit?name=Mine", 200, **TYPED | {"name": "Other", "languages": "", "seeds_least": ""}
    )
    body = (await profile(node, "Mine"))["body"]
    assert body["languages"] == []
    assert body["seeds_least"] == 0
    await send(node, "/movies/quality/use?name=Mine")
    assert (await profile(node, "Mine"))["in_use"]
    await rescored(node.runtime)
    source = (await sources.of_movie(node.runtime.store, FILM))[0]
    why = {name: words for name, _, words in source.parts}
    assert why["source"].endswith("number 2 of 2"), "all sources were judged by it"
    await send(node, "/movies/quality/remove?name=Mine", 409)
    await send(node, "/movies/quality/use?name=HD")
    assert "Remove Mine?" in await page(node, "/movies/quality/remove?name=Mine")
    await send(node, "/movies/quality/remove?name=Mine")
    assert "Mine" not in await page(node, "/movies/quality")


WRONG = (
    ("name", "a/b", ""),
    ("name", "HD", "already"),
    ("resolutions", "1080p\nlarge", "“large” is no resolution"),
    ("resolutions", "1081p", "not known: 1081"),
    ("resolutions", "", "required|at least 1"),
    ("sources", "Blu-ray\nbluray", "twice"),
    ("sources", "Somewhere", "“Somewhere” is not known"),
    ("sizes", "1080p: 3 2 1", "that rise"),
    ("sizes", "1080p: many", "three numbers"),
    ("languages", "german", "“german” is no language"),
    ("seeds_least", "-1", "greater|least 0"),
)


async def test_what_is_wrong_with_a_profile_stands_in_its_form(node: Node) -> None:
    for field, value, words in WRONG:
        shown = await send(node, "/movies/quality/copy?name=HD", 422, **TYPED | {field: value})
        assert 'class="error"' in shown or 'role="alert"' in shown, field
        assert re.search(words, shown), field
        assert value.split("\n")[-1] in shown, "what was typed stands there still"
    assert len((await node.get("/api/v1/movies/profiles"))["items"]) == 5


async def test_custom_formats_are_taken_all_or_none(node: Node) -> None:
    await node.post("/api/v1/movies/profiles/HD/copy", {"name": "Mine"})
    assert (await node.http.post("/api/v1/movies/profiles/HD/copy", json={"name": "Mine"})).status_code == 409
    address = "/movies/quality/formats?name=Mine"
    await send(node, "/movies/quality/formats?name=HD", 409, formats="{}")
    assert "Custom formats of Mine" in await page(node, address)
    for wrong, words in (("{", "no JSON"), ("[]", "list"), ("3", "list"), ("", "required")):
        assert words in await send(node, address, 422, formats=wrong)
    broken = {**FORMAT, "name": "Broken", "specifications": []}
    assert "Broken" in await send(node, address, 422, formats=json.dumps([FORMAT, broken]))
    assert (await profile(node, "Mine"))["body"]["formats"] == []
    await send(node, address, 200, formats=json.dumps(FORMAT))
    found = await profile(node, "Mine")
    assert found["body"]["formats"] == [{"name": "Colour", "score": 40}]
    assert "Custom formats: 1" in found["words"]
    await node.post("/api/v1/movies/profiles/Mine/copy", {"name": "Other"})
    assert (await profile(node, "Other"))["body"]["formats"] == found["body"]["formats"]
    used = await node.post("/api/v1/movies/profiles/Other/use")
    assert used["in_use"]
    assert (await node.http.post("/api/v1/movies/profiles/Nothing/use")).status_code == 404


async def test_a_format_whose_name_differs_by_spaces_alone_takes_the_place_of_the_first(node: Node) -> None:
    await node.post("/api/v1/movies/profiles/HD/copy", {"name": "Mine"})
    await node.post("/api/v1/movies/profiles/Mine/use")
    for name, points in (("HDR ", 10), ("HDR ", 20), (" HDR", 30)):
        one = {**FORMAT, "name": name, "trash_scores": {"default": points}}
        found = await node.post("/api/v1/movies/profiles/Mine/formats", {"formats": [one]})
        assert found == {"taken": ["HDR"], "refused": []}
    assert (await profile(node, "Mine"))["body"]["formats"] == [{"name": "HDR", "score": 30}]
    assert (await taste.in_use(node.runtime)).formats[0].name == "HDR", "it can be read"


async def test_more_formats_than_a_profile_may_have_are_not_stored(node: Node) -> None:
    many = [{**FORMAT, "name": f"Colour {number}"} for number in range(custom_formats.MOST_FORMATS)]
    points = tuple(FormatScore(name=str(one["name"]), score=1) for one in many)
    full = PRESETS["HD"].model_copy(update={"formats": points})
    await profile_actions.put(node.runtime, "Mine", full, many, actor="test")
    address = "/movies/quality/formats?name=Mine"
    one = {**FORMAT, "name": "One more"}
    assert "at most 500" in await send(node, address, 422, formats=json.dumps(one))
    answer = await node.http.post("/api/v1/movies/profiles/Mine/formats", json={"formats": [one]})
    assert answer.status_code == 422, answer.text[:300]
    found = await profile(node, "Mine")
    assert len(found["body"]["formats"]) == 500
    await send(node, address, 200, formats=json.dumps(many[0]))  # what is there is replaced


@pytest.mark.parametrize(
    "formats", [[FORMAT, {**FORMAT, "name": " Colour"}], [{**FORMAT, "specifications": []}], [{"name": "Empty"}]]
)
async def test_a_profile_that_could_not_be_read_again_is_not_stored(node: Node, formats: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid, match="formats: "):
        await profile_actions.put(node.runtime, "Mine", PRESETS["HD"], formats, actor="test")
    assert await profiles.get(node.runtime.store, "Mine") is None


async def test_a_profile_that_cannot_be_read_any_more_can_be_entered_again(node: Node) -> None:
    twice = [FORMAT, {**FORMAT, "name": " Colour"}]
    await profiles.put(node.runtime.store, "Mine", taste.body_of(PRESETS["HD"], twice))
    assert (await profile(node, "Mine"))["body"] == {}
    answer = await node.http.put("/api/v1/movies/profiles/Mine", json=PRESETS["HD"].model_dump(mode="json"))
    assert answer.status_code == 200, answer.text[:300]
    assert (await profile(node, "Mine"))["body"]["resolutions"] == [1080, 720]


async def test_a_profile_has_a_name_of_at_most_80_characters_everywhere(node: Node) -> None:
    body = PRESETS["HD"].model_dump(mode="json")
    for length, status in ((80, 200), (81, 422)):
        answer = await node.http.put(f"/api/v1/movies/profiles/{'a' * length}", json=body)
        assert answer.status_code == status, answer.text[:300]
    assert (await node.http.get(f"/movies/quality/copy?name={'a' * 81}")).status_code == 422
    with pytest.raises(Invalid, match="name: "):
        await profile_actions.put(node.runtime, "a" * 81, PRESETS["HD"], actor="test")
    await node.post(f"/api/v1/movies/profiles/{'a' * 80}/use")
