"""The releases of the demo: the same everywhere and always, and seen through by the product as what they are."""

from __future__ import annotations

from datetime import date

import pytest

from nightcrew.demo import torrents
from nightcrew.demo.releases import FILMS, DemoRelease, ReleaseShelf, ShelfFilm, releases_of
from nightcrew.movies.releases.identity import judge
from nightcrew.movies.releases.model import WantedFilm
from nightcrew.movies.releases.names import read as read_name
from nightcrew.movies.torrents import magnet, metainfo
from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.torrents.inspection import Expected, refusals

NIGHT = next(film for film in FILMS if film.title == "Night of the Living Dead")
RELEASES = releases_of(NIGHT.title, NIGHT.year, NIGHT.imdb, NIGHT.minutes)
EXPECTED = Expected(titles=(NIGHT.title,), year=NIGHT.year, runtime_min=NIGHT.minutes)
FILM = WantedFilm((NIGHT.title,), NIGHT.year, NIGHT.imdb, NIGHT.minutes, date(1968, 10, 4), "en")


def of(flaw: str) -> list[DemoRelease]:
    return [one for one in RELEASES if one.flaw == flaw]


def test_each_flaw_and_several_good_ones() -> None:
    assert len(of("")) == 4
    assert {one.flaw for one in RELEASES} == {
        "", "cam", "executable", "other_film", "remake", "password", "wrong_hash", "damaged",
    }  # fmt: skip
    assert len({one.hash for one in RELEASES}) == len({one.name for one in RELEASES}) == len(RELEASES)


def test_the_same_film_has_the_same_releases_however_it_is_written() -> None:
    one, other = (
        ReleaseShelf(()).find(title, 1959)
        for title in ("It's the House: on Haunted Hill", "Its the house on haunted HILL")
    )
    assert [(release.seeds, release.size, release.published) for release in one] == [
        (release.seeds, release.size, release.published) for release in other
    ]
    assert ReleaseShelf().find("night of the living dead", 1968) == ReleaseShelf().of(NIGHT) == RELEASES
    assert ReleaseShelf().find(NIGHT.title, 1990)[0].imdb == ""


def test_a_release_is_found_by_its_hash_once_it_was_offered() -> None:
    shelf = ReleaseShelf()
    assert RELEASES[3].hash not in shelf.by_hash
    shelf.of(NIGHT)
    assert shelf.by_hash[RELEASES[3].hash] == RELEASES[3]
    assert shelf.origins[RELEASES[3].hash] == NIGHT
    added = ShelfFilm("A New One", 2020, "tt0000007")
    shelf.add(added)
    assert shelf.films["tt0000007"] is added


@pytest.mark.parametrize("release", of("") + of("cam"), ids=lambda one: one.name)
def test_a_good_one_has_nothing_against_it(release: DemoRelease) -> None:
    torrent = metainfo.read(release.torrent(["udp://tracker.example:6969"]))
    assert torrent.hash_v1 == release.hash == magnet.parse(release.magnet()).hash_v1
    assert torrent.trackers == ("udp://tracker.example:6969",)
    assert refusals(torrent, EXPECTED) == []
    assert judge(read_name(release.name), FILM).ok


@pytest.mark.parametrize("release", of("executable") + of("password"), ids=lambda one: one.flaw)
def test_a_fake_is_refused_by_its_files(release: DemoRelease) -> None:
    torrent = metainfo.read(release.torrent())
    assert torrent.hash_v1 == release.hash, "it is what was promised"
    assert refusals(torrent, EXPECTED)


@pytest.mark.parametrize("release", of("other_film") + of("remake"), ids=lambda one: one.flaw)
def test_another_film_is_told_by_its_name(release: DemoRelease) -> None:
    assert not judge(read_name(release.name), FILM, release.imdb).ok


def test_a_torrent_that_is_not_what_was_promised() -> None:
    (wrong,), (damaged,) = of("wrong_hash"), of("damaged")
    assert metainfo.read(wrong.torrent()).hash_v1 != wrong.hash
    assert magnet.parse(wrong.magnet()).hash_v1 == wrong.hash
    with pytest.raises(BadTorrent):
        metainfo.read(damaged.torrent())
    assert magnet.parse(damaged.magnet()).hash_v1 == damaged.hash
    assert torrents.hash_of(torrents.make(damaged.name, dict(damaged.files))) == damaged.hash
