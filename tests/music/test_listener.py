"""Listeners: real files, of which some are not what they seem."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from nightcrew.demo.audio import Audio
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.demo.songs import DemoSong, SharedFile, SongDefect
from nightcrew.kernel.runtime import Runtime
from nightcrew.music import workers
from nightcrew.music.listening import Listeners
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.verify import problem_of
from streaming import made

SONG = DemoSong("The Corsairs", "Haul Away Joe", "Leave Her, Johnny", 3, 11)
TRACK = WantedTrack(SONG.title, (SONG.artist,), SONG.album, float(SONG.seconds), SONG.number)


@pytest.fixture
async def listeners() -> AsyncIterator[Listeners]:
    made = Listeners()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audio")


def shared(ending: str, bitrate: int | None = None, defect: SongDefect = SongDefect.NONE) -> SharedFile:
    return SharedFile(SONG, f"x\\{SONG.title}.{ending}", ending, bitrate, defect)


async def problem(listeners: Listeners, folder: Path, file: SharedFile) -> str:
    path = await Audio(folder).file(file)
    heard = await listeners.hear(path)
    size = path.stat().st_size
    return problem_of(heard, TRACK, file.path, size=size, advertised=size, seconds=None)


async def test_good_files_are_taken(listeners: Listeners, folder: Path) -> None:
    for file in (shared("flac"), shared("mp3", 320), shared("mp3", 128)):
        assert await problem(listeners, folder, file) == "", file


@pytest.mark.parametrize(
    ("defect", "why"),
    [
        (SongDefect.TRUNCATED, "truncated"),
        (SongDefect.MISLABELLED, "mislabelled"),
        (SongDefect.WRONG_LENGTH, "wrong length"),
        (SongDefect.WRONG_TAGS, "its tags say"),
        (SongDefect.TRANSCODED, "transcoded"),
    ],
)
async def test_bad_files_are_told(listeners: Listeners, folder: Path, defect: SongDefect, why: str) -> None:
    assert why in await problem(listeners, folder, shared("flac", None, defect))


TONES = {
    "pink": "anoisesrc=color=pink:sample_rate=44100:amplitude=0.4:seed=3:duration=12",
    "brown": "anoisesrc=color=brown:sample_rate=44100:amplitude=0.4:seed=3:duration=12",
    "white": "anoisesrc=color=white:sample_rate=44100:amplitude=0.2:seed=3:duration=12",
    "tone": "sine=frequency=440:sample_rate=44100:duration=12",
    "soft": "anoisesrc=color=pink:sample_rate=44100:amplitude=0.4:seed=3:duration=12,lowpass=f=7000",
    "dull": "anoisesrc=color=pink:sample_rate=44100:amplitude=0.02:seed=3:duration=12,lowpass=f=12000",
    "loud": "anoisesrc=color=pink:sample_rate=48000:amplitude=0.9:seed=4:duration=12,tremolo=f=5",
}
CODERS = {
    "mp3 128": ("-c:a", "libmp3lame", "-b:a", "128k", "mp3"),
    "mp3 160": ("-c:a", "libmp3lame", "-b:a", "160k", "mp3"),
    "mp3 192": ("-c:a", "libmp3lame", "-b:a", "192k", "mp3"),
    "aac 128": ("-c:a", "aac", "-b:a", "128k", "m4a"),
}


def encode(*arguments: str) -> None:
    subprocess.run([find_ffmpeg(), "-v", "error", "-y", *arguments], check=True)


async def test_transcodes_are_recognised_and_true_lossless_files_are_not_called_so(
    listeners: Listeners, tmp_path: Path
) -> None:
    found: dict[str, float | None] = {}
    for tone, source in TONES.items():
        true = tmp_path / f"{tone}.flac"
        await asyncio.to_thread(encode, "-f", "lavfi", "-i", source, "-ac", "2", str(true))
        found[tone] = (await listeners.hear(true)).cutoff
        for name, (*coder, ending) in CODERS.items():
            if tone in {"tone", "soft", "dull", "brown"}:
                continue  # what has nothing above 16 kHz loses nothing there
            lossy, again = tmp_path / f"x.{ending}", tmp_path / f"{tone} {name}.flac"
            await asyncio.to_thread(encode, "-i", str(true), *coder, str(lossy))
            await asyncio.to_thread(encode, "-i", str(lossy), str(again))
            found[f"{tone} {name}"] = (await listeners.hear(again)).cutoff
    assert {tone: found[tone] for tone in TONES} == dict.fromkeys(TONES)
    assert [name for name, cutoff in found.items() if name not in TONES and cutoff is None] == []


async def test_a_file_that_is_no_music_is_told_and_harms_nobody(listeners: Listeners, tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    for content in (
        b"",
        b"fLaC",
        b"\x00" * 5000,
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"a" * 500,
        b"#EXTM3U\nhttp://x/",
    ):
        path.write_bytes(content)
        heard = await listeners.hear(path)
        said = problem_of(heard, TRACK, "x.flac", size=1, advertised=1, seconds=None)
        assert any(word in said for word in ("cannot be opened", "damaged", "mislabelled")), (content[:8], heard)
    assert (await listeners.hear(tmp_path / "missing.flac")).failed


async def test_tags_are_read_of_many_files_and_one_that_cannot_be_read_is_told(
    listeners: Listeners, folder: Path, tmp_path: Path
) -> None:
    good = await Audio(folder).file(shared("mp3", 320))
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"\xff\xfb\x90\x00" * 3)
    paths = [good, bad, tmp_path / "missing.flac", await Audio(folder).file(shared("flac"))]
    found = [one async for one in listeners.tags(paths)]
    assert [one.path for one in found] == [str(path) for path in paths]
    assert (found[0].title, found[0].artist, found[0].number) == (SONG.title, SONG.artist, SONG.number)
    assert found[0].seconds == pytest.approx(SONG.seconds, abs=0.2)
    assert found[2].failed
    assert (found[3].title, found[3].album) == (SONG.title, SONG.album)


async def test_a_file_that_ends_its_reader_is_told_and_the_next_one_is_read(
    listeners: Listeners, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = await Audio(folder).file(shared("mp3", 320))
    program = tmp_path / "killed.py"
    program.write_text(
        "import sys, json\n"
        "from nightcrew.listener import hearing, tags\n"
        "from nightcrew.listener.wire import answer_line\n"
        "order = json.loads(sys.stdin.readline())\n"
        "for path in order.get('tags', [order.get('hear')]):\n"
        "    if 'evil' in path: sys.exit(3)\n"
        "    sys.stdout.buffer.write(answer_line(tags.read(path))); sys.stdout.flush()\n"
    )
    monkeypatch.setattr("nightcrew.music.listening.PROGRAM", (sys.executable, str(program)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    assert (await listeners.hear(tmp_path / "evil.flac")).failed == "it ends the process that reads it"
    found = [one async for one in listeners.tags([good, tmp_path / "evil.mp3", good])]
    assert [bool(one.failed) for one in found] == [False, True, False]


async def test_a_listener_that_nobody_needs_is_ended(
    resting: Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners = resting.part(Listeners)
    assert await problem(listeners, folder, shared("flac")) == ""
    (pid,) = listeners._pool.pids
    await workers.mend(resting)
    assert psutil.pid_exists(pid), "it has rested for a moment only"
    monkeypatch.setattr(listeners._pool, "idle", 0.0)
    await workers.mend(resting)
    assert not psutil.pid_exists(pid)


async def test_a_cut_ogg_file_is_told_however_little_is_missing(listeners: Listeners, folder: Path) -> None:
    """It says no length in front: what is left looks like a whole file that is shorter."""
    data = await made("-f", "lavfi", "-i", "sine=frequency=440:duration=20", "-c:a", "libvorbis", "-f", "ogg")
    path, track = folder / "x.ogg", WantedTrack("X", ("Y",), "", 20.0)
    for missing in (0, 1, 100, 3_000, len(data) // 20):
        path.write_bytes(data[: len(data) - missing])
        size = path.stat().st_size
        found = problem_of(await listeners.hear(path), track, "x/x.ogg", size=size, advertised=size, seconds=None)
        assert ("truncated" in found) == bool(missing), (missing, found)
