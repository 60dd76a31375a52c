"""A stream's names and bytes reach libav and ffmpeg: they are never options, addresses or other files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from counter import Film
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.muxer.wire import ByteRange, Chapter, CheckOrder, FilmOrder, Form, order_line
from nightcrew.recordings import filing, muxers, poster
from nightcrew.recordings.runs import StreamRun

FORMS: tuple[Form, ...] = ("mpegts", "mov", "aac", "mp3", "ac3", "eac3")

NAMES = [
    "-y",
    "-i http: x",
    "concat:a|b",
    "http:x",
    "pipe:1",
    "a'b\"c",
    "%03d",
    "$(touch owned)",
    "`touch owned`",
    "a;touch owned",
    "file:x",
]
TITLE = "-i /etc/passwd;$(touch owned)"


async def nothing(_done: int) -> None:
    pass


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_never_an_option_or_an_address(name: str, film: Film, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    part, output = folder / f"{name}.ts", folder / f"{name}.mp4"
    part.write_bytes(b"".join(film.segments[:4]))
    ranges = [ByteRange(str(part), 0, part.stat().st_size)]
    (made,) = filing.films([StreamRun("mpegts", await muxers.look("mpegts", ranges), 0.0, ranges=ranges)])
    order = FilmOrder(
        str(output), "mp4", tuple(made.slots), made.stretches(), {"title": TITLE}, (Chapter(0, 0.5, TITLE),)
    )
    await muxers.make(order, nothing)
    assert output.stat().st_size > 1000
    assert (await muxers.check(str(output), "mp4", nothing)).slots[0].decoded
    await poster.thumbnail(output, folder / f"{name}.jpg", at=0.5)
    assert (folder / f"{name}.jpg").stat().st_size > 500
    assert not list(tmp_path.rglob("owned")) and not Path("owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:1,\n{inside}\n",
        "ffconcat version 1.0\nfile '{inside}'\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 33\n",
    ],
)
async def test_a_file_that_is_something_else_opens_nothing(text: str, tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def seen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    async with await asyncio.start_server(seen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        path = tmp_path / "film.mp4"
        path.write_text(text.format(inside=f"http://127.0.0.1:{port}/x.ts", port=port))
        with pytest.raises(GiveUp):
            await muxers.check(str(path), "mp4", nothing)
        ranges = [ByteRange(str(path), 0, path.stat().st_size)]
        for form in FORMS:
            with contextlib.suppress(GiveUp):  # some find a stream in anything
                await muxers.look(form, ranges)
        with pytest.raises(Retry):
            await poster.thumbnail(path, tmp_path / "picture.jpg", at=0.0)
    assert not asked.is_set()


def test_a_muxer_that_eats_memory_is_ended() -> None:
    """What makes libav take all that there is ends its own process, in words, and is not tried again."""
    code = "from nightcrew.muxer import __main__ as muxer; muxer._done = lambda *_: bytes(4 << 30); muxer.main()"
    order = order_line(CheckOrder("film.mp4", "mp4"))
    done = subprocess.run([sys.executable, "-c", code], input=order, capture_output=True, timeout=60, check=False)
    assert json.loads(done.stdout) == {"failed": "it takes more than 3 GiB of memory", "passing": False}


async def test_a_muxer_that_says_nonsense_or_dies_is_no_film(monkeypatch: pytest.MonkeyPatch) -> None:
    for said in ("print('nonsense')", "print('[1]')", "import os; os.kill(os.getpid(), 9)", ""):
        monkeypatch.setattr(muxers, "PROGRAM", (sys.executable, "-c", f"import sys; sys.stdin.readline(); {said}"))
        with pytest.raises(Retry, match="the muxer"):
            await muxers.check("film.mp4", "mp4", nothing)


async def test_a_muxer_may_take_long_for_the_index_of_a_film_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(muxers, "IDLE", 1.0)
    words = "import sys, time; sys.stdin.readline(); say = lambda line: print(line, flush=True)\n"
    closing = "say('{\"done\": 1}'); say('{\"closing\": true}'); time.sleep(3); say('{\"report\": []}')"
    monkeypatch.setattr(muxers, "PROGRAM", (sys.executable, "-c", words + closing))
    assert (await muxers.check("film.mp4", "mp4", nothing)).slots == ()
    monkeypatch.setattr(muxers, "PROGRAM", (sys.executable, "-c", words + closing.replace("closing", "done")))
    with pytest.raises(Retry, match="no progress"):
        await muxers.check("film.mp4", "mp4", nothing)
