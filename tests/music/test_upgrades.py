"""Better files for what is in the library: nothing good makes room for something worse, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.audio import Audio
from nightcrew.demo.songs import SONGS, DemoPeer, SharedFile, SongDefect
from nightcrew.music import importing, library, listening, replacing, upgrades
from nightcrew.music.models import OPEN, WantedState
from nightcrew.music.quality import AUDIO, LOSSLESS, HeldQuality, QualityRules, UpgradeGoal, held, improves, is_enough
from nightcrew.music.store import downloads, wanted
from shop import Shop
from support import until

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
    if other.format in LOSSLESS and improves(one, other, rules):
        assert one.format in LOSSLESS
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
        (("flac", 900), ("alac", 900), ("flac", "alac"), True),
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


def test_what_a_file_is_by_its_bytes_and_its_length() -> None:
    assert held("a/b.mp3", 2_400_000, 100.0) == HeldQuality("mp3", 192.0)
    assert held("a/b.mp3", 2_400_000, None).bitrate is None
    assert [held(f"x.{ending}", 2_400_000, 100.0).shown for ending in ("mp3", "flac")] == ["MP3, 192 kbit/s", "FLAC"]


# -- files -------------------------------------------------------------------------------------------------------------


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.stat().st_size
    }


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_kept_restored_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
    if not links:
        monkeypatch.setattr(replacing.os, "link", _no_links)
    (tmp_path / "A").mkdir()
    (tmp_path / "A/song.mp3").write_bytes(b"old")
    day = date(2026, 11, 29)
    kept = replacing.kept_at(day, "A/song.mp3")
    for _ in range(2):  # once more after a crash
        replacing.keep(tmp_path, "A/song.mp3", kept)
    new = tmp_path / "new"
    new.write_bytes(b"new")
    replacing.put_over(new, tmp_path / "A/song.mp3", keep=False)
    assert files(tmp_path) == {"A/song.mp3": b"new", str(kept): b"old"}
    assert replacing.restore(tmp_path, str(kept)) is None, "something has its place"
    (tmp_path / "A/song.mp3").unlink()
    assert replacing.restore(tmp_path, str(kept)) == tmp_path / "A/song.mp3"
    assert files(tmp_path) == {"A/song.mp3": b"old"}
    replacing.keep(tmp_path, "A/song.mp3", kept)
    assert replacing.retire(tmp_path, str(kept)) == "A/song.mp3"
    assert files(tmp_path) == {str(kept): b"old"}
    assert replacing.forget(tmp_path, day) == 0 and files(tmp_path)
    assert replacing.forget(tmp_path, day + timedelta(days=1)) == 1 and not files(tmp_path)


def test_the_old_file_keeps_its_name_while_it_has_no_other(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"old")
    replacing.retire(tmp_path, str(replacing.kept_at(date(2026, 11, 29), "song.mp3")))
    assert files(tmp_path) == {"song.mp3": b"old"}


@pytest.mark.parametrize(
    "place", ["song.mp3", ".nightcrew/replaced/song.mp3", ".nightcrew/replaced/2026-11-29/../../x"]
)
def test_only_what_is_kept_is_put_back(tmp_path: Path, place: str) -> None:
    with pytest.raises(ValueError, match="is no place of a replaced file"):
        replacing.restore(tmp_path, place)


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
    assert await upgrades.begin(shop.node.runtime) == 1

    async def over() -> bool:
        one = await shop.entry(number)
        return one.state is WantedState.OWNED and one.changed_at > before

    await until(over, 60.0)
    return await shop.entry(number)


def kept(shop: Shop) -> list[str]:
    """The files of the library that are kept, without their day."""
    root = shop.node.runtime.data_dir / "music"
    return [
        str(replacing.original_of(one))
        for one in shop.library
        if one.startswith(str(replacing.KEPT)) and (root / one).stat().st_size
    ]


def shown(shop: Shop) -> list[str]:
    return [one for one in shop.library if not one.startswith(".")]


async def test_a_better_file_takes_the_place_of_the_one_that_is_there(shop: Any) -> None:
    number = await owned(shop, MP3)
    assert shop.library == [OLD]
    shop.network.network = (peer("first", MP3), peer("second", FLAC))
    dry = await shop.node.post("/api/v1/music/autosync?dry_run=true", {})
    assert dry["better"] == ["Harbour Ensemble - Greensleeves (MP3, 192 kbit/s now)"] or "MP3" in dry["better"][0]
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
    assert (root / old).read_bytes() == before


@pytest.mark.parametrize("others", [(), (("third", MP3),), (("third", ("mp3", 96)),)])
async def test_without_a_better_file_all_stays_as_it_is(shop: Any, others: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network = tuple(peer(*one) for one in others)
    entry = await looked(shop, number)
    assert shop.library == [OLD]
    assert (entry.failures, entry.cause, entry.replaces) == (0, None, None)
    assert "no better file was found" in entry.reason
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
    assert shop.library == [OLD] and "no better file was found" in entry.reason
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


@pytest.mark.parametrize("program", [True, False])
async def test_a_persons_own_file_is_replaced_only_by_what_sounds_like_it(
    shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, program: bool
) -> None:
    if program and not shutil.which("fpcalc"):
        pytest.skip("there is no fpcalc (libchromaprint-tools)")
    mine = "my own folder/song 7.mp3"
    path = shop.node.runtime.data_dir / "music" / mine
    path.parent.mkdir(parents=True)
    shutil.copy(await Audio(tmp_path / "mine").file(peer("x", MP3).files[0]), path)
    if not program:
        monkeypatch.setattr(listening, "fpcalc", lambda: "")
        monkeypatch.setattr(upgrades, "fpcalc", lambda: "")
    await library.scan_folder(shop.node.runtime)
    shop.network.network = (peer("second", FLAC),)
    number = await shop.want(GREENSLEEVES.artist, GREENSLEEVES.title, 14.0)
    await shop.stands(number, WantedState.OWNED)
    await shop.node.patch("/api/v1/settings", {"music.upgrade": True})
    if program:
        await looked(shop, number)
        assert shown(shop) == ["my own folder/song 7.flac"] and kept(shop) == [mine]
    else:
        assert await upgrades.plan(shop.node.runtime) == []
        await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})  # a person asks for it
        await until(lambda: _is(shop, number, "cannot be told"))
        assert shown(shop) == [mine]


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


@needs_fpcalc
async def test_another_peers_copy_of_the_wrong_song_is_not_taken(shop: Any) -> None:
    number = await owned(shop, MP3)
    first = (await shop.detail(number))["downloads"][0]
    shop.network.network = (peer("first", MP3), peer("second", BETTER_MP3))
    await shop.node.post(f"/api/v1/music/downloads/{first['id']}/reject", {})
    await shop.node.post(f"/api/v1/music/wanted/{number}/search", {})
    entry = await shop.stands(number, WantedState.MISSING)
    assert shop.library == [] and "called the wrong song" in entry.reason


@pytest.mark.parametrize("step", ["keep", "put_over", "put", "retire"])
@pytest.mark.parametrize("kind", [BETTER_MP3, FLAC])
async def test_at_no_step_that_fails_is_the_track_without_a_file(
    shop: Any, monkeypatch: pytest.MonkeyPatch, step: str, kind: Any
) -> None:
    """A step that fails before or after its work is done again, as it is after a crash."""
    number = await owned(shop, MP3)
    root = shop.node.runtime.data_dir / "music"
    shop.network.network = (peer("second", kind),)
    where: Any = importing.placing if step == "put" else replacing
    real: Callable[..., Any] = getattr(where, step)
    failures = iter([False, True])
    there: list[bool] = []

    def fails(*given: Any, **more: Any) -> Any:
        after = next(failures, None)
        there.append(any((root / one).is_file() for one in (OLD, NEW)))
        if after is None:
            return real(*given, **more)
        if after:
            real(*given, **more)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(where, step, fails)
    await looked(shop, number)
    used = step in {"keep", *(("put_over",) if kind == BETTER_MP3 else ("put", "retire"))}
    assert all(there) and bool(there) is used
    assert shown(shop) == [OLD if kind == BETTER_MP3 else NEW] and kept(shop) == [OLD]


async def test_one_that_is_cancelled_or_no_longer_listed_stays_in_the_library(shop: Any) -> None:
    number = await owned(shop, MP3)
    shop.network.network = (replace(peer("second", FLAC), queue=60),)
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
            from nightcrew.music.store import listings

            await listings.drop(shop.store, {"hand"})
            await listings.settle(shop.store)
        entry = await shop.entry(number)
        assert (entry.state, entry.replaces) == (WantedState.OWNED, None), end
        assert shop.library == [OLD]


async def test_a_file_that_a_person_chooses_takes_the_place_of_the_one_that_is_there(shop: Any) -> None:
    number = await owned(shop, FLAC)
    shop.network.network = (peer("second", MP3),)
    await shop.node.post(f"/api/v1/music/wanted/{number}/upgrade", {})
    await until(lambda: _is(shop, number, "no better file was found"))
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
