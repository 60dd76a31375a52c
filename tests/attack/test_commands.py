"""A stream's names and bytes reach ffmpeg: they are never options, addresses or other files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from counter import Film
from nightcrew.kernel.errors import Retry
from nightcrew.recordings import mux

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
CHAPTERS = ";FFMETADATA1\ntitle=-i /etc/passwd\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=$(touch owned)\n"


async def nothing(_done: int) -> None:
    pass


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_never_an_option_or_an_address(name: str, film: Film, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    part, chapters, output = folder / f"{name}.ts", folder / f"{name}.txt", folder / f"{name}.mp4"
    part.write_bytes(b"".join(film.segments[:4]))
    chapters.write_text(CHAPTERS)
    pieces = [mux.ByteRange(part, 0, part.stat().st_size)]
    await mux.join(pieces, chapters, output, nothing, fragmented=False)
    assert output.stat().st_size > 1000
    assert (await mux.measure(output)).frames
    await mux.thumbnail(output, folder / f"{name}.jpg", at=0.5)
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
        with pytest.raises(Retry):
            await mux.measure(path)
        pieces = [mux.ByteRange(path, 0, path.stat().st_size)]
        for fragmented in (True, False):
            with pytest.raises(Retry):
                await mux.pictures(pieces, fragmented=fragmented)
    assert not asked.is_set()
