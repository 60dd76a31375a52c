"""Which guide a channel has: ids in other letters, channels that have a name only, shifted ones, what the guide says besides.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.guide_matching import shift_minutes
from support import Node, running

WHEN = "%Y%m%d%H%M%S +0000"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


def hour(ahead: float = 0) -> datetime:
    return utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(hours=ahead)


def show(channel: str, title: str = "Show", begin: float = 0, more: str = "", inside: str = "") -> str:
    start, stop = (hour(at).strftime(WHEN) for at in (begin, begin + 1))
    return (
        f'<programme start="{start}" stop="{stop}" channel="{channel}"{more}><title>{title}</title>{inside}</programme>'
    )


def named(guide_id: str, *names: str, icon: str = "") -> str:
    inside = "".join(f"<display-name>{name}</display-name>" for name in names)
    return f'<channel id="{guide_id}">{inside}{icon}</channel>'


class Lists:
    """Lists and guides of one node."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node, self.folder = node, folder

    async def listed(self, name: str, *entries: str, region: str = "DE", **more: object) -> None:
        lines = "".join(f"#EXTINF:-1 {one}\nhttp://192.0.2.1/{name}{n}\n" for n, one in enumerate(entries))
        (self.folder / f"{name}.m3u").write_text(f"#EXTM3U\n{lines}")
        await self.node.add(kind="m3u", name=name, url=str(self.folder / f"{name}.m3u"), region=region, **more)

    async def guide(self, name: str, *parts: str, **more: object) -> None:
        (self.folder / f"{name}.xml").write_text(f"<tv>{''.join(parts)}</tv>")
        await self.node.add(kind="guide", name=name, url=str(self.folder / f"{name}.xml"), **more)

    async def served(self, query: str = "") -> ElementTree.Element:
        return ElementTree.fromstring((await self.node.http.get(f"{self.node.url}/guide.xml{query}")).text)

    async def playlist(self, region: str = "DE") -> dict[str, str]:
        """The guide id of each channel, as players read it."""
        text = (await self.node.http.get(f"{self.node.url}/playlist/{region}.m3u")).text
        found = [line for line in text.splitlines() if line.startswith("#EXTINF")]
        ids = [re.search('tvg-id="([^"]*)"', line) for line in found]
        return {line.rpartition(",")[2]: one.group(1) if one else "" for line, one in zip(found, ids, strict=True)}

    async def on(self, channel: str, region: str = "DE") -> list[str]:
        """Titles on a channel, as a player finds them."""
        wanted = (await self.playlist(region))[channel]
        return [
            one.findtext("title", "") for one in (await self.served()).iter("programme") if one.get("channel") == wanted
        ]


@pytest.fixture
def lists(node: Node, tmp_path: Path) -> Lists:
    return Lists(node, tmp_path)


@pytest.fixture
def any_lists(any_node: Node, tmp_path: Path) -> Lists:
    return Lists(any_node, tmp_path)


async def test_an_id_is_found_in_other_letters_and_a_channel_without_one_by_its_names(any_lists: Lists) -> None:
    lists = any_lists
    await lists.listed(
        "a",
        'tvg-id="Gull.One",Gull One',
        'tvg-id="" tvg-name="Gull Two",Gull Two HD',
        ",Gull Three",
        'tvg-name="Gull_Four",Something else',
        ",Gúll: FIVE (FHD)",
        'tvg-id="4711" tvg-name="no such",Gull Six',
        ",Nobody",
        'tvg-id="odd.1",Nobody either',
    )
    await lists.guide(
        "g",
        named("gull.one", "Gull One"),
        *[
            named(f"g{n}", f"31 {name}", name)
            for n, name in enumerate(["Gull Two", "Gull Three", "Gull Four", "Gull Five HD"], 2)
        ],
        named("g6", "Gull Six"),
        *[show(one, one) for one in ("gull.one", "g2", "g3", "g4", "g5", "g6")],
    )
    expected = {
        "Gull One": "gull.one",
        "Gull Two HD": "g2",
        "Gull Three": "g3",
        "Something else": "g4",
        "Gúll: FIVE (FHD)": "g5",
        "Gull Six": "g6",
    }
    assert await lists.playlist() == expected | {"Nobody": "", "Nobody either": "odd.1"}
    for name, title in expected.items():
        assert await lists.on(name) == [title], name
    shown = (await lists.node.get("/player_api.php?action=get_live_streams"))[1]
    assert shown["epg_channel_id"] == "g2"
    listing = await lists.node.get(f"/player_api.php?action=get_short_epg&stream_id={shown['stream_id']}")
    assert len(listing["epg_listings"]) == 1


async def test_a_guide_may_name_programmes_in_other_letters_and_a_list_its_feed(any_lists: Lists) -> None:
    lists = any_lists
    await lists.listed("a", 'tvg-id="x18q",Auk', 'tvg-id="Wren.it@SD",Wren', 'tvg-id="tern.it@HD",Tern')
    await lists.guide(
        "g",
        *[named(one, "-") for one in ("x18q", "wren.it", "tern.it", "Tern.it@HD")],
        *[show(one, one) for one in ("X18Q", "Wren.IT", "tern.it", "tern.it@HD")],
    )
    assert await lists.playlist() == {"Auk": "x18q", "Wren": "wren.it", "Tern": "Tern.it@HD"}
    assert await lists.on("Auk") == ["X18Q"]
    assert await lists.on("Wren") == ["Wren.IT"]
    assert await lists.on("Tern") == ["tern.it@HD"]


async def test_a_name_that_several_of_a_guide_have_tells_nothing(lists: Lists) -> None:
    await lists.listed("a", ",News", ",Sport HD", ",Film HD", ",Plus +", ",Plus")
    await lists.guide(
        "g",
        *(named(f"n{n}", "News") for n in range(3)),
        *(named("s1", "Sport HD"), named("s2", "Sport"), named("f1", "Film SD"), named("f2", "Film FHD")),
        named("p", "Plus"),
        show("p"),
    )
    assert await lists.playlist() == {"News": "", "Sport HD": "s1", "Film HD": "", "Plus +": "", "Plus": "p"}


async def test_a_name_within_batches_and_over_them_is_ambiguous_all_the_same(any_lists: Lists) -> None:
    lists = any_lists
    many = [named(f"c{n}", f"Channel {n % 1_500}") for n in range(3_000)]
    await lists.listed("a", ",Channel 7", ",Only one")
    await lists.guide("g", *many, named("o", "Only one"), named("o", "Only one"), show("o"))
    assert await lists.playlist() == {"Channel 7": "", "Only one": "o"}


async def test_who_says_an_id_by_hand_means_it(lists: Lists) -> None:
    await lists.listed("a", ",Gull")
    await lists.guide("g", named("g1", "Gull"), named("g2", "Tern"), show("g1"), show("g2", "Tern's"))
    await lists.node.patch("/api/v1/channels/1", {"guide_id": "G2"})
    assert await lists.on("Gull") == ["Tern's"]
    await lists.node.patch("/api/v1/channels/1", {"guide_id": "nowhere"})
    assert await lists.playlist() == {"Gull": "nowhere"}
    await lists.node.patch("/api/v1/channels/1", {"guide_id": ""})
    assert await lists.playlist() == {"Gull": "g1"}


async def test_the_playlist_follows_when_a_guide_comes_or_goes(lists: Lists) -> None:
    await lists.listed("a", ",Gull")
    assert await lists.playlist() == {"Gull": ""}
    await lists.guide("g", named("g1", "Gull"), show("g1"))
    assert await lists.playlist() == {"Gull": "g1"}
    (guide,) = [one for one in (await lists.node.get("/api/v1/sources"))["items"] if one["kind"] == "guide"]
    await lists.node.patch(f"/api/v1/sources/{guide['id']}", {"enabled": False})
    assert await lists.playlist() == {"Gull": ""}


async def test_streams_of_two_lists_whose_ids_differ_in_case_are_one_channel(any_lists: Lists) -> None:
    lists = any_lists
    await lists.listed("one", 'tvg-id="mg.1" group-title="A",Ruff')
    await lists.listed("two", 'tvg-id="MG.1" group-title="B",RUFF HD')
    (channel,) = (await lists.node.get("/api/v1/channels"))["items"]
    assert [one["account"] for one in channel["streams"]] == ["one", "two"]


async def test_ids_that_differ_in_case_fill_each_others_holes(lists: Lists) -> None:
    await lists.listed("a", 'tvg-id="Ab.C",K')
    await lists.guide("g", show("AB.c", "first"))
    await lists.guide("h", show("ab.c", "no"), show("ab.c", "second", 1))
    assert await lists.on("K") == ["first", "second"]


async def test_what_a_guide_says_besides_reaches_the_player(lists: Lists) -> None:
    await lists.listed("a", 'tvg-id="el.1",Jay', 'tvg-id="el.2" tvg-logo="http://192.0.2.9/own.png",Own')
    icon = '<icon src="http://127.0.0.1/j.png" width="9"/><url>http://192.0.2.9/</url><url>file:///etc/passwd</url>'
    inside = "<sub-title>s</sub-title><orig-language>en</orig-language><episode-num>E12</episode-num><premiere/><live/><new/>"
    await lists.guide(
        "g",
        named("el.1", "Jay", "31", "31 Jay", icon=icon),
        named("el.2", "Own", icon='<icon src="http://127.0.0.1/o.png"/>'),
        show(
            "el.1",
            "Match",
            more=' catchup-id="c-77&quot;&lt;" pdc-start="1" clumpidx="0/2" showview="5"',
            inside=inside,
        ),
    )
    root = await lists.served("?region=DE")
    channel = next(one for one in root.iter("channel") if one.get("id") == "el.1")
    assert [one.text for one in channel.iter("display-name")] == ["Jay", "31", "31 Jay"]
    assert [one.attrib for one in channel.iter("icon")] == [{"src": "http://127.0.0.1/j.png", "width": "9"}]
    assert [one.text for one in channel.iter("url")] == ["http://192.0.2.9/"]
    (programme,) = root.iter("programme")
    said = {key: value for key, value in programme.attrib.items() if key not in {"start", "stop", "channel"}}
    assert said == {"catchup-id": 'c-77"<', "pdc-start": "1", "clumpidx": "0/2", "showview": "5"}
    assert [one.tag for one in programme] == [
        "title",
        "sub-title",
        "orig-language",
        "episode-num",
        "premiere",
        "live",
        "new",
    ]
    jay, own = (await lists.node.get("/api/v1/channels"))["items"]
    assert (jay["logo"], own["logo"]) == ("http://127.0.0.1/j.png", "http://192.0.2.9/own.png")
    text = (await lists.node.http.get(f"{lists.node.url}/playlist/DE.m3u")).text
    assert 'tvg-logo="http://127.0.0.1/j.png"' in text


async def test_a_shifted_channel_has_programmes_of_its_own(lists: Lists) -> None:
    await lists.listed(
        "a", 'tvg-id="pa.1",Myna', 'tvg-id="pa.1" tvg-shift="-3",Myna West', 'tvg-id="pa.1" tvg-shift="+1,5",Myna East'
    )
    await lists.guide("g", named("pa.1", "Myna"), show("pa.1", "now"))
    ids = await lists.playlist()
    assert len(set(ids.values())) == 3
    root = await lists.served()
    starts = {one.get("channel"): one.get("start") for one in root.iter("programme")}
    assert starts == {
        ids["Myna"]: hour().strftime(WHEN),
        ids["Myna West"]: hour(-3).strftime(WHEN),
        ids["Myna East"]: hour(1.5).strftime(WHEN),
    }
    assert {one.get("id") for one in root.iter("channel")} == set(ids.values())
    text = (await lists.node.http.get(f"{lists.node.url}/playlist/DE.m3u")).text
    assert "tvg-shift" not in text, "the player would shift it again"
    east = next(one for one in (await lists.node.get("/api/v1/channels"))["items"] if one["name"] == "Myna East")
    (programme,) = (await lists.node.get(f"/api/v1/channels/{east['id']}"))["programmes"]
    assert datetime.fromisoformat(programme["start"]) == hour(1.5)


async def test_a_person_shifts_a_channel_a_list_and_a_guide(lists: Lists) -> None:
    await lists.listed("a", 'tvg-id="x",A', 'tvg-id="x" tvg-shift="1",B', guide_shift=-2)
    await lists.guide("g", named("x", "X"), show("x", "now", 6), guide_shift=0.5)

    async def starts() -> list[float]:
        ids = await lists.playlist()
        found = {one.get("channel"): one.get("start") for one in (await lists.served()).iter("programme")}
        said = [datetime.strptime(found[ids[name]] or "", "%Y%m%d%H%M%S %z") for name in ("A", "B")]
        return [(at - hour()) / timedelta(hours=1) for at in said]

    assert await starts() == [4.5, 5.5]
    changed = await lists.node.patch("/api/v1/channels/1", {"shift": 90})
    assert changed["edited"] == ["shift"]
    assert await starts() == [8, 5.5]
    await lists.node.patch("/api/v1/channels/1", {"shift": 0})
    assert await starts() == [6.5, 5.5]
    await lists.node.patch("/api/v1/channels/1", {"shift": None})
    assert await starts() == [4.5, 5.5]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(
            ("-3", -180),
            ("+1", 60),
            ("1.5", 90),
            ("1,5", 90),
            ("-03:30", -210),
            ("0", 0),
            ("", 0),
            ("x", 0),
            ("nan", 0),
        ),
        *(("inf", 0), ("99", 0), ("-0:30", -30), ("1:2:3", 0), ("-24", -1440)),
    ],
)
def test_hours_of_a_shift(text: str, minutes: int) -> None:
    assert shift_minutes(text) == minutes


async def test_channels_without_programmes_can_have_placeholders(lists: Lists) -> None:
    """Plex and Emby hide a channel that has no guide."""
    await lists.listed("a", 'tvg-id="x",A', 'tvg-id="y",B & "C"', ",D", 'tvg-id="z",E')
    await lists.guide("g", named("x", "X"), show("x", "real"), named("z", "Z"))
    assert (await lists.on("D"), await lists.on("E")) == ([], [])
    await lists.node.patch("/api/v1/settings", {"placeholder_programmes": True})
    assert await lists.on("A") == ["real"]
    for name in ('B & "C"', "D", "E"):
        titles = await lists.on(name)
        assert set(titles) == {name}
        assert len(titles) >= 12
    root = await lists.served()
    ids = [one.get("id") for one in root.iter("channel")]
    assert sorted(ids) == sorted(set((await lists.playlist()).values()))
    assert [one.tag for one in root] == ["channel"] * 4 + ["programme"] * (len(root) - 4)
    shown = next(one for one in await lists.node.get("/player_api.php?action=get_live_streams") if one["name"] == "D")
    assert shown["epg_channel_id"] == f"nightcrew.{shown['stream_id']}"
    listing = await lists.node.get(f"/player_api.php?action=get_short_epg&stream_id={shown['stream_id']}")
    assert [one["now_playing"] for one in listing["epg_listings"]] == [1, 0, 0, 0]


async def test_a_zone_that_nobody_knows_and_places_that_cannot_be_read_are_told(lists: Lists) -> None:
    begin, end = (hour(at).strftime("%Y%m%d%H%M%S") for at in (0, 1))
    odd = f'<programme start="{begin} XYZT" stop="{end} XYZT" channel="a"><title>Far</title></programme>'
    await lists.listed("One", 'tvg-id="a",Anna')
    await lists.guide(
        "Odd", named("a", "Anna"), odd, '<programme start="2"><title>Broken<</programme>', show("a", begin=2)
    )
    assert await lists.on("Anna") == ["Far", "Show"]
    source = next(one for one in (await lists.node.get("/api/v1/sources"))["items"] if one["name"] == "Odd")
    said = source["feeds"][0]["notes"]["flaws"]
    assert "1 place could not be read and is left out" in said
    assert "(XYZT)" in said and "set an offset" in said
    assert "XYZT" in (await lists.node.http.get("/sources")).text
    await lists.node.refresh(source["id"], rebuild=True)
    told = [one["kind"] for one in (await lists.node.get("/api/v1/activity"))["items"]]
    assert told.count("playlist.guide_flaws") == 1, "once, while it stays so"
