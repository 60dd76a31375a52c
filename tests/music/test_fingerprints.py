"""Fingerprints: words made of chance for the rules, real files and the real fpcalc for the rest."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.music import listening
from nightcrew.music.fingerprints import LEAST, OTHER, SAME, difference, packed, unpacked
from nightcrew.music.listening import Listeners
from tunes import tune

WORDS = st.lists(st.integers(min_value=0, max_value=2**32 - 1), max_size=120)
needs_fpcalc = pytest.mark.skipif(not shutil.which("fpcalc"), reason="there is no fpcalc (libchromaprint-tools)")


@given(WORDS)
def test_words_come_back_as_they_were_stored(words: list[int]) -> None:
    assert unpacked(packed(words)) == words


@pytest.mark.parametrize("text", ["", "no base64!", "é"])
def test_what_is_no_fingerprint_has_no_words(text: str) -> None:
    assert unpacked(text) == []


@given(WORDS, WORDS)
def test_a_difference_has_no_order_and_knows_when_it_cannot_tell(one: list[int], other: list[int]) -> None:
    found = difference(one, other)
    assert found == difference(other, one)
    if min(len(one), len(other)) < LEAST:
        assert found is None
    else:
        assert found is not None and 0 <= found <= 1


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=2**32))
def test_a_beginning_that_one_of_two_lacks_does_not_count(late: int, seed: int) -> None:
    chance = random.Random(seed)
    words = [chance.getrandbits(32) for _ in range(300)]
    silence = [0] * late
    assert difference(words, silence + words) == 0
    other = difference(words, [chance.getrandbits(32) for _ in range(300)])
    assert other is not None and other > OTHER


def test_a_fingerprint_of_a_few_seconds_says_nothing() -> None:
    assert difference([7] * (LEAST - 1), [7] * 500) is None


@pytest.fixture
async def listeners() -> AsyncIterator[Listeners]:
    made = Listeners()
    yield made
    await made.close()


@needs_fpcalc
async def test_encodings_of_one_recording_are_the_same_and_two_recordings_are_not(
    listeners: Listeners, tmp_path: Path
) -> None:
    files = {
        (seed, ending): encoded(tune(tmp_path / f"{seed}.wav", seed), ending, *how)
        for seed in (1, 2)
        for ending, how in (("flac", ()), ("mp3", ("-b:a", "96k")), ("ogg", ("-q:a", "4")), ("opus", ("-b:a", "64k")))
    }
    prints = {key: (await listeners.fingerprint(path)).words for key, path in files.items()}
    for (seed, ending), words in prints.items():
        mine, theirs = difference(prints[seed, "flac"], words), difference(prints[3 - seed, "flac"], words)
        assert mine is not None and mine <= SAME, (seed, ending)
        assert theirs is not None and theirs > OTHER, (seed, ending)


@needs_fpcalc
async def test_a_file_that_names_another_one_has_no_fingerprint(listeners: Listeners, tmp_path: Path) -> None:
    """fpcalc gets samples, never a stranger's file: a playlist in it would be opened there."""
    song = tune(tmp_path / "song.wav", 1)
    playlist = tmp_path / "song.flac"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:20,\nfile://{song}\n#EXT-X-ENDLIST\n")
    found = await listeners.fingerprint(playlist)
    assert found.words == [] and found.failed


async def test_without_fpcalc_there_is_no_fingerprint_and_it_is_said_how_to_get_one(
    listeners: Listeners, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "fpcalc", lambda: "")
    found = await listeners.fingerprint(tmp_path / "song.flac")
    assert found.words == [] and "libchromaprint-tools" in found.failed


def encoded(source: Path, ending: str, *how: str) -> Path:
    path = source.with_suffix(f".{ending}")
    command = [find_ffmpeg(), "-y", "-loglevel", "error", "-i", str(source), "-ar", "48000", *how, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path
