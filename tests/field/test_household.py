"""What people ask of such a program at home: numbers of their own, smaller tuners, headers, saying what a channel is now.

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
from nightcrew.kernel.clock import utcnow
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.formats.headers import headers_from
from nightcrew.playlists.numbering import Numbering
from nightcrew.playlists.store import sources
from streaming import answers, packets, serving
from support import Node, running


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


class List:
    """One list of a provider, which changes."""

    def __init__(self, node: Node, folder: Path, **more: Any) -> None:
        self.node, self.path, self.more = node, folder / "list.m3u", more
        self.id = 0

    async def gives(self, *entries: str) -> None:
        lines = [f"#EXTINF:-1 {one}\nhttp://192.0.2.1/{one.rpartition(',')[2].replace(' ', '-')}\n" for one in entries]
        self.path.write_text("#EXTM3U\n" + "".join(lines))
        if self.id:
            await self.node.refresh(self.id)
            return
        await self.node.patch("/api/v1/settings", {"shrink_guard": 100})
        source = await self.node.add(kind="m3u", name="L", url=str(self.path), region="DE", **self.more)
        self.id = source["id"]

    async def channels(self, **query: Any) -> list[dict[str, Any]]:
        return list((await self.node.get("/api/v1/channels", params=query))["items"])

    async def numbers(self) -> dict[str, str | None]:
        return {one["name"]: one["number"] for one in await self.channels()}


# -- numbers -----------------------------------------------------------------------------------------------------------


async def test_numbers_from_a_start_stay_with_their_channels(node: Node, tmp_path: Path) -> None:
    given_list = List(node, tmp_path, numbers=["100", "News = 200"])
    await given_list.gives('tvg-chno="7",Ant', ",Bee", 'group-title="News",Cat', 'group-title="x;news",Dog')
    assert await given_list.numbers() == {"Ant": "100", "Bee": "101", "Cat": "200", "Dog": "201"}
    await given_list.gives('group-title="News",Emu', ",Fox", ",Bee", 'group-title="x;news",Dog')
    assert await given_list.numbers() == {"Emu": "202", "Fox": "102", "Bee": "101", "Dog": "201"}
    bee = next(one for one in await given_list.channels() if one["name"] == "Bee")
    await node.patch(f"/api/v1/channels/{bee['id']}", {"number": "5"})
    assert (await given_list.numbers())["Bee"] == "5"
    assert {one["GuideNumber"] for one in await node.get("/lineup.json")} == {"202", "102", "5", "201"}
    await node.patch(f"/api/v1/sources/{given_list.id}", {"numbers": ["10"]})
    await node.settled(await node.get(f"/api/v1/sources/{given_list.id}"))
    assert await given_list.numbers() == {"Emu": "10", "Fox": "11", "Bee": "5", "Dog": "13"}
    await node.patch(f"/api/v1/sources/{given_list.id}", {"numbers": []})
    await node.settled(await node.get(f"/api/v1/sources/{given_list.id}"))
    assert await given_list.numbers() == {"Emu": None, "Fox": None, "Bee": "5", "Dog": None}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "a;b"]), st.none() | st.integers(1, 40)), max_size=30),
    st.none() | st.integers(1, 30),
    st.integers(1, 30),
)
def test_no_number_is_given_twice_and_none_that_was_given_changes(
    rows: list[tuple[str, int | None]], start: int | None, other: int
) -> None:
    taken, known = set[int](), list[tuple[int, str, int | None]]()
    for n, (group, number) in enumerate(rows):
        known.append((n, group, None if number in taken else number))
        taken |= set() if number is None else {number}
    found = Numbering({"a": other}, start).given(known)
    assert len(set(found.values()) | taken) == len(found) + len(taken)
    for n, group, number in known:
        first = other if "a" in group else start
        assert (n in found) == (number is None and first is not None)
        assert n not in found or found[n] >= (first or 0)


def test_regions_of_one_source_share_no_number() -> None:
    assert Numbering({}, 10).given([(1, "", None), (2, "", 12), (3, "", None)], [10, 13]) == {1: 14, 3: 15}


@pytest.mark.parametrize("line", ["", "x", "= 5", "News = ", "1000000000", "-4", "News: 7"])
def test_what_is_no_start_is_refused_with_a_reason(line: str) -> None:
    with pytest.raises(ValueError, match="number"):
        Numbering.of([line])


# -- smaller tuners ----------------------------------------------------------------------------------------------------


async def test_a_region_and_a_group_are_tuners_of_their_own(node: Node, tmp_path: Path) -> None:
    await List(node, tmp_path).gives('group-title="A & B/C",Ant', 'group-title="D;A & B/C",Bee', ",Cat")
    (tmp_path / "other.m3u").write_text("#EXTM3U\n#EXTINF:-1,Dog\nhttp://192.0.2.1/d\n")
    await node.add(kind="m3u", name="O", url=str(tmp_path / "other.m3u"), region="AT")

    async def tuner(base: str) -> tuple[str, list[str]]:
        found = await node.get(f"{base}/discover.json")
        assert found["BaseURL"].endswith(base)
        assert (await node.http.get(f"{base}/lineup_status.json")).status_code == 200
        assert found["DeviceID"] in (await node.http.get(f"{base}/device.xml")).text
        lineup = await node.get(found["LineupURL"].removeprefix(node.url))
        for one in lineup:
            answer = await node.http.get(f"{one['URL']}?transcode=heavy", follow_redirects=False)
            assert answer.headers["location"].startswith("http://192.0.2.1/")
        return found["DeviceID"], [one["GuideName"] for one in lineup]

    bases = {
        "/tuner/of/DE": ["Ant", "Bee", "Cat"],
        "/tuner/of/AT": ["Dog"],
        "/tuner/of/group/A%20%26%20B%2FC": ["Ant", "Bee"],
        "/tuner/of/group/D": ["Bee"],
    }
    found = {base: await tuner(base) for base in bases}
    assert {base: names for base, (_, names) in found.items()} == bases
    whole = await node.get("/discover.json")
    assert len({whole["DeviceID"], *(device for device, _ in found.values())}) == 5
    for wrong in ("/tuner/of/XX", "/tuner/of/group/nothing"):
        for path in ("discover.json", "lineup.json", "device.xml"):
            assert (await node.http.get(f"{wrong}/{path}")).status_code == 404

    token = await node.access.make_token("player", "tv", output="tuner")
    await node.access.set_password("a long password")
    base = f"/tuner/{token}/of/group/D"
    assert [one["GuideName"] for one in (await node.http.get(f"{base}/lineup.json")).json()] == ["Bee"]
    assert (await node.http.get("/tuner/of/group/D/lineup.json")).status_code == 401


# -- a choice, before it is made ---------------------------------------------------------------------------------------


async def test_a_choice_is_shown_before_it_is_made(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "list.m3u"
    entries = [
        f'#EXTINF:-1 group-title="{"News;Top" if n % 3 else "Sport"}",C{n}\nhttp://192.0.2.1/{n}\n' for n in range(9)
    ]
    path.write_text("#EXTM3U\n" + "".join(entries))
    wanted = {"kind": "m3u", "name": "L", "url": str(path), "only": ["group:News"], "without": ["C8"]}
    found = await node.post("/api/v1/sources/preview", wanted)
    assert (found["entries"], found["taken"]) == (9, 5)
    assert {one["group"]: (one["channels"], one["taken"]) for one in found["groups"]} == {
        "News": (6, 5),
        "Top": (6, 5),
        "Sport": (3, 0),
    }
    assert found["names"] == ["C1", "C2", "C4", "C5", "C7"]
    assert found["left_out"] == ["C0", "C3", "C6", "C8"]
    assert (await node.get("/api/v1/sources"))["items"] == []

    page = await node.http.post("/sources/preview", data={"kind": "m3u", "url": str(path), "only": "group:Sport"})
    assert "3 of 9 channels would be taken" in page.text
    broken = await node.http.post("/sources/preview", data={"kind": "m3u", "url": str(path), "only": "/(/"})
    assert "regular expression" in broken.text
    source = await node.add(kind="m3u", name="L", url=str(path), region="DE")
    page = await node.http.post(
        f"/sources/{source['id']}/preview", data={"url": str(path), "films": "on", "without": "C1"}
    )
    assert "8 of 9 channels would be taken" in page.text


# -- a region that nobody has ------------------------------------------------------------------------------------------


async def test_the_locales_of_catalogues_are_no_regions_of_who_has_lists_alone(node: Node, tmp_path: Path) -> None:
    assert [one["region"] for one in (await node.get("/api/v1/regions"))["items"]] == ["DE"]
    (tmp_path / "list.m3u").write_text("#EXTM3U\n#EXTINF:-1,A\nhttp://192.0.2.1/a\n")
    await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), region="HOME")
    assert [one["region"] for one in (await node.get("/api/v1/regions"))["items"]] == ["HOME"]


# -- headers -----------------------------------------------------------------------------------------------------------


async def test_a_person_sets_headers_for_a_source(node: Node, tmp_path: Path) -> None:
    async with serving() as origin:
        lines = f"#EXTM3U\n#EXTINF:-1,A\n{origin.url('/a')}\n#EXTINF:-1,B\n{origin.url('/b')}|Referer=own\n"
        origin.scripts = {
            "/list.m3u": answers(lines.encode(), "audio/x-mpegurl"),
            **dict.fromkeys(["/a", "/b"], answers(packets(7, 200), "video/mp2t")),
        }
        await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
        headers = "Referer: http://portal.example/\nX-Portal: 7, 8\ncookie: id=secretvalue\n"
        source = await node.add(kind="m3u", name="L", url=origin.url("/list.m3u"), region="DE", headers=headers)
        assert "secretvalue" not in str(source) + (await node.http.get(f"/sources/{source['id']}/edit")).text
        for channel in (1, 2):
            await node.http.get(f"/play/{channel}")
        sent = {
            path: {name: of.get(name) for name in ("referer", "x-portal", "cookie")}
            for path, of in zip(origin.asked, origin.headers, strict=True)
        }
        whole = {"referer": "http://portal.example/", "x-portal": "7, 8", "cookie": "id=secretvalue"}
        assert sent == {"/list.m3u": whole, "/a": whole, "/b": whole | {"referer": "own"}}


async def test_a_login_in_a_header_goes_to_the_source_s_own_host_alone(node: Node, tmp_path: Path) -> None:
    async with serving() as origin:
        there = origin.url("/a").replace("127.0.0.1", "localhost")
        origin.scripts = {
            "/list.m3u": answers(f"#EXTM3U\n#EXTINF:-1,A\n{there}\n".encode(), "audio/x-mpegurl"),
            "/a": answers(packets(7, 200), "video/mp2t"),
        }
        await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
        headers = "Authorization: Bearer abcdefgh\nX-Portal: 7"
        await node.add(kind="m3u", name="L", url=origin.url("/list.m3u"), region="DE", headers=headers)
        await node.http.get("/play/1")
        assert [(one.get("authorization"), one.get("x-portal")) for one in origin.headers] == [
            ("Bearer abcdefgh", "7"),
            (None, "7"),
        ]


async def test_headers_stay_when_nothing_is_typed_and_go_when_a_person_says_so(node: Node, tmp_path: Path) -> None:
    (tmp_path / "list.m3u").write_text("#EXTM3U\n#EXTINF:-1,A\nhttp://192.0.2.1/a\n")
    source = await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), headers="X-Portal: 7")

    async def stored() -> str:
        return str((await sources.get(node.runtime.store, node.runtime.vault, source["id"])).config["headers"])

    for typed, kept in (("", "X-Portal: 7"), ("-", ""), ("X-Portal: 8", "X-Portal: 8")):
        await node.patch(f"/api/v1/sources/{source['id']}", {"headers": typed})
        assert await stored() == kept


@pytest.mark.parametrize("text", ["no colon", "Host: x", "A B: c", "X: a\x00b", "X:", "Range: bytes=0-"])
def test_a_header_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="header"):
        headers_from(text)


# -- what a channel is now ---------------------------------------------------------------------------------------------


async def test_a_person_says_which_channel_one_is_now(any_node: Node, tmp_path: Path) -> None:
    """The list has another name, address and group for it, which nobody can know for certain."""
    node = any_node
    mine = List(node, tmp_path)
    await mine.gives('group-title="A",Larks of the North', ",Kite", ",Heron")
    lark = next(one for one in await mine.channels() if one["name"] == "Larks of the North")
    await node.patch(f"/api/v1/channels/{lark['id']}", {"number": "7", "name": "My larks"})
    await mine.gives('group-title="B",Northern larks', ",Kite", ",Heron")
    assert sorted(one["name"] for one in await mine.channels()) == ["Heron", "Kite", "Northern larks"]
    (gone,) = await mine.channels(gone=True)
    assert (gone["id"], gone["name"]) == (lark["id"], "My larks")
    assert "No longer listed" in (await node.http.get("/channels?show=gone")).text
    assert "It is this one" in (await node.http.get(f"/channels/{lark['id']}")).text

    first, *others = (await node.get(f"/api/v1/channels/{lark['id']}/successors"))["items"]
    assert first["name"] == "Northern larks"
    answer = await node.http.post(f"/api/v1/channels/{others[0]['id']}/adopt", json={"channel": first["id"]})
    assert answer.status_code == 409, "that one is listed"
    adopted = await node.post(f"/api/v1/channels/{lark['id']}/adopt", {"channel": first["id"]})
    assert (adopted["id"], adopted["name"], adopted["number"], adopted["group"]) == (lark["id"], "My larks", "7", "B")
    assert [one["url"] for one in adopted["streams"]] == ["http://192.0.2.1/Northern-larks"]
    assert await mine.channels(gone=True) == []
    assert (await node.http.get(f"/api/v1/channels/{first['id']}")).status_code == 404

    await mine.gives('group-title="B",Northern larks', ",Kite", ",Heron", 'group-title="A",Larks of the North')
    names = {one["name"]: one["id"] for one in await mine.channels()}
    assert names["My larks"] == lark["id"]
    assert names["Larks of the North"] != lark["id"], "it is another one now"
    await mine.gives('group-title="B",Northern larks!', ",Kite")
    assert {one["name"]: one["id"] for one in await mine.channels()}["My larks"] == lark["id"]


async def test_what_was_recognised_under_another_name_is_told(node: Node, tmp_path: Path) -> None:
    mine = List(node, tmp_path)
    await mine.gives(",Kite", ",Heron", 'group-title="A",Wren')
    mine.path.write_text(
        "#EXTM3U\n#EXTINF:-1,Kite TV\nhttp://192.0.2.1/Kite\n#EXTINF:-1,Heron\nhttp://192.0.2.1/Heron\n"
        '#EXTINF:-1 group-title="B",Wren\nhttp://192.0.2.1/Wren\n'
    )
    await node.refresh(mine.id)
    (entry,) = (await node.get("/api/v1/activity", params={"kind": "playlist.recognised"}))["items"]
    assert "Kite → Kite TV" in entry["message"]
    assert "Wren (another group)" in entry["message"]
    assert "Heron" not in entry["message"]


async def test_the_page_offers_guide_ids_that_are_like_the_name(node: Node, tmp_path: Path) -> None:
    await List(node, tmp_path).gives(",Northern Larks HD", 'tvg-id="odd",Kite')
    names = {"larks.no": "Larks, Northern", "kite.1": "The Kite Channel", "n": "Northern Lights", "o": "Other"}
    channels = "".join(
        f'<channel id="{one}"><display-name>{name}</display-name></channel>' for one, name in names.items()
    )
    (tmp_path / "g.xml").write_text(
        f'<tv>{channels}<programme start="{utcnow():%Y%m%d%H%M%S}" channel="n"><title>x</title></programme></tv>'
    )
    await node.add(kind="guide", name="G", url=str(tmp_path / "g.xml"))
    found = (await node.get("/api/v1/guide-channels", params={"q": "Northern Larks HD"}))["items"]
    assert [one["guide_id"] for one in found] == ["larks.no", "n"]
    shown = (await node.http.get("/fragments/guide-channels?name=Kite&guide_id=odd")).text
    assert 'value="kite.1"' in shown
    assert "No guide has the ID odd, or this name" in (await node.http.get("/channels/2")).text
