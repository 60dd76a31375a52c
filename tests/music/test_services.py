"""Media servers and services that know what is wanted: paging, limits, half answers, wrong logins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

import consent
from furnished import furnish
from nightcrew import app
from nightcrew.demo.musiclib import identity
from nightcrew.demo.songs import SONGS, DemoSong
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel import recovery
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions, store
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.connections.models import ConnectionState
from nightcrew.kernel.connections.models import connection as connections
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import Misread, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import autosync, scanning, servers, status, telling
from nightcrew.music.domain import DOMAIN
from nightcrew.music.libraries import LIBRARIES, base
from nightcrew.music.models import FailureCause, WantedState
from nightcrew.music.store import figures, listings, wanted
from nightcrew.music.store import library as rows
from nightcrew.music.wishes import SOURCES, listenbrainz, spotify
from nightcrew.music.wishes.base import SourceList
from shop import RUBBISH
from support import at_rest

KINDS = [one.kind.name for one in LIBRARIES]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(live=False, services=MUSIC, streams=tmp_path / "world") as made:
        yield made


@pytest.fixture
async def node(tmp_path: Path, world: World) -> AsyncIterator[Runtime]:
    await asyncio.to_thread(furnish, app.Config(data_dir=tmp_path / "data"))
    async with at_rest(tmp_path / "data", DOMAIN, domains=consent.at_world(world.url)) as runtime:
        runtime.add(Connections(runtime))
        runtime.add(telling.Looks())
        yield runtime


async def connect(node: Runtime, world: World, kind: str, **settings: Any) -> int:
    """Connect a service of the world; returns its number."""
    values = dict(world.services()[kind])
    values["settings"] = {**dict(values["settings"]), **settings}  # type: ignore[call-overload]
    return (await actions.add(node, {**values, "address": values.pop("url")}, actor="test")).id


async def tracks(node: Runtime, number: int) -> list[base.ServiceTrack]:
    one = await store.get(node.store, number)
    kind = next(kind for kind in LIBRARIES if kind.kind.name == one.kind)
    line = await node.part(Connections).line(number)
    return [track async for page in kind.tracks(line) for track in page]


@pytest.mark.parametrize("kind", KINDS)
async def test_all_pages_of_a_library_are_read(
    node: Runtime, world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"nightcrew.music.libraries.{kind}.PAGE", 3)
    world.library.songs = list(SONGS)
    found = await tracks(node, await connect(node, world, kind))
    assert sorted((one.artist, one.title, one.seconds) for one in found) == sorted(
        (one.artist, one.title, float(one.seconds)) for one in SONGS
    )
    assert {one.mbid for one in found} == {identity(one) for one in SONGS}


@pytest.mark.parametrize("kind", ["jellyfin", "plex"])
async def test_a_page_that_is_cut_short_is_no_whole_library(node: Runtime, world: World, kind: str) -> None:
    world.library.missing = 1
    with pytest.raises(Misread, match="says that it has 2 tracks, and gave"):
        await tracks(node, await connect(node, world, kind))


@pytest.mark.parametrize(("kind", "settings"), [
    ("jellyfin", {"api_key": "wrong"}),
    ("plex", {"token": "wrong"}),
    ("subsonic", {"password": "wrong"}),
])  # fmt: skip
async def test_a_wrong_login_needs_a_person(node: Runtime, world: World, kind: str, settings: dict[str, str]) -> None:
    with pytest.raises(NeedsUser):
        await tracks(node, await connect(node, world, kind, **settings))


@pytest.mark.parametrize("kind", [*KINDS, "slskd", "listenbrainz"])
async def test_the_button_test_says_what_works(node: Runtime, world: World, kind: str) -> None:
    number = await connect(node, world, kind)
    said = await node.part(Connections).test(await store.get(node.store, number))
    assert len(said) >= 1 and all(one.endswith(".") for one in said)


@pytest.mark.parametrize(
    ("kind", "settings", "looked_at"),
    [
        ("plex", {"remote_folder": "/music", "local_folder": "/media/music"}, "/music/A/B"),
        ("plex", {"remote_folder": "D:\\Music", "local_folder": "/media/music"}, "D:\\Music\\A\\B"),
        ("plex", {}, ""),
        ("plex", {"remote_folder": "/music", "local_folder": "/elsewhere"}, ""),
        ("jellyfin", {"remote_folder": "/music/", "local_folder": "/media/music/"}, "/music/A/B"),
        ("jellyfin", {}, ""),
        ("subsonic", {}, ""),
    ],
)
async def test_a_new_file_is_told_by_the_path_that_the_server_knows_or_all_is_looked_at(
    node: Runtime, world: World, kind: str, settings: dict[str, str], looked_at: str
) -> None:
    await connect(node, world, kind, **settings)
    await telling.tell_all(node, "/media/music/A/B")
    assert world.library.looked_at == [looked_at]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_looks_at_everything_is_not_told_so_for_each_file(
    node: Runtime, world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Where it begins anew each time, it never comes to an end. What came meanwhile is told once, later."""
    await connect(node, world, kind)
    for _ in range(5):
        await telling.tell_all(node, "/media/music/A/B")
        await telling.tell_waiting(node)
    assert world.library.looked_at == [""]
    monkeypatch.setattr(telling, "LOOKS_EVERY", 0.0)
    for _ in range(2):
        await telling.tell_waiting(node)
    assert world.library.looked_at == ["", ""]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_was_away_is_told_later(
    node: Runtime, world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    await connect(node, world, kind)
    world.faults.set(kind, "404")
    await telling.tell_all(node, "/media/music/A/B")
    assert world.library.looked_at == []
    world.faults.clear()
    monkeypatch.setattr(telling, "LOOKS_EVERY", 0.0)
    await telling.tell_waiting(node)
    assert world.library.looked_at == [""]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_login_that_may_not_start_a_scan_can_still_read(node: Runtime, world: World, kind: str) -> None:
    world.library.read_only = True
    number = await connect(node, world, kind)
    await node.settings.change(node.store, {"music.scan_worker_incremental": True}, actor="test")
    await telling.tell_all(node, "/media/music/A/B")
    await scanning.scan(node)
    assert world.library.looked_at == []
    assert (await store.get(node.store, number)).standing.state is ConnectionState.OK


async def test_a_server_that_cannot_be_told_keeps_no_other_from_being_told(node: Runtime, world: World) -> None:
    for kind in ("subsonic", "jellyfin", "plex"):
        await connect(node, world, kind)
    world.faults.set("jellyfin", "404")
    await telling.tell_all(node, "/media/music/A/B")
    assert world.library.looked_at == ["", ""]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_incremental_scan_is_started_first_when_that_is_asked_for(
    node: Runtime, world: World, kind: str, tmp_path: Path
) -> None:
    shared = {} if kind == "subsonic" else {"remote_folder": "/music", "local_folder": str(tmp_path)}
    await connect(node, world, kind, **shared)
    await scanning.scan(node)
    assert world.library.looked_at == []
    await node.settings.change(
        node.store, {"music.scan_worker_incremental": True, "music.library": str(tmp_path)}, actor="test"
    )
    await scanning.scan(node)
    assert world.library.looked_at == ["" if kind == "subsonic" else "/music"]


async def test_a_plex_without_music_says_what_it_has(node: Runtime, world: World) -> None:
    number = await connect(node, world, "plex", section="Jazz")
    with pytest.raises(NeedsUser, match="no library of music named jazz; it has: Music"):
        await tracks(node, number)


async def test_what_a_media_server_has_is_not_wanted_any_more(node: Runtime, world: World) -> None:
    world.library.songs = list(SONGS[:4])
    await connect(node, world, "jellyfin")
    new = [
        listings.NewTrack(f"k{at}", one.title, (one.artist,), 10, seconds=float(one.seconds))
        for at, one in enumerate(SONGS[:6])
    ]
    await listings.take(node.store, "hand", "By hand", new, whole=False, due=True)
    await scanning.scan(node)
    stands = [one.state for one in await wanted.of_keys(node.store, [f"k{at}" for at in range(6)])]
    assert stands.count(WantedState.OWNED) == 4
    known = await figures.every(node.store)
    assert (known["plex_track_count"], known["plex_artist_count"]) == (4, 1)


async def test_a_library_that_shrinks_to_next_to_nothing_is_not_believed(node: Runtime, world: World) -> None:
    world.library.songs = list(SONGS)
    number = await connect(node, world, "jellyfin")
    await scanning.scan(node)
    world.library.songs = []
    with pytest.raises(NeedsUser, match="nothing was forgotten"):
        await scanning.scan(node)
    assert (await rows.counted(node.store, servers.place_of(number)))[2] == len(SONGS)
    world.library.songs = list(SONGS[:-2])
    await scanning.scan(node)
    assert (await rows.counted(node.store, servers.place_of(number)))[2] == len(SONGS) - 2


async def test_a_new_server_with_the_number_of_a_removed_one_inherits_nothing(node: Runtime, world: World) -> None:
    number = await connect(node, world, "subsonic")
    await scanning.scan(node)
    world.library.songs = list(SONGS[:1])
    await figures.put(node.store, {f"library.connection:{number}.read_at": "2020-01-01T00:00:00+00:00"})
    assert await servers.unread(node)
    await scanning.scan(node)
    assert (await rows.counted(node.store, servers.place_of(number)))[2] == 1 and not await servers.unread(node)


async def test_a_server_that_counts_what_it_does_not_show_forgets_nothing_and_holds_up_nothing(
    node: Runtime, world: World
) -> None:
    """Navidrome counts the libraries of all users, and shows each his own."""
    world.library.songs, world.library.of_others = list(SONGS[:4]), 3
    number = await connect(node, world, "subsonic")
    place = servers.place_of(number)
    with pytest.raises(Misread, match="says that it has 7 tracks, and gave 4"):
        await scanning.scan(node)  # some may be missing by accident
    await scanning.scan(node)
    assert not await servers.unread(node)
    assert (await figures.every(node.store))["plex_track_count"] == 4, "what can be seen"
    world.library.songs = list(SONGS[:3])
    with pytest.raises(Misread):
        await scanning.scan(node)
    await scanning.scan(node)
    assert (await rows.counted(node.store, place))[2] == 4, "nothing was forgotten"
    world.library.of_others = 0
    await scanning.scan(node)
    assert (await rows.counted(node.store, place))[2] == 3


async def test_what_is_counted_in_the_middle_of_a_scan_is_not_the_library(node: Runtime, world: World) -> None:
    world.library.songs, world.library.scanning = list(SONGS[:2]), 2
    number = await connect(node, world, "subsonic")
    with pytest.raises(Retry, match="looks at its music"):
        await scanning.scan(node)  # its first one: most of the library is still to come, and must not be fetched
    assert await servers.unread(node)
    world.library.songs, world.library.scanning = list(SONGS[:4]), None
    await scanning.scan(node)
    world.library.scanning = 900
    await scanning.scan(node)
    assert (await figures.every(node.store))["plex_track_count"] == 4
    async with node.store.write() as connection:  # one that never ends is read all the same
        long_ago = utcnow() - servers.WAITED_FOR
        await connection.execute(sa.update(connections).where(connections.c.id == number).values(created_at=long_ago))
    await figures.put(node.store, {f"library.connection:{number}.read_at": None})
    await scanning.scan(node)
    assert not await servers.unread(node)


async def test_the_third_failure_in_a_row_is_told_and_success_resets_it(node: Runtime, world: World) -> None:
    await connect(node, world, "jellyfin")
    world.faults.set("jellyfin", "404")
    for _ in range(4):
        with pytest.raises(NightcrewError):
            await scanning.scan(node)
    told = [one for one in await node.activity.page(limit=50) if one.kind == "scan_failed"]
    assert [one.data["consecutive"] for one in reversed(told)] == [3, 4]
    world.faults.clear()
    await scanning.scan(node)
    assert (await figures.every(node.store))[f"worker.scan.failures.{node.node}"] == 0


async def test_failures_are_counted_for_each_machine(node: Runtime, world: World) -> None:
    await connect(node, world, "jellyfin")
    await figures.put(node.store, {"worker.scan.failures.another": 7})
    world.faults.set("jellyfin", "404")
    with pytest.raises(NightcrewError):
        await scanning.scan(node)
    assert not [one for one in await node.activity.page(limit=50) if one.kind == "scan_failed"]


async def test_the_last_scan_is_one_that_worked_and_counts_are_those_of_all_servers(
    node: Runtime, world: World
) -> None:
    world.library.songs = list(SONGS[:4])
    for kind in ("jellyfin", "plex"):
        await connect(node, world, kind)
    await scanning.scan(node)
    known = await figures.every(node.store)
    assert (known["plex_track_count"], known["plex_artist_count"]) == (8, 2)
    world.faults.set("plex", "404")
    with pytest.raises(NightcrewError):
        await scanning.scan(node)
    await scanning.note_counts(node)
    assert (await figures.every(node.store))["plex_last_scan"] == known["plex_last_scan"]


async def test_the_figure_of_active_downloads_is_that_of_now(node: Runtime) -> None:
    await figures.put(node.store, {"metrics.sync.active_downloads": 3})
    assert (await status.flat(node))["metrics.sync.active_downloads"] == 0


async def test_one_server_that_is_away_keeps_no_other_from_being_read(node: Runtime, world: World) -> None:
    world.library.songs = list(SONGS[:4])
    await connect(node, world, "plex")
    number = await connect(node, world, "jellyfin")
    world.faults.set("plex", "404")
    with pytest.raises(NightcrewError):
        await scanning.scan(node)
    assert (await rows.counted(node.store, servers.place_of(number)))[2] == 4


# -- who knows what is wanted ------------------------------------------------------------------------------------------


async def spotify_lists(node: Runtime, world: World, **settings: Any) -> list[SourceList]:
    number = await connect(node, world, "spotify", **settings)
    await consent.grant(node, number)
    return await spotify.read(await node.part(Connections).line(number))


@pytest.mark.parametrize("old_app", [False, True])
async def test_spotify_saved_tracks_and_playlists(node: Runtime, world: World, old_app: bool) -> None:
    world.wishes.old_app = old_app
    saved, own, others = await spotify_lists(node, world)
    assert [one.title for one in saved.tracks] == [one.title for one in world.wishes.saved]
    assert [one.title for one in own.tracks] == [one.title for one in world.wishes.listed]
    first = saved.tracks[0]
    assert (first.priority, first.popularity, first.isrc, first.seconds) == (25, 55, "QZDEM2600014", 14.0)
    assert saved.tracks[1].priority == 20, "without a popularity"
    assert (own.key, own.whole) == ("playlist:own1", True)
    assert (others.tracks, others.whole) == ((), False), "one that may not be read is there, and is not empty"


async def test_spotify_asks_us_to_wait(node: Runtime, world: World) -> None:
    world.wishes.limited = 1
    (saved,) = await spotify_lists(node, world, playlists=False)
    assert len(saved.tracks) == len(world.wishes.saved)


@pytest.mark.parametrize("kind", ["spotify", "listenbrainz"])
@pytest.mark.parametrize("fault", RUBBISH)
async def test_a_list_that_comes_broken_is_no_list(node: Runtime, world: World, fault: str, kind: str) -> None:
    number = await connect(node, world, kind)
    source = next(one for one in SOURCES if one.kind.name == kind)
    if kind == "spotify":
        await consent.grant(node, number)
    world.faults.set(kind, fault)
    with pytest.raises(NightcrewError):
        await source.read(await node.part(Connections).line(number))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", RUBBISH)
async def test_rubbish_is_no_library(node: Runtime, world: World, fault: str, kind: str) -> None:
    number = await connect(node, world, kind)
    world.faults.set(kind, fault)
    with pytest.raises(NightcrewError):
        await tracks(node, number)


async def test_listenbrainz_playlists(node: Runtime, world: World) -> None:
    world.wishes.limited = 1
    number = await connect(node, world, "listenbrainz")
    (one,) = await listenbrainz.read(await node.part(Connections).line(number))
    assert [track.title for track in one.tracks] == [song.title for song in world.wishes.listed]
    assert one.tracks[0].mbid == identity(world.wishes.listed[0])


async def test_fewer_playlists_than_there_are_say_nothing_of_the_others() -> None:
    class Half:
        name, settings = "LB", listenbrainz.ListenBrainzLogin(user="demo")

        async def json(self, *_: Any, **__: Any) -> Any:
            return {"playlists": [], "playlist_count": 2}

    with pytest.raises(Misread, match="there are 2 playlists, and gave 0"):
        await listenbrainz.read(cast("Any", Half()))


async def test_what_was_played_this_month_comes_first(node: Runtime, world: World) -> None:
    often, seldom, never = SONGS[12], SONGS[9], SONGS[6]
    world.wishes.plays = [(often, 31), (SONGS[0], 9), (seldom, 4)]
    number = await connect(node, world, "listenbrainz")
    source = next(one for one in SOURCES if one.kind.name == "listenbrainz")
    assert source.plays is not None
    line = await node.part(Connections).line(number)
    (one,) = await source.read(line)
    await listings.take(node.store, one.key, one.title, one.tracks, whole=True, due=False)

    async def noted() -> dict[str, tuple[int, int]]:
        await autosync._note_plays(node, autosync.Story("1", utcnow()), {})
        return {entry.title: (entry.plays, entry.priority) for entry in await wanted.unowned(node.store)}

    first = await noted()
    assert [first[song.shown] for song in (often, seldom, never)] == [(31, 20), (4, 14), (0, 10)]
    assert next(entry.title for entry in (await autosync.plan(node)).search) == often.shown
    await listings.take(node.store, one.key, one.title, one.tracks, whole=True, due=False)
    assert await noted() == first, "reading the list again changes no order"
    world.faults.set("listenbrainz", "503")
    assert await noted() == first, "nor does an outage"
    await actions.remove(node, number, actor="test")
    assert {plays for plays, _ in (await noted()).values()} == {0}, "what nobody counts any more leads nothing"


async def test_where_nothing_was_counted_nothing_was_played(node: Runtime, world: World) -> None:
    world.wishes.plays = []
    line = await node.part(Connections).line(await connect(node, world, "listenbrainz"))
    assert await listenbrainz.plays(line) == []


async def test_more_plays_than_a_page_has_are_all_read(node: Runtime, world: World) -> None:
    world.wishes.plays = [(song, 200 - at) for at, song in enumerate(SONGS * 15)][:205]
    line = await node.part(Connections).line(await connect(node, world, "listenbrainz"))
    found = await listenbrainz.plays(line)
    assert [one.count for one in found] == [count for _, count in world.wishes.plays if count > 0]


@pytest.mark.parametrize("fault", RUBBISH)
async def test_broken_statistics_change_nothing(node: Runtime, world: World, fault: str) -> None:
    line = await node.part(Connections).line(await connect(node, world, "listenbrainz"))
    world.faults.set("listenbrainz", fault)
    with pytest.raises(NightcrewError):
        await listenbrainz.plays(line)


@pytest.mark.parametrize("change", [lambda songs: [], lambda songs: songs[:1]], ids=["empty", "shorter"])
async def test_an_empty_list_forgets_nothing_and_a_shorter_one_what_it_lacks(
    node: Runtime, world: World, change: Callable[[list[DemoSong]], list[DemoSong]]
) -> None:
    number = await connect(node, world, "listenbrainz")
    line = await node.part(Connections).line(number)

    async def take() -> int:
        (one,) = await listenbrainz.read(line)
        whole = one.whole and bool(one.tracks)
        await listings.take(node.store, one.key, one.title, one.tracks, whole=whole, due=False)
        return sum(row["tracks"] for row in await listings.sources(node.store))

    before = await take()
    world.wishes.listed = change(world.wishes.listed)
    assert await take() == (before if not world.wishes.listed else 1)


async def test_a_plan_leaves_out_who_is_not_preferred_and_what_is_skipped(node: Runtime) -> None:
    new = [
        listings.NewTrack("a", "One", ("Preferred",), 10),
        listings.NewTrack("b", "Two", ("Other",), 20),
        listings.NewTrack("c", "Three", ("Preferred",), 30),
    ]
    await listings.take(node.store, "hand", "By hand", new, whole=False, due=False)
    await node.settings.change(node.store, {"music.artist_preferences": ["preferred"]}, actor="test")
    (third,) = await wanted.of_keys(node.store, ["c"])
    pause = autosync.rules.pause_after(3, 3, 0)
    await wanted.failed(node.store, third.id, FailureCause.SEARCH, "x", pause=pause, failures=3)
    made = await autosync.plan(node)
    assert ([one.title for one in made.search], made.skipped, made.not_preferred) == (["One"], 1, 1)


def test_every_kind_says_what_it_is_for() -> None:
    kinds: list[ConnectionKind] = [*(one.kind for one in LIBRARIES), spotify.KIND, listenbrainz.KIND]
    assert all(kind.help.endswith(".") and kind.title for kind in kinds)


class Straight:
    """A run of a job without its queue: each step is taken once."""

    def __init__(self, runtime: Runtime, number: int) -> None:
        self.runtime, self.id = runtime, f"music.autosync:{number}"

    async def step(self, _name: str, how: Callable[..., Any], *args: Any) -> Any:
        return await how(*args)

    async def progress(self, *_: Any) -> None:
        pass


SERVICES = ("plex", "jellyfin", "subsonic", "spotify", "listenbrainz")


@pytest.mark.parametrize("away", [*((one,) for one in SERVICES), ("plex", "subsonic", "spotify")], ids="+".join)
async def test_an_outage_makes_a_run_partial_and_costs_no_track_its_attempts(
    node: Runtime, world: World, away: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosync, "LONGEST", 0.0)  # nobody searches here
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.01)
    numbers = {kind: await connect(node, world, kind) for kind in SERVICES}
    await consent.grant(node, numbers["spotify"])
    new = [listings.NewTrack("k", "Never Shared", ("Nobody",), 10)]
    await listings.take(node.store, "hand", "By hand", new, whole=False, due=False)

    async def ran(number: int) -> tuple[str, dict[str, str], list[str]]:
        run: Any = Straight(node, number)
        said = await autosync.run(run)
        told = [one.kind for one in await node.activity.page(limit=100) if one.kind.endswith("_unavailable")]
        return said["status"], said["services"], told

    fine = dict.fromkeys((*SERVICES, "soulseek"), "ok") | {"soulseek": "skipped"}
    assert await ran(1) == ("completed", fine, [])
    before = await wanted.unowned(node.store)
    assert len(before) > 1
    for kind in away:
        world.faults.set(kind, "500")
    status, services, told = await ran(2)
    assert (status, services) == ("partial", fine | dict.fromkeys(away, "failed"))
    assert set(told) == {"plex_unavailable" if kind in KINDS else f"{kind}_unavailable" for kind in away}
    after = await wanted.unowned(node.store)
    assert [one.key for one in after] == [one.key for one in before], "what was wanted stays"
    assert {(one.failures, one.skips, one.cause) for one in after} == {(0, 0, None)}
    world.faults.clear()
    assert (await ran(3))[:2] == ("completed", fine)
