"""Better files for what is in the library: nothing good makes room for something worse, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.audio import Audio
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.demo.songs import SONGS, DemoPeer, SharedFile, SongDefect
from nightcrew.music import actions, importing, library, listening, replacing, upgrades
from nightcrew.music.models import OPEN, WantedState
from nightcrew.music.quality import (
    AUDIO,
    LOSSLESS,
    HeldQuality,
    QualityRules,
    UpgradeGoal,
    heard,
    held,
    improves,
    is_enough,
)
from nightcrew.music.store import downloads, listings, wanted
from shop import Shop
from support import until
from tunes import tune

GREENSLEEVES = next(one for one in SONGS if one.title == "Greensleeves")
AIR = next(one for one in SONGS if one.title == "Londonderry Air")
MP3, BETTER_MP3, FLAC = ("mp3", 192), ("mp3", 320), ("flac", None)
OLD = "Harbour Ensemble/Tunes of the Tide/01 Greensleeves.mp3"
NEW = "Harbour Ensemble/Tunes of the Tide/01 Greensleeves.flac"
needs_fpcalc = pytest.mark.skipif(not shutil.which("fpcalc"), reason="there is no fpcalc (libchromaprint-tools)")

QUALITIES = st.builds(HeldQuality, st.sampled_from(sorted(AUDIO)), st.none() | st.floats(32, 1500))
RULES = st.builds(
    QualityRules, st.just(192), st.lists(st.sampled_from(sorted(AUDIO)), unique=True, max_size=4).map(tuple)
)


# -- the rules ---------------------------------------------------------------------------------------------------------


@given(QUALITIES, QUALITIES, RULES)
def test_of_two_files_one_is_better_at_most(one: HeldQuality, other: HeldQuality, rules: QualityRules) -> None:
    assert not (improves(one, other, rules) and improves(other, one, rules))
    assert not improves(one, one, rules)


@given(QUALITIES, QUALITIES, RULES)
def test_what_is_lossless_never_makes_room_for_what_is_not(
    one: HeldQuality, other: HeldQuality, rules: QualityRules
) -> None:
    if other.format in LOSSLESS:
        assert not improves(one, other, rules)
    if one.format not in LOSSLESS and improves(one, other, rules):
        assert one.bitrate is not None and other.bitrate is not None and one.bitrate >= other.bitrate


@pytest.mark.parametrize(
    ("new", "old", "formats", "better"),
    [
        (("flac", 900), ("mp3", 320), (), True),
        (("mp3", 320), ("mp3", 192), (), True),
        (("mp3", 210), ("mp3", 192), (), False),
        (("opus", 128), ("mp3", 320), (), False),
        (("opus", 320), ("mp3", 320), (), True),
        (("flac", 900), ("alac", 900), (), False),
        (("flac", 900), ("alac", 900), ("flac", "alac"), False),
        (("flac", 900), ("mp3", 128), ("mp3",), False),
        (("mp3", 320), ("mp3", None), (), False),
    ],
)
def test_which_file_is_better(new: Any, old: Any, formats: tuple[str, ...], *, better: bool) -> None:
    assert improves(HeldQuality(*new), HeldQuality(*old), QualityRules(192, formats)) is better


@pytest.mark.parametrize(
    ("one", "goal", "enough"),
    [
        (("flac", 900), UpgradeGoal(), True),
        (("mp3", 320), UpgradeGoal(), False),
        (("mp3", 310), UpgradeGoal(bitrate=320), True),
        (("mp3", 256), UpgradeGoal(bitrate=320), False),
        (("alac", 900), UpgradeGoal(("flac",)), False),
        (("opus", 128), UpgradeGoal(("opus", "flac")), True),
    ],
)
def test_which_file_is_good_enough(one: Any, goal: UpgradeGoal, *, enough: bool) -> None:
    assert is_enough(HeldQuality(*one), goal) is enough


def test_what_a_file_is_by_its_sound() -> None:
    assert heard("alac", "x.m4a", 900.0).format == "alac"
    assert heard("aac", "x.m4a", 256.0).format == "m4a"
    assert heard("mp3", "x.wav", 192.0).format == "mp3"
    assert heard("flac", "x.flac", 900.0).format == "flac"


def test_what_a_file_is_by_its_bytes_and_its_length() -> None:
    assert held("x.m4a", 24_000_000, 100.0).format == "alac", "most that is so large is"

    assert held("a/b.mp3", 2_400_000, 100.0) == HeldQuality("mp3", 192.0)
    assert held("a/b.mp3", 2_400_000, None).bitrate is None
    assert [held(f"x.{ending}", 2_400_000, 100.0).shown for ending in ("mp3", "flac")] == ["MP3, 192 kbit/s", "FLAC"]


# -- files -------------------------------------------------------------------------------------------------------------


def kept_song(root: Path) -> PurePosixPath:
    """Where a song is kept."""
    (root / "A").mkdir(exist_ok=True)
    (root / "A/song.mp3").write_bytes(b"old")
    place = replacing.kept_at(date(2026, 11, 29), 7, "A/song.mp3")
    for _ in range(2):  # once more after a crash
        replacing.keep(root, "A/song.mp3", place)
    return place


def files(root: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if path.name not in replacing.IGNORED}


@pytest.mark.parametrize("links", [True, False])
def test_a_file_of_the_same_name_is_put_over_the_old_one_and_makes_room_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(replacing.os, "link", _no_links)
    place = kept_song(tmp_path)
    song, new = tmp_path / "A/song.mp3", tmp_path / "new"
    new.write_bytes(b"new")
    replacing.put_over(new, song, keep=False)
    assert files(tmp_path) == {"A/song.mp3": b"new", str(place): b"old"}
    assert replacing.restore(tmp_path, str(place), song) == song
    assert files(tmp_path) == {"A/song.mp3": b"old"}
    assert replacing.restore(tmp_path, str(place), song) is None, "it is not kept any more"


def test_a_file_of_another_name_goes_when_the_old_one_is_back(tmp_path: Path) -> None:
    place, new = kept_song(tmp_path), tmp_path / "A/song.flac"
    new.write_bytes(b"new")
    assert replacing.retire(tmp_path, str(place)) == "A/song.mp3"
    assert files(tmp_path) == {"A/song.flac": b"new", str(place): b"old"}
    (tmp_path / "A/song.mp3").write_bytes(b"another one")
    with pytest.raises(FileExistsError):
        replacing.restore(tmp_path, str(place), new)
    assert len(files(tmp_path)) == 3
    (tmp_path / "A/song.mp3").unlink()
    for _ in range(2):  # once more after a crash
        assert replacing.restore(tmp_path, str(place), new) == tmp_path / "A/song.mp3"
        assert files(tmp_path) == {"A/song.mp3": b"old"}


def test_two_downloads_of_a_day_keep_two_files_and_both_go_in_time(tmp_path: Path) -> None:
    first = kept_song(tmp_path)
    (tmp_path / "A/song.mp3").unlink()
    (tmp_path / "A/song.mp3").write_bytes(b"better")
    second = replacing.kept_at(date(2026, 11, 29), 8, "A/song.mp3")
    replacing.keep(tmp_path, "A/song.mp3", second)
    replacing.retire(tmp_path, str(second))
    assert files(tmp_path) == {str(first): b"old", str(second): b"better"}
    assert replacing.forget(tmp_path, date(2026, 11, 29)) == 0
    assert replacing.forget(tmp_path, date(2026, 11, 30)) == 2 and not files(tmp_path)


def test_the_old_file_keeps_its_name_while_it_has_no_other(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"old")
    replacing.retire(tmp_path, str(replacing.kept_at(date(2026, 11, 29), 7, "song.mp3")))
    assert files(tmp_path) == {"song.mp3": b"old"}


@pytest.mark.parametrize(
    "place", ["song.mp3", ".nightcrew/replaced/2026-11-29/song.mp3", ".nightcrew/replaced/2026-11-29/7/../../x"]
)
def test_only_what_is_kept_is_put_back(tmp_path: Path, place: str) -> None:
    with pytest.raises(ValueError, match="is no place of a replaced file"):
        replacing.restore(tmp_path, place, tmp_path / "song.mp3")


def _no_links(*_: object, **__: object) -> None:
    raise OSError(18, "Invalid cross-device link")


# -- with the demo's network -------------------------------------------------------------------------------------------


def peer(name: str, kind: tuple[str, int | None], **more: Any) -> DemoPeer:
    """Who shares Greensleeves."""
    ending, bitrate = kind
    song = more.pop("song", GREENSLEEVES)
    path = f"music\\{song.artist}\\{song.album}\\{song.number:02} - {GREENSLEEVES.title}.{ending}"
    return DemoPeer(name, (SharedFile(song, path, ending, bitrate, **more),))


async def owned(shop: Shop, kind: tuple[str, int | None], **settings: Any) -> int:
    """Have Greensleeves in the library as a file of this kind, with upgrades on."""
    shop.network.network = (peer("first", kind),)
    number = await shop.want(GREENSLEEVES.artist, GREENSLEEVES.title, 14.0, album=GREENSLEEVES.album, number=1)
    await shop.stands(number, WantedState.OWNED)
    await shop.node.patch("/api/v1/settings", {"music.upgrade": True, **settings})
    return number


async def looked(shop: Shop, number: int) -> Any:
    """Let a better file be looked for, as autosync does it each night; returns how the track stands when that is over."""
    before = (await shop.entry(number)).changed_at
    assert await upgrades.begin(shop.node.runtime, await upgrades.plan(shop.node.runtime)) == 1

    async def over() -> bool:
        one = await shop.entry(number)
        return one.state is WantedState.OWNED and one.changed_at > before

    await until(over, 60.0)
    return await shop.entry(number)


def kept(shop: Shop) -> list[str]:
    """The files of the library that are kept, without their day and download."""
    found = [one for one in shop.library if one.startswith(str(replacing.KEPT))]
    return [str(replacing.original_of(one)) for one in found if Path(one).name not in replacing.IGNORED]


def shown(shop: Shop) -> list[str]:
    return [one for one in shop.library if not one.startswith(".")]


async def test_a_better_file_takes_the_place_of_the_one_that_is_there(shop: Any) -> None:
    number = await owned(shop, MP3)
    assert shop.library == [OLD]
    shop.network.network = (peer("first", MP3), peer("second", FLAC))
    dry = await shop.node.post("/api/v1/music/autosync?dry_run=true", {})
    (better,) = dry["better"]
    assert re.fullmatch(r"Harbour Ensemble - Greensleeves \(MP3, 19\d kbit/s now\)", better)
    entry = await looked(shop, number)
    assert entry.replaces is None and entry.reason.startswith("imported (0.99")
    assert shown(shop) == [NEW] and kept(shop) == [OLD]
    detail = await shop.detail(number)
    assert detail["downloads"][0]["replaced"].endswith(OLD)
    known = await shop.node.get("/api/v1/music/status")
    assert known["plex_track_count"] == 1
    kinds = [one["kind"] for one in (await shop.node.get("/api/v1/activity"))["items"]]
    assert "track_upgraded" in kinds
    assert await upgrades.plan(shop.node.runtime) == [], "it is good enough now"


async def test_a_better_file_of_the_same_format_gets_the_very_name(shop: Any) -> None:
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    before = (root / OLD).read_bytes()
    shop.network.network = (peer("second", BETTER_MP3),)
    await looked(shop, number)
    assert shown(shop) == [OLD] and (root / OLD).stat().st_size > len(before)
    (old,) = [one for one in shop.library if one.endswith(".mp3") and one != OLD]
    assert (await shop.detail(number))["downloads"][1]["library_path"] == "", "it is of that file no more"
    assert (root / old).read_bytes() == before


@pytest.mark.parametrize("others", [(), (("third", MP3),), (("third", ("mp3", 96)),)])
async def test_without_a_better_file_all_stays_as_it_is(shop: Any, others: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network = tuple(peer(*one) for one in others)
    entry = await looked(shop, number)
    assert shop.library == [OLD]
    assert (entry.failures, entry.cause, entry.replaces) == (0, None, None)
    assert "in the library; no better file: " in entry.reason
    assert abs(entry.better_at - entry.changed_at - upgrades.AGAIN) < timedelta(seconds=5)
    assert await upgrades.plan(shop.node.runtime) == [], "it is left alone for a week"
    kinds = [one["kind"] for one in (await shop.node.get("/api/v1/activity"))["items"]]
    assert "sync_job_failed" not in kinds


@pytest.mark.parametrize(
    "defect", [SongDefect.TRANSCODED, SongDefect.TRUNCATED, SongDefect.WRONG_LENGTH, SongDefect.MISLABELLED]
)
async def test_what_is_no_better_inside_is_not_taken(shop: Any, defect: SongDefect) -> None:
    number = await owned(shop, MP3)
    shop.network.network = (peer("second", FLAC, defect=defect),)
    entry = await looked(shop, number)
    assert shop.library == [OLD] and "in the library; no better file: " in entry.reason
    tried = [one for one in (await shop.detail(number))["downloads"] if one["state"] != "completed"]
    assert all(one["error"] for one in tried)
    assert len(tried) == (defect is not SongDefect.MISLABELLED), "its size says so before it is fetched"


@needs_fpcalc
async def test_another_recording_under_the_right_name_is_not_taken(shop: Any) -> None:
    number = await owned(shop, MP3)
    other = replace(GREENSLEEVES, title="Quite another tune")
    shop.network.network = (peer("second", FLAC, song=other, tagged=False),)
    await looked(shop, number)
    assert shop.library == [OLD]
    bad = (await shop.detail(number))["downloads"][0]
    assert "does not sound like what is there" in bad["error"]


async def test_a_file_that_a_person_has_put_there_is_never_replaced(shop: Any, tmp_path: Path) -> None:
    path = shop.node.runtime.data_dir / "music" / "my own folder/song 7.mp3"
    path.parent.mkdir(parents=True)
    shutil.copy(await Audio(tmp_path / "mine").file(peer("x", MP3).files[0]), path)
    await library.scan_folder(shop.node.runtime)
    shop.network.network = (peer("second", FLAC),)
    number = await shop.want(GREENSLEEVES.artist, GREENSLEEVES.title, 14.0)
    await shop.stands(number, WantedState.OWNED)
    await shop.node.patch("/api/v1/settings", {"music.upgrade": True})
    assert await upgrades.plan(shop.node.runtime) == []
    found = await shop.node.http.post(f"/api/v1/music/wanted/{number}/upgrade")
    assert found.status_code == 409 and "replaces no others" in found.text


async def _is(shop: Shop, number: int, words: str) -> bool:
    entry = await shop.entry(number)
    return entry.state is WantedState.OWNED and words in entry.reason


async def test_the_wrong_song_gives_the_old_file_its_place_back(shop: Any) -> None:
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    before = (root / OLD).read_bytes()
    shop.network.network = (peer("second", FLAC),)
    await looked(shop, number)
    last = (await shop.detail(number))["downloads"][0]
    await shop.node.post(f"/api/v1/music/downloads/{last['id']}/reject", {})
    assert shown(shop) == [OLD] and (root / OLD).read_bytes() == before and kept(shop) == []
    entry = await shop.entry(number)
    assert entry.state is WantedState.OWNED and "is back" in entry.reason
    detail = await shop.detail(number)
    assert next(one for one in detail["offers"] if one["peer"] == "second")["verdict"]
    (track,) = await upgrades.plan(shop.node.runtime)
    assert track.track.key == OLD
    shop.network.network = (peer("third", FLAC),)  # what sounded like the old file is no wrong song
    await looked(shop, number)
    assert shown(shop) == [NEW]


@needs_fpcalc
async def test_another_peers_copy_of_the_wrong_song_is_not_taken(shop: Any) -> None:
    number = await owned(shop, MP3)
    first = (await shop.detail(number))["downloads"][0]
    shop.network.network = (peer("first", MP3), peer("second", BETTER_MP3))
    await shop.node.post(f"/api/v1/music/downloads/{first['id']}/reject", {})
    await shop.node.post(f"/api/v1/music/wanted/{number}/search", {})
    entry = await shop.stands(number, WantedState.MISSING)
    assert shop.library == [] and "called the wrong song" in entry.reason


@pytest.mark.parametrize("kind", [BETTER_MP3, FLAC])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["keep", "put_over", "put", "retire"])
async def test_at_no_step_that_fails_is_the_track_without_a_file(
    shop: Any, monkeypatch: pytest.MonkeyPatch, step: str, kind: Any, *, after: bool
) -> None:
    """A step that fails before or after its work. What is in its place goes on from there, as after a crash; else the old one stays."""
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    shop.network.network = (peer("second", kind),)
    where: Any = importing.placing if step == "put" else replacing
    real: Callable[..., Any] = getattr(where, step)
    failures = iter([True])
    there: list[bool] = []

    def fails(*given: Any, **more: Any) -> Any:
        there.append(any((root / one).is_file() for one in (OLD, NEW)))
        if next(failures, False):
            if after:
                real(*given, **more)
            raise OSError(5, "Input/output error")
        return real(*given, **more)

    monkeypatch.setattr(where, step, fails)
    entry = await looked(shop, number)
    used = step in {"keep", *(("put_over",) if kind == BETTER_MP3 else ("put", "retire"))}
    assert all(there) and bool(there) is used
    goes_on = not used or step == "retire" or (after and step != "keep")
    assert ("imported" in entry.reason) is goes_on
    assert shown(shop) == [NEW if goes_on and kind == FLAC else OLD]
    assert kept(shop) == [OLD] or not goes_on


async def test_one_that_is_cancelled_or_no_longer_listed_stays_in_the_library(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network, shop.network.stuck = (peer("second", FLAC),), True
    for end in ("cancel", "unlist"):
        await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})

        async def begun() -> bool:
            return (await shop.entry(number)).state is WantedState.DOWNLOADING

        await until(begun, 60.0)
        (open_,) = await downloads.page(shop.store, states=OPEN, limit=5)
        if end == "cancel":

            async def cancelled(number: int = open_.id) -> bool:  # it may just be moving
                return (await shop.node.http.post(f"/api/v1/music/downloads/{number}/cancel")).status_code == 200

            await until(cancelled, 60.0)
        else:
            await wanted.move(
                shop.store, number, since={WantedState.DOWNLOADING}, state=WantedState.MISSING, reason="put off"
            )
            await importing.downloads.wait(shop.store, open_.id, "", 600.0)
            await listings.drop(shop.store, {"hand"})
            await listings.settle(shop.store)
        entry = await shop.entry(number)
        assert (entry.state, entry.replaces) == (WantedState.OWNED, None), end
        assert shop.library == [OLD]


async def test_a_file_that_a_person_chooses_takes_the_place_of_the_one_that_is_there(shop: Any) -> None:
    number = await owned(shop, FLAC)
    shop.network.network = (peer("second", MP3),)
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _is(shop, number, "no better file: "))
    (worse,) = [one for one in (await shop.detail(number))["offers"] if one["peer"] == "second"]
    await shop.node.post(f"/api/v1/music/offers/{worse['id']}/choose", {})
    await until(lambda: _is(shop, number, "imported"))
    assert shown(shop) == [OLD] and kept(shop) == [NEW]


async def test_what_is_asked_for_where_there_is_nothing_to_replace_is_refused(shop: Any) -> None:
    number = await shop.want("The Missing", "Nobody Knows It")
    found = await shop.node.http.post(f"/api/v1/music/wanted/{number}/upgrade")
    assert found.status_code == 409


async def test_kept_files_are_no_part_of_the_library(shop: Any) -> None:
    root = shop.node.runtime.data_dir / "music"
    path = root / PurePosixPath(".nightcrew/replaced/2026-11-01") / OLD
    path.parent.mkdir(parents=True)
    await asyncio.to_thread(path.write_bytes, b"old")
    assert await library.scan_folder(shop.node.runtime) == 0


# -- what must not happen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [(BETTER_MP3, OLD), (FLAC, NEW)])
async def test_a_wrong_song_that_is_said_again_after_a_crash_ends_with_the_old_file(
    shop: Any, monkeypatch: pytest.MonkeyPatch, kind: Any, name: str
) -> None:
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    before = (root / OLD).read_bytes()
    shop.network.network = (peer("second", kind),)
    await looked(shop, number)
    assert shown(shop) == [name]
    last = (await shop.detail(number))["downloads"][0]
    with monkeypatch.context() as patch:
        patch.setattr(actions, "_condemn", _crash)
        with pytest.raises(RuntimeError):
            await actions.act_on_download(shop.node.runtime, last["id"], "reject", actor="test")
    await shop.node.post(f"/api/v1/music/downloads/{last['id']}/reject", {})
    assert shown(shop) == [OLD] and (root / OLD).read_bytes() == before
    entry = await shop.entry(number)
    assert (entry.state, entry.replaces) == (WantedState.OWNED, None)


async def _crash(*_: object) -> None:
    raise RuntimeError("as a kill would")


async def test_a_wrong_song_while_a_better_file_is_looked_for_ends_both(shop: Any) -> None:
    number = await owned(shop, MP3)
    first = (await shop.detail(number))["downloads"][0]
    shop.network.network, shop.network.stuck = (peer("second", FLAC),), True
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _downloads(shop, number), 60.0)
    await shop.node.post(f"/api/v1/music/downloads/{first['id']}/reject", {})
    entry = await shop.entry(number)
    assert entry.state in {WantedState.REVIEW, WantedState.MISSING} and entry.replaces is None
    assert shown(shop) == []
    assert all(one["state"] not in {"queued", "running"} for one in (await shop.detail(number))["downloads"])


async def test_the_wrong_song_that_is_still_on_its_way_leaves_what_is_there(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network, shop.network.stuck = (peer("second", FLAC),), True
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _downloads(shop, number), 60.0)
    last = (await shop.detail(number))["downloads"][0]
    await until(lambda: _rejected(shop, last["id"]), 60.0)
    entry = await shop.entry(number)
    assert (entry.state, entry.replaces) == (WantedState.OWNED, None)
    assert shown(shop) == [OLD]


async def _downloads(shop: Shop, number: int) -> bool:
    return (await shop.entry(number)).state is WantedState.DOWNLOADING


async def _rejected(shop: Shop, download: int) -> bool:
    return (await shop.node.http.post(f"/api/v1/music/downloads/{download}/reject")).status_code == 200


async def test_the_wrong_song_of_a_file_that_was_replaced_changes_nothing(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network = (peer("second", FLAC),)
    await looked(shop, number)
    first = (await shop.detail(number))["downloads"][1]
    answer = await shop.node.http.post(f"/api/v1/music/downloads/{first['id']}/reject")
    assert answer.status_code == 409 and "has taken the place of this one" in answer.text
    assert shown(shop) == [NEW] and (await shop.entry(number)).state is WantedState.OWNED


async def test_what_is_cancelled_while_it_is_checked_replaces_nothing(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    before = (root / OLD).read_bytes()
    shop.network.network = (peer("second", BETTER_MP3),)
    real = upgrades.problem_of

    async def slowly(runtime: Any, track: Any, row: Any, *more: Any) -> str:
        found = await real(runtime, track, row, *more)
        await actions.act_on_download(runtime, row.id, "cancel", actor="test")
        return found

    monkeypatch.setattr(upgrades, "problem_of", slowly)
    entry = await looked(shop, number)
    assert "cancelled" in entry.reason
    assert shown(shop) == [OLD] and (root / OLD).read_bytes() == before and kept(shop) == []


@pytest.mark.parametrize("damage", ["moved", "unreadable", "link"])
async def test_what_is_there_and_cannot_be_compared_stays(shop: Any, damage: str) -> None:
    number = await owned(shop, MP3)
    path = shop.node.runtime.data_dir / "music" / OLD
    shop.network.network = (peer("second", FLAC),)
    (planned,) = await upgrades.plan(shop.node.runtime)
    if damage == "moved":
        path.rename(path.with_name("moved by a person.mp3"))
    elif damage == "unreadable":
        path.write_bytes(b"no music")
    else:
        path.rename(path.with_name("real.mp3"))
        path.symlink_to("real.mp3")
    there = shown(shop)
    await upgrades.begin(shop.node.runtime, [planned])
    await until(lambda: _is(shop, number, "no better file: "), 60.0)
    assert shown(shop) == there, "no second copy comes"
    assert (await shop.entry(number)).failures == 0


async def test_a_shorter_one_a_poorer_one_with_a_picture_and_a_narrower_one_are_no_better(
    shop: Any, tmp_path: Path
) -> None:
    number = await owned(shop, MP3)
    (planned,) = await upgrades.plan(shop.node.runtime)
    source = tune(tmp_path / "song.wav", 3, 20.0)
    picture = tmp_path / "cover.jpg"
    subprocess.run([find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "nullsrc=s=900x900,geq=random(1)*255:128:128", "-frames:v", "1", "-q:v", "2", picture], check=True)  # fmt: skip
    old = shop.node.runtime.data_dir / "music" / OLD
    with_picture = ("-i", picture, "-map", "0:a", "-map", "1:v", "-disposition:v", "attached_pic")
    made(source, old, "-b:a", "224k")
    cases = {
        "flac": ((), ""),
        "short.flac": (("-t", "15"), "another length"),
        "art.mp3": ((*with_picture, "-b:a", "192k"), "no better"),
        "small.flac": (("-ar", "22050"), "at 22050 Hz"),
    }
    listeners = shop.node.runtime.part(listening.Listeners)
    row = (await downloads.of_wanted(shop.store, number))[0]
    for name, (how, why) in cases.items():
        new = made(source, tmp_path / f"new.{name}", *how)
        said = await upgrades.problem_of(
            shop.node.runtime, planned.track, replace(row, path=new.name), new, await listeners.hear(new)
        )
        assert (why in said) if why else said == "", (name, said)


def made(source: Path, path: Path, *how: object) -> Path:
    rate = () if "-ar" in how else ("-ar", "44100")
    command = [find_ffmpeg(), "-y", "-v", "error", "-i", source, *how, *rate, "-ac", "2", path]
    subprocess.run([str(word) for word in command], check=True)
    return path


async def test_a_track_for_which_a_better_file_is_looked_for_counts_as_owned(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network, shop.network.stuck = (peer("second", FLAC),), True
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _downloads(shop, number), 60.0)
    assert await wanted.counts(shop.store) == {"owned": 1}
    assert [one["upgrading"] for one in (await shop.node.get("/api/v1/music/wanted?state=owned"))["items"]] == [True]
    assert (await shop.node.get("/api/v1/music/wanted?state=downloading"))["items"] == []
    dry = await shop.node.post("/api/v1/music/autosync?dry_run=true", {})
    assert (dry["owned"], dry["tracks"]) == (1, 0)


async def test_a_person_may_ask_for_a_track_that_no_list_names_any_more(shop: Any) -> None:
    number = await owned(shop, MP3)
    await listings.drop(shop.store, {"hand"})
    shop.network.network = (peer("second", FLAC),)
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _is(shop, number, "imported"), 60.0)
    assert shown(shop) == [NEW]


async def test_only_artists_that_are_preferred_are_upgraded_by_itself(shop: Any) -> None:
    await owned(shop, MP3, **{"music.artist_preferences": ["Somebody Else"]})
    assert await upgrades.plan(shop.node.runtime) == []


@pytest.mark.parametrize("kind", [BETTER_MP3, FLAC])
async def test_what_is_cancelled_while_it_is_put_into_the_library_is_taken_back(
    shop: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    before = (root / OLD).read_bytes()
    shop.network.network = (peer("second", kind),)
    real, node = importing._put_instead, shop.node.runtime

    async def put(runtime: Any, row: Any, *more: Any) -> Path:
        place = await real(runtime, row, *more)
        await actions.act_on_download(node, row.id, "cancel", actor="test")
        return place

    monkeypatch.setattr(importing, "_put_instead", put)
    entry = await looked(shop, number)
    assert "cancelled" in entry.reason
    await until(lambda: _files(shop, [OLD]), 60.0)
    assert (root / OLD).read_bytes() == before


async def _files(shop: Shop, names: list[str]) -> bool:
    return shown(shop) == names


async def test_what_a_person_has_chosen_goes_on_when_the_other_one_is_the_wrong_song(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network = (peer("second", FLAC),)
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _is(shop, number, "imported"), 60.0)
    first = (await shop.detail(number))["downloads"][0]
    shop.network.network, shop.network.stuck = (peer("second", FLAC), peer("third", BETTER_MP3)), True
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _is(shop, number, "no better file: "), 60.0)
    (third,) = [one for one in (await shop.detail(number))["offers"] if one["peer"] == "third"]
    await shop.node.post(f"/api/v1/music/offers/{third['id']}/choose", {})
    await shop.node.post(f"/api/v1/music/downloads/{first['id']}/reject", {})
    shop.network.stuck = False
    await until(lambda: _is(shop, number, "imported"), 60.0)
    done = [one["peer"] for one in (await shop.detail(number))["downloads"] if one["state"] == "completed"]
    assert done and done[0] == "third"
    assert NEW not in shown(shop)


@needs_fpcalc
async def test_a_transcoded_copy_of_the_wrong_song_is_not_taken_either(shop: Any) -> None:
    number = await owned(shop, MP3)
    first = (await shop.detail(number))["downloads"][0]
    shop.network.network = (peer("second", FLAC, defect=SongDefect.TRANSCODED),)
    await shop.node.post(f"/api/v1/music/downloads/{first['id']}/reject", {})
    await shop.node.post(f"/api/v1/music/wanted/{number}/search", {})
    entry = await shop.stands(number, WantedState.MISSING)
    assert shop.library == [] and "called the wrong song" in entry.reason
