"""What must not happen: a good file lost or replaced, a library forgotten, a track stuck, a secret told."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from nightcrew.demo.audio import Audio
from nightcrew.demo.songs import SONGS, SharedFile
from nightcrew.demo.world import MUSIC, World
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections import actions as connections
from nightcrew.kernel.connections.lines import Connections
from nightcrew.kernel.errors import Conflict, NeedsUser, NightcrewError, NotFound
from nightcrew.kernel.runtime import Runtime
from nightcrew.kernel.store import now_of
from nightcrew.music import (
    actions,
    autosync,
    choosing,
    importing,
    library,
    matchmaking,
    pages,
    payload,
    placing,
    scanning,
    servers,
    sources,
    standing,
    syncing,
)
from nightcrew.music.libraries import subsonic
from nightcrew.music.models import DownloadStage, DownloadState, Offer, WantedEntry, WantedState
from nightcrew.music.owned import title_key
from nightcrew.music.remote import Remote
from nightcrew.music.slskd.shapes import FoundFile
from nightcrew.music.store import downloads, figures, listings, offers, wanted
from nightcrew.music.store import library as rows
from nightcrew.music.store.listings import NewTrack
from nightcrew.music.wishes.base import SourceList


@pytest.fixture
def node(resting: Runtime) -> Runtime:
    return resting


async def want(node: Runtime, title: str = "Greensleeves") -> WantedEntry:
    new = [NewTrack(title.lower(), title, ("Harbour Ensemble",), 10)]
    await listings.take(node.store, "hand", "By hand", new, whole=False, due=True)
    (entry,) = await wanted.of_keys(node.store, [title.lower()])
    return entry


async def offer(node: Runtime, entry: WantedEntry, peer: str = "a") -> Offer:
    row = {
        "wanted_id": entry.id, "peer": peer, "path": f"x\\{entry.title}.mp3", "size": 10, "seconds": None, "bitrate": 320,
        "free_slot": True, "queue": 0, "speed": 1, "confidence": 0.9, "explanation": "", "accepted": True,
        "search_id": "s", "connection_id": 1,
    }  # fmt: skip
    async with node.store.write() as connection:
        await offers.keep(node.store, connection, entry.id, [row])
    return next(one for one in await offers.of_wanted(node.store, entry.id) if one.peer == peer)


async def running(node: Runtime, entry: WantedEntry, **values: Any) -> int:
    """A download whose file has arrived."""
    one = await offer(node, entry)
    async with node.store.write() as connection:
        number = await choosing.begin(connection, one, attempt=1, since=tuple(WantedState))
        row = await downloads.get_in(connection, number)
        await downloads.change_state(
            connection, row, DownloadState.RUNNING, stage=DownloadStage.ARRIVED, due_in=0.0, **values
        )
    return number


# -- files -------------------------------------------------------------------------------------------------------------


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("keep", [True, False])
def test_a_file_is_put_whole_and_never_over_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, keep: bool
) -> None:
    if not links:
        no_links(monkeypatch)
    source, place = tmp_path / "in" / "x.mp3", tmp_path / "out" / "A" / "x.mp3"
    source.parent.mkdir()
    source.write_bytes(b"new")
    placing.put(source, place, keep=keep)
    assert place.read_bytes() == b"new" and source.exists() is keep
    source.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        placing.put(source, place, keep=keep)
    assert place.read_bytes() == b"new", "what is there stays"
    assert source.read_bytes() == b"newer", "and so does what could not be put there"
    assert [path.name for path in place.parent.iterdir()] == ["x.mp3"], "nothing is left beside it"


def test_a_copy_that_loses_the_race_for_its_name_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, place = tmp_path / "x.mp3", tmp_path / "out.mp3"
    source.write_bytes(b"new")
    link = os.link

    def late(one: Any, other: Any) -> None:
        if Path(one) == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        place.write_bytes(b"theirs")  # somebody takes the name while the file is copied
        link(one, other)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        placing.put(source, place, keep=False)
    assert place.read_bytes() == b"theirs" and source.exists()


async def test_a_file_that_has_changed_since_is_not_removed_as_the_wrong_song(node: Runtime) -> None:
    entry = await want(node)
    place = library.root_of(node) / "x.mp3"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"0123456789")
    number = await running(node, entry, library_path=str(place))
    async with node.store.write() as connection:
        row = await downloads.get_in(connection, number)
        await downloads.change_state(connection, row, DownloadState.COMPLETED)
    place.write_bytes(b"somebody has tagged it")
    with pytest.raises(Conflict, match="has changed since"):
        await actions.act_on_download(node, number, "reject", actor="test")
    assert place.exists() and (await downloads.get(node.store, number)).state is DownloadState.COMPLETED
    place.unlink()  # it can be said again, also when the file is gone
    await actions.act_on_download(node, number, "reject", actor="test")
    assert (await downloads.get(node.store, number)).state is DownloadState.FAILED


# -- libraries ---------------------------------------------------------------------------------------------------------


async def fill(node: Runtime, audio: Path, *names: str) -> Path:
    """A library with these files; returns its folder."""
    root = library.root_of(node)
    root.mkdir(parents=True, exist_ok=True)
    made = await Audio(audio).file(SharedFile(SONGS[0], "x", "mp3", 192))
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(made.read_bytes())
    return root


async def known(node: Runtime) -> int:
    return len(await rows.known_files(node.store, library.place_of(node)))


async def test_a_library_whose_disk_is_away_is_not_forgotten(node: Runtime, audio: Path) -> None:
    root = await fill(node, audio, *(f"A/{number}.mp3" for number in range(6)))
    assert await library.scan_folder(node) == 6
    away = root.rename(root.with_name("away"))
    root.mkdir()
    with pytest.raises(NeedsUser, match="is its disk mounted"):
        await library.scan_folder(node)
    with pytest.raises(NeedsUser, match="is its disk mounted"):
        await library.check_mounted(node, root)
    (root / "A").mkdir()
    (root / "A" / "0.mp3").write_bytes((away / "A" / "0.mp3").read_bytes())
    with pytest.raises(NeedsUser, match="music accept"):
        await library.scan_folder(node)
    assert await known(node) == 6
    await servers.accept(node, library.place_of(node))
    assert await library.scan_folder(node) == 1
    assert await known(node) == 1, "a person has said that it is right"


async def test_a_folder_that_cannot_be_read_is_not_gone(
    node: Runtime, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(node, audio, "A/1.mp3", "A/2.mp3", "B/3.mp3")
    await library.scan_folder(node)
    walk = os.walk

    def torn(root: Any, onerror: Any) -> Any:
        onerror(OSError(errno.EIO, "Input/output error", f"{root}/B"))
        return (one for one in walk(root) if not one[0].endswith("B"))

    monkeypatch.setattr(os, "walk", torn)
    with pytest.raises(NeedsUser, match="cannot be read: .*B: Input/output error"):
        await library.scan_folder(node)
    assert await known(node) == 3


async def test_a_name_that_is_no_text_stops_no_scan(node: Runtime, audio: Path) -> None:
    root = await fill(node, audio, "A/1.mp3")
    try:
        (root / "A" / os.fsdecode(b"\xe9t\xe9.mp3")).write_bytes((root / "A" / "1.mp3").read_bytes())
    except OSError:
        pytest.skip("this file system takes text alone")
    assert await library.scan_folder(node) == 2
    assert await known(node) == 2
    assert await library.scan_folder(node) == 2


async def test_what_is_imported_while_a_scan_goes_on_stays_known(
    node: Runtime, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await fill(node, audio, "A/1.mp3", "A/2.mp3")
    entry = await want(node)
    known_files = rows.known_files

    async def meanwhile(*args: Any) -> Any:
        found = await known_files(*args)
        await library.add_file(node, root / "A" / "2.mp3", entry.id)
        return found

    monkeypatch.setattr(rows, "known_files", meanwhile)
    await library.scan_folder(node)
    assert [one.key for one in await rows.fetched_for(node.store, entry.id)] == ["A/2.mp3"]


async def test_libraries_that_are_no_more_own_nothing(node: Runtime) -> None:
    track = {
        "place": "connection:77", "key": "1", "title": "Greensleeves", "artist": "Harbour Ensemble", "album": "",
        "seconds": None, "isrc": "", "mbid": "", "title_key": "greensleeves", "size": 0, "changed": 0.0,
    }  # fmt: skip
    await rows.put(node.store, [track])
    entry = await want(node)
    assert await library.owned_among(node, [entry])
    assert await servers.drop_gone(node) == 1
    assert not await library.owned_among(node, [entry])
    await has(node, "Greensleeves", place="folder:laptop")
    await figures.put(node.store, {"worker.scan.tried.laptop": (utcnow() - servers.STOPPED_FOR / 2).isoformat()})
    assert await servers.drop_gone(node) == 0, "a machine that is stopped may be started again"
    await figures.put(node.store, {"worker.scan.tried.laptop": (utcnow() - servers.STOPPED_FOR).isoformat()})
    assert await servers.drop_gone(node) == 1
    with pytest.raises(NotFound):
        await servers.accept(node, "connection:77")


# -- tracks ------------------------------------------------------------------------------------------------------------


async def test_a_track_whose_files_were_all_refused_is_searched_for_again(node: Runtime) -> None:
    entry = await want(node)
    one = await offer(node, entry)
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.REVIEW)
    await actions.reject_offer(node, one.id, actor="test")
    after = await wanted.get(node.store, entry.id)
    assert after.state is WantedState.MISSING and after.due_at is not None


async def test_what_a_person_has_ignored_meanwhile_is_not_fetched(node: Runtime) -> None:
    entry = await want(node)
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.MATCHING)
    async with node.store.write() as connection:
        await offers.queue(connection, entry.id, "not json")
    (job,) = await offers.claim(node.store, by=node.node, limit=1)
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.IGNORED)
    one = await offer(node, entry)
    with pytest.raises(Conflict):
        async with node.store.write() as connection:
            await choosing.begin(connection, one, attempt=1, since={WantedState.MATCHING})
    assert await downloads.page(node.store, limit=5) == [], "nothing of it was stored"
    await matchmaking._match_one(node, job, node.settings.of(matchmaking.MusicSettings), matchmaking.MatchBatch())
    assert (await wanted.get(node.store, entry.id)).state is WantedState.IGNORED


async def test_an_invalid_payload_fails_and_is_never_called_done(node: Runtime) -> None:
    entry = await want(node)
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.MATCHING)
    async with node.store.write() as connection:
        await offers.queue(connection, entry.id, '{"wanted_id": 1}')
    await matchmaking.match(node)
    async with node.store.read() as connection:
        row = (await connection.execute(offers.match_job.select())).mappings().one()
    assert row["state"] == "failed" and row["error"].startswith("invalid_payload")
    assert (await wanted.get(node.store, entry.id)).state is WantedState.MISSING
    (told,) = await node.activity.page(kind="matching_failed", limit=9)
    assert "invalid_payload" in told.message


async def test_a_search_that_cannot_be_matched_keeps_no_other_from_it(
    node: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [await want(node, title) for title in ("Greensleeves", "Shenandoah")]
    for entry in entries:
        await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.MATCHING)
        text = payload.written(payload.Search(entry.id, 1, "s"), [FoundFile("a", "x.mp3", 9, None, None, True, 0, 1)])
        async with node.store.write() as connection:
            await offers.queue(connection, entry.id, text)
    score = matchmaking.score

    def odd(entry: WantedEntry, *rest: Any) -> Any:
        if entry.title == "Greensleeves":
            raise ZeroDivisionError("odd")
        return score(entry, *rest)

    monkeypatch.setattr(matchmaking, "score", odd)
    await matchmaking.match(node)
    async with node.store.read() as connection:
        errors = (
            (await connection.execute(sa.select(offers.match_job.c.error).order_by(offers.match_job.c.id)))
            .scalars()
            .all()
        )
    assert errors == ["ZeroDivisionError: odd", "no_match"]
    found = await wanted.of_ids(node.store, [one.id for one in entries])
    assert {one.state for one in found.values()} == {WantedState.MISSING}
    (told,) = await node.activity.page(kind="matching_failed", limit=9)
    assert "Greensleeves" in told.message


async def test_a_track_that_is_removed_takes_everything_along(node: Runtime) -> None:
    entry = await want(node)
    number = await running(node, entry)
    await actions.remove(node, entry.id, actor="test")
    with pytest.raises(NotFound):
        await downloads.get(node.store, number)
    other = await want(node, "Shenandoah")
    assert await offers.of_wanted(node.store, other.id) == []
    assert await downloads.of_wanted(node.store, other.id) == []


async def test_one_machine_imports_and_one_that_does_not_see_the_file_leaves_it_to_another(node: Runtime) -> None:
    entry = await want(node)
    number = await running(node, entry)
    row = await downloads.get(node.store, number)
    assert await downloads.take(node.store, row, "other")
    assert not await downloads.take(node.store, row, node.node), "another one has it by now"
    taken = await downloads.get(node.store, number)
    await syncing._import(node, taken, {node.node, "other"})
    assert (await downloads.get(node.store, number)).node == "other"
    assert "at other" in await importing._import(node, number)
    assert await downloads.take(node.store, taken, "other"), "it goes on with it after a restart"


async def test_nothing_more_is_fetched_while_many_files_wait_for_the_library(
    node: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "BACKLOG", 2)
    for title in ("Greensleeves", "Shenandoah"):
        assert await syncing._room(node) == 2
        await running(node, await want(node, title))
    assert (await downloads.under_way(node.store, patience=syncing.PATIENCE)).arrived == 2
    assert await syncing._room(node) == 0


# -- secrets -----------------------------------------------------------------------------------------------------------


async def test_a_password_that_is_sent_itself_is_told_to_nobody(node: Runtime, tmp_path: Path) -> None:
    async with World(live=False, services=MUSIC, streams=tmp_path / "world") as world:
        settings = {"user": "demo", "password": "a long secret", "plain": True}
        values = {"kind": "subsonic", "name": "S", "address": f"{world.url}/subsonic", "settings": settings}
        number = (await connections.add(node, values, actor="test")).id
        world.faults.set("subsonic", "500")
        line = await node.part(Connections).line(number)
        with pytest.raises(NightcrewError) as problem:
            await subsonic.counts(line)
    told = f"{problem.value} {[one.message for one in await node.activity.page(limit=50)]}"
    assert "a long secret" not in told and b"a long secret".hex() not in told


async def test_figures_are_counted_over_nodes(node: Runtime) -> None:
    await figures.add(node.store, {"metrics.sync.jobs_completed": 2})
    await figures.add(node.store, {"metrics.sync.jobs_completed": 3})
    assert (await figures.every(node.store))["metrics.sync.jobs_completed"] == 5


# -- lists -------------------------------------------------------------------------------------------------------------


async def listed(node: Runtime, source: str, *titles: str, whole: bool = True, due: bool = True) -> list[WantedEntry]:
    """What a list wants now; returns all of these tracks."""
    new = [NewTrack(title.lower(), title, ("Harbour Ensemble",), 10) for title in titles]
    await listings.take(node.store, source, source, new, whole=whole, due=due)
    return sorted(await wanted.of_keys(node.store, [one.key for one in new]), key=lambda one: one.title)


async def claimed(node: Runtime) -> list[str]:
    return [one.title for one in await wanted.claim(node.store, by="x", limit=9, starting=9)]


async def test_a_track_that_no_list_wants_any_more_is_not_searched_for(node: Runtime) -> None:
    one, two = await listed(node, "list:a", "Greensleeves", "Shenandoah")
    await listed(node, "list:b", "Shenandoah")
    await listed(node, "list:a", "Home")
    assert (await wanted.get(node.store, one.id)).state is WantedState.UNLISTED
    assert (await wanted.get(node.store, two.id)).state is WantedState.MISSING, "another list wants it"
    assert sorted(await claimed(node)) == ["Home", "Shenandoah"]
    await listed(node, "list:a", "Greensleeves", whole=False)
    assert await claimed(node) == ["Greensleeves"], "it is wanted again"


async def test_what_is_under_way_for_a_track_that_no_list_wants_comes_to_an_end(node: Runtime) -> None:
    (entry,) = await listed(node, "list:a", "Greensleeves")
    one = await offer(node, entry)
    async with node.store.write() as connection:
        number = await choosing.begin(connection, one, attempt=1, since=tuple(WantedState))
    assert await listings.drop(node.store, {"list:a"}) == 1
    assert (await wanted.get(node.store, entry.id)).state is WantedState.DOWNLOADING
    await syncing._sync_one(node, Remote(cast("Any", None), [], online=True), await downloads.get(node.store, number))
    assert (await downloads.get(node.store, number)).state is DownloadState.CANCELLED
    assert await claimed(node) == []
    await listings.settle(node.store)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.UNLISTED


@pytest.mark.parametrize("action", ["search", "want"])
async def test_a_track_that_a_person_asks_for_needs_no_list(node: Runtime, action: Any) -> None:
    (entry,) = await listed(node, "list:a", "Greensleeves")
    await listings.drop(node.store, {"list:a"})
    await actions.act_on_wanted(node, entry.id, action, actor="test")
    await listings.settle(node.store)
    assert await claimed(node) == ["Greensleeves"]
    await listings.drop(node.store, {"list:a"})
    assert (await wanted.get(node.store, entry.id)).state is WantedState.MISSING


async def test_a_file_that_a_person_chooses_is_fetched_without_a_list(node: Runtime) -> None:
    (entry,) = await listed(node, "list:a", "Greensleeves")
    one = await offer(node, entry)
    await listings.drop(node.store, {"list:a"})
    await actions.choose(node, one.id, actor="test")
    assert [row.source for row in (await listings.of_tracks(node.store, [entry.id]))[entry.id]] == ["hand"]


async def test_a_playlist_that_is_gone_wants_nothing_and_one_that_cannot_be_read_stays(node: Runtime) -> None:
    def new(title: str) -> SourceList:
        return SourceList(f"playlist:{title}", title, [NewTrack(title.lower(), title, ("Harbour Ensemble",), 10)])

    async def left() -> set[str]:
        return {key.rpartition(":")[2] for key in await listings.source_keys(node.store, "connection:")}

    a, b, c = new("A"), new("B"), new("C")
    await autosync._take(node, 7, [a, b, c])
    await autosync._take(node, 7, [])
    await autosync._take(node, 7, [replace(a, tracks=())])
    assert await left() == {"A", "B", "C"}, "an empty answer forgets nothing"
    await autosync._take(node, 7, [a, replace(b, tracks=(), whole=False)])
    assert await left() == {"A", "B"}
    states = {one.title: one.state for one in await wanted.of_keys(node.store, ["a", "b", "c"])}
    assert states == {"A": WantedState.MISSING, "B": WantedState.MISSING, "C": WantedState.UNLISTED}
    await listings.take(node.store, "list:mine", "Mine", a.tracks, whole=True, due=False)
    assert await sources.drop_gone(node) == 2, "there is no connection 7"
    states = {one.title: one.state for one in await wanted.of_keys(node.store, ["a", "b", "c"])}
    assert states == {"A": WantedState.MISSING, "B": WantedState.UNLISTED, "C": WantedState.UNLISTED}


# -- what libraries have -----------------------------------------------------------------------------------------------


async def has(node: Runtime, *titles: str, place: str = "connection:1", **values: Any) -> None:
    """A library has these tracks."""
    track = {
        "place": place, "artist": "Harbour Ensemble", "album": "Tunes", "seconds": 14.0, "isrc": "", "mbid": "", "size": 0,
        "changed": 0.0,
    }  # fmt: skip
    made = [{**track, "key": title, "title": title, "title_key": title_key(title), **values} for title in titles]
    await rows.put(node.store, made)


async def a_day_later(node: Runtime) -> None:
    """What was marked as gone has been so for a day, and is looked for again."""
    async with node.store.write() as connection:
        marked = wanted.wanted.c.state == WantedState.OWNED, wanted.wanted.c.due_at.is_not(None)
        past = await now_of(connection) - timedelta(seconds=1)
        await connection.execute(wanted.wanted.update().where(*marked).values(due_at=past))
    await library.note_lost(node)


async def test_a_track_that_no_library_has_for_a_day_is_missing_again(node: Runtime) -> None:
    one, two, three = await listed(node, "list:a", "Greensleeves", "Home", "Shenandoah")
    await has(node, "Greensleeves", "Home")
    await has(node, "Shenandoah", place=library.place_of(node), wanted_id=three.id, title="Track 3", title_key="track3")
    await library.note_all_owned(node)
    await wanted.move(node.store, three.id, since=tuple(WantedState), state=WantedState.OWNED)

    async def stand() -> list[WantedState]:
        found = await wanted.of_ids(node.store, [one.id, two.id, three.id])
        return [found[each.id].state for each in (one, two, three)]

    await a_day_later(node)
    assert set(await stand()) == {WantedState.OWNED}, "what was fetched for a track is it, whatever its name is"
    await rows.drop(node.store, "connection:1", ["Greensleeves", "Home"])
    await library.note_lost(node)
    await library.note_lost(node)
    assert set(await stand()) == {WantedState.OWNED}, "it may be there again soon"
    await has(node, "Home", place="connection:2")
    await a_day_later(node)
    assert await stand() == [WantedState.MISSING, WantedState.OWNED, WantedState.OWNED]
    assert (await wanted.get(node.store, two.id)).due_at is None, "it is not gone any more"
    assert [entry.title for entry in (await autosync.plan(node)).search] == ["Greensleeves"]


async def test_many_tracks_that_are_gone_at_once_are_fetched_again_only_if_a_person_says_so(node: Runtime) -> None:
    titles = [f"Song {chr(97 + number)}" for number in range(library.LOST_AT_ONCE + 2)]
    entries = await listed(node, "list:a", *titles)
    await has(node, *titles)
    await library.note_all_owned(node)
    await rows.drop(node.store, "connection:1", titles)

    async def missing() -> int:
        return (await wanted.counts(node.store)).get("missing", 0)

    await library.note_lost(node)
    await a_day_later(node)
    assert await missing() == 0 and await library.held(node) == len(titles)
    assert [need for need in await standing.needs(node) if "music accept gone" in need.message]
    await has(node, *titles[:2])
    await a_day_later(node)
    assert await library.held(node) == 0 and await missing() == len(titles) - 2, "these are few"
    await has(node, *titles)
    await library.note_all_owned(node)
    await rows.drop(node.store, "connection:1", titles)
    await library.note_lost(node)
    await a_day_later(node)
    await actions.accept_library(node, library.GONE, actor="test")
    assert await missing() == len(entries) and not await library.held(node)
    with pytest.raises(NotFound):
        await actions.accept_library(node, library.GONE, actor="test")


async def test_what_a_person_has_chosen_stays_whatever_it_is_called(node: Runtime) -> None:
    entry = await want(node)
    number = await running(node, entry)
    async with node.store.write() as connection:
        row = await downloads.get_in(connection, number)
        await downloads.change_state(connection, row, DownloadState.COMPLETED, forced=True)
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.OWNED)
    ended = (await downloads.get(node.store, number)).ended_at
    assert ended is not None and await downloads.forget_old(node.store, ended + timedelta(days=100)) == 0
    await library.note_lost(node)
    await a_day_later(node)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.OWNED


async def test_what_was_fetched_is_not_fetched_again_though_its_file_was_moved(node: Runtime) -> None:
    entry = await want(node)
    await fetched(node, entry)
    await rows.drop(node.store, library.place_of(node), ["x.mp3"])
    await library.note_lost(node)
    await a_day_later(node)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.OWNED


async def test_a_track_that_is_listed_while_it_is_laid_to_rest_is_wanted_again(node: Runtime) -> None:
    (entry,) = await listed(node, "list:a", "Greensleeves")
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.UNLISTED)
    await listings.settle(node.store)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.MISSING


async def test_nothing_is_missing_again_while_a_library_cannot_be_read(
    node: Runtime, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(node, audio, "A/1.mp3")
    (entry,) = await listed(node, "list:a", "Shenandoah")
    await wanted.move(node.store, entry.id, since=tuple(WantedState), state=WantedState.OWNED)
    walk = library._walk
    monkeypatch.setattr(library, "_walk", lambda root: library.FolderContent(walk(root).files, "B: Input/output error"))
    with pytest.raises(NeedsUser):
        await scanning.scan(node)
    assert (await wanted.get(node.store, entry.id)).due_at is None
    monkeypatch.setattr(library, "_walk", walk)
    await scanning.scan(node)
    assert (await wanted.get(node.store, entry.id)).due_at is not None


async def fetched(node: Runtime, entry: WantedEntry, name: str = "x.mp3") -> int:
    """A file of a track that is in the library; returns its download."""
    place = library.root_of(node) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"0123456789")
    number = await running(node, entry, library_path=str(place))
    async with node.store.write() as connection:
        row = await downloads.get_in(connection, number)
        await downloads.change_state(connection, row, DownloadState.COMPLETED)
        await wanted.move_in(connection, entry.id, since=tuple(WantedState), state=WantedState.OWNED)
    values = {"title": entry.title, "title_key": title_key(entry.title), "wanted_id": entry.id}
    await has(node, name, place=library.place_of(node), **values)
    return number


async def test_the_wrong_song_stays_wrong_though_a_server_still_has_its_file(node: Runtime) -> None:
    entry = await want(node)
    number = await fetched(node, entry)
    await has(node, "Greensleeves", seconds=14.4, artist="Harbour Ensemble; Somebody")
    await actions.act_on_download(node, number, "reject", actor="test")
    await has(node, "Greensleeves", place="connection:2", album="")
    await library.note_all_owned(node)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.MISSING
    other = await want(node, "Greensleeves (Remastered)")
    assert await library.owned_among(node, [other]), "it may be right for another track"
    assert await servers.drop_gone(node) == 2
    await has(node, "Greensleeves", album="Another Album")
    await library.note_all_owned(node)
    assert (await wanted.get(node.store, entry.id)).state is WantedState.OWNED, "another file is another one"


async def test_a_file_that_came_to_nothing_long_ago_may_be_rejected_without_the_track(node: Runtime) -> None:
    entry = await want(node)
    number = await running(node, entry)
    async with node.store.write() as connection:
        row = await downloads.get_in(connection, number)
        await downloads.change_state(connection, row, DownloadState.FAILED, "it timed out")
    await fetched(node, entry)
    await actions.act_on_download(node, number, "reject", actor="test")
    assert (await wanted.get(node.store, entry.id)).state is WantedState.OWNED
    (one,) = await offers.of_wanted(node.store, entry.id)
    assert one.final


async def test_the_wrong_one_of_two_files_leaves_the_other(node: Runtime) -> None:
    entry = await want(node)
    first = await fetched(node, entry, "1.mp3")
    await fetched(node, entry, "2.mp3")
    await actions.act_on_download(node, first, "reject", actor="test")
    assert (await wanted.get(node.store, entry.id)).state is WantedState.OWNED
    assert [one.key for one in await rows.fetched_for(node.store, entry.id)] == ["2.mp3"]


async def test_a_file_in_the_library_of_before_waits_and_says_where_it_is(node: Runtime, tmp_path: Path) -> None:
    entry = await want(node)
    place = library.root_of(node) / "x.mp3"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"0123456789")
    number = await running(node, entry, library_path=str(place))
    await downloads.note(node.store, number, stage=DownloadStage.PLACED, node=node.node)
    (tmp_path / "new").mkdir()
    await node.settings.change(node.store, {"music.library": str(tmp_path / "new")}, actor="test")
    assert "waits" in await importing._import(node, number)
    assert "move it there" in (await downloads.get(node.store, number)).error


async def test_a_steady_supply_of_new_tracks_starves_no_other(node: Runtime) -> None:
    names = ("Failed", "Fresh", "Old", "Saved")
    found = dict(zip(names, await listed(node, "list:a", *names), strict=True))

    async def order(**hours: float) -> list[str]:
        async with node.store.write() as connection:
            now = await now_of(connection)
            for name, entry in found.items():
                values = {
                    "due_at": now - timedelta(hours=hours.get(name, 0)),
                    "until": None,
                    "failures": name == "Failed",
                }
                values["priority"] = 20 if name == "Saved" else 10
                await connection.execute(wanted.wanted.update().where(wanted.wanted.c.id == entry.id).values(values))
        return await claimed(node)

    assert await order() == ["Saved", "Fresh", "Old", "Failed"]
    assert await order(Old=9) == ["Saved", "Old", "Fresh", "Failed"]
    assert await order(Old=11, Failed=30) == ["Old", "Saved", "Fresh", "Failed"]
    assert await order(Failed=70) == ["Failed", "Saved", "Fresh", "Old"]
    await wanted.move(node.store, found["Fresh"].id, since=tuple(WantedState), search_step=1, due_in=-1.0)
    async with node.store.write() as connection:
        await connection.execute(wanted.wanted.update().values(until=None))
    assert (await claimed(node))[0] == "Fresh", "what has begun is ended"


# -- what people read --------------------------------------------------------------------------------------------------


async def test_downloads_that_run_are_shown_before_newer_ones_that_are_over(node: Runtime) -> None:
    first = await running(node, await want(node, "Greensleeves"))
    for number in range(pages.LATEST + 3):
        ended = await running(node, await want(node, f"Tune {number}"))
        async with node.store.write() as connection:
            row = await downloads.get_in(connection, ended)
            await downloads.change_state(connection, row, DownloadState.FAILED, "it failed")
    shown = [row for row, _ in (await pages._downloads(node))["downloads"]]
    assert (shown[0].id, len(shown)) == (first, pages.LATEST)


async def test_wanted_tracks_are_shown_by_source(node: Runtime) -> None:
    await listed(node, "list:a & b", "Greensleeves", "Home")
    await listed(node, "list:c", "Shenandoah")
    shown = await pages._wanted(node, "open", "", "list:a & b", 0)
    assert sorted(row.title for row, _ in shown["tracks"]) == ["Greensleeves", "Home"]
    assert shown["source"]["title"] == "list:a & b"
    assert shown["tabs"][0] == ("/music?show=open&source=list%3Aa+%26+b", "Open", True, 2)


async def test_a_library_that_is_accepted_is_called_by_its_name(node: Runtime) -> None:
    values = {"kind": "jellyfin", "name": "Living room", "address": "http://127.0.0.1:9", "settings": {"api_key": "x"}}
    number = (await connections.add(node, values, actor="test")).id
    assert await servers.name_of(node, servers.place_of(number)) == "Living room"
    assert await servers.name_of(node, library.place_of(node)) == f"The music folder of {node.node}"


async def test_a_plan_counts_all_that_is_in_the_library(node: Runtime) -> None:
    one, _ = await listed(node, "list:a", "Greensleeves", "Home")
    await wanted.move(node.store, one.id, since=tuple(WantedState), state=WantedState.OWNED)
    await has(node, "Home")
    assert (await autosync.plan(node)).owned == 2
