"""From a wanted track to a verified file in the library, with real parts and slskd's habits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nightcrew.demo.songs import SONGS, DemoPeer, SharedFile
from nightcrew.demo.world import World
from nightcrew.music import syncing
from nightcrew.music.matching.decision import confidence_of
from nightcrew.music.matching.model import MatchParts
from nightcrew.music.models import DownloadStage, DownloadState, FailureCause, WantedState
from nightcrew.music.searching import SearchGate
from nightcrew.music.store import downloads, figures, listings, wanted
from nightcrew.music.store.listings import NewTrack
from shop import Shop
from support import Node, running, until

OWNED, MISSING, REVIEW = WantedState.OWNED, WantedState.MISSING, WantedState.REVIEW
GREENSLEEVES = ("Harbour Ensemble", "Greensleeves", 14.0)


async def test_a_wanted_track_is_found_in_the_library(shop: Any) -> None:
    number = await shop.want(*GREENSLEEVES, album="Tunes of the Tide", number=1)
    entry = await shop.stands(number, OWNED)
    assert shop.library == ["Harbour Ensemble/Tunes of the Tide/01 Greensleeves.flac"]
    assert entry.reason.startswith("imported (0.99: title 1.00, artist 1.00, length +0 s, album fits")
    detail = await shop.detail(number)
    assert [one["state"] for one in detail["downloads"]] == ["completed"]
    assert any("another version (live)" in one["explanation"] for one in detail["offers"])
    for one in detail["offers"]:  # each decision can be made again from what was stored
        if one["accepted"]:
            parts = MatchParts(**one["parts"])
            assert confidence_of(parts) == pytest.approx(one["confidence"], abs=0.0001)
            assert f"title {parts.title:.2f}" in one["explanation"]
    assert len(shop.network.searched) == 1
    assert not list((shop.network.folder / "downloads").rglob("*.flac")), "it was moved"

    async def counted() -> bool:  # a moment after it is told
        found = await shop.node.get("/api/v1/music/status")
        return (found["metrics.sync.jobs_completed"], found["plex_track_count"]) == (1, 1)

    await until(counted)
    found = await shop.node.get("/api/v1/music/status")
    assert found["worker.sync.last_start"] is not None


@pytest.mark.parametrize(
    ("artist", "title", "seconds", "why"),
    [
        ("Harbour Ensemble", "Scarborough Fair", 16.0, "truncated"),
        ("Lantern Quartet", "Auld Lang Syne", 12.0, "wrong length"),
        ("Lantern Quartet", "Londonderry Air", 17.0, "transcoded"),
    ],
)
async def test_a_bad_file_is_told_and_the_next_one_is_taken(
    shop: Any, artist: str, title: str, seconds: float, why: str
) -> None:
    number = await shop.want(artist, title, seconds)
    await shop.stands(number, OWNED)
    detail = await shop.detail(number)
    bad = next(one for one in detail["downloads"] if one["state"] == "failed" and one["peer"] == "@@archive")
    assert why in bad["error"]
    assert next(one for one in detail["offers"] if one["path"] == bad["path"])["verdict"] == bad["error"]
    assert len(shop.library) == 1 and shop.library[0].endswith(".mp3")


@pytest.mark.parametrize("others", [(), ("stage door",)])
async def test_a_transcoded_file_is_taken_and_marked_where_there_is_no_better_one(
    shop: Any, others: tuple[str, ...]
) -> None:
    """The others have a live version alone, which is another recording."""
    shop.network.network = tuple(one for one in shop.network.network if one.name in {"@@archive", *others})
    number = await shop.want("Lantern Quartet", "Londonderry Air", 17.0)
    entry = await shop.stands(number, OWNED)
    assert "transcoded from a lossy file" in entry.reason
    assert shop.library[0].endswith(".flac")


async def test_a_transcoded_file_is_fetched_again_when_the_better_ones_have_failed(shop: Any) -> None:
    shop.network.network = tuple(
        one if one.name == "@@archive" else replace(one, refuses=True)
        for one in shop.network.network
        if one.name in {"@@archive", "basement"}
    )
    number = await shop.want("Lantern Quartet", "Londonderry Air", 17.0)
    entry = await shop.stands(number, OWNED)
    assert "transcoded" in entry.reason
    assert [one["state"] for one in (await shop.detail(number))["downloads"]].count("failed") == 2


async def test_an_artist_whose_name_the_server_drops_is_found_by_another_step(shop: Any) -> None:
    number = await shop.want("The Corsairs", "Drunken Sailor", 12.0)
    await shop.stands(number, OWNED)
    texts = [one.text for one in shop.network.searches.values()]
    assert texts == ["Corsairs Drunken Sailor", "*orsairs Drunken Sailor"]


async def test_what_nobody_shares_is_tried_again_a_day_later(shop: Any) -> None:
    number = await shop.want("The Missing", "Nobody Knows It")
    entry = await shop.stands(number, MISSING)
    assert (entry.cause, entry.failures) == (FailureCause.NO_RESULTS, 1)
    assert entry.due_at is not None and entry.tried_at is not None
    assert 86_000 < (entry.due_at - entry.tried_at).total_seconds() < 86_401
    await until(lambda: _was_told(shop, "soulseek_no_results"))


async def test_a_track_that_the_library_has_is_never_fetched(shop: Any) -> None:
    first = await shop.want(*GREENSLEEVES)
    await shop.stands(first, OWNED)
    again = await shop.want("harbour ensemble", "GREENSLEEVES (Remastered 2011)")
    assert again != first
    entry = await shop.stands(again, OWNED)
    assert entry.reason == "in the library as Harbour Ensemble - Greensleeves"
    assert len(shop.network.searched) == 1


async def test_files_that_are_not_good_enough_are_not_fetched(shop: Any) -> None:
    await shop.node.patch("/api/v1/settings", {"music.autosync_preferred_formats": ["opus"]})
    number = await shop.want(*GREENSLEEVES)
    entry = await shop.stands(number, MISSING)
    assert entry.cause is FailureCause.QUALITY
    assert "its format is flac" in entry.reason
    assert not shop.network.transfers
    await until(lambda: _was_told(shop, "soulseek_low_quality"))


async def _was_told(shop: Shop, kind: str) -> bool:
    """A moment after the track stands so."""
    return kind in [one["kind"] for one in (await shop.node.get("/api/v1/activity"))["items"]]


async def test_a_file_that_turns_out_to_be_too_poor_fails_by_its_quality(shop: Any) -> None:
    song = next(one for one in SONGS if one.title == "Greensleeves")
    poor = SharedFile(song, "music\\Harbour Ensemble - Greensleeves.mp3", "mp3", 96)
    shop.network.network = (DemoPeer("basement", (poor,)),)
    shop.network.untold = True
    number = await shop.want("Harbour Ensemble", "Greensleeves")
    entry = await shop.stands(number, MISSING)
    assert (entry.cause, shop.library) == (FailureCause.QUALITY, [])
    assert "it has 96 kbit/s" in entry.reason
    (offer,) = (await shop.detail(number))["offers"]
    await shop.node.post(f"/api/v1/music/offers/{offer['id']}/choose")
    await shop.stands(number, OWNED)


async def test_the_same_on_postgresql(world: World, quick: None, tmp_path: Path, postgres: str) -> None:
    async with running(tmp_path / "data", database_url=postgres) as node:
        connection = await node.post("/api/v1/connections", world.services()["slskd"])
        shop = Shop(node, world, connection)
        number = await shop.want("Harbour Ensemble", "Scarborough Fair", 16.0)
        await shop.stands(number, OWNED)
        assert len(shop.library) == 1
        detail = await shop.detail(number)
        await node.post(f"/api/v1/music/downloads/{detail['downloads'][0]['id']}/reject")
        assert shop.library == [] and (await shop.entry(number)).state is REVIEW
        for part in ("music", "music?q=fair", f"music/tracks/{number}", "fragments/music/library"):
            assert (await node.http.get(f"/{part}")).status_code == 200
        job = (await node.post("/api/v1/music/autosync"))["job"]
        assert (await node.runtime.jobs.wait(job, limit=60)).describe()["state"] == "done"


# -- slskd's habits ----------------------------------------------------------------------------------------------------


async def test_a_busy_slskd_costs_nothing(shop: Any) -> None:
    shop.network.busy = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: shop.world.counters["slskd"] > 3)
    entry = await shop.entry(number)
    assert entry.state in {WantedState.MISSING, WantedState.SEARCHING} and entry.failures == 0
    shop.network.busy = False
    await shop.stands(number, OWNED)


async def test_an_outage_costs_no_track_its_attempts(shop: Any) -> None:
    shop.network.connected = False
    number = await shop.want(*GREENSLEEVES)

    async def told() -> bool:
        return "not connected" in (await shop.entry(number)).reason

    await until(told)
    entry = await shop.entry(number)
    assert (entry.failures, entry.cause) == (0, None)
    shop.network.connected = True
    await shop.node.post(f"/api/v1/music/wanted/{number}/ignore")
    await shop.node.post(f"/api/v1/music/wanted/{number}/want")
    await shop.stands(number, OWNED)


async def test_a_restart_of_slskd_starts_nothing_twice(shop: Any) -> None:
    shop.network.stuck = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: len(shop.network.transfers) == 1)
    (row,) = await downloads.page(shop.store, limit=5)
    shop.network.restart()
    assert len(shop.network.transfers) == 2, "slskd itself enqueues it again, under a new id"
    shop.network.stuck = False
    await shop.stands(number, OWNED)
    assert len(shop.network.transfers) == 2, "we did not"
    assert (await downloads.get(shop.store, row.id)).state is DownloadState.COMPLETED


async def test_a_download_without_progress_fails_and_the_next_one_is_taken(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "STALLED", syncing.STALLED * 0.001)
    archive = next(one for one in shop.network.network if one.name == "@@archive")
    slow = replace(archive, queue=100_000)
    shop.network.network = tuple(slow if one is archive else one for one in shop.network.network)
    number = await shop.want(*GREENSLEEVES)
    await shop.stands(number, OWNED)
    first, *_ = reversed((await shop.detail(number))["downloads"])
    assert first["peer"] == "@@archive" and "no progress" in first["error"]
    assert shop.network.transfers[0].state == "Completed, Cancelled", "slskd was told"


async def test_an_unknown_state_changes_nothing(shop: Any) -> None:
    shop.network.stuck = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: shop.network.transfers)
    shop.network.transfers[0].state = "Pondering"

    async def seen() -> bool:
        (row,) = await downloads.page(shop.store, limit=5)
        return row.remote_state == "Pondering"

    await until(seen)
    assert (await shop.entry(number)).state is WantedState.DOWNLOADING
    shop.network.stuck = False
    await shop.stands(number, OWNED)


async def test_one_that_forgets_a_download_gets_it_again(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "ABSENT", syncing.ABSENT * 0.01)
    shop.network.stuck = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: shop.network.transfers)
    shop.network.transfers.clear()
    shop.network.batches.clear()
    await until(lambda: shop.network.transfers)
    shop.network.stuck = False
    await shop.stands(number, OWNED)


async def test_an_older_slskd_without_batches(
    audio: Path, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.demo.soulseek.Soulseek.version", "0.22.5", raising=False)
    world = World(live=False, services=_old(), streams=tmp_path / "world")
    async with world, running(tmp_path / "data") as node:
        world.soulseek.begin(tmp_path / "slskd", audio)
        world.soulseek.delay, world.soulseek.version = 0.1, "0.22.5"
        await node.post("/api/v1/connections", world.services()["slskd"])
        body = {"title": "Scarborough Fair", "artists": ["Harbour Ensemble"], "seconds": 16}
        number = (await node.post("/api/v1/music/wanted", body))["id"]
        await until(lambda: _owned(node, number), 60.0)
        found = await node.get(f"/api/v1/music/wanted/{number}")
        assert {one["state"] for one in found["downloads"]} == {"failed", "completed"}
        assert all(one.batch is None for one in world.soulseek.transfers)


def _old() -> tuple[Any, ...]:
    from nightcrew.demo import slskd
    from nightcrew.demo.scene import Scene

    def routes(scene: Scene) -> list[Any]:
        scene.soulseek.version = "0.22.5"
        return slskd.routes(scene)

    return (routes,)


async def _owned(node: Node, number: int) -> bool:
    return bool((await node.get(f"/api/v1/music/wanted/{number}"))["track"]["state"] == "owned")


async def test_a_wrong_key_needs_a_person_and_no_track_pays(shop: Any) -> None:
    body = {"settings": {"api_key": "wrong"}}
    await shop.node.patch(f"/api/v1/connections/{shop.connection['id']}", body)
    number = await shop.want(*GREENSLEEVES)

    async def told() -> bool:
        return "waits" in (await shop.entry(number)).reason or "slskd" in (await shop.entry(number)).reason

    await until(told)
    assert (await shop.entry(number)).failures == 0
    assert any("Demo slskd" in need.message for need in await shop.node.runtime.health.needs())


# -- people ------------------------------------------------------------------------------------------------------------


async def test_the_wrong_song_goes_and_another_one_is_chosen(shop: Any) -> None:
    number = await shop.want(*GREENSLEEVES)
    await shop.stands(number, OWNED)
    detail = await shop.detail(number)
    await shop.node.post(f"/api/v1/music/downloads/{detail['downloads'][0]['id']}/reject")
    assert shop.library == [], "what we had put there is gone"
    assert (await shop.entry(number)).state is REVIEW
    detail = await shop.detail(number)
    assert next(one for one in detail["offers"] if one["peer"] == "@@archive")["verdict"]
    live = next(one for one in detail["offers"] if "live" in one["path"])
    assert not live["accepted"]
    await shop.node.post(f"/api/v1/music/offers/{live['id']}/choose")
    await shop.stands(number, OWNED)
    assert len(shop.library) == 1, "a person's choice overrides every check"
    assert (await shop.detail(number))["downloads"][0]["path"] == live["path"]


async def test_a_cancelled_download_ends_there_too(shop: Any) -> None:
    shop.network.stuck = True
    number = await shop.want(*GREENSLEEVES)
    await until(lambda: shop.network.transfers)

    async def known() -> bool:
        (row,) = await downloads.page(shop.store, limit=5)
        return row.remote_id is not None

    await until(known)
    detail = await shop.detail(number)
    found = await shop.node.post(f"/api/v1/music/downloads/{detail['downloads'][0]['id']}/cancel")
    assert found["state"] == "cancelled"
    assert shop.network.transfers[0].state == "Completed, Cancelled"
    assert (await shop.entry(number)).state is MISSING
    answer = await shop.node.http.post(f"/api/v1/music/downloads/{found['id']}/cancel")
    assert answer.status_code == 409
    shop.network.stuck = False
    await shop.node.post(f"/api/v1/music/downloads/{found['id']}/retry")
    await shop.stands(number, OWNED)


async def test_a_list_is_taken_and_a_track_that_it_loses_is_no_longer_its_own(shop: Any) -> None:
    shop.network.connected = False
    text = "Harbour Ensemble - Greensleeves\nLantern Quartet - Ash Grove, Pt. 2\nnonsense\n"
    found = await shop.node.post("/api/v1/music/wanted/lists", {"name": "Tunes", "text": text})
    assert (found["tracks"], found["added"], found["unread"]) == (2, 2, 1)
    shorter = {"name": "Tunes", "text": "Harbour Ensemble - Greensleeves\n", "replace": True}
    assert (await shop.node.post("/api/v1/music/wanted/lists", shorter))["gone"] == 1
    rows = (await shop.node.get("/api/v1/music/wanted"))["items"]
    assert {row["title"]: len(row["wanted_by"]) for row in rows} == {"Greensleeves": 1, "Ash Grove, Pt. 2": 0}
    answer = await shop.node.http.post("/api/v1/music/wanted/lists", json={"name": "Tunes", "text": "nothing here"})
    assert answer.status_code == 422 and "line 1" in answer.text


# -- autosync ----------------------------------------------------------------------------------------------------------


async def test_a_run_of_autosync_is_a_story(shop: Any) -> None:
    names = (("Harbour Ensemble", "Greensleeves"), ("The Missing", "Nobody Knows It"))
    new = [NewTrack(title.lower(), title, (artist,), 10) for artist, title in names]
    await listings.take(shop.store, "list:x", "Mine", new, whole=False, due=False)
    dry = await shop.node.post("/api/v1/music/autosync?dry_run=true")
    assert dry["job"] is None and len(dry["search"]) == 2
    assert not shop.network.transfers, "a dry run fetches nothing"
    job = (await shop.node.post("/api/v1/music/autosync"))["job"]
    await shop.node.runtime.jobs.wait(job, limit=90)
    (run,) = (await shop.node.get("/api/v1/music/runs"))["items"]
    assert run["status"] == "completed"
    assert run["services"]["soulseek"] == "ok"
    assert run["counts"]["downloaded"] == 1
    text = " ".join(line["text"] for line in run["story"])
    assert "Nobody Knows It" in text and "1 track downloaded, 1 left" in text
    assert (await figures.every(shop.store))["metrics.autosync.downloaded"] == 1
    again = (await shop.node.post("/api/v1/music/autosync"))["job"]
    await shop.node.runtime.jobs.wait(again, limit=90)


async def test_a_run_without_slskd_is_partial_and_no_track_pays(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightcrew.music.autosync.PATIENCE", 0.5)
    await shop.node.http.delete(f"/api/v1/connections/{shop.connection['id']}")
    number = await shop.want(*GREENSLEEVES)
    job = (await shop.node.post("/api/v1/music/autosync"))["job"]
    await shop.node.runtime.jobs.wait(job, limit=60)
    (run,) = (await shop.node.get("/api/v1/music/runs"))["items"]
    assert (run["status"], run["services"]["soulseek"]) == ("partial", "failed")
    assert (await shop.entry(number)).failures == 0


# -- what is stranded --------------------------------------------------------------------------------------------------


async def test_a_track_that_waits_for_nothing_goes_on(shop: Any) -> None:
    gate = shop.node.runtime.part(SearchGate)
    gate.close(3600)
    number = await shop.want(*GREENSLEEVES)
    old = (await shop.entry(number)).changed_at.replace(year=2020)
    await wanted.move(shop.store, number, since=set(WantedState), state=WantedState.DOWNLOADING, changed_at=old)
    gate.open()
    await syncing.mend(shop.node.runtime)
    await shop.stands(number, OWNED)


async def test_a_file_waits_for_a_library_whose_disk_is_missing(shop: Any, tmp_path: Path) -> None:
    await shop.node.patch("/api/v1/settings", {"music.library": str(tmp_path / "nas")})
    number = await shop.want(*GREENSLEEVES)

    async def waits() -> bool:
        rows = await downloads.page(shop.store, limit=5)
        return bool(rows) and "is its disk mounted" in rows[0].error

    await until(waits, 60.0)
    (row,) = await downloads.page(shop.store, limit=5)
    assert (row.state, row.stage) == (DownloadState.RUNNING, DownloadStage.ARRIVED)
    assert any("waits to be imported" in need.message for need in await shop.node.runtime.health.needs())
    (tmp_path / "nas").mkdir()
    await shop.stands(number, OWNED)
    assert [path.name for path in (tmp_path / "nas").rglob("*.flac")] == ["Greensleeves.flac"]
