"""A channel keeps its id and what people changed of it, whatever its provider does to the list; none gets those of another one.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nightcrew.kernel.clock import utcnow
from nightcrew.playlists import identity, rules
from nightcrew.playlists.models import channel, stream
from nightcrew.playlists.rules import ListChange, ListEntry
from nightcrew.playlists.store import applying, channels, recognising, sources
from nightcrew.playlists.store.staging import Staging, row_of
from support import Node

BASE = "http://192.0.2.1"


class Provider:
    """A feed without a guard. `ids`: of the channels that are listed, by name and address."""

    def __init__(self, node: Node, region: str) -> None:
        self.node, self.region, self.run = node, region, 0

    async def takes(self, *entries: ListEntry) -> ListChange:
        store = self.node.runtime.store
        self.run += 1
        work, identifier = Staging(store, self.feed, run := f"{self.region}-{self.run}"), identity.Identifier()
        await work.begin()
        rows = [row_of(i, e, identifier.identify(e)) for i, e in enumerate(entries)]
        for start in range(0, len(rows), 7):
            await work.add(rows[start : start + 7])
        change, now = await work.finish(), utcnow()
        self.told = work.renamed
        more = {"now": now, "due_at": now + timedelta(days=1), "change": change, "content": {}, "merge": True}
        await applying.apply(store, self.feed, run, **more)
        return change

    async def gives(self, *entries: ListEntry) -> ListChange:
        change, store = await self.takes(*entries), self.node.runtime.store
        shown = await channels.page(store, channels.ChannelQuery(region=self.region), limit=1000)
        assert [(c.name, c.streams[0].url, c.group) for c in shown] == [(e.name, e.url, e.group) for e in entries]
        assert change.stored + change.new - change.gone == len(entries)
        self.ids = {(c.name, c.streams[0].url): c.id for c in shown}
        return change

    def id(self, name: str) -> int:
        (found,) = [number for (shown, _), number in self.ids.items() if shown == name]
        return found

    async def begin(self) -> Provider:
        store, vault = self.node.runtime.store, self.node.runtime.vault
        made = await sources.add(store, vault, kind="m3u", name=self.region, config={"url": "/nowhere"}, shown_url="")
        await sources.sync_feeds(store, made, [("channels", "", self.region)], enabled=True)
        (feed,) = await sources.feeds(store, source_id=made)
        self.feed = feed.id
        return self


@pytest.fixture
async def provider(any_node: Node) -> Provider:
    return await Provider(any_node, "ONE").begin()


def listed(*names: str, group: str = "Birds") -> list[ListEntry]:
    return [ListEntry(name, f"{BASE}/ts/{name.casefold().replace(' ', '-')}", group=group) for name in names]


@pytest.mark.parametrize(
    ("names", "goes"),
    [
        (["Lark HD", "Lark FHD", "Lark 4K"], "Lark HD"),
        (["News [ES]", "News [FR]"], "News [ES]"),
        (["Vela", "Vela+"], "Vela"),
        (["Canal 1", "Canal 1 (backup)"], "Canal 1"),
        (["Sport UK", "Sport US"], "Sport UK"),
        (["Éire", "Eire"], "Éire"),
    ],
)
async def test_of_names_that_look_alike_one_goes_and_the_others_stay_themselves(
    provider: Provider, names: list[str], goes: str
) -> None:
    await provider.gives(*listed(*names))
    before = dict(provider.ids)
    change = await provider.gives(*[one for one in listed(*names) if one.name != goes])
    assert (change.new, change.changed, change.gone) == (0, 0, 1)
    assert provider.ids.items() <= before.items()


async def test_names_that_look_alike_change_places(provider: Provider) -> None:
    first, second = listed("Lark HD", "Lark FHD")
    await provider.gives(first, second)
    before = dict(provider.ids)
    await provider.gives(second, first)
    assert provider.ids == before


@pytest.mark.parametrize(
    "gone", [("News [ES]", "News [FR]"), ("Lark HD", "Lark FHD"), ("Vela", "Vela+"), ("A 1", "A 2")]
)
async def test_another_channel_that_comes_as_one_goes_is_another_channel(
    provider: Provider, gone: tuple[str, str]
) -> None:
    await provider.gives(*listed(gone[0], "Kite"))
    before = provider.id(gone[0])
    change = await provider.gives(*listed(gone[1], "Kite"))
    assert (change.new, change.gone) == (1, 1)
    assert provider.id(gone[1]) != before


@pytest.mark.parametrize("stays", [(), ("Lark FHD",)])
async def test_a_guide_id_that_several_have_makes_no_other_quality_the_same_channel(
    provider: Provider, stays: tuple[str, ...]
) -> None:
    def of(*names: str) -> list[ListEntry]:
        return [replace(one, guide_id="lark.uk") for one in listed(*names)]

    await provider.gives(*of("Lark HD", *stays), *listed("Kite"))
    before = dict(provider.ids)
    await provider.gives(*of("Lark 4K", *stays), *listed("Kite"))
    assert provider.id("Lark 4K") not in before.values()
    await provider.gives(*of("Lark HD", "Lark 4K", *stays), *listed("Kite"))
    assert before.items() <= provider.ids.items(), "who comes back is who it was"


async def test_a_guide_id_keeps_a_channel_with_another_name_and_address(provider: Provider) -> None:
    await provider.gives(ListEntry("BBC One HD", f"{BASE}/a", guide_id="bbc1.uk"), *listed("Kite"))
    before = provider.id("BBC One HD")
    await provider.gives(ListEntry("UK: BBC 1 London HD", f"{BASE}/b", guide_id="bbc1.uk"), *listed("Kite"))
    assert provider.id("UK: BBC 1 London HD") == before


async def test_an_event_channel_is_renamed_at_its_address(provider: Provider) -> None:
    first = [ListEntry(f"EVENT {n:02}: Red v Blue {n}", f"{BASE}/e/{n}?token={n}") for n in range(5)]
    await provider.gives(*first)
    before = [provider.id(one.name) for one in first]
    names = ["EVENT 00: Green v Gold", "EVENT 01: No event", "EVENT 02: Cup", "EVENT 03: A v B", "EVENT 04: off"]
    change = await provider.gives(*[replace(e, name=n, url=e.url + "9") for e, n in zip(first, names, strict=True)])
    assert (change.new, change.gone) == (0, 0)
    assert [provider.id(name) for name in names] == before


async def test_another_name_without_a_word_in_common_at_the_same_address_is_another_channel(provider: Provider) -> None:
    (one,) = listed("Owl")
    await provider.gives(one)
    before = provider.id("Owl")
    await provider.gives(replace(one, name="Falcon"))
    assert provider.id("Falcon") != before


async def test_a_group_is_renamed(provider: Provider) -> None:
    await provider.gives(*listed(*[f"Owl {n}" for n in "ABCDEF"], group="Birds"))
    before = dict(provider.ids)
    change = await provider.gives(*listed(*[f"Owl {n}" for n in "ABCDEF"], group="UK | Birds"))
    assert (change.new, change.gone, change.changed) == (0, 0, 6)
    assert provider.ids == before


async def test_all_addresses_change_at_once(provider: Provider) -> None:
    found = listed(*[f"Owl {n}" for n in "ABCDEF"])
    await provider.gives(*found)
    before = [provider.id(one.name) for one in found]
    await provider.gives(*[replace(one, url=f"http://other.test/{n}/x") for n, one in enumerate(found)])
    assert [provider.id(one.name) for one in found] == before


@pytest.mark.parametrize("guide_id", ["", "sky.de"])
@pytest.mark.parametrize("order", [(1, 2), (2, 1, 0), (0, 2), (3, 0, 1, 2), (2, 0), (0, 3, 1, 2)])
async def test_channels_with_one_name_are_told_apart_by_their_addresses(
    provider: Provider, guide_id: str, order: tuple[int, ...]
) -> None:
    """Lists name three channels alike; one goes, one comes before them, they change places."""
    alike = [ListEntry("Sky", f"{BASE}/live/u/p/{n}.ts", guide_id=guide_id) for n in range(4)]
    await provider.gives(*alike[:3])
    before = dict(provider.ids)
    await provider.gives(*[alike[n] for n in order])
    for who, number in provider.ids.items():
        assert before.get(who, number) == number
        assert who in before or number not in before.values()
    between = dict(provider.ids)
    await provider.gives(*alike[:3])
    for who, number in provider.ids.items():
        assert number == between.get(who, number), "who stayed is who it was"
        assert number not in {n for other, n in (before | between).items() if other != who}, (
            "nobody has the id of another one"
        )


async def test_what_an_older_version_stored_is_known_again(provider: Provider) -> None:
    """It told channels apart in another way, so that no key of it comes again."""
    found = [
        *listed("Lark HD", "Lark FHD", "Owl"),
        ListEntry("News", f"{BASE}/n", guide_id="n.1"),
        *listed("Sky", "Sky"),
    ]
    await provider.gives(*found)
    before = dict(provider.ids)
    async with provider.node.runtime.store.write() as connection:
        for row in (await connection.execute(sa.select(stream.c.id, stream.c.key))).all():
            old = rules.digest(f"old\0{row.id}")
            values = {"key": old, "ident": old}
            await connection.execute(sa.update(stream).where(stream.c.id == row.id).values(values))
            await connection.execute(sa.update(channel).where(channel.c.origin == row.key).values(origin=old))
    change = await provider.gives(*found)
    assert (change.new, change.gone) in ((0, 0), (2, 2)), "only those that nothing tells apart may be new"
    assert {who: number for who, number in provider.ids.items() if who[0] != "Sky"}.items() <= before.items()


# -- the edit of one channel is found on no other ----------------------------------------------------------------------


def panel(*said: tuple[int, str]) -> list[ListEntry]:
    """A panel's list, by ids and names."""
    return [ListEntry(name, f"{BASE}/live/u/p/{n}.ts", group="TV", provider_id=str(n)) for n, name in said]


KEPT, GONE = "kept", "gone"
TOKENS = [f"{n}f2a9c7d1e8b4f2a9c7d1e8{n}" for n in range(10)]
UUIDS = [f"6f1c2b3a-{n}d5e-4f60-8a7b-9c0d1e2f3a4b" for n in range(10)]


def twins(form: str, *ways: object) -> list[ListEntry]:
    return [ListEntry("Lark", BASE + form.format(way), group="Birds") for way in ways]


SWAPPED_TOKENS = [
    twins("/hls/" + TOKENS[1] + "/{}/i.m3u8", 1, 2),
    twins("/hls/" + TOKENS[2] + "/{}/i.m3u8", 2, 1),
]


@pytest.mark.parametrize(
    ("before", "after", "what", "where"),
    [
        (
            panel((5, "BBC One"), (6, "CNN"), (7, "ZDF")),
            panel((5, "CNN"), (6, "ZDF"), (8, "BBC One")),
            KEPT,
            "/live/u/p/8.ts",
        ),
        (panel((5, "BBC One"), (6, "CNN")), panel((5, "Eurosport"), (6, "CNN")), GONE, ""),
        (panel((5, "Sky"), (6, "Sky UK")), panel((5, "Sky UK"), (6, "Sky")), KEPT, "/live/u/p/6.ts"),
        (panel((5, "Sky Sports 1")), panel((5, "Sky Sports 2")), GONE, ""),
        (panel((5, "BBC One")), panel((5, "UK: BBC One FHD")), KEPT, "/live/u/p/5.ts"),
        (panel((5, "PPV 1: Red v Blue")), panel((5, "PPV 1: Green v Gold")), KEPT, "/live/u/p/5.ts"),
        (panel((5, "PPV 1: Red v Blue")), panel((5, "PPV 2: Red v Blue")), GONE, ""),
        (twins("/p.php?c={}", 1, 2), twins("/p.php?c={}", 2), GONE, ""),
        (twins("/p.php?sid={}&token=5", 1, 2), twins("/p.php?sid={}&token=6", 2, 1), KEPT, "/p.php?sid=1&token=6"),
        (twins("/p.php?url=http%3A%2F%2Fa%2F{}", 1, 2), twins("/p.php?url=http%3A%2F%2Fa%2F{}", 2), GONE, ""),
        (twins("/p.php?c={}", 1, 2), twins("/p.php?c={}", 3), GONE, ""),
        (twins("/ch/{}/i.m3u8", 1234567890, 1234567891), twins("/ch/{}/i.m3u8", 1234567891), GONE, ""),
        (twins("/ch/{}/i.m3u8", *UUIDS[:3]), twins("/ch/{}/i.m3u8", *UUIDS[1:3]), GONE, ""),
        (twins("/ch/{}/i.m3u8", *UUIDS[:2]), twins("/ch/{}/i.m3u8", *UUIDS[1::-1]), KEPT, f"/ch/{UUIDS[0]}/i.m3u8"),
        (*SWAPPED_TOKENS, KEPT, f"/hls/{TOKENS[2]}/1/i.m3u8"),
        (SWAPPED_TOKENS[0], SWAPPED_TOKENS[1][:1], GONE, ""),
        (twins("/a/{}", 1, 2), twins("/b/{}", 2, 1), KEPT, "/b/1"),
    ],
)
async def test_an_edit_stays_with_its_stream_or_goes_with_it(
    provider: Provider, before: list[ListEntry], after: list[ListEntry], what: str, where: str
) -> None:
    await provider.gives(*before, *listed("Kite"))
    edited = provider.ids[before[0].name, before[0].url]
    await provider.gives(*after, *listed("Kite"))
    found = {number: url for (_, url), number in provider.ids.items()}
    assert found.get(edited) == (BASE + where if what == KEPT else None)


def at(name: str, way: str = "/ch/1", guide_id: str = "", group: str = "TV") -> ListEntry:
    return ListEntry(name, BASE + way, guide_id=guide_id, group=group)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (at("BBC One"), at("BBC News"), GONE),
        (at("BBC One", guide_id="bbc1.uk"), at("BBC News", guide_id="bbcnews.uk"), GONE),
        (at("BBC", guide_id="bbc.uk"), at("BBC World Service", guide_id="bbcws.uk"), GONE),
        (at("Sky Sports 1"), at("Sky Sports 2"), GONE),
        (at("Sky Sports 1"), at("Sky Sports 1 HD"), KEPT),
        (at("BBC One", guide_id="bbc1.uk"), at("UK | BBC ONE HD", guide_id="bbconehd.uk"), KEPT),
        (at("BBC One"), at("BBC One +1"), GONE),
        (at("PPV 3: A v B"), at("PPV 3: C v D"), KEPT),
        (at("PPV 3: A v B"), at("PPV 4: A v B"), GONE),
        (at("Red v Blue", group="Events"), at("Green v Gold", group="Events"), KEPT),
        (at("Red v Blue", group="Football"), at("Green v Gold", group="Tennis"), GONE),
        (at("Sky Sports 1"), at("Sky Sports 1: Red v Blue"), KEPT),
        (at("BBC One London", "/a/1", "bbc1.uk"), at("BBC One Scotland", "/a/2", "bbc1.uk"), GONE),
        (at("News 🇪🇸", "/a"), at("News 🇫🇷", "/b"), GONE),
        (at("News 🇪🇸"), at("News 🇫🇷"), GONE),
        (at("Sport ①", "/a"), at("Sport ②", "/b"), GONE),
        (at("Sport ①"), at("Sport ②"), GONE),
        (at("E!", "/a"), at("E", "/b"), GONE),
        (at("E!"), at("E"), KEPT),
        (at("Das Erste", "/a"), at("DAS-ERSTE", "/b"), KEPT),
        (at("Das Erste", "/a", "none"), at("Das Zweite Erste", "/b", "none"), GONE),
        (at("Sky Sport", "/a", "sky.de"), at("Sky Sport", "/b", "sky.it", "IT"), GONE),
    ],
)
async def test_a_renamed_channel_stays_and_a_sibling_is_another_one(
    provider: Provider, before: ListEntry, after: ListEntry, what: str
) -> None:
    await provider.gives(before, *listed("Kite"))
    edited = provider.id(before.name)
    await provider.gives(after, *listed("Kite"))
    assert (provider.id(after.name) == edited) == (what == KEPT)


async def test_a_channel_that_comes_back_under_its_old_id_has_its_edits_again(provider: Provider) -> None:
    await provider.gives(*panel((5, "BBC One"), (6, "CNN")))
    first = provider.id("BBC One")
    await provider.gives(*panel((5, "Eurosport"), (6, "CNN")))
    second = provider.id("Eurosport")
    await provider.gives(*panel((5, "BBC One"), (6, "CNN")))
    assert provider.id("BBC One") == first
    await provider.gives(*panel((7, "Eurosport"), (6, "CNN")))
    assert provider.id("Eurosport") == second


async def test_what_is_found_elsewhere_or_by_its_order_is_told(provider: Provider) -> None:
    await provider.gives(*panel((5, "BBC One"), (6, "CNN")))
    await provider.gives(*panel((5, "CNN"), (6, "BBC One")))
    assert sorted(provider.told) == [("BBC One", "BBC One (at another address)"), ("CNN", "CNN (at another address)")]
    await provider.gives(*twins("/{}", "a", "b"))
    await provider.gives(*twins("/{}", "c", "d"))
    assert [new for _, new in provider.told] == [f"Lark ({recognising.IN_ORDER})"] * 2


# -- two sources -------------------------------------------------------------------------------------------------------


async def shown_with_streams(node: Node, first: ListEntry, *second: ListEntry) -> dict[str, int]:
    """The channels of a region to which two sources give entries, with how many streams each has."""
    one, two = await Provider(node, "BOTH").begin(), await Provider(node, "OTHER").begin()
    await sources.rename_region(node.runtime.store, 2, "BOTH")
    await one.gives(first)
    await two.takes(*second)
    found = await channels.page(node.runtime.store, channels.ChannelQuery(region="BOTH"), limit=100)
    return {channel.name: len(channel.streams) for channel in found}


@pytest.mark.parametrize("guide_id", ["none", "0", "n/a", "-", "unknown", "NULL", "tvg", "tvg-id", "000", "?", " "])
async def test_what_lists_write_in_place_of_a_guide_id_joins_nothing(any_node: Node, guide_id: str) -> None:
    found = await shown_with_streams(any_node, at("Lark", guide_id=guide_id), at("Owl", "/o", guide_id))
    assert found == {"Lark": 1, "Owl": 1}


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("BBC One HD", "UK: BBC ONE", True),
        ("BBC One HD", "BBC 1", True),
        ("Das Erste", "ARD HD", True),
        ("BBC One HD", "BBC One +1", False),
        ("Sky Sports 1", "Sky Sports 2", False),
        ("Fox News", "Fox Sports", False),
        ("TV5 FR", "TV5 BE", False),
    ],
)
async def test_one_guide_id_joins_what_its_names_do_not_deny(
    any_node: Node, first: str, second: str, joined: bool
) -> None:
    found = await shown_with_streams(any_node, at(first, guide_id="x.id"), at(second, "/o", "x.id"))
    assert found == ({first: 2} if joined else {first: 1, second: 1})


async def test_a_guide_id_that_several_of_a_list_have_joins_nothing(any_node: Node) -> None:
    several = [at("BBC One", "/o", "x.id"), at("BBC One HD", "/p", "x.id")]
    found = await shown_with_streams(any_node, at("BBC One FHD", guide_id="x.id"), *several)
    assert list(found.values()) == [1, 1, 1]


# -- any provider ------------------------------------------------------------------------------------------------------

WORDS = ["Lark", "Lark+", "News", "Sport", "Cine", "Kids"]
MARKS = ["", " HD", " FHD", " 4K", " [ES]", " [FR]", " +1", " 2"]


STYLES = {
    "path": "/c/{n}?token={token}",
    "query": "/p.php?token={token}&c={n}",
    "time": "/ch/{time}/i.m3u8",
    "uuid": "/ch/{uuid}/i.m3u8",
    "folder": "/hls/{token}/{n}/i.m3u8",
}


def address(style: str, n: int, refresh: int) -> str:
    """Where a channel is at a refresh: what is random is another one each time, or the channel's own."""
    token = random.Random(refresh).randbytes(14).hex()
    return BASE + STYLES[style].format(
        n=n, token=token, time=1_700_000_000 + n, uuid=uuid.UUID(int=n * 0x1234567890ABCDEF)
    )


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
async def test_no_edit_moves_among_names_that_are_the_same_whatever_addresses_look_like(
    any_node: Node, style: str
) -> None:
    """Channels of a few names are dropped, come back, change places and are renamed, while tokens change."""
    chance = random.Random(11)
    for number in range(6 if any_node.runtime.store.is_sqlite else 1):
        provider = await Provider(any_node, f"S{number}").begin()
        names = {n: chance.choice(["Lark", "Lark HD", "Owl", "News"]) for n in range(14)}
        present, owner = list(names)[:10], dict[int, int]()
        for refresh in range(8):
            for _ in range(chance.randint(0, 3)):
                match chance.randrange(3):
                    case 0 if len(present) > 5:
                        present.remove(chance.choice(present))
                    case 1:
                        absent = [n for n in names if n not in present]
                        present.insert(chance.randrange(len(present) + 1), chance.choice(absent)) if absent else None
                    case _:
                        chance.shuffle(present)
            real = {address(style, n, refresh): n for n in present}
            await provider.gives(*[ListEntry(names[n], url, group="A") for url, n in real.items()])
            for (name, url), number_of in provider.ids.items():
                assert owner.setdefault(number_of, real[url]) == real[url], (refresh, name, url)


@pytest.mark.slow
async def test_no_edit_moves_when_a_panel_gives_other_ids(any_node: Node) -> None:
    """Ids are given anew, channels go and come, and names get another quality or a country in front."""
    chance = random.Random(5)
    brands = [
        "BBC One",
        "BBC Two",
        "BBC News",
        "Sky Sports 1",
        "Sky Sports 2",
        "CNN",
        "ZDF",
        "ZDF neo",
        "ARD",
        "Fox",
        "Fox News",
    ]
    for number in range(12 if any_node.runtime.store.is_sqlite else 2):
        provider = await Provider(any_node, f"P{number}").begin()
        present, owner, ids = brands[:8], dict[int, str](), dict(zip(brands, range(20), strict=False))
        marks = dict.fromkeys(brands, "{}")
        for _ in range(8):
            match chance.randrange(4):
                case 0:
                    present = chance.sample(brands, chance.randint(5, 10))
                case 1:
                    ids = dict(zip(chance.sample(brands, len(brands)), range(20), strict=False))
                case 2:
                    marks[chance.choice(brands)] = chance.choice(["{}", "{} HD", "UK: {}", "{} FHD"])
                case _:
                    present = sorted(present, key=ids.__getitem__)
            shown = {marks[brand].format(brand): brand for brand in present}
            await provider.gives(*panel(*((ids[brand], name) for name, brand in shown.items())))
            for (name, _), number_of in provider.ids.items():
                assert owner.setdefault(number_of, shown[name]) == shown[name]


@pytest.mark.slow
@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("alike", [False, True])
async def test_no_edit_is_ever_found_on_another_channel(any_node: Node, ids: bool, alike: bool) -> None:
    """Drops, swaps, renamed groups, new tokens and new channels in any order: who is who is known to the test by a mark in the address.

    `alike`: several have one name, also in one group.
    """
    chance = random.Random(7)
    for number in range(6 if any_node.runtime.store.is_sqlite else 2):  # the rules are the same on both
        provider = await Provider(any_node, f"R{number}").begin()
        every = [word + mark for word in WORDS for mark in MARKS]
        names = chance.choices(every[:6], k=24) if alike else chance.sample(every, 24)
        real = {
            f"{BASE}/c/{n}": ListEntry(
                name, f"{BASE}/c/{n}", group=chance.choice("AB"), guide_id=name if ids and n % 3 else ""
            )
            for n, name in enumerate(names)
        }
        present, owner = list(real)[:16], dict[int, str]()
        for _ in range(8):
            for _ in range(chance.randint(0, 4)):
                match chance.randrange(4):
                    case 0 if len(present) > 8:
                        present.remove(chance.choice(present))
                    case 1:
                        absent = [one for one in real if one not in present]
                        present.insert(chance.randrange(len(present) + 1), chance.choice(absent)) if absent else None
                    case 2:
                        chance.shuffle(present)
                    case _:
                        who = chance.choice(present)
                        real[who] = replace(real[who], group=chance.choice("ABC"))
            token = chance.randrange(1000)
            await provider.gives(*[replace(real[one], url=f"{one}?token={token}") for one in present])
            for (_, url), number_of in provider.ids.items():
                who = url.partition("?")[0]
                assert owner.setdefault(number_of, who) == who, (real[who].name, real[owner[number_of]].name)
            kept = {who: number_of for number_of, who in owner.items()}
            assert len(kept) == len(owner), "no channel gets a second id while it stays or comes back"


@pytest.mark.parametrize("most", [3, 6])
async def test_edits_follow_names_when_more_ids_are_given_anew_than_can_be_weighed(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(recognising, "MOST", most)
    monkeypatch.setattr(identity, "MOST", most)
    names = [f"Channel {letter}" for letter in "ABCDEFGHJK"]

    def shifted(by: int, *more: str) -> list[ListEntry]:
        every = [*names[by:], *more, *names[:by]] if more else [*names[by:], *names[:by]]
        return [ListEntry(name, f"{BASE}/{n}", provider_id=str(n), group="Birds") for n, name in enumerate(every)]

    await provider.gives(*shifted(0))
    before = {name: provider.id(name) for name in names}
    await provider.gives(*shifted(1))
    assert {name: provider.id(name) for name in names} == before
    await provider.gives(*shifted(3, "Another Bird", "Third Bird"))
    assert {name: provider.id(name) for name in names} == before


async def test_beyond_what_can_be_weighed_entries_without_an_id_go_by_their_keys(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of them behind the last whole batch is not weighed by itself: of the others nothing is known then."""
    entries = [ListEntry("Lark", f"{BASE}/{number}/a", group="Birds") for number in range(6)]
    await provider.takes(*entries)
    before = [
        one.id
        for one in await channels.page(provider.node.runtime.store, channels.ChannelQuery(region="ONE"), limit=99)
    ]
    monkeypatch.setattr(recognising, "MOST", 3)
    monkeypatch.setattr(identity, "MOST", 3)
    change = await provider.takes(*(replace(one, url=f"{BASE}/{place + 50}/b") for place, one in enumerate(entries)))
    after = [
        one.id
        for one in await channels.page(provider.node.runtime.store, channels.ChannelQuery(region="ONE"), limit=99)
    ]
    assert (after, change.new, change.gone, change.changed) == (before, 0, 0, 6)


@pytest.mark.parametrize(("name", "stays"), [("Cartoon Network", False), ("ESPN HD", True)])
async def test_an_id_that_is_used_again_takes_over_no_channel_that_others_keep_alive(
    any_node: Node, name: str, *, stays: bool
) -> None:
    first, other = await Provider(any_node, "ONE").begin(), Provider(any_node, "ONE")
    store, vault = any_node.runtime.store, any_node.runtime.vault
    made = await sources.add(store, vault, kind="m3u", name="OTHER", config={"url": "/nowhere"}, shown_url="")
    await sources.sync_feeds(store, made, [("channels", "", "ONE")], enabled=True)
    (feed,) = await sources.feeds(store, source_id=made)
    other.feed, other.run = feed.id, 100
    rest = [ListEntry(f"Bird {n}", f"{BASE}/{n}", provider_id=str(n)) for n in range(20, 25)]
    await first.takes(ListEntry("ESPN", f"{BASE}/7", provider_id="7", guide_id="espn.us"), *rest)
    await other.takes(ListEntry("ESPN", f"{BASE}/other", guide_id="espn.us"))
    (espn,) = [
        one for one in await channels.page(store, channels.ChannelQuery(region="ONE"), limit=99) if one.name == "ESPN"
    ]
    assert len(espn.streams) == 2
    await first.takes(*rest)
    await applying.forget_gone(store, utcnow() + timedelta(days=1))
    await first.takes(ListEntry(name, f"{BASE}/7", provider_id="7", guide_id="some.us"), *rest)
    found = {one.name: one for one in await channels.page(store, channels.ChannelQuery(region="ONE"), limit=99)}
    assert (found[name].id == espn.id) is stays
    if not stays:
        assert [one.url for one in found["ESPN"].streams] == [f"{BASE}/other"]
