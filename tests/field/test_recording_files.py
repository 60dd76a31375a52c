"""Files of recordings on the file systems and the clocks of strangers: rights, umask, days, and what players take.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from films import Source, films, make, recorded
from nightcrew.demo.pictures import find_ffmpeg
from nightcrew.kernel import files
from nightcrew.recorder import ledger
from nightcrew.recorder.parts import Parts, SegmentData
from nightcrew.recorder.wire import Order
from nightcrew.recordings import processing
from nightcrew.recordings.models import Recording
from support import Node


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, *, shared: bool) -> Path:
    with files.replacing(path, shared=shared) as file:
        file.write(b"x")
    return path


def test_films_have_the_rights_that_the_umask_gives(umask: int, tmp_path: Path) -> None:
    """A group that shares a library can move its films; logins stay their owner's."""
    parts = Parts(tmp_path / "show", "show")
    parts.append(SegmentData(1, 2.0, b"x" * 100, None), Order(1, "", "show", ""), 1.0)
    parts.close()
    made = [
        write(tmp_path / "show.nfo", shared=True),
        *(tmp_path / "show").glob("*.ts"),
        tmp_path / "show" / "ledger.jsonl",
    ]
    assert len(made) == 3
    assert {rights(path) for path in made} == {0o666 & ~umask}
    assert rights(write(tmp_path / "list.m3u", shared=False)) == 0o600


def refused(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_library_where_chmod_is_refused_takes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """exFAT and some shares of a NAS know no rights: they are a wish there."""
    for name in ("chmod", "fchmod", "chown"):
        monkeypatch.setattr(os, name, refused)
    scratch, film = tmp_path / "show.mp4.part", tmp_path / "show.mp4"
    scratch.write_bytes(b"film")
    assert processing._settle(scratch, film, again=False) == 4
    assert write(tmp_path / "show.nfo", shared=True).read_bytes() == b"x"
    picture = tmp_path / "new.jpg"
    picture.write_bytes(b"picture")
    files.put(picture, tmp_path / "poster.jpg")
    assert (tmp_path / "poster.jpg").read_bytes() == b"picture"


async def test_names_are_as_short_as_an_encrypted_folder_takes_them(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On some NAS an encrypted folder takes names of 143 bytes, and says so."""
    real = os.pathconf
    monkeypatch.setattr(os, "pathconf", lambda path, name: 143 if name == "PC_NAME_MAX" else real(path, name))
    wanted = {"url": "http://127.0.0.1:9/live.m3u8", "name": "Ä" * 150, "title": "t" * 200}
    row = await node.post("/api/v1/recordings", wanted)
    folder = Path(row["folder"])
    assert folder.name.endswith("_segments") and "t" in folder.name
    assert all(len(name.encode()) <= 143 for name in folder.parts)
    assert len(f"{folder.name.removesuffix('_segments')} - part99-thumb.jpg{files.TEMPORARY}abcdefgh".encode()) <= 143
    second = await node.post("/api/v1/recordings", wanted | {"title": ""})
    assert Path(second["folder"]).parent == folder.parent


def test_a_library_whose_folders_cannot_be_synced_takes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert write(tmp_path / "show.nfo", shared=True).read_bytes() == b"x"


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.ENOTSUP])
def test_a_library_that_knows_no_locks_is_recorded_to(
    answer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As some shares of a NAS. It is said once."""
    monkeypatch.setattr(ledger, "_SAID", set())

    def unknown(*_: object) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr("fcntl.flock", unknown)
    for name in ("one", "two"):
        with (tmp_path / name).open("a") as file:
            assert ledger.locks(file)
    assert capsys.readouterr().err.count("knows no locks") == 1


def test_a_lock_that_somebody_holds_is_held(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a") as one, (tmp_path / "lock").open("a") as other:
        assert ledger.locks(one)
        assert not ledger.locks(other)


def test_a_library_that_cannot_sync_is_recorded_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger, "_SAID", set())

    def unknown(_descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    for name in ("fdatasync", "fsync"):
        monkeypatch.setattr(os, name, unknown)
    parts = Parts(tmp_path / "show", "show")
    for number in range(3):
        parts.append(SegmentData(number, 2.0, b"x" * 100, None), Order(1, "", "show", ""), 1.0)
    parts.close()
    assert ledger.read(tmp_path / "show").segments == 3
    assert write(tmp_path / "show.nfo", shared=True).read_bytes() == b"x"
    assert capsys.readouterr().err.count("cannot sync") == 1


@pytest.mark.parametrize(
    ("zone", "day"), [("Asia/Tokyo", "2026-11-27"), ("UTC", "2026-11-26"), ("America/New_York", "2026-11-26")]
)
def test_the_day_of_a_film_is_that_of_the_clock_on_the_wall(
    zone: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its metadata as in its name and its NFO."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        values: dict[str, object] = dict.fromkeys(Recording.__dataclass_fields__)
        row = Recording(**values | {"started_at": datetime(2026, 11, 26, 18, tzinfo=UTC)})  # type: ignore[arg-type]
        assert processing._began(row).date().isoformat() == day
    finally:
        monkeypatch.undo()
        time.tzset()


HEVC = ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"]
AVC = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
FRAGMENTS = ["-movflags", "frag_keyframe+empty_moov", "-tag:v", "hev1"]


@pytest.mark.parametrize(
    ("codec", "container", "tag"),
    [(HEVC, "mpegts", "hvc1"), (AVC, "mpegts", "avc1"), ([*HEVC, *FRAGMENTS], "mp4", "hvc1")],
    ids=["hevc", "avc", "hevc in fragments"],
)
async def test_hevc_has_the_tag_that_apples_players_take(
    codec: list[str], container: str, tag: str, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    source = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=10", *codec, "-f", container, str(part)]
    done = await asyncio.to_thread(
        subprocess.run, [find_ffmpeg(), "-v", "error", *source], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this ffmpeg has no encoder for it: {done.stderr[-200:]!r}")
    init, body = (part.read_bytes(), b"") if container == "mp4" else (b"", part.read_bytes())
    if container == "mp4":
        at = init.index(b"moof") - 4
        init, body = init[:at], init[at:]
    (film,) = films(recorded(tmp_path / "rec", [Source((body,), init)]))
    made = tmp_path / "made.mp4"
    make(film, made)
    with av.open(str(made)) as shown:
        context = shown.streams.video[0].codec_context
        assert context.codec_tag == tag
        assert sum(1 for _ in shown.decode(video=0)) == 10
