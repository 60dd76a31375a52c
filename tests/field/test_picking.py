"""Films, foreign groups and what else a household does not want of a list: left out at import, for each source.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel import upkeep
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.picking import Picks, is_film, test_of
from nightcrew.playlists.rules import ListEntry
from support import Node, running

test_of.__test__ = False  # type: ignore[attr-defined] - no test, as its name has it
LISTED = [
    ("Wren", "Live", "http://192.0.2.1/live/u/p/1.ts"),
    ("Some Film (2020)", "Movies", "http://192.0.2.1/movie/u/p/2.mkv"),
    ("Some Show S01 E01", "Series", "http://192.0.2.1/series/u/p/3.mp4"),
    ("Lark HD", "UK | News", "http://192.0.2.1/live/u/p/4.ts"),
    ("Lark 4K", "UK | Sport", "http://192.0.2.1/live/u/p/5.ts"),
]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


def written(folder: Path, listed: list[tuple[str, str, str]]) -> str:
    path = folder / "list.m3u"
    path.write_text("#EXTM3U\n" + "".join(f'#EXTINF:-1 group-title="{g}",{n}\n{url}\n' for n, g, url in listed))
    return str(path)


async def names(node: Node) -> set[str]:
    return {one["name"] for one in (await node.get("/api/v1/channels"))["items"]}


@pytest.mark.parametrize(
    ("picks", "kept"),
    [
        ({}, {"Wren", "Some Film (2020)", "Some Show S01 E01", "Lark HD", "Lark 4K"}),
        ({"films": False}, {"Wren", "Lark HD", "Lark 4K"}),
        ({"only": ["group:live"]}, {"Wren"}),
        ({"only": ["group:UK | *"], "without": ["4k"]}, {"Lark HD"}),
        (
            {"without": ["[HD]", "group:[a-z]*"]},
            {"Wren", "Some Film (2020)", "Some Show S01 E01", "Lark HD", "Lark 4K"},
        ),
        ({"only": ["lark ?D", "wren"]}, {"Wren", "Lark HD"}),
        ({"only": ["/^UK .* / Lark/"]}, {"Lark HD", "Lark 4K"}),
        ({"without": ["/^(Movies|Series) /"]}, {"Wren", "Lark HD", "Lark 4K"}),
    ],
)
async def test_a_source_gives_what_is_wanted_of_it(
    node: Node, tmp_path: Path, picks: dict[str, Any], kept: set[str]
) -> None:
    await node.add(kind="m3u", name="L", url=written(tmp_path, LISTED), region="X", **picks)
    assert await names(node) == kept


async def test_another_choice_counts_at_once_and_is_not_held_back_as_a_loss(node: Node, tmp_path: Path) -> None:
    """The list itself has not changed, and two thirds of its channels go: a person wants it so. Coming back they are the same."""
    source = await node.add(kind="m3u", name="L", url=written(tmp_path, LISTED), region="X")
    before = {one["name"]: one["id"] for one in (await node.get("/api/v1/channels"))["items"]}
    await node.patch(f"/api/v1/sources/{source['id']}", {"only": ["wren"]})
    (ended,) = await node.refresh(source["id"])
    assert ended["result"]["outcome"] in {"applied", "unchanged"}, (
        "a change is refreshed by itself too, and may have come first"
    )
    assert await names(node) == {"Wren"}
    assert (await node.refresh(source["id"]))[0]["result"]["outcome"] == "unchanged"
    await node.patch(f"/api/v1/sources/{source['id']}", {"only": []})
    await node.refresh(source["id"])
    assert {one["name"]: one["id"] for one in (await node.get("/api/v1/channels"))["items"]} == before


async def test_a_choice_and_a_list_cut_short_at_once_are_held_back(node: Node, tmp_path: Path) -> None:
    many = [(f"K{n}", "Live", f"http://192.0.2.1/{n}.ts") for n in range(40)]
    source = await node.add(kind="m3u", name="L", url=written(tmp_path, many), region="X")
    written(tmp_path, many[:5])
    await node.patch(f"/api/v1/sources/{source['id']}", {"only": ["k"]})
    (ended,) = await node.refresh(source["id"])
    assert ended["result"]["outcome"] == "held"
    assert len(await names(node)) == 40


async def test_a_choice_that_leaves_nothing_is_held_back(node: Node, tmp_path: Path) -> None:
    source = await node.add(kind="m3u", name="L", url=written(tmp_path, LISTED), region="X")
    await node.patch(f"/api/v1/sources/{source['id']}", {"only": ["no such thing"]})
    (ended,) = await node.refresh(source["id"])
    assert ended["result"]["outcome"] == "held"
    assert len(await names(node)) == 5


async def test_films_stay_away_from_the_tuner(node: Node, tmp_path: Path) -> None:
    await node.add(kind="m3u", name="L", url=written(tmp_path, LISTED), region="X")
    assert {one["GuideName"] for one in await node.get("/lineup.json")} == {"Wren", "Lark HD", "Lark 4K"}


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("/(/", "no regular expression"),
        ("/(a+)+b/", "for ever"),
        ("/.*.*.*.*x/", "for ever"),
        ("/((a*)b)*/", "for ever"),
        ("/(?:a|a)*b/", "for ever"),
        ("/(?:a{1,100}){1,100}b/", "for ever"),
        ("/(?:a?){150}b/", "for ever"),
        ("/a{99999999999}/", "no regular expression"),
        (r"/(a)\1+/", "for ever"),
        ("x" * 201, "characters"),
    ],
)
async def test_a_pattern_that_cannot_be_used_says_why(node: Node, tmp_path: Path, pattern: str, word: str) -> None:
    body = {"kind": "m3u", "name": "L", "url": written(tmp_path, LISTED), "without": [pattern]}
    answer = await node.http.post("/api/v1/sources", json=body)
    assert answer.status_code in {400, 422}
    assert word in answer.text


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_pattern_or_says_that_it_is_none(pattern: str, name: str, group: str) -> None:
    try:
        test = test_of(pattern)
    except ValueError:
        return
    assert test(name, group) in {True, False}


@given(st.text(max_size=30).filter(lambda text: text.strip() and "/" not in text and "*" not in text))
def test_a_name_is_a_pattern_of_itself(name: str) -> None:
    if name.strip().casefold().startswith("group:"):
        return
    assert Picks(only=(name,)).keeps(ListEntry(f"a {name.strip()} b", "http://192.0.2.1/1"))


@pytest.mark.parametrize(
    ("url", "film"),
    [
        ("http://h/movie/u/p/2.mkv", True),
        ("http://h/series/u/p/3", True),
        ("http://h/a/film.MP4?token=1", True),
        ("http://h/live/u/p/1.ts", False),
        ("http://h/moviechannel/1.m3u8", False),
        ("http://h/play?x=a.mkv", False),
    ],
)
def test_films_are_known_by_their_addresses(url: str, film: bool) -> None:
    assert is_film(url) is film


async def test_the_form_keeps_what_was_chosen_and_what_it_never_was_asked(node: Node, tmp_path: Path) -> None:
    """A source that is older than these fields takes everything, also after an edit on the page."""
    source = await node.add(kind="m3u", name="L", url=written(tmp_path, LISTED), region="X")
    page = (await node.http.get(f"/sources/{source['id']}/edit")).text
    films = next(line for line in page.splitlines() if 'name="films"' in line)
    assert "checked" in films
    form = {"name": "L", "url": written(tmp_path, LISTED), "region": "X", "max_streams": "0", "films": "on"}
    answer = await node.http.post(
        f"/sources/{source['id']}/edit", data={**form, "only": "wren\n\n[HD]\n", "without": "", "user_agent": ""}
    )
    assert answer.status_code < 400, answer.text
    page = (await node.http.get(f"/sources/{source['id']}/edit")).text
    assert "wren" in page
    assert "HD]" in page
    await node.refresh(source["id"])
    assert await names(node) == {"Wren"}
