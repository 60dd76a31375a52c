"""Which tracks are the same, which come first, when one is tried again; which files are good enough."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Conflict
from nightcrew.music import rules
from nightcrew.music.models import DOWNLOAD_MOVES, OPEN, DownloadState, check_download_move
from nightcrew.music.quality import FileQuality, QualityRules, format_of, rank, refused


def test_the_same_track_has_the_same_key_however_it_is_written() -> None:
    assert rules.key_of("Don't Stop", "Fleetwood Mac") == rules.key_of("DON’T STOP", "fleetwood mac")
    assert rules.key_of("Hurt", "Cash") != rules.key_of("Hurt (Live)", "Cash")
    assert rules.key_of("Hurt", "Cash", "spotify:1") == "spotify:1"
    assert rules.key_of("!!!", "???") != rules.key_of("...", "???")


@pytest.mark.parametrize(
    ("base", "popularity", "priority"),
    [(rules.SAVED, None, 20), (rules.SAVED, 100, 30), (rules.PLAYLIST, 55, 15), (rules.PLAYLIST, 9, 10)],
)
def test_priorities(base: int, popularity: int | None, priority: int) -> None:
    assert rules.priority_of(base, popularity) == priority


def test_skips_grow_from_a_day_to_thirty_and_end() -> None:
    assert rules.pause_after(1, 3, 0) == (timedelta(days=1), False)
    assert rules.pause_after(2, 3, 0) == (timedelta(days=1), False)
    pauses = [rules.pause_after(3 + skips, 3, skips) for skips in range(8)]
    assert [pause.days for pause, _ in pauses] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(skipped for _, skipped in pauses)


@given(st.integers(0, 10**6), st.integers(1, 100), st.integers(0, 10**6))
def test_no_pause_is_for_ever(failures: int, threshold: int, skips: int) -> None:
    pause, _ = rules.pause_after(failures, threshold, skips)
    assert timedelta(days=1) <= pause <= timedelta(days=30)


def test_artists_that_a_person_prefers() -> None:
    assert rules.allowed_artist(("Anybody",), [])
    assert rules.allowed_artist(("Guest", "The Beatles"), ["the beatles"])
    assert not rules.allowed_artist(("Guest",), ["The Beatles"])


def test_moves_of_a_download() -> None:
    assert set(DOWNLOAD_MOVES) == set(DownloadState)
    for state in OPEN:
        assert DownloadState.FAILED in DOWNLOAD_MOVES[state] and DownloadState.CANCELLED in DOWNLOAD_MOVES[state]
    check_download_move(DownloadState.DEAD, DownloadState.QUEUED)
    with pytest.raises(Conflict, match="cannot go from completed to running"):
        check_download_move(DownloadState.COMPLETED, DownloadState.RUNNING)


# -- quality -----------------------------------------------------------------------------------------------------------


def mp3(kbps: int | None, *, seconds: float | None = 200.0, size: int | None = None, **more: object) -> FileQuality:
    size = size if size is not None else int((kbps or 128) * 125 * (seconds or 200))
    values = {"free_slot": True, "queue": 0, "speed": 1000, **more}
    return FileQuality("mp3", size, seconds, kbps, **values)  # type: ignore[arg-type]


FLAC = FileQuality("flac", 25_000_000, 200.0, None, free_slot=True, queue=0, speed=1000)


def test_what_is_not_good_enough() -> None:
    wanted = QualityRules(192)
    assert refused(mp3(320), wanted) == ""
    assert refused(mp3(128), wanted) == "it has 128 kbit/s"
    assert refused(mp3(None, seconds=None), wanted) == "", "nothing is known of it"
    assert refused(mp3(None, size=3_200_000), wanted) == "it has 128 kbit/s", "by its size and length"
    assert "are claimed" in refused(mp3(320, size=3_200_000), wanted)
    assert refused(FLAC, QualityRules(1000)) == "", "lossless has no least bitrate"
    assert "too little" in refused(FileQuality("flac", 2_000_000, 200.0, None, True, 0, 0), wanted)
    assert refused(FLAC, QualityRules(0, ("mp3",))) == "its format is flac"
    assert refused(FileQuality("exe", 1, None, None, True, 0, 0), wanted) == "it is no music file (.exe)"


def test_the_order_is_match_format_bitrate_slot_queue_speed() -> None:
    wanted = QualityRules()

    def before(first: tuple[float, FileQuality], second: tuple[float, FileQuality]) -> bool:
        return rank(*first, wanted) < rank(*second, wanted)

    assert before((0.95, mp3(192)), (0.80, FLAC)), "the right recording before all else"
    assert before((0.95, FLAC), (0.96, mp3(320)))
    assert before((0.95, mp3(320)), (0.95, mp3(256)))
    assert before((0.95, mp3(320)), (0.95, mp3(320, free_slot=False)))
    assert before((0.95, mp3(320, queue=1)), (0.95, mp3(320, queue=9)))
    assert before((0.95, mp3(320, speed=9)), (0.95, mp3(320, speed=1)))
    assert rank(0.9, mp3(320), QualityRules(0, ("mp3", "flac"))) < rank(0.9, FLAC, QualityRules(0, ("mp3", "flac")))


@pytest.mark.parametrize(
    ("path", "found"),
    [("a\\b.FLAC", "flac"), ("a.b\\c", ""), ("x.tar.mp3", "mp3"), ("", ""), ("a/b.Mp3", "mp3")],
)
def test_formats(path: str, found: str) -> None:
    assert format_of(path) == found
